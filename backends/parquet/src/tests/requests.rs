//! What things cost, in requests and bytes.

use super::bench::{Bench, counting, same};
use crate::ParquetOptions;
use fascicle_backend::{ArrayOptions, Codec, WriteMode};

/// 100 row groups of 10 rows of 100 numbers, uncompressed: 8 kB each, and levels.
async fn many_row_groups() -> Bench {
    let bench = Bench::with(ParquetOptions::default().with_codec(Codec::Uncompressed)).await;
    let options = ArrayOptions::default().with_chunks([10, 100]);
    bench.put_with("x", &[1000, 100], counting(0, 100_000), &options, WriteMode::Create).await.unwrap();
    bench
}

#[tokio::test]
async fn slices_read_the_row_groups_that_they_touch() {
    let bench = many_row_groups().await;
    let whole = bench.object(&bench.parts("x").await[0]).await.len() as u64;
    for (selection, groups, first) in [
        ("500", 1u64, 50_000i64),
        ("495:505", 2, 49_500),
        ("0:1000:400", 3, 0),
        ("999", 1, 99_900),
        ("12:18,5", 1, 1205),
    ] {
        let values = bench.select("x", selection).await.unwrap();
        let (log, bytes) = bench.store.take();
        // The description, the listing, and the row groups; the footer was read when the array was described.
        let gets = log.iter().filter(|line| line.starts_with("GET")).count() as u64;
        assert_eq!((gets, log.len() as u64), (groups + 1, groups + 2), "{selection}: {log:?}");
        assert!(bytes < groups * 9_000 + 6_000, "{selection}: {bytes} of {whole} bytes");
        same(&values.slice(0..1).unwrap(), &counting(first, 1));
    }
}

#[tokio::test]
async fn describing_reads_one_footer() {
    let bench = many_row_groups().await;
    for _ in 0..5 {
        bench.append("x", 1, counting(0, 100)).await.unwrap();
    }
    let bench = bench.another().await;
    bench.store.take();
    let described = bench.describe("x").await.unwrap();
    let (log, bytes) = bench.store.take();
    assert_eq!(described.shape.to_string(), "(1005, 100)");
    assert_eq!(described.chunks, Some(vec![10, 100]));
    assert_eq!(log.len(), 3, "{log:?}");
    // The last part is small and read whole.
    assert!(bytes < 20_000, "{bytes}");
}

#[tokio::test]
async fn parts_are_found_by_halving() {
    let bench = Bench::new().await;
    bench.put("x", &[0], counting(0, 0)).await.unwrap();
    for part in 0..64 {
        bench.append("x", 3, counting(part * 3, 3)).await.unwrap();
    }
    let bench = bench.another().await;
    let values = bench.select("x", "100").await.unwrap();
    same(&values, &counting(100, 1));
    let (log, _) = bench.store.take();
    assert!(log.len() <= 2 + 14, "{} requests: {log:?}", log.len());
}

#[tokio::test]
async fn appends_are_two_requests() {
    let bench = Bench::new().await;
    bench.put("x", &[2], counting(0, 2)).await.unwrap();
    bench.append("x", 1, counting(2, 1)).await.unwrap();
    bench.store.take();
    assert_eq!(bench.append("x", 1, counting(3, 1)).await.unwrap(), 4);
    assert_eq!(bench.store.take().0.len(), 2);
    let other = bench.another().await;
    bench.store.take();
    assert_eq!(other.append("x", 1, counting(4, 1)).await.unwrap(), 5);
    assert_eq!(bench.store.take().0.len(), 5);
    same(&bench.all("x").await.unwrap().1, &counting(0, 5));
}

#[tokio::test]
async fn creating_is_seven_requests_and_one_for_each_part() {
    let bench = Bench::new().await;
    let names = |log: &[String]| log.iter().filter(|line| line.contains("x.array.parquet")).count();
    bench.put("x", &[2], counting(0, 2)).await.unwrap();
    let (log, _) = bench.store.take();
    assert!(names(&log) <= 8, "{log:?}");
    // And what is left of the old one is removed.
    bench.put("x", &[2], counting(0, 2)).await.unwrap();
    let (log, _) = bench.store.take();
    assert!(log.len() <= 17, "{}: {log:?}", log.len());
}

#[tokio::test]
async fn regions_replace_the_parts_that_they_touch() {
    let bench = Bench::new().await;
    bench.put("x", &[3], counting(0, 3)).await.unwrap();
    for part in 1..4 {
        bench.append("x", 3, counting(part * 3, 3)).await.unwrap();
    }
    bench.all("x").await.unwrap();
    bench.store.take();
    bench.write("x", "4:8", counting(-4, 4)).await.unwrap();
    let (log, _) = bench.store.take();
    assert_eq!(log.iter().filter(|line| line.starts_with("PUT")).count(), 2, "{log:?}");
    let expected: Vec<i64> = (0..4).chain(-4..0).chain(8..12).collect();
    same(&bench.all("x").await.unwrap().1, &fascicle_backend::Values::Int64(expected));
}

#[tokio::test]
async fn large_arrays_are_several_parts() {
    let options = ParquetOptions::default().with_chunk_bytes(800).with_array_part_bytes(8_000);
    let bench = Bench::with(options).await;
    bench.put("x", &[2_500], counting(0, 2_500)).await.unwrap();
    assert_eq!(bench.parts("x").await.len(), 3);
    same(&bench.select("x", "1995:2005").await.unwrap(), &counting(1995, 10));
    bench.put("x", &[10], counting(7, 10)).await.unwrap();
    assert_eq!(bench.parts("x").await.len(), 1);
    same(&bench.all("x").await.unwrap().1, &counting(7, 10));
}
