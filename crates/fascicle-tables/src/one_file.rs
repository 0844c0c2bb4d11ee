//! A single Parquet file as a table.

use crate::TableHead;
use crate::parts::{CommitOutcome, ListedName, PartFolder};
use fascicle_backend::Result;

/// One file of a folder as the folder of a table: a data set of another program, which can be read and not added to.
#[derive(Debug)]
pub struct OneFile<F> {
    folder: F,
    name: String,
}

impl<F: PartFolder> OneFile<F> {
    /// The file `name` in `folder`.
    pub fn new(folder: F, name: &str) -> Self {
        OneFile { folder, name: name.to_owned() }
    }
}

impl<F: PartFolder> PartFolder for OneFile<F> {
    type Reader = F::Reader;
    type Staged = F::Staged;

    fn list(&self) -> Result<Vec<ListedName>> {
        let size_bytes = Some(self.folder.size_bytes(&self.name)?);
        Ok(vec![ListedName { name: self.name.clone(), is_file: true, size_bytes, tag: None }])
    }

    fn contains(&self, name: &str) -> Result<bool> {
        Ok(name == self.name && self.folder.contains(name)?)
    }

    fn size_bytes(&self, name: &str) -> Result<u64> {
        self.folder.size_bytes(name)
    }

    fn open(&self, name: &str, size_bytes: Option<u64>) -> Result<F::Reader> {
        self.folder.open(name, size_bytes)
    }

    fn commit(&self, _staged: &mut F::Staged, _name: &str) -> Result<CommitOutcome> {
        Err(TableHead::written_elsewhere())
    }

    fn publish(&self, _name: &str, _new_name: &str) -> Result<()> {
        Err(TableHead::written_elsewhere())
    }

    fn remove(&self, _names: &[String]) -> Result<()> {
        Err(TableHead::written_elsewhere())
    }
}
