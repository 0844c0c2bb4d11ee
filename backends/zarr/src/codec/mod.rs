//! How the chunks of an array are made into objects and back: which codecs, in which order, in shards or not.

mod blosc;
mod compressor;
mod elements;
mod pipeline;
mod shard_index;
mod transpose;

pub(crate) use compressor::Compressor;
pub(crate) use elements::Elements;
pub(crate) use pipeline::{Pipeline, Serializer};
pub(crate) use shard_index::{IndexFormat, IndexLocation, ShardIndex};

use crate::{
    dtype::ElementType,
    metadata::{chunk_lengths, corrupt, unsupported},
};
use fascicle_backend::{Error, ErrorKind, Result};
use serde_json::{Value, json};

/// The most chunks in a shard; its index would take 64 MiB.
const MAX_CHUNKS_IN_SHARD: u64 = 1 << 22;

/// How an array is cut into objects, and how these are encoded.
#[derive(Clone, Debug)]
pub(crate) struct ChunkLayout {
    /// What one object holds: a chunk, or a shard of chunks.
    object_shape: Vec<u64>,
    /// The chunks in a shard.
    sharding: Option<Sharding>,
    /// How a chunk is encoded.
    pub(crate) pipeline: Pipeline,
}

/// How a shard is made of chunks.
#[derive(Clone, Debug)]
pub(crate) struct Sharding {
    pub(crate) chunk_shape: Vec<u64>,
    /// Chunks along each axis of a shard.
    pub(crate) chunks_per_axis: Vec<u64>,
    pub(crate) index: IndexFormat,
}

impl Sharding {
    fn new(chunk_shape: Vec<u64>, object_shape: &[u64], index: IndexFormat) -> Result<Self> {
        let divides =
            chunk_shape.iter().zip(object_shape).all(|(chunk, object)| object.is_multiple_of(*chunk));
        if !divides {
            return Err(corrupt("the chunks in a shard do not divide it"));
        }
        let chunks_per_axis: Vec<u64> =
            object_shape.iter().zip(&chunk_shape).map(|(object, chunk)| object / chunk).collect();
        let count: u128 = chunks_per_axis.iter().map(|count| u128::from(*count)).product();
        if count > u128::from(MAX_CHUNKS_IN_SHARD) {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("a shard has {count} chunks, at most {MAX_CHUNKS_IN_SHARD} are read"),
            ));
        }
        Ok(Sharding { chunk_shape, chunks_per_axis, index })
    }

    /// How many chunks a shard has.
    pub(crate) fn chunk_count(&self) -> u64 {
        self.chunks_per_axis.iter().product()
    }
}

impl ChunkLayout {
    /// A layout of chunks, an object each.
    pub(crate) fn chunked(chunk_shape: Vec<u64>, pipeline: Pipeline) -> Self {
        ChunkLayout { object_shape: chunk_shape, sharding: None, pipeline }
    }

    /// A layout of shards.
    pub(crate) fn sharded(shard_shape: Vec<u64>, chunk_shape: Vec<u64>, pipeline: Pipeline) -> Result<Self> {
        let sharding = Sharding::new(chunk_shape, &shard_shape, IndexFormat::default())?;
        Ok(ChunkLayout { object_shape: shard_shape, sharding: Some(sharding), pipeline })
    }

    /// The elements of an object along each axis.
    pub(crate) fn object_shape(&self) -> &[u64] {
        &self.object_shape
    }

    /// The elements of a chunk along each axis.
    pub(crate) fn chunk_shape(&self) -> &[u64] {
        self.sharding.as_ref().map_or(&self.object_shape, |sharding| &sharding.chunk_shape)
    }

    pub(crate) fn sharding(&self) -> Option<&Sharding> {
        self.sharding.as_ref()
    }

    /// The names of the codecs, the first first.
    pub(crate) fn codec_names(&self) -> Vec<String> {
        let outer = self.sharding.iter().map(|_| "sharding_indexed".to_owned());
        outer.chain(self.pipeline.codec_names()).collect()
    }

    /// The `codecs` of a new array.
    pub(crate) fn to_json(&self, element: ElementType) -> Value {
        let inner = self.pipeline.to_json(element);
        match &self.sharding {
            None => inner,
            Some(sharding) => json!([{
                "name": "sharding_indexed",
                "configuration": {
                    "chunk_shape": sharding.chunk_shape,
                    "codecs": inner,
                    "index_codecs": sharding.index.to_json(),
                    "index_location": sharding.index.location.name(),
                },
            }]),
        }
    }

    /// Reads the `codecs` of a `zarr.json`.
    pub(crate) fn from_json(codecs: &Value, object_shape: Vec<u64>, element: ElementType) -> Result<Self> {
        let list = codec_list(codecs)?;
        let Some(at) = list.iter().position(|codec| codec.name == "sharding_indexed") else {
            let pipeline = Pipeline::from_json(&list, object_shape.len(), element)?;
            return Ok(ChunkLayout { object_shape, sharding: None, pipeline });
        };
        if list.len() != 1 {
            return Err(unsupported(
                "codec around shards",
                list.get(1 - at.min(1)).map_or("?", |codec| codec.name),
            ));
        }
        let setting = |name: &str| {
            let settings = list.get(at).and_then(|codec| codec.configuration);
            settings.and_then(|settings| settings.get(name))
        };
        let required =
            |name: &str| setting(name).ok_or_else(|| corrupt(format!("the sharding codec has no '{name}'")));
        let chunk_shape = chunk_lengths(required("chunk_shape")?, object_shape.len())?;
        let index =
            IndexFormat::from_json(&codec_list(required("index_codecs")?)?, setting("index_location"))?;
        let inner = codec_list(required("codecs")?)?;
        if inner.iter().any(|codec| codec.name == "sharding_indexed") {
            return Err(unsupported("codec", "sharding_indexed within sharding_indexed"));
        }
        let pipeline = Pipeline::from_json(&inner, chunk_shape.len(), element)?;
        let sharding = Some(Sharding::new(chunk_shape, &object_shape, index)?);
        Ok(ChunkLayout { object_shape, sharding, pipeline })
    }
}

/// A codec as `zarr.json` names it.
pub(crate) struct NamedCodec<'a> {
    pub(crate) name: &'a str,
    pub(crate) configuration: Option<&'a Value>,
}

impl NamedCodec<'_> {
    pub(crate) fn setting(&self, name: &str) -> Option<&Value> {
        self.configuration.and_then(|settings| settings.get(name))
    }
}

fn codec_list(value: &Value) -> Result<Vec<NamedCodec<'_>>> {
    let codecs = value.as_array().ok_or_else(|| corrupt("the codecs are not a list"))?;
    let named = codecs.iter().map(|codec| match codec {
        Value::String(name) => Some(NamedCodec { name, configuration: None }),
        codec => {
            let name = codec.get("name").and_then(Value::as_str)?;
            Some(NamedCodec { name, configuration: codec.get("configuration") })
        }
    });
    named.collect::<Option<_>>().ok_or_else(|| corrupt("a codec has no name"))
}
