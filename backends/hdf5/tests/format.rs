//! The names of files and folders on disk, and what becomes of those that others put there.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use arrow_array::{ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use bytes::Bytes;
use fascicle_backend::{
    ArrayOptions, ArraySpec, Attributes, Backend, DType, EntryInfo, EntryKind, EntryPath, Error, ErrorKind,
    FileOptions, MetaWriteMode, RecordKey, Region, Result, ScanOptions, Shape, TableOptions, Values,
    WriteMode,
};
use fascicle_hdf5::{Hdf5Backend, Hdf5Options, TableFormat};
use futures::TryStreamExt;
use std::{
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

struct Place {
    keep: tempfile::TempDir,
    backend: Hdf5Backend,
}

impl Place {
    fn new() -> Place {
        Place::with(Hdf5Options::default().with_fsync(false))
    }

    fn with(options: Hdf5Options) -> Place {
        let keep = tempfile::tempdir().unwrap();
        let backend = Hdf5Backend::open(keep.path().join("root"), options).unwrap();
        Place { keep, backend }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.keep.path().join("root").join(name)
    }

    /// Puts a file there as another program would.
    fn put(&self, name: &str, content: &str) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn put_folder(&self, name: &str) {
        std::fs::create_dir_all(self.file(name)).unwrap();
    }

    /// Everything on disk, sorted.
    fn on_disk(&self) -> Vec<String> {
        fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let entry = entry.unwrap();
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                if entry.file_type().unwrap().is_dir() {
                    found.push(format!("{name}/"));
                    walk(&entry.path(), &format!("{name}/"), found);
                } else {
                    found.push(name);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.file(""), "", &mut found);
        found.sort();
        found
    }

    async fn write(&self, name: &str, content: &str, mode: WriteMode, attributes: &Attributes) -> Result<()> {
        let options = FileOptions { attributes: attributes.clone() };
        let mut writer = self.backend.files().create(&path(name), &options, mode).await?;
        writer.write(Bytes::copy_from_slice(content.as_bytes())).await?;
        writer.finish().await
    }

    async fn read(&self, name: &str) -> Result<String> {
        let pieces: Vec<Bytes> = self.backend.files().read(&path(name), None).await?.try_collect().await?;
        Ok(String::from_utf8(pieces.concat()).unwrap())
    }

    async fn list(&self, name: &str) -> Vec<(String, EntryKind, String)> {
        let listing = self.backend.list(&path(name)).await.unwrap();
        listing
            .entries
            .into_iter()
            .map(|EntryInfo { name, kind, stored_name }| (name, kind, stored_name))
            .collect()
    }

    async fn write_array(
        &self,
        name: &str,
        values: Vec<i64>,
        mode: WriteMode,
        attributes: &Attributes,
    ) -> Result<()> {
        let spec = ArraySpec { shape: Shape::new([values.len() as u64])?, dtype: DType::Int64 };
        let options = ArrayOptions { attributes: attributes.clone(), ..ArrayOptions::default() };
        let arrays = self.backend.arrays().unwrap();
        let mut writer = arrays.create(&path(name), &spec, &options, mode).await?;
        writer.write(&Region::whole(&spec.shape), Values::Int64(values)).await?;
        writer.finish().await
    }

    async fn write_table(
        &self,
        name: &str,
        rows: &RecordBatch,
        mode: WriteMode,
        attributes: &Attributes,
    ) -> Result<u64> {
        let options = TableOptions { attributes: attributes.clone(), ..TableOptions::default() };
        let tables = self.backend.tables().unwrap();
        let mut writer = tables.create(&path(name), rows.schema(), &options, mode).await?;
        writer.write(rows.clone()).await?;
        writer.finish().await
    }

    async fn append_rows(&self, name: &str, rows: &RecordBatch) -> Result<u64> {
        let mut writer = self.backend.tables().unwrap().append(&path(name), rows.schema()).await?;
        writer.write(rows.clone()).await?;
        writer.finish().await
    }

    /// The values of the one column of a table.
    async fn read_rows(&self, name: &str) -> Vec<i64> {
        let options = ScanOptions::default();
        let batches = self.backend.tables().unwrap().scan(&path(name), &options).await.unwrap();
        let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
        batches
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect()
    }

    async fn kind_of_error(&self, name: &str) -> ErrorKind {
        self.backend.stat(&path(name)).await.unwrap_err().kind()
    }
}

fn path(text: &str) -> EntryPath {
    EntryPath::parse(text).unwrap()
}

fn attributes(value: f64) -> Attributes {
    Attributes::from_iter([("unit".to_owned(), "mV".into()), ("gain".to_owned(), value.into())])
}

fn rows(values: impl IntoIterator<Item = i64>) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
    RecordBatch::try_from_iter_with_nullable([("n", column, true)]).unwrap()
}

