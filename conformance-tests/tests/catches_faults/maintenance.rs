//! Faults in maintenance, and in what repair and gc rest on.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ByteStream, EntryKind, EntryPath, FileOptions, Flaw, FlawKind, Leftover, LeftoverKind, Listing,
    MetaWriteMode, Owner, Result, Version, WriteMode,
};
use futures::{StreamExt, stream};
use std::ops::Range;

fn something_left(owner: Owner) -> Leftover {
    Leftover {
        stored_as: "_staging/0123".to_owned(),
        kind: LeftoverKind::Staged,
        size_bytes: 1,
        age: None,
        owner,
        state: Version::new("1"),
    }
}

/// Removes the directory whatever its meta.
struct ForgetsTheVersion;

#[async_trait]
impl Fault for ForgetsTheVersion {
    async fn remove_directory_if(&self, inner: Inner<'_>, path: &EntryPath, _meta: &Version) -> Result<bool> {
        match inner.remove(path).await {
            Err(error) if error.is_not_found() => Ok(false),
            answer => answer.map(|()| true),
        }
    }
}

/// Everybody is told to have removed it.
struct EverybodyRemoves;

#[async_trait]
impl Fault for EverybodyRemoves {
    async fn remove_directory_if(&self, inner: Inner<'_>, path: &EntryPath, meta: &Version) -> Result<bool> {
        some_maintenance(inner)?.remove_directory_if(path, meta).await.map(|_| true)
    }
}

/// Nothing is ever removed.
struct NobodyRemoves;

#[async_trait]
impl Fault for NobodyRemoves {
    async fn remove_directory_if(
        &self,
        _inner: Inner<'_>,
        _path: &EntryPath,
        _meta: &Version,
    ) -> Result<bool> {
        Ok(false)
    }
}

fn some_maintenance<'a>(inner: Inner<'a>) -> Result<&'a dyn fascicle_backend::Maintenance> {
    crate::planted::some(inner.maintenance())
}

/// There is always something left.
struct NeverTidy;

#[async_trait]
impl Fault for NeverTidy {
    async fn leftovers(&self, _inner: Inner<'_>) -> Result<Vec<Leftover>> {
        Ok(vec![something_left(Owner::Unknown)])
    }
}

/// Takes whoever is writing a file for gone.
struct TakesWritersForGone;

#[async_trait]
impl Fault for TakesWritersForGone {
    async fn leftovers(&self, inner: Inner<'_>) -> Result<Vec<Leftover>> {
        // A directory is there, and the file that is being written is not.
        let directory = EntryPath::parse("d")?;
        let writes = inner.stat(&directory).await.is_ok() && inner.list(&directory).await?.entries.is_empty();
        Ok(writes.then(|| something_left(Owner::Gone)).into_iter().collect())
    }
}

/// Whoever looks leaves a trace.
struct LookingTouches;

#[async_trait]
impl Fault for LookingTouches {
    async fn leftovers(&self, inner: Inner<'_>) -> Result<Vec<Leftover>> {
        let path = EntryPath::parse("touched")?;
        let writer = inner.files().create(&path, &FileOptions::default(), WriteMode::Overwrite).await?;
        writer.finish().await?;
        Ok(Vec::new())
    }
}

/// What is missing has no flaws.
struct TheMissingIsSound;

#[async_trait]
impl Fault for TheMissingIsSound {
    async fn flaws(&self, _inner: Inner<'_>, _path: &EntryPath) -> Result<Vec<Flaw>> {
        Ok(Vec::new())
    }
}

/// Every file has a flaw.
struct FilesAreFlawed;

