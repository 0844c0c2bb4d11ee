//! Handles to directories and their entries: laziness, names, kinds, attributes.

use super::{prelude::*, rooted::*};
use fascicle_core::{ArrayData, ArraySpec, Entry};
use futures::TryStreamExt;
use serde_json::json;

behaviours! { "directory"
    /// A handle creates nothing before the first write, and shows an empty directory until then.
    nothing_is_created_before_the_first_write [Write];
    /// The first write creates the directory and those it is nested in, each with a plain meta.
    the_first_write_creates_the_directories [Write];
    /// Asking for a missing child gives a handle; reading through it is refused as not found, naming the path.
    reading_what_is_missing_names_the_path [Write];
    /// The refusal of a missing name says what is there, and which name was probably meant.
    a_missing_name_is_answered_with_what_is_there [Write];
    /// Automatic names are the type and the first free number, of at least four hexadecimal digits.
    automatic_names_are_the_first_free_numbers [Write];
    /// An automatic name belongs to the first handle that writes; the other one is refused.
    an_automatic_name_belongs_to_one_writer [Write];
    /// Directories nested in one with an automatic name can be written first.
    nested_directories_can_be_written_first [Write];
    /// Entries of each kind are opened as what they are, listed in order, and reached by path.
    entries_are_opened_by_kind [Write, Arrays, Tables];
    /// Asking for an entry as another kind is refused.
    entries_are_not_opened_as_another_kind [Write, Arrays, Tables];
    /// The parent of a directory is the one it stands in, up to the root.
    parents_lead_to_the_root [Write];
    /// One name is one entry: another kind is refused, and the entry stays, unless the mode says that it is replaced.
    one_name_is_one_entry [Write, Arrays, Tables];
    /// Entries of the same kind are replaced.
    entries_are_replaced [Write];
    /// A name that cannot be created is refused before anything is created.
    refused_names_create_nothing [Write];
    /// Attributes are written and read by path, and with the entry they belong to.
    attributes_go_with_their_entry [Write, Attributes, Arrays];
    /// An entry that moves keeps what it holds, and is never moved over another one.
    entries_move [Write, Rename];
    /// A directory moves with everything in it, into another directory too.
    directories_move_with_everything [Write, Rename];
    /// An entry is copied with what it holds, attributes included, and never over another one.
    entries_are_copied [Write, Arrays];
    /// Size, numbers of entries and the last change count everything in a directory.
    usage_counts_everything [Write];
    /// An array that is stored part by part appears when it is finished, and until then the old one is there.
    an_array_appears_when_it_is_finished [Write, Arrays];
    /// An array that is never finished leaves the old one, and parts that do not fit are refused.
    an_array_that_is_not_finished_leaves_the_old_one [Write, Arrays];
    /// An array is opened without its elements and keeps the shape of that moment until it is refreshed.
    array_handles_keep_the_shape_of_a_moment [Write, Arrays, ArrayAppend];
    /// Elements that are selected are read and written, widened without loss, and refused where they do not fit.
    selected_elements_are_read_and_written [Write, Arrays, ArrayRegionWrite];
    /// A file is read whole, in part and in pieces.
    files_are_read_in_part [Write];
}

async fn nothing_is_created_before_the_first_write(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let automatic = root.new_dir("Directory").await?;
    let given = root.dir("a/b")?;
    let nested = given.dir("c")?;
    for directory in [&automatic, &given, &nested] {
        ensure!(!directory.exists().await?, "'{directory}' exists");
        ensure!(directory.is_empty().await?, "'{directory}' holds something");
        ensure!(directory.names().await?.is_empty(), "'{directory}' lists something");
        ensure!(directory.meta().await?.is_none(), "'{directory}' has a meta");
        ensure!(!directory.contains("x").await?, "'{directory}' contains something");
        ensure_eq!(directory.tree().await?, format!("{}/\n    (empty)", directory.name()), "the tree");
    }
    ensure_eq!(names(&root).await?, Vec::<String>::new(), "what the root holds");
    ensure_eq!(automatic.name(), "Directory_0000", "the name to come");
    Ok(())
}

