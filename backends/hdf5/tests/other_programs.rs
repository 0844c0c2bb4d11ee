//! Arrays between programs: h5py and datamate read and extend ours, we read and extend theirs.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use fascicle_backend::{
    ArrayOptions, ArraySpec, Backend, Codec, CompactOptions, Comparison, DType, EntryPath, ErrorKind,
    Predicate, Region, Result, ScanOptions, Shape, TableOptions, TimeUnit, Values, WriteMode,
};
use fascicle_hdf5::{Hdf5Backend, Hdf5Options};
use fascicle_judges::run_python_file;
use futures::TryStreamExt;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

struct Place {
    keep: tempfile::TempDir,
    backend: Hdf5Backend,
}

impl Place {
    fn new() -> Place {
        let keep = tempfile::tempdir().unwrap();
        let backend = Hdf5Backend::open(keep.path(), Hdf5Options::default().with_fsync(false)).unwrap();
        Place { keep, backend }
    }

    fn judge(&self, script: &str) -> String {
        run_python_file(&script_file(script), [self.keep.path()])
    }

    /// Lets datamate play a part while this process plays the other.
    fn beside(&self, part: &str, rows: u64) -> tokio::task::JoinHandle<String> {
        let folder = self.keep.path().to_string_lossy().into_owned();
        let arguments = [part.to_owned(), folder, "x".to_owned(), rows.to_string()];
        tokio::task::spawn_blocking(move || run_python_file(&script_file("live.py"), arguments))
    }

    async fn write(&self, name: &str, shape: &Shape, values: Values, options: &ArrayOptions) -> Result<()> {
        let arrays = self.backend.arrays().unwrap();
        let spec = ArraySpec { shape: shape.clone(), dtype: values.dtype() };
        let mut writer = arrays.create(&path(name), &spec, options, WriteMode::Create).await?;
        writer.write(&Region::whole(shape), values).await?;
        writer.finish().await
    }

    async fn read(&self, name: &str) -> Result<(Shape, Values)> {
        let arrays = self.backend.arrays().unwrap();
        let found = arrays.describe(&path(name)).await?;
        let buffer = Values::zeros(found.dtype, found.shape.element_count())?;
        let values = arrays.read(&path(name), &Region::whole(&found.shape), buffer).await?;
        Ok((found.shape, values))
    }

    /// The names of the arrays that a JSON file describes, with what it says.
    fn described(&self) -> Vec<(String, Value)> {
        let files = std::fs::read_dir(self.keep.path()).unwrap().map(|entry| entry.unwrap().path());
        let json = files.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
        let mut described: Vec<_> = json
            .map(|file: PathBuf| {
                let name = file.file_stem().unwrap().to_string_lossy().into_owned();
                (name, serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
            })
            .collect();
        described.sort_by(|(a, _), (b, _)| a.cmp(b));
        described
    }
}

fn script_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name)
}

fn path(name: &str) -> EntryPath {
    EntryPath::parse(name).unwrap()
}