fn entry(name: &str, kind: EntryKind, stored_name: &str) -> (String, EntryKind, String) {
    (name.to_owned(), kind, stored_name.to_owned())
}

#[tokio::test]
async fn a_place_that_does_not_exist_is_empty_and_stays_away_until_something_is_written() {
    let place = Place::new();
    assert_eq!(place.list("").await, []);
    assert_eq!(place.backend.stat(&EntryPath::root()).await.unwrap().kind, EntryKind::Directory);
    assert_eq!(place.backend.read_meta(&EntryPath::root()).await.unwrap(), None);
    assert_eq!(place.kind_of_error("x").await, ErrorKind::NotFound);
    assert_eq!(place.backend.remove(&path("x")).await.unwrap_err().kind(), ErrorKind::NotFound);
    let no_parent = place.write("a/x", "1", WriteMode::Create, &Attributes::new()).await.unwrap_err();
    assert_eq!(no_parent.kind(), ErrorKind::NotFound);
    assert!(!place.file("").exists());
    place.write("x", "1", WriteMode::Create, &Attributes::new()).await.unwrap();
    assert_eq!(place.on_disk(), ["x"]);
}

#[tokio::test]
async fn files_directories_metas_attributes_and_records_have_their_names() {
    let place = Place::new();
    let (backend, fine) = (&place.backend, Attributes::new());
    let version = backend.create_directory(&path("a"), "meta".into()).await.unwrap();
    assert_eq!(backend.read_meta(&path("a")).await.unwrap().unwrap().version, version);
    place.write("a/notes.txt", "hello", WriteMode::Create, &attributes(1.5)).await.unwrap();
    place.write("plain", "", WriteMode::Create, &fine).await.unwrap();
    backend.write_attributes(&path("a"), &attributes(2.5)).await.unwrap();
    backend.write_meta(&EntryPath::root(), "root".into(), MetaWriteMode::Create).await.unwrap();
    backend.records().create(&RecordKey::parse("v1/ab/x.0.claim").unwrap(), "claim".into()).await.unwrap();
    assert_eq!(
        place.on_disk(),
        [
            "_attributes/",
            "_attributes/a.json",
            "_index/",
            "_index/v1/",
            "_index/v1/ab/",
            "_index/v1/ab/x.0.claim",
            "_meta.yaml",
            "a/",
            "a/_attributes/",
            "a/_attributes/notes.txt.json",
            "a/_meta.yaml",
            "a/notes.txt",
            "plain",
        ]
    );
    assert_eq!(std::fs::read_to_string(place.file("a/notes.txt")).unwrap(), "hello");
    assert_eq!(std::fs::read_to_string(place.file("a/_meta.yaml")).unwrap(), "meta");
    assert_eq!(
        std::fs::read_to_string(place.file("a/_attributes/notes.txt.json")).unwrap(),
        "{\n  \"unit\": \"mV\",\n  \"gain\": 1.5\n}"
    );
    assert!(backend.list(&path("a")).await.unwrap().has_meta);
    assert_eq!(place.list("a").await, [entry("notes.txt", EntryKind::File, "notes.txt")]);
    assert_eq!(backend.stat(&path("a")).await.unwrap().size_bytes, 4, "its meta");
}

