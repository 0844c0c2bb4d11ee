//! The description of an array: the object `_array.parquet` beside its parts.
//!
//! It is a Parquet file with the column of the parts and without rows, so that programs that read every file of the folder
//! read it as well; the description stands in its footer, as JSON under the key `fascicle.array_description`.
//!
//! It makes the array: it is written last and removed first. It names the generation, of which the parts `0, 1, …` are the
//! rows of the array. Appending does not change it; writing the array anew does, by another generation.

use crate::{
    array_type::ArrayType,
    encode::{Encoding, PartEncoder},
    footer::footer_bytes,
};
use bytes::Bytes;
use fascicle_backend::{Attributes, Codec, Error, ErrorKind, Result, Values};
use fascicle_tables::reading_file;
use parquet::file::metadata::ParquetMetaDataReader;
use serde_json::{Map, Value, json};

/// The name of the object.
pub(crate) const MANIFEST_NAME: &str = "_array.parquet";
/// No longer description is read: attributes have 1 MiB at most, and a fill value as well.
pub(crate) const MOST_MANIFEST_BYTES: u64 = 8 << 20;
/// The version of the format.
pub(crate) const FORMAT_VERSION: u64 = 1;
/// The key of the footer under which the description stands.
const DESCRIPTION_KEY: &str = "fascicle.array_description";
/// What says that it is such a description.
const FORMAT: &str = "fascicle.array";

/// The description of an array.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) array: ArrayType,
    /// Which parts are the array's, see [`crate::part_name`].
    pub(crate) generation: u64,
    /// The rows of a row group.
    pub(crate) chunk_rows: u64,
    pub(crate) codec: Codec,
    /// The value of elements never written, where it is not zero.
    pub(crate) fill: Option<Values>,
    /// The names of the axes, as the parts have them.
    pub(crate) axes: Option<Vec<String>>,
    pub(crate) attributes: Attributes,
}

impl Manifest {
    /// The object.
    pub(crate) fn to_bytes(&self) -> Result<Bytes> {
        PartEncoder::new(&Encoding::of(self)?)?.finish_with(DESCRIPTION_KEY, self.to_json()?)
    }

    /// Reads the object. Errors: `Corrupt`; `Unsupported` for a later version of the format.
    pub(crate) fn parse(bytes: &Bytes) -> Result<Self> {
        let size = bytes.len() as u64;
        footer_bytes(MANIFEST_NAME, size, bytes)?;
        let metadata = reading_file(MANIFEST_NAME, || ParquetMetaDataReader::new().parse_and_finish(bytes))?;
        let pairs = metadata.file_metadata().key_value_metadata();
        let description = pairs.into_iter().flatten().find(|pair| pair.key == DESCRIPTION_KEY);
        let description = description.and_then(|pair| pair.value.as_deref());
        Manifest::from_json(
            description.ok_or_else(|| corrupt("has no description in its footer".to_owned()))?,
        )
    }

    fn to_json(&self) -> Result<String> {
        let (dtype, shape) = self.array.to_json();
        let mut document = json!({
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "dtype": dtype,
            "shape": shape,
            "generation": self.generation,
            "row_group_rows": self.chunk_rows,
            "codec": codec_to_json(self.codec),
            "attributes": self.attributes,
        });
        if let (Some(fields), Some(fill)) = (document.as_object_mut(), &self.fill) {
            fields.insert("fill".to_owned(), fill_to_json(fill));
        }
        if let (Some(fields), Some(axes)) = (document.as_object_mut(), &self.axes) {
            fields.insert("axes".to_owned(), json!(axes));
        }
        serde_json::to_string_pretty(&document).map_err(|error| {
            Error::new(ErrorKind::Internal, "the description of the array cannot be written").caused_by(error)
        })
    }

