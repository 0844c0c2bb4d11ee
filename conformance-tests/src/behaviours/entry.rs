//! Entries: one name, one entry; what stands where, and what may take its place.

use super::prelude::*;
use std::time::{Duration, SystemTime};

behaviours! { "entry"
    /// The root is a directory that exists from the start.
    the_root_exists_from_the_start [];
    /// A backend has a name of lower-case letters, digits and dashes, and a location to show.
    a_backend_says_what_and_where_it_is [];
    /// Every handle on one place declares the same capabilities.
    capabilities_do_not_change [];
    /// Looking at what does not exist is refused as not found, beside and below what does exist.
    missing_entries_are_not_found [Write];
    /// A created directory is an empty directory with the given meta.
    a_new_directory_is_empty [Write];
    /// Directories nest, and hold entries of the same names as other directories do.
    directories_hold_entries_of_their_own [Write];
    /// Creating a directory that exists is refused, and its meta and its entries stay as they are.
    an_existing_directory_is_not_created_again [Write];
    /// Creating a directory over a file is refused, and the file stays as it is.
    a_directory_is_not_created_over_a_file [Write];
    /// Creating a directory over an array is refused, and the array stays as it is.
    a_directory_is_not_created_over_an_array [Write, Arrays];
    /// Creating a directory over a table is refused, and the table stays as it is.
    a_directory_is_not_created_over_a_table [Write, Tables];
    /// Nothing is created where the parent directory is missing.
    the_parent_must_exist [Write];
    /// No array is created where the parent directory is missing.
    the_parent_of_an_array_must_exist [Write, Arrays];
    /// No table is created where the parent directory is missing.
    the_parent_of_a_table_must_exist [Write, Tables];
    /// Nothing is created below a file.
    nothing_stands_below_a_file [Write];
    /// Nothing is created below an array.
    nothing_stands_below_an_array [Write, Arrays];
    /// Nothing is created below a table.
    nothing_stands_below_a_table [Write, Tables];
    /// Each of the four kinds of entries is told by looking at it.
    the_kind_is_told [Write, Arrays, Tables];
    /// Looking at an entry tells the stored name that the listing tells.
    the_stored_name_is_told [Write];
    /// More data occupies more bytes.
    more_data_occupies_more_bytes [Write];
    /// The time of the last change, where it is told, is about now, and does not go back when the entry is written again.
    the_time_of_the_last_change_is_plausible [Write];
    /// Writing with `Create` over an existing entry of any kind is refused, and that entry stays as it is.
    create_never_replaces [Write, Arrays, Tables];
    /// Writing with `Overwrite` over an entry of another kind is refused, and that entry stays as it is.
    overwrite_keeps_other_kinds [Write, Arrays, Tables];
    /// Writing with `Replace` takes the place of an entry of any kind, of which nothing remains.
    replace_takes_the_place_of_any_kind [Write, Arrays, Tables];
    /// A file that is written with `Replace` takes the place of a directory with everything in it.
    replace_takes_the_place_of_a_full_directory [Write];
}

const KINDS: [EntryKind; 4] = [EntryKind::Array, EntryKind::Table, EntryKind::File, EntryKind::Directory];
const LEAVES: [EntryKind; 3] = [EntryKind::Array, EntryKind::Table, EntryKind::File];

/// Creates an entry of a kind where there is none.
async fn make(place: &Place, path: &str, kind: EntryKind) -> Result<()> {
    match kind {
        EntryKind::Directory => place.make_dir_with(path, "about: before\n").await.map(|_version| ()),
        leaf => write(place, path, leaf, 3, WriteMode::Create).await,
    }
}

/// Writes an entry of a kind, of `count` elements, rows or bytes.
async fn write(place: &Place, path: &str, kind: EntryKind, count: u64, mode: WriteMode) -> Result<()> {
    match kind {
        EntryKind::Array => {
            let options = ArrayOptions::default();
            place.put_array_with(path, &[count], samples::counting(7, count), &options, mode).await
        }
        EntryKind::Table => {
            let rows = samples::people(7, count as i64)?;
            place.put_table_as(path, &rows, mode).await.map(|_rows| ())
        }
        EntryKind::File => place.put_file_as(path, samples::bytes(7, count as usize), mode).await,
        EntryKind::Directory => place.make_dir(path).await.map(|_version| ()),
    }
}

async fn the_root_exists_from_the_start(subject: Subject) -> Checked {
    let place = subject.open().await?;
    ensure_eq!(place.kind("").await?, EntryKind::Directory, "the kind of the root");
    Ok(())
}