#[tokio::test]
async fn arrays_and_tables_have_their_names_and_keep_them_when_they_move() {
    let place = Place::new();
    let backend = &place.backend;
    place.write_array("x", vec![1, 2, 3], WriteMode::Create, &attributes(1.5)).await.unwrap();
    place.write_table("t", &rows(0..3), WriteMode::Create, &attributes(2.5)).await.unwrap();
    assert_eq!(place.append_rows("t", &rows(3..5)).await.unwrap(), 5);
    let parts = ["part-00000000000000000000.parquet", "part-00000000000000000001.parquet"];
    let on_disk = |array: &str, table: &str| {
        let [first, second] = parts.map(|part| format!("{table}.parquet/{part}"));
        let attributes = format!("_attributes/{table}.parquet.json");
        let mut names = vec![
            "_attributes/".to_owned(),
            attributes,
            format!("{array}.h5"),
            format!("{table}.parquet/"),
            first,
            second,
        ];
        names.sort();
        names
    };
    assert_eq!(place.on_disk(), on_disk("x", "t"));
    backend.rename(&path("x"), &path("array")).await.unwrap();
    backend.rename(&path("t"), &path("table")).await.unwrap();
    assert_eq!(place.on_disk(), on_disk("array", "table"));
    assert_eq!(backend.read_attributes(&path("array")).await.unwrap(), attributes(1.5));
    assert_eq!(backend.read_attributes(&path("table")).await.unwrap(), attributes(2.5));
    assert_eq!(place.read_rows("table").await, [0, 1, 2, 3, 4]);
    let size = |name: &str| std::fs::metadata(place.file(name)).unwrap().len();
    assert_eq!(backend.stat(&path("array")).await.unwrap().size_bytes, size("array.h5"));
    let bytes: u64 = parts.iter().map(|part| size(&format!("table.parquet/{part}"))).sum();
    assert_eq!(backend.stat(&path("table")).await.unwrap().size_bytes, bytes);
}

#[tokio::test]
async fn tables_are_csv_files_on_request_and_read_in_either_format() {
    let place = Place::with(Hdf5Options::default().with_fsync(false).with_tables(TableFormat::Csv));
    let (csv, fine) = (&place, Attributes::new());
    csv.write_table("t", &rows(0..3), WriteMode::Create, &fine).await.unwrap();
    assert_eq!(csv.append_rows("t", &rows(3..5)).await.unwrap(), 5);
    assert_eq!(place.on_disk(), ["t.csv"]);
    assert_eq!(std::fs::read_to_string(place.file("t.csv")).unwrap(), "n\n0\n1\n2\n3\n4\n");

    let parquet = Hdf5Backend::open(place.file(""), Hdf5Options::default()).unwrap();
    let Place { keep, .. } = place;
    let place = Place { keep, backend: parquet };
    assert_eq!(place.read_rows("t").await, [0, 1, 2, 3, 4]);
    let begun = place.backend.tables().unwrap().append(&path("t"), rows(5..6).schema()).await;
    let mut begun = begun.unwrap();
    begun.write(rows(5..6)).await.unwrap();
    place.write_table("t", &rows(7..9), WriteMode::Overwrite, &fine).await.unwrap();
    assert_eq!(begun.finish().await.unwrap_err().kind(), ErrorKind::Conflict, "its table is gone");
    assert_eq!(place.on_disk(), ["t.parquet/", "t.parquet/part-00000000000000000000.parquet"]);
    assert_eq!(place.read_rows("t").await, [7, 8]);
}

/// The table changes between the two formats; whoever reads finds all rows of one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_find_a_whole_table_while_its_format_changes() {
    let place = Place::with(Hdf5Options::default().with_fsync(false).with_tables(TableFormat::Csv));
    let options = Hdf5Options::default().with_fsync(false);
    let parquet = Hdf5Backend::open(place.file(""), options).unwrap();
    let csv = place.backend.clone();
    place.write_table("t", &rows(0..10), WriteMode::Create, &Attributes::new()).await.unwrap();
    let changing = tokio::spawn(async move {
        for round in 0..40i64 {
            let backend = if round % 2 == 0 { &parquet } else { &csv };
            let rows = rows(round..round + 10);
            let options = TableOptions::default();
            let tables = backend.tables().unwrap();
            let mut writer =
                tables.create(&path("t"), rows.schema(), &options, WriteMode::Overwrite).await.unwrap();
            writer.write(rows).await.unwrap();
            writer.finish().await.unwrap();
        }
    });
    let mut reads = 0;
    while !changing.is_finished() {
        let read = place.read_rows("t").await;
        let first = read[0];
        assert_eq!(read, (first..first + 10).collect::<Vec<_>>());
        reads += 1;
    }
    changing.await.unwrap();
    assert!(reads > 0);
}

