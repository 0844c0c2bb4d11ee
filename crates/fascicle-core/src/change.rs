//! What happens before anything is changed within a directory.

use crate::build::{Finished, mark_modified, retire};
use crate::{Directory, EntryKind, EntryPath, Error, ErrorKind, Meta, Result, Root, WriteMode};
use tokio::sync::OnceCell;

/// What is about to be changed within a directory.
#[derive(Clone, Copy)]
enum Change<'a> {
    /// Entries of a kind are stored under these paths.
    Put(&'a [EntryPath], EntryKind, WriteMode),
    /// An entry is taken away.
    Remove(&'a EntryPath),
    /// Something that was looked at before, so that it will not be refused.
    Other,
}

impl Directory {
    /// To be called before every change within this directory: creates it where it is missing, marks what was built as
    /// modified, and refuses to go on for a builder that lost its claim.
    pub(crate) async fn before_write(&self) -> Result<()> {
        self.before(Change::Other).await
    }

    /// The same before entries of `kind` are stored under `paths`. Refuses what the storage would refuse anyway, before it
    /// marks a directory for a change that never comes.
    pub(crate) async fn before_put(
        &self,
        paths: &[EntryPath],
        kind: EntryKind,
        mode: WriteMode,
    ) -> Result<()> {
        self.before(Change::Put(paths, kind, mode)).await
    }

    /// The same before `target`, an entry of this directory, is taken away: nothing is created.
    pub(crate) async fn before_removal(&self, target: &EntryPath) -> Result<()> {
        self.before(Change::Remove(target)).await
    }

    async fn before(&self, change: Change<'_>) -> Result<()> {
        if let Some(guard) = &self.guard {
            guard.check()?;
            if guard.knows(self.path()) {
                return Ok(());
            }
        }
        if let Some(fresh) = &self.fresh {
            fresh.created.get_or_try_init(|| create_exclusively(self.root(), &fresh.path)).await?;
        }
        // What an attempt writes is its own. What it stands in may have been finished by another attempt since the claim was checked,
        // and is nothing that this one changes.
        let attempt = self.guard.as_ref().map(|guard| guard.directory());
        let attempt = attempt.filter(|attempt| self.path().is_within(attempt));
        let (mut looked_at, mut missing, mut finished) = (Vec::new(), Vec::new(), Vec::new());
        for path in self.path().ancestors().chain([self.path().clone()]).filter(|path| !path.is_root()) {
            let is_known = self.guard.as_ref().is_some_and(|guard| guard.knows(&path));
            if is_known || attempt.is_some_and(|attempt| attempt.is_within(&path)) {
                continue;
            }
            match Finished::look(self.root(), &path).await? {
                Finished::Yes(meta) => finished.push((path.clone(), meta)),
                // What stood there already could not be moved up once the build is done.
                Finished::Building(attempt)
                    if !self.path().is_within(&attempt) && !matches!(change, Change::Remove(_)) =>
                {
                    return Err(Error::new(
                        ErrorKind::Busy,
                        "it is being built, or its build failed; others cannot write into it",
                    )
                    .hint("wait for the build, or remove the directory first")
                    .during("write into")
                    .at(&path));
                }
                Finished::Building(_) | Finished::No => {}
                Finished::Missing => missing.push(path.clone()),
            }
            looked_at.push(path);
        }
        if !finished.is_empty() {
            change.check(self.root()).await?;
        }
        for (path, meta) in &finished {
            mark_modified(self.root(), path, meta).await?;
        }
        match (change, &self.guard) {
            (Change::Remove(target), None) => return retire(self.root(), target).await,
            (Change::Remove(_), Some(_)) => {}
            (Change::Put(..) | Change::Other, _) => create_missing(self.root(), &missing).await?,
        }
        if let Some(guard) = &self.guard {
            looked_at.into_iter().for_each(|path| guard.learn(path));
        }
        Ok(())
    }
}

/// A directory that must not exist before the first write through its handle.
#[derive(Debug)]
pub(crate) struct Fresh {
    path: EntryPath,
    /// Filled once it was created.
    created: OnceCell<()>,
}

impl Fresh {
    pub(crate) fn new(path: EntryPath) -> Self {
        Fresh { path, created: OnceCell::new() }
    }
}

async fn create_exclusively(root: &Root, path: &EntryPath) -> Result<()> {
    let created = root.backend().create_directory(path, Meta::plain().to_bytes()?).await;
    created.map(|_| ()).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            error.hint("another writer took the automatic name; ask for a new directory")
        }
        _ => error,
    })
}

async fn create_missing(root: &Root, directories: &[EntryPath]) -> Result<()> {
    for path in directories {
        match root.backend().create_directory(path, Meta::plain().to_bytes()?).await {
            // Somebody created it meanwhile, or it is a directory without a meta; a leaf is refused by the write itself.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok(())
}

impl Change<'_> {
    /// Refuses what the storage is going to refuse.
    async fn check(self, root: &Root) -> Result<()> {
        let Change::Put(paths, kind, mode) = self else { return Ok(()) };
        for path in paths {
            let stored = match root.backend().stat(path).await {
                Err(error) if error.is_not_found() => continue,
                stored => stored?.kind,
            };
            let error = match mode {
                WriteMode::Create => Error::new(
                    ErrorKind::AlreadyExists,
                    format!("an entry of kind '{stored}' exists already"),
                )
                .hint("choose another name, or write with a mode that replaces it"),
                WriteMode::Overwrite if stored != kind => {
                    Error::new(ErrorKind::WrongKind, format!("it is of kind '{stored}', not '{kind}'"))
                        .hint("remove it first, or write with the mode that replaces any kind")
                }
                WriteMode::Overwrite | WriteMode::Replace => continue,
            };
            let operation = match kind {
                EntryKind::Array => "write array",
                EntryKind::Table => "write table",
                EntryKind::File => "write file",
                EntryKind::Directory => "create directory",
            };
            return Err(error.during(operation).at(path));
        }
        Ok(())
    }
}
