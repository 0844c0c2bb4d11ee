//! How much of a tree is shown.

use super::TimeZone;
use fascicle_backend::{Error, ErrorKind, Result};

/// How much a view says when nothing else is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verbosity {
    /// Level 0: the header line alone.
    Header,
    /// Level 1: two levels of entries and at most 25 lines.
    #[default]
    Outline,
    /// Level 2: everything.
    Full,
}

impl Verbosity {
    /// The verbosity of level 0, 1 or 2; any other level is [`ErrorKind::InvalidInput`].
    pub fn from_level(level: u8) -> Result<Self> {
        match level {
            0 => Ok(Verbosity::Header),
            1 => Ok(Verbosity::Outline),
            2 => Ok(Verbosity::Full),
            other => Err(Error::new(ErrorKind::InvalidInput, format!("{other} is not a level of verbosity"))
                .hint("levels are 0 (the header alone), 1 (two levels, 25 lines) and 2 (everything)")),
        }
    }

    /// The level as a number.
    pub fn level(self) -> u8 {
        self as u8
    }
}

/// What a tree view shows. The default is that of [`Verbosity::Outline`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeOptions {
    /// [`Verbosity::Header`] shows the header alone; [`Verbosity::Full`] says of a missing directory that it does not exist
    /// instead of calling it empty. The limits below are what else a verbosity stands for.
    pub verbosity: Verbosity,
    /// How many levels of entries are shown; `None` is all. A directory at the limit is followed by `...`.
    pub max_depth: Option<usize>,
    /// How many lines are shown between the header and the closing line; `None` is all.
    pub max_lines: Option<usize>,
    /// Whether the header says when the directory was last modified, where the storage knows.
    pub last_modified: bool,
    /// Whether only directories are shown.
    pub directories_only: bool,
    /// The zone in which times are written.
    pub time_zone: TimeZone,
    /// The name in the header; `None` is the name of the directory, and for a root the last part of its location.
    pub name: Option<String>,
}

impl Default for TreeOptions {
    fn default() -> Self {
        TreeOptions::new(Verbosity::default())
    }
}

impl From<Verbosity> for TreeOptions {
    fn from(verbosity: Verbosity) -> Self {
        TreeOptions::new(verbosity)
    }
}

impl TreeOptions {
    /// The options that `verbosity` stands for.
    pub fn new(verbosity: Verbosity) -> Self {
        let (max_depth, max_lines) = match verbosity {
            Verbosity::Header => (Some(0), Some(0)),
            Verbosity::Outline => (Some(2), Some(25)),
            Verbosity::Full => (None, None),
        };
        TreeOptions {
            verbosity,
            max_depth,
            max_lines,
            last_modified: true,
            directories_only: false,
            time_zone: TimeZone::Local,
            name: None,
        }
    }

    /// Sets how many levels of entries are shown; `None` is all.
    #[must_use]
    pub fn with_max_depth(mut self, levels: impl Into<Option<usize>>) -> Self {
        self.max_depth = levels.into();
        self
    }

    /// Sets how many lines are shown between the header and the closing line; `None` is all.
    #[must_use]
    pub fn with_max_lines(mut self, lines: impl Into<Option<usize>>) -> Self {
        self.max_lines = lines.into();
        self
    }

    /// Sets whether the header says when the directory was last modified.
    #[must_use]
    pub fn with_last_modified(mut self, shown: bool) -> Self {
        self.last_modified = shown;
        self
    }

    /// Sets whether only directories are shown.
    #[must_use]
    pub fn with_directories_only(mut self, only: bool) -> Self {
        self.directories_only = only;
        self
    }

    /// Sets the zone in which times are written.
    #[must_use]
    pub fn with_time_zone(mut self, zone: TimeZone) -> Self {
        self.time_zone = zone;
        self
    }

    /// Sets the name in the header.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}