#[tokio::test]
async fn what_others_stored_is_listed_by_its_kind() {
    let place = Place::new();
    for name in [
        "x.h5",
        "t.csv",
        "u.parquet",
        "notes.txt",
        "X.H5",
        ".hidden",
        "a.b.h5",
        "_private.h5",
        "back\\slash",
        "new\nline",
    ] {
        place.put(name, "");
    }
    for name in ["p.parquet", "d", "_private", "odd.h5"] {
        place.put_folder(name);
    }
    make_pipe(&place.file("pipe"));
    let long = "n".repeat(220);
    place.put(&long, "");
    assert_eq!(
        place.list("").await,
        [
            entry(".hidden", EntryKind::File, ".hidden"),
            entry("X.H5", EntryKind::File, "X.H5"),
            entry("a.b", EntryKind::Array, "a.b.h5"),
            entry("d", EntryKind::Directory, "d"),
            entry("notes.txt", EntryKind::File, "notes.txt"),
            entry("odd.h5", EntryKind::Directory, "odd.h5"),
            entry("p", EntryKind::Table, "p.parquet"),
            entry("t", EntryKind::Table, "t.csv"),
            entry("u", EntryKind::Table, "u.parquet"),
            entry("x", EntryKind::Array, "x.h5"),
        ]
    );
    for (name, kind, stored_name) in place.list("").await {
        let stat = place.backend.stat(&path(&name)).await.unwrap();
        assert_eq!((stat.kind, stat.stored_name), (kind, stored_name), "{name}");
    }
    for name in ["x.h5", "t.csv", "p.parquet", "a.b.h5", "pipe"] {
        assert_eq!(place.kind_of_error(name).await, ErrorKind::NotFound, "{name}");
    }
    let error = place.backend.stat(&path("x.h5")).await.unwrap_err();
    assert!(error.advice().unwrap().contains("'x'"), "{error}");
}

/// A named pipe, made by the system's own program.
fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[tokio::test]
async fn two_objects_of_one_name_are_listed_and_refused() {
    let place = Place::new();
    let fine = Attributes::new();
    for (one, other) in [("x.h5", "x.csv"), ("y.h5", "y/in"), ("z.csv", "z"), ("w.parquet/part", "w.h5")] {
        place.put(one, "");
        place.put(other, "");
    }
    let names: Vec<String> = place.list("").await.into_iter().map(|(name, _, _)| name).collect();
    assert_eq!(names, ["w", "w", "x", "x", "y", "y", "z", "z"]);
    let disk = place.on_disk();
    let backend = &place.backend;
    for (name, one, other) in
        [("x", "x.h5", "x.csv"), ("y", "y.h5", "'y'"), ("z", "z.csv", "'z'"), ("w", "w.h5", "w.parquet")]
    {
        let path = path(name);
        let errors: Vec<Error> = vec![
            backend.stat(&path).await.unwrap_err(),
            backend.list(&path).await.unwrap_err(),
            backend.read_meta(&path).await.unwrap_err(),
            backend.read_attributes(&path).await.unwrap_err(),
            backend.remove(&path).await.unwrap_err(),
            backend.rename(&path, &self::path("q")).await.unwrap_err(),
            backend.copy(&path, &self::path("q")).await.unwrap_err(),
            backend.create_directory(&path, "".into()).await.unwrap_err(),
            place.read(name).await.unwrap_err(),
            place.write(name, "", WriteMode::Replace, &fine).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
            assert!(error.message().contains(one) && error.message().contains(other), "{name}: {error}");
        }
    }
    assert_eq!(place.on_disk(), disk);
}

