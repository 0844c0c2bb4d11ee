//! What the fields of the file mean, before and after a profile is put upon them.

use super::fields::{Fields, shown};
use crate::Place;
use crate::quantity::{BYTE_SIZE_FORM, byte_size};
use crate::secret::{address_refusal, looks_secret};
use fascicle_core::config::{Map, Value};
use fascicle_core::{ArrayDefaults, Codec, Error, Result, TableDefaults};
use std::path::Path;

/// The fields of the whole file.
pub(super) const FIELDS: [&str; 3] = ["default", "places", "profiles"];

/// The fields of a profile.
pub(super) const PROFILE_FIELDS: [&str; 2] = ["default", "places"];

const PLACE_FIELDS: [&str; 5] = ["url", "backend", "options", "arrays", "tables"];
const ARRAY_FIELDS: [&str; 3] = ["chunk_bytes", "codec", "level"];
const TABLE_FIELDS: [&str; 2] = ["codec", "level"];
const CODECS: &str = "zstd, gzip or none";
const LARGEST_CHUNK_BYTES: u64 = 1 << 30;
const LONGEST_NAME: usize = 64;

/// What the file, or a profile in it, says. Everything can be missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    pub(super) default: Option<String>,
    pub(super) places: Vec<(String, PlaceLayer)>,
}

/// What is said about a place.
#[derive(Clone, Debug)]
pub(super) struct PlaceLayer {
    /// Where it stands in the file.
    pub(super) path: String,
    pub(super) url: Option<String>,
    pub(super) backend: Option<String>,
    pub(super) options: Map,
    arrays: Option<(Map, String)>,
    tables: Option<(Map, String)>,
}

impl Layer {
    /// Reads the fields `default` and `places` of a mapping that may have the fields `known`.
    pub(super) fn read(map: &Map, path: &str, known: &[&str]) -> Result<Self> {
        let fields = Fields::new(map, path, known)?;
        let default = fields.text("default")?.map(str::to_owned);
        let mut places = Vec::new();
        if let Some((map, path)) = fields.map("places")? {
            let fields = Fields::named_by_user(map, &path);
            for (name, _) in fields.iter() {
                check_name(name).map_err(|why| fields.refuse(name, why))?;
                if let Some((map, path)) = fields.map(name)? {
                    places.push((name.to_owned(), PlaceLayer::read(map, path)?));
                }
            }
        }
        Ok(Layer { default, places })
    }
}

impl PlaceLayer {
    fn read(map: &Map, path: String) -> Result<Self> {
        let fields = Fields::new(map, &path, &PLACE_FIELDS)?;
        let url = fields.text("url")?;
        if let Some(why) = url.and_then(url_refusal) {
            return Err(fields.refuse("url", why).hint(NO_SECRETS));
        }
        let options = match fields.map("options")? {
            None => Map::new(),
            Some((map, path)) => read_options(&Fields::named_by_user(map, &path))?,
        };
        let owned = |part: Option<(&Map, String)>| part.map(|(map, path)| (map.clone(), path));
        let place = PlaceLayer {
            url: url.map(str::to_owned),
            backend: fields.text("backend")?.map(str::to_owned),
            options,
            arrays: owned(fields.map("arrays")?),
            tables: owned(fields.map("tables")?),
            path,
        };
        place.chunk_bytes()?;
        for (part, known) in [(&place.arrays, &ARRAY_FIELDS[..]), (&place.tables, &TABLE_FIELDS)] {
            if let Some((map, path)) = part {
                let fields = Fields::new(map, path, known)?;
                codec_name(&fields)?;
                level(&fields)?;
            }
        }
        Ok(place)
    }

    /// Where the place is, its own folder being relative to `folder`. Fails when it is not said.
    pub(super) fn address(&self, folder: &Path) -> Result<Place> {
        let refuse = |why: &str| {
            let fields = Map::new();
            Fields::named_by_user(&fields, &self.path).refuse("url", why)
        };
        let url = self.url.as_deref().ok_or_else(|| {
            refuse("is missing").hint("it is a folder, such as ./data, or the address of a storage")
        })?;
        // The text itself is not repeated: it may be anything.
        let place = Place::parse(url).map_err(|error| {
            let advice = error.advice().map(str::to_owned);
            let refused = refuse(&format!("is no place: {}", error.message()));
            advice.into_iter().fold(refused, |refused, advice| refused.hint(advice))
        })?;
        match place {
            Place::Folder(path) => Ok(Place::Folder(folder.join(path).components().collect())),
            Place::Named(_) => Err(refuse("names another place, and not where this one is")),
            other => Ok(other),
        }
    }

