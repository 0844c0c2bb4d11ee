//! Tests of the backend behind the wrapper that every backend is used through.

use crate::MemoryBackend;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use fascicle_backend::{
    ArrayOptions, ArraySpec, ArrayStore, Attributes, Backend, Comparison, CreateOutcome, DType, EntryKind,
    EntryPath, ErrorKind, FileOptions, FileStore, MetaWriteMode, Predicate, RecordKey, RecordStore, Region,
    Result, ScanOptions, Shape, TableOptions, TableStore, Values, WriteMode, wrap::Enforced,
};
use futures::TryStreamExt;
use std::sync::Arc;

fn backend() -> Arc<dyn Backend> {
    Arc::new(Enforced::new(Arc::new(MemoryBackend::new())))
}

fn path(path: &str) -> EntryPath {
    EntryPath::parse(path).unwrap()
}

fn files(backend: &dyn Backend) -> &dyn FileStore {
    backend.files()
}

fn arrays(backend: &dyn Backend) -> &dyn ArrayStore {
    backend.arrays().unwrap()
}

fn tables(backend: &dyn Backend) -> &dyn TableStore {
    backend.tables().unwrap()
}

async fn put_file(backend: &dyn Backend, at: &str, bytes: &'static [u8], mode: WriteMode) -> Result<()> {
    let mut writer = files(backend).create(&path(at), &FileOptions::default(), mode).await?;
    writer.write(Bytes::from_static(bytes)).await?;
    writer.finish().await
}

async fn file(backend: &dyn Backend, at: &str, range: Option<std::ops::Range<u64>>) -> Result<Vec<u8>> {
    let pieces: Vec<Bytes> = files(backend).read(&path(at), range).await?.try_collect().await?;
    Ok(pieces.concat())
}

async fn put_array(backend: &dyn Backend, at: &str, elements: &[i64], mode: WriteMode) -> Result<()> {
    let spec = ArraySpec { shape: Shape::new([elements.len() as u64])?, dtype: DType::Int64 };
    let options = ArrayOptions::default().with_attribute("unit", "mV");
    let mut writer = arrays(backend).create(&path(at), &spec, &options, mode).await?;
    writer.write(&Region::whole(&spec.shape), Values::Int64(elements.to_vec())).await?;
    writer.finish().await
}

