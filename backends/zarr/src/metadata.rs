//! `zarr.json`: what is understood of it, and how it is written so that what is not understood stays as it was.

use crate::{chunk_keys::ChunkKeyEncoding, codec::ChunkLayout, dtype::ElementType, fill::Fill, objects::Tag};
use bytes::Bytes;
use fascicle_backend::{Attributes, Error, ErrorKind, Result, Shape};
use serde_json::{Map, Value, json};

/// The member of `zarr.json` that is ours. The specification lets readers ignore it.
const OWN_MEMBER: &str = "fascicle";

/// The largest `zarr.json` that is read.
pub(crate) const MAX_METADATA_BYTES: u64 = 16 << 20;

/// How many commits are remembered, so that a writer whose answer was lost can tell its own.
const REMEMBERED_COMMITS: usize = 16;

/// What `zarr.json` says of an array.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) shape: Shape,
    pub(crate) element: ElementType,
    pub(crate) fill: Fill,
    pub(crate) layout: ChunkLayout,
    pub(crate) keys: ChunkKeyEncoding,
    pub(crate) attributes: Attributes,
    pub(crate) own: Option<OwnMember>,
    /// The document it was read from; empty for version 2, which is not written.
    document: Map<String, Value>,
}

/// What fascicle keeps in `zarr.json` for itself. Losing it costs time, never data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnMember {
    /// Which array of all that ever had the name this is; never that of another one.
    pub(crate) generation: String,
    /// The prefix of the array. What is said of a copy's original, or of one that was moved, does not hold elsewhere.
    pub(crate) at: String,
    /// The state of the object that the next appended row goes into first: its tag, or none when there is no such
    /// object. An object in another state holds rows that nobody has committed.
    pub(crate) tail: Option<Tag>,
    /// The latest commits, the newest last.
    pub(crate) commits: Vec<String>,
}

impl OwnMember {
    pub(crate) fn has_commit(&self, commit: &str) -> bool {
        self.commits.iter().any(|known| known == commit)
    }

    /// Whether every commit since the state `before` is remembered here, which they are as long as the newest one of that state is.
    pub(crate) fn remembers_since(&self, before: &OwnMember) -> bool {
        before.commits.last().is_some_and(|newest| self.has_commit(newest))
    }

    fn to_json(&self) -> Value {
        json!({
            "must_understand": false,
            "generation": self.generation,
            "at": self.at,
            "tail": self.tail.as_ref().map(Tag::to_json),
            "commits": self.commits,
        })
    }

    /// Malformed ones are as good as none.
    fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let commits = value.get("commits").and_then(Value::as_array)?;
        Some(OwnMember {
            generation: text("generation")?,
            at: text("at")?,
            tail: value.get("tail").and_then(Tag::from_json),
            commits: commits.iter().filter_map(|commit| commit.as_str().map(str::to_owned)).collect(),
        })
    }
}

/// What makes a new array.
pub(crate) struct NewMetadata<'a> {
    pub(crate) name: &'a str,
    pub(crate) shape: &'a Shape,
    pub(crate) element: ElementType,
    pub(crate) fill: Fill,
    pub(crate) layout: ChunkLayout,
    pub(crate) attributes: &'a Attributes,
}

impl Metadata {
    /// The metadata of a new array.
    ///
    /// xarray opens nothing that has no `dimension_names`, and nothing in which one name stands for two lengths. The attribute
    /// `_ARRAY_DIMENSIONS`, by which it names axes elsewhere, gives the names if it has one for each axis; else they are made of
    /// the array's own name.
    pub(crate) fn new(new: NewMetadata<'_>, keys: ChunkKeyEncoding) -> Self {
        let mut document = Map::new();
        let object_shape: Vec<u64> = new.layout.object_shape().to_vec();
        let members = [
            ("zarr_format", json!(3)),
            ("node_type", json!("array")),
            ("shape", json!(new.shape.to_vec())),
            ("data_type", new.element.to_v3()),
            ("chunk_grid", json!({"name": "regular", "configuration": {"chunk_shape": object_shape}})),
            ("chunk_key_encoding", keys.to_json()),
            ("fill_value", new.fill.to_json(new.element)),
            ("codecs", new.layout.to_json(new.element)),
            ("attributes", Value::Object(new.attributes.clone())),
        ];
        for (name, value) in members {
            document.insert(name.to_owned(), value);
        }
        let given = new.attributes.get("_ARRAY_DIMENSIONS").and_then(Value::as_array);
        let given =
            given.filter(|names| names.len() == new.shape.rank() && names.iter().all(Value::is_string));
        let names = match given {
            Some(names) => json!(names),
            None => (0..new.shape.rank()).map(|axis| format!("{}_dim_{axis}", new.name)).collect(),
        };
        document.insert("dimension_names".to_owned(), names);
        document.insert("storage_transformers".to_owned(), json!([]));
        Metadata {
            shape: new.shape.clone(),
            element: new.element,
            fill: new.fill,
            layout: new.layout,
            keys,
            attributes: new.attributes.clone(),
            own: None,
            document,
        }
    }

