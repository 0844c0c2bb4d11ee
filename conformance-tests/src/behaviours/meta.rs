//! Metas: written as a whole, conditionally, and never an entry.

use super::prelude::*;
use fascicle_backend::Version;

behaviours! { "meta"
    /// The root has no meta at first.
    the_root_has_none_at_first [];
    /// The root can be given a meta.
    the_root_can_have_one [Write];
    /// A meta is kept byte for byte.
    bytes_are_kept [Write];
    /// A directory and the one it stands in have metas of their own.
    each_directory_has_its_own [Write];
    /// Writing with `Create` over an existing meta is refused, and that meta stays.
    create_never_replaces [Write];
    /// Writing with `Overwrite` replaces whatever meta there is.
    overwrite_replaces [Write];
    /// Writing with `UpdateIf` of the current version replaces the meta.
    an_update_of_the_current_version_succeeds [Write];
    /// Writing with `UpdateIf` of an old version is a conflict, and the newer meta stays.
    an_update_of_an_old_version_conflicts [Write];
    /// Writing with `UpdateIf` where there is no meta is a conflict, and there is none afterwards.
    an_update_of_nothing_conflicts [Write];
    /// The version that a write returns is the version that is read afterwards.
    the_returned_version_is_the_stored_one [Write];
    /// A meta with other bytes has another version.
    versions_change_with_the_bytes [Write];
    /// The meta of a missing directory is not found, whether it is read or written.
    a_missing_directory_has_none [Write];
    /// A file has no meta: reading and writing it are refused as the wrong kind.
    a_file_has_none [Write];
    /// Whether there is a meta is told by the listing, in which the meta is no entry.
    the_listing_tells_whether_there_is_one [Write];
    /// Writing entries into a directory leaves its meta and the version of it alone.
    entries_leave_it_alone [Write];
}

async fn the_root_has_none_at_first(subject: Subject) -> Checked {
    let place = subject.open().await?;
    ensure_eq!(place.read_meta(&EntryPath::root()).await?, None, "the meta of the root");
    ensure!(!place.list(&EntryPath::root()).await?.has_meta, "the listing says that the root has a meta");
    Ok(())
}

async fn write(place: &Place, directory: &str, meta: &str, mode: MetaWriteMode) -> Result<Version> {
    place.write_meta(&at(directory)?, Bytes::from(meta.to_owned()), mode).await
}

async fn version(place: &Place, directory: &str) -> Result<Option<Version>> {
    Ok(place.read_meta(&at(directory)?).await?.map(|record| record.version))
}

async fn the_root_can_have_one(subject: Subject) -> Checked {
    let place = subject.open().await?;
    write(&place, "", "a: 1\n", MetaWriteMode::Create).await?;
    ensure_eq!(place.meta("").await?, "a: 1\n".as_bytes(), "the meta");
    ensure!(place.list(&EntryPath::root()).await?.has_meta, "the listing says that the root has no meta");
    Ok(())
}

async fn bytes_are_kept(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let metas = ["a: 1", "a: 1\r\nb: 2\r\n", "# ü 日本 🙂\n---\nx: |\n  y \n\n\n", "{}\n", "\u{feff}a: 1\n"];
    for (number, meta) in metas.into_iter().enumerate() {
        let directory = format!("d{number}");
        place.make_dir_with(&directory, meta).await?;
        ensure_eq!(place.meta(&directory).await?, meta.as_bytes(), "the meta a directory was created with");
        write(&place, "", meta, MetaWriteMode::Overwrite).await?;
        ensure_eq!(place.meta("").await?, meta.as_bytes(), "the meta that was written");
    }
    Ok(())
}

async fn each_directory_has_its_own(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir_with("a", "of: a\n").await?;
    place.make_dir_with("a/b", "of: a/b\n").await?;
    place.make_dir_with("ab", "of: ab\n").await?;
    write(&place, "a", "of: a, changed\n", MetaWriteMode::Overwrite).await?;
    for (directory, meta) in [("a", "of: a, changed\n"), ("a/b", "of: a/b\n"), ("ab", "of: ab\n")] {
        ensure_eq!(place.meta(directory).await?, meta.as_bytes(), "the meta of '{directory}'");
    }
    ensure_eq!(place.read_meta(&EntryPath::root()).await?, None, "the meta of the root");
    Ok(())
}

async fn create_never_replaces(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir_with("d", "first: 1\n").await?;
    let before = version(&place, "d").await?;
    refused(write(&place, "d", "second: 2\n", MetaWriteMode::Create).await, ErrorKind::AlreadyExists)?;
    ensure_eq!(place.meta("d").await?, "first: 1\n".as_bytes(), "the meta");
    ensure_eq!(version(&place, "d").await?, before, "the version");
    Ok(())
}

