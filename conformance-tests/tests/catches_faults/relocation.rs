//! Faults in moving and copying.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    Attributes, EntryKind, EntryPath, Error, ErrorKind, FileOptions, FileWriter, MetaWriteMode, Result,
    Values, Version, WriteMode,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

/// How moving or copying goes wrong.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// An existing target is removed first.
    Replaces,
    /// The directories above the target are made.
    MakesParents,
    /// A missing source is fine.
    MissingIsFine,
    /// The source is still there.
    Copies,
    /// The source is gone.
    Moves,
    /// Attributes stay behind.
    LosesAttributes,
    /// The meta stays behind.
    LosesMeta,
    /// Entries of this kind stay where they are.
    Pretends(EntryKind),
    /// Only within one directory.
    StaysInTheDirectory,
    /// What begins alike moves along.
    GoesByPrefix,
    /// What stands in directories within a directory stays behind.
    IsShallow,
}

struct Rename(Way);
struct Copy(Way);

async fn make_parents(inner: Inner<'_>, path: &EntryPath) {
    for ancestor in path.ancestors() {
        let _ = inner.create_directory(&ancestor, Bytes::from_static(b"{}\n")).await;
    }
}

/// What goes wrong before; whether to go on.
async fn before(way: Way, inner: Inner<'_>, from: &EntryPath, to: &EntryPath) -> Result<bool> {
    match way {
        Way::Replaces if inner.stat(from).await.is_ok() && inner.stat(to).await.is_ok() => {
            inner.remove(to).await?;
        }
        Way::MakesParents => make_parents(inner, to).await,
        Way::MissingIsFine => return Ok(inner.stat(from).await.is_ok()),
        Way::Pretends(kind) => return Ok(inner.stat(from).await?.kind != kind),
        Way::StaysInTheDirectory if from.parent() != to.parent() => {
            return Err(Error::new(ErrorKind::Unsupported, "only within one directory"));
        }
        _ => {}
    }
    Ok(true)
}