    /// The names of the codecs that rows pass through.
    pub(crate) fn codec_names(&self) -> Vec<String> {
        let codec = codec_to_json(self.codec);
        let name = codec.get("name").and_then(Value::as_str).filter(|name| *name != "none");
        std::iter::once("plain").chain(name).map(str::to_owned).collect()
    }

    fn from_json(text: &str) -> Result<Self> {
        let document: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            corrupt("has a description that is no JSON object".to_owned()).caused_by(error)
        })?;
        let get = |name: &str| document.get(name).unwrap_or(&Value::Null);
        if get("format") != FORMAT {
            return Err(corrupt(format!("does not say that its 'format' is '{FORMAT}'")));
        }
        if get("version") != FORMAT_VERSION {
            let why = format!("the array is stored in version {} of its format", get("version"));
            return Err(Error::new(ErrorKind::Unsupported, why)
                .hint(format!("this program knows version {FORMAT_VERSION}; a later one knows more")));
        }
        let array = ArrayType::from_json(get("dtype"), get("shape"))
            .map_err(|error| Error::new(error.kind(), format!("'{MANIFEST_NAME}': {}", error.message())))?;
        let number = |name: &str, least: u64, most: u64| {
            let number = get(name).as_u64().filter(|number| (least..=most).contains(number));
            number.ok_or_else(|| corrupt(format!("has no '{name}' between {least} and {most}")))
        };
        let fill = match get("fill") {
            Value::Null => None,
            fill => Some(fill_from_json(fill, &array).ok_or_else(|| {
                corrupt(format!("has a 'fill' that is no element of the dtype {}", array.dtype))
            })?),
        };
        let axes = match get("axes") {
            Value::Null => None,
            axes => Some(
                names(axes, array.trailing.as_ref().map_or(0, |trailing| trailing.len() + 1))
                    .ok_or_else(|| corrupt("has 'axes' that do not name each axis".to_owned()))?,
            ),
        };
        Ok(Manifest {
            generation: number("generation", 0, crate::part_name::MOST_GENERATION)?,
            chunk_rows: number("row_group_rows", 1, u64::from(u32::MAX))?,
            codec: codec_from_json(get("codec"))
                .ok_or_else(|| corrupt("has a 'codec' that is not known".to_owned()))?,
            fill,
            axes,
            attributes: match get("attributes") {
                Value::Object(attributes) => attributes.clone().into_iter().collect(),
                _ => return Err(corrupt("has no 'attributes'".to_owned())),
            },
            array,
        })
    }
}

/// The names of axes that attributes give, if they name each: the attribute that xarray uses.
pub(crate) fn axes_of(attributes: &Attributes, array: &ArrayType) -> Option<Vec<String>> {
    let rank = array.trailing.as_ref().map(|trailing| trailing.len() + 1)?;
    names(attributes.get("_ARRAY_DIMENSIONS")?, rank)
}

fn names(value: &Value, rank: usize) -> Option<Vec<String>> {
    let names = value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
    names.collect::<Option<Vec<_>>>().filter(|names| names.len() == rank)
}

fn codec_to_json(codec: Codec) -> Value {
    match codec {
        Codec::Uncompressed => json!({"name": "none"}),
        Codec::Gzip { level } => json!({"name": "gzip", "level": level}),
        Codec::Zstd { level } => json!({"name": "zstd", "level": level}),
    }
}

fn codec_from_json(codec: &Value) -> Option<Codec> {
    let level = |most: u8| {
        let level = u8::try_from(codec.get("level")?.as_u64()?).ok()?;
        (1..=most).contains(&level).then_some(level)
    };
    match codec.get("name")?.as_str()? {
        "none" => Some(Codec::Uncompressed),
        "gzip" => Some(Codec::Gzip { level: level(9)? }),
        "zstd" => Some(Codec::Zstd { level: level(22)? }),
        _ => None,
    }
}

