//! The one error type of the contract: what was attempted, on which path, why, and what to do next.

use std::fmt::{self, Write as _};

/// The result of every fallible operation of the contract.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as a closed list to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The entry, or the directory it would stand in, does not exist.
    NotFound,
    /// An entry of that name exists already and the write mode does not allow replacing it.
    AlreadyExists,
    /// The entry exists but is of another kind than the operation works on.
    WrongKind,
    /// A path that no entry can have.
    InvalidPath,
    /// An argument that makes no sense by itself: a step of zero, a chunk of zero rows, a malformed value.
    InvalidInput,
    /// The data does not fit what is stored: another dtype, trailing shape, schema or config.
    Mismatch,
    /// An index beyond the end of an axis.
    OutOfBounds,
    /// The stored object changed meanwhile: a conditional write lost, or a read must be repeated.
    Conflict,
    /// This backend, or this stack of wrappers, does not do that.
    Unsupported,
    /// A documented limit would be exceeded; nothing was allocated or written.
    LimitExceeded,
    /// What is stored cannot be read: truncated, corrupted, or not what its name says.
    Corrupt,
    /// Another writer holds the entry; it did not become free before the deadline.
    Busy,
    /// A deadline passed.
    TimedOut,
    /// The build function failed; its own error is the source.
    BuildFailed,
    /// A claim was lost to another builder; what was built here is not used.
    LeaseLost,
    /// The storage refused access.
    PermissionDenied,
    /// The storage cannot be reached, or is out of space.
    Unavailable,
    /// Any other failure of the storage.
    Storage,
    /// A broken promise of this software; please report it.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of their declaration.
    pub const ALL: [ErrorKind; 19] = [
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::WrongKind,
        ErrorKind::InvalidPath,
        ErrorKind::InvalidInput,
        ErrorKind::Mismatch,
        ErrorKind::OutOfBounds,
        ErrorKind::Conflict,
        ErrorKind::Unsupported,
        ErrorKind::LimitExceeded,
        ErrorKind::Corrupt,
        ErrorKind::Busy,
        ErrorKind::TimedOut,
        ErrorKind::BuildFailed,
        ErrorKind::LeaseLost,
        ErrorKind::PermissionDenied,
        ErrorKind::Unavailable,
        ErrorKind::Storage,
        ErrorKind::Internal,
    ];

    /// The stable machine-readable name, as it appears in JSON.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::NotFound => "not_found",
            ErrorKind::AlreadyExists => "already_exists",
            ErrorKind::WrongKind => "wrong_kind",
            ErrorKind::InvalidPath => "invalid_path",
            ErrorKind::InvalidInput => "invalid_input",
            ErrorKind::Mismatch => "mismatch",
            ErrorKind::OutOfBounds => "out_of_bounds",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::LimitExceeded => "limit_exceeded",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Busy => "busy",
            ErrorKind::TimedOut => "timed_out",
            ErrorKind::BuildFailed => "build_failed",
            ErrorKind::LeaseLost => "lease_lost",
            ErrorKind::PermissionDenied => "permission_denied",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Storage => "storage",
            ErrorKind::Internal => "internal",
        }
    }

    /// Whether an error of this kind may vanish when the same call is made again, unless it says otherwise.
    fn is_retryable(self) -> bool {
        matches!(self, ErrorKind::Busy | ErrorKind::TimedOut | ErrorKind::Unavailable | ErrorKind::Conflict)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error: a kind to match on, and a sentence for a person.
///
/// `Display` prints one line, `cannot OPERATION 'PATH': MESSAGE (HINT)`; the cause is reached by
/// [`std::error::Error::source`], all the way down to the I/O or format error.
///
/// ```
/// use fascicle_backend::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::NotFound, "there is no such entry")
///     .during("read array")
///     .at("cells/x")
///     .hint("`list` shows what is there");
/// assert_eq!(error.to_string(), "cannot read array 'cells/x': there is no such entry (`list` shows what is there)");
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    operation: Option<&'static str>,
    path: Option<String>,
    message: String,
    hint: Option<String>,
    retryable: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

impl Error {
    /// An error of `kind`; `message` says why, in a few words and without a final full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            inner: Box::new(Inner {
                kind,
                operation: None,
                path: None,
                message: message.into(),
                hint: None,
                retryable: kind.is_retryable(),
                source: None,
            }),
        }
    }

    /// Names the operation, as a verb phrase that follows "cannot"; the innermost name is kept.
    #[must_use]
    pub fn during(mut self, operation: &'static str) -> Self {
        self.inner.operation.get_or_insert(operation);
        self
    }

    /// Names the path the operation worked on; the innermost name is kept.
    #[must_use]
    pub fn at(mut self, path: impl fmt::Display) -> Self {
        if self.inner.path.is_none() {
            self.inner.path = Some(path.to_string());
        }
        self
    }

    /// Replaces the path, for a layer that knows a fuller one than the layer beneath it.
    #[must_use]
    pub fn relocated(mut self, path: impl fmt::Display) -> Self {
        self.inner.path = Some(path.to_string());
        self
    }

    /// Says what to do next; the innermost hint is kept.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if self.inner.hint.is_none() {
            self.inner.hint = Some(hint.into());
        }
        self
    }

    /// Adds to the message what a layer knows that is farther out.
    #[must_use]
    pub fn note(mut self, note: impl fmt::Display) -> Self {
        let after = if self.inner.message.ends_with('?') { "" } else { ";" };
        self.inner.message = format!("{}{after} {note}", self.inner.message);
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    ) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// Says whether the same call may succeed when it is made again.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.inner.retryable = retryable;
        self
    }

    /// The kind to match on.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// What was attempted, if a layer named it.
    pub fn operation(&self) -> Option<&'static str> {
        self.inner.operation
    }

    /// The path it was attempted on, if a layer named it.
    pub fn path(&self) -> Option<&str> {
        self.inner.path.as_deref()
    }

    /// Why it failed, without operation, path and hint.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// What to do next, if there is advice.
    pub fn advice(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    /// Whether the same call may succeed when it is made again.
    pub fn is_retryable(&self) -> bool {
        self.inner.retryable
    }

    /// Whether this is [`ErrorKind::NotFound`].
    pub fn is_not_found(&self) -> bool {
        self.inner.kind == ErrorKind::NotFound
    }

    /// The whole story in one line: this error and every cause beneath it, joined by `: `. Causes repeat what they met, such as
    /// bytes of a damaged file: their control characters are escaped.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.extend(escaped(&cause.to_string(), |character| character.is_control()));
            source = cause.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.inner.operation, &self.inner.path) {
            (Some(operation), Some(path)) => write!(f, "cannot {operation} '{path}': ")?,
            (Some(operation), None) => write!(f, "cannot {operation}: ")?,
            (None, Some(path)) => write!(f, "'{path}': ")?,
            (None, None) => {}
        }
        // What is not ours, such as the text of somebody's record, must not drive the terminal of whoever reads it.
        let drives = |character: char| character.is_control() && character != '\n';
        escaped(&self.inner.message, drives).try_for_each(|character| f.write_char(character))?;
        match &self.inner.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// A text with some characters as Rust writes them in literals.
