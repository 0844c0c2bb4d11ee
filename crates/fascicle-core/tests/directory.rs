//! What a Directory does with arrays, tables, files and nested directories.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use arrow_array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Int64Type,
};
use fascicle_core::{
    ArraySpec, DType, DateTime64, EntryKind, ErrorKind, FileWriter, PutOptions, Region, ResolveOptions, Root,
    ScanOptions, Shape, Status, WriteMode, unit,
};
use fascicle_core::{Config, IdentityRules, Outcome};
use fascicle_memory::MemoryBackend;
use ndarray::{Array1, Array2, ArrayD, array, s};
use num_complex::Complex;
use std::sync::Arc;

fn root() -> Root {
    Root::new(MemoryBackend::new())
}

fn batch(ids: &[i64], names: &[&str]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
    let names: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
    RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
}

#[tokio::test]
async fn a_handle_creates_nothing_before_the_first_write() {
    let root = root();
    let dir = root.new_dir("Directory").await.unwrap();
    assert_eq!(dir.name(), "Directory_0000");
    assert!(!dir.exists().await.unwrap() && dir.is_empty().await.unwrap());
    assert_eq!(dir.tree().await.unwrap(), "Directory_0000/\n    (empty)");
    let error = dir.array("x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("Directory_0000/x"), "{error}");
    assert!(root.as_dir().is_empty().await.unwrap());
    dir.put("x", [1]).await.unwrap();
    assert!(dir.exists().await.unwrap());
    assert_eq!(root.new_dir("Directory").await.unwrap().name(), "Directory_0001");
}

#[tokio::test]
async fn an_automatic_name_is_given_to_one_writer_only() {
    let root = root();
    let [first, second] =
        [root.new_dir("Directory").await.unwrap(), root.new_dir("Directory").await.unwrap()];
    assert_eq!(first.name(), second.name());
    first.put("x", [1]).await.unwrap();
    first.put("y", [1]).await.unwrap();
    let error = second.put("x", [2]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(first.array("x").await.unwrap().read::<Vec<i32>>().await.unwrap(), [1]);
}

#[tokio::test]
async fn everything_ndarray_has_goes_in_and_comes_out() {
    let dir = root().dir("d").unwrap();
    let matrix = Array2::from_shape_fn((4, 3), |(i, j)| (10 * i + j) as f64);
    dir.put("matrix", &matrix).await.unwrap();
    dir.put("transposed", &matrix.t()).await.unwrap();
    dir.put("scalar", 2.5f32).await.unwrap();
    dir.put("text", vec!["ä".to_owned(), String::new()]).await.unwrap();
    dir.put("bytes", vec![*b"abc", *b"d\0\0"]).await.unwrap();
    dir.put("complex", [Complex::new(1.0f64, -2.0)]).await.unwrap();
    dir.put("time", [DateTime64::<unit::Seconds>::new(7)]).await.unwrap();
    dir.put("flags", [true, false]).await.unwrap();
    dir.put("none", Array2::<i16>::zeros((0, 3))).await.unwrap();
    let read = |name: &'static str| {
        let dir = dir.clone();
        async move { dir.array(name).await.unwrap() }
    };
    assert_eq!(read("matrix").await.read::<Array2<f64>>().await.unwrap(), matrix);
    assert_eq!(read("transposed").await.read::<Array2<f64>>().await.unwrap(), matrix.t());
    assert_eq!(read("scalar").await.read::<ArrayD<f32>>().await.unwrap()[[]], 2.5);
    assert_eq!(read("scalar").await.read::<ArrayD<f64>>().await.unwrap()[[]], 2.5, "widened");
    assert_eq!(read("text").await.read::<Vec<String>>().await.unwrap(), ["ä", ""]);
    assert_eq!(read("bytes").await.read::<Vec<[u8; 3]>>().await.unwrap(), [*b"abc", *b"d\0\0"]);
    assert_eq!(read("complex").await.read::<Vec<Complex<f64>>>().await.unwrap(), [Complex::new(1.0, -2.0)]);
    assert_eq!(read("time").await.dtype(), DType::DateTime64(fascicle_core::TimeUnit::Second));
    assert_eq!(read("none").await.read::<Array2<i16>>().await.unwrap().shape(), [0, 3]);
    for (name, wrong) in [("matrix", "rank"), ("flags", "dtype")] {
        let error = read(name).await.read::<Array1<f32>>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{wrong}");
    }
}

#[tokio::test]
async fn parts_are_read_and_written() {
    let dir = root().dir("d").unwrap();
    dir.put("x", Array2::from_shape_fn((10, 4), |(i, j)| (10 * i + j) as i32)).await.unwrap();
    let mut x = dir.array("x").await.unwrap();
    assert_eq!(
        x.select(s![..2, 1..;2]).unwrap().read::<Array2<i32>>().await.unwrap(),
        array![[1, 3], [11, 13]]
    );
    assert_eq!(x.select("-1").unwrap().read::<Vec<i32>>().await.unwrap(), [90, 91, 92, 93]);
    x.select(s![3, ..]).unwrap().write([7, 7, 7, 7]).await.unwrap();
    x.select("::5,0").unwrap().write(-1i8).await.unwrap();
    assert_eq!(x.select("3").unwrap().read::<Vec<i64>>().await.unwrap(), [7, 7, 7, 7]);
    assert_eq!(
        x.select(s![.., 0]).unwrap().read::<Vec<i32>>().await.unwrap(),
        [-1, 10, 20, 7, 40, -1, 60, 70, 80, 90]
    );
    assert_eq!(x.select("10").unwrap_err().kind(), ErrorKind::OutOfBounds);
    let refused = [x.select("0").unwrap().write([1]).await, x.select("0").unwrap().write(1.5).await];
    assert!(refused.into_iter().all(|refused| refused.unwrap_err().kind() == ErrorKind::Mismatch));
    let mut target = ArrayD::<i32>::zeros(vec![10, 4]);
    let memory = target.as_ptr();
    x.read_into(&mut target).await.unwrap();
    assert_eq!((target[[9, 3]], target.as_ptr()), (93, memory), "the caller's memory is used");
    dir.append("x", array![[1, 2, 3, 4]]).await.unwrap();
    assert_eq!(x.len(), 10);
    x.refresh().await.unwrap();
    assert_eq!(x.len(), 11);
}

#[tokio::test]
async fn appending_follows_its_rule() {
    let dir = root().dir("d").unwrap();
    assert_eq!(dir.append("x", [1.5f64]).await.unwrap(), 1);
    assert_eq!(dir.append("x", [2.5f32, 3.5]).await.unwrap(), 3, "widened");
    assert_eq!(dir.append("x", Vec::<f64>::new()).await.unwrap(), 3, "no rows change nothing");
    dir.put("i", [1i32]).await.unwrap();
    dir.put("scalar", 1i32).await.unwrap();
    for error in [
        dir.append("i", [1.7f64]).await.unwrap_err(),
        dir.append("i", array![[1i32]]).await.unwrap_err(),
        dir.append("i", 1i32).await.unwrap_err(),
        dir.append("scalar", [1i32]).await.unwrap_err(),
        dir.append("i", ["1".to_owned()]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    }
    assert_eq!(dir.array("i").await.unwrap().read::<Vec<i32>>().await.unwrap(), [1]);
    let mut appender = dir.appender::<f64>("loss", &[2]).unwrap().flush_rows(10);
    for step in 0..25 {
        appender.push([f64::from(step), 0.0]).await.unwrap();
        assert!(appender.push([1.0]).await.is_err());
        let stored = match dir.array("loss").await {
            Ok(loss) => loss.len(),
            Err(_) => 0,
        };
        assert_eq!(stored, (step as u64 + 1) / 10 * 10);
    }
    appender.finish().await.unwrap();
    assert_eq!(dir.array("loss").await.unwrap().shape().to_string(), "(25, 2)");
}

#[tokio::test]
async fn writers_who_find_nothing_all_append() {
    let root = root();
    let tasks: Vec<_> = (0..16i64)
        .map(|i| {
            let dir = root.dir("d").unwrap();
            tokio::spawn(async move {
                dir.append("x", [i]).await.unwrap();
                dir.append_table("t", &batch(&[i], &["n"])).await.unwrap();
                dir.append_file("f", vec![i as u8]).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let dir = root.dir("d").unwrap();
    let mut x: Vec<i64> = dir.array("x").await.unwrap().read().await.unwrap();
    x.sort_unstable();
    assert_eq!(x, (0..16).collect::<Vec<_>>());
    assert_eq!(dir.table("t").await.unwrap().rows(), 16);
    assert_eq!(dir.file("f").await.unwrap().len(), 16);
}

#[tokio::test]
async fn tables_keep_their_schema_and_grow_by_name() {
    let dir = root().dir("d").unwrap();
    dir.put_table("cells", &batch(&[1, 2], &["a", "b"])).await.unwrap();
    let reordered = RecordBatch::try_from_iter([
        ("name", Arc::new(StringArray::from(vec!["c"])) as ArrayRef),
        ("id", Arc::new(Int32Array::from(vec![3])) as ArrayRef),
    ])
    .unwrap();
    assert_eq!(dir.append_table("cells", &reordered).await.unwrap(), 3);
    let options = ScanOptions::default().with_projection(["id"]).with_limit(2);
    let ids = dir.table("cells").await.unwrap().read_with(&options).await.unwrap();
    assert_eq!(ids.column(0).as_primitive::<Int64Type>().values().to_vec(), [1, 2]);
    let wrong =
        RecordBatch::try_from_iter([("id", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)]).unwrap();
    let error = dir.append_table("cells", &wrong).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("-name: Utf8") && error.to_string().contains("≠id"), "{error}");
    assert_eq!(dir.table("cells").await.unwrap().rows(), 3);
}

#[tokio::test]
async fn one_name_is_one_entry() {
    let dir = root().dir("d").unwrap();
    dir.put("x", [1]).await.unwrap();
    for error in [
        dir.put_file("x", "bytes").await.unwrap_err(),
        dir.put_table("x", &batch(&[1], &["a"])).await.unwrap_err(),
        dir.dir("x").unwrap().put("y", [1]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::WrongKind, "{error}");
    }
    let create = PutOptions { mode: WriteMode::Create, ..PutOptions::default() };
    assert_eq!(dir.put_with("x", [2], &create).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(dir.array("x").await.unwrap().read::<Vec<i32>>().await.unwrap(), [1]);
    let mut writer = dir.create_file("x", WriteMode::Replace).await.unwrap();
    writer.write("bytes".into()).await.unwrap();
    FileWriter::finish(writer).await.unwrap();
    assert_eq!(dir.kind("x").await.unwrap(), Some(EntryKind::File));
}

#[tokio::test]
async fn an_array_appears_when_it_is_finished() {
    let dir = root().dir("d").unwrap();
    dir.put("x", [0i32]).await.unwrap();
    let spec = ArraySpec { shape: Shape::new([4]).unwrap(), dtype: DType::Int64 };
    let mut writer = dir.create_array("x", spec.clone(), &PutOptions::default()).await.unwrap();
    writer.write_rows(2, [7i32, 8]).await.unwrap();
    assert!(writer.write_rows(3, [7i32, 8]).await.is_err());
    assert!(writer.write(&Region::whole(&spec.shape), [1.5; 4]).await.is_err());
    assert_eq!(dir.array("x").await.unwrap().len(), 1);
    writer.finish().await.unwrap();
    assert_eq!(dir.array("x").await.unwrap().read::<Vec<i64>>().await.unwrap(), [0, 0, 7, 8]);
}

#[tokio::test]
async fn missing_names_are_answered_with_what_is_there() {
    let dir = root().dir("cells").unwrap();
    dir.put("position", [1]).await.unwrap();
    let error = dir.array("postion").await.unwrap_err().to_string();
    assert!(
        error.contains("did you mean 'position'?") && error.contains("'cells' holds position"),
        "{error}"
    );
    let error = dir.remove("nothing").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn entries_move_and_are_copied() {
    let root = root();
    let dir = root.dir("d").unwrap();
    dir.put("x", [1]).await.unwrap();
    dir.dir("sub").unwrap().put_file("f", "bytes").await.unwrap();
    dir.set_attributes("x", serde_json::json!({"unit": "mV"}).as_object().unwrap()).await.unwrap();
    dir.rename("x", "sub/y").await.unwrap();
    dir.copy("sub", "copy").await.unwrap();
    assert_eq!(dir.names().await.unwrap(), ["copy", "sub"]);
    assert_eq!(dir.attributes("copy/y").await.unwrap()["unit"], "mV");
    dir.put("copy/y", [2]).await.unwrap();
    assert_eq!(dir.array("sub/y").await.unwrap().read::<Vec<i32>>().await.unwrap(), [1]);
    assert_eq!(dir.copy("sub", "copy").await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(dir.copy("sub", "sub/inner").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_finished_directory_is_found_where_it_was_copied() {
    let [here, there] = [root(), root()];
    let config = Config::new("Cells").with("seed", 1);
    let build = |dir: fascicle_core::Directory| async move {
        dir.put("x", [1.5]).await?;
        dir.put_table("t", &batch(&[1], &["a"])).await?;
        dir.dir("sub")?.put_file("f", "bytes").await?;
        Ok(())
    };
    let rules = IdentityRules::default().with_version("3");
    let options = ResolveOptions::default();
    let built = here.resolve_config(&config, &rules, &options, build).await.unwrap().directory;
    let copy = there.as_dir().copy_from(&built, "imported", WriteMode::Create).await.unwrap();
    assert!(built.equals(&copy).await.unwrap());
    assert_eq!(copy.status().await.unwrap(), Some(Status::Done));
    let found = there.resolve_config(&config, &rules, &options, build).await.unwrap();
    assert_eq!((found.outcome, found.directory.name()), (Outcome::Adopted, "imported"));
    // A copy within the root carries the same marks; changing it must not touch the original.
    here.as_dir().copy(built.name(), "copy").await.unwrap();
    here.dir("copy").unwrap().put("x", [0.0]).await.unwrap();
    assert_eq!(here.resolve_config(&config, &rules, &options, build).await.unwrap().outcome, Outcome::Found);
}

#[tokio::test]
async fn update_keeps_and_extend_appends() {
    let root = root();
    let [a, b] = [root.dir("a").unwrap(), root.dir("b").unwrap()];
    for (dir, value) in [(&a, 1), (&b, 2)] {
        dir.put("x", [value]).await.unwrap();
        dir.put_table("t", &batch(&[i64::from(value)], &["n"])).await.unwrap();
        dir.dir("sub").unwrap().put_file("f", vec![value as u8]).await.unwrap();
    }
    b.put("only", [3]).await.unwrap();
    a.update(&b).await.unwrap();
    assert_eq!(a.array("x").await.unwrap().read::<Vec<i32>>().await.unwrap(), [1]);
    assert!(a.contains("only").await.unwrap());
    a.extend(&b).await.unwrap();
    assert_eq!(a.array("x").await.unwrap().read::<Vec<i32>>().await.unwrap(), [1, 2]);
    assert_eq!(a.table("t").await.unwrap().rows(), 2);
    assert_eq!(&a.file("sub/f").await.unwrap().read().await.unwrap()[..], [1, 2]);
    b.put_file("x", "now a file").await.unwrap_err();
}

#[tokio::test]
async fn a_broken_meta_leaves_the_data_readable() {
    let root = root();
    let dir = root.dir("d").unwrap();
    dir.put("x", [1]).await.unwrap();
    let overwrite = fascicle_core::MetaWriteMode::Overwrite;
    root.backend().write_meta(dir.path(), "config: [".into(), overwrite).await.unwrap();
    assert_eq!(dir.meta().await.unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(dir.array("x").await.unwrap().read::<Vec<i32>>().await.unwrap(), [1]);
    // And every other directory is found and built as ever.
    let build = |dir: fascicle_core::Directory| async move { Ok(dir.put("x", [1]).await?) };
    let config = Config::new("T");
    root.resolve_config(&config, &IdentityRules::default(), &ResolveOptions::default(), build).await.unwrap();
}
