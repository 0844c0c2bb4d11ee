//! The choice of storage outside of programs: places with names, in a file `fascicle.yaml`.
//!
//! ```yaml
//! default: local
//! places:
//!   local: { url: ./data, options: { tables: csv } }
//!   shared:
//!     url: /mnt/lab/data
//!     backend: hdf5
//!     options: { lock_timeout: 5m }
//!     arrays: { chunk_bytes: 8MiB, codec: gzip, level: 4 }
//! profiles:
//!   cluster: { default: shared, places: { local: { url: /scratch/data } } }
//! ```
//!
//! A program opens `@shared`, or `@` for the default, and is run elsewhere by another file, or by another word in the
//! environment: `FASCICLE_PLACE=shared ./simulate`. See [`StorageConfiguration::find`] for where the file is looked for,
//! and [`StorageConfiguration::read`] for what it holds.

mod document;
mod fields;
mod layer;
mod place;

pub use document::FILE_NAME;
pub use place::ConfiguredPlace;

pub(crate) use fields::did_you_mean;
pub(crate) use layer::check_name;

use document::merge;
use fascicle_core::config::{Map, Value};
use fascicle_core::{Error, ErrorKind, Result, ResultExt};
use fields::{Fields, shown};
use layer::{FIELDS, Layer, PROFILE_FIELDS};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// The environment variable that holds the path of the file.
pub const FILE_VARIABLE: &str = "FASCICLE_CONFIG";

/// The environment variable that names the profile.
pub const PROFILE_VARIABLE: &str = "FASCICLE_PROFILE";

/// The environment variable that names the default place.
pub const PLACE_VARIABLE: &str = "FASCICLE_PLACE";

const OPERATION: &str = "use the storage configuration";

/// The places that a file names, with one profile put upon them.
///
/// ```
/// use fascicle::{OpenOptions, StorageConfiguration};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("fascicle.yaml");
/// std::fs::write(&file, "default: quick\nplaces: {quick: {url: 'memory:quick'}}").unwrap();
/// let configuration = StorageConfiguration::read(&file, None)?;
/// assert_eq!(configuration.default_name(), Some("quick"));
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// // Programs that leave the choice to `find` call `fascicle::open("@")`.
/// let root = OpenOptions::default().with_configuration(configuration).open("@").await?;
/// root.dir("cells")?.put("x", [1.0]).await?;
/// # Ok::<(), fascicle::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StorageConfiguration {
    file: PathBuf,
    profile: Option<String>,
    default: Option<String>,
    places: BTreeMap<String, ConfiguredPlace>,
}

impl StorageConfiguration {
    /// The configuration of this process: the file at `FASCICLE_CONFIG`, else the nearest `fascicle.yaml` in the working
    /// directory or above it; with the profile `FASCICLE_PROFILE`, and with `FASCICLE_PLACE` as the default place.
    /// Variables that are empty are as if they were not set.
    ///
    /// A file that is found, and not named, is refused with [`ErrorKind::PermissionDenied`] when it belongs to another user
    /// and lies in a folder that everybody can write to, such as `/tmp`.
    ///
    /// - Errors: [`ErrorKind::InvalidInput`] when there is no file, and for unknown names in the environment; otherwise as
    ///   [`StorageConfiguration::read`].
    /// - Cost: reads the file.
    pub fn find() -> Result<Self> {
        let file = match variable(FILE_VARIABLE) {
            Some(path) => PathBuf::from(path),
            None => {
                let folder = std::env::current_dir()
                    .map_err(|error| Error::from(error).during("find the working directory"))?;
                document::search(&folder).map_err(|error| error.during("find the storage configuration"))?
            }
        };
        let profile = text_variable(PROFILE_VARIABLE)?;
        let configuration = Self::read(&file, profile.as_deref())?;
        match text_variable(PLACE_VARIABLE)? {
            None => Ok(configuration),
            Some(place) => configuration.with_default(&place).map_err(|error| {
                error.note(format!("the environment variable {PLACE_VARIABLE} is set to it"))
            }),
        }
    }

    /// Reads a file, and puts the profile of that name upon it.
    ///
    /// The file has the fields `default` (the name of a place), `places` and `profiles`. A place has
    ///
    /// - `url`: a folder, relative to the file, or whatever else [`Place`](crate::Place) understands; without user, password
    ///   and query;
    /// - `backend`: its name in the [`Registry`](crate::Registry); where it is missing, what the place itself says;
    /// - `options`: those of the backend by their names, each text, a number or a truth value, and no secret;
    /// - `arrays`: `chunk_bytes` (`8MiB`), `codec` (`zstd`, `gzip`, `none`) and its `level`, for arrays of which the program
    ///   does not say it, see [`ArrayDefaults`](crate::ArrayDefaults);
    /// - `tables`: `codec` and `level`.
    ///
    /// A profile has `default` and `places`. It is put upon the file key by key: a mapping in a mapping's place is merged
    /// with it, anything else takes the place of what was there, and `null` takes it away. All profiles are checked.
    ///
    /// - Errors: [`ErrorKind::InvalidInput`] for a missing file, unknown fields, wrong values and an unknown profile, naming
    ///   file and dotted path; [`ErrorKind::Corrupt`] for what is not YAML; [`ErrorKind::LimitExceeded`] beyond 1 MiB, 50,000
    ///   values or 64 levels.
    pub fn read(file: impl AsRef<Path>, profile: Option<&str>) -> Result<Self> {
        let file = file.as_ref();
        let file = std::path::absolute(file).context(OPERATION, file.display())?;
        document::read(&file)
            .and_then(|map| Self::understand(&file, map, profile))
            .context(OPERATION, file.display())
    }

