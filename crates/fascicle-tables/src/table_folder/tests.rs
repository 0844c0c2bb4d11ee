//! Tests of tables in a local folder.

use super::*;
use crate::{
    CommitOutcome, LocalStagedPart, OffloadedTableWriter, PartAppend, PartFolder, TableHead, TableSnapshot,
    part_number, stream_of_batches,
};
use arrow_array::{ArrayRef, Int64Array, cast::AsArray, types::Int64Type};
use arrow_schema::{DataType, Field, Schema};
use fascicle_backend::{AppendOptions, Comparison, ErrorKind, Predicate, ScanOptions, TableWriter};
use futures::TryStreamExt;
use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Barrier},
};
use tempfile::TempDir;

struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Place { root: tempfile::tempdir().unwrap() };
        fs::create_dir(place.root.path().join("staging")).unwrap();
        place
    }

    fn table(&self) -> PathBuf {
        self.root.path().join("t.parquet")
    }

    fn staged(&self, name: impl ToString) -> PathBuf {
        self.root.path().join("staging").join(name.to_string())
    }

    fn folder(&self) -> Arc<LocalPartFolder> {
        Arc::new(LocalPartFolder::open(&self.table(), false).unwrap())
    }

    fn create(&self, numbers: &[i64]) -> u64 {
        let mut table = NewTable::create(&self.table(), &schema(), &TableOptions::default(), false).unwrap();
        table.write(&batch(numbers)).unwrap();
        table.finish().unwrap()
    }

    fn begin(&self, staged: impl ToString) -> Result<PartAppend<LocalPartFolder>> {
        self.begin_with(staged, &schema())
    }

    fn begin_with(&self, staged: impl ToString, schema: &SchemaRef) -> Result<PartAppend<LocalPartFolder>> {
        let folder = self.folder();
        let head = TableHead::read(&folder)?;
        let staged = LocalStagedPart::create(&self.staged(staged))?;
        PartAppend::begin(folder, head, staged, schema, &AppendOptions::default())
    }

    fn append(&self, numbers: &[i64]) -> Result<u64> {
        let mut append = self.begin("one")?;
        append.write(&batch(numbers))?;
        Ok(append.finish()?.rows())
    }

    fn snapshot(&self) -> Result<TableSnapshot<LocalPartFolder>> {
        TableSnapshot::open(self.folder())
    }

    fn read(&self, options: ScanOptions) -> Result<Vec<i64>> {
        let batches = self.snapshot()?.scan(&options)?.collect::<Result<Vec<_>>>()?;
        let numbers = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
        Ok(batches.iter().flat_map(numbers).collect())
    }

    fn staged_files(&self) -> usize {
        fs::read_dir(self.root.path().join("staging")).unwrap().count()
    }
}

fn schema() -> SchemaRef {
    let field = |name| Field::new(name, DataType::Int64, false);
    Arc::new(Schema::new(vec![field("i"), field("double")]))
}

fn batch(numbers: &[i64]) -> RecordBatch {
    let doubles: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers.iter().map(|i| 2 * i)));
    RecordBatch::try_new(schema(), vec![Arc::new(Int64Array::from(numbers.to_vec())), doubles]).unwrap()
}

