//! Tests of compaction in a local folder.

use super::*;
use crate::{LocalPartFolder, LocalStagedPart, NewTable, PartAppend, TableScan, part_name};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use fascicle_backend::{AppendOptions, Comparison, Predicate, ScanOptions};
use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};
use tempfile::TempDir;

struct Place {
    root: TempDir,
    staged: AtomicU64,
}

const AT_ONCE: CompactOptions =
    CompactOptions { target_bytes: 128 << 20, grace: Duration::ZERO, dry_run: false };
const IN_A_DAY: CompactOptions =
    CompactOptions { target_bytes: 128 << 20, grace: Duration::from_secs(86_400), dry_run: false };

impl Place {
    /// A table of the numbers from 0 on, of which each part has as many as is said.
    fn new(parts: &[i64]) -> Self {
        let place = Place { root: tempfile::tempdir().unwrap(), staged: AtomicU64::new(0) };
        let mut table = NewTable::create(&place.table(), &schema(), &TableOptions::default(), false).unwrap();
        table.write(&batch(0..parts[0])).unwrap();
        table.finish().unwrap();
        let mut first = parts[0];
        for rows in &parts[1..] {
            place.append(first..first + rows);
            first += rows;
        }
        place
    }

    fn table(&self) -> PathBuf {
        self.root.path().join("t.parquet")
    }

    fn folder(&self) -> Arc<LocalPartFolder> {
        Arc::new(LocalPartFolder::open(&self.table(), false).unwrap())
    }

    fn stage(&self) -> Result<LocalStagedPart> {
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        LocalStagedPart::create(&self.root.path().join(number.to_string()))
    }

    fn append(&self, numbers: Range<i64>) -> u64 {
        let (folder, options) = (self.folder(), AppendOptions::default());
        let head = TableHead::read(&folder).unwrap();
        let mut append = PartAppend::begin(folder, head, self.stage().unwrap(), &schema(), &options).unwrap();
        append.write(&batch(numbers)).unwrap();
        append.finish().unwrap().rows()
    }

    fn compact(&self, options: &CompactOptions) -> Compaction {
        compact(&self.folder(), options, || self.stage()).unwrap()
    }

    fn scan(&self, options: &ScanOptions) -> TableScan<LocalPartFolder> {
        TableSnapshot::open(self.folder()).unwrap().scan(options).unwrap()
    }

    fn read(&self) -> Vec<i64> {
        numbers(self.scan(&ScanOptions::default()))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.table()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The rows that programs see which read every `.parquet` file in the order of their names.
    fn foreign(&self) -> Vec<i64> {
        let names = self.names().into_iter().filter(|name| name.ends_with(".parquet"));
        let files = names.map(|name| {
            crate::PartFile::open(fs::File::open(self.table().join(&name)).unwrap(), &name).unwrap()
        });
        files.flat_map(|file| numbers(file.batches(["n"], None, 0, None).unwrap())).collect()
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]))
}

fn batch(numbers: Range<i64>) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
    RecordBatch::try_new(schema(), vec![column]).unwrap()
}