async fn the_first_write_creates_the_directories(subject: Subject) -> Checked {
    let root = subject.root().await?;
    root.dir("a/b")?.put_file("c/x", "content").await?;
    for path in ["a", "a/b", "a/b/c"] {
        let directory = root.dir(path)?;
        ensure!(directory.exists().await?, "'{path}' was not created");
        let meta = directory.meta().await?.ok_or_else(|| Failure::new(format!("'{path}' has no meta")))?;
        ensure_eq!(
            (meta.config, meta.status),
            (Config::new("Directory"), Status::Done),
            "the meta of '{path}'"
        );
    }
    ensure!(root.contains("a/b/c/x").await?, "the file is not there");
    ensure_eq!(names(&root).await?, ["a"], "what the root holds");
    Ok(())
}

async fn reading_what_is_missing_names_the_path(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let child = root.dir("cells")?.dir("connections")?;
    let get = refused(child.get("pre_cell_id").await, ErrorKind::NotFound)?;
    let file = refused(child.file("pre_cell_id").await, ErrorKind::NotFound)?;
    let stat = refused(child.stat("pre_cell_id").await, ErrorKind::NotFound)?;
    let remove = refused(child.remove("pre_cell_id").await, ErrorKind::NotFound)?;
    for error in [get, file, stat, remove] {
        ensure_eq!(error.path(), Some("cells/connections/pre_cell_id"), "the path in '{error}'");
        ensure!(error.to_string().contains("'cells/connections/pre_cell_id'"), "{error}");
    }
    ensure_eq!(child.kind("pre_cell_id").await?, None, "the kind of what is missing");
    refused(child.remove_all().await, ErrorKind::NotFound)?;
    ensure_eq!(names(&root).await?, Vec::<String>::new(), "what the root holds");
    Ok(())
}

async fn a_missing_name_is_answered_with_what_is_there(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let cells = root.dir("cells")?;
    cells.put_file("position", "content").await?;
    let error = refused(cells.get("postion").await, ErrorKind::NotFound)?.to_string();
    ensure!(error.contains("did you mean 'position'"), "what was meant: {error}");
    ensure!(error.contains("'cells' holds position"), "what is there: {error}");
    let error = refused(root.dir("nowhere")?.get("x").await, ErrorKind::NotFound)?.to_string();
    ensure!(error.contains("'nowhere' does not exist"), "where nothing is: {error}");
    Ok(())
}

async fn automatic_names_are_the_first_free_numbers(subject: Subject) -> Checked {
    let root = subject.root().await?;
    for number in 0..17 {
        let name = root.create_dir("Directory").await?.name().to_owned();
        ensure_eq!(name, format!("Directory_{number:04x}"), "the name number {number}");
    }
    ensure_eq!(root.new_dir("Directory").await?.name(), "Directory_0011", "the one after the 17th");
    root.remove("Directory_0003").await?;
    ensure_eq!(root.new_dir("Directory").await?.name(), "Directory_0003", "the first free one");
    ensure_eq!(root.create_dir("Directory").await?.name(), "Directory_0003", "the first free one, created");
    ensure_eq!(root.create_dir("Directory").await?.name(), "Directory_0011", "the next free one");
    ensure_eq!(root.create_dir("Cells").await?.name(), "Cells_0000", "of another type");
    // A name that only looks alike takes no number.
    root.dir("Rest_1")?.put_file("x", "content").await?;
    ensure_eq!(root.create_dir("Rest").await?.name(), "Rest_0000", "beside a name that looks alike");
    for refused_type in ["", "a/b", "_x"] {
        ensure!(root.create_dir(refused_type).await.is_err(), "a directory of the type '{refused_type}'");
    }
    Ok(())
}

async fn an_automatic_name_belongs_to_one_writer(subject: Subject) -> Checked {
    let [root, other] = subject.roots().await?;
    let (first, second) = (root.new_dir("Directory").await?, other.new_dir("Directory").await?);
    ensure_eq!(first.name(), second.name(), "the names before anything is written");
    first.put_file("x", "first").await?;
    first.put_file("y", "first").await?;
    refused(second.put_file("x", "second").await, ErrorKind::AlreadyExists)?;
    ensure_eq!(first.file("x").await?.read().await?, "first".as_bytes(), "what the first one wrote");
    ensure_eq!(other.new_dir("Directory").await?.name(), "Directory_0001", "the next name");
    Ok(())
}

