//! The file: found, read within bounds, and merged with a profile.

use super::fields::shown;
use crate::secret::looks_secret;
use fascicle_core::config::{ConfigError, ConfigErrorKind, Map, Value, yaml};
use fascicle_core::{Error, ErrorKind, Result};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The name of the file.
pub const FILE_NAME: &str = "fascicle.yaml";

/// The nearest file of that name in `folder` or above it.
pub(super) fn search(folder: &Path) -> Result<PathBuf> {
    let found =
        folder.ancestors().map(|folder| folder.join(FILE_NAME)).find(|file| file.symlink_metadata().is_ok());
    let file = found.ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("there is no '{FILE_NAME}' in '{}' or above it", folder.display()),
        )
        .hint(format!("write one, or set {} to the path of one", super::FILE_VARIABLE))
    })?;
    check_not_planted(&file)?;
    Ok(file)
}

/// Refuses a file that just anybody could have put in the way.
fn check_not_planted(file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    // What cannot be looked at here cannot be read later, either.
    let (Ok(stat), Ok(folder)) = (file.symlink_metadata(), folder.metadata()) else { return Ok(()) };
    if !is_planted(stat.uid(), rustix::process::geteuid().as_raw(), folder.mode()) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::PermissionDenied,
        "it belongs to another user and lies in a folder that everybody can write to",
    )
    .at(file.display())
    .hint(format!("set {} to its path to use it nevertheless", super::FILE_VARIABLE)))
}

fn is_planted(owner: u32, user: u32, mode_of_folder: u32) -> bool {
    const OTHERS_WRITE: u32 = 0o002;
    owner != user && owner != 0 && mode_of_folder & OTHERS_WRITE != 0
}

/// Reads the file. Takes no more memory than a configuration can have, whatever is there.
pub(super) fn read(file: &Path) -> Result<Map> {
    // Something else could be without an end, or without a beginning, as a pipe.
    let kind = fs::metadata(file).map_err(unreadable)?;
    if !kind.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut bytes = Vec::new();
    let limit = yaml::DOCUMENT_BYTE_LIMIT as u64 + 1;
    File::open(file).map_err(unreadable)?.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    match yaml::read_yaml_bytes(&bytes) {
        Ok(Value::Map(map)) => Ok(map),
        Ok(other) => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("it is {}, and not a mapping of 'default', 'places' and 'profiles'", other.kind_name()),
        )),
        Err(error) => Err(unparsable(&error)),
    }
}

fn unreadable(error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        // Not `NotFound`, which is said of entries, and answered by making them.
        return Error::new(ErrorKind::InvalidInput, "there is no such file").caused_by(error);
    }
    error.into()
}

fn unparsable(error: &ConfigError) -> Error {
    let kind = match error.kind() {
        ConfigErrorKind::Limit => ErrorKind::LimitExceeded,
        _ => ErrorKind::Corrupt,
    };
    let path = error.path();
    // Messages of the reader quote what they are about.
    let may_be_secret = path.split('.').any(looks_secret) || error.message().contains("://");
    let message = if may_be_secret { "it cannot be read" } else { error.message() };
    let place = if path.is_empty() { String::new() } else { format!("`{}`: ", shown(&path)) };
    Error::new(kind, format!("{place}{message}"))
}

/// Puts `over` upon `base`, mappings field by field; a field that is `null` is taken away.
pub(super) fn merge(base: &mut Map, over: &Map) {
    for (name, value) in over {
        match (base.get_mut(name), value) {
            (_, Value::Null) => {
                base.shift_remove(name);
            }
            (Some(Value::Map(base)), Value::Map(over)) => merge(base, over),
            (_, value) => {
                base.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Map {
        yaml::read_yaml(text).unwrap().as_map().unwrap().clone()
    }

    #[test]
    fn profiles_are_merged_key_by_key() {
        let mut base = map("{default: a, places: {a: {url: x, options: {p: 1, q: 2}}, b: {url: y}}}");
        merge(&mut base, &map("{places: {a: {options: {q: null, r: [3]}}, b: null, c: {url: z}}}"));
        let merged = "{default: a, places: {a: {url: x, options: {p: 1, r: [3]}}, c: {url: z}}}";
        assert_eq!(Value::Map(base).to_string(), merged);
    }

    #[test]
    fn files_of_others_where_everybody_writes_are_planted() {
        for (owner, user, mode, planted) in [
            (1001, 1000, 0o41777, true),
            (1001, 1000, 0o40777, true),
            (1000, 1000, 0o41777, false),
            (0, 1000, 0o41777, false),
            (1001, 1000, 0o40775, false),
            (1001, 0, 0o41777, true),
        ] {
            assert_eq!(is_planted(owner, user, mode), planted, "{owner} {user} {mode:o}");
        }
    }
}
