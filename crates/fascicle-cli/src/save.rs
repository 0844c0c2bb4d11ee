//! Files outside that are written as a whole or not at all.

use fascicle::{Error, ErrorKind, Result};
use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A file being written beside the place where it will appear.
pub(crate) struct Saved {
    file: BufWriter<tempfile::NamedTempFile>,
    path: PathBuf,
}

impl Saved {
    /// Begins to write; fails with [`ErrorKind::WrongKind`] when there is a folder at `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| Error::from(error).during("write file").at(path.display());
        if path.is_dir() {
            return Err(Error::new(ErrorKind::WrongKind, "it is a folder")
                .during("write file")
                .at(path.display()));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // What the umask leaves of this, as for any other new file.
        let permissions = Permissions::from_mode(0o666);
        let file = tempfile::Builder::new().prefix(".fascicle-").permissions(permissions).tempfile_in(folder);
        Ok(Saved { file: BufWriter::new(file.map_err(failed)?), path: path.to_owned() })
    }

    /// Makes the file appear, in place of one that is there.
    pub(crate) fn finish(self) -> Result<()> {
        let Saved { file, path } = self;
        let failed = |error: std::io::Error| Error::from(error).during("write file").at(path.display());
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map(|_: File| ()).map_err(|error| failed(error.error))
    }
}

impl Write for Saved {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
