//! Eight processes append to one array, one table and one file while others read: no row is lost, none comes twice, each writer's
//! rows stay in order, and readers see prefixes.

use crate::crew::Crew;
use crate::site::{Site, Store, judge};
use crate::worker::say;
use crate::{on_every_store, scale, work};
use fascicle::arrow::array::{ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use fascicle::{Array2, Directory, Result, Root};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const WRITERS: usize = 8;
const READERS: usize = 2;
/// Rows that each writer appends to each entry, for each unit of scale.
const ROWS: usize = 40;

const DIRECTORY: &str = "stream";

on_every_store!(run);

/// A row: who wrote it, and as which of its own rows.
type Row = (i64, i64);

fn run(store: Store) {
    let site = Site::new(store, Duration::from_secs(600));
    let mut crew = Crew::start(&site.address, WRITERS + READERS);
    let ids = crew.ids();
    let (writers, readers) = ids.split_at(WRITERS);
    let rows = ROWS * scale();
    for (number, id) in writers.iter().enumerate() {
        crew.order(*id, &format!("append {number} {rows}"));
    }
    readers.iter().for_each(|id| crew.order(*id, "follow"));
    let mut writing: BTreeSet<_> = writers.iter().copied().collect();
    let (mut reading, mut looks) = (READERS, 0);
    while !writing.is_empty() || reading > 0 {
        let (id, said) = crew.hear();
        match said.as_str() {
            "appended" => assert!(writing.remove(&id)),
            "looked" => {
                looks += 1;
                reading -= 1;
                if !writing.is_empty() {
                    crew.order(id, "follow");
                    reading += 1;
                }
            }
            _ => panic!("worker {id}: {said}"),
        }
    }
    let entries = judge(async {
        let root = site.address.open().await;
        let directory = root.dir(DIRECTORY).unwrap();
        let all = read_all(&directory).await.unwrap();
        for (entry, found) in &all {
            holds_each_row_once(entry, found, rows);
        }
        all.len()
    });
    println!("{store:?}: {} rows in {entries} entries, {looks} looks at them", WRITERS * rows * entries);
}

fn holds_each_row_once(entry: &str, found: &[Row], rows: usize) {
    let mut by_writer: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (writer, number) in found {
        by_writer.entry(*writer).or_default().push(*number);
    }
    let wanted: Vec<i64> = (0..rows as i64).collect();
    for writer in 0..WRITERS as i64 {
        assert_eq!(by_writer.get(&writer), Some(&wanted), "'{entry}': the rows of writer {writer}");
    }
    assert_eq!(found.len(), WRITERS * rows, "'{entry}'");
}

/// The writers' part.
pub(crate) async fn append(root: &Root, writer: i64, rows: i64) {
    let directory = root.dir(DIRECTORY).unwrap();
    for number in 0..rows {
        directory
            .append("array", Array2::from_shape_vec((1, 2), vec![writer, number]).unwrap())
            .await
            .unwrap();
        if work::has_tables(root) {
            directory.append_table("table", &row(writer, number)).await.unwrap();
        }
        directory.append_file("file", format!("{writer} {number}\n")).await.unwrap();
    }
    say("appended");
}

fn row(writer: i64, number: i64) -> RecordBatch {
    let column = |value| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    RecordBatch::try_from_iter([("writer", column(writer)), ("number", column(number))]).unwrap()
}

/// What a reader saw so far.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    seen: BTreeMap<&'static str, Vec<Row>>,
}

impl Follower {
    /// Looks once more: what was there is there, followed by what came since.
    pub(crate) async fn look(&mut self, root: &Root) {
        for (entry, rows) in read_all(&root.dir(DIRECTORY).unwrap()).await.unwrap() {
            let seen = self.seen.entry(entry).or_default();
            assert!(rows.starts_with(seen), "'{entry}' held {seen:?}, and then {rows:?}");
            *seen = rows;
        }
        say("looked");
    }
}

/// The rows of every entry that is there.
async fn read_all(directory: &Directory) -> Result<Vec<(&'static str, Vec<Row>)>> {
    let mut all = Vec::new();
    if directory.contains("array").await? {
        let rows: Array2<i64> = directory.array("array").await?.read().await?;
        all.push(("array", rows.rows().into_iter().map(|row| (row[0], row[1])).collect()));
    }
    if work::has_tables(directory.root()) && directory.contains("table").await? {
        let rows = directory.table("table").await?.read().await?;
        let column = |name| rows.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec();
        all.push(("table", column("writer").into_iter().zip(column("number")).collect()));
    }
    if directory.contains("file").await? {
        let bytes = directory.file("file").await?.read().await?;
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "half a line: {text:?}");
        let rows = text.lines().map(|line| {
            let (writer, number) = line.split_once(' ').unwrap();
            (writer.parse().unwrap(), number.parse().unwrap())
        });
        all.push(("file", rows.collect()));
    }
    Ok(all)
}
