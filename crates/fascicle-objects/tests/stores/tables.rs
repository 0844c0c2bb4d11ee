//! Tables, on every store.

use crate::sites::{Site, on_every_store, path, run};
use arrow_array::{
    ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, cast::AsArray, types::Int64Type,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use fascicle_backend::{
    AppendOptions, CompactOptions, Comparison, EntryKind, ErrorKind, Predicate, Result, ScanOptions,
    TableOptions, TableStore, WriteMode,
};
use fascicle_objects::{Layout, PrefixForm, Store, StoreTables, Tree, key};
use fascicle_tables::{PARTS_OF_A_GENERATION, PartWriter, part_name};
use fascicle_test_servers::{Fault, FaultKind, RequestKind, SeenRequest};
use futures::TryStreamExt;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]))
}

pub(crate) fn batch(numbers: impl IntoIterator<Item = i64>) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
    RecordBatch::try_new(schema(), vec![column]).unwrap()
}

fn tree(store: Store) -> Tree {
    let form = |suffix, kind| PrefixForm { suffix, foreign_suffix: None, kind, key_names: &[] };
    Tree::new(store, Layout::new([form(".parquet", EntryKind::Table)]))
}

pub(crate) fn tables(store: Store) -> StoreTables {
    StoreTables::new(tree(store)).unwrap()
}

pub(crate) async fn put(tables: &StoreTables, numbers: std::ops::Range<i64>, mode: WriteMode) -> Result<u64> {
    let mut writer = tables.create(&path("t"), schema(), &TableOptions::default(), mode).await?;
    writer.write(batch(numbers)).await?;
    writer.finish().await
}

pub(crate) async fn append(tables: &StoreTables, rows: RecordBatch) -> Result<u64> {
    let mut writer = tables.append(&path("t"), rows.schema()).await?;
    writer.write(rows).await?;
    writer.finish().await
}

pub(crate) async fn numbers(tables: &StoreTables, options: &ScanOptions) -> Result<Vec<i64>> {
    let batches: Vec<RecordBatch> = tables.scan(&path("t"), options).await?.try_collect().await?;
    let of = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().to_vec();
    Ok(batches.iter().flat_map(of).collect())
}

pub(crate) async fn all(tables: &StoreTables) -> Vec<i64> {
    numbers(tables, &ScanOptions::default()).await.unwrap()
}

/// The names in the folder of the table.
async fn names(store: &Store) -> Vec<String> {
    let listed = store.list_children(&key("t.parquet").unwrap()).await.unwrap();
    listed.objects.iter().map(|object| object.location.filename().unwrap().to_owned()).collect()
}

fn upto(end: i64) -> Vec<i64> {
    (0..end).collect()
}