async fn a_backend_says_what_and_where_it_is(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let name = place.name();
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    ensure!(!name.is_empty() && name.bytes().all(is_plain), "the name is {name:?}");
    let location = place.location();
    ensure!(!location.is_empty() && !location.contains(char::is_control), "the location is {location:?}");
    Ok(())
}

async fn capabilities_do_not_change(subject: Subject) -> Checked {
    let (one, other) = (subject.open().await?, subject.open().await?);
    ensure_eq!(other.capabilities(), one.capabilities(), "the capabilities of a second handle");
    ensure_eq!(other.name(), one.name(), "the name of a second handle");
    Ok(())
}

async fn missing_entries_are_not_found(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("d/x", "").await?;
    for missing in ["x", "d/y", "d/x2", "dd", "no/x", "d/no/x"] {
        refused(place.stat(&at(missing)?).await, ErrorKind::NotFound)
            .map_err(|failure| Failure::new(format!("'{missing}': {failure}")))?;
    }
    Ok(())
}

async fn a_new_directory_is_empty(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir_with("d", "config: {type: Cells}\n").await?;
    ensure_eq!(place.kind("d").await?, EntryKind::Directory, "the kind");
    let listing = place.list(&at("d")?).await?;
    ensure!(listing.entries.is_empty(), "the new directory holds {:?}", listing.entries);
    ensure_eq!(place.meta("d").await?, "config: {type: Cells}\n".as_bytes(), "the meta");
    Ok(())
}

async fn directories_hold_entries_of_their_own(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for directory in ["a", "a/b", "a/b/a"] {
        place.make_dir(directory).await?;
        place.put_file(&format!("{directory}/x"), directory).await?;
    }
    place.put_file("x", "root").await?;
    for (file, content) in [("x", "root"), ("a/x", "a"), ("a/b/x", "a/b"), ("a/b/a/x", "a/b/a")] {
        ensure_eq!(place.file(file).await?, content.as_bytes(), "the file '{file}'");
    }
    Ok(())
}

