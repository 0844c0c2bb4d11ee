//! New arrays, and arrays in place of others.

use super::store::{Bench, Trick, numbers};
use crate::{config::ZarrOptions, create::Existing};
use fascicle_backend::{ArrayOptions, Codec, DType, ErrorKind, Region, Selection, Shape, TimeUnit, Values};
use std::sync::Arc;
use tokio::sync::Barrier;

fn plain() -> ArrayOptions {
    ArrayOptions::default()
}

#[tokio::test]
async fn every_dtype_and_codec_round_trips() {
    let others =
        [DType::FixedBytes(3), DType::DateTime64(TimeUnit::Nanosecond), DType::TimeDelta64(TimeUnit::Day)];
    let bench = Bench::new().await;
    for dtype in DType::PLAIN.into_iter().chain(others) {
        for codec in [Codec::Uncompressed, Codec::Gzip { level: 1 }, Codec::Zstd { level: 3 }] {
            for (shape, chunks) in [(vec![], None), (vec![7, 5], None), (vec![7, 5], Some(vec![3u64, 2]))] {
                let count: u64 = shape.iter().product();
                let bytes = dtype.fixed_bytes().unwrap() * count as usize;
                let mut random = fastrand::Rng::with_seed(bytes as u64);
                let bytes: Vec<u8> = (0..bytes)
                    .map(|_| if dtype == DType::Bool { random.u8(..2) } else { random.u8(..) })
                    .collect();
                let values = Values::from_bytes(dtype, &bytes).unwrap();
                let options = ArrayOptions { chunks, codec: Some(codec), ..ArrayOptions::default() };
                bench.put(&shape, values.clone(), &options).await.unwrap();
                assert!(bench.read("...").await.unwrap().same_bits(&values), "{dtype} {codec:?} {shape:?}");
            }
        }
    }
    let texts = Values::Text(vec!["".into(), "ü".into(), "日本".repeat(50)]);
    bench.put(&[3], texts.clone(), &plain().with_chunks([2])).await.unwrap();
    assert!(bench.read("...").await.unwrap().same_bits(&texts));
}

#[tokio::test]
async fn a_new_array_that_others_change_before_its_writer_can_look_stays() {
    for existing in [Existing::Refuse, Existing::Replace] {
        let bench = Bench::new().await;
        let barrier = Arc::new(Barrier::new(2));
        let trick = Trick::FailLate { end: "zarr.json", happens: true, barrier: barrier.clone() };
        bench.store.tricks.lock().unwrap().push(trick);
        let mut new = bench.begin(&[2], DType::Int64, &plain(), existing).unwrap();
        new.write(&Region::whole(&Shape::new([2]).unwrap()), numbers(0..2)).await.unwrap();
        let finish = tokio::spawn(new.finish());
        barrier.wait().await;
        bench.another(ZarrOptions::default()).array().append(1, numbers(2..3)).await.unwrap();
        barrier.wait().await;
        finish.await.unwrap().unwrap();
        assert_eq!(bench.read_i64("...").await, [0, 1, 2]);
        assert!(bench.claimed().await.is_empty());
    }
}

#[tokio::test]
async fn a_new_array_appears_at_its_end_and_costs_six_requests() {
    let bench = Bench::new().await;
    let mut new = bench.begin(&[4], DType::Int64, &plain(), Existing::Refuse).unwrap();
    new.write(&Region::whole(&Shape::new([4]).unwrap()), numbers(0..4)).await.unwrap();
    assert_eq!(bench.store.take_log(), Vec::<String>::new());
    assert_eq!(bench.read("...").await.unwrap_err().kind(), ErrorKind::NotFound);
    bench.store.take_log();
    new.finish().await.unwrap();
    assert_eq!(
        bench.store.take_log(),
        [
            "PUT d/_writing/x.zarr.slashes.json",
            "LIST",
            "PUT d/x.zarr/c/0",
            "PUT d/x.zarr/zarr.json",
            "HEAD d/_writing/x.zarr.slashes.json",
            "DELETE"
        ]
    );
    assert_eq!(bench.read_i64("...").await, [0, 1, 2, 3]);
    assert_eq!((bench.keys().await, bench.claimed().await), (vec!["c/0".into(), "zarr.json".into()], vec![]));
}

#[tokio::test]
async fn replacing_leaves_nothing_behind_and_never_shows_a_mixture() {
    let bench = Arc::new(Bench::new().await);
    let put = |value: i64, length: usize| {
        let bench = bench.clone();
        async move {
            let options = plain().with_chunks([3]);
            bench.put(&[length as u64], Values::Int64(vec![value; length]), &options).await.unwrap();
        }
    };
    put(0, 10).await;
    let reader = {
        let bench = bench.clone();
        tokio::spawn(async move {
            let mut seen = std::collections::BTreeSet::new();
            for _ in 0..400 {
                match bench.read("...").await {
                    Ok(Values::Int64(values)) => {
                        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
                        seen.insert(values[0]);
                    }
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
                }
            }
            seen
        })
    };
    for value in 1..100 {
        put(value, if value % 3 == 0 { 7 } else { 10 }).await;
        tokio::task::yield_now().await;
    }
    assert!(reader.await.unwrap().len() > 3);
    let keys = bench.keys().await;
    assert_eq!((keys.len(), bench.claimed().await), (if 99 % 3 == 0 { 4 } else { 5 }, vec![]), "{keys:?}");
}

