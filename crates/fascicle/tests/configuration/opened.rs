//! Places opened by their names.

use crate::Place;
use fascicle::arrow::array::{ArrayRef, Float64Array, RecordBatch};
use fascicle::config::Value;
use fascicle::expert::Marker;
use fascicle::{ArrayDefaults, ErrorKind, MemoryBackend, OpenOptions, PutOptions, Registry, RootOptions};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const FILE: &str = "
default: plain
places:
  plain: { url: ./plain, options: { tables: csv, fsync: false, lock_timeout: 20ms, follow_symlinks: true } }
  packed: { url: ./packed, backend: hdf5, arrays: { chunk_bytes: 800, codec: gzip }, tables: { codec: zstd } }
  quick: { url: 'memory:configured', arrays: { chunk_bytes: 16 } }
  cloud: { url: 's3://bucket/x', backend: zarrr }
  bare: { url: 'ftp://bucket/x' }
  typo: { url: ./typo, options: { tabels: csv } }
  wrong: { url: ./wrong, options: { lock_timeout: soon } }
  flag: { url: ./flag, options: { fsync: 'yes' } }
  zstd: { url: ./zstd, arrays: { codec: zstd } }
  squeezed: { url: ./squeezed, options: { tables: csv }, tables: { codec: zstd } }
  folder: { url: ./folder, backend: memory }
";

fn table() -> RecordBatch {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    RecordBatch::try_from_iter([("x", column)]).unwrap()
}

#[tokio::test]
async fn a_name_opens_its_place_as_the_file_says() {
    let place = Place::new(FILE);
    let options = place.options();
    for (name, folder, stored) in
        [("@", "plain", "t.csv"), ("@/", "plain", "t.csv"), ("@packed", "packed", "t.parquet")]
    {
        let root = options.open(name).await.unwrap();
        let cells = root.dir("cells").unwrap();
        cells.put("x", vec![0.5; 1000]).await.unwrap();
        cells.put_table("t", &table()).await.unwrap();
        assert!(place.path(folder).join("cells").join(stored).exists(), "{name}");
        assert!(!place.path(folder).join("_fascicle.yaml").exists(), "opening marks nothing");
    }
    let packed = options.open_dir("@packed/cells").await.unwrap();
    let x = packed.array("x").await.unwrap();
    assert_eq!(x.description().chunks, Some(vec![100]));
    assert!(
        x.description().codecs.iter().any(|codec| codec.contains("gzip") || codec.contains("deflate")),
        "{x:?}"
    );
    // What a call says goes before what the place says.
    let plain =
        PutOptions { array: fascicle::ArrayOptions::default().with_chunks([7]), ..PutOptions::default() };
    packed.put_with("y", vec![0.5; 1000], &plain).await.unwrap();
    assert_eq!(packed.array("y").await.unwrap().description().chunks, Some(vec![7]));
    packed.append("grown", vec![0.5; 10]).await.unwrap();
    assert_eq!(packed.array("grown").await.unwrap().description().chunks, Some(vec![100]));
}

