//! Memory, deep queries, and storage that panics or fails.

use super::{directory, observed_directory, read, refused, rows};
use crate::tables::cells;
use fascicle_backend::wrap::Operation;
use fascicle_core::ErrorKind;
use fascicle_sql::{QueryOptions, query_with};

#[tokio::test]
async fn memory_is_bounded_with_and_without_temporary_files() {
    let lab = directory();
    lab.put("x", (0..1_200_000u64).map(|x| x.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect::<Vec<_>>())
        .await
        .unwrap();
    let sql = "select x from arrays order by x";
    let small = QueryOptions::default().with_memory_bytes(8 << 20);
    let sorted = query_with(&lab, sql, &small).await.unwrap().read().await.unwrap();
    let sorted =
        arrow_array::cast::AsArray::as_primitive::<arrow_array::types::UInt64Type>(sorted.column(0)).clone();
    assert_eq!(sorted.len(), 1_200_000);
    assert!(sorted.values().is_sorted());
    let none = small.with_spill_bytes(0);
    let error = match query_with(&lab, sql, &none).await {
        Ok(answer) => answer.read().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
}

#[tokio::test]
async fn the_deepest_query_that_is_taken_is_answered() {
    let lab = directory();
    lab.put_table("cells", &cells(3)).await.unwrap();
    let chain = vec!["x = 7"; 490].join(" or ");
    assert_eq!(rows(&lab, &format!("select count(*) from cells where {chain}")).await, ["0"]);
    let sum = vec!["x"; 990].join(" + ");
    assert_eq!(rows(&lab, &format!("select {sum} from cells where id = 2")).await, ["990.0"]);
}

#[tokio::test]
async fn storage_that_panics_is_an_error() {
    let (lab, calls) = observed_directory();
    lab.put_table("cells", &cells(3)).await.unwrap();
    for operation in [Operation::DescribeTable, Operation::ScanTable] {
        *calls.panics_on.lock().unwrap() = Some(operation);
        let error = refused(&lab, "select * from cells order by x").await;
        assert_eq!(error.kind(), ErrorKind::Internal, "{error:?}");
        assert!(error.message().contains("planned"), "{error:?}");
    }
    *calls.panics_on.lock().unwrap() = None;
    assert_eq!(read(&lab, "select * from cells").await.num_rows(), 3);
}

#[tokio::test]
async fn what_reading_fails_with_comes_out_as_it_is() {
    let lab = directory();
    lab.put_table("cells", &cells(3)).await.unwrap();
    for sql in ["select * from cells", "select a.id from cells a join cells b on a.id = b.id order by 1"] {
        let answer = fascicle_sql::query(&lab, sql).await.unwrap();
        lab.remove("cells").await.unwrap();
        let error = answer.read().await.unwrap_err();
        assert_eq!((error.kind(), error.path()), (ErrorKind::NotFound, Some("lab/cells")), "{error:?}");
        lab.put_table("cells", &cells(3)).await.unwrap();
    }
    let answer = fascicle_sql::query(&lab, "select id from cells").await.unwrap();
    lab.put_table(
        "cells",
        &arrow_array::RecordBatch::try_from_iter([(
            "id",
            std::sync::Arc::new(arrow_array::StringArray::from(vec!["a"])) as arrow_array::ArrayRef,
        )])
        .unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(answer.read().await.unwrap_err().kind(), ErrorKind::Conflict);
}
