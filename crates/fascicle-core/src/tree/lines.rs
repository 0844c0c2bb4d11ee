//! The tree as lines of text.

use super::walk::{Content, Walk};
use super::{TreeOptions, Verbosity, format_time};
use fascicle_backend::{Backend, EntryKind, EntryPath, Error, ErrorKind, Result, ResultExt};
use futures::stream::{Stream, try_unfold};
use std::{collections::VecDeque, fmt};

/// The lines of a tree, made as they are asked for, none of them with a line break.
pub struct TreeLines<'a> {
    backend: &'a dyn Backend,
    directory: EntryPath,
    options: TreeOptions,
    walk: Walk<'a>,
    stage: Stage,
    /// Lines that are made but not given yet.
    ready: VecDeque<String>,
    shown_lines: usize,
    directories: usize,
    files: usize,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Header,
    Entries,
    End,
}

impl fmt::Debug for TreeLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeLines")
            .field("directory", &self.directory)
            .field("options", &self.options)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

/// Begins to draw `directory`; nothing is read before the first line is asked for.
pub fn tree_lines<'a>(
    backend: &'a dyn Backend,
    directory: &EntryPath,
    options: &TreeOptions,
) -> TreeLines<'a> {
    TreeLines {
        backend,
        directory: directory.clone(),
        options: options.clone(),
        walk: Walk::new(backend, directory, options),
        stage: Stage::Header,
        ready: VecDeque::new(),
        shown_lines: 0,
        directories: 1,
        files: 0,
    }
}

/// The whole tree as text, without a line break at the end. Errors as [`TreeLines::next_line`].
pub async fn tree_text(
    backend: &dyn Backend,
    directory: &EntryPath,
    options: &TreeOptions,
) -> Result<String> {
    let mut lines = tree_lines(backend, directory, options);
    let mut text = Vec::new();
    while let Some(line) = lines.next_line().await? {
        text.push(line);
    }
    Ok(text.join("\n"))
}

impl<'a> TreeLines<'a> {
    /// The next line; `None` at the end.
    ///
    /// - A directory that does not exist is drawn as empty; one that vanishes while its parent is drawn, too.
    /// - Errors: [`ErrorKind::WrongKind`] for an entry that is no directory, and what listing a directory fails with.
    pub async fn next_line(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(line));
            }
            match self.stage {
                Stage::Header => self.make_header().await?,
                Stage::Entries => self.make_entry().await?,
                Stage::End => return Ok(None),
            }
        }
    }

    /// The lines as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<String>> + 'a {
        try_unfold(self, |mut lines| async move { Ok(lines.next_line().await?.map(|line| (line, lines))) })
    }

    async fn make_header(&mut self) -> Result<()> {
        let name = header_name(self.backend, &self.directory, &self.options);
        let stat = match self.backend.stat(&self.directory).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let full = self.options.verbosity == Verbosity::Full;
                let why = if full { "path does not exist" } else { "empty" };
                self.ready.extend([format!("{name}/"), format!("    ({why})")]);
                self.stage = Stage::End;
                return Ok(());
            }
            answer => answer?,
        };
        if stat.kind != EntryKind::Directory {
            return Err(Error::new(
                ErrorKind::WrongKind,
                format!("an entry of kind '{}' has no tree, only a directory has one", stat.kind),
            ))
            .context("draw the tree of", &self.directory);
        }
        let time = stat.modified.filter(|_| self.options.last_modified);
        let time = time.and_then(|time| format_time(time, self.options.time_zone));
        self.ready.push_back(match time {
            Some(time) => format!("{name}/ - Last modified: {time}"),
            None => format!("{name}/"),
        });
        self.stage = match self.options.verbosity {
            Verbosity::Header => Stage::End,
            Verbosity::Outline | Verbosity::Full => Stage::Entries,
        };
        Ok(())
    }

    async fn make_entry(&mut self) -> Result<()> {
        let Some(step) = self.walk.next().await? else {
            self.close(String::new());
            return Ok(());
        };
        if let Some(limit) = self.options.max_lines.filter(|limit| self.shown_lines >= *limit) {
            self.close(format!("... length_limit, {limit}, reached,"));
            return Ok(());
        }
        self.shown_lines += 1;
        self.ready.push_back(match step.content {
            Content::Elided => format!("{}...", step.prefix),
            Content::Item(item) => {
                let (prefix, pointer, name) = (step.prefix, item.pointer(), item.stored_name);
                if item.kind == EntryKind::Directory {
                    self.directories += 1;
                    format!("{prefix}{pointer}{name}/")
                } else {
                    self.files += 1;
                    format!("{prefix}{pointer}{name}")
                }
            }
        });
        Ok(())
    }

    /// Makes the last two lines: `notice`, and what was shown. The plural forms are those of the original.
    fn close(&mut self, notice: String) {
        let noun = if self.directories == 1 { "directory" } else { "directories" };
        let mut summary = format!("displaying: {} {noun}", self.directories);
        if self.files > 0 {
            summary.push_str(&format!(", {} files", self.files));
        }
        if let Some(levels) = self.options.max_depth.filter(|levels| *levels >= 1) {
            summary.push_str(&format!(", {levels} levels."));
        }
        self.ready.extend([notice, summary]);
        self.stage = Stage::End;
    }
}

/// The name of a directory for its header; a root is called by the last part of its location.
pub(super) fn header_name(backend: &dyn Backend, directory: &EntryPath, options: &TreeOptions) -> String {
    if let Some(name) = &options.name {
        return name.clone();
    }
    if !directory.is_root() {
        return directory.name().to_owned();
    }
    let location = backend.location();
    let last = location.trim_end_matches('/').rsplit('/').next().unwrap_or("");
    last.to_owned()
}
