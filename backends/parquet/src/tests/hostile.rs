//! Damaged and hostile objects: a typed error that names the file, or the elements that were written; never anything else.

use super::bench::{Bench, counting, refused, same};
use crate::{ParquetOptions, manifest::MANIFEST_NAME};
use fascicle_backend::{ArrayOptions, Codec, ErrorKind, Values, WriteMode};

const NAME: &str = "x";

fn is_typed(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::LimitExceeded | ErrorKind::Conflict
    )
}

async fn damaged_array(codec: Codec) -> (Bench, Values) {
    let options = ParquetOptions::default().with_lock_timeout(std::time::Duration::from_millis(1));
    let bench = Bench::with(options).await;
    let values = Values::Float32((0u16..600).map(|value| f32::from(value % 37)).collect());
    let options = ArrayOptions::default().with_chunks([20, 6]).with_codec(codec);
    bench.put_with(NAME, &[100, 6], values.clone(), &options, WriteMode::Create).await.unwrap();
    (bench, values)
}

#[tokio::test]
async fn changed_bytes_are_noticed() {
    let mut random = fastrand::Rng::with_seed(21);
    for codec in [Codec::Uncompressed, Codec::Zstd { level: 1 }, Codec::Gzip { level: 1 }] {
        let (bench, values) = damaged_array(codec).await;
        for key in [bench.parts(NAME).await.remove(0), format!("x.array.parquet/{MANIFEST_NAME}")] {
            let whole = bench.object(&key).await;
            let mut refusals = 0;
            for round in 0..700 {
                let mut bytes = whole.clone();
                for _ in 0..random.usize(1..4) {
                    let at = random.usize(..bytes.len());
                    bytes[at] = random.u8(..);
                }
                if round % 7 == 0 {
                    bytes.truncate(random.usize(..bytes.len()));
                }
                bench.put_object(&key, bytes).await;
                match bench.another().await.all(NAME).await {
                    Ok((shape, found)) => {
                        assert_eq!(shape.to_string(), "(100, 6)", "{codec:?} {key} {round}");
                        same(&found, &values);
                    }
                    Err(error) => {
                        assert!(is_typed(error.kind()), "{codec:?} {key} {round}: {error:?}");
                        refusals += 1;
                    }
                }
            }
            assert!(refusals > 300, "{codec:?} {key}: {refusals}");
            bench.put_object(&key, whole).await;
            same(&bench.all(NAME).await.unwrap().1, &values);
        }
    }
}

#[tokio::test]
async fn folders_that_are_not_as_they_should_be_are_refused() {
    let bench = Bench::new().await;
    bench.put(NAME, &[2], counting(0, 2)).await.unwrap();
    for part in 1..4 {
        bench.append(NAME, 2, counting(part * 2, 2)).await.unwrap();
    }
    bench.put("other", &[2], Values::Int32(vec![1, 2])).await.unwrap();
    let parts = bench.parts(NAME).await;
    let other = bench.object(&bench.parts("other").await[0]).await;
    let mut whole = Vec::new();
    for part in &parts {
        whole.push(bench.object(part).await);
    }
    let check = async |what: &str, names: &str| {
        let error = refused(bench.another().await.all(NAME).await);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error:?}");
        assert!(error.to_string().contains(names), "{what}: {error}");
    };
    let restore = async || {
        for (part, bytes) in parts.iter().zip(&whole) {
            bench.put_object(part, bytes.clone()).await;
        }
        same(&bench.another().await.all(NAME).await.unwrap().1, &counting(0, 8));
    };
    let name = |part: usize| parts[part].rsplit('/').next().unwrap();
    use fascicle_objects::object_store::{ObjectStoreExt, path::Path};
    let delete = async |key: &str| bench.store.inner.delete(&Path::from(key)).await.unwrap();

    delete(&parts[1]).await;
    check("a gap", name(1)).await;
    restore().await;
    delete(&parts[0]).await;
    check("no beginning", name(0)).await;
    restore().await;
    bench.put_object(&parts[2], other.clone()).await;
    check("another dtype", name(2)).await;
    restore().await;
    bench.put_object(&parts[2], whole[1].clone()).await;
    check("a part twice", name(2)).await;
    restore().await;
    for length in [0, 4, 11, whole[3].len() / 2, whole[3].len() - 1] {
        bench.put_object(&parts[3], whole[3][..length].to_vec()).await;
        check("a part that is cut off", name(3)).await;
    }
    restore().await;
    for stranger in ["x.array.parquet/note.txt", "x.array.parquet/more.parquet", "x.array.parquet/d/y"] {
        bench.put_object(stranger, other.clone()).await;
        let file = stranger.split('/').nth(1).unwrap();
        check("a stranger", file).await;
        delete(stranger).await;
    }
    restore().await;
    bench.put_object(&format!("x.array.parquet/{MANIFEST_NAME}"), whole[0].clone()).await;
    check("a part in place of the description", MANIFEST_NAME).await;
    // It can still be written anew, and removed.
    bench.put(NAME, &[1], counting(5, 1)).await.unwrap();
    same(&bench.all(NAME).await.unwrap().1, &counting(5, 1));
}

#[tokio::test]
async fn nothing_larger_than_allowed_is_read() {
    let bench = Bench::new().await;
    bench.put(NAME, &[2000, 100], Values::Int64(vec![7; 200_000])).await.unwrap();
    let small = ParquetOptions { max_chunk_bytes: 10_000, ..ParquetOptions::default() };
    let other = bench.with_options(small).await;
    let error = refused(other.all(NAME).await);
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
    let tiny = ParquetOptions { max_chunk_bytes: 100, ..ParquetOptions::default() };
    let other = bench.with_options(tiny).await;
    let error = refused(other.select(NAME, "0").await);
    assert!(error.to_string().contains("a row"), "{error}");
    let error = refused(other.put("y", &[1, 100], Values::Int64(vec![7; 100])).await);
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
    // Little memory in flight makes it slow, and nothing else.
    let narrow = ParquetOptions { max_bytes_in_flight: 1, ..ParquetOptions::default() };
    let other = bench.with_options(narrow).await;
    same(&other.select(NAME, "1990:").await.unwrap(), &Values::Int64(vec![7; 1000]));
}
