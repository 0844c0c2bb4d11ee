//! Moving entries.

use super::prelude::*;
use serde_json::json;

behaviours! { "rename"
    /// A moved file is found under its new name only.
    a_file_moves [Write, Rename];
    /// A moved array is found under its new name only.
    an_array_moves [Write, Rename, Arrays];
    /// A moved table is found under its new name only.
    a_table_moves [Write, Rename, Tables];
    /// A directory moves with its meta and everything in it.
    a_directory_moves_with_everything [Write, Rename];
    /// An entry moves into another directory.
    an_entry_moves_between_directories [Write, Rename];
    /// Attributes move along, of the entry and of everything in it.
    attributes_move_along [Write, Rename, Attributes];
    /// The target is never replaced: when it exists the move is refused, and both stay as they are.
    the_target_is_never_replaced [Write, Rename];
    /// A name is taken whatever kind of entry has it.
    a_name_is_taken_by_any_kind [Write, Rename, Arrays, Tables];
    /// A missing source is not found.
    a_missing_source_is_not_found [Write, Rename];
    /// The parent of the target must exist and be a directory.
    the_parent_of_the_target_must_exist [Write, Rename];
    /// An entry cannot move to itself or into itself, and the root cannot move.
    an_entry_does_not_move_into_itself [Write, Rename];
    /// Entries beside the moved one stay, however alike the names.
    neighbours_stay [Write, Rename];
    /// The old name can be used again.
    the_old_name_can_be_used_again [Write, Rename];
    /// A moved array can be appended to.
    a_moved_array_grows [Write, Rename, Arrays, ArrayAppend];
    /// An array cannot move to a name that an array cannot have.
    the_name_suits_the_kind [Write, Rename, Arrays];
}

async fn rename(place: &Place, from: &str, to: &str) -> Result<()> {
    place.rename(&at(from)?, &at(to)?).await
}

/// Moves an entry and expects it, unchanged, under the new name only.
async fn moves(place: &Place, from: &str, to: &str) -> Checked {
    let before = place.entry(from).await?;
    ensure!(before.is_some(), "'{from}' does not exist");
    rename(place, from, to).await?;
    ensure_eq!(place.entry(to).await?, before, "what is under the new name");
    ensure_eq!(place.entry(from).await?, None, "what is under the old name");
    Ok(())
}

async fn a_file_moves(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x.txt", "content").await?;
    moves(&place, "x.txt", "y").await?;
    ensure_eq!(place.names("").await?, ["y"], "the listing");
    Ok(())
}

async fn an_array_moves(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2, 3], samples::counting(0, 6)).await?;
    moves(&place, "x", "y").await?;
    ensure_eq!(place.names("").await?, ["y"], "the listing");
    Ok(())
}

async fn a_table_moves(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("x", &samples::people(0, 6)?).await?;
    moves(&place, "x", "y").await?;
    ensure_eq!(place.names("").await?, ["y"], "the listing");
    Ok(())
}

async fn a_directory_moves_with_everything(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir_with("d", "outer: 1\n").await?;
    place.make_dir_with("d/e", "inner: 2\n").await?;
    place.put_file("d/x", "x").await?;
    place.put_file("d/e/y", "y").await?;
    moves(&place, "d", "moved").await?;
    refused(place.stat(&at("d/e/y")?).await, ErrorKind::NotFound)?;
    ensure_eq!(place.meta("moved/e").await?, "inner: 2\n".as_bytes(), "the meta of the inner directory");
    Ok(())
}

async fn an_entry_moves_between_directories(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for directory in ["a", "b", "b/c"] {
        place.make_dir(directory).await?;
    }
    place.put_file("a/x", "content").await?;
    moves(&place, "a/x", "b/c/y").await?;
    moves(&place, "b/c/y", "x").await?;
    moves(&place, "b", "a/b").await?;
    ensure_eq!(place.names("").await?, ["a", "x"], "the entries of the root");
    ensure_eq!(place.names("a/b").await?, ["c"], "the entries of 'a/b'");
    Ok(())
}