#[tokio::test]
async fn of_racing_creators_one_wins_and_nothing_is_left_of_the_others() {
    let bench = Bench::new().await;
    for round in 0..20 {
        bench.array().objects.delete_all(|_| true).await.unwrap();
        let tasks: Vec<_> = (0..6)
            .map(|writer: i64| {
                let other = bench.another(ZarrOptions::default());
                tokio::spawn(async move {
                    let mut new = other
                        .begin(&[10], DType::Int64, &plain().with_chunks([3]), Existing::Refuse)
                        .unwrap();
                    new.write(&Region::whole(&Shape::new([10]).unwrap()), Values::Int64(vec![writer; 10]))
                        .await
                        .unwrap();
                    new.finish().await.map(|()| writer)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(winner) => winners.push(winner),
                Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(bench.read_i64("...").await, vec![winners[0]; 10]);
        assert_eq!((bench.keys().await.len(), bench.claimed().await), (5, vec![]));
    }
}

#[tokio::test]
async fn large_arrays_are_written_in_any_order_and_partly() {
    let mut random = fastrand::Rng::with_seed(7);
    for max_objects in [u64::MAX, 20] {
        // Little memory, so that unfinished chunks are put away and taken out again.
        let options = ZarrOptions::default().with_max_bytes_in_flight(4 << 20).with_max_objects(max_objects);
        let bench = Bench::with(options).await;
        let shape = Shape::new([400, 4000]).unwrap();
        let fill = Values::Int64(vec![-1]);
        let array_options = plain().with_chunks([37, 1000]).with_fill(fill);
        let mut new = bench.begin(&shape, DType::Int64, &array_options, Existing::Refuse).unwrap();
        let mut expected = vec![-1i64; 400 * 4000];
        let mut write = async |selection: String| {
            let region = selection.parse::<Selection>().unwrap().resolve(&shape).unwrap();
            let count = region.element_count().unwrap() as i64;
            let first = random.i64(0..1000);
            let (rows, columns) = (region.axes()[0], region.axes()[1]);
            let mut next = first;
            for row in 0..rows.count {
                for column in 0..columns.count {
                    let at = (rows.start + row * rows.step) * 4000 + columns.start + column * columns.step;
                    expected[at as usize] = next;
                    next += 1;
                }
            }
            new.write(&region, numbers(first..first + count)).await.unwrap();
        };
        for selection in ["0:50", "350:400", ":,100:1300", "50:200,::3", "10:20,500:600", "399,:", "200:240"]
        {
            write(selection.to_owned()).await;
        }
        new.finish().await.unwrap();
        let read = bench.read_i64("...").await;
        let wrong = (0..expected.len()).find(|at| read[*at] != expected[*at]);
        assert_eq!(wrong.map(|at| (at / 4000, at % 4000, read[at], expected[at])), None);
        let column: Vec<i64> = (0..400).map(|row| expected[row * 4000 + 777]).collect();
        assert_eq!(bench.read_i64(":,777").await, column);
        assert_eq!(bench.claimed().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_dropped_or_refused_array_leaves_everything_as_it_was() {
    let bench = Bench::new().await;
    bench.put(&[4], numbers(0..4), &plain()).await.unwrap();
    let before = bench.keys().await;
    let shape = Shape::new([1000, 2000]).unwrap();
    let mut large = bench.begin(&shape, DType::Int64, &plain(), Existing::Replace).unwrap();
    large.write(&Region::rows(&shape, 0, 600), numbers(0..600 * 2000)).await.unwrap();
    assert_ne!(bench.claimed().await, Vec::<String>::new());
    drop(large);
    for _ in 0..1000 {
        if bench.claimed().await.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!((bench.keys().await, bench.claimed().await), (before.clone(), vec![]));
    let mut refused = bench.begin(&[4], DType::Int64, &plain(), Existing::Refuse).unwrap();
    refused.write(&Region::whole(&Shape::new([4]).unwrap()), numbers(5..9)).await.unwrap();
    assert_eq!(refused.finish().await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!((bench.keys().await, bench.claimed().await), (before, vec![]));
    assert_eq!(bench.read_i64("...").await, [0, 1, 2, 3]);
}

#[tokio::test]
async fn lost_answers_and_spurious_refusals_are_seen_through() {
    for end in ["x.zarr/zarr.json", "x.zarr/c/0", "slashes.json"] {
        for lose in [true, false] {
            let bench = Bench::new().await;
            let trick = if lose { Trick::LoseAnswer(end) } else { Trick::RefuseOnce(end) };
            bench.store.tricks.lock().unwrap().push(trick);
            let mut new = bench.begin(&[4], DType::Int64, &plain(), Existing::Refuse).unwrap();
            new.write(&Region::whole(&Shape::new([4]).unwrap()), numbers(0..4)).await.unwrap();
            new.finish().await.unwrap();
            assert!(bench.store.tricks.lock().unwrap().is_empty(), "{end} was not written");
            assert_eq!(bench.read_i64("...").await, [0, 1, 2, 3]);
            assert_eq!(bench.claimed().await, Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn claims_of_the_dead_are_taken_over() {
    let options = ZarrOptions::default().with_lock_timeout(std::time::Duration::from_millis(900));
    let bench = Bench::with(options).await;
    let claims = bench.claims();
    for space in ["slashes", "bare", "dots"] {
        let key = format!("x.zarr.{space}.json");
        let expect = crate::objects::Expect::Absent;
        claims.objects.put(&key, bytes::Bytes::from_static(b"{}"), &expect).await.unwrap();
    }
    // What a dead writer left in its place is no part of the array.
    bench.put_raw("c/0", vec![1u8; 100]).await;
    bench.put(&[4], numbers(0..4), &plain()).await.unwrap();
    assert_eq!(bench.read_i64("...").await, [0, 1, 2, 3]);
    assert_eq!(bench.claimed().await.len(), 2);
}
