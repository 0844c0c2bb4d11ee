//! What fascicle wrote, in the hands of datamate: read, found by config, extended, changed.

use crate::place::{Place, texts};
use crate::types::CellMeasurements;
use fascicle::arrow::array::{
    Array as _, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use fascicle::tree::{TreeOptions, Verbosity};
use fascicle::{Directory, EntryKind, ErrorKind, OpenOptions, Outcome, ResolveOptions};
use std::sync::Arc;

async fn trees(directory: &Directory) -> Vec<String> {
    let mut trees = Vec::new();
    for level in 0..=2 {
        let options = TreeOptions::new(Verbosity::from_level(level).unwrap());
        trees.push(directory.tree_with(&options).await.unwrap());
    }
    trees
}

#[tokio::test]
async fn datamate_opens_what_was_built_here() {
    let place = Place::new();
    let root = place.root().await;
    let cells = root.resolve(&CellMeasurements::new(0)).await.unwrap();
    let judged = place.python("judge_built.py", &[]).await;
    let absent = root.dir("absent").unwrap();
    for directory in [&cells, &cells.dir("connections").unwrap(), &cells.dir("dtypes").unwrap(), &absent] {
        let theirs = texts(&judged["trees"][directory.name()]);
        for (theirs, ours) in theirs.iter().zip(trees(directory).await) {
            assert!(theirs.lines().eq(ours.lines()), "{directory}:\n{theirs}\ninstead of\n{ours}");
        }
    }
    let meta = cells.meta().await.unwrap().unwrap();
    let mark = meta.build.unwrap();
    assert_eq!(judged["meta"]["fascicle"]["identity"], mark.identity.to_string());
    assert_eq!(judged["size"], cells.size_bytes().await.unwrap());
    // Looking changed nothing.
    let again = root.resolve_with(&CellMeasurements::new(0), &ResolveOptions::default()).await.unwrap();
    assert_eq!((again.outcome, again.warnings), (Outcome::Found, vec![]));
}

#[tokio::test]
async fn datamate_passes_over_what_was_modified_here() {
    let place = Place::new();
    let root = place.root().await;
    let cells = root.resolve(&CellMeasurements::new(0)).await.unwrap();
    let kept = root.resolve(&CellMeasurements::new(1)).await.unwrap();
    // A write deep within marks the directory that was built.
    cells.put("connections/deep/late", [1.0]).await.unwrap();
    assert_eq!((cells.name(), kept.name()), ("CellMeasurements_0000", "CellMeasurements_0001"));
    let found = place.python("judge_modified.py", &[]).await;
    assert_eq!(found["kept"], "CellMeasurements_0001");
    assert_eq!(found["built_instead"], "CellMeasurements_0002");
    // What datamate built instead is found here, too.
    let resolution = root.resolve_with(&CellMeasurements::new(0), &ResolveOptions::default()).await.unwrap();
    assert_eq!(
        (resolution.outcome, resolution.directory.name()),
        (Outcome::Adopted, "CellMeasurements_0002")
    );
    assert!(
        resolution.warnings.iter().any(|warning| warning.contains("modified")),
        "{:?}",
        resolution.warnings
    );
    assert_eq!(resolution.directory.names().await.unwrap(), ["cell_id"]);
    let again = root.resolve_with(&CellMeasurements::new(0), &ResolveOptions::default()).await.unwrap();
    assert_eq!((again.outcome, again.directory.name()), (Outcome::Found, "CellMeasurements_0002"));
}

#[tokio::test]
async fn datamate_extends_and_changes_what_was_built_here() {
    let place = Place::new();
    let root = place.root().await;
    let config = CellMeasurements::new(0);
    let cells = root.resolve(&config).await.unwrap();
    let mut loss = cells.array("loss").await.unwrap();
    place.python("change_built.py", &[]).await;

    loss.refresh().await.unwrap();
    let values: Vec<f64> = loss.read().await.unwrap();
    assert_eq!((loss.len(), &values[98..]), (103, &[1.0 / 99.0, 0.01, -1.0, -2.0, -3.0][..]));
    let spikes: fascicle::Array2<i32> = cells.array("spikes").await.unwrap().read().await.unwrap();
    assert_eq!((spikes.dim(), spikes.row(6).to_vec()), ((7, 3), vec![9, 9, 9]));
    let grid = cells.array("grid").await.unwrap();
    assert_eq!(grid.shape().to_string(), "(5, 6)");
    let scalar: i64 = cells.array("dt").await.unwrap().read::<fascicle::ArrayD<i64>>().await.unwrap()[[]];
    assert_eq!(scalar, 4);
    assert_eq!(cells.kind("added").await.unwrap(), Some(EntryKind::Array));
    assert_eq!(cells.kind("table").await.unwrap(), Some(EntryKind::Table));
    assert_eq!(cells.table("table").await.unwrap().rows(), 2);
    assert!(!cells.contains("image").await.unwrap());
    assert_eq!(cells.file("raw.bin").await.unwrap().read().await.unwrap(), b"\0\xff\n\r\0more".as_slice());

    let meta = cells.meta().await.unwrap().unwrap();
    assert!(meta.modified && meta.build.is_none(), "datamate drops what it does not know: {meta:?}");
    assert!(root.find(&config).await.unwrap().is_none());
    let resolution = root.resolve_with(&config, &ResolveOptions::default()).await.unwrap();
    assert_eq!((resolution.outcome, resolution.directory.name()), (Outcome::Built, "CellMeasurements_0001"));
    assert!(
        resolution.warnings.iter().any(|warning| warning.contains("modified")),
        "{:?}",
        resolution.warnings
    );
    // And we go on where datamate stopped, with its dtype and shape.
    assert_eq!(cells.append("spikes", &fascicle::Array2::from_elem((1, 3), 10i16)).await.unwrap(), 8);
    let error = cells.append("spikes", [1i32]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}

#[tokio::test]
async fn datamate_reads_and_extends_tables_that_are_stored_as_csv() {
    let place = Place::new();
    let root =
        OpenOptions::default().with_fsync(false).with_tables("csv").open(place.path("")).await.unwrap();
    let log = root.dir("log").unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("step", Arc::new(Int64Array::from_iter(0..3))),
        ("loss", Arc::new(Float64Array::from_iter([Some(0.1), None, Some(1e-300)]))),
        ("note", Arc::new(StringArray::from(vec![Some("a,b"), None, Some("say \"hi\"\nü")]))),
        ("ok", Arc::new(BooleanArray::from(vec![true, false, true]))),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    log.put_table("steps", &rows).await.unwrap();
    log.append_table("steps", &rows.slice(0, 1)).await.unwrap();
    log.put("x", [1i64]).await.unwrap();
    let judged = place.python("judge_csv.py", &[]).await;
    for (theirs, ours) in texts(&judged).into_iter().zip(trees(&log).await) {
        assert!(theirs.lines().eq(ours.lines()), "{theirs}\ninstead of\n{ours}");
    }
    let steps = log.table("steps").await.unwrap().read().await.unwrap();
    let added = steps.slice(4, 1);
    assert_eq!(steps.slice(0, 3), rows);
    assert_eq!(steps.slice(3, 1), rows.slice(0, 1));
    let step = added.column(0).as_any().downcast_ref::<Int64Array>().unwrap().value(0);
    assert_eq!((step, added.column(1).null_count()), (9, 0));
}
