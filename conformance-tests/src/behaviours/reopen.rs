//! What is written stays, for handles opened later and for handles opened before.

use super::prelude::*;
use fascicle_backend::{CreateOutcome, RecordKey};
use serde_json::json;

behaviours! { "reopen"
    /// Directories and metas are found by a handle that is opened later.
    directories_stay [Write, Durable];
    /// Files are found by a handle that is opened later.
    files_stay [Write, Durable];
    /// Bytes appended to a file are found by a handle that is opened later.
    appended_bytes_stay [Write, Durable, FileAppend];
    /// Arrays of every dtype are found by a handle that is opened later.
    arrays_stay [Write, Durable, Arrays];
    /// Appended rows of an array are found by a handle that is opened later, and it goes on appending.
    appended_rows_stay [Write, Durable, Arrays, ArrayAppend];
    /// Regions written in place are found by a handle that is opened later.
    written_regions_stay [Write, Durable, Arrays, ArrayRegionWrite];
    /// Tables are found by a handle that is opened later.
    tables_stay [Write, Durable, Tables];
    /// Appended rows of a table are found by a handle that is opened later, and it goes on appending.
    appended_table_rows_stay [Write, Durable, Tables, TableAppend];
    /// Attributes are found by a handle that is opened later.
    attributes_stay [Write, Durable, Attributes];
    /// Records are found by a handle that is opened later.
    records_stay [Write, Durable];
    /// What was removed stays removed.
    removals_stay [Write, Durable];
    /// What was moved stays where it was moved to.
    moves_stay [Write, Durable, Rename];
    /// What was not finished is not there for a handle that is opened later, and is not in its way.
    unfinished_writes_leave_nothing [Write, Durable];
    /// A handle that is open already sees what another one writes, overwrites and removes.
    a_second_handle_sees_every_change [Write, Durable];
    /// A handle that is open already sees the new shape of an array that another one overwrites or extends.
    a_second_handle_sees_new_shapes [Write, Durable, Arrays, ArrayAppend];
    /// A handle that is open already sees the rows that another one appends to a table.
    a_second_handle_sees_new_rows [Write, Durable, Tables, TableAppend];
    /// Versions of metas mean the same to every handle.
    versions_hold_across_handles [Write, Durable];
}

/// Writes through one handle and expects a handle opened afterwards to hold the same.
async fn holds_the_same(subject: &Subject, before: Place) -> Result<Place, Failure> {
    let written = before.everything().await?;
    drop(before);
    let place = subject.open().await?;
    ensure_eq!(place.everything().await?, written, "what the place holds when it is opened again");
    Ok(place)
}

async fn directories_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.write_meta(&EntryPath::root(), Bytes::from_static(b"root: 1\n"), MetaWriteMode::Create).await?;
    place.make_dir_with("d", "outer: 1\n").await?;
    place.make_dir_with("d/e", "inner: 2\n").await?;
    let place = holds_the_same(&subject, place).await?;
    ensure_eq!(place.meta("d/e").await?, "inner: 2\n".as_bytes(), "the meta");
    Ok(())
}

async fn files_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "old").await?;
    place.put_file("x", "new").await?;
    place.put_file("empty", "").await?;
    place.put_file("large.bin", samples::bytes(1, 500_000)).await?;
    let place = holds_the_same(&subject, place).await?;
    ensure_eq!(place.file("x").await?, "new".as_bytes(), "the file");
    Ok(())
}

async fn appended_bytes_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "one").await?;
    place.append_file("x", ", two").await?;
    let place = holds_the_same(&subject, place).await?;
    place.append_file("x", ", three").await?;
    ensure_eq!(place.file("x").await?, "one, two, three".as_bytes(), "the file");
    Ok(())
}

async fn arrays_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for (number, dtype) in samples::every_dtype().into_iter().enumerate() {
        place.put_array(&format!("x{number}"), &[3, 2], samples::numbered(dtype, 0, 6)).await?;
    }
    holds_the_same(&subject, place).await?;
    Ok(())
}

