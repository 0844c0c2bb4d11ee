//! `fascicle conformance`: the suite of behaviours against storage as it is reached from here.

use super::Context;
use crate::duration::parse_duration;
use crate::exit::Exit;
use crate::report::warning;
use clap::Args;
use fascicle::backend::Backend;
use fascicle::expert::{OpenRequest, Place, Registry};
use fascicle::{EntryPath, Error, ErrorKind, OpenOptions, Result, ResultExt, StorageConfiguration};
use fascicle_conformance::{Behaviour, Outcome, Report, Site, Suite, all};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Check that storage does what every backend of fascicle must do
///
/// Every behaviour of the conformance suite is checked at the place, in a new folder or prefix below it that is removed in the
/// end; nothing else there is touched. Ends with 1 when a behaviour does not hold.
#[derive(Args, Debug)]
pub(crate) struct Conformance {
    /// A root, or where one could be: a folder, s3://BUCKET/NAME, memory:, @NAME
    place: String,

    /// The backend, where the place does not say which it has
    #[arg(long)]
    backend: Option<String>,

    /// Check only the behaviours whose names begin so, such as append or race::many_configs; can be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Write the report to a file, too: as Markdown if its name ends in .md, as JSON for .json, else as text
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// After how long one behaviour counts as hanging
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    deadline: Duration,
}

impl Conformance {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        context.root.check_unused()?;
        let names = |behaviour: &Behaviour| {
            self.only.is_empty() || self.only.iter().any(|name| behaviour.name.starts_with(name.as_str()))
        };
        let count = all().iter().filter(|behaviour| names(behaviour)).count();
        if count == 0 {
            return Err(Error::new(ErrorKind::InvalidInput, "no behaviour has such a name")
                .hint("they are listed in SPEC.md of the suite, as area::what_holds"));
        }
        let storage = Storage::at(&self.place, context, self.backend.clone()).await?;
        let scratch = Scratch::new(storage.clone()).await?;
        let (place, opened) = (self.place.clone(), scratch.clone());
        let suite = Suite::over(storage.to_string(), move |site: Site| {
            let scratch = opened.clone();
            async move { scratch.open(site.prefix()).await }
        })
        .deadline(self.deadline)
        .repeated_by(move |seed, name| {
            format!("FASCICLE_SEED={seed} fascicle conformance {place} --only {name}")
        });
        let wanted: Vec<&'static str> =
            all().into_iter().filter(|behaviour| names(behaviour)).map(|behaviour| behaviour.name).collect();
        let report = tokio::task::spawn_blocking(move || {
            let progress = Progress::new(count);
            let report = suite.report_with(
                |behaviour| wanted.contains(&behaviour.name),
                |row| progress.show(row.behaviour.name, &row.outcome),
            );
            progress.end();
            report
        });
        let report = report.await;
        // Whatever was found, nothing of it stays.
        scratch.remove().await?;
        let report = report.map_err(|error| {
            Error::new(ErrorKind::Internal, "the suite did not come to its end").caused_by(error)
        })?;
        if let Some(file) = &self.report {
            write_report(file, &report)?;
        }
        if context.output.json {
            context.output.json_document(&report.json())?;
        } else {
            context.output.line(report.to_string().trim_end())?;
        }
        Ok(if report.is_conformant() { Exit::Fine } else { Exit::Differs })
    }
}

fn write_report(file: &Path, report: &Report) -> Result<()> {
    let text = match file.extension().and_then(|extension| extension.to_str()) {
        Some("md") => report.markdown(),
        Some("json") => format!("{:#}\n", report.json()),
        _ => report.to_string(),
    };
    std::fs::write(file, text).context("write the report to", file.display())
}

/// A place, and how what is below it is opened.
#[derive(Clone)]
struct Storage {
    place: Place,
    backend: String,
    options: OpenOptions,
    /// What the root at the place says of itself.
    stored: fascicle::config::Map,
}

impl std::fmt::Display for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.backend, self.place)
    }
}

