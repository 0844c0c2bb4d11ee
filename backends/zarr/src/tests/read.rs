//! Reading: what is asked for, and what that costs.

use super::store::{Bench, numbers};
use crate::config::{MissingChunks, ZarrOptions};
use fascicle_backend::{ArrayOptions, DType, ErrorKind, Region, Shape, Values};

#[tokio::test]
async fn only_what_is_touched_is_fetched() {
    let bench = Bench::new().await;
    bench.put(&[100, 40], numbers(0..4000), &ArrayOptions::default().with_chunks([10, 20])).await.unwrap();
    let array = bench.array();
    bench.store.take_log();
    let description = array.describe().await.unwrap();
    assert_eq!(bench.store.take_log(), ["GET d/x.zarr/zarr.json"]);
    assert_eq!(description.codecs, ["bytes", "zstd", "crc32c"]);

    let read = async |selection: &str| {
        let region =
            selection.parse::<fascicle_backend::Selection>().unwrap().resolve(&description.shape).unwrap();
        let buffer = Values::zeros(DType::Int64, region.element_count().unwrap()).unwrap();
        array.read(&region, buffer).await.unwrap()
    };
    read("12:19,3:17").await;
    assert_eq!(bench.store.take_log(), ["GET d/x.zarr/zarr.json", "GET d/x.zarr/c/1/0"]);
    read("::30,0").await;
    let mut log = bench.store.take_log();
    log[1..5].sort();
    assert_eq!(
        log,
        [
            "GET d/x.zarr/zarr.json",
            "GET d/x.zarr/c/0/0",
            "GET d/x.zarr/c/3/0",
            "GET d/x.zarr/c/6/0",
            "GET d/x.zarr/c/9/0",
            "GET d/x.zarr/zarr.json"
        ]
    );
    read("0:0").await;
    assert_eq!(bench.store.take_log(), ["GET d/x.zarr/zarr.json"]);
}

#[tokio::test]
async fn of_a_shard_only_the_index_and_the_chunks_are_fetched() {
    let bench = Bench::with(ZarrOptions::default().with_max_objects(1)).await;
    let mut random = fastrand::Rng::with_seed(1);
    let values: Vec<i64> = (0..256 * 1024).map(|_| random.i64(..)).collect();
    bench
        .put(&[256, 1024], Values::Int64(values.clone()), &ArrayOptions::default().with_chunks([16, 256]))
        .await
        .unwrap();
    assert_eq!(bench.keys().await, ["c/0/0", "zarr.json"]);
    let array = bench.array();
    let shape = Shape::new([256, 1024]).unwrap();
    assert_eq!(array.describe().await.unwrap().chunks, Some(vec![16, 256]));
    bench.store.take_log();
    let region: fascicle_backend::Selection = "17:19,300:310".parse().unwrap();
    let region = region.resolve(&shape).unwrap();
    let read = array.read(&region, Values::zeros(DType::Int64, 20).unwrap()).await.unwrap();
    let expected: Vec<i64> =
        (17..19).flat_map(|row| values[row * 1024 + 300..row * 1024 + 310].to_vec()).collect();
    assert!(read.same_bits(&Values::Int64(expected)));
    let log = bench.store.take_log();
    assert_eq!(log.len(), 3, "{log:?}");
    assert!(log[1].starts_with("GET bytes=-") && log[2].starts_with("GET bytes="), "{log:?}");
    assert!(bench.read("...").await.unwrap().same_bits(&Values::Int64(values)));
}

#[tokio::test]
async fn chunks_that_are_missing_are_fill_or_an_error() {
    let bench = Bench::new().await;
    let options = ArrayOptions::default().with_chunks([2]).with_fill(Values::Int64(vec![7]));
    bench.put(&[6], numbers(0..6), &options).await.unwrap();
    bench.array().objects.delete("c/1").await.unwrap();
    assert_eq!(bench.read_i64("...").await, [0, 1, 7, 7, 4, 5]);
    let strict = bench.another(ZarrOptions::default().with_missing_chunks(MissingChunks::Error));
    assert_eq!(strict.read("...").await.unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(strict.read("0:2").await.is_ok());
}

#[tokio::test]
async fn a_buffer_of_another_array_is_a_conflict() {
    let bench = Bench::new().await;
    bench.put(&[6], numbers(0..6), &ArrayOptions::default()).await.unwrap();
    let array = bench.array();
    let region = Region::whole(&Shape::new([6]).unwrap());
    let wrong = array.read(&region, Values::zeros(DType::Int32, 6).unwrap()).await;
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Conflict);
    let region = Region::whole(&Shape::new([7]).unwrap());
    let wrong = array.read(&region, Values::zeros(DType::Int64, 7).unwrap()).await;
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn little_memory_and_few_requests_at_once_are_enough() {
    let narrow = ZarrOptions::default().with_max_bytes_in_flight(1).with_concurrent_requests(1);
    for max_objects in [u64::MAX, 1] {
        let bench = Bench::with(narrow.clone().with_max_objects(max_objects)).await;
        bench.put(&[100, 40], numbers(0..4000), &ArrayOptions::default().with_chunks([7, 11])).await.unwrap();
        assert!(bench.read("...").await.unwrap().same_bits(&numbers(0..4000)));
        let (a, b, c) =
            tokio::join!(bench.read_i64("3:80,5:6"), bench.read_i64("50"), bench.read_i64("...,::13"));
        assert_eq!((a.len(), b[0], c.len()), (77, 2000, 400));
    }
}