#[test]
fn a_table_is_written_added_to_replaced_and_removed() {
    on_every_store(async |site| {
        let store = site.open();
        let (one, other) = (tables(store.clone()), tables(site.open()));
        assert_eq!(append(&one, batch(0..1)).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(put(&one, 0..3, WriteMode::Create).await.unwrap(), 3);
        assert_eq!(put(&other, 0..9, WriteMode::Create).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(append(&one, batch(3..4)).await.unwrap(), 4);
        assert_eq!(append(&other, batch(4..6)).await.unwrap(), 6);
        assert_eq!(append(&one, batch(6..8)).await.unwrap(), 8);
        assert_eq!(append(&other, batch([])).await.unwrap(), 8);
        assert_eq!((all(&one).await, all(&other).await), (upto(8), upto(8)), "on {}", site.name);
        let described = one.describe(&path("t")).await.unwrap();
        assert_eq!((described.rows, described.parts), (8, 4));
        assert_eq!(names(&store).await, [0, 1, 2, 3].map(part_name));

        // The other handle does not know yet that the table is replaced.
        assert_eq!(put(&one, 0..2, WriteMode::Overwrite).await.unwrap(), 2);
        assert_eq!(names(&store).await, [part_name(PARTS_OF_A_GENERATION)]);
        assert_eq!(append(&other, batch(7..8)).await.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(all(&other).await, upto(2));
        assert_eq!(append(&other, batch(2..3)).await.unwrap(), 3);
        assert_eq!(other.describe(&path("t")).await.unwrap().rows, 3);

        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        let field = Field::new("n", DataType::Utf8, false);
        let texts = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![texts]).unwrap();
        let error = append(&one, texts).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert!(error.message().contains("'n' is Utf8 and not Int64"), "{error}");

        tree(store.clone()).remove(&path("t")).await.unwrap();
        assert_eq!(append(&other, batch(3..4)).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(other.describe(&path("t")).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(tree(store.clone()).list(&path("")).await.unwrap().entries.is_empty(), "on {}", site.name);
        assert_eq!(put(&other, 5..6, WriteMode::Create).await.unwrap(), 1);
        assert_eq!(all(&one).await, [5]);
    });
}

#[test]
fn new_columns_and_merged_parts_on_every_store() {
    on_every_store(async |site| {
        let one = tables(site.open());
        put(&one, 0..2, WriteMode::Create).await.unwrap();
        let at_once = CompactOptions::default().with_grace(Duration::ZERO);
        for number in 2..6 {
            append(&one, batch(number..number + 1)).await.unwrap();
        }
        let fields = vec![Field::new("n", DataType::Int64, false), Field::new("new", DataType::Utf8, true)];
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(vec![6])), Arc::new(StringArray::from(vec!["a"]))];
        let wide = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
        let options = AppendOptions::default().with_new_columns();
        let mut writer = one.append_with(&path("t"), wide.schema(), &options).await.unwrap();
        writer.write(wide).await.unwrap();
        assert_eq!(writer.finish().await.unwrap(), 7);
        let waiting = one.compact(&path("t"), &CompactOptions::default()).await.unwrap();
        assert_eq!((waiting.parts_before, waiting.parts_after, waiting.waiting_files), (6, 1, 6));
        assert_eq!(all(&one).await, upto(7), "on {}", site.name);
        let done = one.compact(&path("t"), &at_once).await.unwrap();
        assert_eq!((done.parts_after, done.waiting_files), (1, 0), "on {}", site.name);
        assert_eq!(names(&site.open()).await.len(), 2);
        assert_eq!(all(&one).await, upto(7), "on {}", site.name);
        let described = one.describe(&path("t")).await.unwrap();
        assert_eq!((described.rows, described.schema.fields().len()), (7, 2));
        let is_a = Predicate::compare("new", Comparison::Eq, "a");
        let selected = ScanOptions::default().with_predicate(is_a).with_projection(["n"]);
        assert_eq!(numbers(&one, &selected).await.unwrap(), [6]);
        // A table of merged parts is replaced, copied and removed like any other.
        let tree = tree(site.open());
        tree.copy(&path("t"), &path("copy")).await.unwrap();
        put(&one, 0..1, WriteMode::Overwrite).await.unwrap();
        assert_eq!((all(&one).await, names(&site.open()).await.len()), (vec![0], 1));
        assert_eq!(one.describe(&path("copy")).await.unwrap().rows, 7, "on {}", site.name);
        tree.remove(&path("copy")).await.unwrap();
        assert_eq!(one.describe(&path("copy")).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(tree.list(&path("")).await.unwrap().entries.len(), 1);
    });
}

#[test]
fn requests_are_few() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let store = site.open();
            store.conditions().await.unwrap();
            let (one, other) = (tables(store.clone()), tables(store));
            let server = site.server.as_ref().unwrap();
            let requests = || -> Vec<SeenRequest> { server.take_requests() };
            put(&one, 0..3, WriteMode::Create).await.unwrap();
            requests();
            append(&one, batch(3..4)).await.unwrap();
            let first = requests();
            assert!(first.len() <= 5, "the first append takes {first:?}");
            for number in 4..10 {
                append(&one, batch(number..number + 1)).await.unwrap();
                let seen = requests();
                let kinds: Vec<RequestKind> = seen.iter().map(|request| request.kind).collect();
                assert_eq!(kinds, [RequestKind::Put, RequestKind::List], "{seen:?}");
            }
            one.describe(&path("t")).await.unwrap();
            assert_eq!(requests().len(), 1, "to describe what is known");
            // What others add costs a look at what took the name, a listing, and the footer of each of their parts.
            append(&other, batch(10..11)).await.unwrap();
            append(&other, batch(11..12)).await.unwrap();
            requests();
            append(&one, batch(12..13)).await.unwrap();
            let seen = requests();
            assert!(seen.len() <= 8, "{seen:?}");
            // To know schema and rows, no part is read but the first and the last.
            let fresh = tables(site.open());
            requests();
            assert_eq!(fresh.describe(&path("t")).await.unwrap().rows, 13);
            let seen = requests();
            assert_eq!(seen.len(), 3, "{seen:?}");
            assert_eq!(all(&fresh).await, upto(13));
            let seen = requests();
            assert_eq!(seen.len(), 1 + 11, "a listing and a part each: {seen:?}");
            let few = ScanOptions::default().with_limit(2);
            assert_eq!(numbers(&fresh, &few).await.unwrap(), [0, 1]);
            assert_eq!(requests().len(), 3, "no more parts than the limit needs");
        });
    }
}

