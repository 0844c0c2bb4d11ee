//! Walks a directory depth first, in the order in which a tree is drawn, listing no directory before it is reached.

use super::TreeOptions;
use fascicle_backend::{Backend, EntryKind, EntryPath, ErrorKind, Listing, Result};

/// The name under which metas are shown.
const META_NAME: &str = "_meta.yaml";

/// One step of a walk.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// How many directories stand above it, the first one not counted.
    pub(super) depth: usize,
    /// What is drawn before the content, of the directories above it.
    pub(super) prefix: String,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// The entries of the directory whose step came last are not shown, as they lie beyond the depth limit.
    Elided,
    /// The meta of a directory, or an entry of it.
    Item(Item),
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The name it is addressed by; `None` for a meta.
    pub(super) name: Option<String>,
    pub(super) stored_name: String,
    /// The kind; a meta is a file.
    pub(super) kind: EntryKind,
    /// Whether nothing follows it in its directory.
    pub(super) is_last: bool,
}

impl Item {
    /// The branch that is drawn before it.
    pub(super) fn pointer(&self) -> &'static str {
        if self.is_last { "└── " } else { "├── " }
    }
}

/// A directory whose items are being walked.
struct Frame {
    path: EntryPath,
    prefix: String,
    items: std::vec::IntoIter<Item>,
}

/// What the next step has to enter first.
struct Pending {
    path: Option<EntryPath>,
    prefix: String,
}

pub(super) struct Walk<'a> {
    backend: &'a dyn Backend,
    max_depth: Option<usize>,
    directories_only: bool,
    frames: Vec<Frame>,
    pending: Option<Pending>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(backend: &'a dyn Backend, directory: &EntryPath, options: &TreeOptions) -> Self {
        Walk {
            backend,
            max_depth: options.max_depth,
            directories_only: options.directories_only,
            frames: Vec::new(),
            pending: Some(Pending { path: Some(directory.clone()), prefix: String::new() }),
        }
    }

    /// The next step; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Step>> {
        if let Some(Pending { path, prefix }) = self.pending.take() {
            let depth = self.frames.len();
            match path.filter(|_| self.max_depth.is_none_or(|limit| depth < limit)) {
                None => return Ok(Some(Step { depth, prefix, content: Content::Elided })),
                Some(path) => {
                    let items = self.items(&path).await?.into_iter();
                    self.frames.push(Frame { path, prefix, items });
                }
            }
        }
        while let Some(frame) = self.frames.last_mut() {
            let Some(item) = frame.items.next() else {
                self.frames.pop();
                continue;
            };
            let prefix = frame.prefix.clone();
            if let (EntryKind::Directory, Some(name)) = (item.kind, &item.name) {
                // A directory nested too deeply to be addressed is shown as one beyond the depth limit.
                let path = frame.path.join(name).ok();
                let prefix = format!("{prefix}{}", if item.is_last { "    " } else { "│   " });
                self.pending = Some(Pending { path, prefix });
            }
            let depth = self.frames.len() - 1;
            return Ok(Some(Step { depth, prefix, content: Content::Item(item) }));
        }
        Ok(None)
    }

    /// For each directory from the first one down to the one being walked, whether items of it are still to come.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = bool> {
        self.frames.iter().map(|frame| !frame.items.as_slice().is_empty())
    }

    /// What is drawn of a directory, in the order of the stored names. One that vanished meanwhile is empty.
    async fn items(&self, directory: &EntryPath) -> Result<Vec<Item>> {
        let listing = match self.backend.list(directory).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Listing::default(),
            answer => answer?,
        };
        let meta = listing.has_meta.then(|| Item {
            name: None,
            stored_name: META_NAME.to_owned(),
            kind: EntryKind::File,
            is_last: false,
        });
        let entries = listing.entries.into_iter().map(|entry| Item {
            name: Some(entry.name),
            stored_name: entry.stored_name,
            kind: entry.kind,
            is_last: false,
        });
        let mut items: Vec<Item> = meta
            .into_iter()
            .chain(entries)
            .filter(|item| !self.directories_only || item.kind == EntryKind::Directory)
            .collect();
        items.sort_by(|a, b| a.stored_name.cmp(&b.stored_name));
        if let Some(last) = items.last_mut() {
            last.is_last = true;
        }
        Ok(items)
    }
}
