//! Faults in how names are kept.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use async_trait::async_trait;
use fascicle_backend::{ByteStream, EntryPath, FileOptions, FileWriter, Result, WriteMode};
use std::ops::Range;

/// Puts what is meant for one path at another one.
struct Misplaced(fn(&str) -> String);

impl Fault for Misplaced {
    fn place(&self, path: &EntryPath) -> EntryPath {
        EntryPath::parse(&(self.0)(path.as_str())).unwrap_or_else(|_| path.clone())
    }
}

/// Files are kept by the last name only.
struct FilesIgnoreDirectories;

fn flat(path: &EntryPath) -> EntryPath {
    EntryPath::parse(path.name()).unwrap()
}

#[async_trait]
impl Fault for FilesIgnoreDirectories {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        inner.files().create(&flat(path), options, mode).await
    }
    async fn read_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        inner.files().read(&flat(path), range).await
    }
}

/// Looks for a name as it is written, and stores it in lower case.
struct StoresInLowerCase;

#[async_trait]
impl Fault for StoresInLowerCase {
    fn place(&self, path: &EntryPath) -> EntryPath {
        EntryPath::parse(&path.as_str().to_lowercase()).unwrap()
    }
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        let mode = if path.as_str() == "notes" { WriteMode::Overwrite } else { mode };
        inner.files().create(path, options, mode).await
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let misplaced =
        |name, place: fn(&str) -> String, caught_by| Case::new(name, move || Misplaced(place), caught_by);
    vec![
        Case::new(
            "files_ignore_directories",
            || FilesIgnoreDirectories,
            &["entry::directories_hold_entries_of_their_own"],
        )
        .among_others(),
        Case::new(
            "names_are_stored_in_lower_case",
            || StoresInLowerCase,
            &[
                "path::unicode_names_are_kept",
                "path::punctuation_is_kept",
                "path::names_that_differ_in_case_never_overwrite_each_other",
                "list::entries_are_sorted_by_the_bytes_of_their_names",
            ],
        )
        .among_others(),
        misplaced(
            "names_lose_their_case",
            |path| path.to_lowercase(),
            &[
                "path::unicode_names_are_kept",
                "path::punctuation_is_kept",
                "list::entries_are_sorted_by_the_bytes_of_their_names",
            ],
        ),
        misplaced(
            "names_lose_what_is_not_ascii",
            |path| path.replace(|c: char| !c.is_ascii(), "u"),
            &[
                "path::unicode_names_are_kept",
                "path::the_longest_name_works",
                "list::entries_are_sorted_by_the_bytes_of_their_names",
            ],
        ),
        misplaced(
            "names_lose_their_ending",
            |path| path.split('.').next().unwrap_or_default().to_owned(),
            &[
                "path::names_that_begin_alike_stay_apart",
                "file::endings_are_part_of_the_name",
                "attributes::entries_have_their_own",
                "remove::neighbours_stay",
                "rename::neighbours_stay",
            ],
        ),
        misplaced("double_spaces_become_one", |path| path.replace("  ", " "), &["path::punctuation_is_kept"]),
        misplaced(
            "percent_signs_are_decoded",
            |path| path.replace("%20", " "),
            &["path::punctuation_is_kept"],
        ),
        misplaced(
            "names_are_cut_at_100_bytes",
            |path| {
                let cut = |name: &str| {
                    name.chars().take(if name.is_ascii() { 100 } else { 50 }).collect::<String>()
                };
                path.split('/').map(cut).collect::<Vec<_>>().join("/")
            },
            &[
                "path::the_longest_name_works",
                "path::the_longest_array_name_works",
                "path::the_longest_table_name_works",
            ],
        ),
        misplaced(
            "paths_are_cut_at_60_names",
            |path| path.split('/').take(60).collect::<Vec<_>>().join("/"),
            &["path::the_deepest_nesting_works"],
        ),
    ]
}