fn escaped(text: &str, which: impl Fn(char) -> bool) -> impl Iterator<Item = char> {
    text.chars().flat_map(move |character| {
        let (escape, plain) =
            if which(character) { (Some(character), None) } else { (None, Some(character)) };
        escape.into_iter().flat_map(char::escape_default).chain(plain)
    })
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.kind, self.chain())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::AlreadyExists => ErrorKind::AlreadyExists,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
            Io::UnexpectedEof | Io::InvalidData => ErrorKind::Corrupt,
            Io::TimedOut => ErrorKind::TimedOut,
            Io::WouldBlock | Io::ResourceBusy => ErrorKind::Busy,
            Io::InvalidFilename => ErrorKind::InvalidPath,
            Io::OutOfMemory => ErrorKind::LimitExceeded,
            Io::StorageFull | Io::QuotaExceeded => ErrorKind::Unavailable,
            _ => ErrorKind::Storage,
        };
        let message = match kind {
            ErrorKind::NotFound => "there is no such file or directory".to_owned(),
            ErrorKind::Unavailable => "the storage is full".to_owned(),
            _ => error.to_string(),
        };
        Error::new(kind, message).caused_by(error)
    }
}

/// Adds operation and path to the error of any result that converts into [`Error`].
pub trait ResultExt<T> {
    /// Names the operation (a verb phrase that follows "cannot") and the path; the innermost names are kept.
    fn context(self, operation: &'static str, path: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Error>> ResultExt<T> for std::result::Result<T, E> {
    fn context(self, operation: &'static str, path: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().during(operation).at(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_cannot_drive_a_terminal() {
        let cause = std::io::Error::other("unknown word 'a\u{1b}[2J\n'");
        let error = Error::new(ErrorKind::Corrupt, "it says 'b\u{7f}',\nand more").caused_by(cause);
        assert_eq!(error.chain(), "it says 'b\\u{7f}',\nand more: unknown word 'a\\u{1b}[2J\\n'");
    }

    #[test]
    fn the_chain_reaches_the_last_cause() {
        let cause = std::io::Error::other("disk on fire");
        let error = Error::new(ErrorKind::Storage, "the file cannot be read")
            .caused_by(cause)
            .during("open")
            .at("a/b");
        assert_eq!(error.chain(), "cannot open 'a/b': the file cannot be read: disk on fire");
    }

    #[test]
    fn the_innermost_context_is_kept() {
        let error = Error::new(ErrorKind::Busy, "locked").during("append").at("x").during("put").at("y");
        assert_eq!((error.operation(), error.path()), (Some("append"), Some("x")));
        assert!(error.is_retryable());
    }

    #[test]
    fn notes_stand_before_the_hint() {
        let error = Error::new(ErrorKind::InvalidInput, "no such option").hint("known: a").note("see b");
        assert_eq!(error.to_string(), "no such option; see b (known: a)");
        let asking = Error::new(ErrorKind::InvalidInput, "did you mean a?").note("see b");
        assert_eq!(asking.to_string(), "did you mean a? see b");
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }
}
