//! Places as users write them: folders, memory, addresses of other storage, and names that a file gives to these.

use crate::configuration::{StorageConfiguration, check_name};
use fascicle_core::{EntryPath, Error, ErrorKind, Result};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a root is.
///
/// | written | is |
/// |---|---|
/// | `data`, `./data`, `/mnt/data` | a folder |
/// | `file:///mnt/my%20data` | a folder |
/// | `memory:`, `memory:name` | memory of this process, shared under its name while a handle to it lives |
/// | `scheme://…` | an address that a backend may know |
/// | `@name`, `@name/dir/entry` | a place of the [`StorageConfiguration`], and an entry in it |
/// | `@`, `@/dir/entry` | its default place, and an entry in it |
///
/// A folder whose name looks like an address or a name is written with `./` before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A folder of a local file system.
    Folder(PathBuf),
    /// Memory of this process, under a name that may be empty.
    Memory(String),
    /// An address with a scheme of its own.
    Address(Address),
    /// A place with a name, and perhaps an entry in it.
    Named(NamedPlace),
}

/// A place by its name in the [`StorageConfiguration`], and the path of an entry in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPlace {
    name: Option<String>,
    entry: EntryPath,
}

impl NamedPlace {
    /// The name, `None` for the default place.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The path of the entry below the root, empty for the root itself.
    pub fn entry(&self) -> &EntryPath {
        &self.entry
    }

    /// The place alone, as it is written.
    pub fn root(&self) -> String {
        format!("@{}", self.name.as_deref().unwrap_or_default())
    }
}

/// An address such as `s3://bucket/prefix`. As it may hold credentials, only its scheme is ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    scheme: String,
    text: String,
}

impl Address {
    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The whole address as it was given, credentials included: not for messages.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://…", self.scheme)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl Place {
    /// Understands what a user wrote. Touches nothing.
    ///
    /// Errors: [`ErrorKind::InvalidInput`] and [`ErrorKind::InvalidPath`] for what is no place.
    ///
    /// ```
    /// use fascicle::Place;
    /// let Place::Named(place) = Place::parse("@cloud/Cells_0000/x")? else { unreachable!() };
    /// assert_eq!((place.name(), place.entry().as_str()), (Some("cloud"), "Cells_0000/x"));
    /// assert_eq!(Place::parse("file:///mnt/my%20data")?, Place::Folder("/mnt/my data".into()));
    /// assert_eq!(Place::parse("memory:cells")?, Place::Memory("cells".to_owned()));
    /// assert_eq!(Place::parse("s3://key:secret@bucket/x?token=1")?.to_string(), "s3://…");
    /// # Ok::<(), fascicle::Error>(())
    /// ```
    pub fn parse(place: impl AsRef<Path>) -> Result<Place> {
        let path = place.as_ref();
        let place = match path.to_str() {
            Some(text) => parse_text(text),
            None => Ok(Place::Folder(path.to_owned())),
        };
        place.map_err(|error| error.during("understand the place"))
    }

    /// Where a named place is, as [`StorageConfiguration::find`] says, which reads a file; any other place is where it is.
    pub fn located(self) -> Result<Place> {
        match self {
            Place::Named(named) => Ok(StorageConfiguration::find()?.place(named.name())?.address().clone()),
            place => Ok(place),
        }
    }

    /// The backend of a place that says nothing else.
    pub fn default_backend(&self) -> Option<&'static str> {
        match self {
            Place::Folder(_) => Some("hdf5"),
            Place::Memory(_) => Some("memory"),
            Place::Address(_) | Place::Named(_) => None,
        }
    }
}

impl fmt::Display for Place {
    /// For people and messages; without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(path) => write!(f, "{}", path.display()),
            Place::Memory(name) => write!(f, "memory:{name}"),
            Place::Address(address) => address.fmt(f),
            Place::Named(named) if named.entry.is_root() => f.write_str(&named.root()),
            Place::Named(named) => write!(f, "{}/{}", named.root(), named.entry),
        }
    }
}

fn parse_text(text: &str) -> Result<Place> {
    if text.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is empty").hint("the current folder is '.'"));
    }
    if text.contains('\0') {
        return Err(Error::new(ErrorKind::InvalidPath, "it holds a NUL character"));
    }
    if let Some(named) = text.strip_prefix('@') {
        return parse_named(named)
            .map(Place::Named)
            .map_err(|error| error.hint("it is written @NAME/DIR/ENTRY; './@…' is a folder of such a name"));
    }
    if text == "~" || text.starts_with("~/") {
        return Err(Error::new(ErrorKind::InvalidInput, "'~' stands for the home folder in shells only")
            .hint("give the whole path, or './~' for a folder of that name"));
    }
    let Some((scheme, rest)) = split_scheme(text) else { return Ok(Place::Folder(text.into())) };
    match scheme.as_str() {
        "memory" => Ok(Place::Memory(rest.strip_prefix("//").unwrap_or(rest).to_owned())),
        "file" => parse_file_address(rest),
        _ if rest.starts_with("//") => Ok(Place::Address(Address { scheme, text: text.to_owned() })),
        // A folder may have a colon in its name.
        _ => Ok(Place::Folder(text.into())),
    }
}