#[tokio::test]
async fn entries_are_addressed_in_places() {
    let place = Place::new(FILE);
    let options = place.options();
    let cells = options.open_dir("@quick/Cells_0000/deep/").await.unwrap();
    assert_eq!(cells.path().as_str(), "Cells_0000/deep");
    cells.put("x", [1.0]).await.unwrap();
    assert!(options.open("@quick").await.unwrap().contains("Cells_0000/deep/x").await.unwrap());
    assert!(options.open_dir("@quick").await.unwrap().path().is_root());
    assert!(options.open_dir("memory:configured").await.unwrap().contains("Cells_0000").await.unwrap());
    let error = options.open("@quick/Cells_0000").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("cannot open the root '@quick/Cells_0000'"), "{error}");
    assert!(error.to_string().contains("open '@quick' and take the entry 'Cells_0000'"), "{error}");
    assert_eq!(options.init("@quick/x").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    for wrong in ["@quick/../x", "@quick//x", "@a b"] {
        assert!(options.open_dir(wrong).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn what_the_caller_says_goes_first() {
    let place = Place::new(FILE);
    let defaults = ArrayDefaults { chunk_bytes: Some(80), codec: None };
    let root = RootOptions { array_defaults: defaults, ..RootOptions::default() };
    let options = place.options().with_tables("parquet").with_root_options(root);
    let cells = options.open_dir("@plain/cells").await.unwrap();
    cells.put_table("t", &table()).await.unwrap();
    cells.append("x", [1.0]).await.unwrap();
    assert!(place.path("plain/cells/t.parquet").exists());
    assert_eq!(cells.array("x").await.unwrap().description().chunks, Some(vec![10]));
    let read_only = place.options().with_read_only(true).open("@plain").await.unwrap();
    assert_eq!(read_only.dir("d").unwrap().put("x", [1.0]).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn what_does_not_fit_is_told_with_its_place_in_the_file() {
    let place = Place::new(FILE);
    for (name, kind, told) in [
        (
            "@plian",
            ErrorKind::InvalidInput,
            &["there is no place 'plian'; did you mean 'plain'?", "bare, cloud"][..],
        ),
        (
            "@cloud",
            ErrorKind::Unsupported,
            &[
                "the backend 'zarrr' is not known",
                "`places.cloud.backend`",
                "hdf5, memory",
                "did you mean 'zarr'?",
            ],
        ),
        ("@bare", ErrorKind::Unsupported, &["storage at such an address is not known", "`places.bare`"]),
        (
            "@typo",
            ErrorKind::InvalidInput,
            &["no option 'tabels'; did you mean 'tables'?", "`places.typo.options`", "tables, fsync"],
        ),
        ("@wrong", ErrorKind::InvalidInput, &["'lock_timeout' cannot be 'soon'", "`places.wrong`", "30s"]),
        ("@flag", ErrorKind::InvalidInput, &["'fsync' cannot be 'yes'", "true or false"]),
        ("@zstd", ErrorKind::Unsupported, &["the codec of arrays cannot be zstd", "`places.zstd`", "gzip"]),
        ("@squeezed", ErrorKind::Unsupported, &["CSV files", "`places.squeezed`"]),
        ("@folder", ErrorKind::InvalidInput, &["the backend 'memory' cannot hold", "`places.folder`"]),
    ] {
        let error = place.options().open(name).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        for told in told.iter().copied().chain(["fascicle.yaml"]) {
            assert!(error.to_string().contains(told), "{error}\nlacks {told}");
        }
        assert!(!error.to_string().contains("bucket"), "{error}");
    }
    assert_eq!(
        std::fs::read_dir(place.path("")).unwrap().count(),
        1,
        "a refused place leaves nothing behind"
    );
    let place = Place::new("places: {a: {url: x}}");
    let error = place.options().open("@").await.unwrap_err();
    assert!(
        error.to_string().contains("no default place") && error.to_string().contains("FASCICLE_PLACE"),
        "{error}"
    );
}

#[tokio::test]
async fn the_backend_that_a_root_has_is_not_overruled() {
    let place = Place::new("places: {a: {url: ./data}, b: {url: ./data, backend: mine}}");
    place.options().init("@a").await.unwrap();
    assert_eq!(Marker::read(&place.path("data")).await.unwrap().unwrap().backend, "hdf5");
    let error = place.options().open("@b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert!(error.to_string().contains("`places.b.backend`"), "{error}");
}

#[tokio::test]
async fn roots_are_made_without_the_options_of_their_handles() {
    let place = Place::new(FILE);
    let root = place.options().init("@plain").await.unwrap();
    assert_eq!(root.backend().name(), "hdf5");
    root.dir("d").unwrap().put_table("t", &table()).await.unwrap();
    assert!(place.path("plain/d/t.csv").exists());
    let text = std::fs::read_to_string(place.path("plain/_fascicle.yaml")).unwrap();
    assert_eq!(text, "format_version: 1\nbackend: hdf5\n");
    let error = OpenOptions::default()
        .with_registry(third_party(&Arc::default()))
        .with_backend("mine")
        .with_option("api_key", "hunter2")
        .init(place.path("new"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("'api_key' looks like a secret"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2") && !place.path("new").exists(), "{error}");
}

type Seen = Arc<Mutex<Vec<fascicle::OpenRequest>>>;

/// A backend of somebody else's, which knows all options.
fn third_party(seen: &Seen) -> Registry {
    let (mut registry, seen) = (Registry::default(), seen.clone());
    registry.add("mine", move |request| {
        seen.lock().unwrap().push(request);
        async { Ok(Arc::new(MemoryBackend::new()) as Arc<dyn fascicle::backend::Backend>) }
    });
    registry
}

#[tokio::test]
async fn a_backend_of_anybody_gets_the_options_of_its_places() {
    let place = Place::new(
        "places: {a: {url: 'mine://somewhere/x', backend: mine, options: {region: eu-west-1, retries: 3, \
         rate: 0.5, virtual: true}, arrays: {chunk_bytes: 1KiB, codec: zstd}, tables: {codec: gzip, level: 1}}}",
    );
    let seen = Seen::default();
    let options = place.options().with_registry(third_party(&seen)).with_option("retries", 5);
    options.with_lock_timeout(Duration::from_secs(1)).open("@a").await.unwrap();
    let request = seen.lock().unwrap().remove(0);
    assert_eq!(request.place, fascicle::Place::parse("mine://somewhere/x").unwrap());
    let texts: Vec<_> = request.text_options().unwrap().into_iter().collect();
    let expected = [("rate", "0.5"), ("region", "eu-west-1"), ("retries", "5"), ("virtual", "true")];
    assert_eq!(texts, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(request.arrays.chunk_bytes, Some(1024));
    assert!(request.tables.codec.is_some());
    assert!(!format!("{request:?}").contains("eu-west-1"), "{request:?}");
    let listed = fascicle::OpenRequest {
        options: [("a".to_owned(), Value::List(vec![]))].into_iter().collect(),
        ..request
    };
    assert!(listed.text_options().unwrap_err().to_string().contains("'a' is a list"));
}
