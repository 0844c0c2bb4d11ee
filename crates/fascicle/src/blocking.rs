//! The same names without `.await`: for simulations, scripts, thread pools, and everything else that is not asynchronous.
//!
//! ```
//! use fascicle::BuildResult;
//! use fascicle::blocking::{Build, Directory, open};
//! # use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Cells {
//!     n_cells: i64,
//! }
//!
//! impl Build for Cells {
//!     fn build(&self, dir: &Directory) -> BuildResult {
//!         Ok(dir.put("cell_id", (0..self.n_cells).collect::<Vec<_>>())?)
//!     }
//! }
//!
//! let root = open("memory:blocking-example")?;
//! let cells = root.resolve(&Cells { n_cells: 100 })?; // built, and found ever after
//! assert_eq!(cells.array("cell_id")?.len(), 100);
//! # Ok::<(), fascicle::Error>(())
//! ```
//!
//! It works on plain threads, in the threads of a pool such as rayon's, and on threads that drive asynchronous tasks, whose
//! other tasks stand still meanwhile. [`wait`] waits for any future, for what has no name here.

use crate::OpenOptions;
use crate::config::Map;
use fascicle_core::{Result, roots};
use std::path::Path;

pub use fascicle_core::blocking::*;

#[cfg(feature = "sql")]
pub mod sql {
    //! Queries in SQL, as [`crate::sql`].

    use super::{Directory, StreamIterator, wait};
    use crate::arrow::array::RecordBatch;
    use crate::arrow::schema::SchemaRef;
    pub use crate::sql::QueryOptions;
    use fascicle_core::Result;

    /// The answer to a query: its columns, and its rows as they are computed.
    #[derive(Debug)]
    pub struct QueryStream {
        /// The columns of every batch.
        pub schema: SchemaRef,
        /// The rows, batch by batch. Dropping it ends the query.
        pub batches: StreamIterator<RecordBatch>,
    }

    /// Answers a query on the tables and arrays of a directory.
    ///
    /// ```
    /// let root = fascicle::blocking::open("memory:blocking-sql")?;
    /// root.dir("cells")?.put("x", [0.5, 1.5, 2.5])?;
    /// let answer = fascicle::blocking::sql::query(&root.dir("cells")?, "select x from arrays where x > 1")?;
    /// assert_eq!(answer.batches.map(|batch| Ok(batch?.num_rows())).sum::<fascicle::Result<usize>>()?, 2);
    /// # Ok::<(), fascicle::Error>(())
    /// ```
    pub fn query(directory: &Directory, sql: &str) -> Result<QueryStream> {
        query_with(directory, sql, &QueryOptions::default())
    }

    /// Answers a query with options.
    pub fn query_with(directory: &Directory, sql: &str, options: &QueryOptions) -> Result<QueryStream> {
        let answer = wait(crate::sql::query_with(directory.as_async(), sql, options))?;
        Ok(QueryStream { schema: answer.schema, batches: answer.batches.into() })
    }
}

/// Opens the root at a place, as [`crate::open`].
pub fn open(place: impl AsRef<Path>) -> Result<Root> {
    open_with(place, &OpenOptions::default())
}

/// Opens the root at a place with options.
pub fn open_with(place: impl AsRef<Path>, options: &OpenOptions) -> Result<Root> {
    wait(options.open(place.as_ref())).map(Root::from)
}

/// Opens the default place, as [`crate::open_default`].
pub fn open_default() -> Result<Root> {
    open("@")
}

/// A handle to the directory at a place, as [`crate::open_dir`].
pub fn open_dir(place: impl AsRef<Path>) -> Result<Directory> {
    wait(crate::open_dir(place.as_ref())).map(Directory::from)
}

/// Makes a root, as [`crate::init`].
pub fn init(place: impl AsRef<Path>, backend: &str, options: &Map) -> Result<Root> {
    wait(crate::init(place.as_ref(), backend, options)).map(Root::from)
}

/// Opens the root at a place and makes it the default root of this process.
pub fn set_default_root(place: impl AsRef<Path>) -> Result<Root> {
    let root = open(place)?;
    roots::set_default(Some(root.as_async().clone()));
    Ok(root)
}

/// Opens the default place and makes it the default root of this process.
pub fn use_default_root() -> Result<Root> {
    set_default_root("@")
}