async fn nested_directories_can_be_written_first(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let fresh = root.new_dir("Directory").await?;
    let connections = fresh.dir("connections")?;
    connections.put_file("pre_cell_id", "content").await?;
    connections.dir("deeper")?.put_file("x", "content").await?;
    fresh.put_file("x", "content").await?;
    ensure_eq!(fresh.names().await?, ["connections", "x"], "the names");
    ensure_eq!(connections.names().await?, ["deeper", "pre_cell_id"], "the nested names");
    Ok(())
}

/// Puts one entry of every kind into a directory.
async fn put_every_kind(directory: &Directory) -> Checked {
    directory.put("array", [1i64, 2, 3]).await?;
    directory.put_table("table", &samples::people(0, 3)?).await?;
    directory.put_file("file.bin", "content").await?;
    directory.dir("nested")?.put_file("inner", "more").await?;
    Ok(())
}

async fn entries_are_opened_by_kind(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    put_every_kind(&directory).await?;
    ensure_eq!(directory.names().await?, ["array", "file.bin", "nested", "table"], "the names");
    for info in directory.entries().await? {
        let kind = match directory.get(&info.name).await? {
            Entry::Array(array) => {
                ensure_eq!(array.read::<Vec<i64>>().await?, [1, 2, 3], "the array");
                EntryKind::Array
            }
            Entry::Table(table) => {
                ensure_eq!(table.read().await?, samples::people(0, 3)?, "the table");
                EntryKind::Table
            }
            Entry::File(file) => {
                ensure_eq!(file.read().await?, "content".as_bytes(), "the file");
                EntryKind::File
            }
            Entry::Directory(nested) => {
                ensure_eq!(nested.names().await?, ["inner"], "the nested directory");
                EntryKind::Directory
            }
        };
        ensure_eq!(kind, info.kind, "the kind that is listed of '{}'", info.name);
        ensure_eq!(directory.kind(&info.name).await?, Some(kind), "the kind of '{}'", info.name);
    }
    ensure!(directory.contains("nested/inner").await?, "a path does not lead to a nested entry");
    ensure!(!directory.contains("nested/other").await?, "a path leads to what is not there");
    Ok(())
}

async fn entries_are_not_opened_as_another_kind(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    put_every_kind(&directory).await?;
    for name in ["table", "file.bin", "nested"] {
        refused(directory.array(name).await, ErrorKind::WrongKind)?;
    }
    for name in ["array", "file.bin", "nested"] {
        refused(directory.table(name).await, ErrorKind::WrongKind)?;
    }
    for name in ["array", "table", "nested"] {
        refused(directory.file(name).await, ErrorKind::WrongKind)?;
    }
    ensure!(!directory.dir("array")?.exists().await?, "an array is a directory");
    Ok(())
}

async fn parents_lead_to_the_root(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let inner = root.dir("a/b/c")?;
    inner.put_file("x", "content").await?;
    let mut path = Vec::new();
    let mut next = Some(inner);
    while let Some(directory) = next {
        path.push(directory.path().as_str().to_owned());
        next = directory.parent();
    }
    ensure_eq!(path, ["a/b/c", "a/b", "a", ""], "the way to the root");
    let parent = root.dir("a/b")?.parent().ok_or_else(|| Failure::new("there is no parent"))?;
    ensure_eq!(parent.names().await?, ["b"], "what the parent holds");
    Ok(())
}

