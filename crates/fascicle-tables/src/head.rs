//! What a writer has to know of a table to add a part.

use crate::{
    PartFile, TableSnapshot,
    file_name::{PARTS_OF_A_GENERATION, generation_of, part_name, part_number},
    part_list::run,
    parts::{ListedName, PartFolder},
    schema::check_extends,
    snapshot::{belongs, open_named, while_parts_move},
};
use arrow_schema::SchemaRef;
use fascicle_backend::{Error, ErrorKind, Result, TableDescription};
use std::{collections::BTreeMap, sync::Arc};

/// The end of a table at one moment: what its rows are, and where the next part goes.
#[derive(Clone, Debug)]
pub struct TableHead {
    schema: SchemaRef,
    identity: Option<String>,
    parts: u64,
    stored_bytes: u64,
    rows: u64,
    next: u64,
    last: ListedName,
}

impl TableHead {
    /// Looks at a table. Cost: as [`TableSnapshot::open`] and [`TableSnapshot::rows`].
    ///
    /// Errors: `NotFound`; `Unsupported` for a data set that another program wrote; `Corrupt`.
    pub fn read<F: PartFolder>(folder: &Arc<F>) -> Result<Self> {
        while_parts_move(|| TableHead::read_once(folder))
    }

    fn read_once<F: PartFolder>(folder: &Arc<F>) -> Result<Self> {
        let snapshot = TableSnapshot::open(Arc::clone(folder))?;
        let parts = snapshot.parts();
        let next = parts.next().ok_or_else(TableHead::written_elsewhere)?;
        let last = parts.iter().last().cloned();
        Ok(TableHead {
            schema: Arc::clone(snapshot.schema()),
            identity: snapshot.identity().map(str::to_owned),
            parts: parts.count(),
            stored_bytes: snapshot.stored_bytes()?,
            rows: snapshot.rows()?,
            next,
            last: last.ok_or_else(|| Error::new(ErrorKind::Internal, "a table without parts"))?,
        })
    }

    /// Looks again. Cost: one listing of what comes after the last part that is known, and the footers of what it finds; as
    /// [`TableHead::read`] where that part is not as it was.
    pub fn refreshed<F: PartFolder>(&self, folder: &Arc<F>) -> Result<Self> {
        match self.advanced(folder) {
            Ok(Some(head)) => Ok(head),
            Ok(None) => TableHead::read(folder),
            // What was just listed was merged with other parts.
            Err(error) if error.kind() == ErrorKind::Conflict => TableHead::read(folder),
            Err(error) => Err(error),
        }
    }

    /// The same table with what was added since; `None` when it cannot be told to be the same.
    fn advanced<F: PartFolder>(&self, folder: &Arc<F>) -> Result<Option<Self>> {
        let Some(known) = self.last.tag.as_ref() else { return Ok(None) };
        let Some(number) = part_number(&self.last.name).filter(|number| number + 1 == self.next) else {
            return Ok(None);
        };
        let listed = match number.checked_sub(1) {
            Some(before) => folder.list_after(&part_name(before))?,
            None => folder.list_after("part-")?,
        };
        let mut numbered: BTreeMap<u64, (u64, ListedName)> = BTreeMap::new();
        for listed in listed {
            let Some(number) = part_number(&listed.name) else { return Ok(None) };
            numbered.insert(number, (number, listed));
        }
        let is_replaced = numbered.keys().any(|found| {
            found.is_multiple_of(PARTS_OF_A_GENERATION) && generation_of(*found) > generation_of(number)
        });
        let is_unchanged = numbered.get(&number).is_some_and(|(_, last)| last.tag.as_ref() == Some(known));
        if is_replaced || !is_unchanged {
            return Ok(None);
        }
        let mut head = self.clone();
        let mut later = numbered.split_off(&self.next);
        later.retain(|found, _| generation_of(*found) == generation_of(number));
        for part in run(folder.as_ref(), self.next, later)?.0 {
            let file = open_named(folder.as_ref(), &part.name, part.size_bytes)?;
            head.add(folder.as_ref(), part, &file)?;
        }
        Ok(Some(head))
    }

    /// Takes the part that was committed under the next number into account.
    pub(crate) fn add<F: PartFolder>(
        &mut self,
        folder: &F,
        part: ListedName,
        file: &PartFile<F::Reader>,
    ) -> Result<()> {
        if belongs(file, self.identity.as_deref()) {
            check_extends(file.table_schema(), &self.schema).map_err(|error| {
                let why = format!("the part '{}' does not fit the others: {}", part.name, error.message());
                Error::new(ErrorKind::Corrupt, why)
            })?;
            self.schema = Arc::clone(file.table_schema());
            self.rows = self.rows.saturating_add(file.rows());
        }
        let bytes = match part.size_bytes {
            Some(bytes) => bytes,
            None => folder.size_bytes(&part.name)?,
        };
        self.add_own(part, bytes, 0);
        Ok(())
    }

    /// The same for a part that the caller wrote.
    pub(crate) fn add_own(&mut self, part: ListedName, bytes: u64, rows: u64) {
        self.rows = self.rows.saturating_add(rows);
        self.stored_bytes = self.stored_bytes.saturating_add(bytes);
        self.parts += 1;
        self.next = self.next.saturating_add(1);
        self.last = part;
    }

    /// Takes into account that the table has all these columns.
    pub(crate) fn widen(&mut self, schema: &SchemaRef) {
        self.schema = Arc::clone(schema);
    }

    /// Whether both are of one table.
    pub(crate) fn is_of_same_table(&self, other: &TableHead) -> bool {
        self.identity == other.identity && generation_of(self.next) == generation_of(other.next)
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What tells the table from another one under its name.
    pub fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }

    /// The rows of all parts.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The number of the next part.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The same as a description.
    pub fn describe(&self) -> TableDescription {
        TableDescription {
            schema: Arc::clone(&self.schema),
            rows: self.rows,
            parts: self.parts,
            stored_bytes: self.stored_bytes,
            format: "parquet",
        }
    }

    pub(crate) fn written_elsewhere() -> Error {
        Error::new(
            ErrorKind::Unsupported,
            "the table was written by another program, whose files have no order in which rows could be added",
        )
        .hint("write the table anew, then append to it")
    }
}
