//! Queries on directories in memory: what names stand for, what is read, what is refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod arrays;
mod configs;
mod limits;
mod names;
mod pushdown;
mod tables;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use fascicle_backend::wrap::{Observer, Operation, observed};
use fascicle_core::{Directory, Error, Result, Root, RootOptions};
use fascicle_memory::MemoryBackend;
use std::sync::{Arc, Mutex};

/// A directory in memory, and what its storage was asked for.
fn observed_directory() -> (Directory, Arc<Calls>) {
    let calls = Arc::new(Calls::default());
    let backend = observed(Arc::new(MemoryBackend::new()), calls.clone());
    let root = Root::with_options(Arc::new(backend), RootOptions::default());
    (root.dir("lab").unwrap(), calls)
}

fn directory() -> Directory {
    observed_directory().0
}

/// The calls of the storage, and one on which it panics.
#[derive(Debug, Default)]
struct Calls {
    seen: Mutex<Vec<(Operation, String)>>,
    panics_on: Mutex<Option<Operation>>,
}

impl Calls {
    /// The paths of an operation since the last time, in order.
    fn take(&self, operation: Operation) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(seen, _)| *seen == operation).map(|(_, path)| path.clone()).collect()
    }

    fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }
}

impl Observer for Calls {
    fn before(&self, operation: Operation, path: &str) -> Result<()> {
        let panics_on = *self.panics_on.lock().unwrap();
        assert!(panics_on != Some(operation), "planned");
        self.seen.lock().unwrap().push((operation, path.to_owned()));
        Ok(())
    }
}

async fn read(directory: &Directory, sql: &str) -> RecordBatch {
    match fascicle_sql::query(directory, sql).await {
        Ok(rows) => rows.read().await.unwrap_or_else(|error| panic!("{sql}: {error:?}")),
        Err(error) => panic!("{sql}: {error:?}"),
    }
}

async fn refused(directory: &Directory, sql: &str) -> Error {
    match fascicle_sql::query(directory, sql).await {
        Ok(rows) => rows.read().await.err().unwrap_or_else(|| panic!("{sql} was answered")),
        Err(error) => error,
    }
}

/// The rows as text, cells separated by spaces.
async fn rows(directory: &Directory, sql: &str) -> Vec<String> {
    lines(&read(directory, sql).await)
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let formatters: Vec<ArrayFormatter<'_>> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let line = |row: usize| {
        formatters.iter().map(|cells| cells.value(row).to_string()).collect::<Vec<_>>().join(" ")
    };
    (0..batch.num_rows()).map(line).collect()
}

fn names(batch: &RecordBatch) -> Vec<String> {
    batch.schema().fields().iter().map(|field| field.name().clone()).collect()
}