async fn appended_rows_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[1, 2], samples::counting(0, 2)).await?;
    place.append_rows("x", 2, samples::counting(2, 4)).await?;
    let place = holds_the_same(&subject, place).await?;
    ensure_eq!(place.append_rows("x", 1, samples::counting(6, 2)).await?, 4, "the new length");
    ensure_eq!(place.array("x").await?, (shape(&[4, 2])?, Bits(samples::counting(0, 8))), "the array");
    Ok(())
}

async fn written_regions_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[4], samples::counting(0, 4)).await?;
    place.write_region("x", &Region::rows(&shape(&[4])?, 1, 2), samples::counting(100, 2)).await?;
    let place = holds_the_same(&subject, place).await?;
    ensure_eq!(place.array("x").await?.1, Bits(Values::Int64(vec![0, 100, 101, 3])), "the elements");
    Ok(())
}

async fn tables_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 30)?).await?;
    place.put_table("empty", &samples::people(0, 0)?).await?;
    let place = holds_the_same(&subject, place).await?;
    ensure_eq!(place.table("t").await?, samples::people(0, 30)?, "the rows");
    Ok(())
}

async fn appended_table_rows_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 3)?).await?;
    place.append_table("t", &samples::people(3, 3)?).await?;
    let place = holds_the_same(&subject, place).await?;
    ensure_eq!(place.append_table("t", &samples::people(6, 2)?).await?, 8, "the number of rows");
    ensure_eq!(place.table("t").await?, samples::people(0, 8)?, "the rows");
    Ok(())
}

async fn attributes_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let of = |what: &str| json!({"of": what, "number": 1.5}).as_object().cloned().unwrap_or_default();
    place.make_dir("d").await?;
    place.put_file("d/x", "content").await?;
    place.put_attributes("d", &of("directory")).await?;
    place.put_attributes("d/x", &of("file")).await?;
    let place = holds_the_same(&subject, place).await?;
    ensure_eq!(place.attributes("d/x").await?, of("file"), "the attributes");
    Ok(())
}

async fn records_stay(subject: Subject) -> Checked {
    let (claim, beat) = (RecordKey::parse("v1/ab/x.claim")?, RecordKey::parse("v1/ab/x.beat")?);
    let place = subject.open().await?;
    place.records().create(&claim, Bytes::from_static(b"mine")).await?;
    place.records().overwrite(&beat, Bytes::from_static(b"1")).await?;
    place.records().overwrite(&beat, Bytes::from_static(b"2")).await?;
    drop(place);
    let place = subject.open().await?;
    ensure_eq!(place.records().read(&beat).await?, Some(Bytes::from_static(b"2")), "the overwritten record");
    let outcome = place.records().create(&claim, Bytes::from_static(b"theirs")).await?;
    ensure_eq!(outcome, CreateOutcome::Exists, "the outcome of creating it again");
    ensure_eq!(place.records().read(&claim).await?, Some(Bytes::from_static(b"mine")), "the created record");
    let keys = place.records().list(&RecordKey::parse("v1")?).await?;
    ensure_eq!(keys, [beat, claim], "the keys");
    Ok(())
}

async fn removals_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for path in ["d", "e"] {
        place.make_dir(path).await?;
        place.put_file(&format!("{path}/x"), "content").await?;
    }
    place.remove(&at("d")?).await?;
    place.remove(&at("e/x")?).await?;
    let place = holds_the_same(&subject, place).await?;
    ensure_eq!(place.names("").await?, ["e"], "the listing");
    ensure_eq!(place.names("e").await?, Vec::<String>::new(), "the entries of 'e'");
    Ok(())
}

async fn moves_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("d/x", "content").await?;
    place.rename(&at("d")?, &at("e")?).await?;
    let place = holds_the_same(&subject, place).await?;
    ensure_eq!(place.names("").await?, ["e"], "the listing");
    Ok(())
}

