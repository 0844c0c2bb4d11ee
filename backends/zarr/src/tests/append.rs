//! Growing arrays and writing over their elements, with others at work, dying, and coming back.

use super::store::{Bench, TestStore, Trick, numbers};
use crate::{config::ZarrOptions, create::Existing};
use fascicle_backend::{ArrayOptions, Codec, DType, Error, ErrorKind, Region, Selection, Shape, Values};
use std::{sync::Arc, time::Duration};
use tokio::sync::Barrier;

fn hasty() -> ZarrOptions {
    ZarrOptions::default().with_writer_patience(Duration::from_millis(50))
}

async fn begin(bench: &Bench, shape: &[u64], options: &ArrayOptions) {
    bench.begin(shape, DType::Int64, options, Existing::Replace).unwrap().finish().await.unwrap();
}

#[tokio::test]
async fn an_append_costs_four_requests_and_two_more_often_than_not() {
    let bench = Bench::new().await;
    begin(&bench, &[0], &ArrayOptions::default().with_chunks([4])).await;
    let log = async |rows: std::ops::Range<i64>, bench: &Bench| {
        bench.store.take_log();
        bench.array().append((rows.end - rows.start) as u64, numbers(rows)).await.unwrap();
        bench.store.take_log()
    };
    // The first row of a chunk; then the handle knows where things are.
    let (json, chunk) = ("GET d/x.zarr/zarr.json", "GET d/x.zarr/c/0");
    let (put_json, put_chunk) = ("PUT d/x.zarr/zarr.json", "PUT d/x.zarr/c/0");
    assert_eq!(log(0..1, &bench).await, [json, put_chunk, put_json]);
    assert_eq!(log(1..2, &bench).await, [put_chunk, put_json]);
    // Another handle has to look first.
    let other = bench.another(hasty());
    assert_eq!(log(2..3, &other).await, [json, chunk, put_chunk, put_json]);
    assert_eq!(log(3..4, &other).await, [put_chunk, put_json]);
    assert_eq!(log(4..5, &other).await, [put_json.replace("zarr.json", "c/1"), put_json.to_owned()]);
    // A handle whose memory is out of date writes in vain once, and looks.
    let stale = log(5..6, &bench).await;
    assert_eq!(stale.last().map(String::as_str), Some(put_json));
    assert_eq!(bench.read_i64("...").await, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn rows_of_any_number_arrive_in_chunks_and_shards() {
    for (codec, by_content) in
        [(Codec::Zstd { level: 1 }, true), (Codec::Uncompressed, false), (Codec::Gzip { level: 1 }, true)]
    {
        for max_objects in [u64::MAX, 1] {
            let store = Arc::new(TestStore { by_content, ..TestStore::default() });
            let bench = Bench::on(store, hasty().with_max_objects(max_objects)).await;
            let options = ArrayOptions::default()
                .with_chunks([3, 2])
                .with_codec(codec)
                .with_fill(Values::Int64(vec![-1]));
            begin(&bench, &[4, 5], &options).await;
            let mut expected = vec![-1i64; 20];
            let mut next = 0;
            for rows in [1u64, 2, 3, 7, 0, 12, 1] {
                let count = rows as i64 * 5;
                // Rows that look like what is not written yet.
                let values: Vec<i64> = if rows == 2 { vec![-1; 10] } else { (next..next + count).collect() };
                next += count;
                expected.extend(&values);
                let length = bench.array().append(rows, Values::Int64(values)).await.unwrap();
                assert_eq!(length as usize, expected.len() / 5);
                assert_eq!(bench.read_i64("...").await, expected, "{codec:?} {max_objects} {rows}");
            }
        }
    }
}

#[tokio::test]
async fn rows_that_do_not_fit_change_nothing() {
    let bench = Bench::new().await;
    bench.put(&[2, 2], numbers(0..4), &ArrayOptions::default()).await.unwrap();
    let array = bench.array();
    for (rows, values) in
        [(1, numbers(0..3)), (2, numbers(0..2)), (1, Values::Int32(vec![1, 2])), (u64::MAX, numbers(0..0))]
    {
        let error = array.append(rows, values).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    }
    assert_eq!(bench.read_i64("...").await, [0, 1, 2, 3]);
    let bench = Bench::new().await;
    bench.put(&[], numbers(3..4), &ArrayOptions::default()).await.unwrap();
    assert_eq!(bench.array().append(1, numbers(0..1)).await.unwrap_err().kind(), ErrorKind::Mismatch);
}

/// Checks that blocks of rows, each a run of consecutive numbers from a multiple of 1000, are all there, each whole and once.
fn check_blocks(values: &[i64], columns: usize, blocks: &[(i64, usize)]) {
    let mut left: std::collections::BTreeMap<i64, usize> = blocks.iter().copied().collect();
    let mut at = 0;
    while at < values.len() {
        let rows = left.remove(&values[at]).unwrap_or_else(|| panic!("at {at}: {:?}", &values[at..]));
        let block: Vec<i64> = (values[at]..).take(rows * columns).collect();
        assert_eq!(values[at..at + rows * columns], block);
        at += rows * columns;
    }
    assert!(left.is_empty(), "missing: {left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_of_many_writers_all_arrive_whole_and_once() {
    for by_content in [false, true] {
        for max_objects in [u64::MAX, 1] {
            let store = Arc::new(TestStore { by_content, ..TestStore::default() });
            let bench = Bench::on(store, hasty().with_max_objects(max_objects)).await;
            begin(&bench, &[0, 3], &ArrayOptions::default().with_chunks([4, 2])).await;
            let mut blocks = Vec::new();
            let mut tasks = Vec::new();
            for writer in 0..5i64 {
                let rows: Vec<usize> = (0..6).map(|number| 1 + (number * 3 + writer as usize) % 7).collect();
                blocks.extend(
                    rows.iter()
                        .enumerate()
                        .map(|(number, rows)| (writer * 100_000 + number as i64 * 1000, *rows)),
                );
                let other = bench.another(hasty().with_max_objects(max_objects));
                tasks.push(tokio::spawn(async move {
                    for (number, rows) in rows.into_iter().enumerate() {
                        let first = writer * 100_000 + number as i64 * 1000;
                        other
                            .array()
                            .append(rows as u64, numbers(first..first + rows as i64 * 3))
                            .await
                            .unwrap();
                    }
                }));
            }
            let reader = tokio::spawn({
                let other = bench.another(hasty());
                async move {
                    let mut before: Vec<i64> = Vec::new();
                    for _ in 0..100 {
                        let now = other.read_i64("...").await;
                        assert!(now.starts_with(&before), "{now:?} after {before:?}");
                        before = now;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
            });
            for task in tasks {
                task.await.unwrap();
            }
            reader.await.unwrap();
            check_blocks(&bench.read_i64("...").await, 3, &blocks);
        }
    }
}

#[tokio::test]
async fn writers_that_die_anywhere_leave_an_array_that_grows_on() {
    for end in ["c/0/0", "c/0/1", "c/1/0", "c/1/1", "zarr.json"] {
        let bench = Bench::with(hasty()).await;
        let options = ArrayOptions::default().with_chunks([4, 2]);
        bench.put(&[2, 3], numbers(0..6), &options).await.unwrap();
        bench.store.tricks.lock().unwrap().push(Trick::Die(end));
        let error = bench.array().append(4, numbers(100..112)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{end}");
        assert_eq!(bench.read_i64("...").await, [0, 1, 2, 3, 4, 5], "{end}");
        let other = bench.another(hasty());
        other.array().append(1, numbers(6..9)).await.unwrap();
        other.array().append(3, numbers(9..18)).await.unwrap();
        other.array().append(4, numbers(18..30)).await.unwrap();
        assert_eq!(bench.read_i64("...").await, (0..30).collect::<Vec<_>>(), "{end}");
    }
}

#[tokio::test]
async fn lost_answers_add_no_row_twice() {
    for end in ["c/0", "c/1", "zarr.json"] {
        let bench = Bench::with(hasty()).await;
        bench.put(&[2], numbers(0..2), &ArrayOptions::default().with_chunks([4])).await.unwrap();
        bench.store.tricks.lock().unwrap().push(Trick::LoseAnswer(end));
        assert_eq!(bench.array().append(4, numbers(2..6)).await.unwrap(), 6);
        assert!(bench.store.tricks.lock().unwrap().is_empty());
        assert_eq!(bench.read_i64("...").await, [0, 1, 2, 3, 4, 5], "{end}");
    }
}

/// Appends 4 and 5 to an array of four rows, loses the answer to the commit, and lets others append that many rows before it is
/// looked for. What the append came to, and the rows.
async fn append_while(others: i64, happens: bool) -> (Result<u64, Error>, Vec<i64>) {
    let bench = Bench::with(hasty()).await;
    bench.put(&[4], numbers(0..4), &ArrayOptions::default().with_chunks([4])).await.unwrap();
    let barrier = Arc::new(Barrier::new(2));
    let trick = Trick::FailLate { end: "zarr.json", happens, barrier: barrier.clone() };
    bench.store.tricks.lock().unwrap().push(trick);
    let appender = bench.another(hasty());
    let append = tokio::spawn(async move { appender.array().append(2, numbers(4..6)).await });
    barrier.wait().await;
    let other = bench.another(hasty());
    for row in 100..100 + others {
        other.array().append(1, numbers(row..row + 1)).await.unwrap();
    }
    barrier.wait().await;
    (append.await.unwrap(), bench.read_i64("...").await)
}

#[tokio::test]
async fn an_append_is_known_again_as_long_as_its_commit_may_be_remembered() {
    let (appended, rows) = append_while(15, true).await;
    assert_eq!(appended.unwrap(), 6);
    assert_eq!(rows, (0..6).chain(100..115).collect::<Vec<_>>());
    // It did not happen, and the commits since show it.
    let (appended, rows) = append_while(3, false).await;
    assert_eq!(appended.unwrap(), 9);
    assert_eq!(rows, (0..4).chain(100..103).chain(4..6).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_append_that_is_not_remembered_any_more_is_an_error_and_not_repeated() {
    for happens in [true, false] {
        let (appended, rows) = append_while(20, happens).await;
        let error = appended.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(!error.is_retryable() && error.advice().is_some(), "{error}");
        let own = if happens { 4..6 } else { 0..0 };
        assert_eq!(rows, (0..4).chain(own).chain(100..120).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn arrays_that_others_changed_are_looked_at_anew() {
    // As zarr-python appends: rows beyond the shape first, then zarr.json without regard to our member.
    let bench = Bench::with(hasty()).await;
    bench
        .put(&[2], numbers(0..2), &ArrayOptions::default().with_chunks([4]).with_codec(Codec::Uncompressed))
        .await
        .unwrap();
    let mut chunk: Vec<u8> = [0i64, 1, 2, 77].iter().flat_map(|value| value.to_le_bytes()).collect();
    chunk.extend_from_slice(&crc32c::crc32c(&chunk).to_le_bytes());
    bench.put_raw("c/0", chunk).await;
    let mut json: serde_json::Value =
        serde_json::from_slice(&bench.get_raw("zarr.json").await.unwrap()).unwrap();
    json["shape"] = serde_json::json!([3]);
    json["attributes"] = serde_json::json!({"kept": [1, null]});
    bench.put_raw("zarr.json", json.to_string().into_bytes()).await;
    assert_eq!(bench.array().append(1, numbers(3..4)).await.unwrap(), 4);
    assert_eq!(bench.read_i64("...").await, [0, 1, 2, 3]);
    assert_eq!(bench.array().attributes().await.unwrap()["kept"], serde_json::json!([1, null]));
    // And without our member at all.
    json["shape"] = serde_json::json!([3]);
    json.as_object_mut().unwrap().remove("fascicle");
    bench.put_raw("zarr.json", json.to_string().into_bytes()).await;
    assert_eq!(bench.another(hasty()).array().append(2, numbers(3..5)).await.unwrap(), 5);
    assert_eq!(bench.read_i64("...").await, [0, 1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn neighbours_that_write_into_one_chunk_lose_nothing() {
    for max_objects in [u64::MAX, 1] {
        let bench = Bench::with(hasty().with_max_objects(max_objects)).await;
        begin(&bench, &[16, 16], &ArrayOptions::default().with_chunks([8, 8])).await;
        let tasks: Vec<_> = (0..16)
            .map(|row: u64| {
                let other = bench.another(hasty());
                tokio::spawn(async move {
                    let region =
                        Selection::rows(row..row + 1).resolve(&Shape::new([16, 16]).unwrap()).unwrap();
                    other
                        .array()
                        .write(&region, numbers(row as i64 * 16..row as i64 * 16 + 16))
                        .await
                        .unwrap();
                })
            })
            .collect();
        let appender = {
            let other = bench.another(hasty());
            tokio::spawn(async move {
                for row in 16..20i64 {
                    other.array().append(1, numbers(row * 16..row * 16 + 16)).await.unwrap();
                }
            })
        };
        for task in tasks {
            task.await.unwrap();
        }
        appender.await.unwrap();
        assert_eq!(bench.read_i64("...").await, (0..320).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn regions_are_written_with_steps_and_do_not_disturb_appends() {
    let bench = Bench::new().await;
    bench.put(&[5, 4], numbers(0..20), &ArrayOptions::default().with_chunks([3, 4])).await.unwrap();
    let region: Selection = "1::2,::3".parse().unwrap();
    let region = region.resolve(&Shape::new([5, 4]).unwrap()).unwrap();
    bench.array().write(&region, Values::Int64(vec![-1, -2, -3, -4])).await.unwrap();
    let mut expected: Vec<i64> = (0..20).collect();
    (expected[4], expected[7], expected[12], expected[15]) = (-1, -2, -3, -4);
    assert_eq!(bench.read_i64("...").await, expected);
    let started = std::time::Instant::now();
    bench.array().append(1, numbers(20..24)).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "the append waited for nobody");
    expected.extend(20..24);
    assert_eq!(bench.read_i64("...").await, expected);
    let outside = Region::whole(&Shape::new([7, 4]).unwrap());
    assert_eq!(bench.array().write(&outside, numbers(0..28)).await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn attributes_are_replaced_and_everything_else_is_kept() {
    let bench = Bench::new().await;
    let options =
        ArrayOptions::default().with_attribute("a", 1).with_attribute("_ARRAY_DIMENSIONS", vec!["time"]);
    bench.put(&[2], numbers(0..2), &options).await.unwrap();
    let attributes = serde_json::json!({"b": {"c": [1.5, "ü"]}}).as_object().unwrap().clone();
    bench.array().set_attributes(&attributes).await.unwrap();
    assert_eq!(bench.array().attributes().await.unwrap(), attributes);
    bench.array().append(1, numbers(2..3)).await.unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bench.get_raw("zarr.json").await.unwrap()).unwrap();
    assert_eq!(json["dimension_names"], serde_json::json!(["time"]));
    assert_eq!(bench.array().attributes().await.unwrap(), attributes);
    assert_eq!(bench.read_i64("...").await, [0, 1, 2]);
}
