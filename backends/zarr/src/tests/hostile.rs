//! Arrays that are broken or meant to do harm: each is a typed error, soon and within little memory.

use super::store::{Bench, numbers};
use fascicle_backend::{ArrayOptions, Codec, DType, ErrorKind, Region, Shape, Values};
use serde_json::{Value, json};

async fn sound(options: ArrayOptions) -> (Bench, Value) {
    let bench = Bench::new().await;
    bench.put(&[6, 4], numbers(0..24), &options.with_chunks([3, 4])).await.unwrap();
    let json = serde_json::from_slice(&bench.get_raw("zarr.json").await.unwrap()).unwrap();
    (bench, json)
}

/// Every way of using an array.
async fn use_it(bench: &Bench) -> Vec<ErrorKind> {
    let array = bench.array();
    let mut kinds = Vec::new();
    let region = Region::whole(&Shape::new([6, 4]).unwrap());
    kinds.extend(array.describe().await.err().map(|error| error.kind()));
    kinds.extend(array.read(&region, numbers(0..24)).await.err().map(|error| error.kind()));
    kinds.extend(
        array
            .write(&Region::rows(&Shape::new([6, 4]).unwrap(), 1, 1), numbers(0..4))
            .await
            .err()
            .map(|error| error.kind()),
    );
    kinds.extend(array.append(1, numbers(0..4)).await.err().map(|error| error.kind()));
    kinds
}

#[tokio::test]
async fn broken_descriptions_are_refused() {
    let (bench, good) = sound(ArrayOptions::default()).await;
    let change = |pointer: &str, value: Value| {
        let mut json = good.clone();
        *json.pointer_mut(pointer).unwrap() = value;
        json
    };
    let chunk = "/chunk_grid/configuration/chunk_shape";
    let cases = [
        (change("/shape", json!([1u64 << 43, 1u64 << 43])), ErrorKind::LimitExceeded),
        (change("/shape", json!([u64::MAX, 4])), ErrorKind::LimitExceeded),
        (change("/shape", json!([-1, 4])), ErrorKind::Corrupt),
        (change("/shape", json!([1.5, 4])), ErrorKind::Corrupt),
        (change("/shape", json!("6,4")), ErrorKind::Corrupt),
        (change("/shape", json!([6])), ErrorKind::Corrupt),
        (change("/shape", json!(vec![1; 33])), ErrorKind::LimitExceeded),
        (change(chunk, json!([0, 4])), ErrorKind::Corrupt),
        (change(chunk, json!([3, 4, 1])), ErrorKind::Corrupt),
        (change(chunk, json!([u64::MAX, u64::MAX])), ErrorKind::LimitExceeded),
        (change("/chunk_grid/name", json!("rectangular")), ErrorKind::Unsupported),
        (change("/chunk_grid", json!(7)), ErrorKind::Corrupt),
        (change("/data_type", json!("float128")), ErrorKind::Unsupported),
        (change("/fill_value", json!("zero")), ErrorKind::Corrupt),
        (change("/codecs", json!(["bytes", "lzma"])), ErrorKind::Corrupt),
        (change("/codecs/1", json!({"name": "lzma"})), ErrorKind::Unsupported),
        (change("/codecs", json!([])), ErrorKind::Corrupt),
        (change("/zarr_format", json!(4)), ErrorKind::Unsupported),
        (change("/node_type", json!("group")), ErrorKind::WrongKind),
        (change("/storage_transformers", json!([{"name": "x"}])), ErrorKind::Unsupported),
        (change("/attributes", json!([1])), ErrorKind::Corrupt),
        (change("/chunk_key_encoding", json!({"name": "fanout"})), ErrorKind::Unsupported),
        (json!([]), ErrorKind::Corrupt),
        (json!({}), ErrorKind::Corrupt),
        (json!(null), ErrorKind::Corrupt),
    ];
    for (json, kind) in cases {
        bench.put_raw("zarr.json", json.to_string().into_bytes()).await;
        assert_eq!(use_it(&bench).await, [kind; 4], "{json}");
    }
    let mut unknown = good.clone();
    unknown["future"] = json!({"must_understand": true});
    bench.put_raw("zarr.json", unknown.to_string().into_bytes()).await;
    assert_eq!(use_it(&bench).await, [ErrorKind::Unsupported; 4]);
    for text in ["", "{", "\0", "{\"shape\": 1", &"[".repeat(100_000)] {
        bench.put_raw("zarr.json", text.to_owned().into_bytes()).await;
        assert_eq!(use_it(&bench).await, [ErrorKind::Corrupt; 4], "{:.20}", text);
    }
    bench.put_raw("zarr.json", vec![b' '; 17 << 20]).await;
    assert_eq!(use_it(&bench).await, [ErrorKind::Corrupt; 4]);
}

