//! Comparing directories: what is the same, and the lines that say what is not.

use super::{prelude::*, rooted::*};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use fascicle_core::{
    ArrayData,
    compare::{CompareOptions, difference_lines},
    wrap::{CallCounts, Operation, observed},
};
use serde_json::json;

behaviours! { "compare"
    /// Directories that hold the same are equal, on one storage and on two, whoever wrote them and when.
    equal_directories_are_equal [Write];
    /// NaN equals NaN, whatever its bits, and zero equals negative zero.
    nan_equals_nan [Write, Arrays];
    /// Configs that differ are shown line by line, as `≠config.seed: 0` and `≠config.seed: 42`.
    differing_configs_are_shown [Write];
    /// An entry that one side has is shown as `+x: …` there and as `-x` on the other side.
    entries_of_one_side_are_shown [Write, Arrays];
    /// Entries of different kinds are shown as such, and nothing fails.
    differing_kinds_are_shown [Write, Arrays];
    /// Arrays that differ are shown with their dtypes and shapes, or with the first element that differs and their number.
    differing_arrays_are_shown [Write, Arrays];
    /// Tables that differ are shown with their columns, numbers of rows, or the first value that differs.
    differing_tables_are_shown [Write, Tables];
    /// Tables with nulls and NaN are equal to themselves, however they were written.
    equal_tables_are_equal [Write, Tables, TableAppend];
    /// Files that differ are shown with their lengths and the first byte that differs.
    differing_files_are_shown [Write];
    /// Attributes that differ are shown as `≠x@units`, numbers being compared by value.
    differing_attributes_are_shown [Write, Attributes];
    /// Differences in nested directories are shown under their paths.
    nested_differences_are_shown [Write];
    /// What a comparison is not asked for does not count.
    what_is_not_asked_for_does_not_count [Write, Arrays];
    /// Whether a directory was modified does not count unless it is asked for.
    modification_counts_when_asked_for [Write];
    /// Comparing the structure reads no data.
    comparing_structure_reads_no_data [Write, Arrays];
}

/// The lines of both sides. Expects that exchanging the sides exchanges the lines, and that the sides are equal exactly when
/// there are none.
async fn lines(this: &Directory, other: &Directory) -> Result<(Vec<String>, Vec<String>), Failure> {
    let forth = difference_lines(&this.diff(other).await?);
    let back = difference_lines(&other.diff(this).await?);
    let sorted = |lines: &[String]| {
        let mut lines = lines.to_vec();
        lines.sort();
        lines
    };
    let exchanged = (sorted(&back.other), sorted(&back.this));
    ensure_eq!(
        (sorted(&forth.this), sorted(&forth.other)),
        exchanged,
        "the lines when the sides are exchanged"
    );
    ensure_eq!(this.equals(other).await?, forth.is_empty(), "whether they are equal, {forth:?}");
    ensure_eq!(other.equals(this).await?, forth.is_empty(), "whether they are equal, the other way round");
    Ok((forth.this, forth.other))
}

/// Expects these lines.
async fn differ(this: &Directory, other: &Directory, here: &[&str], there: &[&str]) -> Checked {
    let (found_here, found_there) = lines(this, other).await?;
    ensure_eq!(found_here, here, "the lines of this one");
    ensure_eq!(found_there, there, "the lines of the other one");
    Ok(())
}

/// Two directories of one root.
async fn two(subject: &Subject) -> Result<[Directory; 2], Failure> {
    let root = subject.root().await?;
    Ok([root.dir("this")?, root.dir("other")?])
}

async fn equal_directories_are_equal(subject: Subject) -> Checked {
    let builds = Builds::default();
    let here = builds.resolve(&subject.root().await?, &cells(0)).await?.directory;
    let there = builds.resolve(&subject.elsewhere()?.root().await?, &cells(0)).await?.directory;
    differ(&here, &there, &[], &[]).await?;
    differ(&here, &here, &[], &[]).await?;
    let nothing = here.root().dir("nothing")?;
    differ(&nothing, &there.root().dir("nothing")?, &[], &[]).await
}

async fn nan_equals_nan(subject: Subject) -> Checked {
    let [this, other] = two(&subject).await?;
    this.put("x", [1.5, f64::NAN, 0.0, f64::INFINITY]).await?;
    other.put("x", [1.5, f64::from_bits(0xfff8_0000_0000_0007), -0.0, f64::INFINITY]).await?;
    this.put("scalar", f32::NAN).await?;
    other.put("scalar", -f32::NAN).await?;
    differ(&this, &other, &[], &[]).await?;
    other.put("scalar", 0f32).await?;
    differ(&this, &other, &["≠scalar: NaN"], &["≠scalar: 0.0"]).await
}

