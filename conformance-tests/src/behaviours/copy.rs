//! Copying entries.

use super::prelude::*;
use serde_json::json;

behaviours! { "copy"
    /// A copied file is there twice.
    a_file_is_copied [Write, Copy];
    /// A copied array is there twice.
    an_array_is_copied [Write, Copy, Arrays];
    /// A copied table is there twice.
    a_table_is_copied [Write, Copy, Tables];
    /// A directory is copied with its meta and everything in it.
    a_directory_is_copied_with_everything [Write, Copy];
    /// Attributes are copied, of the entry and of everything in it.
    attributes_are_copied [Write, Copy, Attributes];
    /// A file and its copy change apart.
    a_file_and_its_copy_change_apart [Write, Copy, FileAppend];
    /// An array and its copy change apart, by appending and in place.
    an_array_and_its_copy_change_apart [Write, Copy, Arrays, ArrayAppend, ArrayRegionWrite];
    /// A table and its copy change apart.
    a_table_and_its_copy_change_apart [Write, Copy, Tables, TableAppend];
    /// A directory and its copy change apart.
    a_directory_and_its_copy_change_apart [Write, Copy];
    /// The target is never replaced: when it exists the copy is refused, and both stay as they are.
    the_target_is_never_replaced [Write, Copy];
    /// A missing source is not found.
    a_missing_source_is_not_found [Write, Copy];
    /// The parent of the target must exist.
    the_parent_of_the_target_must_exist [Write, Copy];
    /// An entry is not copied onto itself or into itself.
    an_entry_is_not_copied_into_itself [Write, Copy];
}

async fn copy(place: &Place, from: &str, to: &str) -> Result<()> {
    place.copy(&at(from)?, &at(to)?).await
}

/// Copies an entry and expects it, unchanged, under both names.
async fn is_copied(place: &Place, from: &str, to: &str) -> Checked {
    let before = place.entry(from).await?;
    ensure!(before.is_some(), "'{from}' does not exist");
    copy(place, from, to).await?;
    ensure_eq!(place.entry(to).await?, before, "the copy");
    ensure_eq!(place.entry(from).await?, before, "the original");
    Ok(())
}

async fn a_file_is_copied(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("x", samples::bytes(1, 100_000)).await?;
    is_copied(&place, "x", "d/y.bin").await
}

async fn an_array_is_copied(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2, 3], samples::counting(0, 6)).await?;
    is_copied(&place, "x", "y").await
}

async fn a_table_is_copied(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("x", &samples::people(0, 6)?).await?;
    is_copied(&place, "x", "y").await
}

async fn a_directory_is_copied_with_everything(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir_with("d", "outer: 1\n").await?;
    place.make_dir_with("d/e", "inner: 2\n").await?;
    place.put_file("d/x", "x").await?;
    place.put_file("d/e/y", "y").await?;
    is_copied(&place, "d", "copied").await?;
    ensure_eq!(place.names("").await?, ["copied", "d"], "the listing");
    Ok(())
}

async fn attributes_are_copied(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let of = |what: &str| json!({"of": what}).as_object().cloned().unwrap_or_default();
    place.make_dir("d").await?;
    place.put_file("d/x", "content").await?;
    place.put_attributes("d", &of("directory")).await?;
    place.put_attributes("d/x", &of("file")).await?;
    is_copied(&place, "d", "e").await?;
    ensure_eq!(place.attributes("e").await?, of("directory"), "the attributes of the directory");
    ensure_eq!(place.attributes("e/x").await?, of("file"), "the attributes of the file");
    Ok(())
}

async fn a_file_and_its_copy_change_apart(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "old").await?;
    copy(&place, "x", "y").await?;
    place.append_file("x", ", x").await?;
    ensure_eq!(place.file("y").await?, "old".as_bytes(), "the copy");
    place.append_file("y", ", y").await?;
    ensure_eq!(place.file("x").await?, "old, x".as_bytes(), "the original");
    ensure_eq!(place.file("y").await?, "old, y".as_bytes(), "the copy");
    Ok(())
}

async fn an_array_and_its_copy_change_apart(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[3], samples::counting(0, 3)).await?;
    copy(&place, "x", "y").await?;
    place.append_rows("x", 1, samples::counting(3, 1)).await?;
    place.write_region("y", &Region::rows(&shape(&[3])?, 0, 1), samples::counting(100, 1)).await?;
    ensure_eq!(place.array("x").await?.1, Bits(samples::counting(0, 4)), "the original");
    ensure_eq!(place.array("y").await?.1, Bits(Values::Int64(vec![100, 1, 2])), "the copy");
    Ok(())
}

async fn a_table_and_its_copy_change_apart(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("x", &samples::people(0, 3)?).await?;
    copy(&place, "x", "y").await?;
    place.append_table("x", &samples::people(3, 2)?).await?;
    place.append_table("y", &samples::people(3, 1)?).await?;
    ensure_eq!(place.table("x").await?, samples::people(0, 5)?, "the original");
    ensure_eq!(place.table("y").await?, samples::people(0, 4)?, "the copy");
    Ok(())
}

async fn a_directory_and_its_copy_change_apart(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir_with("d", "old: 1\n").await?;
    place.put_file("d/x", "old").await?;
    copy(&place, "d", "e").await?;
    let before = place.entry("e").await?;
    place.write_meta(&at("d")?, Bytes::from_static(b"new: 2\n"), MetaWriteMode::Overwrite).await?;
    place.put_file("d/x", "new").await?;
    place.put_file("d/y", "new").await?;
    ensure_eq!(place.entry("e").await?, before, "the copy");
    place.remove(&at("d")?).await?;
    ensure_eq!(place.entry("e").await?, before, "the copy after the original was removed");
    Ok(())
}

async fn the_target_is_never_replaced(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for directory in ["d", "e"] {
        place.make_dir(directory).await?;
    }
    for file in ["x", "y"] {
        place.put_file(file, file).await?;
    }
    let before = place.everything().await?;
    for (from, to) in [("x", "y"), ("x", "d"), ("d", "x"), ("d", "e")] {
        refused(copy(&place, from, to).await, ErrorKind::AlreadyExists)
            .map_err(|failure| Failure::new(format!("'{from}' to '{to}': {failure}")))?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn a_missing_source_is_not_found(subject: Subject) -> Checked {
    let place = subject.open().await?;
    refused(copy(&place, "x", "y").await, ErrorKind::NotFound)?;
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
    Ok(())
}

async fn the_parent_of_the_target_must_exist(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    place.make_dir("d").await?;
    let before = place.everything().await?;
    for from in ["x", "d"] {
        refused(copy(&place, from, "no/x").await, ErrorKind::NotFound)?;
    }
    refused(copy(&place, "d", "x/y").await, ErrorKind::WrongKind)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn an_entry_is_not_copied_into_itself(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("x", "content").await?;
    let before = place.everything().await?;
    for (from, to) in [("d", "d/x"), ("d", "d"), ("x", "x"), ("", "y"), ("x", "")] {
        refused(copy(&place, from, to).await, ErrorKind::InvalidInput)
            .map_err(|failure| Failure::new(format!("'{from}' to '{to}': {failure}")))?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}
