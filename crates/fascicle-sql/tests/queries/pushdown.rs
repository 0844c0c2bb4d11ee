//! Conditions and limits go down to the storage, and the answer does not depend on it.

use super::{directory, lines, read, rows};
use crate::tables::cells;
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, Float64Array, Int8Array, RecordBatch, StringArray, TimestampMillisecondArray};
use fascicle_core::Directory;
use std::sync::Arc;

async fn plan(lab: &Directory, sql: &str) -> String {
    let batch = read(lab, &format!("explain {sql}")).await;
    let plans = batch.column_by_name("plan").unwrap();
    plans.as_string::<i32>().iter().flatten().last().unwrap().to_owned()
}

#[tokio::test]
async fn the_storage_is_told_what_it_can_skip() {
    let lab = directory();
    lab.put_table("cells", &cells(10)).await.unwrap();
    for (sql, told) in [
        ("select id from cells", "cells, columns=[id]"),
        ("select name from cells where id > 3", "columns=[name], predicate=id > Int(3)"),
        ("select id from cells where day < '1970-01-05'", r#"predicate=day < Text("1970-01-05")"#),
        ("select id from cells where kind = 'a'", r#"predicate=kind = Text("a")"#),
        ("select id from cells where on", "predicate=on = Bool(true)"),
        ("select id from cells where name is null and id in (1, 2)", "name is null"),
        ("select id from cells where id > 3 limit 2", "predicate=id > Int(3), limit=2"),
        ("select id from cells limit 4", "columns=[id], limit=4"),
    ] {
        let plan = plan(&lab, sql).await;
        assert!(plan.contains(told), "{sql}:\n{plan}");
        assert!(!plan.contains("FilterExec"), "{sql}:\n{plan}");
    }
    for sql in ["select id from cells where x > 1", "select id from cells where name like 'c%1'"] {
        let plan = plan(&lab, sql).await;
        assert!(plan.contains("FilterExec") && !plan.contains("predicate=x"), "{sql}:\n{plan}");
    }
}

#[tokio::test]
async fn an_answer_does_not_depend_on_who_selects() {
    let lab = directory();
    let mut random = fastrand::Rng::with_seed(7);
    let count = 200;
    let mut null = |value: i64| (!random.u8(..).is_multiple_of(5)).then_some(value);
    let numbers: Int8Array = (0..count).map(|i| null(i % 7 - 3).map(|n| n as i8)).collect();
    let texts: StringArray = (0..count).map(|i| null(i % 5).map(|n| format!("t{n}"))).collect();
    let times: TimestampMillisecondArray = (0..count).map(|i| null(i % 6 * 1500)).collect();
    let floats: Float64Array = (0..count)
        .map(|i| {
            null(i % 8).map(|n| [f64::NAN, -f64::NAN, 0.0, -0.0, 1.0, -1.0, f64::INFINITY, 2.0][n as usize])
        })
        .collect();
    let columns: [(&str, ArrayRef); 4] =
        [("n", Arc::new(numbers)), ("s", Arc::new(texts)), ("t", Arc::new(times)), ("f", Arc::new(floats))];
    lab.put_table("odd", &RecordBatch::try_from_iter(columns).unwrap()).await.unwrap();
    // The same rows where the engine has to select by itself.
    let hidden = "(select case when n is null then n else n end as n, case when s is null then s else s end as s, \
                  case when t is null then t else t end as t, case when f is null then f else f end as f from odd)";
    let atoms = [
        "n > 0",
        "n <= -1",
        "n = 2",
        "n <> 2",
        "n is null",
        "n is not null",
        "n between -1 and 1",
        "n not in (0, 1)",
        "s = 't1'",
        "s < 't3'",
        "s in ('t0', 't4')",
        "s is null",
        "t >= '1970-01-01T00:00:03'",
        "t < '1970-01-01T00:00:04.500'",
        "f > 0",
        "f = 0",
        "f < 1",
        "f is null",
        "1 >= n",
    ];
    for round in 0..60 {
        let mut condition = random.choice(atoms).unwrap().to_owned();
        for _ in 0..random.usize(0..3) {
            let (atom, word) = (random.choice(atoms).unwrap(), random.choice(["and", "or"]).unwrap());
            condition = match random.bool() {
                true => format!("({condition}) {word} {atom}"),
                false => format!("not ({condition}) {word} not ({atom})"),
            };
        }
        let pushed = lines(&read(&lab, &format!("select n, s, t, f from odd where {condition}")).await);
        let kept = lines(&read(&lab, &format!("select n, s, t, f from {hidden} where {condition}")).await);
        assert_eq!(pushed, kept, "round {round} of seed 7: {condition}");
    }
    let counts = rows(&lab, "select count(*) from odd where n = 99 or f = 'NaN'").await;
    let all_nan = rows(&lab, &format!("select count(*) from {hidden} where n = 99 or f = 'NaN'")).await;
    assert_eq!(counts, all_nan);
}
