//! Listings.

use super::prelude::*;

behaviours! { "list"
    /// A fresh root holds nothing.
    the_root_is_empty_at_first [];
    /// Every entry is listed once, with its kind.
    every_entry_is_listed_once_with_its_kind [Write, Arrays, Tables];
    /// Entries are sorted by the bytes of their names.
    entries_are_sorted_by_the_bytes_of_their_names [Write];
    /// A listing holds the entries of the directory itself, not those of directories within it or of similar name.
    only_direct_entries_are_listed [Write];
    /// Metas and records are no entries.
    what_is_reserved_is_not_listed [Write];
    /// A file, an array or a table that is not finished is not listed.
    what_is_not_finished_is_not_listed [Write];
    /// A missing directory is not found.
    a_missing_directory_is_not_found [Write];
    /// A file cannot be listed.
    a_file_cannot_be_listed [Write];
    /// Many entries are all listed.
    many_entries_are_all_listed [Write];
    /// Listing changes nothing.
    listing_changes_nothing [Write];
}

async fn the_root_is_empty_at_first(subject: Subject) -> Checked {
    let listing = subject.open().await?.list(&EntryPath::root()).await?;
    ensure!(listing.entries.is_empty(), "a fresh root holds {:?}", listing.entries);
    Ok(())
}

async fn every_entry_is_listed_once_with_its_kind(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("a", &[2], samples::counting(0, 2)).await?;
    place.make_dir("d").await?;
    place.put_file("f", "x").await?;
    place.put_table("t", &samples::people(0, 2)?).await?;
    let entries = place.list(&EntryPath::root()).await?.entries;
    let listed: Vec<(&str, EntryKind)> =
        entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    let expected = [
        ("a", EntryKind::Array),
        ("d", EntryKind::Directory),
        ("f", EntryKind::File),
        ("t", EntryKind::Table),
    ];
    ensure_eq!(listed, expected, "the listing");
    Ok(())
}

async fn entries_are_sorted_by_the_bytes_of_their_names(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let mut names = ["b", "Q", "a2", "a10", "a-1", "a b", "ä", "z", "aa", "日", "0"];
    for name in names {
        place.put_file(name, "").await?;
    }
    names.sort_unstable();
    ensure_eq!(place.names("").await?, names, "the listing");
    Ok(())
}

async fn only_direct_entries_are_listed(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for directory in ["a", "a/b", "ab", "a b"] {
        place.make_dir(directory).await?;
    }
    for file in ["a/in a", "a/b/in a b", "ab/in ab", "a b/in a b"] {
        place.put_file(file, "x").await?;
    }
    ensure_eq!(place.names("a").await?, ["b", "in a"], "the entries of 'a'");
    ensure_eq!(place.names("a/b").await?, ["in a b"], "the entries of 'a/b'");
    ensure_eq!(place.names("ab").await?, ["in ab"], "the entries of 'ab'");
    ensure_eq!(place.names("").await?, ["a", "a b", "ab"], "the entries of the root");
    Ok(())
}

async fn what_is_reserved_is_not_listed(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.write_meta(&EntryPath::root(), Bytes::from_static(b"n: 1\n"), MetaWriteMode::Create).await?;
    let key = fascicle_backend::RecordKey::parse("v1/ab/some.claim")?;
    place.records().create(&key, Bytes::from_static(b"body")).await?;
    place.make_dir("d").await?;
    ensure_eq!(place.names("").await?, ["d"], "the entries of the root");
    ensure_eq!(place.names("d").await?, Vec::<String>::new(), "the entries of the directory");
    Ok(())
}

async fn what_is_not_finished_is_not_listed(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let (files, capabilities) = (place.files(), place.capabilities());
    let mut file = files.create(&at("f")?, &FileOptions::default(), WriteMode::Create).await?;
    file.write(Bytes::from_static(b"half")).await?;
    let mut array = None;
    if capabilities.has(Capability::Arrays) {
        let spec = spec(&[2], DType::Int64)?;
        let options = ArrayOptions::default();
        let mut writer = place.array_store()?.create(&at("a")?, &spec, &options, WriteMode::Create).await?;
        writer.write(&Region::whole(&spec.shape), samples::counting(0, 2)).await?;
        array = Some(writer);
    }
    let mut table = None;
    if capabilities.has(Capability::Tables) {
        let (rows, options) = (samples::people(0, 2)?, TableOptions::default());
        let mut writer =
            place.table_store()?.create(&at("t")?, rows.schema(), &options, WriteMode::Create).await?;
        writer.write(rows).await?;
        table = Some(writer);
    }
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the entries before anything is finished");
    for path in ["f", "a", "t"] {
        refused(place.stat(&at(path)?).await, ErrorKind::NotFound)?;
    }
    file.finish().await?;
    let mut finished = vec!["f"];
    if let Some(writer) = array {
        writer.finish().await?;
        finished.insert(0, "a");
    }
    if let Some(writer) = table {
        writer.finish().await?;
        finished.push("t");
    }
    ensure_eq!(place.names("").await?, finished, "the entries after everything is finished");
    Ok(())
}

async fn a_missing_directory_is_not_found(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    for missing in ["no", "dd", "d/no", "no/no"] {
        refused(place.list(&at(missing)?).await, ErrorKind::NotFound)?;
    }
    Ok(())
}

async fn a_file_cannot_be_listed(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    refused(place.list(&at("x")?).await, ErrorKind::WrongKind)?;
    Ok(())
}

async fn many_entries_are_all_listed(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let names: Vec<String> = (0..60).map(|number| format!("entry {number:03}")).collect();
    for name in &names {
        place.put_file(name, "").await?;
    }
    ensure_eq!(place.names("").await?, names, "the listing");
    Ok(())
}

async fn listing_changes_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("d/x", "content").await?;
    let first = place.list(&EntryPath::root()).await?;
    for _ in 0..3 {
        ensure_eq!(place.list(&EntryPath::root()).await?, first, "a further listing");
    }
    Ok(())
}
