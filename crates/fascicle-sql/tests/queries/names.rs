//! What names stand for, and what is said of those that stand for nothing.

use super::{directory, observed_directory, refused, rows};
use crate::tables::cells;
use fascicle_backend::wrap::Operation;
use fascicle_core::{Directory, ErrorKind};

async fn nested() -> Directory {
    let lab = directory();
    lab.put_table("cells", &cells(1)).await.unwrap();
    lab.put_table("Cells", &cells(2)).await.unwrap();
    lab.put_table("measurements 1", &cells(3)).await.unwrap();
    lab.put_table("a/cells", &cells(4)).await.unwrap();
    lab.put_table("a/b/cells", &cells(5)).await.unwrap();
    lab.put_table("a/b/c-d/cells", &cells(6)).await.unwrap();
    lab.put("a/b/x", [1i64, 2, 3, 4, 5, 6, 7]).await.unwrap();
    lab.put_file("notes.txt", "hello").await.unwrap();
    lab
}

#[tokio::test]
async fn nested_directories_are_schemas() {
    let lab = nested().await;
    for (table, count) in [
        ("cells", 1),
        ("Cells", 2),
        (r#""measurements 1""#, 3),
        ("`measurements 1`", 3),
        ("a.cells", 4),
        (r#""a/cells""#, 4),
        ("a.b.cells", 5),
        (r#""a/b".cells"#, 5),
        (r#""a/b/c-d".cells"#, 6),
        (r#"a."b/c-d".cells"#, 6),
        (r#""a/b/c-d/cells""#, 6),
        ("a.b.x", 7),
        ("a.b.arrays", 7),
        (r#""a/b/arrays""#, 7),
    ] {
        let found = rows(&lab, &format!("select count(*) from {table}")).await;
        assert_eq!(found, [count.to_string()], "{table}");
    }
    assert_eq!(rows(&lab, "select c.id, d.id from cells c, a.cells d where d.id = 3").await, ["0 3"]);
    let from_the_root = lab.root().as_dir();
    assert_eq!(rows(&from_the_root, "select count(*) from lab.a.cells").await, ["4"]);
    assert_eq!(rows(&from_the_root, "select count(*) from lab.cells").await, ["1"]);
}

#[tokio::test]
async fn what_is_stored_wins_over_names_of_ours() {
    let lab = nested().await;
    lab.put_table("configs", &cells(8)).await.unwrap();
    lab.put("arrays", [1i64, 2]).await.unwrap();
    assert_eq!(rows(&lab, "select count(*) from configs").await, ["8"]);
    assert_eq!(rows(&lab, "select path from _configs order by 1 limit 1").await, ["a"]);
    assert_eq!(rows(&lab, "select sum(arrays) from _arrays").await, ["3"]);
    assert_eq!(rows(&lab, "select sum(arrays) from arrays").await, ["3"]);
}

#[tokio::test]
async fn a_missing_table_is_answered_with_what_there_is() {
    let lab = nested().await;
    for (sql, kind, said) in [
        ("select * from cell", ErrorKind::NotFound, "did you mean 'cells'?"),
        ("select * from a.cell", ErrorKind::NotFound, "'a/cell' (did you mean 'cells'? 'lab/a' has cells"),
        ("select * from a.b.y", ErrorKind::NotFound, "'lab/a/b' has cells, x, arrays, configs, c-d.…"),
        ("select * from c.cells", ErrorKind::NotFound, "the directory 'lab/c' does not exist"),
        ("select * from a", ErrorKind::WrongKind, "'a' is a directory and no table"),
        (r#"select * from "notes.txt""#, ErrorKind::WrongKind, "is a file and no table"),
        (r#"select * from "../lab/cells""#, ErrorKind::InvalidPath, ""),
        (r#"select * from "/etc/passwd""#, ErrorKind::InvalidPath, ""),
        ("select * from 'http://localhost/x.parquet'", ErrorKind::InvalidPath, ""),
        (
            "select nome from cells",
            ErrorKind::InvalidInput,
            "there is no column 'nome' (did you mean 'name'? the columns are id, x",
        ),
        ("select ID from cells", ErrorKind::InvalidInput, "did you mean 'id'?"),
        ("select cells.id from cells, a.cells", ErrorKind::InvalidInput, "two tables are called 'cells'"),
        (
            "select 1 from cells join a.cells on true",
            ErrorKind::InvalidInput,
            "two tables are called 'cells'",
        ),
        ("select frobnicate(id) from cells", ErrorKind::InvalidInput, "frobnicate"),
        ("select * from frobnicate(1)", ErrorKind::InvalidInput, "frobnicate"),
        ("select id / 0 from cells", ErrorKind::InvalidInput, "ivide by zero"),
        ("select cast(kind as int) from cells", ErrorKind::InvalidInput, "'a'"),
        ("select id from cells, Cells", ErrorKind::InvalidInput, "more than one table has a column 'id'"),
    ] {
        let error = refused(&lab, sql).await;
        assert_eq!(error.kind(), kind, "{sql}: {error:?}");
        assert!(format!("{error:?}").contains(said), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn nothing_is_looked_at_that_a_query_does_not_name() {
    let (lab, calls) = observed_directory();
    for name in ["one", "two", "in/three"] {
        lab.put_table(name, &cells(3)).await.unwrap();
        lab.put(&format!("{name}_array"), [1i64, 2]).await.unwrap();
    }
    calls.forget();
    let answer = fascicle_sql::query(&lab, "select id from one").await.unwrap();
    assert_eq!(calls.take(Operation::DescribeTable), ["lab/one"]);
    for quiet in [
        Operation::ScanTable,
        Operation::List,
        Operation::DescribeArray,
        Operation::ReadArray,
        Operation::ReadMeta,
    ] {
        assert!(calls.take(quiet).is_empty(), "{quiet:?}");
    }
    answer.read().await.unwrap();
    assert_eq!(calls.take(Operation::ScanTable), ["lab/one"]);
}