fn numbers(batches: impl Iterator<Item = Result<RecordBatch>>) -> Vec<i64> {
    batches.flat_map(|batch| batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

fn upto(end: i64) -> Vec<i64> {
    (0..end).collect()
}

#[test]
fn parts_are_merged_and_everybody_reads_the_same_rows() {
    let place = Place::new(&[2, 3, 1, 4]);
    let dry = place.compact(&CompactOptions { dry_run: true, ..AT_ONCE });
    assert_eq!((dry.parts_before, dry.parts_after, dry.merged_parts), (4, 1, 4));
    assert_eq!(place.names().len(), 4);
    let done = place.compact(&AT_ONCE);
    assert_eq!((done.parts_before, done.parts_after, done.merged_parts, done.waiting_files), (4, 1, 4, 0));
    assert_eq!(place.names(), [manifest_name(1), merged_name(0, 3)]);
    assert_eq!((place.read(), place.foreign()), (upto(10), upto(10)));
    assert_eq!(place.append(10..12), 12);
    assert!(place.names().contains(&part_name(4)));
    assert_eq!((place.read(), place.foreign()), (upto(12), upto(12)));
    for offset in 0..13 {
        let rest: Vec<i64> = (offset as i64..12).collect();
        assert_eq!(numbers(place.scan(&ScanOptions::default().with_offset(offset))), rest);
    }
    place.append(12..13);
    assert_eq!(place.compact(&AT_ONCE).parts_after, 1);
    assert_eq!(place.names(), [manifest_name(3), merged_name(0, 5)]);
    assert_eq!((place.read(), place.foreign()), (upto(13), upto(13)));
    // There is nothing more to do.
    assert_eq!(place.compact(&AT_ONCE), Compaction { parts_before: 1, parts_after: 1, ..Default::default() });
}

#[test]
fn until_the_grace_is_over_others_read_the_parts() {
    let place = Place::new(&[2, 3, 1]);
    let done = place.compact(&IN_A_DAY);
    assert_eq!((done.parts_after, done.waiting_files, done.removed_files), (1, 3, 0));
    assert_eq!(place.names().iter().filter(|name| name.starts_with("part-")).count(), 3);
    assert_eq!(TableSnapshot::open(place.folder()).unwrap().parts().count(), 1);
    assert_eq!((place.read(), place.foreign()), (upto(6), upto(6)));
    place.append(6..8);
    assert_eq!((place.read(), place.foreign()), (upto(8), upto(8)));
    assert_eq!(place.compact(&IN_A_DAY).waiting_files, 4);
    assert_eq!((place.read(), place.foreign()), (upto(8), upto(8)));
    assert_eq!(place.compact(&AT_ONCE).waiting_files, 0);
    assert_eq!((place.read(), place.foreign()), (upto(8), upto(8)));
    assert_eq!(place.names().len(), 2);
}

#[test]
fn large_parts_are_left_as_they_are() {
    let place = Place::new(&[20_000, 2, 3, 20_000, 4]);
    let options = CompactOptions { target_bytes: 20_000, ..AT_ONCE };
    let done = place.compact(&options);
    assert_eq!((done.parts_before, done.parts_after, done.merged_parts), (5, 4, 2));
    assert_eq!(
        place.names(),
        [manifest_name(1), part_name(0), merged_name(1, 2), part_name(3), part_name(4)]
    );
    assert_eq!((place.read(), place.foreign()), (upto(40_009), upto(40_009)));
}

#[test]
fn whatever_a_compaction_is_broken_off_at_every_row_comes_once() {
    // The states that lie on the way: merged aside but not committed; committed; published; partly removed.
    let place = Place::new(&[1, 2, 3]);
    let aside = aside_name(0, (0, 2), 0, "0f");
    place.compact(&IN_A_DAY);
    let written = place.names().into_iter().find(|name| name.starts_with("_merged")).unwrap();
    fs::rename(place.table().join(&written), place.table().join(&aside)).unwrap();
    let manifest = place.table().join(manifest_name(0));
    fs::remove_file(&manifest).unwrap();
    assert_eq!(place.read(), upto(6));
    let committed = Manifest { number: 0, next: 3, files: vec![aside.clone()] };
    committed.write(fs::File::create(&manifest).unwrap(), &schema(), None).unwrap();
    assert_eq!(place.read(), upto(6));
    fs::copy(place.table().join(&aside), place.table().join(merged_name(0, 2))).unwrap();
    assert_eq!(place.read(), upto(6));
    fs::remove_file(place.table().join(part_name(1))).unwrap();
    assert_eq!(place.read(), upto(6));
    fs::remove_file(place.table().join(part_name(0))).unwrap();
    assert_eq!((place.read(), place.append(6..7)), (upto(6), 7));
    let done = place.compact(&AT_ONCE);
    assert_eq!((done.parts_after, place.read(), place.foreign()), (1, upto(7), upto(7)));
    assert_eq!(place.names().len(), 2);
}

#[test]
fn what_another_compaction_may_still_commit_is_not_removed() {
    let place = Place::new(&[1, 1]);
    let waiting = aside_name(5, (0, 1), 0, "0f");
    fs::write(place.table().join(&waiting), "not committed yet").unwrap();
    let stale = aside_name(0, (0, 1), 0, "0e");
    fs::write(place.table().join(&stale), "never committed").unwrap();
    place.compact(&AT_ONCE);
    assert_eq!(place.names(), [waiting, manifest_name(1), merged_name(0, 1)]);
    assert_eq!(place.read(), upto(2));
}

#[test]
fn a_scan_that_began_before_goes_on_in_the_merged_parts() {
    let parts = [3; 20];
    let even = Predicate::compare("n", Comparison::Lt, 45).and(!Predicate::compare("n", Comparison::Eq, 7));
    let expected: Vec<i64> = upto(45).into_iter().filter(|n| *n != 7).collect();
    for taken in 0..12 {
        for (options, expected) in [
            (ScanOptions::default().with_batch_rows(2), upto(60)),
            (ScanOptions::default().with_batch_rows(2).with_offset(4), (4..60).collect()),
            (ScanOptions::default().with_batch_rows(2).with_predicate(even.clone()), expected.clone()),
        ] {
            let place = Place::new(&parts);
            let mut scan = place.scan(&options);
            let mut found = numbers(scan.by_ref().take(taken));
            place.compact(&AT_ONCE);
            found.extend(numbers(scan));
            assert_eq!(found, expected, "after {taken} batches of {options:?}");
        }
    }
}

#[test]
fn a_scan_of_a_table_that_was_replaced_is_told() {
    let place = Place::new(&[1, 1, 1]);
    let scan = place.scan(&ScanOptions::default());
    fs::remove_dir_all(place.table()).unwrap();
    let other = Place::new(&[5]);
    fs::create_dir(place.table()).unwrap();
    for name in other.names() {
        fs::copy(other.table().join(&name), place.table().join(&name)).unwrap();
    }
    let error = scan.collect::<Result<Vec<_>>>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn appends_compactions_and_readers_do_not_disturb_each_other() {
    let place = Place::new(&[0]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3i64)
            .map(|writer| {
                let place = &place;
                scope.spawn(move || {
                    for append in 0..30 {
                        let first = (writer * 30 + append) * 2;
                        place.append(first..first + 2);
                    }
                })
            })
            .collect();
        let compacts = || {
            while !done.load(Ordering::Acquire) {
                // The other one may keep at it.
                if let Err(error) = compact(&place.folder(), &AT_ONCE, || place.stage()) {
                    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
                }
            }
        };
        let others = [
            scope.spawn(compacts),
            scope.spawn(compacts),
            scope.spawn(|| {
                let mut seen: Vec<i64> = Vec::new();
                while !done.load(Ordering::Acquire) {
                    let now = place.read();
                    assert!(now.starts_with(&seen), "rows vanished, came twice or moved");
                    seen = now;
                }
            }),
        ];
        let written: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Release);
        written.into_iter().for_each(|written| written.unwrap());
        others.into_iter().for_each(|other| other.join().unwrap());
    });
    let mut rows = place.read();
    assert!(rows.chunks(2).all(|pair| pair[0] + 1 == pair[1]), "an append was torn apart");
    rows.sort_unstable();
    assert_eq!(rows, upto(180));
    place.compact(&AT_ONCE);
    let mut foreign = place.foreign();
    foreign.sort_unstable();
    assert_eq!(foreign, upto(180));
}