/// Whether row `n` is `[n, n]` for every n.
fn counts_up(values: &Values) -> bool {
    matches!(values, Values::Int64(values) if values.iter().enumerate().all(|(at, value)| *value == (at / 2) as i64))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn every_dtype() -> Vec<DType> {
    let times =
        TimeUnit::ALL.into_iter().flat_map(|unit| [DType::DateTime64(unit), DType::TimeDelta64(unit)]);
    DType::PLAIN.into_iter().chain([DType::FixedBytes(5), DType::Text]).chain(times).collect()
}

/// Elements of many bits, the same for the same count.
fn sample(dtype: DType, count: u64) -> Values {
    if dtype == DType::Text {
        return Values::Text(
            (0..count).map(|number| format!("ü{number}日本").repeat(number as usize % 3)).collect(),
        );
    }
    let bytes = (0..dtype.fixed_bytes().unwrap() as u64 * count).map(|number| (number * 89 % 251) as u8);
    let bytes: Vec<u8> =
        if dtype == DType::Bool { bytes.map(|byte| byte % 2).collect() } else { bytes.collect() };
    Values::from_bytes(dtype, &bytes).unwrap()
}

/// Writes every dtype in several shapes, each with a JSON file that says what it should hold.
async fn write_samples(place: &Place) -> usize {
    let mut count = 0;
    for dtype in every_dtype() {
        for (number, lengths) in
            [&[][..], &[5], &[3, 2], &[2, 3, 2], &[0, 3], &[2, 0]].into_iter().enumerate()
        {
            for gzip in [false, true] {
                let shape = Shape::new(lengths).unwrap();
                let name = dtype.to_string().replace(['[', ']'], "");
                let name = format!("{name}-{number}-{}", if gzip { "gzip" } else { "plain" });
                let values = sample(dtype, shape.element_count());
                let mut description = json!({
                    "dtype": dtype.to_string(),
                    "shape": lengths,
                    "gzip": gzip && !lengths.is_empty(),
                    "attributes": {"text": "ü", "flag": true, "number": 3, "float": 0.5, "list": [1, 2], "texts": ["a", "b"],
                        "json:nothing": "null"},
                });
                match values.as_text() {
                    Some(texts) => description["texts"] = json!(texts),
                    None => description["bytes"] = json!(hexadecimal(values.as_bytes().unwrap())),
                }
                let mut options = ArrayOptions::default();
                for (name, value) in description["attributes"].as_object().unwrap() {
                    match name.strip_prefix("json:") {
                        Some(name) => options = options.with_attribute(name, Value::Null),
                        None => options = options.with_attribute(name, value.clone()),
                    }
                }
                options.codec = gzip.then_some(Codec::Gzip { level: 4 });
                place.write(&name, &shape, values, &options).await.unwrap();
                let file = place.keep.path().join(format!("{name}.json"));
                std::fs::write(file, description.to_string()).unwrap();
                count += 1;
            }
        }
    }
    count
}

#[tokio::test]
async fn h5py_reads_every_dtype_as_numpy_has_it() {
    let place = Place::new();
    let count = write_samples(&place).await;
    let printed = place.judge("judge_h5py.py");
    let dtypes = every_dtype().len();
    assert_eq!(printed, format!("{count} arrays of {dtypes} dtypes are what they should be\n"));
}

#[tokio::test]
async fn datamate_opens_and_extends_our_arrays() {
    let place = Place::new();
    write_samples(&place).await;
    // Fifteen dtypes that datamate knows, three shapes that have elements and can grow, with and without compression.
    assert_eq!(place.judge("judge_datamate.py"), format!("{} arrays were read and extended\n", 15 * 3 * 2));
    let arrays = place.backend.arrays().unwrap();
    for (name, description) in place.described() {
        let dtype: DType = description["dtype"].as_str().unwrap().parse().unwrap();
        if matches!(dtype, DType::Text | DType::DateTime64(_) | DType::TimeDelta64(_)) {
            continue;
        }
        let shape: Vec<u64> = serde_json::from_value(description["shape"].clone()).unwrap();
        let extended = u64::from(!shape.is_empty() && !shape.contains(&0));
        let (found, values) = place.read(&name).await.unwrap();
        assert_eq!(found.rows().unwrap_or(0), shape.first().copied().unwrap_or(0) + extended, "{name}");
        let text = hexadecimal(values.as_bytes().unwrap());
        assert!(text.starts_with(description["bytes"].as_str().unwrap()), "{name}");
        if extended == 1 {
            // And we extend what datamate extended.
            let row = sample(dtype, Shape::new(found.trailing()).unwrap().element_count());
            let total = arrays.append(&path(&name), 1, row).await.unwrap();
            assert_eq!(total, shape[0] + 2, "{name}");
        }
    }
}

#[tokio::test]
async fn what_others_wrote_is_read_and_extended() {
    let place = Place::new();
    place.judge("write_foreign.py");
    let arrays = place.backend.arrays().unwrap();
    let described = place.described();
    assert!(described.len() > 80, "{}", described.len());
    for (name, description) in described {
        let (shape, values) = place.read(&name).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(values.dtype().to_string(), description["dtype"], "{name}");
        assert_eq!(json!(*shape), description["shape"], "{name}");
        match values.as_text() {
            Some(texts) => assert_eq!(json!(texts), description["texts"], "{name}"),
            None => {
                assert_eq!(json!(hexadecimal(values.as_bytes().unwrap())), description["bytes"], "{name}")
            }
        }
        let row_elements = Shape::new(shape.trailing()).unwrap().element_count() as usize;
        let Some(rows) = shape.rows() else {
            let outcome = arrays.append(&path(&name), 1, values).await;
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Mismatch, "{name}");
            continue;
        };
        let row = values.slice(0..row_elements).unwrap();
        for added in 1..=2 {
            let total = arrays.append(&path(&name), 1, row.clone()).await;
            assert_eq!(total.unwrap_or_else(|error| panic!("{name}: {error:?}")), rows + added, "{name}");
        }
        let last = Region::new(Region::rows(&shape, 0, 1).axes());
        arrays
            .write(&path(&name), &last, row.clone())
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let (_, longer) = place.read(&name).await.unwrap();
        let count = values.len();
        assert!(longer.slice(0..count).unwrap().same_bits(&values), "{name}: the old rows");
        for added in 0..2 {
            let at = count + added * row_elements;
            assert!(longer.slice(at..at + row_elements).unwrap().same_bits(&row), "{name}: the new rows");
        }
    }
    for libver in ["earliest", "v110", "latest"] {
        let attributes = place.backend.read_attributes(&path(&format!("contiguous_{libver}"))).await.unwrap();
        assert_eq!(Value::Object(attributes), json!({"units": "mV"}), "{libver}");
    }
    let attributes = place.backend.read_attributes(&path("attributes")).await.unwrap();
    assert_eq!(
        Value::Object(attributes.clone()),
        json!({
            "bytes": "abc", "flag": true, "list": [1, 2, 3], "matrix": [[1, 2], [3, 4]], "nan": "NaN", "single": 0.5,
            "small": -3, "text": "ü", "texts": ["a", "b"],
        })
    );
    let kept = place.judge("judge_rewritten.py");
    assert_eq!(kept, "what was beside the array is still there\n");
    place.backend.write_attributes(&path("attributes"), &attributes).await.unwrap();
    assert_eq!(place.backend.read_attributes(&path("attributes")).await.unwrap(), attributes);
}