#[tokio::test]
async fn attributes_go_where_the_entry_goes() {
    let place = Place::new();
    let (backend, fine) = (&place.backend, Attributes::new());
    backend.create_directory(&path("a"), "m".into()).await.unwrap();
    place.write("x", "1", WriteMode::Create, &attributes(0.1)).await.unwrap();
    backend.rename(&path("x"), &path("a/y")).await.unwrap();
    backend.copy(&path("a/y"), &path("z")).await.unwrap();
    for name in ["a/y", "z"] {
        assert_eq!(backend.read_attributes(&path(name)).await.unwrap(), attributes(0.1), "{name}");
    }
    assert!(!place.on_disk().contains(&"_attributes/x.json".to_owned()));
    backend.copy(&path("a"), &path("b")).await.unwrap();
    assert_eq!(backend.read_attributes(&path("b/y")).await.unwrap(), attributes(0.1));
    backend.remove(&path("z")).await.unwrap();
    place.write("z", "2", WriteMode::Create, &fine).await.unwrap();
    assert_eq!(backend.read_attributes(&path("z")).await.unwrap(), fine);

    place.put("_attributes/later.json", "{\"stale\": 1}");
    backend.create_directory(&path("later"), "".into()).await.unwrap();
    assert_eq!(
        backend.read_attributes(&path("later")).await.unwrap(),
        fine,
        "what a crash left is not taken over"
    );

    place.put("_attributes/z.json", "{\"torn\": ");
    let error = backend.read_attributes(&path("z")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("z.json"), "{error}");
}