    pub(super) fn array_defaults(&self) -> Result<ArrayDefaults> {
        Ok(ArrayDefaults { chunk_bytes: self.chunk_bytes()?, codec: codec(&self.arrays, &ARRAY_FIELDS)? })
    }

    pub(super) fn table_defaults(&self) -> Result<TableDefaults> {
        Ok(TableDefaults { codec: codec(&self.tables, &TABLE_FIELDS)? })
    }

    fn chunk_bytes(&self) -> Result<Option<u64>> {
        let Some((map, path)) = &self.arrays else { return Ok(None) };
        let fields = Fields::new(map, path, &ARRAY_FIELDS)?;
        let Some(value) = fields.value("chunk_bytes") else { return Ok(None) };
        match byte_size(value) {
            Some(bytes @ 1..=LARGEST_CHUNK_BYTES) => Ok(Some(bytes)),
            Some(_) => Err(fields.refuse("chunk_bytes", "is not between 1 and 1GiB")),
            None => Err(fields.refuse("chunk_bytes", &format!("is not {BYTE_SIZE_FORM}"))),
        }
    }
}

const NO_SECRETS: &str = "the file is for everybody to read; secrets come from the environment, or from where the storage's own \
                          programs keep them";

fn read_options(fields: &Fields<'_>) -> Result<Map> {
    for (name, value) in fields.iter() {
        if looks_secret(name) {
            return Err(fields
                .refuse(name, "looks like a secret, which does not belong here")
                .hint(NO_SECRETS));
        }
        if let Some(why) = value.as_str().and_then(address_refusal) {
            return Err(fields.refuse(name, why).hint(NO_SECRETS));
        }
        if let Value::List(_) | Value::Map(_) | Value::Bytes(_) = value {
            return Err(fields.wrong_kind(name, value, "text, a number or a truth value"));
        }
    }
    Ok(fields.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect())
}

/// Why a text cannot be the `url` of a place.
fn url_refusal(text: &str) -> Option<&'static str> {
    let looks_like_an_address = |text: &str| match text.split_once(':') {
        Some((scheme, rest)) => {
            let word = scheme.len() > 1 && scheme.chars().all(|letter| letter.is_ascii_alphanumeric());
            word && !rest.starts_with("//") && !["file", "memory"].contains(&scheme.to_lowercase().as_str())
        }
        None => false,
    };
    if looks_like_an_address(text) {
        return Some(
            "has a ':' after its first word, and no '//'; a folder of such a name is written with './' before it",
        );
    }
    address_refusal(text)
}

/// Why a name cannot be that of a place or a profile.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    let letters = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let begins = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    match begins && name.len() <= LONGEST_NAME && name.chars().all(letters) {
        true => Ok(()),
        false => Err(
            "cannot be a name: names are letters, digits, '_' and '-', at most 64, a letter or digit first",
        ),
    }
}

fn codec_name<'a>(fields: &Fields<'a>) -> Result<Option<&'a str>> {
    match fields.text("codec")? {
        Some(name) if !["zstd", "gzip", "none"].contains(&name) => Err(fields
            .refuse("codec", &format!("cannot be '{}'", shown(name)))
            .hint(format!("it is {CODECS}"))),
        name => Ok(name),
    }
}

fn level(fields: &Fields<'_>) -> Result<Option<u64>> {
    let Some(value) = fields.value("level") else { return Ok(None) };
    value.as_u64().map(Some).ok_or_else(|| fields.refuse("level", "is not a number from 1 on"))
}

fn codec(part: &Option<(Map, String)>, known: &[&str]) -> Result<Option<Codec>> {
    let Some((map, path)) = part else { return Ok(None) };
    let fields = Fields::new(map, path, known)?;
    let asked = level(&fields)?;
    let wrong = |why: &str| -> Error { fields.refuse("level", why) };
    let within = |highest: u8, usual: u8| {
        let level = u8::try_from(asked.unwrap_or(u64::from(usual))).ok();
        let level = level.filter(|level| (1..=highest).contains(level));
        level.ok_or_else(|| wrong(&format!("is not between 1 and {highest}, as it is for this codec")))
    };
    Ok(match (codec_name(&fields)?, asked) {
        (Some("gzip"), _) => Some(Codec::Gzip { level: within(9, 4)? }),
        (Some("zstd"), _) => Some(Codec::Zstd { level: within(22, 3)? }),
        (Some(_), None) => Some(Codec::Uncompressed),
        (Some(_), Some(_)) => return Err(wrong("is of no use: nothing is compressed")),
        (None, Some(_)) => return Err(wrong("needs a codec beside it").hint(format!("`codec` is {CODECS}"))),
        (None, None) => None,
    })
}
