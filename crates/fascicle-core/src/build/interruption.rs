//! Builds that stop halfway because their process has to, and go on later.

use crate::config::{Value, yaml};
use crate::meta::BuildMark;
use crate::{Error, ErrorKind, Result};
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// The most bytes that are kept of the progress of an interrupted build.
const MAX_PROGRESS_BYTES: usize = 16 << 10;

/// Asks builds to stop at the next good moment. Clones ask the same builds.
///
/// Given to builds by [`ResolveOptions::interruption`](crate::ResolveOptions::interruption). A build function looks at
/// [`Directory::is_interrupted`](crate::Directory::is_interrupted) now and then, or awaits
/// [`Directory::interrupted`](crate::Directory::interrupted), and ends with the error [`Interrupted`]. Nothing ends a build function that
/// does not.
///
/// ```
/// use fascicle_core::{Interrupted, Interruption, Outcome, ResolveOptions, Root};
/// use fascicle_core::config::{Config, IdentityRules};
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let root = Root::new(fascicle_memory::MemoryBackend::new());
/// let interruption = Interruption::new(); // or `Interruption::on_signals(&[15])?`
/// let options = ResolveOptions::default().resume(true).interruption(interruption.clone());
/// let train = |dir: fascicle_core::Directory| async move {
///     let begin = dir.resumed_from().and_then(|progress| progress.as_i64()).unwrap_or(0);
///     for step in begin..4 {
///         if dir.is_interrupted() {
///             return Err(Interrupted::at(step).into());
///         }
///         dir.append("loss", [1.0 / (step + 1) as f64]).await?;
///     }
///     Ok(())
/// };
/// let (config, rules) = (Config::new("Training"), IdentityRules::default());
/// interruption.request();
/// assert!(root.resolve_config(&config, &rules, &options, train).await.is_err());
/// let options = ResolveOptions::default().resume(true);
/// let trained = root.resolve_config(&config, &rules, &options, train).await?;
/// assert_eq!((trained.outcome, trained.directory.name()), (Outcome::Built, "Training_0000"));
/// assert_eq!(trained.directory.array("loss").await?.len(), 4);
/// # Ok::<(), fascicle_core::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Interruption {
    requested: Arc<watch::Sender<bool>>,
}

impl Interruption {
    /// One that was not requested yet.
    pub fn new() -> Self {
        Interruption { requested: Arc::new(watch::Sender::new(false)) }
    }

    /// One that is requested when a signal of these numbers arrives, such as 15 for SIGTERM and 10 for SIGUSR1. From here on these
    /// signals no longer end the process: that is up to the caller, who learns of them by the error of the build.
    ///
    /// Fails for signals that cannot be awaited, and with [`ErrorKind::Unavailable`] when the process can have no further
    /// thread.
    #[cfg(unix)]
    pub fn on_signals(signals: &[i32]) -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error: std::io::Error| Error::from(error).during("watch for signals");
        let (interruption, signals) = (Interruption::new(), signals.to_vec());
        let requested = interruption.clone();
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        // A thread and a runtime of its own: whoever asks may be in any runtime or in none.
        let watch = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            let context = runtime.enter();
            let arrivals: std::io::Result<Vec<_>> =
                signals.into_iter().map(|number| signal(SignalKind::from_raw(number))).collect();
            drop(context);
            let arrivals = match arrivals {
                Ok(arrivals) => arrivals,
                Err(error) => return drop(tell.send(Err(error))),
            };
            drop(tell.send(Ok(())));
            let waits = arrivals.into_iter().map(|mut arrivals| {
                let requested = requested.clone();
                async move {
                    while arrivals.recv().await.is_some() {
                        requested.request();
                    }
                }
            });
            runtime.block_on(futures::future::join_all(waits));
        };
        std::thread::Builder::new().name("fascicle-signals".to_owned()).spawn(watch).map_err(failed)?;
        match told.recv() {
            Ok(registered) => registered.map_err(failed)?,
            Err(_) => {
                return Err(Error::new(ErrorKind::Unavailable, "the thread that watches for signals ended"));
            }
        }
        Ok(interruption)
    }

    /// Asks the builds to stop.
    pub fn request(&self) {
        self.requested.send_replace(true);
    }

    /// Whether the builds were asked to stop.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until the builds are asked to stop.
    pub async fn requested(&self) {
        // The sender lives as long as this handle.
        let _ = self.requested.subscribe().wait_for(|requested| *requested).await;
    }
}

impl Default for Interruption {
    fn default() -> Self {
        Interruption::new()
    }
}

/// The error with which a build function says that it stopped halfway, and how far it got.
///
/// The directory is kept as it is. The next caller goes on in it, if its build function [can](crate::Build::RESUMES), and builds
/// anew otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interrupted {
    progress: Option<Value>,
}

impl Interrupted {
    /// Stopped, and what is in the directory says how far.
    pub fn new() -> Self {
        Interrupted::default()
    }

    /// Stopped with a progress that the next attempt is told, see [`Directory::resumed_from`](crate::Directory::resumed_from).
    pub fn at(progress: impl Into<Value>) -> Self {
        Interrupted { progress: Some(progress.into()) }
    }

    /// How far it got.
    pub fn progress(&self) -> Option<&Value> {
        self.progress.as_ref()
    }

    /// The progress as it is stored. Fails with [`ErrorKind::LimitExceeded`] for one that is too long.
    pub(super) fn to_text(&self) -> Result<Option<String>> {
        let Some(progress) = &self.progress else { return Ok(None) };
        let text = yaml::write_yaml(progress)?;
        if text.len() > MAX_PROGRESS_BYTES {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "the progress of the build takes {} bytes, more than {MAX_PROGRESS_BYTES}",
                    text.len()
                ),
            )
            .hint("store it in the directory"));
        }
        Ok(Some(text))
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.progress {
            Some(progress) => write!(f, "the build was interrupted at {progress}"),
            None => f.write_str("the build was interrupted"),
        }
    }
}

impl std::error::Error for Interrupted {}

/// An attempt that was interrupted, and that the next one may go on with.
#[derive(Clone, Debug)]
pub(super) struct Resumable {
    /// Its epoch.
    pub(super) epoch: u64,
    /// Its claim.
    pub(super) nonce: String,
    /// Its directory, as a record names it.
    pub(super) directory: String,
    /// How far it got.
    pub(super) progress: Value,
}

impl Resumable {
    pub(super) fn new(epoch: u64, nonce: String, directory: String, progress: Option<&str>) -> Self {
        // A progress that cannot be read is none: what is in the directory still says how far it is.
        let progress = progress.and_then(|text| yaml::read_yaml(text).ok()).unwrap_or(Value::Null);
        Resumable { epoch, nonce, directory, progress }
    }

    /// Whether a mark is still that of this attempt.
    pub(super) fn is_left_by(&self, mark: &BuildMark) -> bool {
        mark.epoch == self.epoch && mark.nonce == self.nonce
    }
}
