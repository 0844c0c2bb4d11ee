//! Faults in listing, looking, creating and removing.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{EntryInfo, EntryKind, EntryPath, EntryStat, Error, ErrorKind, Listing, Result};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::SystemTime,
};

/// Changes every listing.
struct Listed(fn(&EntryPath, Listing) -> Listing);

#[async_trait]
impl Fault for Listed {
    async fn list(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Listing> {
        Ok((self.0)(path, inner.list(path).await?))
    }
}

/// Changes what is told of an entry.
struct Looked(fn(EntryStat) -> EntryStat);

#[async_trait]
impl Fault for Looked {
    async fn stat(&self, inner: Inner<'_>, path: &EntryPath) -> Result<EntryStat> {
        Ok((self.0)(inner.stat(path).await?))
    }
}

/// A missing directory reads as an empty one.
struct MissingListsAsEmpty;

#[async_trait]
impl Fault for MissingListsAsEmpty {
    async fn list(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Listing> {
        match inner.list(path).await {
            Err(error) if error.is_not_found() => Ok(Listing::default()),
            other => other,
        }
    }
}

struct FileListsAsEmpty;

#[async_trait]
impl Fault for FileListsAsEmpty {
    async fn list(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Listing> {
        match inner.list(path).await {
            Err(error) if error.kind() == ErrorKind::WrongKind => Ok(Listing::default()),
            other => other,
        }
    }
}

/// The listing of `a` shows what stands in `ab` too, as a search by prefix does.
struct ListsByPrefix;

#[async_trait]
impl Fault for ListsByPrefix {
    async fn list(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Listing> {
        let mut listing = inner.list(path).await?;
        let Some(parent) = path.parent() else { return Ok(listing) };
        for sibling in inner.list(&parent).await?.entries {
            let begins_alike = sibling.name.starts_with(path.name()) && sibling.name != path.name();
            if begins_alike && sibling.kind == EntryKind::Directory {
                listing.entries.extend(inner.list(&parent.join(&sibling.name)?).await?.entries);
            }
        }
        Ok(listing)
    }
}

/// Removes what begins alike, as a removal by prefix does.
struct RemovesByPrefix;

#[async_trait]
impl Fault for RemovesByPrefix {
    async fn remove(&self, inner: Inner<'_>, path: &EntryPath) -> Result<()> {
        inner.remove(path).await?;
        let parent = path.parent().unwrap_or_default();
        for entry in inner.list(&parent).await?.entries {
            if entry.name.starts_with(path.name()) {
                inner.remove(&parent.join(&entry.name)?).await?;
            }
        }
        Ok(())
    }
}

struct RemovingMissingIsFine;

#[async_trait]
impl Fault for RemovingMissingIsFine {
    async fn remove(&self, inner: Inner<'_>, path: &EntryPath) -> Result<()> {
        match inner.remove(path).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }
}

/// A directory keeps what was in it.
struct RemovesNoFullDirectory;

#[async_trait]
impl Fault for RemovesNoFullDirectory {
    async fn remove(&self, inner: Inner<'_>, path: &EntryPath) -> Result<()> {
        if inner.stat(path).await?.kind == EntryKind::Directory && !inner.list(path).await?.entries.is_empty()
        {
            return Ok(());
        }
        inner.remove(path).await
    }
}

/// Leaves tables and arrays where they are.
struct RemovesNo(EntryKind);

#[async_trait]
impl Fault for RemovesNo {
    async fn remove(&self, inner: Inner<'_>, path: &EntryPath) -> Result<()> {
        if inner.stat(path).await?.kind == self.0 { Ok(()) } else { inner.remove(path).await }
    }
}

/// Empties the meta of the directory around what is removed.
struct RemovingRewritesTheMeta;

#[async_trait]
impl Fault for RemovingRewritesTheMeta {
    async fn remove(&self, inner: Inner<'_>, path: &EntryPath) -> Result<()> {
        inner.remove(path).await?;
        let parent = path.parent().unwrap_or_default();
        if inner.read_meta(&parent).await?.is_some() {
            let mode = fascicle_backend::MetaWriteMode::Overwrite;
            inner.write_meta(&parent, Bytes::from_static(b"modified: true\n"), mode).await?;
        }
        Ok(())
    }
}

/// The root does not exist before something is in it.
struct NoRootAtFirst;

#[async_trait]
impl Fault for NoRootAtFirst {
    async fn stat(&self, inner: Inner<'_>, path: &EntryPath) -> Result<EntryStat> {
        if path.is_root() && inner.list(path).await?.entries.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "there is no such directory"));
        }
        inner.stat(path).await
    }
}

/// What is missing looks like a file.
struct MissingLooksLikeAFile;

#[async_trait]
impl Fault for MissingLooksLikeAFile {
    async fn stat(&self, inner: Inner<'_>, path: &EntryPath) -> Result<EntryStat> {
        match inner.stat(path).await {
            Err(error) if error.is_not_found() => Ok(EntryStat {
                kind: EntryKind::File,
                stored_name: path.name().to_owned(),
                size_bytes: 0,
                modified: None,
            }),
            other => other,
        }
    }
}

/// Each listing adds one to what the next one shows.
#[derive(Default)]
struct ListingLeavesTraces(AtomicUsize);

#[async_trait]
impl Fault for ListingLeavesTraces {
    async fn list(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Listing> {
        let mut listing = inner.list(path).await?;
        // The first few listings are sound, as with a cache that fills.
        if self.0.fetch_add(1, Ordering::Relaxed) >= 3 {
            listing.entries.iter_mut().for_each(|entry| entry.stored_name.push('~'));
        }
        Ok(listing)
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let listed = |name, change: fn(&EntryPath, Listing) -> Listing, caught_by| {
        Case::new(name, move || Listed(change), caught_by)
    };
    let looked = |name, change: fn(EntryStat) -> EntryStat, caught_by| {
        Case::new(name, move || Looked(change), caught_by)
    };
    vec![
        listed(
            "a_long_listing_loses_its_second_page",
            |_, mut listing| {
                listing.entries.truncate(50);
                listing
            },
            &["list::many_entries_are_all_listed"],
        ),
        listed(
            "listings_are_not_sorted",
            |_, mut listing| {
                listing.entries.sort_by_key(|entry| entry.name.to_lowercase().replace(['-', ' '], "~"));
                listing
            },
            &[
                "path::punctuation_is_kept",
                "path::names_that_begin_alike_stay_apart",
                "list::entries_are_sorted_by_the_bytes_of_their_names",
                "list::only_direct_entries_are_listed",
                "remove::neighbours_stay",
                "rename::neighbours_stay",
            ],
        ),
        listed(
            "the_meta_is_listed",
            |_, mut listing| {
                if listing.has_meta {
                    let name = "meta.yaml".to_owned();
                    listing.entries.push(EntryInfo {
                        stored_name: name.clone(),
                        name,
                        kind: EntryKind::File,
                    });
                }
                listing
            },
            &[
                "entry::a_new_directory_is_empty",
                "meta::the_listing_tells_whether_there_is_one",
                "list::what_is_reserved_is_not_listed",
            ],
        )
        .among_others(),
        listed(
            "the_root_lists_a_lost_folder",
            |path, mut listing| {
                if path.is_root() {
                    let name = "lost+found".to_owned();
                    listing.entries.push(EntryInfo {
                        stored_name: name.clone(),
                        name,
                        kind: EntryKind::Directory,
                    });
                }
                listing
            },
            &["list::the_root_is_empty_at_first"],
        )
        .among_others(),
        listed(
            "the_listing_never_tells_of_a_meta",
            |_, mut listing| {
                listing.has_meta = false;
                listing
            },
            &["meta::the_root_can_have_one", "meta::the_listing_tells_whether_there_is_one"],
        ),
        listed(
            "the_listing_always_tells_of_a_meta",
            |_, mut listing| {
                listing.has_meta = true;
                listing
            },
            &["meta::the_root_has_none_at_first", "meta::the_listing_tells_whether_there_is_one"],
        ),
        listed(
            "tables_are_listed_as_files",
            |_, mut listing| {
                for entry in &mut listing.entries {
                    if entry.kind == EntryKind::Table {
                        entry.kind = EntryKind::File;
                    }
                }
                listing
            },
            &["list::every_entry_is_listed_once_with_its_kind"],
        ),
        listed(
            "the_listing_hides_an_entry",
            |_, mut listing| {
                listing.entries.retain(|entry| entry.kind != EntryKind::Directory || entry.name != "b");
                listing
            },
            &["list::only_direct_entries_are_listed", "remove::neighbours_stay"],
        ),
        Case::new(
            "what_is_missing_looks_like_a_file",
            || MissingLooksLikeAFile,
            &["entry::missing_entries_are_not_found"],
        )
        .among_others(),
        Case::new("there_is_no_root_at_first", || NoRootAtFirst, &["entry::the_root_exists_from_the_start"])
            .among_others(),
        Case::new("listing_leaves_traces", ListingLeavesTraces::default, &["list::listing_changes_nothing"]),
        Case::new(
            "a_missing_directory_lists_as_empty",
            || MissingListsAsEmpty,
            &["list::a_missing_directory_is_not_found", "error::operation_and_path_are_named"],
        ),
        Case::new(
            "a_file_lists_as_empty",
            || FileListsAsEmpty,
            &[
                "list::a_file_cannot_be_listed",
                "error::operation_and_path_are_named",
                "error::an_error_is_one_line",
                "error::hopeless_calls_are_not_retryable",
            ],
        ),
        Case::new(
            "a_listing_goes_by_prefix",
            || ListsByPrefix,
            &["list::only_direct_entries_are_listed", "rename::neighbours_stay"],
        ),
        looked(
            "the_kind_is_wrong",
            |stat| EntryStat {
                kind: if stat.kind == EntryKind::Table { EntryKind::File } else { stat.kind },
                ..stat
            },
            &["entry::the_kind_is_told"],
        )
        .among_others(),
        looked(
            "the_stored_name_is_lost",
            |stat| EntryStat { stored_name: String::new(), ..stat },
            &["entry::the_stored_name_is_told"],
        ),
        looked(
            "the_size_is_unknown",
            |stat| EntryStat { size_bytes: 0, ..stat },
            &["entry::more_data_occupies_more_bytes"],
        ),
        looked(
            "the_time_is_not_kept",
            |stat| EntryStat { modified: Some(SystemTime::UNIX_EPOCH), ..stat },
            &["entry::the_time_of_the_last_change_is_plausible"],
        ),
        Case::new("a_removal_goes_by_prefix", || RemovesByPrefix, &["remove::neighbours_stay"]),
        Case::new(
            "removing_what_is_missing_is_fine",
            || RemovingMissingIsFine,
            &[
                "remove::a_removed_file_is_gone",
                "remove::a_removed_array_is_gone",
                "remove::a_removed_table_is_gone",
                "remove::a_removed_directory_is_gone_with_everything",
                "remove::a_missing_entry_is_not_found",
                "concurrent::a_directory_is_removed_once",
                "fault::removing_is_all_or_nothing",
                "error::operation_and_path_are_named",
            ],
        ),
        Case::new(
            "full_directories_are_not_removed",
            || RemovesNoFullDirectory,
            &[
                "path::the_longest_path_works",
                "remove::a_removed_directory_is_gone_with_everything",
                "remove::neighbours_stay",
                "remove::the_name_can_be_used_again",
                "remove::a_directory_made_anew_has_the_new_meta",
                "remove::everything_can_be_removed",
                "record::records_are_apart_from_entries",
                "reopen::removals_stay",
                "reopen::a_second_handle_sees_every_change",
                "fault::removing_is_all_or_nothing",
                "given_up::removing_is_all_or_nothing",
            ],
        ),
        Case::new(
            "arrays_are_not_removed",
            || RemovesNo(EntryKind::Array),
            &[
                "array::finishing_is_refused_when_an_entry_has_appeared",
                "remove::a_removed_array_is_gone",
                "remove::the_name_can_be_used_again",
            ],
        ),
        Case::new(
            "tables_are_not_removed",
            || RemovesNo(EntryKind::Table),
            &[
                "table::finishing_is_refused_when_an_entry_has_appeared",
                "remove::a_removed_table_is_gone",
                "remove::the_name_can_be_used_again",
            ],
        ),
        Case::new(
            "files_are_not_removed",
            || RemovesNo(EntryKind::File),
            &[
                "entry::replace_takes_the_place_of_a_full_directory",
                "remove::a_removed_file_is_gone",
                "remove::neighbours_stay",
                "remove::the_name_can_be_used_again",
                "remove::everything_can_be_removed",
                "reopen::removals_stay",
            ],
        ),
        Case::new(
            "removing_rewrites_the_meta",
            || RemovingRewritesTheMeta,
            &["meta::entries_leave_it_alone", "remove::the_meta_of_the_parent_stays"],
        ),
    ]
}
