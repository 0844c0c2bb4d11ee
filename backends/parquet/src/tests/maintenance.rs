//! What writers leave that died while an array was written, and who removes it.

use super::bench::{Bench, counting, path, refused, same};
use crate::ParquetOptions;
use fascicle_backend::{
    ArrayOptions, ArraySpec, ArrayWriter, Backend, DType, ErrorKind, Leftover, LeftoverKind, Region, Shape,
    WriteMode,
};

/// Many parts for few rows.
async fn bench() -> Bench {
    Bench::with(ParquetOptions::default().with_array_part_bytes(1 << 16)).await
}

/// A writer of 30,000 rows that has stored parts of them.
async fn begun(bench: &Bench) -> Box<dyn ArrayWriter> {
    let spec = ArraySpec { shape: Shape::new([30_000]).unwrap(), dtype: DType::Int64 };
    let options = ArrayOptions::default().with_chunks([1000]);
    let mut writer = bench.arrays().create(&path("x"), &spec, &options, WriteMode::Overwrite).await.unwrap();
    writer.write(&Region::rows(&spec.shape, 0, 25_000), counting(0, 25_000)).await.unwrap();
    assert!(bench.keys().await.iter().any(|key| key.starts_with("_writing/x.array.parquet.")));
    writer
}

async fn found(bench: &Bench) -> Vec<Leftover> {
    bench.backend.maintenance().unwrap().leftovers().await.unwrap()
}

async fn collect(bench: &Bench, leftover: &Leftover) -> bool {
    bench.backend.maintenance().unwrap().collect(leftover).await.unwrap()
}

#[tokio::test]
async fn what_a_killed_writer_had_stored_is_removed_and_nothing_else() {
    for replaces in [false, true] {
        let bench = bench().await;
        if replaces {
            bench.put("x", &[3], counting(0, 3)).await.unwrap();
        }
        let before = bench.keys().await;
        assert_eq!(found(&bench).await, []);
        std::mem::forget(begun(&bench).await);
        let all = found(&bench).await;
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].kind == LeftoverKind::Unfinished && all[0].size_bytes > 10_000, "{all:?}");
        assert!(collect(&bench, &all[0]).await);
        assert_eq!(bench.keys().await, before);
        assert!(!collect(&bench, &all[0]).await, "there is nothing any more");
        if replaces {
            same(&bench.all("x").await.unwrap().1, &counting(0, 3));
        }
    }
}

#[tokio::test]
async fn a_writer_that_was_taken_for_dead_fails_and_loses_nothing() {
    let bench = bench().await;
    bench.put("x", &[3], counting(0, 3)).await.unwrap();
    let before = bench.keys().await;
    let writer = begun(&bench).await;
    let all = found(&bench).await;
    assert!(collect(&bench, &all[0]).await);
    assert_eq!(refused(writer.finish().await).kind(), ErrorKind::LeaseLost);
    same(&bench.all("x").await.unwrap().1, &counting(0, 3));
    // What it stored afterwards is removed in the background.
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        if bench.keys().await == before {
            return;
        }
    }
    assert_eq!(bench.keys().await, before);
}

#[tokio::test]
async fn a_writer_that_is_faster_than_the_collector_keeps_its_array() {
    let bench = bench().await;
    let writer = begun(&bench).await;
    let all = found(&bench).await;
    writer.finish().await.unwrap();
    assert!(!collect(&bench, &all[0]).await);
    assert_eq!(bench.describe("x").await.unwrap().shape.rows(), Some(30_000));
    assert_eq!(found(&bench).await, []);
}

#[tokio::test]
async fn parts_whose_description_may_be_on_its_way_are_removed_where_it_can_be_refused() {
    let bench = bench().await;
    let (mark, part) =
        ("_writing/x.array.parquet.0000000007", "x.array.parquet/part-00000000070000000000.parquet");
    bench.put_object(mark, b"committing".to_vec()).await;
    bench.put_object(part, vec![0; 100]).await;
    let all = found(&bench).await;
    assert_eq!((all.len(), all[0].stored_as.as_str()), (1, mark));
    assert!(!collect(&bench, &all[0]).await);
    assert_eq!(bench.keys().await, [mark, part]);
    bench.put("x", &[3], counting(0, 3)).await.unwrap();
    assert!(collect(&bench, &all[0]).await);
    same(&bench.all("x").await.unwrap().1, &counting(0, 3));
    assert_eq!((bench.parts("x").await.len(), found(&bench).await), (1, vec![]));
}

#[tokio::test]
async fn a_mark_that_was_left_beside_its_array_is_taken_away() {
    let bench = bench().await;
    bench.put("x", &[3], counting(0, 3)).await.unwrap();
    let part = bench.parts("x").await[0].clone();
    let generation = &part["x.array.parquet/part-".len()..][..10];
    bench.put_object(&format!("_writing/x.array.parquet.{generation}"), b"committing".to_vec()).await;
    let all = found(&bench).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(collect(&bench, &all[0]).await);
    same(&bench.all("x").await.unwrap().1, &counting(0, 3));
    assert_eq!(found(&bench).await, []);
}

#[tokio::test]
async fn parts_of_arrays_that_are_gone_are_removed() {
    let bench = bench().await;
    bench.put("x", &[3], counting(0, 3)).await.unwrap();
    for key in [
        "x.array.parquet/part-00000000070000000000.parquet",
        "y.array.parquet/part-00000000070000000000.parquet",
    ] {
        bench.put_object(key, vec![0; 100]).await;
    }
    bench.put_object("_writing/y.array.parquet.removal", vec![]).await;
    let all = found(&bench).await;
    let names: Vec<&str> = all.iter().map(|leftover| leftover.stored_as.as_str()).collect();
    assert_eq!(names, ["_writing/y.array.parquet.removal", "x.array.parquet", "y.array.parquet"]);
    for leftover in &all {
        assert!(collect(&bench, leftover).await);
    }
    assert_eq!((bench.keys().await.len(), found(&bench).await), (2, vec![]));
    same(&bench.all("x").await.unwrap().1, &counting(0, 3));
}
