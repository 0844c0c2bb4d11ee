//! Stamps of metas, by which whoever has read a meta knows that it need not be read again. A storage that cannot tell them in one
//! call tells none, and then nothing is asked of it.

use super::prelude::*;
use fascicle_backend::{Backend, MetaWriteMode};
use std::collections::BTreeMap;

behaviours! { "stamp"
    /// A meta that was changed has another stamp, through every handle; one that was not keeps its own.
    a_changed_meta_has_another_stamp [Write, Durable];
    /// Stamps are told of the directories that are there and have a meta, by the names they are listed under, and of nothing else.
    stamps_are_of_the_directories_that_are_listed [Write];
    /// What is written into a directory leaves the stamp of its meta alone.
    entries_leave_the_stamp_alone [Write, Durable];
}

/// The stamps of the directories of the root by name; `None` of a storage that tells none.
async fn stamps(backend: &Arc<dyn Backend>) -> Result<Option<BTreeMap<String, u64>>, Failure> {
    let stamps = backend.meta_stamps(&EntryPath::root()).await?;
    Ok(stamps.map(|stamps| stamps.into_iter().map(|stamp| (stamp.name, stamp.stamp)).collect()))
}

async fn a_changed_meta_has_another_stamp(subject: Subject) -> Checked {
    let (backend, other) = (subject.open_bare().await?, subject.open_bare().await?);
    for name in ["a", "b"] {
        backend.create_directory(&at(name)?, Bytes::from_static(b"first: 1\n")).await?;
    }
    let Some(mut before) = stamps(&backend).await? else { return Ok(()) };
    ensure_eq!(stamps(&other).await?.as_ref(), Some(&before), "the stamps through another handle");
    for round in 0..20 {
        let meta = Bytes::from(format!("round: {}\n", "#".repeat(round)));
        match round % 2 {
            0 => backend.write_meta(&at("a")?, meta, MetaWriteMode::Overwrite).await?,
            _ => other.write_meta(&at("a")?, meta, MetaWriteMode::Overwrite).await?,
        };
        let after = stamps(&backend).await?.unwrap_or_default();
        ensure!(after.get("a") != before.get("a"), "change {round} kept the stamp: {after:?}");
        ensure_eq!(after.get("b"), before.get("b"), "the stamp of what was not changed");
        before = after;
    }
    Ok(())
}

async fn stamps_are_of_the_directories_that_are_listed(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    ensure!(stamps(&backend).await?.is_none_or(|stamps| stamps.is_empty()), "an empty place has stamps");
    let root = subject.open().await?;
    for name in ["Cells_0000", "ä b", "mine"] {
        backend.create_directory(&at(name)?, Bytes::from_static(b"x: 1\n")).await?;
    }
    backend.create_directory(&at("mine/inner")?, Bytes::from_static(b"x: 1\n")).await?;
    root.put_file("file", "content").await?;
    let Some(told) = stamps(&backend).await? else { return Ok(()) };
    ensure_eq!(told.into_keys().collect::<Vec<_>>(), ["Cells_0000", "mine", "ä b"], "the names");
    let inner = backend.meta_stamps(&at("mine")?).await?.unwrap_or_default();
    ensure_eq!(inner.into_iter().map(|stamp| stamp.name).collect::<Vec<_>>(), ["inner"], "those within");
    backend.remove(&at("mine")?).await?;
    let told = stamps(&backend).await?.unwrap_or_default();
    ensure_eq!(told.into_keys().collect::<Vec<_>>(), ["Cells_0000", "ä b"], "the names after a removal");
    Ok(())
}

async fn entries_leave_the_stamp_alone(subject: Subject) -> Checked {
    let (backend, root) = (subject.open_bare().await?, subject.open().await?);
    backend.create_directory(&at("a")?, Bytes::from_static(b"x: 1\n")).await?;
    let before = stamps(&backend).await?;
    root.put_file("a/x", "content").await?;
    root.put_file("a/x", "other content").await?;
    root.remove(&at("a/x")?).await?;
    ensure_eq!(stamps(&backend).await?, before, "the stamps");
    Ok(())
}
