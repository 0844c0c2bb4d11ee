//! Opaque files.

use super::prelude::*;
use futures::TryStreamExt;

behaviours! { "file"
    /// A file comes back byte for byte.
    bytes_come_back [Write];
    /// A file can be empty.
    an_empty_file_is_a_file [Write];
    /// Pieces that were written one after another are one file.
    pieces_are_joined_in_order [Write];
    /// A file of several megabytes comes back byte for byte.
    a_large_file_comes_back [Write];
    /// The name keeps its ending, and names with other endings are other files.
    endings_are_part_of_the_name [Write];
    /// A range of bytes is read.
    a_range_is_read [Write];
    /// A range is clipped at the end, and empty beyond it.
    a_range_is_clipped_at_the_end [Write];
    /// A range that ends before it begins is refused.
    a_backward_range_is_refused [Write];
    /// A file appears when it is finished, not before.
    it_appears_when_it_is_finished [Write];
    /// A file that is not finished leaves nothing behind.
    dropping_the_writer_leaves_nothing [Write];
    /// Until a new version is finished, and when it never is, the old one stays.
    dropping_the_writer_leaves_the_old_file [Write];
    /// A shorter file in place of a longer one ends where it ends.
    overwriting_leaves_no_tail [Write];
    /// A writer in the mode `Create` is refused at the end when an entry has appeared meanwhile, which stays as it is.
    finishing_is_refused_when_an_entry_has_appeared [Write];
    /// A reader that began before the file was replaced reads the old bytes or the new ones, never both.
    a_slow_reader_sees_one_state [Write];
    /// Reading a missing file is refused as not found.
    a_missing_file_is_not_found [Write];
    /// A directory cannot be read as a file.
    a_directory_is_not_a_file [Write];
    /// An array cannot be read as a file.
    an_array_is_not_a_file [Write, Arrays];
    /// A table cannot be read as a file.
    a_table_is_not_a_file [Write, Tables];
    /// Appended bytes come after those that were there, and the new length is returned.
    appending_adds_at_the_end [Write, FileAppend];
    /// Many small appends all arrive, in order.
    many_appends_arrive_in_order [Write, FileAppend];
    /// Appending nothing changes nothing and returns the length.
    appending_nothing_changes_nothing [Write, FileAppend];
    /// Appending to what is missing or is no file is refused, and nothing is changed.
    appending_needs_a_file [Write, FileAppend];
}

async fn bytes_come_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let every_byte: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
    for content in [every_byte, b"\r\n\n\r".to_vec(), b"\0".to_vec(), "text ü\n".into()] {
        place.put_file("x", content.clone()).await?;
        ensure_eq!(place.file("x").await?, content, "the bytes");
    }
    Ok(())
}

async fn an_empty_file_is_a_file(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("written", "").await?;
    let options = FileOptions::default();
    place.files().create(&at("unwritten")?, &options, WriteMode::Create).await?.finish().await?;
    for path in ["written", "unwritten"] {
        ensure_eq!(place.kind(path).await?, EntryKind::File, "the kind of '{path}'");
        ensure_eq!(place.file(path).await?.len(), 0, "the length of '{path}'");
    }
    Ok(())
}

async fn pieces_are_joined_in_order(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let mut writer = place.files().create(&at("x")?, &FileOptions::default(), WriteMode::Create).await?;
    let mut expected = Vec::new();
    for (salt, length) in [1, 0, 1000, 70_000, 3].into_iter().enumerate() {
        let piece = samples::bytes(salt as u64, length);
        expected.extend_from_slice(&piece);
        writer.write(Bytes::from(piece)).await?;
    }
    writer.finish().await?;
    ensure_eq!(place.file("x").await?, expected, "the bytes");
    Ok(())
}

async fn a_large_file_comes_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let content = samples::bytes(1, 3_000_001);
    place.put_file("x", content.clone()).await?;
    ensure!(place.file("x").await? == content, "the {} bytes differ", content.len());
    Ok(())
}

async fn endings_are_part_of_the_name(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let names = ["c", "c.bin", "c.bin.gz", "c.json", "c.tar.gz", "c.txt"];
    for name in names {
        place.put_file(name, name).await?;
    }
    for name in names {
        ensure_eq!(place.file(name).await?, name.as_bytes(), "the file '{name}'");
    }
    ensure_eq!(place.names("").await?, names, "the listing");
    Ok(())
}

async fn a_range_is_read(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let content = samples::bytes(1, 100_000);
    place.put_file("x", content.clone()).await?;
    for range in [0..1, 0..100_000, 99_999..100_000, 1..3, 40_000..90_001, 5..5] {
        let expected = content.get(range.start..range.end).unwrap_or_default();
        let found = place.file_range("x", Some(range.start as u64..range.end as u64)).await?;
        ensure!(found == expected, "the range {range:?} has {} other bytes", found.len());
    }
    Ok(())
}

async fn a_range_is_clipped_at_the_end(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "0123456789").await?;
    for (range, expected) in [(8..20, "89"), (0..u64::MAX, "0123456789"), (10..12, ""), (1000..2000, "")] {
        let found = place.file_range("x", Some(range.clone())).await?;
        ensure_eq!(found, expected.as_bytes(), "the range {range:?} of 10 bytes");
    }
    Ok(())
}

