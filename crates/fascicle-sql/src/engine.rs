//! The engine: its threads, and a session for a query.

use crate::QueryOptions;
use crate::catalog::{Catalogs, HERE};
use crate::error::{from_engine, text_of_panic};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use fascicle_core::{Error, ErrorKind, Result};
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// The name of the threads on which queries are planned and computed. A panic there is caught and told as an error.
pub const THREAD_NAME: &str = "fascicle-sql";

/// Plans are trees that are walked recursively; [`crate::statement`] bounds how deep they are.
const THREAD_STACK_BYTES: usize = 64 << 20;

/// Rows that operators work on together.
pub(crate) const BATCH_ROWS: usize = 8192;

/// Memory that a sort keeps free for merging what it wrote to temporary files, unless all memory is less.
const SORT_RESERVE_BYTES: usize = 8 << 20;

/// How many consumers of memory the error names when it runs out.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::MIN;

/// The runtime of all queries of this process: computing would keep the tasks of the caller's runtime waiting, and its threads
/// may have little stack.
static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The runtime of all queries.
fn runtime() -> Result<Handle> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*runtime {
        return Ok(runtime.handle().clone());
    }
    let made = Builder::new_multi_thread()
        .worker_threads(cores().get().max(2))
        .thread_name(THREAD_NAME)
        .thread_stack_size(THREAD_STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|error| {
            Error::new(ErrorKind::Unavailable, "no thread could be started for a query").caused_by(error)
        })?;
    Ok(runtime.insert(made).handle().clone())
}

/// Work on the threads of the queries; dropping it ends it.
pub(crate) struct Work<T>(JoinHandle<T>);

impl<T: Send + 'static> Work<T> {
    /// Begins it.
    pub(crate) fn begin(future: impl Future<Output = T> + Send + 'static) -> Result<Self> {
        Ok(Work(runtime()?.spawn(future)))
    }

    /// Its result; a panic is [`ErrorKind::Internal`].
    pub(crate) async fn end(&mut self) -> Result<T> {
        (&mut self.0).await.map_err(|error| match error.try_into_panic() {
            Ok(panic) => Error::new(
                ErrorKind::Internal,
                format!("the engine gave up with a panic: {}", text_of_panic(&*panic)),
            )
            .during("answer the query")
            .hint("please report it; what is stored is untouched"),
            Err(error) => Error::new(ErrorKind::Unavailable, "the query was ended").caused_by(error),
        })
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A session in which the names of a query stand for what `catalogs` has.
pub(crate) fn session(catalogs: Catalogs, options: &QueryOptions) -> Result<SessionContext> {
    let memory = usize::try_from(options.memory_bytes).unwrap_or(usize::MAX);
    let mut config = SessionConfig::new()
        .with_target_partitions(options.threads.unwrap_or_else(cores).get())
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(HERE, HERE)
        // Dealing rows out to several cores would lose the order in which they are stored.
        .with_round_robin_repartition(false);
    let settings = config.options_mut();
    settings.sql_parser.enable_ident_normalization = false;
    settings.sql_parser.map_string_types_to_utf8view = false;
    settings.execution.sort_spill_reservation_bytes = SORT_RESERVE_BYTES.min(memory / 8);
    let disk = match options.spill_bytes {
        0 => DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled),
        bytes => DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::OsTmpDirectory)
            .with_max_temp_directory_size(bytes),
    };
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(TrackConsumersPool::new(FairSpillPool::new(memory), NAMED_CONSUMERS)))
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(from_engine)?;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_catalog_list(Arc::new(catalogs))
        .with_default_features()
        .build();
    Ok(SessionContext::new_with_state(state))
}