#[test]
fn appended_rows_follow_in_order() {
    let place = Place::new();
    assert_eq!(place.create(&[0, 1, 2]), 3);
    assert_eq!(place.append(&[3, 4]).unwrap(), 5);
    assert_eq!(place.append(&[]).unwrap(), 5);
    assert_eq!(place.append(&[5]).unwrap(), 6);
    assert_eq!(place.read(ScanOptions::default()).unwrap(), [0, 1, 2, 3, 4, 5]);
    let description = place.snapshot().unwrap().describe().unwrap();
    assert_eq!((description.rows, description.parts, description.format), (6, 3, "parquet"));
    let stored: u64 =
        fs::read_dir(place.table()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert_eq!(description.stored_bytes, stored);
    assert_eq!(place.staged_files(), 0);
}

#[test]
fn an_empty_table_keeps_its_columns_and_grows() {
    let place = Place::new();
    let table = NewTable::create(&place.table(), &schema(), &TableOptions::default(), true).unwrap();
    assert_eq!(table.finish().unwrap(), 0);
    assert_eq!(place.snapshot().unwrap().schema(), &schema());
    assert!(place.read(ScanOptions::default()).unwrap().is_empty());
    assert_eq!(place.append(&[7]).unwrap(), 1);
    assert_eq!(place.read(ScanOptions::default()).unwrap(), [7]);
}

#[test]
fn scans_find_every_offset() {
    let place = Place::new();
    place.create(&[0, 1]);
    for start in (2..20).step_by(3) {
        place.append(&[start, start + 1, start + 2]).unwrap();
    }
    for offset in 0..25 {
        let options = ScanOptions::default().with_offset(offset).with_limit(4);
        let expected: Vec<i64> = (offset as i64..20).take(4).collect();
        assert_eq!(place.read(options).unwrap(), expected, "offset {offset}");
    }
    let even =
        Predicate::compare("double", Comparison::Ge, 10).and(Predicate::compare("i", Comparison::Lt, 9));
    let options = ScanOptions::default().with_predicate(even).with_offset(1).with_projection(["i"]);
    assert_eq!(place.read(options).unwrap(), [6, 7, 8]);
    let unknown =
        place.snapshot().unwrap().scan(&ScanOptions::default().with_projection(["j"])).err().unwrap();
    assert_eq!(unknown.kind(), ErrorKind::InvalidInput);
}

#[test]
fn other_columns_are_refused_before_anything_is_written() {
    let place = Place::new();
    place.create(&[0]);
    let other = Arc::new(Schema::new(vec![Field::new("i", DataType::Int64, false)]));
    let error = place.begin_with("x", &other).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.message().contains("'double' (Int64) is missing"), "{error}");
    assert_eq!(place.staged_files(), 0);
}

#[test]
fn an_append_that_is_dropped_leaves_nothing() {
    let place = Place::new();
    place.create(&[0]);
    let mut append = place.begin("x").unwrap();
    append.write(&batch(&[1])).unwrap();
    assert_eq!(place.staged_files(), 1);
    drop(append);
    assert_eq!(place.staged_files(), 0);
    assert_eq!(place.read(ScanOptions::default()).unwrap(), [0]);
}

#[test]
fn a_part_that_lost_the_race_counts_all_rows_before_it() {
    let place = Place::new();
    place.create(&[0]);
    // Written for number 1, which somebody else takes.
    let head = TableHead::read(&place.folder()).unwrap();
    let staged = LocalStagedPart::create(&place.staged("late")).unwrap();
    let mut late = PartWriter::new(staged, &schema(), &TableOptions::default()).unwrap();
    late.write(&batch(&[2, 3])).unwrap();
    let mut late = late.finish(Some(RowsBefore { part: 1, rows: 1 }), head.identity(), None).unwrap();
    place.append(&[1]).unwrap();
    let committed = CommitOutcome::Committed { tag: None };
    assert_eq!(place.folder().commit(&mut late, &part_name(1)).unwrap(), CommitOutcome::Taken);
    assert_eq!(place.folder().commit(&mut late, &part_name(2)).unwrap(), committed);
    assert_eq!(place.snapshot().unwrap().rows().unwrap(), 4);
    assert_eq!(place.append(&[4]).unwrap(), 5);
    for offset in 0..6 {
        let rest: Vec<i64> = (offset as i64..5).collect();
        assert_eq!(place.read(ScanOptions::default().with_offset(offset)).unwrap(), rest);
    }
    // The same staged file again: it is there already, and that is no loss.
    assert_eq!(place.folder().commit(&mut late, &part_name(2)).unwrap(), committed);
}

#[test]
fn a_part_of_an_earlier_table_is_none_of_this_one() {
    let place = Place::new();
    place.create(&[0]);
    place.append(&[1]).unwrap();
    let other = Place::new();
    other.create(&[7]);
    other.append(&[8, 9]).unwrap();
    fs::copy(other.table().join(part_name(1)), place.table().join(part_name(2))).unwrap();
    assert_eq!(place.read(ScanOptions::default()).unwrap(), [0, 1]);
    assert_eq!(place.snapshot().unwrap().rows().unwrap(), 2);
    assert_eq!(place.append(&[2]).unwrap(), 3);
    assert_eq!(place.read(ScanOptions::default()).unwrap(), [0, 1, 2]);
    assert_eq!(place.read(ScanOptions::default().with_offset(2)).unwrap(), [2]);
}