    /// Says that the chunks lie under other keys.
    pub(crate) fn set_keys(&mut self, keys: ChunkKeyEncoding) {
        self.document.insert("chunk_key_encoding".to_owned(), keys.to_json());
        self.keys = keys;
    }

    /// An array of version 2, which is only read.
    pub(crate) fn of_version_2(
        shape: Shape,
        element: ElementType,
        fill: Fill,
        layout: ChunkLayout,
        keys: ChunkKeyEncoding,
        attributes: Attributes,
    ) -> Self {
        Metadata { shape, element, fill, layout, keys, attributes, own: None, document: Map::new() }
    }

    /// Whether it may be changed here.
    pub(crate) fn is_writable(&self) -> bool {
        !self.document.is_empty()
    }

    /// Reads a `zarr.json`. Everything is checked that later arithmetic relies on.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let document: Value = serde_json::from_slice(bytes)
            .map_err(|error| corrupt("zarr.json is not valid JSON").caused_by(error))?;
        let Value::Object(document) = document else {
            return Err(corrupt("zarr.json is not a JSON object"));
        };
        let member = |name: &str| {
            document.get(name).ok_or_else(|| corrupt(format!("zarr.json has no member '{name}'")))
        };
        if member("zarr_format")?.as_u64() != Some(3) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "zarr.json is not of version 3 of the Zarr format",
            ));
        }
        if member("node_type")?.as_str() != Some("array") {
            return Err(Error::new(ErrorKind::WrongKind, "zarr.json describes a group and not an array"));
        }
        refuse_what_must_be_understood(&document)?;
        let shape = lengths(member("shape")?, "shape")?;
        let element = ElementType::from_v3(member("data_type")?)?;
        let fill = Fill::from_json(member("fill_value")?, element)?;
        let grid = member("chunk_grid")?;
        match grid.get("name").and_then(Value::as_str) {
            Some("regular") => {}
            Some(name) => return Err(unsupported("chunk grid", name)),
            None => return Err(corrupt("the chunk grid has no name")),
        }
        let chunk_shape = grid.pointer("/configuration/chunk_shape");
        let chunk_shape = chunk_shape.ok_or_else(|| corrupt("the chunk grid has no 'chunk_shape'"))?;
        let chunk_shape = chunk_lengths(chunk_shape, shape.rank())?;
        let keys = ChunkKeyEncoding::from_json(member("chunk_key_encoding")?)?;
        let layout = ChunkLayout::from_json(member("codecs")?, chunk_shape, element)?;
        let attributes = match document.get("attributes") {
            None | Some(Value::Null) => Attributes::new(),
            Some(Value::Object(attributes)) => attributes.clone(),
            Some(_) => return Err(corrupt("the attributes in zarr.json are not a JSON object")),
        };
        check_dimension_names(document.get("dimension_names"), shape.rank())?;
        let own = document.get(OWN_MEMBER).and_then(OwnMember::from_json);
        Ok(Metadata { shape, element, fill, layout, keys, attributes, own, document })
    }

    /// The document with this shape, these attributes and our member; everything else is as it was read.
    pub(crate) fn to_bytes(&self) -> Result<Bytes> {
        let mut document = self.document.clone();
        document.insert("shape".to_owned(), json!(self.shape.to_vec()));
        document.insert("attributes".to_owned(), Value::Object(self.attributes.clone()));
        match &self.own {
            Some(own) => document.insert(OWN_MEMBER.to_owned(), own.to_json()),
            None => document.remove(OWN_MEMBER),
        };
        let text = serde_json::to_vec_pretty(&document).map_err(|error| {
            Error::new(ErrorKind::Internal, "zarr.json could not be written").caused_by(error)
        })?;
        Ok(Bytes::from(text))
    }

    /// The next state of the array after a commit.
    pub(crate) fn committed(&self, shape: Shape, tail: Option<Tag>, at: &str, commit: &str) -> Self {
        let mut next = self.clone();
        let own = next.own.get_or_insert_with(|| OwnMember {
            generation: commit.to_owned(),
            at: at.to_owned(),
            ..OwnMember::default()
        });
        own.tail = tail;
        own.commits.push(commit.to_owned());
        let superfluous = own.commits.len().saturating_sub(REMEMBERED_COMMITS);
        own.commits.drain(..superfluous);
        next.shape = shape;
        next
    }

    /// Whether both describe one array, perhaps grown, and not one that replaced the other.
    pub(crate) fn is_same_array(&self, other: &Metadata) -> bool {
        let generation = |metadata: &Metadata| metadata.own.as_ref().map(|own| own.generation.clone());
        let both = (generation(self), generation(other));
        let same_generation = match both {
            (Some(one), Some(other)) => one == other,
            // The first append to an array made by others gives it its generation.
            _ => true,
        };
        same_generation
            && self.keys == other.keys
            && self.element == other.element
            && self.layout.object_shape() == other.layout.object_shape()
    }
}