async fn one_name_is_one_entry(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("x", [1i64]).await?;
    refused(directory.put_file("x", "content").await, ErrorKind::WrongKind)?;
    refused(directory.put_table("x", &samples::people(0, 1)?).await, ErrorKind::WrongKind)?;
    ensure!(directory.dir("x")?.put_file("y", "content").await.is_err(), "something was put below an array");
    let create = PutOptions { mode: WriteMode::Create, ..PutOptions::default() };
    refused(directory.put_with("x", [2i64], &create).await, ErrorKind::AlreadyExists)?;
    ensure_eq!(directory.array("x").await?.read::<Vec<i64>>().await?, [1], "the array");
    let mut writer = directory.create_file("x", WriteMode::Replace).await?;
    writer.write(Bytes::from_static(b"content")).await?;
    writer.finish().await?;
    ensure_eq!(directory.kind("x").await?, Some(EntryKind::File), "the kind of what replaced it");
    let replace = PutOptions { mode: WriteMode::Replace, ..PutOptions::default() };
    directory.put_with("x", [3i64], &replace).await?;
    ensure_eq!(directory.array("x").await?.read::<Vec<i64>>().await?, [3], "what replaced that");
    ensure_eq!(directory.names().await?, ["x"], "the names");
    Ok(())
}

async fn entries_are_replaced(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put_file("x", "the old content, which is longer").await?;
    directory.put_file("x", "new").await?;
    ensure_eq!(directory.file("x").await?.read().await?, "new".as_bytes(), "the file");
    refused(directory.create_file("x", WriteMode::Create).await.map(|_| ()), ErrorKind::AlreadyExists)?;
    // What is begun and not finished replaces nothing.
    let mut writer = directory.create_file("x", WriteMode::Overwrite).await?;
    writer.write(Bytes::from_static(b"never finished")).await?;
    drop(writer);
    ensure_eq!(
        directory.file("x").await?.read().await?,
        "new".as_bytes(),
        "the file after an unfinished write"
    );
    ensure_eq!(directory.names().await?, ["x"], "the names");
    Ok(())
}

async fn refused_names_create_nothing(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let directory = root.dir("d")?;
    for name in ["", "x.h5", "_meta.yaml", "a//b", "../x", "con"] {
        refused(directory.put_file(name, "content").await, ErrorKind::InvalidPath)?;
    }
    for path in ["", "a//b", "..", "/"] {
        ensure!(root.dir(path).is_err(), "'{path}' was taken for a directory");
    }
    ensure_eq!(names(&root).await?, Vec::<String>::new(), "what the root holds");
    Ok(())
}

async fn attributes_go_with_their_entry(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.dir("nested")?.put("x", [1.5]).await?;
    let attributes: Attributes =
        [("unit".to_owned(), json!("mV")), ("range".to_owned(), json!([-70, 30.5, null]))]
            .into_iter()
            .collect();
    directory.set_attributes("nested/x", &attributes).await?;
    ensure_eq!(directory.attributes("nested/x").await?, attributes, "by path");
    ensure_eq!(directory.array("nested/x").await?.attributes().await?, attributes, "of the array");
    ensure!(directory.attributes("nested").await?.is_empty(), "another entry got them too");
    directory.set_attributes("nested/x", &Attributes::new()).await?;
    ensure!(directory.attributes("nested/x").await?.is_empty(), "they are replaced as a whole");
    refused(directory.set_attributes("nothing", &attributes).await, ErrorKind::NotFound)?;
    let array = ArrayOptions { attributes: attributes.clone(), ..ArrayOptions::default() };
    directory.put_with("y", [1], &PutOptions { array, ..PutOptions::default() }).await?;
    ensure_eq!(directory.attributes("y").await?, attributes, "of an array that was stored with them");
    Ok(())
}

async fn entries_move(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put_file("x", "content").await?;
    directory.put_file("taken", "other content").await?;
    directory.rename("x", "new/place/y").await?;
    ensure_eq!(directory.names().await?, ["new", "taken"], "the names");
    ensure_eq!(directory.file("new/place/y").await?.read().await?, "content".as_bytes(), "what moved");
    refused(directory.rename("new/place/y", "taken").await, ErrorKind::AlreadyExists)?;
    refused(directory.rename("nothing", "z").await, ErrorKind::NotFound)?;
    refused(directory.rename("new", "new/inside").await, ErrorKind::InvalidInput)?;
    ensure_eq!(
        directory.file("taken").await?.read().await?,
        "other content".as_bytes(),
        "what was in the way"
    );
    ensure!(directory.contains("new/place/y").await?, "what was refused to move is gone");
    Ok(())
}