async fn an_existing_directory_is_not_created_again(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir_with("d", "first: true\n").await?;
    place.put_file("d/x", "kept").await?;
    let before = place.everything().await?;
    refused(place.make_dir_with("d", "second: true\n").await, ErrorKind::AlreadyExists)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn directory_is_not_created_over(subject: Subject, kind: EntryKind) -> Checked {
    let place = subject.open().await?;
    make(&place, "x", kind).await?;
    let before = place.everything().await?;
    refused(place.make_dir("x").await, ErrorKind::AlreadyExists)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn a_directory_is_not_created_over_a_file(subject: Subject) -> Checked {
    directory_is_not_created_over(subject, EntryKind::File).await
}

async fn a_directory_is_not_created_over_an_array(subject: Subject) -> Checked {
    directory_is_not_created_over(subject, EntryKind::Array).await
}

async fn a_directory_is_not_created_over_a_table(subject: Subject) -> Checked {
    directory_is_not_created_over(subject, EntryKind::Table).await
}

/// Expects that nothing of this kind is created below `parent`.
async fn not_created_below(place: &Place, parent: &str, kind: EntryKind, why: ErrorKind) -> Checked {
    let before = place.everything().await?;
    for below in ["x", "d/x"] {
        let path = format!("{parent}/{below}");
        // Of what stands two levels below a leaf, the parent is missing as much as it is no directory.
        let answer = write(place, &path, kind, 2, WriteMode::Create).await;
        let is_refused = answer.as_ref().is_err_and(|error| {
            error.kind() == why || below.contains('/') && error.kind() == ErrorKind::NotFound
        });
        ensure!(is_refused, "creating the {kind} '{path}' gave {answer:?}");
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn the_parent_must_exist(subject: Subject) -> Checked {
    let place = subject.open().await?;
    not_created_below(&place, "missing", EntryKind::Directory, ErrorKind::NotFound).await?;
    not_created_below(&place, "missing", EntryKind::File, ErrorKind::NotFound).await
}

async fn the_parent_of_an_array_must_exist(subject: Subject) -> Checked {
    not_created_below(&subject.open().await?, "missing", EntryKind::Array, ErrorKind::NotFound).await
}

async fn the_parent_of_a_table_must_exist(subject: Subject) -> Checked {
    not_created_below(&subject.open().await?, "missing", EntryKind::Table, ErrorKind::NotFound).await
}

async fn nothing_stands_below(subject: Subject, leaf: EntryKind) -> Checked {
    let place = subject.open().await?;
    make(&place, "leaf", leaf).await?;
    not_created_below(&place, "leaf", EntryKind::Directory, ErrorKind::WrongKind).await?;
    not_created_below(&place, "leaf", EntryKind::File, ErrorKind::WrongKind).await
}

async fn nothing_stands_below_a_file(subject: Subject) -> Checked {
    nothing_stands_below(subject, EntryKind::File).await
}

async fn nothing_stands_below_an_array(subject: Subject) -> Checked {
    nothing_stands_below(subject, EntryKind::Array).await
}

async fn nothing_stands_below_a_table(subject: Subject) -> Checked {
    nothing_stands_below(subject, EntryKind::Table).await
}

async fn the_kind_is_told(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for kind in KINDS {
        make(&place, kind.name(), kind).await?;
        ensure_eq!(place.kind(kind.name()).await?, kind, "the kind of the {kind}");
    }
    Ok(())
}

async fn the_stored_name_is_told(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("d/notes.txt", "x").await?;
    for (directory, path) in [("", "d"), ("d", "d/notes.txt")] {
        let stat = place.stat(&at(path)?).await?;
        let listing = place.list(&at(directory)?).await?;
        ensure!(!stat.stored_name.is_empty(), "'{path}' has no stored name");
        let listed: Vec<&str> = listing.entries.iter().map(|entry| entry.stored_name.as_str()).collect();
        ensure_eq!(listed, [stat.stored_name.as_str()], "the stored name of '{path}' as listed");
    }
    Ok(())
}

async fn more_data_occupies_more_bytes(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("small", samples::bytes(1, 100)).await?;
    place.put_file("large", samples::bytes(2, 100_000)).await?;
    let small = place.stat(&at("small")?).await?.size_bytes;
    let large = place.stat(&at("large")?).await?.size_bytes;
    ensure!(small > 0 && large > small, "100 bytes occupy {small}, 100000 bytes {large}");
    Ok(())
}

async fn the_time_of_the_last_change_is_plausible(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "one").await?;
    let first = place.stat(&at("x")?).await?.modified;
    place.put_file("x", "two").await?;
    let second = place.stat(&at("x")?).await?.modified;
    ensure_eq!(second.is_some(), first.is_some(), "whether the time is known");
    if let (Some(first), Some(second)) = (first, second) {
        // The storage's clock is not ours.
        let (now, day) = (SystemTime::now(), Duration::from_secs(24 * 3600));
        ensure!(
            first > now - day && second < now + day,
            "written at {now:?}, changed at {first:?} and {second:?}"
        );
        ensure!(second >= first, "changed at {first:?}, then at {second:?}");
    }
    Ok(())
}

async fn create_never_replaces(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for kind in KINDS {
        make(&place, kind.name(), kind).await?;
    }
    let before = place.everything().await?;
    for there in KINDS {
        for new in KINDS {
            refused(write(&place, there.name(), new, 2, WriteMode::Create).await, ErrorKind::AlreadyExists)
                .map_err(|failure| Failure::new(format!("{new} over {there}: {failure}")))?;
        }
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn overwrite_keeps_other_kinds(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for kind in KINDS {
        make(&place, kind.name(), kind).await?;
    }
    let before = place.everything().await?;
    for there in KINDS {
        for new in LEAVES.into_iter().filter(|new| *new != there) {
            refused(write(&place, there.name(), new, 2, WriteMode::Overwrite).await, ErrorKind::WrongKind)
                .map_err(|failure| Failure::new(format!("{new} over {there}: {failure}")))?;
        }
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn replace_takes_the_place_of_any_kind(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for there in KINDS {
        for new in LEAVES {
            let path = format!("{there}-{new}");
            make(&place, &path, there).await?;
            write(&place, &path, new, 2, WriteMode::Replace).await?;
            let found = place.entry(&path).await?;
            let fresh = format!("{path}-fresh");
            write(&place, &fresh, new, 2, WriteMode::Create).await?;
            ensure_eq!(found, place.entry(&fresh).await?, "the {new} in place of the {there}");
        }
    }
    // Each name is listed once, whatever was under it before.
    let names = place.names("").await?;
    ensure_eq!(names.len(), 2 * KINDS.len() * LEAVES.len(), "the number of entries of {names:?}");
    Ok(())
}

async fn replace_takes_the_place_of_a_full_directory(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("x").await?;
    place.make_dir("x/inner").await?;
    place.put_file("x/inner/y", "old").await?;
    place.put_file_as("x", "new", WriteMode::Replace).await?;
    ensure_eq!(place.file("x").await?, "new".as_bytes(), "the file");
    ensure_eq!(place.names("").await?, ["x"], "the listing");
    place.remove(&at("x")?).await?;
    place.make_dir("x").await?;
    ensure_eq!(place.names("x").await?, Vec::<String>::new(), "the directory made anew");
    Ok(())
}
