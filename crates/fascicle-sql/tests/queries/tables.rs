//! Stored tables.

use super::{directory, lines, names, observed_directory, read, rows};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray,
};
use arrow_schema::Field;
use fascicle_backend::wrap::Operation;
use fascicle_core::Directory;
use futures::TryStreamExt;
use std::sync::Arc;

pub(crate) fn cells(count: i64) -> RecordBatch {
    let ids = || 0..count;
    let names = ids().map(|id| (id % 3 != 0).then(|| format!("cell {id}")));
    let kinds: DictionaryArray<Int32Type> = ids().map(|id| Some(["a", "b"][(id % 2) as usize])).collect();
    let lists = ids().map(|id| Some((0..id % 4).map(Some).collect::<Vec<_>>()));
    let lists = ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>(lists);
    let parts: ArrayRef = Arc::new(ids().map(|id| Some(id * 10)).collect::<Int64Array>());
    let structs = StructArray::from(vec![(
        Arc::new(Field::new("inner", parts.data_type().clone(), true)),
        Arc::clone(&parts),
    )]);
    RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(ids())) as ArrayRef),
        ("x", Arc::new(Float64Array::from_iter_values(ids().map(|id| id as f64 / 2.0)))),
        ("name", Arc::new(names.collect::<StringArray>())),
        ("kind", Arc::new(kinds)),
        ("on", Arc::new(ids().map(|id| Some(id % 2 == 0)).collect::<BooleanArray>())),
        ("day", Arc::new(Date32Array::from_iter_values(ids().map(|id| id as i32)))),
        ("list", Arc::new(lists)),
        ("deep", Arc::new(structs)),
    ])
    .unwrap()
}

async fn with_cells(lab: &Directory) {
    lab.put_table("cells", &cells(10)).await.unwrap();
}

#[tokio::test]
async fn a_table_stands_under_its_name_with_all_its_types() {
    let lab = directory();
    with_cells(&lab).await;
    let all = read(&lab, "select * from cells").await;
    assert_eq!(all, cells(10));
    assert_eq!(rows(&lab, "select id, list, deep.inner from cells where id = 3").await, ["3 [0, 1, 2] 30"]);
    let mean = rows(&lab, "select kind, count(*), avg(x) from cells group by kind order by kind").await;
    assert_eq!(mean, ["a 5 2.0", "b 5 2.5"]);
    let described = read(&lab, "describe cells").await;
    assert_eq!((names(&described)[0].as_str(), described.num_rows()), ("column_name", 8));
    // No type changes on the way, texts included.
    let text = read(&lab, "select upper(name) as u, cast(id as varchar) as c from cells limit 1").await;
    assert_eq!(text.schema().field(0).data_type(), &arrow_schema::DataType::Utf8);
    assert_eq!(text.schema().field(1).data_type(), &arrow_schema::DataType::Utf8);
}

#[tokio::test]
async fn rows_keep_the_order_in_which_they_are_stored() {
    let lab = directory();
    for start in 0..5 {
        lab.append_table("cells", &cells(20_000 + start)).await.unwrap();
    }
    let kept = read(&lab, "select id + 1 as next from cells where x >= 0").await;
    let ids = kept.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
    let expected = (0..5).flat_map(|start| 1..=20_000 + start);
    assert!(ids.values().iter().copied().eq(expected));
    assert_eq!(rows(&lab, "select id from cells limit 2 offset 20000").await, ["0", "1"]);
}

#[tokio::test]
async fn tables_join_group_and_stack() {
    let lab = directory();
    with_cells(&lab).await;
    let joined = rows(
        &lab,
        "with big as (select * from cells where id > 6) \
         select a.id, b.id from big a join cells b on b.id = a.id - 7 order by 1",
    )
    .await;
    assert_eq!(joined, ["7 0", "8 1", "9 2"]);
    assert_eq!(
        rows(&lab, "select count(*) from (select 1 from cells union all select 2 from cells)").await,
        ["20"]
    );
    assert_eq!(rows(&lab, "select sum(value) from generate_series(1, 4)").await, ["10"]);
    assert_eq!(rows(&lab, "select 1 + 1").await, ["2"]);
}

#[tokio::test]
async fn counting_reads_no_row() {
    let (lab, calls) = observed_directory();
    with_cells(&lab).await;
    calls.forget();
    assert_eq!(rows(&lab, "select count(*) from cells").await, ["10"]);
    assert!(calls.take(Operation::ScanTable).is_empty());
    assert_eq!(rows(&lab, "select count(*) from cells where on = true").await, ["5"]);
    assert_eq!(calls.take(Operation::ScanTable), ["lab/cells"]);
}

#[tokio::test]
async fn an_empty_table_has_no_rows_and_all_columns() {
    let lab = directory();
    lab.put_table("none", &cells(0)).await.unwrap();
    let none = read(&lab, "select * from none where id > 1 order by x").await;
    assert_eq!((none.num_rows(), names(&none)), (0, names(&cells(0))));
    assert_eq!(rows(&lab, "select count(*), max(id) from none").await, ["0 null"]);
}

#[tokio::test]
async fn an_answer_comes_in_batches_and_may_be_left() {
    let lab = directory();
    lab.put_table("cells", &cells(50_000)).await.unwrap();
    let mut answer = fascicle_sql::query(&lab, "select id, x from cells").await.unwrap();
    let first = answer.batches.try_next().await.unwrap().unwrap();
    assert!(first.num_rows() <= 8192, "{}", first.num_rows());
    assert_eq!(lines(&first.slice(0, 2)), ["0 0.0", "1 0.5"]);
    drop(answer);
    let never_asked = fascicle_sql::query(&lab, "select * from cells").await.unwrap();
    assert_eq!(never_asked.schema.fields().len(), 8);
}