async fn directories_move_with_everything(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let built = builds.resolve(&root, &cells(0)).await?.directory;
    root.as_dir().rename(built.name(), "kept/here").await?;
    is_complete(&root.dir("kept/here")?).await?;
    ensure_eq!(names(&root).await?, ["kept"], "what the root holds");
    ensure_eq!(root.dir("kept/here")?.config().await?, cells(0), "the config");
    Ok(())
}

async fn entries_are_copied(subject: Subject) -> Checked {
    let (root, elsewhere) = (subject.root().await?, subject.elsewhere()?.root().await?);
    let directory = root.dir("d")?;
    directory.put("x", [1i64, 2, 3]).await?;
    let keeps_attributes = root.backend().capabilities().has(Capability::Attributes);
    let unit: Attributes = [("unit".to_owned(), json!("mV"))].into_iter().collect();
    if keeps_attributes {
        directory.set_attributes("x", &unit).await?;
    }
    let target = elsewhere.dir("e")?;
    target.copy_entry(&directory, "x", "y", WriteMode::Create).await?;
    ensure_eq!(target.array("y").await?.read::<Vec<i64>>().await?, [1, 2, 3], "the copy in another root");
    if keeps_attributes {
        ensure_eq!(target.attributes("y").await?, unit, "the attributes of the copy");
    }
    let again = target.copy_entry(&directory, "x", "y", WriteMode::Create).await;
    refused(again, ErrorKind::AlreadyExists)?;
    directory.copy_entry(&directory, "x", "nested/y", WriteMode::Create).await?;
    directory.put("x", [4i64]).await?;
    ensure_eq!(directory.array("nested/y").await?.read::<Vec<i64>>().await?, [1, 2, 3], "the copy");
    target.copy_entry(&directory, "x", "y", WriteMode::Overwrite).await?;
    ensure_eq!(target.array("y").await?.read::<Vec<i64>>().await?, [4], "the copy that was overwritten");
    let into_itself = root.as_dir().copy_entry(&root.as_dir(), "d", "d/inner", WriteMode::Create).await;
    refused(into_itself, ErrorKind::InvalidInput)?;
    Ok(())
}

async fn usage_counts_everything(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put_file("small", "content").await?;
    let before = directory.usage().await?;
    directory.put_file("inner/large", samples::bytes(1, 100_000)).await?;
    let after = directory.usage().await?;
    ensure_eq!((before.files, before.directories), (1, 1), "files and directories before");
    ensure_eq!((after.files, after.directories), (2, 2), "files and directories after");
    ensure!(
        after.size_bytes >= before.size_bytes + 100_000,
        "{} bytes became {}",
        before.size_bytes,
        after.size_bytes
    );
    ensure_eq!(directory.size_bytes().await?, after.size_bytes, "the size");
    ensure!(after.last_modified >= before.last_modified, "the last change went back");
    ensure_eq!(directory.last_modified().await?, after.last_modified, "the last change");
    refused(directory.dir("nothing")?.usage().await, ErrorKind::NotFound)?;
    Ok(())
}

async fn an_array_appears_when_it_is_finished(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("x", [7i64]).await?;
    let spec = ArraySpec { shape: shape(&[5])?, dtype: DType::Int64 };
    let mut writer = directory.create_array("x", spec, &PutOptions::default()).await?;
    writer.write_rows(3, [3i64, 4]).await?;
    writer.write_rows(0, [0i8, 1]).await?;
    ensure_eq!(directory.array("x").await?.read::<Vec<i64>>().await?, [7], "before it is finished");
    writer.finish().await?;
    ensure_eq!(directory.array("x").await?.read::<Vec<i64>>().await?, [0, 1, 0, 3, 4], "when it is finished");
    Ok(())
}

