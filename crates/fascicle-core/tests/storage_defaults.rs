//! What a root says about arrays and tables reaches everything that is stored through it, unless the call says otherwise.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use fascicle_core::convert::FromTableOptions;
use fascicle_core::{
    ArrayDefaults, ArrayOptions, ArraySpec, Codec, DType, Directory, ErrorKind, PutOptions, Root,
    RootOptions, Shape, TableDefaults,
};
use fascicle_memory::MemoryBackend;
use std::sync::Arc;

/// Chunks of four elements of eight bytes.
const CHUNK_BYTES: u64 = 32;

fn root(codec: Option<Codec>) -> Root {
    let options = RootOptions {
        array_defaults: ArrayDefaults { chunk_bytes: Some(CHUNK_BYTES), codec },
        table_defaults: TableDefaults { codec },
        ..RootOptions::default()
    };
    Root::with_options(Arc::new(MemoryBackend::new()), options)
}

async fn chunks(directory: &Directory, name: &str) -> Option<Vec<u64>> {
    directory.array(name).await.unwrap().description().chunks.clone()
}

fn columns() -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10));
    RecordBatch::try_from_iter([("a", column)]).unwrap()
}

#[tokio::test]
async fn every_way_to_store_an_array_takes_the_chunks_of_the_root() {
    let root = root(None);
    let directory = root.dir("d").unwrap();
    directory.put("put", (0..10).collect::<Vec<i64>>()).await.unwrap();
    directory.append("appended", (0..10).collect::<Vec<i64>>()).await.unwrap();
    let mut appender = directory.appender::<f64>("pushed", &[2]).unwrap();
    appender.push([1.0, 2.0]).await.unwrap();
    appender.finish().await.unwrap();
    let spec = ArraySpec { shape: Shape::new([10, 2]).unwrap(), dtype: DType::Float64 };
    let created = directory.create_array("created", spec, &PutOptions::default()).await.unwrap();
    created.finish().await.unwrap();
    directory.put("scalar", 1.0).await.unwrap();
    directory.put_columns(&columns(), &FromTableOptions::default()).await.unwrap();
    let other = Root::new(MemoryBackend::new());
    other.dir("from").unwrap().put("copied", (0..10).collect::<Vec<i64>>()).await.unwrap();
    directory.extend(&other.dir("from").unwrap()).await.unwrap();
    for (name, expected) in [
        ("put", Some(vec![4])),
        ("appended", Some(vec![4])),
        ("pushed", Some(vec![2, 2])),
        ("created", Some(vec![2, 2])),
        ("a", Some(vec![4])),
        ("copied", Some(vec![4])),
        ("scalar", None),
    ] {
        assert_eq!(chunks(&directory, name).await, expected, "{name}");
    }
    let options = FromTableOptions::default().with_chunk_bytes(16);
    directory.dir("e").unwrap().put_columns(&columns(), &options).await.unwrap();
    assert_eq!(chunks(&directory, "e/a").await, Some(vec![2]));
    let asked = PutOptions { array: ArrayOptions::default().with_chunks([7]), ..PutOptions::default() };
    directory.put_with("asked", [1, 2], &asked).await.unwrap();
    assert_eq!(chunks(&directory, "asked").await, Some(vec![7]));
}

/// A level that no codec has shows which codec was asked for, as memory compresses nothing.
#[tokio::test]
async fn every_way_to_store_takes_the_codec_of_the_root() {
    let directory = root(Some(Codec::Gzip { level: 77 })).dir("d").unwrap();
    let plain = ArrayOptions::default().with_codec(Codec::Uncompressed);
    let asked = PutOptions { array: plain, ..PutOptions::default() };
    directory.put_with("x", [1], &asked).await.unwrap();
    for error in [
        directory.put("y", [1]).await.unwrap_err(),
        directory.append("y", [1]).await.unwrap_err(),
        directory.put_columns(&columns(), &FromTableOptions::default()).await.unwrap_err(),
        directory.put_table("y", &columns()).await.unwrap_err(),
        directory.append_table("y", &columns()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("77"), "{error}");
    }
    assert_eq!(directory.names().await.unwrap(), ["x"]);
}
