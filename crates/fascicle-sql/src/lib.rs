//! SQL over the tables and arrays of directories, by DataFusion.
//!
//! [`query`] answers a query on a [`Directory`](fascicle_core::Directory) with a stream of Arrow batches. Nothing is registered
//! beforehand and nothing is read that the query does not name:
//!
//! | in the query | is |
//! |---|---|
//! | `cells` | the table `cells` of the directory |
//! | `loss` | the array `loss` as a table of one column, `loss`: its first axis the rows, further axes lists of fixed size |
//! | `arrays` | all arrays of the directory as one table, a column each |
//! | `configs` | all directories within it, however deep, with their configs, a row each |
//! | `connections.edges`, `a.b.edges` | the same in a nested directory |
//! | `"a/b/c".edges`, `"a/b/c/edges"` | the same, however deep |
//!
//! - Names are taken as they are written: `Cells` is not `cells`. A name with anything but letters, digits and `_` in it stands
//!   in double quotes: `"measurements 1"`. What is stored wins over `arrays` and `configs`, which are always there as `_arrays`
//!   and `_configs`.
//! - The arrays whose columns a query uses must have one length; scalars and arrays of length 1 are repeated to it.
//! - A column of `configs` such as `config.net.seed` may be written without quotes.
//! - Rows come in the order they are stored in, as long as nothing in the query changes it (joins and groups do).
//! - Queries only read: every other statement is refused, and no file or URL is opened because a query names it.
//! - Conditions on whole numbers, text, truth values and times, the limit and the choice of columns go down to the storage, which
//!   skips what it can.
//! - Floats compare as the engine says and not as IEEE 754 does: NaN equals itself and is greater than every number (with the
//!   sign bit set: less), and `-0.0` is less than `0.0`. `isnan(x)` tells.
//!
//! ```
//! # use fascicle_core::Root;
//! # use futures::TryStreamExt;
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let root = Root::new(fascicle_memory::MemoryBackend::new());
//! let cells = root.dir("cells")?;
//! cells.put("x", [0.5, 1.5, 2.5]).await?;
//! cells.put("kind", [1i32, 2, 2]).await?;
//! let rows = fascicle_sql::query(&cells, "select kind, avg(x) as mean from arrays group by kind order by kind").await?;
//! let batch = rows.read().await?;
//! assert_eq!((batch.num_rows(), batch.schema().field(1).name().as_str()), (2, "mean"));
//! # Ok::<(), fascicle_core::Error>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod array_table;
mod catalog;
mod engine;
mod error;
mod options;
mod predicate;
mod query;
mod scan;
mod statement;
mod stored_table;

pub use engine::THREAD_NAME;
pub use options::QueryOptions;
pub use query::{QueryStream, query, query_with};