/// Refuses members that a reader must not ignore: those that the specification does not know and that do not say otherwise.
fn refuse_what_must_be_understood(document: &Map<String, Value>) -> Result<()> {
    const KNOWN: [&str; 11] = [
        "zarr_format",
        "node_type",
        "shape",
        "data_type",
        "chunk_grid",
        "chunk_key_encoding",
        "fill_value",
        "codecs",
        "attributes",
        "dimension_names",
        "storage_transformers",
    ];
    if document.get("storage_transformers").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        return Err(unsupported("storage transformers", "of this array"));
    }
    let ignorable = |value: &Value| value.get("must_understand") == Some(&Value::Bool(false));
    let unknown = document.iter().find(|(name, value)| {
        // Older versions of zarr-python write a null here.
        !KNOWN.contains(&name.as_str()) && !ignorable(value) && !value.is_null()
    });
    match unknown {
        Some((name, _)) => Err(unsupported("member", name)),
        None => Ok(()),
    }
}

fn check_dimension_names(names: Option<&Value>, rank: usize) -> Result<()> {
    match names {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(names))
            if names.len() == rank && names.iter().all(|name| name.is_string() || name.is_null()) =>
        {
            Ok(())
        }
        Some(_) => Err(corrupt("the 'dimension_names' in zarr.json do not name each axis")),
    }
}

/// Axis lengths of an array.
pub(crate) fn lengths(value: &Value, what: &str) -> Result<Shape> {
    let malformed = || corrupt(format!("the {what} is not a list of lengths"));
    let lengths = value.as_array().ok_or_else(malformed)?;
    Shape::new(lengths.iter().map(Value::as_u64).collect::<Option<Vec<_>>>().ok_or_else(malformed)?)
}

/// Axis lengths of a chunk of an array of `rank` axes: each at least 1, and their product countable.
pub(crate) fn chunk_lengths(value: &Value, rank: usize) -> Result<Vec<u64>> {
    let shape = lengths(value, "shape of chunks")?;
    if shape.rank() != rank {
        return Err(corrupt(format!("chunks have {} axes, the array has {rank}", shape.rank())));
    }
    if shape.contains(&0) {
        return Err(corrupt("chunks have no elements along an axis"));
    }
    Ok(shape.to_vec())
}

pub(crate) fn corrupt(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, why)
}

pub(crate) fn unsupported(what: &str, name: &str) -> Error {
    let name: String = name.chars().flat_map(char::escape_debug).take(80).collect();
    Error::new(ErrorKind::Unsupported, format!("the array uses the {what} '{name}', which is not read here"))
}
