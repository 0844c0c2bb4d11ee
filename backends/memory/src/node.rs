//! The tree of directories and entries, and the store that holds it.

use crate::{array::StoredArray, file::StoredFile, table::StoredTable};
use bytes::Bytes;
use fascicle_backend::{
    Attributes, EntryKind, EntryPath, Error, ErrorKind, MetaRecord, RecordKey, Result, WriteMode,
};
use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

/// Everything a memory backend holds.
#[derive(Debug, Default)]
pub(crate) struct Store {
    root: Node,
    pub(crate) records: BTreeMap<RecordKey, Bytes>,
    /// How many versions were handed out; none is handed out twice.
    pub(crate) versions: u64,
}

/// One entry. Cloning is cheap and shares only data that is copied before it is changed.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) attributes: Attributes,
    pub(crate) modified: SystemTime,
}

/// What an entry is.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Array(Arc<StoredArray>),
    Table(Arc<StoredTable>),
    File(Arc<StoredFile>),
    Directory(Directory),
}

/// The entries of a directory by name, and its meta.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    pub(crate) entries: BTreeMap<String, Node>,
    pub(crate) meta: Option<MetaRecord>,
}

impl Node {
    pub(crate) fn new(content: Content, attributes: Attributes) -> Self {
        Node { content, attributes, modified: SystemTime::now() }
    }

    pub(crate) fn kind(&self) -> EntryKind {
        match self.content {
            Content::Array(_) => EntryKind::Array,
            Content::Table(_) => EntryKind::Table,
            Content::File(_) => EntryKind::File,
            Content::Directory(_) => EntryKind::Directory,
        }
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        match &self.content {
            Content::Array(array) => array.size_bytes(),
            Content::Table(table) => table.size_bytes(),
            Content::File(file) => file.length(),
            Content::Directory(directory) => {
                directory.meta.as_ref().map_or(0, |meta| meta.bytes.len() as u64)
            }
        }
    }

    /// The error of using this entry as one of another kind.
    pub(crate) fn wrong_kind(&self, wanted: EntryKind) -> Error {
        Error::new(ErrorKind::WrongKind, format!("it is of kind '{}', not '{wanted}'", self.kind()))
    }

    fn directory(&self) -> Result<&Directory> {
        match &self.content {
            Content::Directory(directory) => Ok(directory),
            _ => Err(self.wrong_kind(EntryKind::Directory)),
        }
    }
}

impl Default for Node {
    fn default() -> Self {
        Node::new(Content::Directory(Directory::default()), Attributes::new())
    }
}

impl Store {
    /// The entry at `path`. What lies "within" an entry that is no directory does not exist.
    pub(crate) fn find(&self, path: &EntryPath) -> Result<&Node> {
        let mut node = &self.root;
        for name in path.names() {
            let Content::Directory(directory) = &node.content else { return Err(missing()) };
            node = directory.entries.get(name).ok_or_else(missing)?;
        }
        Ok(node)
    }

    fn find_mut(&mut self, path: &EntryPath) -> Result<&mut Node> {
        let mut node = &mut self.root;
        for name in path.names() {
            let Content::Directory(directory) = &mut node.content else { return Err(missing()) };
            node = directory.entries.get_mut(name).ok_or_else(missing)?;
        }
        Ok(node)
    }

    /// The directory at `path`.
    pub(crate) fn directory(&self, path: &EntryPath) -> Result<&Directory> {
        self.find(path)?.directory()
    }

    /// The directory at `path`, which is about to be changed and counts as modified.
    pub(crate) fn directory_mut(&mut self, path: &EntryPath) -> Result<&mut Directory> {
        let node = self.find_mut(path)?;
        let wrong_kind = node.wrong_kind(EntryKind::Directory);
        match &mut node.content {
            Content::Directory(directory) => {
                node.modified = SystemTime::now();
                Ok(directory)
            }
            _ => Err(wrong_kind),
        }
    }

    /// Changes the entry at `path`, which counts as modified if that succeeds.
    pub(crate) fn change<T>(
        &mut self,
        path: &EntryPath,
        change: impl FnOnce(&mut Node) -> Result<T>,
    ) -> Result<T> {
        let node = self.find_mut(path)?;
        let answer = change(node)?;
        node.modified = SystemTime::now();
        Ok(answer)
    }

    /// Whether an entry of `kind` may be written to `path`.
    pub(crate) fn admit(&self, path: &EntryPath, kind: EntryKind, mode: WriteMode) -> Result<()> {
        let parent = parent(path)?;
        let directory = self.directory(&parent).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                Error::new(ErrorKind::NotFound, format!("the directory '{parent}' does not exist"))
                    .hint("create the directory first")
            }
            _ => Error::new(ErrorKind::WrongKind, format!("'{parent}' is no directory")),
        })?;
        match (directory.entries.get(path.name()), mode) {
            (None, _) | (Some(_), WriteMode::Replace) => Ok(()),
            (Some(node), WriteMode::Create) => Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("an entry of kind '{}' exists already", node.kind()),
            )),
            (Some(node), WriteMode::Overwrite) if node.kind() == kind => Ok(()),
            (Some(node), WriteMode::Overwrite) => Err(node
                .wrong_kind(kind)
                .hint("remove it first, or write with the mode that replaces any kind")),
        }
    }

    /// Writes an entry in place of what `mode` allows to replace.
    pub(crate) fn put(&mut self, path: &EntryPath, node: Node, mode: WriteMode) -> Result<()> {
        self.admit(path, node.kind(), mode)?;
        self.directory_mut(&parent(path)?)?.entries.insert(path.name().to_owned(), node);
        Ok(())
    }

    /// Takes an entry out of the tree.
    pub(crate) fn take(&mut self, path: &EntryPath) -> Result<Node> {
        let parent = parent(path)?;
        self.find(path)?;
        self.directory_mut(&parent)?.entries.remove(path.name()).ok_or_else(missing)
    }
}

fn parent(path: &EntryPath) -> Result<EntryPath> {
    path.parent().ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "the root cannot be created, moved, copied or removed")
    })
}

fn missing() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such entry")
}