#[tokio::test]
async fn chunks_beyond_all_memory_are_refused_before_anything_is_fetched() {
    let (bench, mut json) = sound(ArrayOptions::default()).await;
    json["chunk_grid"]["configuration"]["chunk_shape"] = json!([1u64 << 41, 4]);
    bench.put_raw("zarr.json", json.to_string().into_bytes()).await;
    let kinds = use_it(&bench).await;
    assert_eq!(kinds, [ErrorKind::LimitExceeded; 3]);
    // An array may have more elements than fit into memory, as long as not all are wanted at once.
    json["chunk_grid"]["configuration"]["chunk_shape"] = json!([3, 4]);
    json["shape"] = json!([1u64 << 43, 4]);
    bench.put_raw("zarr.json", json.to_string().into_bytes()).await;
    assert_eq!(bench.read_i64("0:3").await, (0..12).collect::<Vec<_>>());
    assert_eq!(bench.read_i64("-1").await, [0; 4]);
    assert_eq!(bench.read("...").await.unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[tokio::test]
async fn shards_that_lie_are_found_out() {
    let bench = Bench::with(crate::config::ZarrOptions::default().with_max_objects(1)).await;
    bench.put(&[6, 4], numbers(0..24), &ArrayOptions::default().with_chunks([1, 4])).await.unwrap();
    let good = bench.get_raw("c/0/0").await.unwrap();
    for selection in ["...", "2"] {
        for cut in [0, 1, good.len() / 2, good.len() - 1] {
            bench.put_raw("c/0/0", good.slice(..cut)).await;
            assert_eq!(
                bench.read(selection).await.unwrap_err().kind(),
                ErrorKind::Corrupt,
                "{selection} {cut}"
            );
        }
        for at in 0..good.len() {
            let mut flipped = good.to_vec();
            flipped[at] ^= 0x40;
            bench.put_raw("c/0/0", flipped).await;
            match bench.read(selection).await {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{selection} {at}"),
                // A chunk that was not asked for.
                Ok(_) => assert!(selection == "2", "a flipped bit at {at} was read as data"),
            }
        }
    }
    let json: Value = serde_json::from_slice(&bench.get_raw("zarr.json").await.unwrap()).unwrap();
    for (pointer, value, kind) in [
        ("/chunk_shape", json!([4, 4]), ErrorKind::Corrupt),
        ("/chunk_shape", json!([0, 4]), ErrorKind::Corrupt),
        ("/index_location", json!("middle"), ErrorKind::Corrupt),
        ("/index_codecs", json!(["bytes"]), ErrorKind::Corrupt),
        (
            "/index_codecs",
            json!([{"name": "bytes", "configuration": {"endian": "little"}}, "gzip"]),
            ErrorKind::Unsupported,
        ),
        ("/codecs", json!([{"name": "sharding_indexed"}]), ErrorKind::Unsupported),
    ] {
        let mut json = json.clone();
        *json.pointer_mut(&format!("/codecs/0/configuration{pointer}")).unwrap() = value;
        bench.put_raw("zarr.json", json.to_string().into_bytes()).await;
        assert_eq!(bench.read("...").await.unwrap_err().kind(), kind, "{pointer}");
    }
}

#[tokio::test]
async fn damaged_chunks_are_never_data() {
    for codec in [Codec::Uncompressed, Codec::Gzip { level: 1 }, Codec::Zstd { level: 1 }] {
        let (bench, _) = sound(ArrayOptions::default().with_codec(codec)).await;
        let good = bench.get_raw("c/0/0").await.unwrap();
        for at in 0..good.len() {
            let mut flipped = good.to_vec();
            flipped[at] ^= 0x10;
            bench.put_raw("c/0/0", flipped).await;
            assert_eq!(bench.read("0").await.unwrap_err().kind(), ErrorKind::Corrupt, "{codec:?} {at}");
            bench.put_raw("c/0/0", good.slice(..at)).await;
            assert_eq!(bench.read("0").await.unwrap_err().kind(), ErrorKind::Corrupt, "{codec:?} {at}");
        }
        // More than a chunk can have is not even fetched.
        bench.put_raw("c/0/0", vec![0u8; 1 << 20]).await;
        let error = bench.read("0").await.unwrap_err();
        assert!(error.kind() == ErrorKind::Corrupt && error.message().contains("1048576"), "{error}");
    }
}

#[tokio::test]
async fn a_chunk_that_unpacks_to_gigabytes_is_refused() {
    let (bench, mut json) = sound(ArrayOptions::default().with_codec(Codec::Gzip { level: 1 })).await;
    json["codecs"].as_array_mut().unwrap().truncate(2);
    bench.put_raw("zarr.json", json.to_string().into_bytes()).await;
    let mut bomb = Vec::new();
    for _ in 0..30 {
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut member, &vec![0u8; 1 << 20]).unwrap();
        bomb.extend(member.finish().unwrap());
    }
    bench.put_raw("c/0/0", bomb).await;
    let error = bench.read("0").await.unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.message().contains("96 bytes"), "{error}");
}