#[test]
fn a_column_and_a_range_of_a_large_part_are_not_the_whole_part() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let one = tables(site.open());
            let mut random = fastrand::Rng::with_seed(5);
            let columns: Vec<Field> = ["n", "a", "b", "c"]
                .into_iter()
                .map(|name| Field::new(name, DataType::Int64, false))
                .collect();
            let schema = Arc::new(Schema::new(columns));
            let options = TableOptions::default();
            let mut writer =
                one.create(&path("t"), schema.clone(), &options, WriteMode::Create).await.unwrap();
            for first in (0..1_000_000i64).step_by(100_000) {
                let random: Vec<ArrayRef> = (0..3)
                    .map(|_| {
                        Arc::new((0..100_000).map(|_| Some(random.i64(..))).collect::<Int64Array>())
                            as ArrayRef
                    })
                    .collect();
                let n: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + 100_000));
                let columns = std::iter::once(n).chain(random).collect();
                writer.write(RecordBatch::try_new(schema.clone(), columns).unwrap()).await.unwrap();
            }
            writer.finish().await.unwrap();
            let server = site.server.as_ref().unwrap();
            let total = one.describe(&path("t")).await.unwrap().stored_bytes;
            let bytes_of = async |options: ScanOptions| {
                server.take_requests();
                server.take_answered_bytes();
                let batches: Vec<RecordBatch> =
                    one.scan(&path("t"), &options).await.unwrap().try_collect().await.unwrap();
                let (requests, bytes) = (server.take_requests().len(), server.take_answered_bytes());
                (batches.iter().map(RecordBatch::num_rows).sum::<usize>(), bytes, requests)
            };
            let (rows, bytes, requests) = bytes_of(ScanOptions::default().with_projection(["a"])).await;
            assert_eq!(rows, 1_000_000);
            assert!(bytes < total / 2, "{bytes} of {total} bytes in {requests} requests for a column");
            let range = Predicate::compare("n", Comparison::Ge, 500_000).and(Predicate::compare(
                "n",
                Comparison::Lt,
                500_100,
            ));
            let options = ScanOptions::default().with_projection(["a", "b", "c"]).with_predicate(range);
            let (rows, bytes, requests) = bytes_of(options).await;
            assert_eq!(rows, 100);
            assert!(bytes < total / 2, "{bytes} of {total} bytes in {requests} requests for a range");
            assert!(requests <= 16, "{requests} requests");
            let (rows, bytes, requests) = bytes_of(ScanOptions::default().with_limit(10)).await;
            assert_eq!(rows, 10);
            assert!(bytes < total / 2, "{bytes} of {total} bytes in {requests} requests for ten rows");
        });
    }
}

#[test]
fn an_append_whose_answer_was_lost_is_made_once() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let one = tables(site.open());
            put(&one, 0..2, WriteMode::Create).await.unwrap();
            append(&one, batch(2..3)).await.unwrap();
            for kind in [FaultKind::LostAnswer, FaultKind::FailedAnswer, FaultKind::ConditionalConflict] {
                let rows = one.describe(&path("t")).await.unwrap().rows;
                let is_part =
                    |request: &SeenRequest| request.kind == RequestKind::Put && request.key.contains("part-");
                site.server.as_ref().unwrap().inject(Fault::once(kind, is_part));
                let next = i64::try_from(rows).unwrap();
                assert_eq!(append(&one, batch(next..next + 1)).await.unwrap(), rows + 1, "{kind:?}");
            }
            assert_eq!(all(&one).await, upto(6), "on {}", site.name);
        });
    }
}

