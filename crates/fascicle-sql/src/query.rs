//! Queries: planned, then answered batch by batch.

use crate::QueryOptions;
use crate::catalog::Catalogs;
use crate::engine::{Work, session};
use crate::error::from_engine;
use crate::statement;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::execution::TaskContext;
use datafusion::execution::context::SQLOptions;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use fascicle_core::{BatchStream, Directory, Error, ErrorKind, Result};
use futures::{StreamExt, TryStreamExt, stream};
use std::fmt;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Batches that are computed ahead of the one that is asked for.
const BATCHES_AHEAD: usize = 2;

/// The answer to a query: its columns, and its rows as they are computed.
#[must_use = "nothing is computed before the first batch is asked for"]
pub struct QueryStream {
    /// The columns of every batch.
    pub schema: SchemaRef,
    /// The rows, batch by batch. Dropping the stream ends the query.
    pub batches: BatchStream,
}

impl QueryStream {
    /// All rows as one batch, in memory.
    ///
    /// Fails as the query does; with [`ErrorKind::LimitExceeded`] for more than a batch holds.
    pub async fn read(self) -> Result<RecordBatch> {
        let batches: Vec<RecordBatch> = self.batches.try_collect().await?;
        arrow_select::concat::concat_batches(&self.schema, &batches).map_err(|error| {
            Error::new(ErrorKind::LimitExceeded, "the rows do not fit into one batch")
                .during("answer the query")
                .hint("take the batches one by one")
                .caused_by(error)
        })
    }
}

impl fmt::Debug for QueryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryStream").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Answers a query on the tables and arrays of a directory. The [crate documentation](crate) says what names stand for.
///
/// - Cost: a look at each table and array that the query names, for `arrays` at each array of the directory, for `configs` the
///   metas of all directories within. Rows are read once the stream is asked for them.
/// - Errors: [`ErrorKind::InvalidInput`] for what is no query and for unknown columns, [`ErrorKind::NotFound`] for unknown tables,
///   both with what there is; [`ErrorKind::Unsupported`] for every statement that does not only read;
///   [`ErrorKind::Mismatch`] for arrays of different lengths; [`ErrorKind::LimitExceeded`] when memory and temporary files do not
///   suffice; what reading fails with. The stream fails likewise, and ends then.
pub async fn query(directory: &Directory, sql: &str) -> Result<QueryStream> {
    query_with(directory, sql, &QueryOptions::default()).await
}

/// Answers a query with options.
pub async fn query_with(directory: &Directory, sql: &str, options: &QueryOptions) -> Result<QueryStream> {
    let (directory, sql, options) = (directory.clone(), sql.to_owned(), options.clone());
    let planned = Work::begin(async move { Plan::new(&directory, &sql, &options).await })?.end().await??;
    let schema = planned.physical.schema();
    let batches = stream::once(async move { planned.answer() }).try_flatten();
    Ok(QueryStream { schema, batches: batches.boxed() })
}

/// A query that is ready to be computed.
struct Plan {
    physical: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
}

impl Plan {
    async fn new(directory: &Directory, sql: &str, options: &QueryOptions) -> Result<Self> {
        let statement = statement::parse(sql)?;
        let catalogs = Catalogs::new(directory, options);
        let context = session(catalogs.clone(), options)?;
        let state = context.state();
        let logical = match state.statement_to_plan(statement).await {
            Ok(logical) => logical,
            Err(error) => return Err(catalogs.explain(error).await),
        };
        // A second net beneath the check of the statement.
        let read_only =
            SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&logical).map_err(|error| {
            Error::new(ErrorKind::Unsupported, "only queries are answered")
                .during("answer the query")
                .caused_by(error)
        })?;
        let physical = state.create_physical_plan(&logical).await.map_err(from_engine)?;
        Ok(Plan { physical, task: context.task_ctx() })
    }

    /// Begins to compute, on the threads of the queries.
    fn answer(self) -> Result<BatchStream> {
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let work = Work::begin(async move {
            let mut batches = match execute_stream(self.physical, self.task) {
                Ok(batches) => batches,
                Err(error) => {
                    // Without a receiver there is nobody to tell.
                    let _ = sender.send(Err(from_engine(error))).await;
                    return;
                }
            };
            while let Some(batch) = batches.next().await {
                let is_last = batch.is_err();
                if sender.send(batch.map_err(from_engine)).await.is_err() || is_last {
                    return;
                }
            }
        })?;
        let batches = stream::try_unfold((receiver, work), |(mut receiver, mut work)| async move {
            match receiver.recv().await {
                Some(Ok(batch)) => Ok(Some((batch, (receiver, work)))),
                Some(Err(error)) => Err(error),
                None => work.end().await.map(|()| None),
            }
        });
        Ok(batches.boxed())
    }
}