fn parse_named(text: &str) -> Result<NamedPlace> {
    let (name, entry) = text.split_once('/').unwrap_or((text, ""));
    if !name.is_empty()
        && let Err(why) = check_name(name)
    {
        return Err(Error::new(ErrorKind::InvalidInput, format!("what follows '@' {why}")));
    }
    let entry = EntryPath::parse(entry.strip_suffix('/').unwrap_or(entry))?;
    Ok(NamedPlace { name: Some(name.to_owned()).filter(|name| !name.is_empty()), entry })
}

fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let begins = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let known = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    (begins && scheme.len() > 1 && scheme.chars().all(known)).then(|| (scheme.to_ascii_lowercase(), rest))
}

fn parse_file_address(rest: &str) -> Result<Place> {
    let refuse = |why: &str| {
        Err(Error::new(ErrorKind::InvalidInput, format!("the 'file:' address {why}"))
            .hint("it is written file:///absolute/path, with special characters as %XX"))
    };
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => match rest.find('/').map(|slash| rest.split_at(slash)) {
            Some(("" | "localhost", path)) => path,
            _ => return refuse("names another machine"),
        },
    };
    if !path.starts_with('/') {
        return refuse("has no absolute path");
    }
    if path.contains(['?', '#']) {
        return refuse("has a '?' or '#', which paths do not have");
    }
    match percent_decode_str(path).decode_utf8() {
        Ok(path) if path.contains('\0') => refuse("holds a NUL character"),
        Ok(path) => Ok(Place::Folder(path.into_owned().into())),
        Err(_) => refuse("is not UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &str) -> Place {
        Place::Folder(path.into())
    }

    #[test]
    fn what_users_write() {
        for (text, place) in [
            ("data", folder("data")),
            ("./s3://x", folder("./s3://x")),
            ("a:b", folder("a:b")),
            ("C:/x", folder("C:/x")),
            ("/mnt/data/", folder("/mnt/data/")),
            ("~user", folder("~user")),
            ("memory:", Place::Memory(String::new())),
            ("memory://a", Place::Memory("a".to_owned())),
            ("file:/a", folder("/a")),
            ("FILE://localhost/a%23b", folder("/a#b")),
        ] {
            assert_eq!(Place::parse(text).unwrap(), place, "{text}");
        }
        for (text, name, entry, shown) in [
            ("@", None, "", "@"),
            ("@/", None, "", "@"),
            ("@/a/b/", None, "a/b", "@/a/b"),
            ("@cloud", Some("cloud"), "", "@cloud"),
            ("@my-cloud_2/a/b", Some("my-cloud_2"), "a/b", "@my-cloud_2/a/b"),
        ] {
            let place = Place::parse(text).unwrap();
            assert_eq!(place.to_string(), shown);
            let Place::Named(place) = place else { panic!("{text} is no named place") };
            assert_eq!((place.name(), place.entry().as_str()), (name, entry), "{text}");
        }
        assert_eq!(Place::parse("./@cloud").unwrap(), folder("./@cloud"));
        let Place::Address(address) = Place::parse("S3://bucket/x").unwrap() else { panic!("no address") };
        assert_eq!((address.scheme(), address.text()), ("s3", "S3://bucket/x"));
    }

    #[test]
    fn what_is_no_place() {
        for text in [
            "",
            "a\0b",
            "@a b",
            "@-x",
            "@a.b/c",
            "@cloud/../x",
            "@cloud//x",
            "@//x",
            "@a@b",
            "~",
            "~/x",
            "file://host/x",
            "file:x",
            "file:///x?y",
            "file:///%00",
            "file:///%ff",
        ] {
            let error = Place::parse(text).unwrap_err();
            assert!(error.to_string().starts_with("cannot understand the place"), "{text}: {error}");
        }
    }

    #[test]
    fn credentials_are_never_printed() {
        for text in [
            "s3://user:pass@host/x",
            "s3://user:pa/ss@host/x",
            "gs://host/x?token=pass",
            "https://host/x#pass",
        ] {
            let place = Place::parse(text).unwrap();
            assert!(!format!("{place} {place:?} {place:#?}").contains("pa"), "{place:?}");
        }
    }
}