#[test]
fn a_removal_that_was_broken_off_leaves_no_table() {
    for site in [Site::s3(), Site::memory()] {
        run(async {
            let store = site.open();
            let one = tables(store.clone());
            put(&one, 0..2, WriteMode::Create).await.unwrap();
            for number in 2..5 {
                append(&one, batch(number..number + 1)).await.unwrap();
            }
            // As after the first steps of a removal.
            store.put(&key("_writing/t.parquet.removal").unwrap(), bytes::Bytes::new()).await.unwrap();
            store.delete(&key(&format!("t.parquet/{}", part_name(0))).unwrap()).await.unwrap();
            let one = tables(store.clone());
            assert_eq!(one.describe(&path("t")).await.unwrap_err().kind(), ErrorKind::NotFound);
            assert_eq!(append(&one, batch(9..10)).await.unwrap_err().kind(), ErrorKind::NotFound);
            assert!(tree(store.clone()).list(&path("")).await.unwrap().entries.is_empty());
            put(&one, 0..4, WriteMode::Create).await.unwrap();
            assert_eq!((all(&one).await, names(&store).await.len()), (upto(4), 1));
            assert_eq!(tree(store.clone()).list(&path("")).await.unwrap().entries.len(), 1);
            // A part that somebody lost, without a removal, is damage and no absence.
            append(&one, batch(4..5)).await.unwrap();
            store
                .delete(&key(&format!("t.parquet/{}", part_name(PARTS_OF_A_GENERATION))).unwrap())
                .await
                .unwrap();
            let error = tables(site.open()).describe(&path("t")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.message().contains(&part_name(PARTS_OF_A_GENERATION)), "{error}");
        });
    }
}

/// Counts how often each number comes.
pub(crate) fn counted(numbers: &[i64]) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    numbers.iter().for_each(|number| *counts.entry(*number).or_default() += 1);
    counts
}

#[test]
fn files_of_other_programs_are_tables_that_are_not_added_to() {
    on_every_store(async |site| {
        let (store, one) = (site.open(), tables(site.open()));
        let mut writer = PartWriter::new(Vec::new(), &schema(), &TableOptions::default()).unwrap();
        writer.write(&batch(0..5)).unwrap();
        let file = bytes::Bytes::from(writer.finish(None, None, None).unwrap());
        store.put(&key("t.parquet").unwrap(), file.clone()).await.unwrap();
        let listed = tree(store.clone()).list(&path("")).await.unwrap();
        assert_eq!((listed.entries[0].name.as_str(), listed.entries[0].kind), ("t", EntryKind::Table));
        assert_eq!(one.describe(&path("t")).await.unwrap().rows, 5, "on {}", site.name);
        let late = Predicate::compare("n", Comparison::Ge, 3);
        let selected = ScanOptions::default().with_predicate(late);
        assert_eq!(numbers(&one, &selected).await.unwrap(), [3, 4], "on {}", site.name);
        assert_eq!(append(&one, batch(5..6)).await.unwrap_err().kind(), ErrorKind::Unsupported);
        let compacted = one.compact(&path("t"), &CompactOptions::default()).await;
        assert_eq!(compacted.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(put(&one, 0..2, WriteMode::Create).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        put(&one, 0..2, WriteMode::Overwrite).await.unwrap();
        assert_eq!(append(&one, batch(2..3)).await.unwrap(), 3, "on {}", site.name);
        assert_eq!(tree(store.clone()).list(&path("")).await.unwrap().entries.len(), 1);
        tree(store.clone()).remove(&path("t")).await.unwrap();

        // A folder of such files, one of which is damaged.
        for name in ["b", "a"] {
            store.put(&key(&format!("t.parquet/{name}.parquet")).unwrap(), file.clone()).await.unwrap();
        }
        assert_eq!(one.describe(&path("t")).await.unwrap().rows, 10, "on {}", site.name);
        assert_eq!(append(&one, batch(5..6)).await.unwrap_err().kind(), ErrorKind::Unsupported);
        store.put(&key("t.parquet/c.parquet").unwrap(), file.slice(..file.len() - 9)).await.unwrap();
        let error = one.describe(&path("t")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("c.parquet"), "{error}");
        let hive = key("t.parquet/year=2024/a.parquet").unwrap();
        store.put(&hive, file.clone()).await.unwrap();
        let error = one.describe(&path("t")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("year=2024"), "{error}");
    });
}

/// Rows of the columns that every program reads alike, and of a nullable one more if that is asked for.
fn mixed(first: i64, rows: i64, new: bool) -> RecordBatch {
    let numbers = first..first + rows;
    let texts = StringArray::from_iter(numbers.clone().map(|n| (n % 3 != 0).then(|| format!("ü {n}"))));
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
        numbers.clone().map(|n| Some((0..n % 3).map(Some).collect::<Vec<_>>())),
    );
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Int64Array::from_iter_values(numbers.clone()))),
        ("text", Arc::new(texts)),
        ("list", Arc::new(lists)),
    ];
    if new {
        columns.push(("new", Arc::new(Float64Array::from_iter_values(numbers.map(|n| n as f64 / 4.0)))));
    }
    let fields =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), *name != "n"));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, column)| column).collect()).unwrap()
}