async fn an_array_that_is_not_finished_leaves_the_old_one(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("x", [7i64]).await?;
    let spec = ArraySpec { shape: shape(&[4])?, dtype: DType::Int64 };
    for name in ["x", "new"] {
        let mut writer = directory.create_array(name, spec.clone(), &PutOptions::default()).await?;
        writer.write_rows(0, [1i64, 2]).await?;
        ensure!(writer.write_rows(3, [1i64, 2]).await.is_err(), "rows beyond the end were taken");
        ensure!(writer.write_rows(0, [1.5]).await.is_err(), "elements that lose digits were taken");
        drop(writer);
    }
    ensure_eq!(directory.names().await?, ["x"], "the names");
    ensure_eq!(directory.array("x").await?.read::<Vec<i64>>().await?, [7], "the old array");
    Ok(())
}

async fn array_handles_keep_the_shape_of_a_moment(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("x", [0i64, 1]).await?;
    let mut x = directory.array("x").await?;
    ensure_eq!(
        (x.len(), x.dtype(), x.shape().clone()),
        (2, DType::Int64, shape(&[2])?),
        "what is known of it"
    );
    directory.append("x", [2i64]).await?;
    ensure_eq!(x.len(), 2, "the length before it looks again");
    x.refresh().await?;
    ensure_eq!(x.len(), 3, "the length after it looked again");
    ensure_eq!(x.read::<Vec<i64>>().await?, [0, 1, 2], "the elements");
    directory.put("x", [1.5]).await?;
    x.refresh().await?;
    ensure_eq!(x.dtype(), DType::Float64, "the dtype of what replaced it");
    Ok(())
}

async fn selected_elements_are_read_and_written(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    let elements = ArrayData::new(shape(&[4, 3])?, samples::counting(0, 12))?;
    directory.put("nested/x", elements).await?;
    let x = directory.array("nested/x").await?;
    ensure_eq!(x.select("1,:")?.read::<Vec<i64>>().await?, [3, 4, 5], "a row");
    ensure_eq!(
        x.select("::-2,-1").map(|_| ()).map_err(|e| e.kind()),
        Err(ErrorKind::InvalidInput),
        "a step back"
    );
    ensure_eq!(x.select("::2,-1")?.read::<Vec<i64>>().await?, [2, 8], "every other row of the last column");
    ensure_eq!(x.select("::2,-1")?.shape()?, shape(&[2])?, "the shape of a selection");
    x.select("1,:")?.write([7i32, 8, 9]).await?;
    x.select("3,1:")?.write(-1i64).await?;
    let all: ArrayData = x.read().await?;
    ensure_eq!(all.into_vec::<i64>()?, [0, 1, 2, 7, 8, 9, 6, 7, 8, 9, -1, -1], "all elements");
    refused(x.select("4").map(|_| ()), ErrorKind::OutOfBounds)?;
    refused(x.select("0,:")?.write([1i64, 2]).await, ErrorKind::Mismatch)?;
    refused(x.select("0,:")?.write([1.5, 2.5, 3.5]).await, ErrorKind::Mismatch)?;
    ensure_eq!(x.select("0,:")?.read::<Vec<i64>>().await?, [0, 1, 2], "what was refused to change");
    ensure_eq!(
        x.select("0,:")?.read::<Vec<f64>>().await.map_err(|e| e.kind()),
        Err(ErrorKind::Mismatch),
        "a lossy read"
    );
    Ok(())
}

async fn files_are_read_in_part(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    let content = Bytes::from(samples::bytes(1, 300_000));
    directory.put_file("x.bin", content.clone()).await?;
    let file = directory.file("x.bin").await?;
    ensure_eq!(file.len(), 300_000, "the length");
    ensure_eq!(file.read().await?, content, "all bytes");
    ensure_eq!(file.read_range(10..20).await?, content.slice(10..20), "some bytes");
    ensure_eq!(file.read_range(299_990..400_000).await?, content.slice(299_990..), "the bytes up to the end");
    let pieces: Vec<Bytes> = file.stream(Some(5..200_000)).await?.try_collect().await?;
    ensure_eq!(pieces.concat(), content.slice(5..200_000), "the bytes in pieces");
    directory.put_file("empty", "").await?;
    ensure!(directory.file("empty").await?.is_empty(), "an empty file holds something");
    Ok(())
}