async fn differing_configs_are_shown(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let first = builds.resolve(&root, &cells(0)).await?.directory;
    let second = builds.resolve(&root, &cells(42)).await?.directory;
    differ(&first, &second, &["≠config.seed: 0"], &["≠config.seed: 42"]).await?;
    let third =
        builds.resolve(&root, &Config::new("Cells").with("n_cells", 100.0).with("noise", 0.5)).await?;
    let (here, there) = lines(&first, &third.directory).await?;
    ensure_eq!(here, ["+config.seed: 0", "-config.noise"], "the lines of this one");
    ensure_eq!(there, ["-config.seed", "+config.noise: 0.5"], "the lines of the other one");
    refused(fail_to_build(&root, &cells(1), "on purpose").await, ErrorKind::BuildFailed)?;
    let (here, _) = lines(&root.dir("Cells_0003")?, &first).await?;
    ensure!(here.contains(&"≠status: stopped".to_owned()), "the status is not among {here:?}");
    Ok(())
}

async fn entries_of_one_side_are_shown(subject: Subject) -> Checked {
    let [this, other] = two(&subject).await?;
    this.put("x", [1i64, 2, 3]).await?;
    this.put_file("both", "bytes").await?;
    other.put_file("both", "bytes").await?;
    other.put_file("b.bin", "x").await?;
    other.put_file("sub/inner", "x").await?;
    let here = ["-b.bin", "-sub", "+x: array int64 (3,)"];
    let there = ["+b.bin: file, 1 byte", "+sub: directory, 1 entry", "-x"];
    differ(&this, &other, &here, &there).await
}

async fn differing_kinds_are_shown(subject: Subject) -> Checked {
    let [this, other] = two(&subject).await?;
    this.put("x", [1i64]).await?;
    this.put_file("y", "bytes").await?;
    other.put_file("x", "bytes").await?;
    other.put_file("y/inner", "bytes").await?;
    differ(&this, &other, &["≠x: array", "≠y: file"], &["≠x: file", "≠y: directory"]).await
}

async fn differing_arrays_are_shown(subject: Subject) -> Checked {
    let [this, other] = two(&subject).await?;
    let matrix = |elements: [f64; 4]| ArrayData::from_vec(vec![2, 2], elements.to_vec());
    this.put("dtype", [1i64]).await?;
    other.put("dtype", [1i32]).await?;
    this.put("elements", matrix([1.0, 2.0, 3.0, 4.0])?).await?;
    other.put("elements", matrix([1.0, 2.0, 2.5, 5.0])?).await?;
    this.put("scalar", 7i8).await?;
    other.put("scalar", 8i8).await?;
    this.put("shape", [1.5, 2.5]).await?;
    other.put("shape", [1.5]).await?;
    let here = [
        "≠dtype: int64 (1,)",
        "≠elements: 3.0 at [1, 0] (2 of 4 elements differ)",
        "≠scalar: 7",
        "≠shape: float64 (2,)",
    ];
    let there = [
        "≠dtype: int32 (1,)",
        "≠elements: 2.5 at [1, 0] (2 of 4 elements differ)",
        "≠scalar: 8",
        "≠shape: float64 (1,)",
    ];
    differ(&this, &other, &here, &there).await
}