    fn understand(file: &Path, mut map: Map, profile: Option<&str>) -> Result<Self> {
        Layer::read(&map, "", &FIELDS)?;
        let over = profile_of(&map, profile)?;
        map.shift_remove("profiles");
        if let Some(over) = over {
            merge(&mut map, &over);
        }
        let Layer { default, places } = Layer::read(&map, "", &FIELDS)?;
        let folder = file.parent().unwrap_or(Path::new("/"));
        let places = places
            .into_iter()
            .map(|(name, layer)| Ok((name.clone(), ConfiguredPlace::new(name, file, folder, layer)?)))
            .collect::<Result<BTreeMap<_, _>>>()
            .map_err(|error| match profile {
                Some(profile) => error.note(format!("the profile '{profile}' is put upon it")),
                None => error,
            })?;
        let configuration = StorageConfiguration {
            file: file.to_owned(),
            profile: profile.map(str::to_owned),
            default,
            places,
        };
        match &configuration.default {
            Some(name) if !configuration.places.contains_key(name) => {
                Err(configuration.unknown(name, "`default` names"))
            }
            _ => Ok(configuration),
        }
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The profile that is put upon it.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The names of the places, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// The name of the place that `@` stands for.
    pub fn default_name(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// Another default place. Fails with [`ErrorKind::InvalidInput`] for an unknown one.
    pub fn with_default(mut self, name: &str) -> Result<Self> {
        self.place(Some(name))?;
        self.default = Some(name.to_owned());
        Ok(self)
    }

    /// The place of a name; `None` is the default. Fails with [`ErrorKind::InvalidInput`] for an unknown one, naming those
    /// that are known.
    pub fn place(&self, name: Option<&str>) -> Result<&ConfiguredPlace> {
        let place = match name.or(self.default_name()) {
            Some(name) => self.places.get(name).ok_or_else(|| self.unknown(name, "there is no")),
            None => Err(Error::new(ErrorKind::InvalidInput, "it names no default place").hint(format!(
                "give it a field `default`, set {PLACE_VARIABLE}, or write @NAME; {}",
                self.known()
            ))),
        };
        place.context(OPERATION, self.file.display())
    }

    fn unknown(&self, name: &str, what: &str) -> Error {
        let (shown, meant) = (shown(name), did_you_mean(name, self.names()));
        let unknown = if what.ends_with("no") { "" } else { ", which is not known" };
        Error::new(ErrorKind::InvalidInput, format!("{what} place '{shown}'{unknown}{meant}"))
            .hint(self.known())
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.names().collect();
        if names.is_empty() {
            "it has no places".to_owned()
        } else {
            format!("its places are {}", names.join(", "))
        }
    }
}

/// The fields of a profile. All that there are must make sense.
fn profile_of(map: &Map, asked: Option<&str>) -> Result<Option<Map>> {
    let none = Map::new();
    let fields = Fields::new(map, "", &FIELDS)?;
    let (profiles, path) = fields.map("profiles")?.unwrap_or((&none, "profiles".to_owned()));
    let fields = Fields::named_by_user(profiles, &path);
    for (name, _) in fields.iter() {
        check_name(name).map_err(|why| fields.refuse(name, why))?;
        if let Some((profile, path)) = fields.map(name)? {
            Layer::read(profile, &path, &PROFILE_FIELDS)?;
        }
    }
    let Some(asked) = asked else { return Ok(None) };
    match profiles.get(asked) {
        Some(Value::Map(profile)) => Ok(Some(profile.clone())),
        // A profile that says nothing.
        Some(_) => Ok(Some(none)),
        None => {
            let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
            let meant = did_you_mean(asked, known.iter().copied());
            let message = format!("there is no profile '{}'{meant}", shown(asked));
            Err(Error::new(ErrorKind::InvalidInput, message).hint(match known.is_empty() {
                true => "it has no profiles".to_owned(),
                false => format!("its profiles are {}", known.join(", ")),
            }))
        }
    }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn text_variable(name: &str) -> Result<Option<String>> {
    let text = variable(name).map(OsString::into_string).transpose();
    text.map_err(|_| {
        Error::new(ErrorKind::InvalidInput, format!("the environment variable {name} is not UTF-8"))
    })
}

impl fmt::Debug for StorageConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageConfiguration")
            .field("file", &self.file)
            .field("profile", &self.profile)
            .field("default", &self.default)
            .field("places", &self.places.values())
            .finish()
    }
}