#[test]
fn the_highest_generation_with_a_first_part_is_the_table() {
    let place = Place::new();
    place.create(&[0]);
    place.append(&[1]).unwrap();
    let other = Place::new();
    other.create(&[7]);
    other.append(&[8]).unwrap();
    let second = crate::PARTS_OF_A_GENERATION;
    let come = |number: u64, as_number: u64| {
        fs::copy(other.table().join(part_name(number)), place.table().join(part_name(as_number))).unwrap();
    };
    come(1, second + 1);
    assert_eq!(place.read(ScanOptions::default()).unwrap(), [0, 1]);
    come(0, second);
    assert_eq!(place.read(ScanOptions::default()).unwrap(), [7, 8]);
    assert_eq!(place.snapshot().unwrap().rows().unwrap(), 2);
    assert_eq!(place.append(&[9]).unwrap(), 3);
    assert_eq!(place.read(ScanOptions::default()).unwrap(), [7, 8, 9]);
    assert!(place.table().join(part_name(second + 2)).exists());
}

#[test]
fn concurrent_appends_all_arrive_and_readers_see_prefixes() {
    const THREADS: i64 = 8;
    const APPENDS: i64 = 20;
    let place = Place::new();
    place.create(&[]);
    let (start, done) = (Barrier::new(THREADS as usize + 1), std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (place, start) = (&place, &start);
                scope.spawn(move || {
                    start.wait();
                    for append in 0..APPENDS {
                        let first = (thread * APPENDS + append) * 2;
                        let mut part = place.begin(format!("{thread}-{append}")).unwrap();
                        part.write(&batch(&[first])).unwrap();
                        part.write(&batch(&[first + 1])).unwrap();
                        assert!(part.finish().unwrap().rows() >= 2 * (append as u64 + 1));
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            start.wait();
            let mut seen: Vec<i64> = Vec::new();
            while !done.load(std::sync::atomic::Ordering::Acquire) {
                let now = place.read(ScanOptions::default()).unwrap();
                assert!(now.starts_with(&seen), "rows vanished or changed their place");
                seen = now;
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, std::sync::atomic::Ordering::Release);
        reader.join().unwrap();
    });
    let rows = place.read(ScanOptions::default()).unwrap();
    assert!(rows.chunks(2).all(|pair| pair[0] + 1 == pair[1]), "an append was torn apart");
    let mut sorted = rows.clone();
    sorted.sort();
    assert_eq!(sorted, (0..THREADS * APPENDS * 2).collect::<Vec<_>>());
    // Each writer's own appends stand in the order in which it made them.
    for thread in 0..THREADS {
        let own = rows.iter().filter(|row| *row / (2 * APPENDS) == thread);
        assert!(own.is_sorted());
    }
    assert_eq!(place.snapshot().unwrap().rows().unwrap(), rows.len() as u64);
    assert_eq!(place.staged_files(), 0);
}

/// The schema of the table with a nullable column more, and rows of it.
fn with_new_column(name: &str, numbers: &[i64], new: &[Option<i64>]) -> RecordBatch {
    let fields: Vec<Field> = schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    let fields: Vec<Field> = fields.into_iter().chain([Field::new(name, DataType::Int64, true)]).collect();
    let mut columns = batch(numbers).columns().to_vec();
    columns.push(Arc::new(Int64Array::from(new.to_vec())));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[test]
fn new_columns_are_null_in_the_rows_before_and_in_those_that_lack_them() {
    let place = Place::new();
    place.create(&[0, 1]);
    let new_columns = AppendOptions::default().with_new_columns();
    let append = |staged: &str, rows: &RecordBatch, options: &AppendOptions| {
        let (folder, staged) = (place.folder(), LocalStagedPart::create(&place.staged(staged))?);
        let head = TableHead::read(&folder)?;
        let mut append = PartAppend::begin(folder, head, staged, &rows.schema(), options)?;
        append.write(rows)?;
        append.finish().map(|head| head.rows())
    };
    let wide = with_new_column("x", &[2], &[Some(7)]);
    let error = append("a", &wide, &AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    // One that began before the column came, and one that adds another.
    let (folder, staged) = (place.folder(), LocalStagedPart::create(&place.staged("b")).unwrap());
    let head = TableHead::read(&folder).unwrap();
    let mut early = PartAppend::begin(folder, head, staged, &schema(), &AppendOptions::default()).unwrap();
    let (folder, staged) = (place.folder(), LocalStagedPart::create(&place.staged("c")).unwrap());
    let head = TableHead::read(&folder).unwrap();
    let other = with_new_column("y", &[4], &[Some(9)]);
    let mut adds = PartAppend::begin(folder, head, staged, &other.schema(), &new_columns).unwrap();
    assert_eq!(append("d", &wide, &new_columns).unwrap(), 3);
    early.write(&batch(&[3])).unwrap();
    assert_eq!(early.finish().unwrap().rows(), 4);
    adds.write(&other).unwrap();
    assert_eq!(adds.finish().unwrap().rows(), 5);
    assert_eq!(append("e", &batch(&[5]), &new_columns).unwrap(), 6);

    let snapshot = place.snapshot().unwrap();
    let names: Vec<&str> = snapshot.schema().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["i", "double", "x", "y"]);
    let read = |options: ScanOptions| {
        let batches: Vec<RecordBatch> =
            place.snapshot().unwrap().scan(&options).unwrap().map(Result::unwrap).collect();
        arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
    };
    let rows = read(ScanOptions::default());
    let column = |name: &str| {
        rows.column_by_name(name).unwrap().as_primitive::<Int64Type>().iter().collect::<Vec<_>>()
    };
    assert_eq!(column("i"), (0..6).map(Some).collect::<Vec<_>>());
    assert_eq!(column("x"), [None, None, Some(7), None, None, None]);
    assert_eq!(column("y"), [None, None, None, None, Some(9), None]);
    let of_x = ScanOptions::default().with_projection(["x"]);
    assert_eq!(read(of_x.clone()).num_rows(), 6);
    let seven = Predicate::compare("x", Comparison::Eq, 7);
    assert_eq!(read(of_x.with_predicate(seven)).num_rows(), 1);
    let none = ScanOptions::default().with_projection(["i"]).with_predicate(Predicate::IsNull("x".into()));
    assert_eq!(place.read(none).unwrap(), [0, 1, 3, 4, 5]);
    // Whoever has not heard of the new columns is refused, and a column of another type, too.
    assert_eq!(append("f", &batch(&[6]), &AppendOptions::default()).unwrap_err().kind(), ErrorKind::Mismatch);
    let texts = Arc::new(Schema::new(vec![
        Field::new("i", DataType::Int64, false),
        Field::new("double", DataType::Int64, false),
        Field::new("x", DataType::Utf8, true),
    ]));
    let error = place.begin_with("g", &texts).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Mismatch);

    let compacted = crate::compact(
        &place.folder(),
        &fascicle_backend::CompactOptions::default().with_grace(std::time::Duration::ZERO),
        || {
            LocalStagedPart::create(
                &place.staged(format!("merged {}", fs::read_dir(place.table()).unwrap().count())),
            )
        },
    );
    assert_eq!(compacted.unwrap().parts_after, 1);
    assert_eq!(read(ScanOptions::default()), rows);
}

#[test]
fn a_missing_part_is_named() {
    let place = Place::new();
    place.create(&[0]);
    place.append(&[1]).unwrap();
    place.append(&[2]).unwrap();
    fs::remove_file(place.table().join(part_name(1))).unwrap();
    let error = place.snapshot().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains(&part_name(1)), "{error}");
    assert_eq!(place.append(&[3]).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_damaged_part_is_named() {
    let place = Place::new();
    place.create(&[0]);
    place.append(&[1]).unwrap();
    place.append(&[2]).unwrap();
    let damaged = place.table().join(part_name(1));
    let bytes = fs::read(&damaged).unwrap();
    fs::write(&damaged, &bytes[..bytes.len() - 3]).unwrap();
    let error = place.read(ScanOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains(&part_name(1)), "{error}");
}

#[test]
fn what_is_no_part_is_reported_unless_it_is_hidden() {
    let place = Place::new();
    place.create(&[0]);
    fs::write(place.table().join("_attributes.json"), "{}").unwrap();
    fs::write(place.table().join(".hidden"), "").unwrap();
    assert_eq!(place.read(ScanOptions::default()).unwrap(), [0]);
    for (name, is_folder) in [("notes.txt", false), ("part-1.parquet", false), ("year=2024", true)] {
        let path = place.table().join(name);
        if is_folder {
            fs::create_dir(&path).unwrap()
        } else {
            fs::write(&path, "x").unwrap()
        }
        let error = place.snapshot().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains(name), "{error}");
        if is_folder { fs::remove_dir(&path).unwrap() } else { fs::remove_file(&path).unwrap() }
    }
    fs::remove_file(place.table().join(part_name(0))).unwrap();
    assert_eq!(place.snapshot().err().unwrap().kind(), ErrorKind::Corrupt);
}

#[test]
fn data_sets_of_other_programs_are_read_in_the_order_of_names() {
    let place = Place::new();
    place.create(&[0, 1]);
    fs::rename(place.table().join(part_name(0)), place.table().join("part-1.parquet")).unwrap();
    let mut other = PartWriter::new(Vec::new(), &schema(), &TableOptions::default()).unwrap();
    other.write(&batch(&[5])).unwrap();
    fs::write(place.table().join("a.parquet"), other.finish(None, None, None).unwrap()).unwrap();
    assert_eq!(place.read(ScanOptions::default()).unwrap(), [5, 0, 1]);
    assert_eq!(place.read(ScanOptions::default().with_offset(2)).unwrap(), [1]);
    assert_eq!(place.snapshot().unwrap().rows().unwrap(), 3);
    assert_eq!(place.append(&[1]).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_table_that_is_no_folder_or_not_there() {
    let place = Place::new();
    let open = || LocalPartFolder::open(&place.table(), false).err().unwrap().kind();
    assert_eq!(open(), ErrorKind::NotFound);
    fs::write(place.table(), "x").unwrap();
    assert_eq!(open(), ErrorKind::WrongKind);
}

#[test]
fn a_snapshot_does_not_see_later_appends_and_notices_removal() {
    let place = Place::new();
    place.create(&[0]);
    let snapshot = place.snapshot().unwrap();
    place.append(&[1]).unwrap();
    let rows: usize =
        snapshot.scan(&ScanOptions::default()).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 1);
    place.append(&[2]).unwrap();
    let scan = place.snapshot().unwrap().scan(&ScanOptions::default()).unwrap();
    fs::remove_file(place.table().join(part_name(0))).unwrap();
    fs::remove_file(place.table().join(part_name(1))).unwrap();
    let error = scan.collect::<Result<Vec<_>>>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn every_name_of_a_part_is_one_of_ours() {
    let place = Place::new();
    place.create(&[0]);
    place.append(&[1]).unwrap();
    let mut numbers: Vec<_> = fs::read_dir(place.table())
        .unwrap()
        .map(|entry| part_number(entry.unwrap().file_name().to_str().unwrap()).unwrap())
        .collect();
    numbers.sort();
    assert_eq!(numbers, [0, 1]);
}

#[tokio::test]
async fn blocking_writers_and_readers_become_asynchronous() {
    let place = Place::new();
    place.create(&[0]);
    let mut writer = Box::new(OffloadedTableWriter::new(place.begin("x").unwrap()));
    writer.write(batch(&[1, 2])).await.unwrap();
    assert_eq!(writer.finish().await.unwrap(), 3);
    let scan = place.snapshot().unwrap().scan(&ScanOptions::default().with_batch_rows(1)).unwrap();
    let batches: Vec<RecordBatch> = stream_of_batches(scan).try_collect().await.unwrap();
    assert_eq!(batches.len(), 3);

    let mut writer = Box::new(OffloadedTableWriter::new(place.begin("y").unwrap()));
    let narrow = batch(&[1]).project(&[0]).unwrap();
    assert_eq!(writer.write(narrow).await.unwrap_err().kind(), ErrorKind::Mismatch);
    assert_eq!(writer.finish().await.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(place.snapshot().unwrap().rows().unwrap(), 3);
    assert_eq!(place.staged_files(), 0);
}