#[tokio::test]
async fn absurd_requests_for_new_arrays_are_refused() {
    let bench = Bench::new().await;
    let refuse = |shape: &[u64], dtype, options: ArrayOptions| {
        bench.begin(shape, dtype, &options, crate::create::Existing::Refuse).err().unwrap().kind()
    };
    let plain = ArrayOptions::default;
    assert_eq!(refuse(&[1 << 62], DType::Float64, plain()), ErrorKind::LimitExceeded);
    assert_eq!(refuse(&[4], DType::Int8, plain().with_chunks([1 << 40])), ErrorKind::LimitExceeded);
    assert_eq!(refuse(&[4], DType::Int8, plain().with_chunks([0])), ErrorKind::InvalidInput);
    assert_eq!(refuse(&[4], DType::Int8, plain().with_chunks([1, 1])), ErrorKind::InvalidInput);
    assert_eq!(refuse(&[4], DType::Int8, plain().with_fill(Values::Int16(vec![1]))), ErrorKind::InvalidInput);
    assert_eq!(
        refuse(&[4], DType::Int8, plain().with_fill(Values::Int8(vec![1, 2]))),
        ErrorKind::InvalidInput
    );
}

#[tokio::test]
async fn no_mutation_of_a_description_does_harm() {
    for max_objects in [u64::MAX, 1] {
        let bench = Bench::with(crate::config::ZarrOptions::default().with_max_objects(max_objects)).await;
        bench.put(&[6, 4], numbers(0..24), &ArrayOptions::default().with_chunks([3, 4])).await.unwrap();
        let good = bench.get_raw("zarr.json").await.unwrap();
        let seed = 20_261_122;
        let mut random = fastrand::Rng::with_seed(seed);
        let numbers_to_try =
            ["0", "-1", "1e300", "9223372036854775807", "18446744073709551616", "null", "[]", "\"\"", "{}"];
        for round in 0..3000 {
            let mut text = good.to_vec();
            for _ in 0..1 + random.usize(..3) {
                let at = random.usize(..text.len());
                match random.u8(..3) {
                    0 => text[at] = random.u8(b' '..b'~'),
                    1 => drop(text.remove(at)),
                    // A number becomes something else.
                    _ => {
                        let digits: Vec<usize> =
                            (0..text.len()).filter(|at| text[*at].is_ascii_digit()).collect();
                        let at = digits[random.usize(..digits.len())];
                        let other = numbers_to_try[random.usize(..numbers_to_try.len())];
                        text.splice(at..=at, other.bytes());
                    }
                }
            }
            bench.put_raw("zarr.json", text.clone()).await;
            let array = bench.array();
            let Ok(description) = array.describe().await else { continue };
            let region = Region::rows(&description.shape, 0, description.shape.rows().unwrap_or(0).min(2));
            let Ok(count) = region.element_count() else { continue };
            if count > 10_000 {
                continue;
            }
            let buffer = Values::zeros(description.dtype, count).unwrap();
            if let Err(error) = array.read(&region, buffer).await {
                let kind = error.kind();
                let is_typed =
                    matches!(kind, ErrorKind::Corrupt | ErrorKind::LimitExceeded | ErrorKind::Unsupported);
                let text = String::from_utf8_lossy(&text);
                assert!(
                    is_typed && !error.message().contains("gave up"),
                    "seed {seed} round {round}: {error:?}\n{text}"
                );
            }
        }
    }
}