#[test]
fn a_slow_append_does_not_vanish_among_merged_parts() {
    for (others, at_once) in [(1, true), (3, true), (3, false)] {
        let place = Place::new(&[2, 1]);
        let (folder, options) = (place.folder(), AppendOptions::default());
        let head = TableHead::read(&folder).unwrap();
        // It knows two parts and will ask for the name of the third.
        let staged = place.stage().unwrap();
        let mut writer = PartWriter::new(staged, &schema(), &TableOptions::default()).unwrap();
        writer.write(&batch(100..102)).unwrap();
        let nonce = writer.nonce().to_owned();
        let place_of_it = RowsBefore { part: 2, rows: 3 };
        let mut slow = writer.finish(Some(place_of_it), head.identity(), None).unwrap();
        for other in 0..others {
            place.append(3 + other..4 + other);
        }
        place.compact(if at_once { &AT_ONCE } else { &IN_A_DAY });
        let outcome = folder.commit(&mut slow, &part_name(2)).unwrap();
        let part = crate::ListedName { name: part_name(2), is_file: true, size_bytes: None, tag: None };
        if at_once {
            // The name is free again, and nobody reads what stands there.
            assert_eq!(outcome, CommitOutcome::Committed { tag: None });
            assert!(!head.has_taken(&folder, &part, &nonce).unwrap());
            assert_eq!(place.read(), upto(3 + others));
        } else {
            assert_eq!(outcome, CommitOutcome::Taken);
        }
        folder.remove(&[part_name(2)]).unwrap();
        // The append as a whole finds its place.
        let mut append =
            PartAppend::begin(place.folder(), head, place.stage().unwrap(), &schema(), &options).unwrap();
        append.write(&batch(3 + others..4 + others)).unwrap();
        assert_eq!(append.finish().unwrap().rows(), 4 + others as u64);
        assert_eq!(place.read(), upto(4 + others));
    }
}

#[test]
fn an_append_that_was_merged_before_it_looked_is_found_there() {
    let place = Place::new(&[2]);
    let folder = place.folder();
    let head = TableHead::read(&folder).unwrap();
    let mut writer = PartWriter::new(place.stage().unwrap(), &schema(), &TableOptions::default()).unwrap();
    writer.write(&batch(2..4)).unwrap();
    let nonce = writer.nonce().to_owned();
    let mut staged = writer.finish(Some(RowsBefore { part: 1, rows: 2 }), head.identity(), None).unwrap();
    folder.commit(&mut staged, &part_name(1)).unwrap();
    place.append(4..5);
    place.compact(&AT_ONCE);
    place.append(5..6);
    place.compact(&AT_ONCE);
    let part = crate::ListedName { name: part_name(1), is_file: true, size_bytes: None, tag: None };
    assert!(head.has_taken(&folder, &part, &nonce).unwrap());
    assert!(!head.has_taken(&folder, &part, "0123456789abcdef0123456789abcdef").unwrap());
    assert_eq!(place.read(), upto(6));
}

#[test]
fn what_cannot_be_merged_is_refused() {
    let place = Place::new(&[1, 1]);
    fs::rename(place.table().join(part_name(0)), place.table().join("a.parquet")).unwrap();
    fs::rename(place.table().join(part_name(1)), place.table().join("b.parquet")).unwrap();
    let error = compact(&place.folder(), &AT_ONCE, || place.stage()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let place = Place::new(&[1, 1]);
    let damaged = place.table().join(part_name(1));
    let bytes = fs::read(&damaged).unwrap();
    fs::write(&damaged, &bytes[..40]).unwrap();
    let error = compact(&place.folder(), &AT_ONCE, || place.stage()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains(&part_name(1)), "{error}");
    assert_eq!(place.names().len(), 2);
}