#[test]
fn other_programs_read_the_folder_as_one_data_set() {
    let site = Site::local();
    run(async {
        let one = tables(site.open());
        let folder = site.folder().join("root/t.parquet");
        let read = |columns: &'static [&'static str]| {
            let folder = folder.clone();
            async move {
                tokio::task::spawn_blocking(move || fascicle_judges::rows_others_read(&folder, columns))
                    .await
                    .unwrap()
            }
        };
        let known = &["n", "text", "list"][..];
        let rows = mixed(0, 0, false);
        let options = TableOptions::default();
        let writer = one.create(&path("t"), rows.schema(), &options, WriteMode::Create).await.unwrap();
        writer.finish().await.unwrap();
        assert_eq!(read(known).await, [0; 0]);
        for first in [0, 4, 8] {
            append(&one, mixed(first, 4, false)).await.unwrap();
        }
        assert_eq!(read(known).await, upto(12));
        // While merged parts wait, others read the old ones; afterwards the merged ones, and what is added.
        one.compact(&path("t"), &CompactOptions::default()).await.unwrap();
        let by_glob = "
import sys, pyarrow.dataset, pandas, polars, duckdb
folder = sys.argv[1]
for rows in (
    pyarrow.dataset.dataset(folder, format='parquet').to_table()['n'].to_pylist(),
    pandas.read_parquet(folder)['n'].tolist(),
    polars.scan_parquet(folder + '/*.parquet').collect()['n'].to_list(),
    [row[0] for row in duckdb.sql(f\"select n from read_parquet('{folder}/*.parquet')\").fetchall()],
):
    assert rows == list(range(12)), rows
try:
    polars.scan_parquet(folder).collect()
except polars.exceptions.InvalidOperationError:
    print('refused')
";
        let waiting = folder.clone();
        let printed = tokio::task::spawn_blocking(move || fascicle_judges::run_python(by_glob, [waiting]));
        assert_eq!(printed.await.unwrap().trim(), "refused");
        one.compact(&path("t"), &CompactOptions::default().with_grace(Duration::ZERO)).await.unwrap();
        assert_eq!(names(&site.open()).await.len(), 2);
        assert_eq!(read(known).await, upto(12));
        append(&one, mixed(12, 3, false)).await.unwrap();
        assert_eq!(read(known).await, upto(15));
        let wide = mixed(15, 2, true);
        let new_columns = AppendOptions::default().with_new_columns();
        let mut writer = one.append_with(&path("t"), wide.schema(), &new_columns).await.unwrap();
        writer.write(wide).await.unwrap();
        writer.finish().await.unwrap();
        assert_eq!(read(&["n", "text", "list", "new"]).await, upto(17));
        let rows = mixed(0, 5, true);
        let mut writer = one.create(&path("t"), rows.schema(), &options, WriteMode::Overwrite).await.unwrap();
        writer.write(rows).await.unwrap();
        writer.finish().await.unwrap();
        assert_eq!(read(&["n", "new"]).await, upto(5));
    });
}