async fn array(backend: &dyn Backend, at: &str) -> Result<Vec<i64>> {
    let description = arrays(backend).describe(&path(at)).await?;
    let buffer = Values::zeros(description.dtype, description.shape.element_count())?;
    match arrays(backend).read(&path(at), &Region::whole(&description.shape), buffer).await? {
        Values::Int64(elements) => Ok(elements),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn parents_must_exist_and_be_directories() {
    let backend = backend();
    let backend = backend.as_ref();
    let kind = |result: Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(put_file(backend, "a/b", b"", WriteMode::Replace).await), ErrorKind::NotFound);
    put_file(backend, "a", b"x", WriteMode::Create).await.unwrap();
    assert_eq!(kind(put_file(backend, "a/b", b"", WriteMode::Replace).await), ErrorKind::WrongKind);
    assert_eq!(kind(put_file(backend, "a/b/c", b"", WriteMode::Replace).await), ErrorKind::NotFound);
    assert_eq!(
        kind(backend.create_directory(&path("a/d"), Bytes::new()).await.map(drop)),
        ErrorKind::WrongKind
    );
    assert_eq!(
        kind(backend.create_directory(&path("n/d"), Bytes::new()).await.map(drop)),
        ErrorKind::NotFound
    );
    assert_eq!(kind(backend.list(&path("a")).await.map(drop)), ErrorKind::WrongKind);
    assert_eq!(kind(backend.stat(&path("a/b")).await.map(drop)), ErrorKind::NotFound);
}

#[tokio::test]
async fn modes_are_checked_again_when_the_entry_appears() {
    let backend = backend();
    let backend = backend.as_ref();
    let begin =
        |mode| async move { files(backend).create(&path("x"), &FileOptions::default(), mode).await.unwrap() };
    let (create, overwrite, replace) =
        (begin(WriteMode::Create).await, begin(WriteMode::Overwrite).await, begin(WriteMode::Replace).await);
    put_array(backend, "x", &[1, 2], WriteMode::Create).await.unwrap();
    assert_eq!(create.finish().await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(overwrite.finish().await.unwrap_err().kind(), ErrorKind::WrongKind);
    assert_eq!(array(backend, "x").await.unwrap(), [1, 2]);
    replace.finish().await.unwrap();
    assert_eq!(backend.stat(&path("x")).await.unwrap().kind, EntryKind::File);
    let dropped = begin(WriteMode::Overwrite).await;
    drop(dropped);
    assert_eq!(file(backend, "x", None).await.unwrap(), b"");
}

#[tokio::test]
async fn metas_are_written_conditionally() {
    let backend = backend();
    let backend = backend.as_ref();
    let first = backend.create_directory(&path("d"), Bytes::from_static(b"1")).await.unwrap();
    assert_eq!(backend.read_meta(&path("d")).await.unwrap().unwrap().version, first);
    let write = |body: &'static [u8], mode| async move {
        backend.write_meta(&path("d"), Bytes::from_static(body), mode).await
    };
    assert_eq!(write(b"2", MetaWriteMode::Create).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let second = write(b"2", MetaWriteMode::UpdateIf(first.clone())).await.unwrap();
    assert_eq!(write(b"3", MetaWriteMode::UpdateIf(first)).await.unwrap_err().kind(), ErrorKind::Conflict);
    // The same bytes again are another state.
    let third = write(b"2", MetaWriteMode::Overwrite).await.unwrap();
    assert_ne!(second, third);
    assert!(backend.read_meta(&EntryPath::root()).await.unwrap().is_none());
    let none = backend.write_meta(&EntryPath::root(), Bytes::new(), MetaWriteMode::UpdateIf(third)).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::Conflict);
    backend.write_meta(&EntryPath::root(), Bytes::new(), MetaWriteMode::Create).await.unwrap();
    assert!(backend.list(&EntryPath::root()).await.unwrap().has_meta);
}

#[tokio::test]
async fn copies_share_nothing_and_moves_take_everything() {
    let backend = backend();
    let backend = backend.as_ref();
    backend.create_directory(&path("a"), Bytes::from_static(b"meta")).await.unwrap();
    put_array(backend, "a/x", &[1, 2], WriteMode::Create).await.unwrap();
    put_file(backend, "a/f", b"abc", WriteMode::Create).await.unwrap();
    backend.copy(&path("a"), &path("b")).await.unwrap();
    arrays(backend).append(&path("a/x"), 1, Values::Int64(vec![3])).await.unwrap();
    files(backend).append(&path("b/f"), Bytes::from_static(b"d")).await.unwrap();
    assert_eq!(array(backend, "b/x").await.unwrap(), [1, 2]);
    assert_eq!(file(backend, "a/f", None).await.unwrap(), b"abc");
    assert_eq!(backend.read_attributes(&path("b/x")).await.unwrap()["unit"], "mV");

    let kind = |result: Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(backend.rename(&path("a"), &path("b")).await), ErrorKind::AlreadyExists);
    assert_eq!(kind(backend.rename(&path("a"), &path("a/c")).await), ErrorKind::InvalidInput);
    assert_eq!(kind(backend.copy(&path("n"), &path("c")).await), ErrorKind::NotFound);
    assert_eq!(kind(backend.rename(&path("a"), &path("n/c")).await), ErrorKind::NotFound);
    backend.rename(&path("a"), &path("b/c")).await.unwrap();
    assert_eq!(array(backend, "b/c/x").await.unwrap(), [1, 2, 3]);
    assert_eq!(backend.read_meta(&path("b/c")).await.unwrap().unwrap().bytes, "meta");
    assert_eq!(kind(backend.stat(&path("a")).await.map(drop)), ErrorKind::NotFound);
    backend.remove(&path("b")).await.unwrap();
    assert!(backend.list(&EntryPath::root()).await.unwrap().entries.is_empty());
    assert_eq!(kind(backend.remove(&path("b")).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn ranges_of_files_are_clipped() {
    let backend = backend();
    let backend = backend.as_ref();
    put_file(backend, "f", b"abc", WriteMode::Create).await.unwrap();
    assert_eq!(files(backend).append(&path("f"), Bytes::from_static(b"defg")).await.unwrap(), 7);
    for (range, expected) in [
        (0..7, "abcdefg"),
        (2..4, "cd"),
        (3..3, ""),
        (5..100, "fg"),
        (7..9, ""),
        (u64::MAX - 1..u64::MAX, ""),
        (0..u64::MAX, "abcdefg"),
    ] {
        assert_eq!(file(backend, "f", Some(range.clone())).await.unwrap(), expected.as_bytes(), "{range:?}");
    }
    let stream = files(backend).read(&path("f"), None).await.unwrap();
    put_file(backend, "f", b"new", WriteMode::Overwrite).await.unwrap();
    let before: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert_eq!(before.concat(), b"abcdefg");
}

#[tokio::test]
async fn attributes_belong_to_every_entry_but_the_root() {
    let backend = backend();
    let backend = backend.as_ref();
    backend.create_directory(&path("d"), Bytes::new()).await.unwrap();
    let attributes: Attributes = [("n".to_owned(), 1.into())].into_iter().collect();
    backend.write_attributes(&path("d"), &attributes).await.unwrap();
    assert_eq!(backend.read_attributes(&path("d")).await.unwrap(), attributes);
    let root = backend.write_attributes(&EntryPath::root(), &attributes).await;
    assert_eq!(root.unwrap_err().kind(), ErrorKind::InvalidInput);
    let missing = backend.read_attributes(&path("n")).await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn refusals_do_not_count_as_changes() {
    let backend = backend();
    let backend = backend.as_ref();
    put_array(backend, "x", &[1], WriteMode::Create).await.unwrap();
    let before = backend.stat(&path("x")).await.unwrap();
    let error = arrays(backend).append(&path("x"), 1, Values::Int32(vec![1])).await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Mismatch, Some("x")));
    assert_eq!(backend.stat(&path("x")).await.unwrap(), before);
}

fn batch(schema: &SchemaRef, numbers: &[i64]) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
    RecordBatch::try_new(Arc::clone(schema), vec![column]).unwrap()
}

async fn numbers(backend: &dyn Backend, at: &str, options: ScanOptions) -> Result<usize> {
    let batches: Vec<RecordBatch> = tables(backend).scan(&path(at), &options).await?.try_collect().await?;
    Ok(batches.iter().map(RecordBatch::num_rows).sum())
}

#[tokio::test]
async fn tables_grow_by_whole_appends() {
    let backend = backend();
    let backend = backend.as_ref();
    let schema = Arc::new(Schema::new(vec![Field::new("i", DataType::Int64, true)]));
    let (t, options) = (path("t"), TableOptions::default());
    let create = tables(backend).create(&t, schema.clone(), &options, WriteMode::Create);
    assert_eq!(create.await.unwrap().finish().await.unwrap(), 0);
    let mut append = tables(backend).append(&path("t"), schema.clone()).await.unwrap();
    append.write(batch(&schema, &[1, 2])).await.unwrap();
    append.write(batch(&schema, &[3])).await.unwrap();
    assert_eq!(tables(backend).describe(&path("t")).await.unwrap().rows, 0);
    assert_eq!(append.finish().await.unwrap(), 3);
    let description = tables(backend).describe(&path("t")).await.unwrap();
    assert_eq!((description.rows, description.parts, description.format), (3, 2, "memory"));
    let large = ScanOptions::default().with_predicate(Predicate::compare("i", Comparison::Ge, 2));
    assert_eq!(numbers(backend, "t", large).await.unwrap(), 2);
    let unknown = ScanOptions::default().with_projection(["j"]);
    assert_eq!(numbers(backend, "t", unknown).await.unwrap_err().kind(), ErrorKind::InvalidInput);

    let other = Arc::new(Schema::new(vec![Field::new("i", DataType::Int32, true)]));
    let error = tables(backend).append(&path("t"), other.clone()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.message().contains("'i' is Int32 and not Int64"), "{error}");

    // The table is replaced by one with other columns while rows are being collected for it.
    let mut late = tables(backend).append(&path("t"), schema.clone()).await.unwrap();
    late.write(batch(&schema, &[4])).await.unwrap();
    let replace = tables(backend).create(&t, other, &options, WriteMode::Overwrite);
    replace.await.unwrap().finish().await.unwrap();
    assert_eq!(late.finish().await.unwrap_err().kind(), ErrorKind::Mismatch);
    assert_eq!(numbers(backend, "t", ScanOptions::default()).await.unwrap(), 0);
}

#[tokio::test]
async fn records_are_created_once() {
    let backend = backend();
    let backend = backend.as_ref();
    let records: &dyn RecordStore = backend.records();
    let key = |key: &str| RecordKey::parse(key).unwrap();
    let body = |body: &'static str| Bytes::from_static(body.as_bytes());
    assert_eq!(records.create(&key("v1/a/claim"), body("1")).await.unwrap(), CreateOutcome::Created);
    assert_eq!(records.create(&key("v1/a/claim"), body("2")).await.unwrap(), CreateOutcome::Exists);
    assert_eq!(records.read(&key("v1/a/claim")).await.unwrap().unwrap(), "1");
    records.overwrite(&key("v1/a/beat"), body("3")).await.unwrap();
    records.overwrite(&key("v1/ab"), body("4")).await.unwrap();
    let listed = records.list(&key("v1/a")).await.unwrap();
    assert_eq!(listed, [key("v1/a/beat"), key("v1/a/claim")]);
    records.remove(&key("v1/a/claim")).await.unwrap();
    records.remove(&key("v1/a/claim")).await.unwrap();
    assert!(records.read(&key("v1/a/claim")).await.unwrap().is_none());
    assert!(backend.list(&EntryPath::root()).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn named_places_live_as_long_as_a_handle() {
    let first = MemoryBackend::named("shared by two handles");
    first.create_directory(&path("d"), Bytes::new()).await.unwrap();
    let second = MemoryBackend::named("shared by two handles");
    assert!(second.stat(&path("d")).await.is_ok());
    drop((first, second));
    let third = MemoryBackend::named("shared by two handles");
    assert!(third.stat(&path("d")).await.is_err());
    assert!(MemoryBackend::new().stat(&path("d")).await.is_err());
}
