//! The digests of entries: reading them, a piece at a time.

use super::Digest;
use super::columns::encode_column;
use super::elements::encode_elements;
use super::header::{header, of_array, of_schema};
use crate::compare::{blocks::Blocks, refuse_ambiguous};
use crate::config::{Config, encode_text};
use crate::meta::{Meta, PLAIN_TYPE};
use crate::{
    Attributes, Backend, Capability, EntryInfo, EntryKind, EntryPath, Error, ErrorKind, Result, ResultExt,
    ScanOptions, Values,
};
use async_trait::async_trait;
use blake3::Hasher;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};

/// Elements are read in blocks of about this size.
const BLOCK_BYTES: u64 = 4 << 20;
/// So many blocks are read at once.
const BLOCKS_AT_ONCE: usize = 2;

/// What became of an entry: its digest, or `None` when a witness left something in it out; or why it cannot be read.
pub(crate) type Outcome = Result<Option<Digest>>;

/// Sees the entries whose digests are made, and decides what an entry that cannot be read means.
#[async_trait]
pub(crate) trait Witness: Send {
    /// After an entry of a directory was read whole. An error ends everything; `None` leaves the entry out, so that there is
    /// no digest of its directory either.
    async fn entry(&mut self, path: &EntryPath, kind: EntryKind, outcome: Outcome) -> Outcome;
}

/// The first entry that cannot be read ends everything.
pub(super) struct Strict;

#[async_trait]
impl Witness for Strict {
    async fn entry(&mut self, _path: &EntryPath, _kind: EntryKind, outcome: Outcome) -> Outcome {
        outcome
    }
}

/// The digest of the entry of `kind` at `path`, without asking the witness about that entry itself.
pub(crate) fn entry_digest<'a>(
    backend: &'a dyn Backend,
    path: &'a EntryPath,
    kind: EntryKind,
    witness: &'a mut dyn Witness,
) -> BoxFuture<'a, Outcome> {
    Box::pin(async move {
        let attributes = match backend.capabilities().has(Capability::Attributes) && !path.is_root() {
            true => backend.read_attributes(path).await?,
            false => Attributes::new(),
        };
        match kind {
            EntryKind::Array => array_digest(backend, path, &attributes).await.map(Some),
            EntryKind::Table => table_digest(backend, path, &attributes).await.map(Some),
            EntryKind::File => file_digest(backend, path, &attributes).await.map(Some),
            EntryKind::Directory => directory_digest(backend, path, &attributes, witness).await,
        }
    })
}

fn hasher(header: &[u8]) -> Hasher {
    let mut hasher = Hasher::new();
    hasher.update(header);
    hasher
}

async fn array_digest(backend: &dyn Backend, path: &EntryPath, attributes: &Attributes) -> Result<Digest> {
    let arrays = backend.arrays().ok_or_else(|| no_store(EntryKind::Array))?;
    let array = arrays.describe(path).await?;
    let mut hasher = hasher(&header(EntryKind::Array, attributes, of_array(array.dtype, &array.shape)));
    let blocks = Blocks::new(&array.shape, array.dtype, array.chunks.as_deref(), BLOCK_BYTES);
    let mut blocks = stream::iter(blocks)
        .map(|region| async move {
            let buffer = Values::zeros(array.dtype, region.element_count()?)?;
            arrays.read(path, &region, buffer).await
        })
        .buffered(BLOCKS_AT_ONCE);
    let mut bytes = Vec::new();
    while let Some(values) = blocks.try_next().await? {
        bytes.clear();
        encode_elements(&mut bytes, &values);
        hasher.update(&bytes);
    }
    Ok(hasher.finalize().into())
}

async fn table_digest(backend: &dyn Backend, path: &EntryPath, attributes: &Attributes) -> Result<Digest> {
    let tables = backend.tables().ok_or_else(|| no_store(EntryKind::Table))?;
    let schema = tables.describe(path).await?.schema;
    let mut hasher = hasher(&header(EntryKind::Table, attributes, [of_schema(&schema)?]));
    let mut columns: Vec<Hasher> = schema.fields().iter().map(|_| Hasher::new()).collect();
    let mut rows = 0u64;
    let mut batches = tables.scan(path, &ScanOptions::default()).await?;
    let mut bytes = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows() as u64;
        for ((column, field), hasher) in batch.columns().iter().zip(schema.fields()).zip(&mut columns) {
            if column.data_type() != field.data_type() {
                return Err(Error::new(ErrorKind::Conflict, "the table was replaced while it was read"));
            }
            bytes.clear();
            encode_column(&mut bytes, column, field.is_nullable())?;
            hasher.update(&bytes);
        }
    }
    hasher.update(&rows.to_le_bytes());
    for column in columns {
        hasher.update(column.finalize().as_bytes());
    }
    Ok(hasher.finalize().into())
}

async fn file_digest(backend: &dyn Backend, path: &EntryPath, attributes: &Attributes) -> Result<Digest> {
    let mut hasher = hasher(&header(EntryKind::File, attributes, []));
    let mut pieces = backend.files().read(path, None).await?;
    while let Some(piece) = pieces.try_next().await? {
        hasher.update(&piece);
    }
    Ok(hasher.finalize().into())
}

async fn directory_digest(
    backend: &dyn Backend,
    path: &EntryPath,
    attributes: &Attributes,
    witness: &mut dyn Witness,
) -> Outcome {
    // A broken meta, or a name that stands for two things, does not keep the other entries from being looked at.
    let config = config_of(backend, path).await;
    let listing = backend.list(path).await?;
    let ambiguous = refuse_ambiguous(backend, path, &listing.entries).await;
    let mut children = Vec::new();
    let mut is_complete = true;
    for entry in listing.entries.chunk_by(|one, other| one.name == other.name).filter_map(only) {
        let child = path.join(&entry.name)?;
        let outcome = entry_digest(backend, &child, entry.kind, &mut *witness).await;
        match witness.entry(&child, entry.kind, outcome).await? {
            Some(digest) => {
                encode_text(&mut children, &entry.name);
                children.extend_from_slice(digest.as_bytes());
            }
            None => is_complete = false,
        }
    }
    ambiguous?;
    let mut hasher = hasher(&header(EntryKind::Directory, attributes, [config?.to_value()]));
    Ok(is_complete.then(|| hasher.update(&children).finalize().into()))
}

/// The one entry of its name.
fn only(same_name: &[EntryInfo]) -> Option<&EntryInfo> {
    match same_name {
        [only] => Some(only),
        _ => None,
    }
}

async fn config_of(backend: &dyn Backend, path: &EntryPath) -> Result<Config> {
    match backend.read_meta(path).await? {
        Some(record) => Ok(Meta::from_bytes(&record.bytes).context("read the meta of", path)?.config),
        None => Ok(Config::new(PLAIN_TYPE)),
    }
}

fn no_store(kind: EntryKind) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this storage does not offer entries of kind '{kind}'"))
}
