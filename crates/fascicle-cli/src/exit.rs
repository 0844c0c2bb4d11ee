//! The exit codes of the command, and which error gives which.

use fascicle::ErrorKind;

/// How a run of the command ended. The numbers are promised to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was done.
    Fine,
    /// The two sides differ, a check or a repair failed, or a build that was waited for failed.
    Differs,
    /// The command was called in a way that makes no sense.
    Usage,
    /// There is no such entry.
    NotFound,
    /// Something else is there, or what is there does not fit.
    Conflict,
    /// What is stored or given cannot be read.
    Unreadable,
    /// Another writer or builder was waited for too long.
    GaveUp,
    /// The storage refused or failed.
    Storage,
    /// A promise of this software was broken.
    Internal,
    /// What the build command ended with.
    Command(u8),
}

/// The table shown at the end of `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0   fine
  1   the two sides of 'diff' differ, 'verify' or 'cp --verify' found something
      wrong, a behaviour that 'conformance' checks does not hold, 'repair' or
      'gc' failed in part, or a build that was waited for failed
  2   wrong usage: an argument, a path or a selection that makes no sense, or
      something that is not supported
  3   not found
  4   conflict or mismatch: something else is there, or what is given does not
      fit what is there
  5   unreadable or invalid data
  6   gave up waiting for another writer or builder
  7   the storage refused or failed: no permission, disk full, i/o error
  70  a defect of this program
  'run' ends with the code of its command when that fails; 126 and 127 say that
  the command could not be started, 128 + n that signal n ended it.";

impl Exit {
    /// The exit code of an error. Every kind is named, so that a new one has to be thought of.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound => Exit::NotFound,
            ErrorKind::AlreadyExists
            | ErrorKind::WrongKind
            | ErrorKind::Mismatch
            | ErrorKind::Conflict
            | ErrorKind::LeaseLost => Exit::Conflict,
            ErrorKind::InvalidPath
            | ErrorKind::InvalidInput
            | ErrorKind::OutOfBounds
            | ErrorKind::Unsupported => Exit::Usage,
            ErrorKind::Corrupt | ErrorKind::LimitExceeded => Exit::Unreadable,
            ErrorKind::Busy | ErrorKind::TimedOut => Exit::GaveUp,
            ErrorKind::BuildFailed => Exit::Differs,
            ErrorKind::PermissionDenied | ErrorKind::Unavailable | ErrorKind::Storage => Exit::Storage,
            ErrorKind::Internal => Exit::Internal,
        }
    }

    /// The number the process ends with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Differs => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Conflict => 4,
            Exit::Unreadable => 5,
            Exit::GaveUp => 6,
            Exit::Storage => 7,
            Exit::Internal => 70,
            Exit::Command(code) => code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_is_fine_and_the_help_names_every_code() {
        for kind in ErrorKind::ALL {
            let code = Exit::of(kind).code();
            assert_ne!(code, 0, "{kind}");
            assert!(
                HELP.lines().any(|line| line.trim_start().starts_with(&format!("{code} "))),
                "{kind}: {code}"
            );
        }
    }
}