/// The bytes of an element, the lowest first, in hexadecimal digits; text as it is.
fn fill_to_json(fill: &Values) -> Value {
    match (fill.as_bytes(), fill.as_text()) {
        (Some(bytes), _) => {
            json!({"hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()})
        }
        (None, texts) => json!({"text": texts.and_then(<[String]>::first)}),
    }
}

fn fill_from_json(fill: &Value, array: &ArrayType) -> Option<Values> {
    let Some(width) = array.dtype.fixed_bytes() else {
        return Some(Values::Text(vec![fill.get("text")?.as_str()?.to_owned()]));
    };
    let digits = fill.get("hex")?.as_str()?.as_bytes();
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().filter(|_| pair.len() == 2))
        .collect();
    let bytes = bytes.filter(|bytes| bytes.len() == width)?;
    Values::from_bytes(array.dtype, &bytes).ok()
}

fn corrupt(why: String) -> Error {
    Error::new(ErrorKind::Corrupt, format!("'{MANIFEST_NAME}' {why}"))
        .hint("restore it from a copy; without it, the parts are read as files of another program")
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle_backend::DType;

    fn manifest(dtype: DType, fill: Option<Values>) -> Manifest {
        Manifest {
            array: ArrayType { dtype, trailing: Some(vec![2]) },
            generation: 7,
            chunk_rows: 100,
            codec: Codec::Zstd { level: 3 },
            fill,
            axes: Some(vec!["time".to_owned(), "cell".to_owned()]),
            attributes: [("unit".to_owned(), json!("mV"))].into_iter().collect(),
        }
    }

    #[test]
    fn descriptions_come_back() {
        let nan = f32::from_bits(0x7fc0_1234);
        for (dtype, fill) in [
            (DType::Float32, Some(Values::Float32(vec![nan]))),
            (DType::Text, Some(Values::Text(vec!["ü".to_owned()]))),
            (DType::Bool, None),
        ] {
            let written = manifest(dtype, fill);
            let read = Manifest::parse(&written.to_bytes().unwrap()).unwrap();
            assert_eq!((read.array, read.generation, read.chunk_rows), (written.array, 7, 100));
            assert_eq!(
                (read.codec, read.axes, read.attributes),
                (written.codec, written.axes, written.attributes)
            );
            match (read.fill, written.fill) {
                (Some(read), Some(written)) => assert!(read.same_bits(&written)),
                (read, written) => assert!(read.is_none() && written.is_none()),
            }
        }
    }

    #[test]
    fn damaged_descriptions_are_refused() {
        let good: Value = serde_json::from_str(&manifest(DType::Int8, None).to_json().unwrap()).unwrap();
        for (name, value, kind) in [
            ("format", json!("zarr"), ErrorKind::Corrupt),
            ("version", json!(2), ErrorKind::Unsupported),
            ("dtype", json!("int7"), ErrorKind::Unsupported),
            ("shape", json!([null, 1u64 << 62, 4]), ErrorKind::LimitExceeded),
            ("generation", json!(-1), ErrorKind::Corrupt),
            ("row_group_rows", json!(0), ErrorKind::Corrupt),
            ("codec", json!({"name": "zstd", "level": 99}), ErrorKind::Corrupt),
            ("fill", json!({"hex": "0"}), ErrorKind::Corrupt),
            ("axes", json!(["x"]), ErrorKind::Corrupt),
            ("attributes", json!([]), ErrorKind::Corrupt),
        ] {
            let mut document = good.clone();
            document[name] = value;
            let error = Manifest::from_json(&document.to_string()).unwrap_err();
            assert_eq!(error.kind(), kind, "{name}: {error}");
        }
        assert_eq!(Manifest::from_json("{").unwrap_err().kind(), ErrorKind::Corrupt);
        for bytes in [&b""[..], b"PAR1", b"PAR1\x00\x00\x00\x00PAR1", b"{}"] {
            let error = Manifest::parse(&Bytes::from_static(bytes)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{bytes:?}: {error}");
        }
    }
}