#[tokio::test]
async fn what_leads_elsewhere_or_is_no_array_is_refused() {
    let place = Place::new();
    place.judge("write_strange.py");
    let listing = place.backend.list(&EntryPath::root()).await.unwrap();
    let strange: Vec<_> = listing.entries.iter().filter(|entry| entry.stored_name.ends_with(".h5")).collect();
    assert_eq!(strange.len(), 17);
    for entry in strange {
        let expected = entry.name.split_once('-').unwrap().0;
        let file = place.keep.path().join(&entry.stored_name);
        let before = std::fs::read(&file).unwrap();
        let error = place.read(&entry.name).await.unwrap_err();
        assert_eq!(error.kind().name(), expected, "{}: {error:?}", entry.name);
        assert!(error.advice().is_some() || expected == "corrupt", "{}: {error:?}", entry.name);
        let arrays = place.backend.arrays().unwrap();
        let error = arrays.append(&path(&entry.name), 1, Values::Int8(vec![1])).await.unwrap_err();
        assert_eq!(error.kind().name(), expected, "{}: {error:?}", entry.name);
        assert!(std::fs::read(&file).unwrap() == before, "{} was changed", entry.name);
    }
}

#[tokio::test]
async fn h5py_reads_while_we_append() {
    let place = Place::new();
    let empty = Shape::new([0, 2]).unwrap();
    place.write("x", &empty, Values::Int64(vec![]), &ArrayOptions::default()).await.unwrap();
    let reader = place.beside("read", 150);
    let arrays = place.backend.arrays().unwrap();
    for row in 0..150 {
        let total = arrays.append(&path("x"), 1, Values::Int64(vec![row; 2])).await.unwrap();
        assert_eq!(total, row as u64 + 1);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(reader.await.unwrap(), "150 rows in the end\n");
}

#[tokio::test]
async fn we_read_while_datamate_extends() {
    let place = Place::new();
    let empty = Shape::new([0, 2]).unwrap();
    place.write("x", &empty, Values::Int64(vec![]), &ArrayOptions::default()).await.unwrap();
    let writer = place.beside("extend", 40);
    let mut reads = 0;
    while !writer.is_finished() {
        let (shape, values) = place.read("x").await.unwrap();
        assert!(counts_up(&values), "{shape}: {values:?}");
        reads += 1;
    }
    assert_eq!(writer.await.unwrap(), "extended\n");
    let (shape, values) = place.read("x").await.unwrap();
    assert!(*shape == [40, 2] && counts_up(&values) && reads > 1, "{shape} after {reads} reads");
}

#[tokio::test]
async fn other_programs_read_our_tables_as_one_data_set() {
    let place = Place::new();
    let tables = place.backend.tables().unwrap();
    let rows = |numbers: std::ops::Range<i64>| {
        let texts: StringArray = numbers.clone().map(|n| (n % 2 == 0).then(|| format!("text {n}"))).collect();
        let columns: Vec<(&str, ArrayRef)> =
            vec![("n", Arc::new(Int64Array::from_iter_values(numbers))), ("text", Arc::new(texts))];
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )
        .unwrap()
    };
    let options = TableOptions::default();
    let none = rows(0..0);
    let writer = tables.create(&path("t"), none.schema(), &options, WriteMode::Create).await.unwrap();
    writer.finish().await.unwrap();
    for first in [0, 3, 6] {
        let mut writer = tables.append(&path("t"), none.schema()).await.unwrap();
        writer.write(rows(first..first + 3)).await.unwrap();
        writer.finish().await.unwrap();
    }
    let folder = place.keep.path().join("t.parquet");
    let read = || fascicle_judges::rows_others_read(&folder, &["n", "text"]);
    assert_eq!(read(), (0..9).collect::<Vec<_>>());
    let at_once = CompactOptions::default().with_grace(std::time::Duration::ZERO);
    assert_eq!(tables.compact(&path("t"), &at_once).await.unwrap().parts_after, 1);
    assert_eq!(read(), (0..9).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_parquet_file_of_pandas_is_a_table() {
    let place = Place::new();
    let script = "
import sys, pandas
pandas.DataFrame({'n': [0, 1, 2], 'text': ['a', None, 'ü']}).to_parquet(sys.argv[1] + '/t.parquet')
pandas.DataFrame({'n': [5], 'year': [2024]}).to_parquet(sys.argv[1] + '/hive.parquet', partition_cols=['year'])
";
    fascicle_judges::run_python(script, [place.keep.path()]);
    let tables = place.backend.tables().unwrap();
    let described = tables.describe(&path("t")).await.unwrap();
    assert_eq!((described.rows, described.schema.fields().len()), (3, 2));
    let late = Predicate::compare("n", Comparison::Gt, 0);
    let options = ScanOptions::default().with_predicate(late).with_projection(["text"]);
    let batches: Vec<RecordBatch> =
        tables.scan(&path("t"), &options).await.unwrap().try_collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    let append = tables.append(&path("t"), described.schema.clone()).await;
    assert_eq!(append.map(drop).unwrap_err().kind(), ErrorKind::Unsupported);
    let writer = tables
        .create(&path("t"), described.schema, &TableOptions::default(), WriteMode::Overwrite)
        .await
        .unwrap();
    assert_eq!(writer.finish().await.unwrap(), 0);
    assert!(place.keep.path().join("t.parquet").is_dir());
    let error = tables.describe(&path("hive")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("year=2024"), "{error}");
}
