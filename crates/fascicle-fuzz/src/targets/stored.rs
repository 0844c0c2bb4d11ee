//! Stored arrays and tables, as a broken disk or an enemy leaves them.

use super::workbench::{open, run as block_on, scratch};
use super::{Target, assert_printable, texts};
use fascicle::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use fascicle::{ArrayData, ArrayOptions, Codec, Directory, Error, PutOptions, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arrays that claim to be larger are looked at, and not read.
const MOST_BYTES: u64 = 64 << 20;

pub(super) const ZARR_METADATA: Target = Target {
    name: "zarr_metadata",
    run: |input| zarr(|array| fs::write(array.join("zarr.json"), input).unwrap()),
    seeds: || zarr_seeds("zarr.json"),
    tokens: &[
        "\"shape\":",
        "\"chunk_shape\":",
        "[",
        "]",
        "null",
        "-1",
        "\"codecs\":",
        "\"name\":\"gzip\"",
        "\"name\":\"blosc\"",
        "\"sharding_indexed\"",
        "\"must_understand\":true",
        "\"storage_transformers\":[{}]",
        "\"data_type\":\"float64\"",
        "\"fill_value\":\"NaN\"",
        "1e999",
        "4294967296",
    ],
    quick_runs: 600,
};

pub(super) const ZARR_CHUNK: Target = Target {
    name: "zarr_chunk",
    run: |input| zarr(|array| fs::write(array.join("c/0"), input).unwrap()),
    seeds: || zarr_seeds("c/0"),
    tokens: &["\x28\u{b5}\x2f", "\0\0\0\0"],
    quick_runs: 600,
};

pub(super) const HDF5_FILE: Target = Target {
    name: "hdf5_file",
    run: |input| {
        let folder = fresh("hdf5");
        fs::create_dir_all(folder.join("d")).unwrap();
        fs::write(folder.join("d/x.h5"), input).unwrap();
        block_on(async {
            let directory = open(&folder, "hdf5").await.dir("d").unwrap();
            use_array(&directory).await;
        });
    },
    seeds: || {
        let plain = ArrayOptions::default();
        let packed = ArrayOptions::default().with_chunks([4]).with_codec(Codec::Gzip { level: 6 });
        [plain, packed].into_iter().map(|options| stored_array("hdf5", options, "x.h5")).collect()
    },
    tokens: &["\u{89}HDF\r\n\x1a\n", "OHDR", "FRHP", "BTHD", "SNOD", "HEAP", "TREE", "\0\0\0\0\0\0\0\0"],
    quick_runs: 600,
};

pub(super) const PARQUET_ARRAY: Target = Target {
    name: "parquet_array",
    run: |input| {
        let folder = fresh("parquet_array");
        let array = folder.join("d/x.array.parquet");
        fs::create_dir_all(&array).unwrap();
        // The description of the array, or one of its parts beside it.
        fs::write(array.join("_array.parquet"), input).unwrap();
        fs::write(array.join("part-00000000000000000000.parquet"), input).unwrap();
        block_on(async { use_array(&open(&folder, "parquet").await.dir("d").unwrap()).await });
    },
    seeds: || {
        let files = ["_array.parquet", "part-00000000000000000000.parquet"];
        let stored =
            |file| stored_array("parquet", ArrayOptions::default(), &format!("x.array.parquet/{file}"));
        files.into_iter().map(stored).collect()
    },
    tokens: &[
        "PAR1",
        "ARROW:schema",
        "ARROW:extension:metadata",
        "arrow.fixed_shape_tensor",
        "\"shape\":[",
        "\x15\x00",
        "4294967296",
    ],
    quick_runs: 600,
};

pub(super) const PARQUET_PART: Target = Target {
    name: "parquet_part",
    run: |input| {
        let folder = fresh("parquet");
        let table = folder.join("d/t.parquet");
        fs::create_dir_all(&table).unwrap();
        fs::write(table.join("part-00000000000000000000.parquet"), input).unwrap();
        block_on(async { use_table(&open(&folder, "hdf5").await.dir("d").unwrap()).await });
    },
    seeds: || vec![stored_table()],
    tokens: &["PAR1", "\x15\x00", "\x15\x02", "\x19\x1c", "ARROW:schema"],
    quick_runs: 1_000,
};

pub(super) const CSV_TABLE: Target = Target {
    name: "csv_table",
    run: |input| {
        let folder = fresh("csv");
        fs::create_dir_all(folder.join("d")).unwrap();
        fs::write(folder.join("d/t.csv"), input).unwrap();
        block_on(async { use_table(&open(&folder, "hdf5").await.dir("d").unwrap()).await });
    },
    seeds: || {
        texts(&[
            "a,b\n1,x\n2,\"y,\"\"z\"\n",
            "t,u\n2020-01-01,True\n,False\n",
            "\"\"\n\"\"\n",
            "a\n1e400\n99999999999999999999\n",
            "a,a\n1,2\n",
        ])
    },
    tokens: &[",", "\"", "\n", "\r\n", "NA", "nan", "True", "2020-01-01", "1e308", "-0", "\0", "\u{feff}"],
    quick_runs: 1_000,
};

/// An empty folder.
fn fresh(name: &str) -> PathBuf {
    let folder = scratch(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Uses a sound array of which something was replaced.
fn zarr(replace: impl Fn(&Path)) {
    let folder = fresh("zarr");
    let array = folder.join("d/x.zarr");
    fs::create_dir_all(array.join("c")).unwrap();
    fs::write(array.join("zarr.json"), SOUND).unwrap();
    replace(&array);
    block_on(async { use_array(&open(&folder, "zarr").await.dir("d").unwrap()).await });
}

/// Twelve numbers in one chunk that is compressed and ends with a checksum.
const SOUND: &str = r#"{"zarr_format":3,"node_type":"array","shape":[12],"data_type":"int64",
"chunk_grid":{"name":"regular","configuration":{"chunk_shape":[12]}},
"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,
"codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"zstd","configuration":{"level":1,"checksum":false}},
{"name":"crc32c"}],"attributes":{}}"#;

fn zarr_seeds(file: &str) -> Vec<Vec<u8>> {
    let chunked = ArrayOptions::default().with_chunks([12]);
    let codecs = [Codec::Uncompressed, Codec::Gzip { level: 6 }, Codec::Zstd { level: 1 }];
    codecs
        .into_iter()
        .map(|codec| stored_array("zarr", chunked.clone().with_codec(codec), &format!("x.zarr/{file}")))
        .collect()
}

fn stored_array(backend: &str, options: ArrayOptions, file: &str) -> Vec<u8> {
    let folder = fresh("seeds");
    block_on(async {
        let directory = open(&folder, backend).await.dir("d").unwrap();
        let options = PutOptions { array: options, ..PutOptions::default() };
        directory.put_with("x", (0..12i64).collect::<Vec<_>>(), &options).await.unwrap();
    });
    fs::read(folder.join("d").join(file)).unwrap()
}

fn stored_table() -> Vec<u8> {
    let folder = fresh("seeds");
    let columns: [(&str, ArrayRef); 2] = [
        ("n", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))),
        ("t", Arc::new(StringArray::from(vec![Some("a"), Some("a"), None]))),
    ];
    block_on(async {
        let directory = open(&folder, "hdf5").await.dir("d").unwrap();
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)));
        directory.put_table("t", &batch.unwrap()).await.unwrap();
    });
    fs::read(folder.join("d/t.parquet/part-00000000000000000000.parquet")).unwrap()
}

async fn use_array(directory: &Directory) {
    told(directory.tree().await);
    let Some(array) = told(directory.array("x").await) else { return };
    told(array.attributes().await);
    if array.shape().size_bytes(array.dtype()).is_ok_and(|bytes| bytes as u64 <= MOST_BYTES) {
        told(array.read::<ArrayData>().await);
    }
    told(directory.append("x", [7i64]).await);
    told(directory.size_bytes().await);
}

async fn use_table(directory: &Directory) {
    told(directory.tree().await);
    let Some(table) = told(directory.table("t").await) else { return };
    if table.rows() < 1_000_000 {
        told(table.read().await);
    }
}

/// Whatever comes of it is an answer or an error that says what is wrong.
fn told<T>(result: Result<T>) -> Option<T> {
    result.map_err(|error: Error| assert_printable(&error.chain())).ok()
}