async fn overwrite_replaces(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir_with("d", "a longer first meta: 1\n").await?;
    write(&place, "d", "b: 2\n", MetaWriteMode::Overwrite).await?;
    ensure_eq!(place.meta("d").await?, "b: 2\n".as_bytes(), "the meta");
    Ok(())
}

async fn an_update_of_the_current_version_succeeds(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let first = place.make_dir_with("d", "n: 1\n").await?;
    let second = write(&place, "d", "n: 2\n", MetaWriteMode::UpdateIf(first)).await?;
    write(&place, "d", "n: 3\n", MetaWriteMode::UpdateIf(second)).await?;
    ensure_eq!(place.meta("d").await?, "n: 3\n".as_bytes(), "the meta");
    Ok(())
}

async fn an_update_of_an_old_version_conflicts(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let old = place.make_dir_with("d", "n: 1\n").await?;
    let new = write(&place, "d", "n: 2\n", MetaWriteMode::UpdateIf(old.clone())).await?;
    refused(write(&place, "d", "n: 3\n", MetaWriteMode::UpdateIf(old)).await, ErrorKind::Conflict)?;
    ensure_eq!(place.meta("d").await?, "n: 2\n".as_bytes(), "the meta");
    ensure_eq!(version(&place, "d").await?, Some(new), "the version");
    Ok(())
}

async fn an_update_of_nothing_conflicts(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let elsewhere = place.make_dir_with("d", "n: 1\n").await?;
    refused(write(&place, "", "n: 1\n", MetaWriteMode::UpdateIf(elsewhere)).await, ErrorKind::Conflict)?;
    ensure_eq!(place.read_meta(&EntryPath::root()).await?, None, "the meta of the root");
    Ok(())
}

async fn the_returned_version_is_the_stored_one(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let created = place.make_dir_with("d", "n: 1\n").await?;
    ensure_eq!(
        version(&place, "d").await?,
        Some(created.clone()),
        "the version after creating the directory"
    );
    let overwritten = write(&place, "d", "n: 2\n", MetaWriteMode::Overwrite).await?;
    ensure_eq!(version(&place, "d").await?, Some(overwritten.clone()), "the version after `Overwrite`");
    let updated = write(&place, "d", "n: 3\n", MetaWriteMode::UpdateIf(overwritten)).await?;
    ensure_eq!(version(&place, "d").await?, Some(updated), "the version after `UpdateIf`");
    let root = write(&place, "", "n: 4\n", MetaWriteMode::Create).await?;
    ensure_eq!(version(&place, "").await?, Some(root), "the version after `Create`");
    Ok(())
}

async fn versions_change_with_the_bytes(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let mut versions = vec![place.make_dir_with("d", "n: 1\n").await?];
    // Of the same length and within one tick of a coarse clock, so that neither can be all there is to a version.
    for meta in ["n: 2\n", "n: 3\n", "n: 4\n"] {
        let version = write(&place, "d", meta, MetaWriteMode::Overwrite).await?;
        ensure!(!versions.contains(&version), "the version {version:?} came twice");
        versions.push(version);
    }
    Ok(())
}

async fn a_missing_directory_has_none(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let before = place.everything().await?;
    refused(place.read_meta(&at("missing")?).await, ErrorKind::NotFound)?;
    for mode in [MetaWriteMode::Create, MetaWriteMode::Overwrite] {
        refused(write(&place, "missing", "n: 1\n", mode).await, ErrorKind::NotFound)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn a_file_has_none(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    let before = place.everything().await?;
    refused(place.read_meta(&at("x")?).await, ErrorKind::WrongKind)?;
    for mode in [MetaWriteMode::Create, MetaWriteMode::Overwrite] {
        refused(write(&place, "x", "n: 1\n", mode).await, ErrorKind::WrongKind)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn the_listing_tells_whether_there_is_one(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    let (root, directory) = (place.list(&EntryPath::root()).await?, place.list(&at("d")?).await?);
    ensure!(!root.has_meta, "the root has a meta");
    ensure!(directory.has_meta, "the directory has no meta");
    ensure!(directory.entries.is_empty(), "the directory holds {:?}", directory.entries);
    Ok(())
}

async fn entries_leave_it_alone(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let version_before = place.make_dir_with("d", "n: 1\n").await?;
    place.put_file("d/x", "one").await?;
    place.make_dir("d/y").await?;
    place.remove(&at("d/x")?).await?;
    ensure_eq!(place.meta("d").await?, "n: 1\n".as_bytes(), "the meta");
    ensure_eq!(version(&place, "d").await?, Some(version_before), "the version");
    Ok(())
}
