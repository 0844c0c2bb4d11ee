//! zarr-python, tensorstore and xarray read what is written here, and what they write is read here.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use fascicle_backend::{
    ArrayOptions, ArraySpec, ArrayStore, Backend, Codec, DType, EntryPath, Region, Shape, TimeUnit, Values,
    WriteMode,
};
use fascicle_objects::{LocalStoreOptions, StoreConfig};
use fascicle_zarr::{ZarrBackend, ZarrOptions};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Runs the judge, and returns what it prints.
fn python(arguments: &[&str]) -> String {
    let python =
        std::env::var_os("FASCICLE_PYTHON").map_or_else(|| workspace(".venv/bin/python"), PathBuf::from);
    let script = workspace("backends/zarr/tests/interoperability.py");
    let output = Command::new(&python).arg(script).args(arguments).output();
    let output =
        output.unwrap_or_else(|error| panic!("{} cannot be run: {error}; run tools/setup", python.display()));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}:\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

struct Place {
    folder: tempfile::TempDir,
    backend: ZarrBackend,
}

impl Place {
    async fn new(options: ZarrOptions) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let local = LocalStoreOptions { fsync: false, ..LocalStoreOptions::default() };
        let config = StoreConfig::new(folder.path().to_str().unwrap()).unwrap().with_local(local);
        let backend = ZarrBackend::open(&config, options).await.unwrap();
        Place { folder, backend }
    }

    fn arrays(&self) -> &dyn ArrayStore {
        self.backend.arrays().unwrap()
    }

    fn folder(&self) -> &str {
        self.folder.path().to_str().unwrap()
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
        let description =
            self.arrays().describe(&path).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let buffer = Values::zeros(description.dtype, description.shape.element_count()).unwrap();
        let read = self.arrays().read(&path, &Region::whole(&description.shape), buffer).await;
        (description.shape, read.unwrap_or_else(|error| panic!("{name}: {error:?}")))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// NumPy's code for a dtype.
fn numpy_code(dtype: DType) -> String {
    match dtype {
        DType::FixedBytes(width) => format!("S{width}"),
        plain => plain.to_string(),
    }
}

fn random(dtype: DType, count: usize, seed: u64) -> Values {
    let mut random = fastrand::Rng::with_seed(seed);
    let bytes = dtype.fixed_bytes().unwrap() * count;
    // The payloads of NaNs are compared, too; NumPy shortens fixed bytes at zeros.
    let byte = |random: &mut fastrand::Rng| match dtype {
        DType::Bool => random.u8(..2),
        DType::FixedBytes(_) => random.u8(1..),
        _ => random.u8(..),
    };
    let bytes: Vec<u8> = (0..bytes).map(|_| byte(&mut random)).collect();
    Values::from_bytes(dtype, &bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn others_read_what_is_written_here() {
    let place = Place::new(ZarrOptions::default()).await;
    let few_objects = Place {
        folder: tempfile::tempdir().unwrap(),
        backend: ZarrBackend::open(
            &StoreConfig::new(place.folder()).unwrap(),
            ZarrOptions::default().with_max_objects(1).with_checksum(false),
        )
        .await
        .unwrap(),
    };
    let mut expected = serde_json::Map::new();
    let mut note = |name: &str, shape: &[u64], values: &Values, attributes: Value| {
        let entry = json!({
            "dtype": numpy_code(values.dtype()),
            "shape": shape,
            "bytes": values.as_bytes().map(hexadecimal),
            "texts": values.as_text(),
            "attributes": attributes,
        });
        expected.insert(name.to_owned(), entry);
    };
    let units =
        TimeUnit::ALL.into_iter().flat_map(|unit| [DType::DateTime64(unit), DType::TimeDelta64(unit)]);
    let dtypes: Vec<DType> = DType::PLAIN.into_iter().chain([DType::FixedBytes(5)]).chain(units).collect();
    for (number, dtype) in dtypes.into_iter().enumerate() {
        for (kind, place) in [("chunks", &place), ("shards", &few_objects)] {
            let name = format!("{kind}_{number}");
            let values = random(dtype, 37 * 11, number as u64);
            let options = ArrayOptions::default().with_chunks([10, 4]).with_attribute("of", kind);
            place.put(&name, &[37, 11], values.clone(), &options).await;
            note(&name, &[37, 11], &values, json!({"of": kind}));
        }
    }
    let codecs = [Codec::Uncompressed, Codec::Gzip { level: 9 }, Codec::Zstd { level: 22 }];
    for (number, codec) in codecs.into_iter().enumerate() {
        let name = format!("codec_{number}");
        let values = random(DType::Float32, 1000, 5);
        place.put(&name, &[1000], values.clone(), &ArrayOptions::default().with_codec(codec)).await;
        note(&name, &[1000], &values, json!({}));
    }
    let texts = Values::Text(vec!["".into(), "ü\"\\".into(), "日本語".repeat(99), "x".into()]);
    place.put("text", &[2, 2], texts.clone(), &ArrayOptions::default().with_chunks([1, 2])).await;
    note("text", &[2, 2], &texts, json!({}));
    let scalar = Values::Complex64(vec![num_complex::Complex::new(f32::NAN, -0.0)]);
    place.put("scalar", &[], scalar.clone(), &ArrayOptions::default()).await;
    note("scalar", &[], &scalar, json!({}));
    place.put("empty", &[0, 4], Values::Int16(vec![]), &ArrayOptions::default()).await;
    note("empty", &[0, 4], &Values::Int16(vec![]), json!({}));

    // Never written: fill values of every kind.
    let fills = [
        Values::Float64(vec![f64::from_bits(0x7ff8_0000_0000_1234)]),
        Values::Float64(vec![-0.0]),
        Values::Float16(vec![half::f16::NEG_INFINITY]),
        Values::Complex128(vec![num_complex::Complex::new(f64::INFINITY, f64::NAN)]),
        Values::UInt64(vec![u64::MAX]),
        Values::Bool(vec![true]),
        Values::FixedBytes { width: 3, bytes: b"a\0\0".to_vec() },
        Values::DateTime64(TimeUnit::Second, vec![i64::MIN]),
        Values::Text(vec!["ü".into()]),
    ];
    for (number, fill) in fills.into_iter().enumerate() {
        let name = format!("fill_{number}");
        let spec = ArraySpec { shape: Shape::new([2]).unwrap(), dtype: fill.dtype() };
        let options = ArrayOptions::default().with_fill(fill.clone());
        let path = EntryPath::parse(&name).unwrap();
        place
            .arrays()
            .create(&path, &spec, &options, WriteMode::Create)
            .await
            .unwrap()
            .finish()
            .await
            .unwrap();
        let (_, read) = place.read(&name).await;
        let mut twice = Values::zeros(fill.dtype(), 2).unwrap();
        (0..2).for_each(|at| twice.copy_from(at, &fill, 0..1).unwrap());
        assert!(read.same_bits(&twice), "{name}");
        note(&name, &[2], &twice, json!({}));
    }

    // Arrays that were replaced, appended to and written over lie under other keys, and in partly filled chunks.
    for (kind, place) in [("chunks", &place), ("shards", &few_objects)] {
        let name = format!("changed_{kind}");
        let path = EntryPath::parse(&name).unwrap();
        let options = ArrayOptions::default().with_chunks([4, 3]);
        place.put(&name, &[1, 5], random(DType::Int64, 5, 1), &options).await;
        for _ in 0..3 {
            let spec = ArraySpec { shape: Shape::new([6, 5]).unwrap(), dtype: DType::Int64 };
            let mut writer =
                place.arrays().create(&path, &spec, &options, WriteMode::Overwrite).await.unwrap();
            writer.write(&Region::whole(&spec.shape), Values::Int64((0..30).collect())).await.unwrap();
            writer.finish().await.unwrap();
        }
        for row in 6..11 {
            let values = Values::Int64((row * 5..row * 5 + 5).collect());
            assert_eq!(place.arrays().append(&path, 1, values).await.unwrap(), row as u64 + 1);
        }
        let row = Region::rows(&Shape::new([11, 5]).unwrap(), 7, 1);
        place.arrays().write(&path, &row, Values::Int64(vec![-1; 5])).await.unwrap();
        let mut values: Vec<i64> = (0..55).collect();
        values[35..40].fill(-1);
        note(&name, &[11, 5], &Values::Int64(values), json!({}));
    }

    let values = random(DType::Int32, 6, 3);
    let dimensions = json!(["time", "place"]);
    let options = ArrayOptions::default().with_attribute("_ARRAY_DIMENSIONS", dimensions.clone());
    place.put("dimensions", &[3, 2], values.clone(), &options).await;
    note("dimensions", &[3, 2], &values, json!({"_ARRAY_DIMENSIONS": dimensions}));

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), serde_json::to_vec(&expected).unwrap()).unwrap();
    let report = python(&["read", place.folder(), file.path().to_str().unwrap()]);
    assert!(report.contains("arrays are read alike"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_is_read_here() {
    let place = Place::new(ZarrOptions::default()).await;
    let facts: Value = serde_json::from_str(&python(&["write", place.folder()])).unwrap();
    let facts = facts.as_object().unwrap();
    assert!(facts.len() > 60, "{}", facts.len());
    let listing = place.backend.list(&EntryPath::root()).await.unwrap();
    assert_eq!(listing.entries.len(), facts.len());
    for (name, fact) in facts {
        let (shape, values) = place.read(name).await;
        let expected_shape: Vec<u64> =
            fact["shape"].as_array().unwrap().iter().map(|length| length.as_u64().unwrap()).collect();
        assert_eq!(shape.to_vec(), expected_shape, "{name}");
        match fact["texts"].as_array() {
            Some(texts) => {
                let texts: Vec<&str> = texts.iter().map(|text| text.as_str().unwrap()).collect();
                assert_eq!(values.as_text().unwrap(), texts, "{name}");
            }
            None => {
                let mut bytes = values.as_bytes().unwrap().to_vec();
                if fact["dtype"].as_str().unwrap().starts_with('>') {
                    bytes.chunks_exact_mut(4).for_each(<[u8]>::reverse);
                }
                assert_eq!(hexadecimal(&bytes), fact["bytes"].as_str().unwrap(), "{name}");
            }
        }
        let path = EntryPath::parse(name).unwrap();
        if !name.starts_with("fill") && name != "tensorstore" {
            assert_eq!(place.backend.read_attributes(&path).await.unwrap()["unit"], "mV", "{name}");
        }
        let dtype = values.dtype();
        let row: u64 = expected_shape.iter().skip(1).product();
        let rows = Values::zeros(dtype, row).unwrap();
        if expected_shape.is_empty() {
            continue;
        }
        // Rows of zeros are added to the arrays of version 3, through their own codecs; those of version 2 stay as they are.
        let appended = place.arrays().append(&path, 1, rows.clone()).await;
        if name.starts_with("old") {
            assert_eq!(appended.unwrap_err().kind(), fascicle_backend::ErrorKind::Unsupported, "{name}");
            continue;
        }
        let length = appended.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let (grown, now) = place.read(name).await;
        assert_eq!((length, grown.rows()), (expected_shape[0] + 1, Some(length)), "{name}");
        let count = now.len();
        assert!(now.slice(0..count - row as usize).unwrap().same_bits(&values), "{name}");
        assert!(now.slice(count - row as usize..count).unwrap().same_bits(&rows), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_grows_by_turns() {
    let place = Place::new(ZarrOptions::default().with_writer_patience(Duration::from_millis(20))).await;
    let options = ArrayOptions::default().with_chunks([4]).with_attribute("unit", "mV");
    place.put("grows", &[2], Values::Int64(vec![0, 1]), &options).await;
    let path = EntryPath::parse("grows").unwrap();
    let mut expected = vec![0, 1];
    for turn in 0..3 {
        place.arrays().append(&path, 3, Values::Int64(vec![turn; 3])).await.unwrap();
        python(&["append", place.folder()]);
        expected.extend([turn, turn, turn, 100, 101, 102, 200, 201]);
        let (_, values) = place.read("grows").await;
        assert!(values.same_bits(&Values::Int64(expected.clone())), "{values:?}");
    }
    let attributes = place.backend.read_attributes(&path).await.unwrap();
    assert_eq!(attributes, json!({"unit": "mV", "by": "zarr-python"}).as_object().unwrap().clone());
}