/// A table of a column of numbers and one of values, every other of which is null.
fn numbers(numbers: &[i64]) -> Result<RecordBatch, Failure> {
    let values = numbers.iter().map(|n| (n % 2 == 0).then_some(if n % 4 == 0 { f64::NAN } else { 0.5 }));
    let columns: [(&str, ArrayRef, bool); 2] = [
        ("n", Arc::new(Int64Array::from(numbers.to_vec())), false),
        ("v", Arc::new(Float64Array::from_iter(values)), true),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

async fn differing_tables_are_shown(subject: Subject) -> Checked {
    let [this, other] = two(&subject).await?;
    this.put_table("columns", &numbers(&[1])?).await?;
    other.put_table("columns", &numbers(&[1])?.project(&[0])?).await?;
    this.put_table("rows", &numbers(&[1, 2, 3])?).await?;
    other.put_table("rows", &numbers(&[1, 2])?).await?;
    this.put_table("values", &numbers(&[1, 2, 3])?).await?;
    other.put_table("values", &numbers(&[1, 6, 3])?).await?;
    let here = [
        "≠columns: n: Int64, v: Float64 or null",
        "≠rows: 3 rows",
        "≠values: 2 in column 'n' of row 1 (1 of 3 rows differ)",
    ];
    let there =
        ["≠columns: n: Int64", "≠rows: 2 rows", "≠values: 6 in column 'n' of row 1 (1 of 3 rows differ)"];
    differ(&this, &other, &here, &there).await
}

async fn equal_tables_are_equal(subject: Subject) -> Checked {
    let [this, other] = two(&subject).await?;
    this.put_table("t", &numbers(&[1, 2, 3, 4])?).await?;
    for part in [&[1][..], &[2, 3], &[4]] {
        other.append_table("t", &numbers(part)?).await?;
    }
    differ(&this, &other, &[], &[]).await
}

async fn differing_files_are_shown(subject: Subject) -> Checked {
    let [this, other] = two(&subject).await?;
    this.put_file("f", "hello").await?;
    other.put_file("f", "help").await?;
    this.put_file("long", samples::bytes(1, 100_000)).await?;
    let mut bytes = samples::bytes(1, 100_000);
    bytes.extend(b"more");
    other.put_file("long", bytes).await?;
    let here = [
        "≠f: 5 bytes (the first difference is at byte 3)",
        "≠long: 100000 bytes (the first difference is at byte 100000)",
    ];
    let there = [
        "≠f: 4 bytes (the first difference is at byte 3)",
        "≠long: 100004 bytes (the first difference is at byte 100000)",
    ];
    differ(&this, &other, &here, &there).await
}

async fn differing_attributes_are_shown(subject: Subject) -> Checked {
    let [this, other] = two(&subject).await?;
    for directory in [&this, &other] {
        directory.put_file("x", "bytes").await?;
    }
    let attributes = |units: &str, rate: serde_json::Value| -> Attributes {
        [("units".to_owned(), json!(units)), ("rate".to_owned(), rate)].into_iter().collect()
    };
    this.set_attributes("x", &attributes("mV", json!(1))).await?;
    other.set_attributes("x", &attributes("mV", json!(1.0))).await?;
    differ(&this, &other, &[], &[]).await?;
    let mut more = attributes("V", json!(1));
    more.insert("only".to_owned(), json!([1]));
    other.set_attributes("x", &more).await?;
    let (here, there) = lines(&this, &other).await?;
    for (lines, expected) in
        [(here, ["≠x@units: \"mV\"", "-x@only"]), (there, ["≠x@units: \"V\"", "+x@only: [1]"])]
    {
        ensure!(
            expected.iter().all(|line| lines.iter().any(|found| found == line)),
            "{expected:?} are not {lines:?}"
        );
        ensure_eq!(lines.len(), 2, "the number of lines");
    }
    Ok(())
}

async fn nested_differences_are_shown(subject: Subject) -> Checked {
    let [this, other] = two(&subject).await?;
    this.put_file("a/b/x", "1").await?;
    other.put_file("a/b/x", "2").await?;
    let builds = Builds::default();
    builds.resolve_at(this.root(), &cells(0), "this/built").await?;
    builds.resolve_at(this.root(), &cells(1), "other/built").await?;
    let here = ["≠a/b/x: 1 byte (the first difference is at byte 0)", "≠built/config.seed: 0"];
    let there = ["≠a/b/x: 1 byte (the first difference is at byte 0)", "≠built/config.seed: 1"];
    differ(&this, &other, &here, &there).await
}

async fn what_is_not_asked_for_does_not_count(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let this = builds.resolve(&root, &cells(0)).await?.directory;
    let other = builds.resolve(&root, &cells(1)).await?.directory;
    this.put("x", [1.0, 2.0]).await?;
    other.put("x", [1.0, 3.0]).await?;
    other.put_file("content", "other bytes").await?;
    let options = CompareOptions::default().with_data(false).with_metas(false);
    ensure_eq!(this.diff_with(&other, &options).await?, [], "the structure");
    let with_metas = CompareOptions::default().with_data(false);
    let found = difference_lines(&this.diff_with(&other, &with_metas).await?);
    ensure_eq!(found.this, ["≠config.seed: 0"], "the structure and the metas");
    let with_data = CompareOptions::default().with_metas(false);
    ensure_eq!(this.diff_with(&other, &with_data).await?.len(), 2, "the structure and the data");
    Ok(())
}

async fn modification_counts_when_asked_for(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let this = builds.resolve(&root, &cells(0)).await?.directory;
    let other = root.as_dir().copy_from(&this, "copy", WriteMode::Create).await?;
    other.put_file("content", "some bytes").await?;
    differ(&this, &other, &[], &[]).await?;
    let options = CompareOptions::default().with_modified(true);
    let found = difference_lines(&this.diff_with(&other, &options).await?);
    ensure_eq!(
        (found.this, found.other),
        (vec!["≠modified: false".into()], vec!["≠modified: true".into()]),
        "modified"
    );
    Ok(())
}

async fn comparing_structure_reads_no_data(subject: Subject) -> Checked {
    let (backend, counts) = (subject.open_bare().await?, Arc::new(CallCounts::default()));
    let counted: Arc<dyn fascicle_backend::Backend> = Arc::new(observed(backend, counts.clone()));
    let root = root_over(&counted);
    let (this, other) = (root.dir("this")?, root.dir("other")?);
    for (directory, value) in [(&this, 1.5), (&other, 2.5)] {
        directory.put("x", [value; 100]).await?;
        directory.put_file("f", format!("{value}")).await?;
    }
    counts.reset();
    let found = this.diff_with(&other, &CompareOptions::default().with_data(false)).await?;
    ensure_eq!(found, [], "the structure");
    let read = (counts.of(Operation::ReadArray), counts.of(Operation::ReadFile));
    ensure_eq!(read, (0, 0), "how many arrays and files were read");
    Ok(())
}