async fn attributes_move_along(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let of = |what: &str| json!({"of": what}).as_object().cloned().unwrap_or_default();
    place.make_dir("d").await?;
    place.put_file("d/x", "content").await?;
    place.put_attributes("d", &of("directory")).await?;
    place.put_attributes("d/x", &of("file")).await?;
    moves(&place, "d", "e").await?;
    moves(&place, "e/x", "y").await?;
    ensure_eq!(place.attributes("e").await?, of("directory"), "the attributes of the directory");
    ensure_eq!(place.attributes("y").await?, of("file"), "the attributes of the file");
    place.put_file("e/x", "another").await?;
    ensure_eq!(
        place.attributes("e/x").await?,
        Attributes::new(),
        "the attributes of a new file of the old name"
    );
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
        refused(rename(&place, from, to).await, ErrorKind::AlreadyExists)
            .map_err(|failure| Failure::new(format!("'{from}' to '{to}': {failure}")))?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn a_name_is_taken_by_any_kind(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("a", &[2], samples::counting(0, 2)).await?;
    place.put_table("t", &samples::people(0, 2)?).await?;
    place.put_file("f", "content").await?;
    place.make_dir("d").await?;
    let before = place.everything().await?;
    for from in ["a", "t", "f", "d"] {
        for to in ["a", "t", "f", "d"].into_iter().filter(|to| *to != from) {
            refused(rename(&place, from, to).await, ErrorKind::AlreadyExists)
                .map_err(|failure| Failure::new(format!("'{from}' to '{to}': {failure}")))?;
        }
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn a_missing_source_is_not_found(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    for missing in ["x", "d/x", "no/x"] {
        refused(rename(&place, missing, "y").await, ErrorKind::NotFound)?;
    }
    ensure_eq!(place.names("").await?, ["d"], "the listing");
    Ok(())
}

async fn the_parent_of_the_target_must_exist(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    place.put_file("f", "leaf").await?;
    let before = place.everything().await?;
    refused(rename(&place, "x", "no/x").await, ErrorKind::NotFound)?;
    refused(rename(&place, "x", "f/x").await, ErrorKind::WrongKind)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn an_entry_does_not_move_into_itself(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.make_dir("d/e").await?;
    let before = place.everything().await?;
    for (from, to) in [("d", "d/x"), ("d", "d/e/x"), ("d", "d"), ("", "x"), ("d", "")] {
        refused(rename(&place, from, to).await, ErrorKind::InvalidInput)
            .map_err(|failure| Failure::new(format!("'{from}' to '{to}': {failure}")))?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn neighbours_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for directory in ["a", "ab", "a b"] {
        place.make_dir(directory).await?;
        place.put_file(&format!("{directory}/x"), directory).await?;
    }
    place.put_file("a.txt", "a.txt").await?;
    moves(&place, "a", "z").await?;
    ensure_eq!(place.names("").await?, ["a b", "a.txt", "ab", "z"], "the listing");
    for (path, content) in [("ab/x", "ab"), ("a b/x", "a b"), ("a.txt", "a.txt"), ("z/x", "a")] {
        ensure_eq!(place.file(path).await?, content.as_bytes(), "the file '{path}'");
    }
    Ok(())
}

async fn the_old_name_can_be_used_again(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "first").await?;
    rename(&place, "x", "y").await?;
    place.make_dir("x").await?;
    ensure_eq!(place.names("x").await?, Vec::<String>::new(), "the entries of the new directory");
    ensure_eq!(place.file("y").await?, "first".as_bytes(), "the moved file");
    Ok(())
}

async fn a_moved_array_grows(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_array("x", &[2], samples::counting(0, 2)).await?;
    place.append_rows("x", 2, samples::counting(2, 2)).await?;
    moves(&place, "x", "d/y").await?;
    ensure_eq!(place.append_rows("d/y", 3, samples::counting(4, 3)).await?, 7, "the new length");
    ensure_eq!(place.array("d/y").await?.1, Bits(samples::counting(0, 7)), "the elements");
    Ok(())
}

async fn the_name_suits_the_kind(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2], samples::counting(0, 2)).await?;
    let before = place.everything().await?;
    for to in ["x.y", "x.h5", "CON", "end."] {
        refused(rename(&place, "x", to).await, ErrorKind::InvalidPath)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}
