//! What the operating system refuses, as typed errors that name the file and the system's reason.

use fascicle_backend::{Error, ErrorKind};
use rustix::io::Errno;
use std::{io, path::Path};

/// The error of a system call on `path`; `doing` is a gerund, such as `opening`.
///
/// The path of the *entry* is left for the caller to name, as an entry may consist of several files.
pub fn storage_error(doing: &str, path: &Path, error: impl Into<io::Error>) -> Error {
    let error = error.into();
    let (kind, hint) = classify(&error);
    let reason = match kind {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        _ => error.to_string(),
    };
    let retryable = error.raw_os_error() == Some(Errno::STALE.raw_os_error())
        || matches!(kind, ErrorKind::Busy | ErrorKind::TimedOut);
    let mut typed = Error::new(kind, format!("{doing} '{}' failed: {reason}", path.display()))
        .retryable(retryable)
        .caused_by(error);
    if let Some(hint) = hint {
        typed = typed.hint(hint);
    }
    typed
}

fn classify(error: &io::Error) -> (ErrorKind, Option<&'static str>) {
    let Some(code) = error.raw_os_error() else {
        return (kind_without_code(error), None);
    };
    match Errno::from_raw_os_error(code) {
        Errno::NOENT => (ErrorKind::NotFound, None),
        Errno::EXIST | Errno::NOTEMPTY => (ErrorKind::AlreadyExists, None),
        Errno::ACCESS | Errno::PERM => {
            (ErrorKind::PermissionDenied, Some("check the owner and the mode of the file and its folder"))
        }
        Errno::ROFS => (ErrorKind::PermissionDenied, Some("the file system is mounted read-only")),
        Errno::NOTDIR | Errno::ISDIR => (ErrorKind::WrongKind, None),
        Errno::LOOP => (ErrorKind::Corrupt, Some("symbolic links lead in a circle; remove the link")),
        Errno::NAMETOOLONG => (ErrorKind::InvalidPath, Some("this file system allows only shorter names")),
        Errno::INVAL | Errno::ILSEQ => (ErrorKind::Storage, None),
        Errno::NOSPC | Errno::DQUOT => {
            (ErrorKind::Unavailable, Some("free space, or choose a place on another file system"))
        }
        Errno::MFILE | Errno::NFILE => {
            (ErrorKind::Unavailable, Some("too many files are open at once; raise the limit (ulimit -n)"))
        }
        Errno::STALE | Errno::NODEV | Errno::NXIO => (
            ErrorKind::Unavailable,
            Some("the file system was unmounted or its server has forgotten the file"),
        ),
        Errno::FBIG => {
            (ErrorKind::LimitExceeded, Some("the file system or a limit allows only smaller files"))
        }
        Errno::NOMEM => (ErrorKind::LimitExceeded, None),
        Errno::BUSY | Errno::AGAIN | Errno::TXTBSY => (ErrorKind::Busy, None),
        Errno::TIMEDOUT => (ErrorKind::TimedOut, None),
        Errno::XDEV => (
            ErrorKind::Unsupported,
            Some(
                "everything under one root must be on one file system; open the mounted folder as a root of its own",
            ),
        ),
        _ => (kind_without_code(error), None),
    }
}

fn kind_without_code(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => ErrorKind::Corrupt,
        _ => ErrorKind::Storage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_are_typed_and_name_the_file() {
        let cases = [
            (Errno::NOSPC, ErrorKind::Unavailable),
            (Errno::ACCESS, ErrorKind::PermissionDenied),
            (Errno::ROFS, ErrorKind::PermissionDenied),
            (Errno::NOTDIR, ErrorKind::WrongKind),
            (Errno::LOOP, ErrorKind::Corrupt),
            (Errno::XDEV, ErrorKind::Unsupported),
            (Errno::NAMETOOLONG, ErrorKind::InvalidPath),
            (Errno::MFILE, ErrorKind::Unavailable),
            (Errno::IO, ErrorKind::Storage),
        ];
        for (code, kind) in cases {
            let error = storage_error("writing", Path::new("/data/x.h5"), code);
            assert_eq!(error.kind(), kind, "{code:?}");
            assert!(error.message().contains("/data/x.h5"), "{error}");
            assert!(std::error::Error::source(&error).is_some(), "the cause of {error} is kept");
        }
    }
}
