//! Queries in SQL over the tables, arrays and configs of a directory, by DataFusion.
//!
//! ```
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let root = fascicle::open("memory:sql-example").await?;
//! for seed in 0..3i64 {
//!     root.dir(&format!("run_{seed}"))?.put("loss", vec![1.0 / (seed + 1) as f64; 10]).await?;
//! }
//! let answer = fascicle::sql::query(&root.dir("run_1")?, "select avg(loss) as mean from arrays").await?;
//! assert_eq!(answer.read().await?.num_rows(), 1);
//! let runs = fascicle::sql::query(&root.as_dir(), "select path from configs where name > 'run_0'").await?;
//! assert_eq!(runs.read().await?.num_rows(), 2);
//! # Ok::<(), fascicle::Error>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What names in a query stand for:
//!
//! | in the query | is |
//! |---|---|
//! | `cells` | the table `cells` of the directory |
//! | `loss` | the array `loss` as a table of one column, `loss`: its first axis the rows, further axes lists of fixed size |
//! | `arrays` | all arrays of the directory as one table, a column each |
//! | `configs` | all directories within it, however deep, with their configs, a row each |
//! | `connections.edges`, `"a/b/c".edges` | the same in a nested directory |
//!
//! Only what a query names is opened, and only the columns it uses are read.

pub use fascicle_sql::{QueryOptions, QueryStream, THREAD_NAME, query, query_with};