#[async_trait]
impl Fault for FilesAreFlawed {
    async fn flaws(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Vec<Flaw>> {
        let is_file = inner.stat(path).await?.kind == EntryKind::File;
        let flaw = Flaw { kind: FlawKind::StaleMark, what: "it looks odd".to_owned(), mendable: true };
        Ok(is_file.then_some(flaw).into_iter().collect())
    }
}

/// Mending is always said to have changed something.
struct AlwaysMends;

#[async_trait]
impl Fault for AlwaysMends {
    async fn mend(&self, _inner: Inner<'_>, _path: &EntryPath, _kind: FlawKind) -> Result<bool> {
        Ok(true)
    }
}

/// Conditional updates of metas are confirmed, and not made.
struct UpdatesAreForgotten;

#[async_trait]
impl Fault for UpdatesAreForgotten {
    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        mode: MetaWriteMode,
    ) -> Result<Version> {
        match mode {
            MetaWriteMode::UpdateIf(version) => Ok(version),
            mode => inner.write_meta(path, meta, mode).await,
        }
    }
}

/// Directories are not listed.
struct DirectoriesAreHidden;

#[async_trait]
impl Fault for DirectoriesAreHidden {
    async fn list(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Listing> {
        let mut listing = inner.list(path).await?;
        listing.entries.retain(|entry| entry.kind != EntryKind::Directory);
        Ok(listing)
    }
}

/// Files in copies have other bytes than were written.
struct CopiesDecay;

#[async_trait]
impl Fault for CopiesDecay {
    async fn read_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        match path.as_str().starts_with("copy/") {
            true => Ok(stream::iter([Ok(Bytes::from_static(b"decayed"))]).boxed()),
            false => inner.files().read(path, range).await,
        }
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "conditional_removals_forget_the_condition",
            || ForgetsTheVersion,
            &[
                "maintenance::a_changed_directory_stays",
                "maintenance::a_directory_made_anew_stays",
                "maintenance::there_may_be_nothing_to_remove",
                "maintenance::creators_beside_removers_keep_what_they_created",
            ],
        ),
        Case::new(
            "everybody_is_told_to_have_removed_a_directory",
            || EverybodyRemoves,
            &[
                "maintenance::a_changed_directory_stays",
                "maintenance::a_directory_made_anew_stays",
                "maintenance::there_may_be_nothing_to_remove",
                "maintenance::one_of_many_removes",
            ],
        ),
        Case::new(
            "conditional_removals_remove_nothing",
            || NobodyRemoves,
            &[
                "maintenance::a_directory_is_removed_if_its_meta_is_the_given_one",
                "maintenance::a_changed_directory_stays",
                "maintenance::one_of_many_removes",
                "tending::a_build_that_was_killed_is_mended",
            ],
        ),
        Case::new(
            "something_is_always_left",
            || NeverTidy,
            &["maintenance::a_tidy_place_has_nothing_to_tell"],
        ),
        Case::new(
            "writers_are_taken_for_gone",
            || TakesWritersForGone,
            &["maintenance::what_is_being_written_is_not_taken_for_left"],
        ),
        Case::new(
            "looking_leaves_a_trace",
            || LookingTouches,
            &["maintenance::looking_changes_nothing", "tending::a_dry_run_changes_nothing"],
        ),
        Case::new(
            "what_is_missing_is_sound",
            || TheMissingIsSound,
            &["maintenance::a_missing_entry_is_not_found"],
        ),
        Case::new(
            "every_file_is_flawed",
            || FilesAreFlawed,
            &["maintenance::a_tidy_place_has_nothing_to_tell", "tending::a_sound_place_is_verified"],
        ),
        Case::new(
            "mending_always_changes_something",
            || AlwaysMends,
            &["maintenance::mending_what_is_sound_changes_nothing"],
        ),
        Case::new(
            "conditional_updates_are_forgotten",
            || UpdatesAreForgotten,
            &["tending::a_committed_directory_is_rolled_forward"],
        )
        .among_others(),
        Case::new(
            "directories_are_not_listed",
            || DirectoriesAreHidden,
            &["tending::a_lost_index_is_rebuilt"],
        )
        .among_others(),
        Case::new("files_in_copies_decay", || CopiesDecay, &["tending::copies_have_equal_digests"])
            .among_others(),
    ]
}
