//! Eight processes append to one array, one table and one file while others read, and more do so until they are killed: no row is lost,
//! none comes twice, each writer's rows stay in order, an append that a death met is there as a whole or not at all, and readers see
//! prefixes.

use crate::crew::{Crew, Id};
use crate::site::{Site, Store, judge};
use crate::worker::say;
use crate::{choices, on_every_store, scale, work};
use fascicle::arrow::array::{ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use fascicle::{Array2, Directory, Result, Root};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const WRITERS: usize = 8;
const READERS: usize = 2;
/// Rows that each writer appends to each entry, for each unit of scale.
const ROWS: usize = 40;

/// So many more writers are at work until they are killed, one after the other.
const MORTALS: usize = 2;
/// How many are killed while the others are at work, for each unit of scale.
const KILLED: usize = 6;
/// How many rows these append at once.
const AT_ONCE: usize = 3;

const DIRECTORY: &str = "stream";

on_every_store!(run);

/// A row: who wrote it, and as which of its own rows.
type Row = (i64, i64);

fn run(store: Store) {
    let site = Site::new(store, Duration::from_secs(600));
    let mut choices = choices(&format!("{store:?}"));
    let mut crew = Crew::start(&site.address, WRITERS + READERS + MORTALS);
    let ids = crew.ids();
    let (writers, others) = ids.split_at(WRITERS);
    let (readers, mortals) = others.split_at(READERS);
    let rows = ROWS * scale();
    for (number, id) in writers.iter().enumerate() {
        crew.order(*id, &format!("append {number} {rows}"));
    }
    readers.iter().for_each(|id| crew.order(*id, "follow"));
    let mut deaths = Deaths { left: KILLED * scale(), alive: BTreeMap::new(), kept: Vec::new() };
    mortals.iter().for_each(|id| deaths.begin(&mut crew, *id, &mut choices));
    let mut writing: BTreeSet<_> = writers.iter().copied().collect();
    let (mut reading, mut looks) = (READERS, 0);
    while !writing.is_empty() || reading > 0 || deaths.left > 0 {
        let (id, said) = crew.hear();
        match said.as_str() {
            "appended" => assert!(writing.remove(&id)),
            "looked" => {
                looks += 1;
                reading -= 1;
                if !writing.is_empty() || deaths.left > 0 {
                    crew.order(id, "follow");
                    reading += 1;
                }
            }
            "ready" if deaths.left > 0 => deaths.begin(&mut crew, id, &mut choices),
            "ready" => crew.kill(id),
            _ => match said.strip_prefix("kept ") {
                Some(entry) => deaths.kept(&mut crew, id, entry, &mut choices),
                None => panic!("worker {id}: {said}"),
            },
        }
    }
    let entries = judge(async {
        let root = site.address.open().await;
        let directory = root.dir(DIRECTORY).unwrap();
        let all = read_all(&directory).await.unwrap();
        for (entry, found) in &all {
            holds_each_row_once(entry, found, rows, &deaths.kept);
        }
        all.len()
    });
    let dead = deaths.kept.len();
    println!(
        "{store:?}: {} rows in {entries} entries, {looks} looks at them, {dead} writers killed",
        WRITERS * rows * entries
    );
}

/// How many appends to each entry somebody knows to be kept.
type Kept = BTreeMap<String, i64>;

/// Writers that append several rows at a time until they are killed; another one comes in the place of each.
struct Deaths {
    /// How many are to be killed while others write.
    left: usize,
    /// Who is alive: its number, and after how many appends it dies.
    alive: BTreeMap<Id, (usize, i64)>,
    /// What each of them knows to be kept, by their numbers.
    kept: Vec<Kept>,
}

impl Deaths {
    fn begin(&mut self, crew: &mut Crew, id: Id, choices: &mut Rng) {
        let number = self.kept.len();
        self.kept.push(Kept::new());
        self.alive.insert(id, (number, choices.i64(1..12)));
        crew.order(id, &format!("append-on {}", WRITERS + number));
    }

    fn kept(&mut self, crew: &mut Crew, id: Id, entry: &str, choices: &mut Rng) {
        let (number, dies_after) = self.alive[&id];
        *self.kept[number].entry(entry.to_owned()).or_default() += 1;
        if self.left > 0 && self.kept[number].values().sum::<i64>() >= dies_after {
            // Wherever it is within its next appends.
            std::thread::sleep(Duration::from_micros(choices.u64(0..20_000)));
            self.kill(crew, id);
            self.left -= 1;
            match self.left {
                0 => self.end(crew),
                _ => _ = crew.hire(),
            }
        }
    }

    fn kill(&mut self, crew: &mut Crew, id: Id) {
        let Some((number, _)) = self.alive.remove(&id) else { return };
        for said in crew.kill_and_hear(id) {
            *self.kept[number].entry(said.strip_prefix("kept ").unwrap().to_owned()).or_default() += 1;
        }
    }

    /// Kills those who are left, so that the others come to their end.
    fn end(&mut self, crew: &mut Crew) {
        let alive: Vec<Id> = self.alive.keys().copied().collect();
        alive.into_iter().for_each(|id| self.kill(crew, id));
    }
}

/// Each row of those who lived is there once, in order; of those who were killed, what they knew to be kept, and of the append that
/// was under way all rows or none.
fn holds_each_row_once(entry: &str, found: &[Row], rows: usize, kept: &[Kept]) {
    let mut by_writer: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (writer, number) in found {
        by_writer.entry(*writer).or_default().push(*number);
    }
    let wanted: Vec<i64> = (0..rows as i64).collect();
    for writer in 0..WRITERS as i64 {
        assert_eq!(by_writer.remove(&writer), Some(wanted.clone()), "'{entry}': the rows of writer {writer}");
    }
    for (number, kept) in kept.iter().enumerate() {
        let appends = kept.get(entry).copied().unwrap_or(0);
        let of = |appends: i64| (0..appends).flat_map(|number| [number; AT_ONCE]).collect::<Vec<i64>>();
        let found = by_writer.remove(&((WRITERS + number) as i64)).unwrap_or_default();
        assert!(
            found == of(appends) || found == of(appends + 1),
            "'{entry}': killed writer {number} knew of {appends} appends: {found:?}"
        );
    }
    assert!(by_writer.is_empty(), "'{entry}': rows of nobody: {by_writer:?}");
}

/// The part of those who are killed: each append is told once it is known to be kept.
pub(crate) async fn append_on(root: &Root, writer: i64) {
    let directory = root.dir(DIRECTORY).unwrap();
    for number in 0.. {
        let row = [writer, number].repeat(AT_ONCE);
        directory.append("array", Array2::from_shape_vec((AT_ONCE, 2), row).unwrap()).await.unwrap();
        say("kept array");
        if work::has_tables(root) {
            directory.append_table("table", &rows(writer, number, AT_ONCE)).await.unwrap();
            say("kept table");
        }
        directory.append_file("file", format!("{writer} {number}\n").repeat(AT_ONCE)).await.unwrap();
        say("kept file");
    }
}

/// The writers' part.
pub(crate) async fn append(root: &Root, writer: i64, count: i64) {
    let directory = root.dir(DIRECTORY).unwrap();
    for number in 0..count {
        directory
            .append("array", Array2::from_shape_vec((1, 2), vec![writer, number]).unwrap())
            .await
            .unwrap();
        if work::has_tables(root) {
            directory.append_table("table", &rows(writer, number, 1)).await.unwrap();
        }
        directory.append_file("file", format!("{writer} {number}\n")).await.unwrap();
    }
    say("appended");
}

fn rows(writer: i64, number: i64, count: usize) -> RecordBatch {
    let column = |value| Arc::new(Int64Array::from(vec![value; count])) as ArrayRef;
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