impl Storage {
    async fn at(given: &str, context: &Context, backend: Option<String>) -> Result<Self> {
        let mut options = OpenOptions { backend, ..context.root.options(given)? };
        let mut place = Place::parse(given)?;
        if let Place::Named(named) = &place {
            if !named.entry().is_root() {
                return Err(Error::new(ErrorKind::InvalidInput, "it is an entry in a root, and not a root"));
            }
            let configuration = StorageConfiguration::find()?;
            let configured = configuration.place(named.name())?;
            let mut merged = configured.options().clone();
            merged.extend(std::mem::take(&mut options.options));
            options.options = merged;
            options.backend = options.backend.or(configured.backend().map(str::to_owned));
            place = configured.address().clone();
        }
        let marker = options.marker(&place).await?;
        let known = marker.as_ref().map(|marker| marker.backend.clone());
        let backend = match (options.backend.clone(), known) {
            (Some(asked), Some(known)) if asked != known => {
                let message = format!("it is a root of the backend '{known}', and '{asked}' was asked for");
                return Err(Error::new(ErrorKind::Mismatch, message).at(&place));
            }
            (asked, known) => asked.or(known).or(place.default_backend().map(str::to_owned)),
        };
        let backend = backend.ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the place does not say which backend it has")
                .at(&place)
                .hint("say it, such as --backend zarr")
        })?;
        Ok(Storage {
            place,
            backend,
            options,
            stored: marker.map(|marker| marker.options).unwrap_or_default(),
        })
    }

    /// The storage at a name below the place.
    async fn open(&self, place: Place) -> Result<Arc<dyn Backend>> {
        let registry: &Registry = &self.options.registry;
        let request = OpenRequest {
            place,
            stored: self.stored.clone(),
            options: self.options.options.clone(),
            arrays: self.options.root.array_defaults,
            tables: self.options.root.table_defaults,
            fsync: self.options.fsync,
            lock_timeout: self.options.lock_timeout,
            read_only: false,
        };
        registry.open(&self.backend, request).await
    }

    fn below(&self, name: &str) -> Result<Place> {
        match &self.place {
            Place::Folder(path) => Ok(Place::Folder(path.join(name))),
            // The names of memories have no depth.
            Place::Memory(memory) => Ok(Place::Memory(format!("{memory}-{}", name.replace('/', "-")))),
            Place::Address(address) => {
                let text = address.text();
                let (address, rest) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
                Place::parse(format!("{}/{name}{rest}", address.trim_end_matches('/')))
            }
            Place::Named(named) => {
                Err(Error::new(ErrorKind::Internal, "a name was not looked up").at(named.root()))
            }
        }
    }
}

/// What the suite may write to, and what is removed in the end.
#[derive(Clone)]
struct Scratch {
    storage: Storage,
    name: String,
    /// Whether the folder of the place was made for it.
    made_the_folder: bool,
}

impl Scratch {
    async fn new(storage: Storage) -> Result<Self> {
        let unique = tempfile::Builder::new().prefix("fascicle-conformance-").tempdir()?;
        let name = unique.path().file_name().and_then(|name| name.to_str()).unwrap_or("fascicle-conformance");
        let made_the_folder = matches!(&storage.place, Place::Folder(path) if !path.exists());
        Ok(Scratch { name: name.to_owned(), storage, made_the_folder })
    }

    async fn open(&self, prefix: &str) -> Result<Arc<dyn Backend>> {
        self.storage.open(self.storage.below(&format!("{}/{prefix}", self.name))?).await
    }

    async fn remove(self) -> Result<()> {
        let removed = match &self.storage.place {
            // Nobody else knows of it, and goes with the process.
            Place::Memory(_) => return Ok(()),
            Place::Folder(path) => {
                let (scratch, path, made) = (path.join(&self.name), path.clone(), self.made_the_folder);
                let removing = tokio::task::spawn_blocking(move || {
                    if scratch.exists() {
                        std::fs::remove_dir_all(&scratch)?;
                    }
                    if made { std::fs::remove_dir(&path) } else { Ok(()) }
                });
                match removing.await {
                    Ok(removed) => removed.map_err(Error::from),
                    Err(error) => Err(Error::new(ErrorKind::Internal, "the removal failed").caused_by(error)),
                }
            }
            _ => {
                let whole = self.storage.open(self.storage.place.clone()).await?;
                match whole.remove(&EntryPath::parse(&self.name)?).await {
                    Err(error) if error.is_not_found() => Ok(()),
                    removed => removed,
                }
            }
        };
        removed.map_err(|error| {
            warning(&format!("'{}' at the place is left over", self.name));
            error.during("remove what the suite wrote at").at(&self.storage.place)
        })
    }
}

/// How far the suite is, on a terminal.
struct Progress {
    count: usize,
    done: AtomicUsize,
    is_shown: bool,
}

impl Progress {
    fn new(count: usize) -> Self {
        Progress { count, done: AtomicUsize::new(0), is_shown: std::io::stderr().is_terminal() }
    }

    fn show(&self, name: &str, outcome: &Outcome) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.is_shown {
            return;
        }
        let mut terminal = std::io::stderr().lock();
        // What cannot be shown is no reason to stop.
        let _ = match outcome {
            Outcome::Broken(_) => writeln!(terminal, "\r\x1b[Kbroken: {name}"),
            _ => Ok(()),
        };
        let _ = write!(terminal, "\r\x1b[K{done} of {} {name}", self.count);
        let _ = terminal.flush();
    }

    fn end(&self) {
        if self.is_shown {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
