//! A root that datamate filled, opened here: entries, values, tables, trees, metas and differences, and what is found in it
//! by config.

use crate::place::{Place, texts};
use fascicle::arrow::array::{Array as _, RecordBatch, StringArray};
use fascicle::config::{Config, DifferenceLines, config_differences, read_yaml};
use fascicle::tree::{TreeOptions, Verbosity};
use fascicle::{
    ArrayData, Build, BuildResult, DType, Directory, EntryKind, ErrorKind, OpenOptions, Outcome, Resolution,
    ResolveOptions, Root, RootOptions, Status, metas_as_table,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Inner {
    depth: i64,
    flags: Vec<Option<bool>>,
    deeper: Deeper,
    last: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Deeper {
    x: f64,
}

/// The type of the same name in `make_root.py`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Experiment {
    n: i64,
    rate: f64,
    name: String,
    inner: Inner,
    layers: Vec<i64>,
}

impl Experiment {
    fn named(name: &str) -> Self {
        let inner = Inner {
            depth: 2,
            flags: vec![Some(true), None],
            deeper: Deeper { x: 1e-9 },
            last: "z".to_owned(),
        };
        Experiment { n: 5, rate: 0.5, name: name.to_owned(), inner, layers: vec![8, 4] }
    }
}

impl Build for Experiment {
    async fn build(&self, dir: &Directory) -> BuildResult {
        Ok(dir.put("built_here", [1i64]).await?)
    }
}

async fn resolve(root: &Root, name: &str) -> Resolution {
    root.resolve_with(&Experiment::named(name), &ResolveOptions::default()).await.unwrap()
}

fn column(table: &RecordBatch, at: usize) -> Vec<Option<&str>> {
    table.column(at).as_any().downcast_ref::<StringArray>().unwrap().iter().collect()
}

/// Whether the cell of a table of metas says what `expected` is.
fn says(cell: Option<&str>, expected: &Value) -> bool {
    match (cell, expected) {
        (Some(cell), Value::String(text)) => cell == text,
        (Some(cell), value) => {
            let expected = Config::from_serialize("T", &json!({ "value": value })).unwrap();
            read_yaml(cell).unwrap().same_as(expected.get("value").unwrap())
        }
        (None, _) => false,
    }
}

#[tokio::test]
async fn a_root_of_datamate_is_opened_as_it_is() {
    let place = Place::new();
    let told = place.python("make_root.py", &[]).await;
    let root = place.root().await;
    entries_and_values(&root, &told).await;
    tables(&root).await;
    trees_and_sizes(&root, &told).await;
    metas_and_differences(&root, &told).await;
    broken_metas(&root).await;
    // Looking wrote nothing.
    assert!(!place.path("_index").exists() && !place.path("csv/_locks").exists());
}

async fn entries_and_values(root: &Root, told: &Value) {
    let many = root.dir("many/kinds of things").unwrap();
    let entries = many.entries().await.unwrap();
    let kind = |name: &str| entries.iter().find(|entry| entry.name == name).map(|entry| entry.kind);
    for (name, expected) in [
        ("note", EntryKind::File),
        ("note.md", EntryKind::File),
        ("single", EntryKind::Table),
        ("parts", EntryKind::Table),
        ("words", EntryKind::Array),
        ("unsuitable", EntryKind::Array),
        ("linked", EntryKind::Array),
    ] {
        assert_eq!(kind(name), Some(expected), "{name}");
    }
    let arrays = told["arrays"].as_object().unwrap();
    assert_eq!(arrays.len(), 10);
    for (name, facts) in arrays {
        let array = many.array(name).await.unwrap();
        let data: ArrayData = array.read().await.unwrap();
        let bytes: String =
            data.values().as_bytes().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        let dtype = match array.dtype() {
            DType::FixedBytes(width) => format!("|S{width}"),
            other => other.to_string(),
        };
        assert_eq!(json!([dtype, **array.shape(), bytes]), *facts, "{name}");
    }
    let words: Vec<String> = many.array("words").await.unwrap().read().await.unwrap();
    assert_eq!(words, ["é", "", "long text"]);
    let series: Vec<String> = many.array("series").await.unwrap().read().await.unwrap();
    assert_eq!(series, ["x", "y"]);
    assert_eq!(many.array("unsuitable").await.unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(many.file("note").await.unwrap().read().await.unwrap(), b"# from a path\n".as_slice());
    let parts = many.table("parts").await.unwrap();
    assert_eq!((parts.rows(), parts.read().await.unwrap().column(0).null_count()), (4, 2));

    let extended = root.dir("Experiment_0002").unwrap();
    let x: Vec<f64> = extended.array("x").await.unwrap().read().await.unwrap();
    assert_eq!(x, [0.0, 0.5, 1.0, 1.5, 2.0, 1.0, 2.0]);
    let added: fascicle::Array2<f32> = extended.array("added").await.unwrap().read().await.unwrap();
    assert_eq!((added.dim(), added.sum()), ((3, 3), 6.0));
    let nested: Vec<i16> = extended.array("raw/b/c").await.unwrap().read().await.unwrap();
    assert_eq!(nested, [1, 2]);
    assert!(extended.meta().await.unwrap().unwrap().modified);

    let unknown = root.dir("FromElsewhere_0000").unwrap();
    assert_eq!(unknown.config().await.unwrap(), Config::new("FromElsewhere").with("a", 1));
    let manual = root.dir("manual").unwrap().status().await.unwrap();
    assert_eq!(manual, Some(Status::Other("manually written".to_owned())));
}

async fn tables(root: &Root) {
    let csv = root.dir("csv").unwrap();
    let shown = |batch: &RecordBatch| -> Vec<String> {
        let fields = batch
            .schema()
            .fields()
            .iter()
            .map(|field| format!("{}: {}", field.name(), field.data_type()))
            .collect::<Vec<_>>();
        fields.into_iter().zip(batch.columns()).map(|(field, column)| format!("{field} {column:?}")).collect()
    };
    let mixed = csv.table("mixed").await.unwrap().read().await.unwrap();
    let types: Vec<String> = mixed
        .schema()
        .fields()
        .iter()
        .map(|field| {
            format!(
                "{}: {} {}",
                field.name(),
                field.data_type(),
                mixed.column_by_name(field.name()).unwrap().logical_null_count()
            )
        })
        .collect();
    assert_eq!(
        types,
        [
            "int: Int64 0",
            "float: Float64 0",
            "gaps: Float64 1",
            "bool: Boolean 0",
            "text: Utf8 0",
            "none: Utf8 1",
            "na: Utf8 0",
            "zeros: Utf8 0",
            "date: Utf8 1",
            "lists: Utf8 0",
            "big: UInt64 0",
            "nothing: Null 3",
            "a b: Int64 0",
        ],
        "{:#?}",
        shown(&mixed)
    );
    let text = |name: &str| -> Vec<Option<String>> {
        let column = mixed.column_by_name(name).unwrap().as_any().downcast_ref::<StringArray>().unwrap();
        column.iter().map(|cell| cell.map(str::to_owned)).collect()
    };
    let some = |cells: [&str; 3]| cells.map(|cell| Some(cell.to_owned()));
    assert_eq!(text("text"), some(["a,b", "say \"hi\"", "two\nlines"]));
    assert_eq!(text("na"), some(["NA", "null", "nan"]));
    assert_eq!(text("zeros"), some(["001", "002", "1e3"]));
    assert_eq!(text("lists"), some(["[1, 2]", "[]", "[3]"]));
    assert_eq!(text("date")[..2], some(["2020-01-01", "2020-01-02", ""])[..2]);
    assert_eq!(text("none"), [Some("é".to_owned()), None, Some("z".to_owned())]);

    let single = csv.table("single").await.unwrap().read().await.unwrap();
    assert_eq!(column(&single, 0), [Some("x"), None, Some("y")]);
    let headers = csv.table("headers").await.unwrap();
    assert_eq!((headers.rows(), headers.schema().fields().len()), (0, 2));
    let grown = csv.table("grown").await.unwrap().read().await.unwrap();
    assert_eq!(grown.num_rows(), 3, "{:?}", shown(&grown));
    assert_eq!(column(&grown, 1), [None, None, Some("new")]);
    // A table without columns, which datamate writes and cannot read.
    let nameless = csv.table("nameless").await;
    match nameless {
        Ok(table) => assert_eq!((table.rows(), table.schema().fields().len()), (0, 0)),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt),
    }
}

async fn trees_and_sizes(root: &Root, told: &Value) {
    let mut shown = 0;
    for (path, theirs) in told["trees"].as_object().unwrap() {
        let directory = if path.is_empty() { root.as_dir() } else { root.dir(path).unwrap() };
        for (level, theirs) in texts(theirs).into_iter().enumerate() {
            let options = TreeOptions::new(Verbosity::from_level(level as u8).unwrap());
            let ours = directory.tree_with(&options).await.unwrap();
            // Where they show the folder of a table, which is one entry here.
            if ours.contains("parts.parquet") {
                assert!(theirs.contains("parts.parquet/\n"), "{theirs}");
                continue;
            }
            shown += 1;
            assert!(theirs.lines().eq(ours.lines()), "{path} at {level}:\n{theirs}\ninstead of\n{ours}");
        }
    }
    assert_eq!(shown, 16);
    for (name, size) in told["sizes"].as_object().unwrap() {
        assert_eq!(root.dir(name).unwrap().size_bytes().await.unwrap(), *size, "{name}");
    }
}

async fn metas_and_differences(root: &Root, told: &Value) {
    for (name, rows) in told["metas"].as_object().unwrap() {
        let directory = root.dir(name).unwrap();
        let table = metas_as_table(&[(name, &directory)]).await.unwrap();
        let ours: Vec<_> = column(&table, 0).into_iter().zip(column(&table, 1)).collect();
        let rows = rows.as_array().unwrap();
        assert_eq!(ours.len(), rows.len(), "{name}: {ours:?} instead of {rows:?}");
        for ((key, cell), row) in ours.into_iter().zip(rows) {
            assert_eq!(key, row[0].as_str(), "{name}: {rows:?}");
            assert!(says(cell, &row[1]), "{name}: {key:?} is {cell:?} instead of {row}");
        }
    }
    let (base, named) = (root.dir("Experiment_0000").unwrap(), root.dir("named").unwrap());
    let table = metas_as_table(&[("base", &base), ("named", &named)]).await.unwrap();
    let keys: Vec<&str> = column(&table, 0).into_iter().flatten().collect();
    assert_eq!(keys, texts(&told["joined"][0]));
    for at in [1, 2] {
        for (cell, expected) in column(&table, at).into_iter().zip(told["joined"][at].as_array().unwrap()) {
            assert!(says(cell, expected), "{cell:?} instead of {expected}");
        }
    }
    let diffs = told["diffs"].as_object().unwrap();
    assert_eq!(diffs.len(), 12);
    for (names, expected) in diffs {
        let (this, other) = names.split_once(' ').unwrap();
        let (this, other) = (root.dir(this).unwrap(), root.dir(other).unwrap());
        let differences = config_differences(&this.config().await.unwrap(), &other.config().await.unwrap());
        let lines = DifferenceLines::new(&differences);
        assert_eq!((lines.this, lines.other), as_written_here(expected, 0), "{names}");
        let of_metas: (Vec<String>, Vec<String>) = this
            .diff(&other)
            .await
            .unwrap()
            .iter()
            .filter(|difference| difference.path.is_empty() && difference.differing.name() == "meta")
            .map(|difference| difference.lines())
            .unzip();
        let (theirs, theirs_of_other) = as_written_here(expected, 2);
        let without_modified = |lines: Vec<String>| -> Vec<String> {
            lines.into_iter().filter(|line| !line.contains("modified")).collect()
        };
        assert_eq!(of_metas, (without_modified(theirs), without_modified(theirs_of_other)), "{names}");
    }
}

/// The lines of both sides, with values as they are written here instead of Python's names for them.
fn as_written_here(expected: &Value, at: usize) -> (Vec<String>, Vec<String>) {
    let lines = |at: usize| {
        let translate = |line: &str| {
            line.replace("True", "true").replace("None", "null").replace("Namespace(x=1e-09)", "{x: 1e-09}")
        };
        texts(&expected[at]).into_iter().map(translate).collect()
    };
    (lines(at), lines(at + 1))
}

async fn broken_metas(root: &Root) {
    for name in ["broken_empty", "broken_yaml", "broken_list", "broken_config"] {
        let broken = root.dir(name).unwrap();
        let error = broken.meta().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}");
        assert!(error.to_string().contains(name) && error.advice().is_some(), "{}", error.chain());
        let x: Vec<i64> = broken.array("x").await.unwrap().read().await.unwrap();
        assert_eq!(x, [0, 1, 2]);
        assert!(broken.tree().await.unwrap().contains("x.h5"));
    }
}

