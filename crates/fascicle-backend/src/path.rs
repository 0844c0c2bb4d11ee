//! Paths of entries, parsed once into a type that cannot hold a bad one.

use crate::{EntryKind, Error, ErrorKind, Result};
use std::{fmt, str::FromStr};
use unicode_normalization::is_nfc;

/// The longest name of one entry, in bytes; leaves room for a storage suffix within the usual 255.
pub const MAX_NAME_BYTES: usize = 200;
/// The longest path, in bytes.
pub const MAX_PATH_BYTES: usize = 900;
/// The deepest nesting.
pub const MAX_DEPTH: usize = 64;
/// Suffixes that formats use to store arrays and tables; no file or directory is created with one of them.
pub const RESERVED_SUFFIXES: [&str; 5] = [".h5", ".hdf5", ".zarr", ".parquet", ".csv"];

/// The path of an entry below the root of a backend, such as `cells/connections/pre_cell_id`; the root itself is empty.
///
/// Parsing accepts every path that may exist, so that what others wrote can be read;
/// [`check_creatable`](EntryPath::check_creatable) is stricter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryPath(String);

impl EntryPath {
    /// The root.
    pub fn root() -> Self {
        EntryPath::default()
    }

    /// Parses names joined by `/`. Fails with [`ErrorKind::InvalidPath`] for an empty, `.` or `..` name, a leading or
    /// trailing `/`, a backslash, a control character, a name beginning with `_` (those are reserved), and beyond the limits of
    /// length and depth. The empty text is the root.
    pub fn parse(path: &str) -> Result<Self> {
        if path.is_empty() {
            return Ok(EntryPath::root());
        }
        let refuse = |why: String| Err(Error::new(ErrorKind::InvalidPath, why).at(printable(path)));
        if path.len() > MAX_PATH_BYTES {
            return refuse(format!(
                "the path is {} bytes long, at most {MAX_PATH_BYTES} are allowed",
                path.len()
            ));
        }
        if path.starts_with('/') {
            return refuse(
                "the path of an entry is relative to its root and cannot begin with '/'".to_owned(),
            );
        }
        if path.split('/').count() > MAX_DEPTH {
            return refuse(format!("the path is nested deeper than {MAX_DEPTH} directories"));
        }
        for name in path.split('/') {
            if let Err(why) = check_name(name) {
                return refuse(why);
            }
        }
        Ok(EntryPath(path.to_owned()))
    }

    /// The path of the entry `name` within this directory; `name` may itself be a path.
    pub fn join(&self, name: &str) -> Result<Self> {
        if self.is_root() {
            return EntryPath::parse(name);
        }
        if name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidPath, "a name cannot be empty").at(&self.0));
        }
        EntryPath::parse(&format!("{}/{name}", self.0))
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The last name; empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }

    /// The directory this entry stands in; `None` for the root.
    pub fn parent(&self) -> Option<EntryPath> {
        if self.is_root() {
            return None;
        }
        Some(EntryPath(self.0.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned())))
    }

    /// The names from the root down.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// Every directory above this entry, from the child of the root down to the parent; the root is left out.
    pub fn ancestors(&self) -> impl Iterator<Item = EntryPath> + '_ {
        self.0.match_indices('/').map(|(end, _)| EntryPath(self.0.get(..end).unwrap_or("").to_owned()))
    }

    /// Whether this is `other` or stands somewhere within it.
    pub fn is_within(&self, other: &EntryPath) -> bool {
        other.is_root()
            || self.0 == other.0
            || self.0.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses to create an entry of `kind` here with [`ErrorKind::InvalidPath`], unless the name can exist on
    /// every storage: Unicode in normal form C; none of `: < > " | ? *`; no leading `.`, no trailing dot or space; no `#` followed
    /// by digits at the end; no device name of Windows; no [reserved suffix](RESERVED_SUFFIXES); and no dot in the
    /// name of an array or a table, because the format's suffix follows it.
    pub fn check_creatable(&self, kind: EntryKind) -> Result<()> {
        let refuse = |why: String| Err(Error::new(ErrorKind::InvalidPath, why).at(&self.0));
        let name = self.name();
        if self.is_root() {
            return refuse("the root itself cannot be created as an entry".to_owned());
        }
        if name.starts_with('.') {
            return refuse(format!("the name '{name}' begins with a dot, which hides it"));
        }
        if !is_nfc(name) {
            return refuse(format!(
                "the name '{name}' is not in Unicode normal form C, so that two spellings could look alike"
            ));
        }
        if let Some(character) = name.chars().find(|character| ":<>\"|?*".contains(*character)) {
            return refuse(format!(
                "the name '{name}' contains '{character}', which some storages cannot keep"
            ));
        }
        if name.ends_with('.') || name.ends_with(' ') || name.starts_with(' ') {
            return refuse(format!(
                "the name '{name}' begins or ends with a space or ends with a dot, which some storages drop"
            ));
        }
        if name
            .rsplit_once('#')
            .is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        {
            return refuse(format!(
                "the name '{name}' ends with '#' and digits, as the staging files of object stores do"
            ));
        }
        if is_device_name(name) {
            return refuse(format!("the name '{name}' is a device on Windows"));
        }
        let lower = name.to_ascii_lowercase();
        if let Some(suffix) = RESERVED_SUFFIXES.into_iter().find(|suffix| lower.ends_with(suffix)) {
            return Err(Error::new(
                ErrorKind::InvalidPath,
                format!("the name '{name}' ends with '{suffix}', under which arrays and tables are stored"),
            )
            .hint("store it as an array or a table, or under a name with another ending")
            .at(&self.0));
        }
        if matches!(kind, EntryKind::Array | EntryKind::Table) && name.contains('.') {
            return refuse(format!("the name '{name}' of {} contains a dot", article(kind)));
        }
        Ok(())
    }
}