/// What goes wrong afterwards.
async fn after(way: Way, inner: Inner<'_>, from: &EntryPath, to: &EntryPath) -> Result<()> {
    match way {
        Way::Copies => inner.copy(to, from).await?,
        Way::Moves => inner.remove(from).await?,
        Way::LosesAttributes => inner.write_attributes(to, &Attributes::new()).await?,
        Way::LosesMeta if inner.stat(to).await?.kind == EntryKind::Directory => {
            inner.write_meta(to, Bytes::from_static(b"{}\n"), MetaWriteMode::Overwrite).await?;
        }
        Way::GoesByPrefix => {
            let parent = from.parent().unwrap_or_default();
            for entry in inner.list(&parent).await?.entries {
                if let Some(rest) = entry.name.strip_prefix(from.name()) {
                    let target = to.parent().unwrap_or_default().join(&format!("{}{rest}", to.name()))?;
                    inner.rename(&parent.join(&entry.name)?, &target).await?;
                }
            }
        }
        Way::IsShallow => {
            for entry in inner.list(to).await.unwrap_or_default().entries {
                let child = to.join(&entry.name)?;
                if entry.kind == EntryKind::Directory {
                    for inside in inner.list(&child).await?.entries {
                        inner.remove(&child.join(&inside.name)?).await?;
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

#[async_trait]
impl Fault for Rename {
    async fn rename(&self, inner: Inner<'_>, from: &EntryPath, to: &EntryPath) -> Result<()> {
        if before(self.0, inner, from, to).await? {
            inner.rename(from, to).await?;
            after(self.0, inner, from, to).await?;
        }
        Ok(())
    }
    async fn stat(&self, inner: Inner<'_>, path: &EntryPath) -> Result<fascicle_backend::EntryStat> {
        missing_is_fine(self.0, inner, path).await
    }
}

#[async_trait]
impl Fault for Copy {
    async fn copy(&self, inner: Inner<'_>, from: &EntryPath, to: &EntryPath) -> Result<()> {
        if before(self.0, inner, from, to).await? {
            inner.copy(from, to).await?;
            after(self.0, inner, from, to).await?;
        }
        Ok(())
    }
    async fn stat(&self, inner: Inner<'_>, path: &EntryPath) -> Result<fascicle_backend::EntryStat> {
        missing_is_fine(self.0, inner, path).await
    }
}

/// Looks at an entry; the way that does not mind a missing one finds a file.
async fn missing_is_fine(
    way: Way,
    inner: Inner<'_>,
    path: &EntryPath,
) -> Result<fascicle_backend::EntryStat> {
    match inner.stat(path).await {
        Err(error) if error.is_not_found() && way == Way::MissingIsFine => Ok(fascicle_backend::EntryStat {
            kind: EntryKind::File,
            stored_name: path.name().to_owned(),
            size_bytes: 0,
            modified: None,
        }),
        other => other,
    }
}

/// A copy is another name of the same entry.
#[derive(Default)]
struct CopiesAreLinks(Mutex<HashMap<EntryPath, EntryPath>>);

#[async_trait]
impl Fault for CopiesAreLinks {
    fn place(&self, path: &EntryPath) -> EntryPath {
        let links = self.0.lock().unwrap();
        for (link, target) in links.iter() {
            if path.is_within(link) {
                let rest = path.as_str().get(link.as_str().len()..).unwrap_or_default();
                return EntryPath::parse(&format!("{target}{rest}")).unwrap();
            }
        }
        path.clone()
    }
    async fn copy(&self, inner: Inner<'_>, from: &EntryPath, to: &EntryPath) -> Result<()> {
        inner.copy(from, to).await?;
        self.0.lock().unwrap().insert(to.clone(), from.clone());
        Ok(())
    }
}

/// Names that were removed or moved away stay taken.
#[derive(Default)]
struct OldNamesStayTaken(Mutex<HashSet<EntryPath>>, bool);

impl OldNamesStayTaken {
    fn check(&self, path: &EntryPath) -> Result<()> {
        if self.0.lock().unwrap().contains(path) {
            return Err(Error::new(ErrorKind::AlreadyExists, "the name was used before"));
        }
        Ok(())
    }
}

#[async_trait]
impl Fault for OldNamesStayTaken {
    async fn rename(&self, inner: Inner<'_>, from: &EntryPath, to: &EntryPath) -> Result<()> {
        inner.rename(from, to).await?;
        if !self.1 {
            self.0.lock().unwrap().insert(from.clone());
        }
        Ok(())
    }
    async fn remove(&self, inner: Inner<'_>, path: &EntryPath) -> Result<()> {
        inner.remove(path).await?;
        if self.1 {
            self.0.lock().unwrap().insert(path.clone());
        }
        Ok(())
    }
    async fn create_directory(&self, inner: Inner<'_>, path: &EntryPath, meta: Bytes) -> Result<Version> {
        self.check(path)?;
        inner.create_directory(path, meta).await
    }
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        self.check(path)?;
        inner.files().create(path, options, mode).await
    }
}

/// An array that was moved is found no more by those who append to it.
#[derive(Default)]
struct MovedArraysDoNotGrow(Mutex<HashSet<EntryPath>>);

#[async_trait]
impl Fault for MovedArraysDoNotGrow {
    async fn rename(&self, inner: Inner<'_>, from: &EntryPath, to: &EntryPath) -> Result<()> {
        inner.rename(from, to).await?;
        self.0.lock().unwrap().insert(to.clone());
        Ok(())
    }
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        if self.0.lock().unwrap().contains(path) {
            return Err(Error::new(ErrorKind::NotFound, "there is no such array"));
        }
        inner.arrays().unwrap().append(path, rows, values).await
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let rename = |name, way, caught_by| Case::new(name, move || Rename(way), caught_by);
    let copy = |name, way, caught_by| Case::new(name, move || Copy(way), caught_by);
    vec![
        rename(
            "moving_replaces_the_target",
            Way::Replaces,
            &["rename::the_target_is_never_replaced", "rename::a_name_is_taken_by_any_kind"],
        ),
        rename(
            "moving_makes_the_parents_of_the_target",
            Way::MakesParents,
            &["rename::the_parent_of_the_target_must_exist"],
        ),
        rename(
            "moving_what_is_missing_is_fine",
            Way::MissingIsFine,
            &["rename::a_missing_source_is_not_found", "fault::moving_is_all_or_nothing"],
        )
        .among_others(),
        rename(
            "moving_copies",
            Way::Copies,
            &[
                "rename::a_file_moves",
                "rename::an_array_moves",
                "rename::a_table_moves",
                "rename::a_directory_moves_with_everything",
                "rename::an_entry_moves_between_directories",
                "rename::attributes_move_along",
                "rename::neighbours_stay",
                "rename::the_old_name_can_be_used_again",
                "rename::a_moved_array_grows",
                "reopen::moves_stay",
                "fault::moving_is_all_or_nothing",
            ],
        ),
        rename("moving_loses_attributes", Way::LosesAttributes, &["rename::attributes_move_along"]),
        rename("moving_loses_the_meta", Way::LosesMeta, &["rename::a_directory_moves_with_everything"]),
        rename(
            "files_do_not_move",
            Way::Pretends(EntryKind::File),
            &[
                "rename::a_file_moves",
                "rename::an_entry_moves_between_directories",
                "rename::attributes_move_along",
                "rename::the_target_is_never_replaced",
                "rename::a_name_is_taken_by_any_kind",
                "rename::the_parent_of_the_target_must_exist",
                "rename::the_old_name_can_be_used_again",
            ],
        ),
        rename(
            "arrays_do_not_move",
            Way::Pretends(EntryKind::Array),
            &["rename::an_array_moves", "rename::a_name_is_taken_by_any_kind", "rename::a_moved_array_grows"],
        ),
        rename(
            "tables_do_not_move",
            Way::Pretends(EntryKind::Table),
            &["rename::a_table_moves", "rename::a_name_is_taken_by_any_kind"],
        ),
        rename(
            "entries_do_not_leave_their_directory",
            Way::StaysInTheDirectory,
            &[
                "rename::an_entry_moves_between_directories",
                "rename::attributes_move_along",
                "rename::the_parent_of_the_target_must_exist",
                "rename::a_moved_array_grows",
            ],
        ),
        rename("moving_goes_by_prefix", Way::GoesByPrefix, &["rename::neighbours_stay"]),
        rename("moving_is_shallow", Way::IsShallow, &["rename::a_directory_moves_with_everything"]),
        Case::new(
            "names_that_were_moved_away_stay_taken",
            || OldNamesStayTaken(Mutex::default(), false),
            &["rename::attributes_move_along", "rename::the_old_name_can_be_used_again"],
        ),
        Case::new(
            "names_that_were_removed_stay_taken",
            || OldNamesStayTaken(Mutex::default(), true),
            &[
                "entry::replace_takes_the_place_of_a_full_directory",
                "array::finishing_is_refused_when_an_entry_has_appeared",
                "table::finishing_is_refused_when_an_entry_has_appeared",
                "attributes::a_removed_entry_takes_them_along",
                "remove::the_name_can_be_used_again",
                "remove::a_directory_made_anew_has_the_new_meta",
            ],
        ),
        Case::new(
            "moved_arrays_do_not_grow",
            MovedArraysDoNotGrow::default,
            &["rename::a_moved_array_grows"],
        ),
        copy(
            "copying_replaces_the_target",
            Way::Replaces,
            &["copy::the_target_is_never_replaced", "fault::copying_a_file_is_all_or_nothing"],
        ),
        copy(
            "copying_makes_the_parents_of_the_target",
            Way::MakesParents,
            &["copy::the_parent_of_the_target_must_exist"],
        ),
        copy("copying_what_is_missing_is_fine", Way::MissingIsFine, &["copy::a_missing_source_is_not_found"])
            .among_others(),
        copy(
            "copying_moves",
            Way::Moves,
            &[
                "copy::a_file_is_copied",
                "copy::an_array_is_copied",
                "copy::a_table_is_copied",
                "copy::a_directory_is_copied_with_everything",
                "copy::attributes_are_copied",
                "copy::a_file_and_its_copy_change_apart",
                "copy::an_array_and_its_copy_change_apart",
                "copy::a_table_and_its_copy_change_apart",
                "copy::a_directory_and_its_copy_change_apart",
                "fault::copying_a_file_is_all_or_nothing",
            ],
        ),
        copy("copying_loses_attributes", Way::LosesAttributes, &["copy::attributes_are_copied"]),
        copy("copying_loses_the_meta", Way::LosesMeta, &["copy::a_directory_is_copied_with_everything"]),
        copy(
            "arrays_are_not_copied",
            Way::Pretends(EntryKind::Array),
            &["copy::an_array_is_copied", "copy::an_array_and_its_copy_change_apart"],
        ),
        copy(
            "tables_are_not_copied",
            Way::Pretends(EntryKind::Table),
            &["copy::a_table_is_copied", "copy::a_table_and_its_copy_change_apart"],
        ),
        copy("copying_is_shallow", Way::IsShallow, &["copy::a_directory_is_copied_with_everything"]),
        Case::new(
            "copies_are_links",
            CopiesAreLinks::default,
            &[
                "copy::a_file_and_its_copy_change_apart",
                "copy::an_array_and_its_copy_change_apart",
                "copy::a_table_and_its_copy_change_apart",
                "copy::a_directory_and_its_copy_change_apart",
                "fault::copying_a_file_is_all_or_nothing",
            ],
        ),
    ]
}
