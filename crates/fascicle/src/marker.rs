//! What a root says about itself: the file `_fascicle.yaml`.

use fascicle_core::config::{Map, Value, yaml};
use fascicle_core::{Error, ErrorKind, Result};
use fascicle_local::{Existing, PublishOutcome, Root, Staging, blocking, versioned_file};
use std::path::Path;

/// The name of the file in a root.
pub const MARKER_FILE: &str = "_fascicle.yaml";

/// The format of roots that this version writes, and the latest that it reads.
pub const FORMAT_VERSION: u64 = 1;

const FIELDS: [&str; 3] = ["format_version", "backend", "options"];

/// The backend of a root and its options. A folder without a marker has the backend `hdf5` and no options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The name of the backend in the [`Registry`](crate::Registry).
    pub backend: String,
    /// The backend's options that belong to what is stored.
    pub options: Map,
}

impl Marker {
    /// The document.
    ///
    /// ```
    /// use fascicle::expert::Marker;
    /// let marker = Marker { backend: "hdf5".to_owned(), options: Default::default() };
    /// assert_eq!(marker.to_yaml()?, "format_version: 1\nbackend: hdf5\n");
    /// # Ok::<(), fascicle::Error>(())
    /// ```
    pub fn to_yaml(&self) -> Result<String> {
        let mut map = Map::new();
        map.insert("format_version".to_owned(), FORMAT_VERSION.into());
        map.insert("backend".to_owned(), self.backend.as_str().into());
        if !self.options.is_empty() {
            map.insert("options".to_owned(), Value::Map(self.options.clone()));
        }
        Ok(yaml::write_yaml(&Value::Map(map))?)
    }

    /// Reads a document. Fails with [`ErrorKind::Unsupported`] for a later format or a field of one, and with
    /// [`ErrorKind::Corrupt`] for what is no marker.
    pub fn from_yaml(bytes: &[u8]) -> Result<Self> {
        let document = yaml::read_yaml_bytes(bytes).map_err(|error| {
            let momentary = error.kind().is_momentary();
            broken(&error.to_string()).retryable(momentary).caused_by(error)
        })?;
        let map = document.as_map().ok_or_else(|| broken("it is not a mapping"))?;
        let version = map.get("format_version").ok_or_else(|| broken("'format_version' is missing"))?;
        // Looked at before everything else: of a later format nothing else is known.
        match version.as_u64() {
            Some(FORMAT_VERSION) => {}
            Some(0) | None => return Err(broken(&format!("'format_version' cannot be '{version}'"))),
            Some(later) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("'{MARKER_FILE}' is of format version {later}; the latest known here is {FORMAT_VERSION}"),
                )
                .hint("update fascicle"));
            }
        }
        if let Some(unknown) = map.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("'{MARKER_FILE}' has an unknown field '{unknown}'"),
            )
            .hint(format!("known are {}", FIELDS.join(", "))));
        }
        let backend = map.get("backend").ok_or_else(|| broken("'backend' is missing"))?;
        let backend = backend.as_str().ok_or_else(|| broken("'backend' is not text"))?.to_owned();
        let options = match map.get("options") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Map(options)) => options.clone(),
            Some(_) => return Err(broken("'options' is not a mapping")),
        };
        Ok(Marker { backend, options })
    }

    /// Reads the marker of a folder, `None` when there is none. Fails with [`ErrorKind::WrongKind`] when there is something
    /// that is no folder; otherwise as [`Marker::from_yaml`].
    pub async fn read(folder: &Path) -> Result<Option<Self>> {
        let folder = folder.to_owned();
        blocking(move || read_blocking(&folder)).await
    }

    /// Writes the marker of a folder, which is created when it is missing. In one step: of any number of callers one
    /// writes it. Fails with [`ErrorKind::AlreadyExists`] when the folder has another marker.
    pub async fn create(&self, folder: &Path) -> Result<()> {
        let (marker, folder) = (self.clone(), folder.to_owned());
        blocking(move || create_blocking(&marker, &folder)).await
    }

    /// Refuses to make a root with another marker where this one stands.
    pub(crate) fn is_another(&self) -> Error {
        let (backend, options) = (&self.backend, Value::Map(self.options.clone()));
        let message = format!("it is a root already, of the backend '{backend}' with the options {options}");
        Error::new(ErrorKind::AlreadyExists, message).hint("choose another place, or open this one as it is")
    }
}

fn read_blocking(folder: &Path) -> Result<Option<Marker>> {
    let folder = match Root::new(folder, false)?.folder("") {
        Err(error) if error.is_not_found() => return Ok(None),
        folder => folder?,
    };
    match versioned_file::read(&folder, MARKER_FILE)? {
        None => Ok(None),
        Some(document) => Marker::from_yaml(&document.bytes).map(Some),
    }
}

fn create_blocking(marker: &Marker, path: &Path) -> Result<()> {
    // Most calls find it there, and a look leaves nothing behind in a folder that may not be written to.
    if read_blocking(path)?.is_none() {
        let root = Root::new(path, false)?;
        let document = marker.to_yaml()?;
        root.create()?;
        let staged = Staging::new(root.clone(), true).write_file(document.as_bytes())?;
        if staged.publish(&root.folder("")?, MARKER_FILE, Existing::Keep)? == PublishOutcome::Published {
            return Ok(());
        }
    }
    match read_blocking(path)? {
        Some(stored) if stored == *marker => Ok(()),
        Some(stored) => Err(stored.is_another()),
        None => {
            Err(Error::new(ErrorKind::Conflict, format!("'{MARKER_FILE}' was removed as it was written")))
        }
    }
}

fn broken(why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("'{MARKER_FILE}' cannot be used: {why}"))
        .hint("repair it; of a folder that holds data, it says how that is stored")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_round_trip() {
        let options = Map::from_iter([("tables".to_owned(), Value::from("csv"))]);
        let marker = Marker { backend: "hdf5".to_owned(), options };
        let text = marker.to_yaml().unwrap();
        assert_eq!(text, "format_version: 1\nbackend: hdf5\noptions:\n  tables: csv\n");
        assert_eq!(Marker::from_yaml(text.as_bytes()).unwrap(), marker);
    }

    #[test]
    fn what_is_no_marker() {
        for (text, kind, named) in [
            ("", ErrorKind::Corrupt, "empty"),
            ("[", ErrorKind::Corrupt, ""),
            ("1", ErrorKind::Corrupt, "mapping"),
            ("backend: hdf5", ErrorKind::Corrupt, "format_version"),
            ("format_version: x\nbackend: hdf5", ErrorKind::Corrupt, "'x'"),
            ("format_version: 2\nwhatever: [", ErrorKind::Corrupt, ""),
            ("format_version: 2\nwhatever: 1", ErrorKind::Unsupported, "format version 2"),
            ("format_version: 1", ErrorKind::Corrupt, "backend"),
            ("format_version: 1\nbackend: 3", ErrorKind::Corrupt, "backend"),
            ("format_version: 1\nbackend: hdf5\noptions: 3", ErrorKind::Corrupt, "options"),
            ("format_version: 1\nbackend: hdf5\nowner: me", ErrorKind::Unsupported, "'owner'"),
            ("a: &a [1]\nb: *a", ErrorKind::Corrupt, ""),
        ] {
            let error = Marker::from_yaml(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{text}: {error}");
            assert!(error.to_string().contains(named), "{text}: {error}");
        }
    }
}