fn article(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Array => "an array",
        EntryKind::Table => "a table",
        EntryKind::File => "a file",
        EntryKind::Directory => "a directory",
    }
}

fn check_name(name: &str) -> std::result::Result<(), String> {
    if name.is_empty() {
        return Err("a name between two '/' is empty".to_owned());
    }
    if name == "." || name == ".." {
        return Err(format!("'{name}' is not the name of an entry"));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(format!("a name is {} bytes long, at most {MAX_NAME_BYTES} are allowed", name.len()));
    }
    if let Some(character) = name.chars().find(|character| character.is_control()) {
        return Err(format!("a name contains the control character {character:?}"));
    }
    if name.contains('\\') {
        return Err(format!("the name '{name}' contains a backslash; directories are separated by '/'"));
    }
    if name.starts_with('_') {
        return Err(format!("the name '{name}' begins with '_', which is reserved"));
    }
    Ok(())
}

fn is_device_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or("").to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|digit| digit.len() == 1 && digit.bytes().all(|b| b.is_ascii_digit()))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

/// The path as it may be printed: control characters escaped, cut to a readable length.
fn printable(path: &str) -> String {
    let cut: String = path.chars().take(120).flat_map(char::escape_debug).collect();
    if path.chars().count() > 120 { format!("{cut}…") } else { cut }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EntryPath {
    type Err = Error;
    fn from_str(path: &str) -> Result<Self> {
        EntryPath::parse(path)
    }
}

impl AsRef<str> for EntryPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_paths_cannot_be_made() {
        let long_name = "n".repeat(MAX_NAME_BYTES + 1);
        let long_path = vec!["n".repeat(100); 10].join("/");
        let deep = vec!["d"; MAX_DEPTH + 1].join("/");
        for bad in [
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "a/./b",
            "a\\b",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "_meta.yaml",
            "a/_index",
            &long_name,
            &long_path,
            &deep,
        ] {
            assert_eq!(EntryPath::parse(bad).unwrap_err().kind(), ErrorKind::InvalidPath, "{bad:?}");
        }
    }

    #[test]
    fn paths_come_apart_by_names() {
        let path = EntryPath::parse("a/ü/c").unwrap();
        assert_eq!((path.name(), path.parent().unwrap().as_str()), ("c", "a/ü"));
        assert_eq!(path.ancestors().map(|p| p.to_string()).collect::<Vec<_>>(), ["a", "a/ü"]);
        assert!(path.is_within(&EntryPath::parse("a/ü").unwrap()) && path.is_within(&EntryPath::root()));
        assert!(!EntryPath::parse("ab").unwrap().is_within(&EntryPath::parse("a").unwrap()));
        assert!(EntryPath::root().join("").unwrap().is_root() && path.join("").is_err());
    }

    #[test]
    fn only_portable_names_are_created() {
        for bad in [
            ".hidden", "a:b", "a?", "what*", "end.", "end ", " x", "x#1", "CON", "nul.txt", "com1", "x.h5",
            "T.CSV", "u\u{308}",
        ] {
            let path = EntryPath::parse(bad).unwrap();
            assert_eq!(
                path.check_creatable(EntryKind::File).unwrap_err().kind(),
                ErrorKind::InvalidPath,
                "{bad:?}"
            );
        }
        let dotted = EntryPath::parse("a.b").unwrap();
        assert!(
            dotted.check_creatable(EntryKind::File).is_ok()
                && dotted.check_creatable(EntryKind::Array).is_err()
        );
        for good in ["x", "measurements 1", "ü", "日本", "notes.txt", "x#", "a-b_c", "C#sharp"] {
            assert!(EntryPath::parse(good).unwrap().check_creatable(EntryKind::File).is_ok(), "{good:?}");
        }
    }
}
