//! Writes whose answer is lost and whose objects others change before their writer can look.

use super::bench::{Bench, counting, path, same};
use fascicle_backend::{ArrayOptions, Backend, Error, ErrorKind, Values, WriteMode};

/// Appends 2 and 3 to an array of two rows, loses the answer, and lets others write the first new row so many times before it is
/// looked for. What the append came to, and the rows.
async fn append_while_others_write(times: i64) -> (Result<u64, Error>, Values) {
    let bench = Bench::new().await;
    bench.put("x", &[2], counting(0, 2)).await.unwrap();
    let barrier = bench.store.lose_answer("00001.parquet");
    let appender = bench.another().await;
    let append = tokio::spawn(async move { appender.append("x", 2, counting(2, 2)).await });
    barrier.wait().await;
    let other = bench.another().await;
    for time in 1..=times {
        other.write("x", "2:3", Values::Int64(vec![-time])).await.unwrap();
    }
    barrier.wait().await;
    (append.await.unwrap(), bench.all("x").await.unwrap().1)
}

#[tokio::test]
async fn an_append_whose_rows_others_wrote_over_happened_once() {
    for times in [1, 10] {
        let (appended, rows) = append_while_others_write(times).await;
        assert_eq!(appended.unwrap(), 4);
        same(&rows, &Values::Int64(vec![0, 1, -times, 3]));
    }
}

#[tokio::test]
async fn an_append_that_cannot_be_told_any_more_is_an_error_and_not_repeated() {
    let (appended, rows) = append_while_others_write(20).await;
    let error = appended.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(!error.is_retryable() && error.advice().is_some(), "{error}");
    same(&rows, &Values::Int64(vec![0, 1, -20, 3]));
}

#[tokio::test]
async fn a_new_array_whose_attributes_others_set_before_its_writer_can_look_stays() {
    for mode in [WriteMode::Create, WriteMode::Overwrite] {
        let bench = Bench::new().await;
        let barrier = bench.store.lose_answer("_array.parquet");
        let writer = bench.another().await;
        let put = tokio::spawn(async move {
            writer.put_with("x", &[2], counting(0, 2), &ArrayOptions::default(), mode).await
        });
        barrier.wait().await;
        let attributes = [("unit".to_owned(), "m".into())].into_iter().collect();
        bench.backend.write_attributes(&path("x"), &attributes).await.unwrap();
        barrier.wait().await;
        put.await.unwrap().unwrap();
        same(&bench.all("x").await.unwrap().1, &counting(0, 2));
        assert_eq!(bench.backend.read_attributes(&path("x")).await.unwrap(), attributes);
    }
}
