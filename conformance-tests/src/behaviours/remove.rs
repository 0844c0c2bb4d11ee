//! Removing entries.

use super::prelude::*;

behaviours! { "remove"
    /// A removed file is gone.
    a_removed_file_is_gone [Write];
    /// A removed array is gone.
    a_removed_array_is_gone [Write, Arrays];
    /// A removed table is gone, with all rows that were appended.
    a_removed_table_is_gone [Write, Tables];
    /// A removed directory is gone with everything in it.
    a_removed_directory_is_gone_with_everything [Write];
    /// Entries beside a removed one stay, however alike the names.
    neighbours_stay [Write];
    /// A removed name can be used again, for any kind of entry, and nothing of the old entry shows.
    the_name_can_be_used_again [Write];
    /// A directory made anew has the new meta, not the removed one.
    a_directory_made_anew_has_the_new_meta [Write];
    /// What is missing cannot be removed.
    a_missing_entry_is_not_found [Write];
    /// The root cannot be removed.
    the_root_cannot_be_removed [Write];
    /// Removing an entry leaves the meta of its directory.
    the_meta_of_the_parent_stays [Write];
    /// Removing every entry leaves an empty root.
    everything_can_be_removed [Write];
}

async fn gone(place: &Place, path: &str) -> Checked {
    place.remove(&at(path)?).await?;
    refused(place.stat(&at(path)?).await, ErrorKind::NotFound)?;
    refused(place.remove(&at(path)?).await, ErrorKind::NotFound)?;
    ensure!(!place.names("").await?.iter().any(|name| name == path), "'{path}' is still listed");
    Ok(())
}

async fn a_removed_file_is_gone(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    gone(&place, "x").await?;
    refused(place.file("x").await, ErrorKind::NotFound)?;
    Ok(())
}

async fn a_removed_array_is_gone(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[3], samples::counting(0, 3)).await?;
    gone(&place, "x").await?;
    refused(place.array("x").await, ErrorKind::NotFound)?;
    Ok(())
}

async fn a_removed_table_is_gone(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("x", &samples::people(0, 3)?).await?;
    if place.capabilities().has(Capability::TableAppend) {
        place.append_table("x", &samples::people(3, 3)?).await?;
    }
    gone(&place, "x").await?;
    refused(place.table("x").await, ErrorKind::NotFound)?;
    place.put_table("x", &samples::people(9, 1)?).await?;
    ensure_eq!(place.table("x").await?, samples::people(9, 1)?, "the table made anew");
    Ok(())
}

async fn a_removed_directory_is_gone_with_everything(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for directory in ["d", "d/e", "d/e/f"] {
        place.make_dir(directory).await?;
        place.put_file(&format!("{directory}/x"), directory).await?;
    }
    gone(&place, "d").await?;
    for path in ["d/x", "d/e", "d/e/x", "d/e/f/x"] {
        refused(place.stat(&at(path)?).await, ErrorKind::NotFound)?;
    }
    Ok(())
}

async fn neighbours_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for directory in ["a", "ab", "b", "a b", "a-"] {
        place.make_dir(directory).await?;
        place.put_file(&format!("{directory}/x"), directory).await?;
    }
    for file in ["a.txt", "x", "xx", "a0"] {
        place.put_file(file, file).await?;
    }
    place.remove(&at("a")?).await?;
    place.remove(&at("x")?).await?;
    place.remove(&at("b/x")?).await?;
    ensure_eq!(place.names("").await?, ["a b", "a-", "a.txt", "a0", "ab", "b", "xx"], "the listing");
    for (path, content) in
        [("ab/x", "ab"), ("a b/x", "a b"), ("a-/x", "a-"), ("a.txt", "a.txt"), ("xx", "xx")]
    {
        ensure_eq!(place.file(path).await?, content.as_bytes(), "the file '{path}'");
    }
    Ok(())
}

async fn the_name_can_be_used_again(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let capabilities = place.capabilities();
    for _ in 0..2 {
        place.put_file_as("x", "content", WriteMode::Create).await?;
        place.remove(&at("x")?).await?;
        if capabilities.has(Capability::Arrays) {
            let (values, options) = (samples::counting(0, 2), ArrayOptions::default());
            place.put_array_with("x", &[2], values, &options, WriteMode::Create).await?;
            place.remove(&at("x")?).await?;
        }
        if capabilities.has(Capability::Tables) {
            place.put_table_as("x", &samples::people(0, 2)?, WriteMode::Create).await?;
            place.remove(&at("x")?).await?;
        }
        place.make_dir("x").await?;
        ensure_eq!(place.names("x").await?, Vec::<String>::new(), "the entries of the new directory");
        place.put_file("x/y", "inside").await?;
        place.remove(&at("x")?).await?;
    }
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
    Ok(())
}

async fn a_directory_made_anew_has_the_new_meta(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir_with("d", "old: 1\n").await?;
    place.put_file("d/x", "old").await?;
    place.remove(&at("d")?).await?;
    place.make_dir_with("d", "new: 2\n").await?;
    ensure_eq!(place.meta("d").await?, "new: 2\n".as_bytes(), "the meta");
    ensure_eq!(place.names("d").await?, Vec::<String>::new(), "the entries");
    Ok(())
}

async fn a_missing_entry_is_not_found(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("x", "content").await?;
    let before = place.everything().await?;
    for missing in ["y", "d/x", "no/x", "xx"] {
        refused(place.remove(&at(missing)?).await, ErrorKind::NotFound)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn the_root_cannot_be_removed(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    refused(place.remove(&EntryPath::root()).await, ErrorKind::InvalidInput)?;
    ensure_eq!(place.file("x").await?, "content".as_bytes(), "the file");
    Ok(())
}

async fn the_meta_of_the_parent_stays(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let version = place.make_dir_with("d", "kept: 1\n").await?;
    place.put_file("d/x", "content").await?;
    place.remove(&at("d/x")?).await?;
    let meta = place.read_meta(&at("d")?).await?;
    ensure_eq!(meta.map(|record| record.version), Some(version), "the version of the meta");
    ensure_eq!(place.kind("d").await?, EntryKind::Directory, "the directory");
    Ok(())
}

async fn everything_can_be_removed(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("d/x", "content").await?;
    place.put_file("f", "content").await?;
    for name in place.names("").await? {
        place.remove(&at(&name)?).await?;
    }
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
    ensure_eq!(place.kind("").await?, EntryKind::Directory, "the root");
    Ok(())
}