async fn a_backward_range_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "0123456789").await?;
    #[expect(clippy::reversed_empty_ranges, reason = "that is what must be refused")]
    refused(place.file_range("x", Some(5..3)).await, ErrorKind::InvalidInput)?;
    Ok(())
}

async fn it_appears_when_it_is_finished(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let mut writer = place.files().create(&at("x")?, &FileOptions::default(), WriteMode::Create).await?;
    writer.write(Bytes::from_static(b"content")).await?;
    refused(place.file("x").await, ErrorKind::NotFound)?;
    writer.finish().await?;
    ensure_eq!(place.file("x").await?, "content".as_bytes(), "the bytes");
    Ok(())
}

async fn dropping_the_writer_leaves_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let before = place.everything().await?;
    let mut writer = place.files().create(&at("x")?, &FileOptions::default(), WriteMode::Create).await?;
    writer.write(Bytes::from(samples::bytes(1, 100_000))).await?;
    drop(writer);
    ensure_eq!(place.everything().await?, before, "what the place holds");
    place.put_file_as("x", "second try", WriteMode::Create).await?;
    ensure_eq!(place.file("x").await?, "second try".as_bytes(), "the bytes");
    Ok(())
}

async fn dropping_the_writer_leaves_the_old_file(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "old").await?;
    for mode in [WriteMode::Overwrite, WriteMode::Replace] {
        let mut writer = place.files().create(&at("x")?, &FileOptions::default(), mode).await?;
        writer.write(Bytes::from_static(b"new and longer")).await?;
        ensure_eq!(place.file("x").await?, "old".as_bytes(), "the bytes before the end, {mode:?}");
        drop(writer);
        ensure_eq!(place.file("x").await?, "old".as_bytes(), "the bytes afterwards, {mode:?}");
    }
    Ok(())
}

async fn overwriting_leaves_no_tail(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", samples::bytes(1, 10_000)).await?;
    place.put_file("x", "short").await?;
    ensure_eq!(place.file("x").await?, "short".as_bytes(), "the bytes");
    Ok(())
}

async fn finishing_is_refused_when_an_entry_has_appeared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let mut late = place.files().create(&at("x")?, &FileOptions::default(), WriteMode::Create).await?;
    late.write(Bytes::from_static(b"late")).await?;
    place.put_file_as("x", "early", WriteMode::Create).await?;
    refused(late.finish().await, ErrorKind::AlreadyExists)?;
    ensure_eq!(place.file("x").await?, "early".as_bytes(), "the bytes");
    let mut late = place.files().create(&at("d")?, &FileOptions::default(), WriteMode::Create).await?;
    late.write(Bytes::from_static(b"late")).await?;
    place.make_dir("d").await?;
    refused(late.finish().await, ErrorKind::AlreadyExists)?;
    ensure_eq!(place.kind("d").await?, EntryKind::Directory, "the kind of 'd'");
    Ok(())
}

async fn a_slow_reader_sees_one_state(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let (old, new) = (vec![1u8; 2_000_000], vec![2u8; 2_500_000]);
    place.put_file("x", old.clone()).await?;
    let reader = place.files().read(&at("x")?, None).await?;
    place.put_file("x", new.clone()).await?;
    let pieces: Vec<Bytes> = reader.try_collect().await?;
    let found = pieces.concat();
    ensure!(found == old || found == new, "{} bytes are neither the old nor the new ones", found.len());
    Ok(())
}

async fn a_missing_file_is_not_found(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    for missing in ["x", "d/x", "no/x"] {
        refused(place.file(missing).await, ErrorKind::NotFound)?;
    }
    Ok(())
}

async fn a_directory_is_not_a_file(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    refused(place.file("d").await, ErrorKind::WrongKind)?;
    Ok(())
}

async fn an_array_is_not_a_file(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("a", &[2], samples::counting(0, 2)).await?;
    refused(place.file("a").await, ErrorKind::WrongKind)?;
    Ok(())
}

async fn a_table_is_not_a_file(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 2)?).await?;
    refused(place.file("t").await, ErrorKind::WrongKind)?;
    Ok(())
}

async fn appending_adds_at_the_end(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "one").await?;
    ensure_eq!(place.append_file("x", ",two").await?, 7, "the new length");
    ensure_eq!(place.append_file("x", samples::bytes(1, 100_000)).await?, 100_007, "the new length");
    let expected = [b"one,two".to_vec(), samples::bytes(1, 100_000)].concat();
    ensure!(place.file("x").await? == expected, "the bytes differ");
    Ok(())
}

async fn many_appends_arrive_in_order(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("log", "").await?;
    let mut expected = String::new();
    for number in 0..30 {
        let line = format!("line {number}\n");
        expected += &line;
        ensure_eq!(place.append_file("log", line).await?, expected.len() as u64, "the new length");
    }
    ensure_eq!(place.file("log").await?, expected.as_bytes(), "the bytes");
    Ok(())
}

async fn appending_nothing_changes_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "one").await?;
    ensure_eq!(place.append_file("x", "").await?, 3, "the length");
    ensure_eq!(place.file("x").await?, "one".as_bytes(), "the bytes");
    Ok(())
}

async fn appending_needs_a_file(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    let before = place.everything().await?;
    refused(place.append_file("x", "no").await, ErrorKind::NotFound)?;
    refused(place.append_file("d/x", "no").await, ErrorKind::NotFound)?;
    refused(place.append_file("d", "no").await, ErrorKind::WrongKind)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}
