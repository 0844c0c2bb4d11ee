//! What a writer has to know of a table to add a part.

use crate::{
    PartFile, TableSnapshot,
    file_name::{FileName, PARTS_OF_A_GENERATION, generation_of, part_name, part_number},
    part_list::run,
    parts::{ListedName, PartFolder},
    schema::check_extends,
    snapshot::{belongs, open_named, size_of, while_parts_move},
};
use arrow_schema::SchemaRef;
use fascicle_backend::{Error, ErrorKind, Result, TableDescription};
use std::{collections::BTreeMap, sync::Arc};

/// With more parts than these it costs less to look at a table anew than to go on from what is known of it.
const MOST_NEW_PARTS: usize = 8;

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
    /// The number of the manifest that counted.
    manifest: Option<u64>,
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
            manifest: parts.manifest().map(|manifest| manifest.number),
            last: last.ok_or_else(|| Error::new(ErrorKind::Internal, "a table without parts"))?,
        })
    }

    /// Looks again. Cost: one listing of what comes after the last part that is known, and the footers of what it finds; as
    /// [`TableHead::read`] where that part is not as it was.
    pub fn refreshed<F: PartFolder>(&self, folder: &Arc<F>) -> Result<Self> {
        match self.advanced(folder) {
            Ok(Some(head)) => Ok(head),
            Ok(None) => TableHead::read(folder),
            // Parts that were listed, or stand between those that were, may have been merged with others.
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Corrupt) => {
                TableHead::read(folder)
            }
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
            match FileName::parse(&listed.name) {
                Some(FileName::Part(number)) => drop(numbered.insert(number, (number, listed))),
                Some(FileName::Manifest(number)) if self.manifest.is_some_and(|known| number <= known) => {}
                // Parts were merged, and others may have taken their place.
                _ => return Ok(None),
            }
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
        if later.len() > MOST_NEW_PARTS {
            return Ok(None);
        }
        for part in run(folder.as_ref(), self.next, later)?.0 {
            let file = open_named(folder.as_ref(), &part.name, part.size_bytes)?;
            head.add(folder.as_ref(), part, &file)?;
        }
        Ok(Some(head))
    }

    /// Whether the part with `nonce` that was just committed under the name `name`, after those that are known, is one of the table: the
    /// name may have been free only because the part that had it was merged with others and removed. Cost: a listing; more when parts
    /// were merged meanwhile.
    ///
    /// Errors: `NotFound` when the table was removed meanwhile, `Internal` when so many parts were merged that it cannot be told.
    pub(crate) fn has_taken<F: PartFolder>(
        &self,
        folder: &Arc<F>,
        part: &ListedName,
        nonce: &str,
    ) -> Result<bool> {
        if self.is_followed_by(folder.as_ref(), part)? {
            return Ok(true);
        }
        while_parts_move(|| self.holds(folder, part, nonce))
    }

    /// Whether the listing of what comes from the last known part on shows that part and `part` as they are known, and nothing by which a
    /// part could have lost its place.
    fn is_followed_by<F: PartFolder>(&self, folder: &F, part: &ListedName) -> Result<bool> {
        let (Some(last), Some(own)) = (part_number(&self.last.name), part_number(&part.name)) else {
            return Ok(false);
        };
        let listed = folder.list_after(&last.checked_sub(1).map_or_else(|| "part-".to_owned(), part_name))?;
        let is_there = |known: &ListedName| {
            let same = |listed: &ListedName| {
                listed.name == known.name && (known.tag.is_none() || listed.tag == known.tag)
            };
            listed.iter().any(same)
        };
        let is_harmless = |listed: &ListedName| match FileName::parse(&listed.name) {
            Some(FileName::Manifest(number)) => self.manifest.is_some_and(|known| number <= known),
            Some(FileName::Part(number)) => generation_of(number) <= generation_of(own),
            Some(FileName::Merged { last, .. }) => last < own,
            Some(FileName::Aside { .. }) | None => listed.name.starts_with('_'),
        };
        Ok(is_there(&self.last) && is_there(part) && listed.iter().all(is_harmless))
    }

    /// The same by all that there is.
    fn holds<F: PartFolder>(&self, folder: &Arc<F>, part: &ListedName, nonce: &str) -> Result<bool> {
        let snapshot = TableSnapshot::open(Arc::clone(folder))?;
        let number = part_number(&part.name).unwrap_or(u64::MAX);
        let is_replaced = snapshot.identity() != self.identity.as_deref()
            || snapshot.parts().next().map(generation_of) != Some(generation_of(number));
        if is_replaced {
            return Ok(false);
        }
        for (position, file) in (0u64..).zip(snapshot.parts().iter()) {
            let covered = FileName::parse(&file.name).and_then(FileName::parts);
            let Some((first, last)) = covered.filter(|(first, last)| (*first..=*last).contains(&number))
            else {
                continue;
            };
            let nonces = snapshot.nonces_of(position)?;
            let is_complete = nonces.len() as u64 == last - first + 1;
            if nonces.iter().any(|known| known == nonce) {
                return Ok(true);
            }
            if is_complete {
                return Ok(false);
            }
            let why = "so many parts were merged meanwhile that it is unknown whether the rows were added";
            return Err(
                Error::new(ErrorKind::Internal, why).hint("look for the rows before adding them again")
            );
        }
        Ok(false)
    }

    /// Takes the part that was committed under the next number into account.
    pub(crate) fn add<F: PartFolder>(
        &mut self,
        folder: &F,
        part: ListedName,
        file: &PartFile<F::Reader>,
    ) -> Result<()> {
        let bytes = size_of(folder, &part)?;
        if belongs(file, self.identity.as_deref()) {
            check_extends(file.table_schema(), &self.schema).map_err(|error| {
                let why = format!("the part '{}' does not fit the others: {}", part.name, error.message());
                Error::new(ErrorKind::Corrupt, why)
            })?;
            self.schema = Arc::clone(file.table_schema());
            self.rows = self.rows.saturating_add(file.rows());
        }
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

    /// Whether listings tell if this is still so.
    pub(crate) fn is_checkable(&self) -> bool {
        self.last.tag.is_some() && part_number(&self.last.name).is_some()
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

    /// The error of a table whose parts have no order.
    pub fn written_elsewhere() -> Error {
        Error::new(
            ErrorKind::Unsupported,
            "the table was written by another program, whose files have no order in which rows could be added",
        )
        .hint("write the table anew, then append to it")
    }
}
