//! pyarrow, pandas, polars and duckdb read what is written here, and what they write is read here.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use fascicle_backend::{
    ArrayOptions, ArraySpec, ArrayStore, Backend, DType, EntryPath, Region, Shape, TimeUnit, Values,
    WriteMode,
};
use fascicle_judges::run_python_file;
use fascicle_objects::{LocalStoreOptions, StoreConfig};
use fascicle_parquet::{ParquetBackend, ParquetOptions};
use serde_json::{Value, json};
use std::path::Path;

struct Place {
    folder: tempfile::TempDir,
    backend: ParquetBackend,
}

impl Place {
    async fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let local = LocalStoreOptions { fsync: false, ..LocalStoreOptions::default() };
        let config = StoreConfig::new(folder.path().to_str().unwrap()).unwrap().with_local(local);
        // Several row groups and several parts each.
        let options = ParquetOptions::default().with_chunk_bytes(300).with_array_part_bytes(900);
        let backend = ParquetBackend::open(&config, options).await.unwrap();
        Place { folder, backend }
    }

    fn arrays(&self) -> &dyn ArrayStore {
        self.backend.arrays().unwrap()
    }

    fn folder(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn judge(&self, arguments: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interoperability.py");
        run_python_file(&script, arguments)
    }

    async fn put(&self, name: &str, shape: &[u64], values: Values, options: &ArrayOptions) {
        let spec = ArraySpec { shape: Shape::new(shape).unwrap(), dtype: values.dtype() };
        let path = EntryPath::parse(name).unwrap();
        let mut writer = self.arrays().create(&path, &spec, options, WriteMode::Create).await.unwrap();
        writer.write(&Region::whole(&spec.shape), values).await.unwrap();
        writer.finish().await.unwrap();
    }

    async fn read(&self, name: &str) -> (Shape, Values) {
        let path = EntryPath::parse(name).unwrap();
        let described =
            self.arrays().describe(&path).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let buffer = Values::zeros(described.dtype, described.shape.element_count()).unwrap();
        let read = self.arrays().read(&path, &Region::whole(&described.shape), buffer).await;
        (described.shape, read.unwrap_or_else(|error| panic!("{name}: {error:?}")))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Random bits; NumPy shortens fixed bytes at zeros.
fn random(dtype: DType, count: usize, seed: u64) -> Values {
    let mut random = fastrand::Rng::with_seed(seed);
    let byte = |random: &mut fastrand::Rng| match dtype {
        DType::Bool => random.u8(..2),
        DType::FixedBytes(_) => random.u8(1..),
        _ => random.u8(..),
    };
    let bytes: Vec<u8> = (0..dtype.fixed_bytes().unwrap() * count).map(|_| byte(&mut random)).collect();
    Values::from_bytes(dtype, &bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn others_read_what_is_written_here() {
    let place = Place::new().await;
    let mut expected = serde_json::Map::new();
    let mut note = |name: &str, shape: &[u64], values: &Values, axes: Value| {
        let dtype = values.dtype().to_string();
        let bytes = values.as_bytes().map(hexadecimal);
        let texts = values.as_text();
        expected.insert(
            name.to_owned(),
            json!({"dtype": dtype, "shape": shape, "bytes": bytes, "texts": texts, "axes": axes}),
        );
    };
    let units =
        TimeUnit::ALL.into_iter().flat_map(|unit| [DType::DateTime64(unit), DType::TimeDelta64(unit)]);
    let dtypes = DType::PLAIN.into_iter().chain([DType::FixedBytes(5)]).chain(units);
    for (number, dtype) in dtypes.enumerate() {
        let name = dtype.to_string().replace(['[', ']'], "_");
        let axes = ["time", "y", "x"];
        let options = ArrayOptions::default().with_attribute("_ARRAY_DIMENSIONS", axes.to_vec());
        for (kind, shape) in
            [("plain", vec![121]), ("tensor", vec![37, 2, 3]), ("scalar", vec![]), ("empty", vec![0, 4])]
        {
            let values = random(dtype, shape.iter().product::<u64>() as usize, number as u64);
            let name = format!("{kind}_{name}");
            place.put(&name, &shape, values.clone(), &options).await;
            note(&name, &shape, &values, json!(axes));
        }
    }
    let texts = Values::Text(vec!["".into(), "ü\"\\".into(), "日本語".repeat(99), "x".into()]);
    place.put("text", &[4], texts.clone(), &ArrayOptions::default()).await;
    note("text", &[4], &texts, Value::Null);
    place.put("texts", &[2, 2], texts.clone(), &ArrayOptions::default()).await;
    note("texts", &[2, 2], &texts, Value::Null);
    place.put("nothing", &[3, 0], Values::Int8(vec![]), &ArrayOptions::default()).await;
    note("nothing", &[3, 0], &Values::Int8(vec![]), Value::Null);
    // Appended to, and written in part.
    let mut grown = random(DType::Int32, 20, 1);
    place.put("grown", &[4, 5], grown.clone(), &ArrayOptions::default()).await;
    let more = random(DType::Int32, 15, 2);
    let path = EntryPath::parse("grown").unwrap();
    assert_eq!(place.arrays().append(&path, 3, more.clone()).await.unwrap(), 7);
    if let (Values::Int32(grown), Values::Int32(more)) = (&mut grown, more) {
        grown.extend(more);
        grown.splice(20..25, [1, 2, 3, 4, 5]);
    }
    let row = Region::rows(&Shape::new([7, 5]).unwrap(), 4, 1);
    place.arrays().write(&path, &row, Values::Int32(vec![1, 2, 3, 4, 5])).await.unwrap();
    note("grown", &[7, 5], &grown, Value::Null);

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), Value::Object(expected).to_string()).unwrap();
    place.judge(&["read", place.folder(), file.path().to_str().unwrap()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_is_read_here() {
    let place = Place::new().await;
    let written: Value = serde_json::from_str(&place.judge(&["write", place.folder()])).unwrap();
    let written = written.as_object().unwrap();
    assert_eq!(written.len(), 19);
    for (name, entry) in written {
        let (shape, values) = place.read(name).await;
        assert_eq!(json!(*shape), entry["shape"], "{name}");
        assert_eq!(json!(values.dtype().to_string()), entry["dtype"], "{name}");
        match values.as_bytes() {
            Some(bytes) => assert_eq!(json!(hexadecimal(bytes)), entry["bytes"], "{name}"),
            None => assert_eq!(json!(values.as_text()), entry["texts"], "{name}"),
        }
    }
}