#[tokio::test]
async fn what_datamate_finished_is_found_by_its_config_and_nothing_else() {
    let place = Place::new();
    place.python("make_root.py", &[]).await;
    let root = place.root().await;
    let base = resolve(&root, "base").await;
    assert_eq!((base.outcome, base.directory.name()), (Outcome::Adopted, "Experiment_0000"));
    assert_eq!(resolve(&root, "base").await.outcome, Outcome::Found);
    assert_eq!(resolve(&place.root().await, "base").await.outcome, Outcome::Found);
    let named = resolve(&root, "named").await;
    assert_eq!((named.outcome, named.directory.name()), (Outcome::Adopted, "named"));
    assert!(root.find(&Experiment::named("extended")).await.unwrap().is_none());

    // Modified, stopped, written by hand: built again under the next free names, and left as they are.
    for (name, passed_over, built) in [
        ("extended", "Experiment_0002", "Experiment_0005"),
        ("fails", "Experiment_0003", "Experiment_0006"),
        ("manual", "manual", "Experiment_0007"),
    ] {
        let before = std::fs::read(place.path(passed_over).join("_meta.yaml")).unwrap();
        let resolution = resolve(&root, name).await;
        assert_eq!((resolution.outcome, resolution.directory.name()), (Outcome::Built, built), "{name}");
        assert_eq!(std::fs::read(place.path(passed_over).join("_meta.yaml")).unwrap(), before);
    }
    // One that is said to be running is waited for, as long as its builder may be alive.
    let running = Experiment::named("running");
    let brief = ResolveOptions::default().timeout(Duration::from_millis(300));
    let error = root.resolve_with(&running, &brief).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{}", error.chain());
    let options = RootOptions { foreign_timeout: Duration::from_millis(300), ..RootOptions::default() };
    let impatient = OpenOptions::default().with_fsync(false).with_root_options(options);
    let impatient = impatient.open(place.path("")).await.unwrap();
    let resolution = resolve(&impatient, "running").await;
    assert_eq!((resolution.outcome, resolution.directory.name()), (Outcome::Built, "Experiment_0008"));

    // By path and config: what is there must have the config.
    let named = ResolveOptions::default().at("named");
    let found = root.resolve_with(&Experiment::named("named"), &named).await.unwrap();
    assert_eq!(found.outcome, Outcome::Found);
    let error = root.resolve_with(&base_but(7), &named).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let text = error.to_string();
    assert!(
        text.contains("passed: ≠n: 7, ≠name: base") && text.contains("stored: ≠n: 5, ≠name: named"),
        "{text}"
    );
}

fn base_but(n: i64) -> Experiment {
    Experiment { n, ..Experiment::named("base") }
}