async fn unfinished_writes_leave_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "old").await?;
    let mut over = place.files().create(&at("x")?, &FileOptions::default(), WriteMode::Overwrite).await?;
    over.write(Bytes::from_static(b"never finished")).await?;
    let mut fresh = place.files().create(&at("y")?, &FileOptions::default(), WriteMode::Create).await?;
    fresh.write(Bytes::from_static(b"never finished")).await?;
    // Forgotten rather than dropped, as by a process that died: nothing cleans up.
    std::mem::forget((over, fresh));
    let place = subject.open().await?;
    ensure_eq!(place.names("").await?, ["x"], "the listing");
    ensure_eq!(place.file("x").await?, "old".as_bytes(), "the file");
    place.put_file_as("y", "second try", WriteMode::Create).await?;
    place.put_file("x", "new").await?;
    ensure_eq!(place.file("y").await?, "second try".as_bytes(), "the file of the second try");
    Ok(())
}

async fn a_second_handle_sees_every_change(subject: Subject) -> Checked {
    let (writer, reader) = (subject.open().await?, subject.open().await?);
    ensure_eq!(reader.names("").await?, Vec::<String>::new(), "the listing before");
    writer.make_dir_with("d", "n: 1\n").await?;
    writer.put_file("d/x", "one").await?;
    ensure_eq!(reader.file("d/x").await?, "one".as_bytes(), "the new file");
    writer.put_file("d/x", "two").await?;
    ensure_eq!(reader.file("d/x").await?, "two".as_bytes(), "the overwritten file");
    writer.write_meta(&at("d")?, Bytes::from_static(b"n: 2\n"), MetaWriteMode::Overwrite).await?;
    ensure_eq!(reader.meta("d").await?, "n: 2\n".as_bytes(), "the overwritten meta");
    ensure_eq!(reader.names("d").await?, ["x"], "the listing");
    writer.remove(&at("d")?).await?;
    refused(reader.file("d/x").await, ErrorKind::NotFound)?;
    ensure_eq!(reader.names("").await?, Vec::<String>::new(), "the listing afterwards");
    Ok(())
}

async fn a_second_handle_sees_new_shapes(subject: Subject) -> Checked {
    let (writer, reader) = (subject.open().await?, subject.open().await?);
    writer.put_array("x", &[3], samples::counting(0, 3)).await?;
    ensure_eq!(reader.array("x").await?.1, Bits(samples::counting(0, 3)), "the new array");
    writer.append_rows("x", 4, samples::counting(3, 4)).await?;
    ensure_eq!(reader.array("x").await?.1, Bits(samples::counting(0, 7)), "the extended array");
    writer.put_array("x", &[2, 2], samples::numbered(DType::Float32, 0, 4)).await?;
    let expected = (shape(&[2, 2])?, Bits(samples::numbered(DType::Float32, 0, 4)));
    ensure_eq!(reader.array("x").await?, expected, "the overwritten array");
    Ok(())
}

async fn a_second_handle_sees_new_rows(subject: Subject) -> Checked {
    let (writer, reader) = (subject.open().await?, subject.open().await?);
    writer.put_table("t", &samples::people(0, 3)?).await?;
    ensure_eq!(reader.table("t").await?, samples::people(0, 3)?, "the new table");
    ensure_eq!(reader.table_store()?.describe(&at("t")?).await?.rows, 3, "the number of rows");
    writer.append_table("t", &samples::people(3, 2)?).await?;
    ensure_eq!(reader.table("t").await?, samples::people(0, 5)?, "the extended table");
    ensure_eq!(reader.table_store()?.describe(&at("t")?).await?.rows, 5, "the number of rows");
    Ok(())
}

async fn versions_hold_across_handles(subject: Subject) -> Checked {
    let (one, other) = (subject.open().await?, subject.open().await?);
    let first = one.make_dir_with("d", "n: 1\n").await?;
    let read = other.read_meta(&at("d")?).await?.map(|record| record.version);
    ensure_eq!(read, Some(first.clone()), "the version as read by the other handle");
    let update =
        |text: &'static str, version| (Bytes::from_static(text.as_bytes()), MetaWriteMode::UpdateIf(version));
    let (meta, mode) = update("n: 2\n", first.clone());
    other.write_meta(&at("d")?, meta, mode).await?;
    let (meta, mode) = update("n: 3\n", first);
    refused(one.write_meta(&at("d")?, meta, mode).await, ErrorKind::Conflict)?;
    ensure_eq!(one.meta("d").await?, "n: 2\n".as_bytes(), "the meta");
    Ok(())
}
