//! The tree as a structure that can be serialised.

use super::lines::header_name;
use super::walk::{Content, Walk};
use super::{TreeOptions, Verbosity};
use fascicle_backend::{Backend, EntryKind, EntryPath, Error, ErrorKind, Result, ResultExt};
use serde::{Serialize, Serializer};
use std::time::SystemTime;

/// An entry of a tree, a directory with what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TreeNode {
    /// The name it is addressed by.
    pub name: String,
    /// The name it is stored under.
    pub stored_name: String,
    /// Its kind.
    #[serde(serialize_with = "kind_name")]
    pub kind: EntryKind,
    /// When the directory that the tree begins with was last modified, where that is known and was asked for; serialised
    /// in UTC, as RFC 3339 says. `None` for every other node.
    #[serde(serialize_with = "rfc_3339", skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<SystemTime>,
    /// Whether it is a directory with a meta.
    pub has_meta: bool,
    /// Whether the limits kept some or all of the directory's entries out of `children`.
    pub elided: bool,
    /// The entries of a directory, in the order of their stored names.
    pub children: Vec<TreeNode>,
}

/// The tree of `directory` as a structure.
///
/// - `max_lines` counts what the drawn form counts, so that both show the same entries.
/// - Errors: [`ErrorKind::NotFound`], [`ErrorKind::WrongKind`] for an entry that is no directory, and what listing a
///   directory fails with.
pub async fn tree_node(
    backend: &dyn Backend,
    directory: &EntryPath,
    options: &TreeOptions,
) -> Result<TreeNode> {
    let stat = backend.stat(directory).await?;
    if stat.kind != EntryKind::Directory {
        return Err(Error::new(
            ErrorKind::WrongKind,
            format!("an entry of kind '{}' has no tree, only a directory has one", stat.kind),
        ))
        .context("read the tree of", directory);
    }
    let name = header_name(backend, directory, options);
    let mut first = node(name.clone(), name, EntryKind::Directory);
    first.last_modified = stat.modified.filter(|_| options.last_modified);
    if options.verbosity == Verbosity::Header {
        first.elided = true;
        return Ok(first);
    }
    // The directories from the first one down to the one entered last.
    let mut open = vec![first];
    let mut walk = Walk::new(backend, directory, options);
    let mut shown_lines = 0;
    while let Some(step) = walk.next().await? {
        close_to(&mut open, step.depth + 1);
        if options.max_lines.is_some_and(|limit| shown_lines >= limit) {
            for (directory, unfinished) in open.iter_mut().zip(walk.unfinished()) {
                directory.elided = unfinished;
            }
            if let Some(parent) = open.last_mut() {
                parent.elided = true;
            }
            break;
        }
        shown_lines += 1;
        let Some(parent) = open.last_mut() else { break };
        match step.content {
            Content::Elided => parent.elided = true,
            Content::Item(item) => match item.name {
                None => parent.has_meta = true,
                Some(name) if item.kind == EntryKind::Directory => {
                    open.push(node(name, item.stored_name, item.kind));
                }
                Some(name) => parent.children.push(node(name, item.stored_name, item.kind)),
            },
        }
    }
    close_to(&mut open, 1);
    open.pop().ok_or_else(|| Error::new(ErrorKind::Internal, "a tree lost its first node"))
}

fn node(name: String, stored_name: String, kind: EntryKind) -> TreeNode {
    TreeNode {
        name,
        stored_name,
        kind,
        last_modified: None,
        has_meta: false,
        elided: false,
        children: Vec::new(),
    }
}

/// Hands finished directories to their parents until `count` remain open.
fn close_to(open: &mut Vec<TreeNode>, count: usize) {
    while open.len() > count.max(1) {
        if let (Some(done), Some(parent)) = (open.pop(), open.last_mut()) {
            parent.children.push(done);
        }
    }
}

fn kind_name<S: Serializer>(kind: &EntryKind, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

fn rfc_3339<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match time.and_then(super::time::to_utc) {
        Some(date) => serializer.serialize_str(&date.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)),
        None => serializer.serialize_none(),
    }
}
