//! Processes that die between any two of their requests.

use super::bench::{Bench, counting, path, same};
use fascicle_backend::{ArrayOptions, ArraySpec, Backend, DType, Region, Result, Shape, Values, WriteMode};
use futures::future::BoxFuture;

type Step = for<'a> fn(&'a Bench) -> BoxFuture<'a, Result<()>>;

/// Lets a process die before each of the writes of `change`: what is there then is what was there before or after, and the change can
/// be made again by somebody else.
async fn dies_anywhere(prepare: Step, change: Step, expected: &[Option<Values>]) {
    for writes in 0.. {
        let bench = Bench::new().await;
        prepare(&bench).await.unwrap();
        bench.store.stop_after(writes);
        let other = bench.another().await;
        let answer = change(&other).await;
        bench.store.stop_after(u64::MAX);
        let found = match bench.all("x").await {
            Ok((_, values)) => Some(values),
            Err(error) if error.is_not_found() => None,
            Err(error) => panic!("after {writes} writes: {error:?}"),
        };
        let listed = bench.backend.list(&path("")).await.unwrap().entries;
        assert_eq!(listed.iter().any(|entry| entry.name == "x"), found.is_some(), "{listed:?}");
        let is_expected = |expected: &Option<Values>| match (&found, expected) {
            (Some(found), Some(expected)) => found.same_bits(expected),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(expected.iter().any(is_expected), "after {writes} writes: {found:?}");
        if answer.is_ok() {
            assert!(is_expected(expected.last().unwrap()), "{found:?}");
            assert!(writes > 0, "nothing was written");
            return;
        }
        // Somebody else writes the array, and nobody is in the way.
        bench.put("x", &[2], counting(70, 2)).await.unwrap();
        assert_eq!(bench.append("x", 1, counting(72, 1)).await.unwrap(), 3);
        same(&bench.all("x").await.unwrap().1, &counting(70, 3));
    }
}

fn nothing(_: &Bench) -> BoxFuture<'_, Result<()>> {
    Box::pin(async { Ok(()) })
}

fn five(bench: &Bench) -> BoxFuture<'_, Result<()>> {
    Box::pin(async move {
        bench.put("x", &[3], counting(0, 3)).await?;
        bench.append("x", 2, counting(3, 2)).await.map(drop)
    })
}

#[tokio::test]
async fn creating() {
    let new = Some(counting(10, 4));
    dies_anywhere(nothing, |bench| Box::pin(bench.put("x", &[4], counting(10, 4))), &[None, new]).await;
}

#[tokio::test]
async fn overwriting() {
    let (old, new) = (Some(counting(0, 5)), Some(counting(10, 4)));
    dies_anywhere(five, |bench| Box::pin(bench.put("x", &[4], counting(10, 4))), &[old, new]).await;
}

#[tokio::test]
async fn appending() {
    let (old, new) = (Some(counting(0, 5)), Some(counting(0, 7)));
    let append: Step = |bench| Box::pin(async { bench.append("x", 2, counting(5, 2)).await.map(drop) });
    dies_anywhere(five, append, &[old, new]).await;
}

#[tokio::test]
async fn writing_a_region() {
    let (old, half, new) = (
        Some(counting(0, 5)),
        Some(Values::Int64(vec![0, 1, -2, 3, 4])),
        Some(Values::Int64(vec![0, 1, -2, -1, 4])),
    );
    let write: Step = |bench| Box::pin(bench.write("x", "2:4", counting(-2, 2)));
    dies_anywhere(five, write, &[old, half, new]).await;
}

#[tokio::test]
async fn removing() {
    let remove: Step = |bench| Box::pin(async { bench.backend.remove(&path("x")).await });
    dies_anywhere(five, remove, &[Some(counting(0, 5)), None]).await;
}

#[tokio::test]
async fn a_writer_that_is_dropped_leaves_what_was_there() {
    let bench = Bench::new().await;
    five(&bench).await.unwrap();
    let keys = bench.keys().await;
    let spec = ArraySpec { shape: Shape::new([1 << 20]).unwrap(), dtype: DType::Int64 };
    let options = ArrayOptions::default();
    let small_parts =
        crate::ParquetOptions::default().with_chunk_bytes(1 << 16).with_array_part_bytes(1 << 18);
    let other = Bench::with(small_parts).await;
    five(&other).await.unwrap();
    let before = other.keys().await.len();
    for bench in [&bench, &other] {
        let mut writer =
            bench.arrays().create(&path("x"), &spec, &options, WriteMode::Overwrite).await.unwrap();
        writer.write(&Region::rows(&spec.shape, 0, 1 << 18), counting(0, 1 << 18)).await.unwrap();
        drop(writer);
        same(&bench.all("x").await.unwrap().1, &counting(0, 5));
    }
    assert_eq!(bench.keys().await, keys);
    for _ in 0..200 {
        if other.keys().await.len() == before {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("parts are left: {:?}", other.keys().await);
}

#[tokio::test]
async fn an_append_to_an_array_that_was_replaced_goes_to_the_new_one() {
    let bench = Bench::new().await;
    five(&bench).await.unwrap();
    let other = bench.another().await;
    assert_eq!(other.append("x", 1, counting(5, 1)).await.unwrap(), 6);
    bench.put("x", &[1], counting(40, 1)).await.unwrap();
    // It still knows the end of the old one.
    assert_eq!(other.append("x", 1, counting(41, 1)).await.unwrap(), 2);
    same(&bench.all("x").await.unwrap().1, &counting(40, 2));
    assert_eq!(bench.parts("x").await.len(), 2);
    bench.backend.remove(&path("x")).await.unwrap();
    let error = super::bench::refused(other.append("x", 1, counting(0, 1)).await);
    assert!(error.is_not_found(), "{error:?}");
    assert_eq!(bench.keys().await, Vec::<String>::new());
}