#[tokio::test]
async fn an_entry_of_another_kind_is_replaced_only_on_request() {
    let place = Place::new();
    let fine = Attributes::new();
    let write = |name: &'static str, mode| place.write(name, "new", mode, &fine);
    place.backend.create_directory(&path("d"), "m".into()).await.unwrap();
    place.write("d/inner", "1", WriteMode::Create, &fine).await.unwrap();
    place.put("x.h5", "array");
    place.put("t.parquet/part-0.parquet", "table");
    for name in ["d", "x", "t"] {
        assert_eq!(write(name, WriteMode::Create).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(write(name, WriteMode::Overwrite).await.unwrap_err().kind(), ErrorKind::WrongKind);
        write(name, WriteMode::Replace).await.unwrap();
        assert_eq!(place.read(name).await.unwrap(), "new");
    }
    assert_eq!(place.on_disk(), ["d", "t", "x"]);
}

#[tokio::test]
async fn what_a_writer_left_behind_is_no_entry_and_a_dropped_one_leaves_nothing() {
    let place = Place::new();
    let mut writer =
        place.backend.files().create(&path("x"), &FileOptions::default(), WriteMode::Create).await.unwrap();
    writer.write(Bytes::from(vec![7; 3 << 20])).await.unwrap();
    assert_eq!(place.list("").await, []);
    assert!(place.on_disk().iter().all(|name| name.starts_with("_staging/")), "{:?}", place.on_disk());
    drop(writer);
    assert_eq!(place.on_disk(), [""; 0]);
    place.put("_staging/0123/staged", "left behind");
    place.put("_trash/4567/discarded", "left behind");
    assert_eq!(place.list("").await, []);
    place.write("x", "1", WriteMode::Create, &Attributes::new()).await.unwrap();
    assert_eq!(place.list("").await, [entry("x", EntryKind::File, "x")]);
}

#[tokio::test]
async fn of_two_writers_that_create_one_name_the_second_to_finish_is_refused() {
    let place = Place::new();
    let begin = || async {
        let (path, options) = (path("x"), FileOptions::default());
        let mut writer = place.backend.files().create(&path, &options, WriteMode::Create).await.unwrap();
        writer.write("file".into()).await.unwrap();
        writer
    };
    let (first, second, third) = (begin().await, begin().await, begin().await);
    first.finish().await.unwrap();
    assert_eq!(second.finish().await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    place.backend.remove(&path("x")).await.unwrap();
    place.put("x.h5", "an array appeared");
    assert_eq!(third.finish().await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(place.on_disk(), ["x.h5"]);
}

#[tokio::test]
async fn links_that_lead_out_are_shown_refused_and_removed_without_following() {
    let place = Place::new();
    let outside = place.keep.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    place.put_folder("a");
    symlink(&outside, place.file("folder")).unwrap();
    symlink("../outside/secret", place.file("file")).unwrap();
    symlink("nowhere", place.file("dangling")).unwrap();
    place.put("real", "inside");
    symlink("../real", place.file("a/link")).unwrap();

    let names: Vec<String> = place.list("").await.into_iter().map(|(name, _, _)| name).collect();
    assert_eq!(names, ["a", "dangling", "file", "folder", "real"]);
    assert_eq!(place.read("a/link").await.unwrap(), "inside");
    assert_eq!(place.read("file").await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(place.kind_of_error("dangling").await, ErrorKind::Corrupt);
    let through = place.backend.list(&path("folder")).await.unwrap_err();
    assert_eq!(through.kind(), ErrorKind::PermissionDenied, "{through}");
    assert!(through.advice().unwrap().contains("follow_symlinks"), "{through}");
    let append = place.backend.files().append(&path("file"), "more".into()).await.unwrap_err();
    assert_eq!(append.kind(), ErrorKind::PermissionDenied);
    let below = place.write("folder/x", "1", WriteMode::Create, &Attributes::new()).await.unwrap_err();
    assert_eq!(below.kind(), ErrorKind::PermissionDenied, "{below}");
    for name in ["folder", "file", "dangling"] {
        place.backend.remove(&path(name)).await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), "secret");

    symlink("../outside/secret", place.file("file")).unwrap();
    let options = Hdf5Options::default().with_follow_symlinks(true);
    let follows = Hdf5Backend::open(place.file(""), options).unwrap();
    let bytes: Vec<Bytes> =
        follows.files().read(&path("file"), None).await.unwrap().try_collect().await.unwrap();
    assert_eq!(bytes.concat(), b"secret");
}

#[tokio::test]
async fn a_copy_shares_no_file_with_its_original() {
    let place = Place::new();
    place.backend.create_directory(&path("a"), "m".into()).await.unwrap();
    place.write("a/x", "1", WriteMode::Create, &Attributes::new()).await.unwrap();
    place.put("a/_private/notes", "kept");
    place.put("a/_staging/123/staged", "not copied");
    place.backend.copy(&path("a"), &path("b")).await.unwrap();
    let inode = |name: &str| std::fs::metadata(place.file(name)).unwrap().ino();
    assert_ne!(inode("a/x"), inode("b/x"));
    place.backend.files().append(&path("a/x"), "2".into()).await.unwrap();
    assert_eq!(
        (place.read("a/x").await.unwrap(), place.read("b/x").await.unwrap()),
        ("12".into(), "1".into())
    );
    let copied: Vec<String> = place.on_disk().into_iter().filter(|name| name.starts_with("b/")).collect();
    assert_eq!(copied, ["b/", "b/_meta.yaml", "b/_private/", "b/_private/notes", "b/x"]);
}

#[tokio::test]
async fn a_directory_made_by_another_program_needs_no_meta() {
    let place = Place::new();
    place.put_folder("plain");
    assert_eq!(place.backend.read_meta(&path("plain")).await.unwrap(), None);
    assert!(!place.backend.list(&path("plain")).await.unwrap().has_meta);
    let error = place.backend.create_directory(&path("plain"), "m".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let version = place.backend.write_meta(&path("plain"), "m".into(), MetaWriteMode::Create).await.unwrap();
    assert_eq!(place.backend.read_meta(&path("plain")).await.unwrap().unwrap().version, version);
}

#[tokio::test]
async fn a_writer_that_waits_in_vain_is_told_who_is_in_the_way() {
    let place = Place::with(Hdf5Options::default().with_lock_timeout(Duration::from_millis(50)));
    place.write("x", "1", WriteMode::Create, &Attributes::new()).await.unwrap();
    let root = fascicle_local::Root::new(&place.file(""), false).unwrap();
    let folder = root.folder("").unwrap();
    let held = fascicle_local::FileLock::acquire(&folder, "x", Duration::ZERO).unwrap();
    let error = place.backend.files().append(&path("x"), "2".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.message().contains("process") && error.advice().is_some(), "{error}");
    assert_eq!(place.read("x").await.unwrap(), "1", "readers do not wait");
    drop(held);
    assert_eq!(place.backend.files().append(&path("x"), "2".into()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_place_cannot_be_a_file() {
    let keep = tempfile::tempdir().unwrap();
    let file = keep.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Hdf5Backend::open(&file, Hdf5Options::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKind);
}
