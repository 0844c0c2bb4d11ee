//! Faults in creating and replacing entries.

use crate::{
    Case,
    planted::{Fault, Inner},
    writers::{DroppedArray, DroppedFile, DroppedTable},
};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ArrayOptions, ArraySpec, ArrayWriter, EntryKind, EntryPath, Error, ErrorKind, FileOptions, FileWriter,
    Result, TableOptions, TableWriter, Version, WriteMode,
};

/// Creates the directories above what is created, as object stores do.
struct MakesParents;

async fn make_parents(inner: Inner<'_>, path: &EntryPath) {
    for ancestor in path.ancestors() {
        let _ = inner.create_directory(&ancestor, Bytes::from_static(b"{}\n")).await;
    }
}

#[async_trait]
impl Fault for MakesParents {
    async fn create_directory(&self, inner: Inner<'_>, path: &EntryPath, meta: Bytes) -> Result<Version> {
        make_parents(inner, path).await;
        inner.create_directory(path, meta).await
    }
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        make_parents(inner, path).await;
        inner.files().create(path, options, mode).await
    }
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        make_parents(inner, path).await;
        inner.arrays().unwrap().create(path, spec, options, mode).await
    }
    async fn create_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        make_parents(inner, path).await;
        inner.tables().unwrap().create(path, schema, options, mode).await
    }
}

/// Creating what exists is fine, as with `mkdir -p`.
struct ExistingIsFine;

#[async_trait]
impl Fault for ExistingIsFine {
    async fn create_directory(&self, inner: Inner<'_>, path: &EntryPath, meta: Bytes) -> Result<Version> {
        match inner.create_directory(path, meta).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Ok(inner.read_meta(path).await.ok().flatten().map_or(Version::new("?"), |meta| meta.version))
            }
            other => other,
        }
    }
}

/// Treats one write mode as another.
#[derive(Clone, Copy)]
struct TakesModeFor(WriteMode, WriteMode);

impl TakesModeFor {
    fn taken(self, mode: WriteMode) -> WriteMode {
        if mode == self.0 { self.1 } else { mode }
    }
}

#[async_trait]
impl Fault for TakesModeFor {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        inner.files().create(path, options, self.taken(mode)).await
    }
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        inner.arrays().unwrap().create(path, spec, options, self.taken(mode)).await
    }
    async fn create_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        inner.tables().unwrap().create(path, schema, options, self.taken(mode)).await
    }
}

/// Looks for existing entries when a writer begins, and no more when it ends.
struct LooksOnlyAtTheBeginning;

async fn look_first(inner: Inner<'_>, path: &EntryPath, mode: WriteMode) -> Result<WriteMode> {
    if mode != WriteMode::Create {
        return Ok(mode);
    }
    match inner.stat(path).await {
        Ok(_) => Err(Error::new(ErrorKind::AlreadyExists, "an entry of that name exists")),
        Err(_) => Ok(WriteMode::Replace),
    }
}

#[async_trait]
impl Fault for LooksOnlyAtTheBeginning {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        inner.files().create(path, options, look_first(inner, path, mode).await?).await
    }
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        inner.arrays().unwrap().create(path, spec, options, look_first(inner, path, mode).await?).await
    }
    async fn create_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        inner.tables().unwrap().create(path, schema, options, look_first(inner, path, mode).await?).await
    }
}

/// Writers that finish when they are dropped.
struct FinishesWhatIsDropped;

#[async_trait]
impl Fault for FinishesWhatIsDropped {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        Ok(Box::new(DroppedFile(Some(inner.files().create(path, options, mode).await?))))
    }
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        Ok(Box::new(DroppedArray(Some(inner.arrays().unwrap().create(path, spec, options, mode).await?))))
    }
    async fn create_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        Ok(Box::new(DroppedTable(Some(inner.tables().unwrap().create(path, schema, options, mode).await?))))
    }
    async fn append_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
    ) -> Result<Box<dyn TableWriter>> {
        Ok(Box::new(DroppedTable(Some(inner.tables().unwrap().append(path, schema).await?))))
    }
}

/// What is being written shows from the beginning, empty.
struct AppearsAtOnce;

#[async_trait]
impl Fault for AppearsAtOnce {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        inner.files().create(path, options, mode).await?.finish().await?;
        inner.files().create(path, options, WriteMode::Overwrite).await
    }
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let arrays = inner.arrays().unwrap();
        arrays.create(path, spec, options, mode).await?.finish().await?;
        arrays.create(path, spec, options, WriteMode::Overwrite).await
    }
    async fn create_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        let tables = inner.tables().unwrap();
        tables.create(path, schema.clone(), options, mode).await?.finish().await?;
        tables.create(path, schema, options, WriteMode::Overwrite).await
    }
}

/// Nothing exists below what is no directory, but nobody says that it cannot.
struct NotFoundBelowLeaves;

#[async_trait]
impl Fault for NotFoundBelowLeaves {
    async fn create_directory(&self, inner: Inner<'_>, path: &EntryPath, meta: Bytes) -> Result<Version> {
        if let Some(parent) = path.parent().filter(|parent| !parent.is_root())
            && inner.stat(&parent).await.is_ok_and(|stat| stat.kind != EntryKind::Directory)
        {
            return Ok(Version::new("nowhere"));
        }
        inner.create_directory(path, meta).await
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "parents_are_made_on_the_way",
            || MakesParents,
            &[
                "entry::the_parent_must_exist",
                "entry::the_parent_of_an_array_must_exist",
                "entry::the_parent_of_a_table_must_exist",
                "error::operation_and_path_are_named",
                "error::operation_and_path_of_arrays_are_named",
                "error::operation_and_path_of_tables_are_named",
                "error::an_error_is_one_line",
                "error::a_handle_survives_refusals",
            ],
        ),
        Case::new(
            "creating_an_existing_directory_is_fine",
            || ExistingIsFine,
            &[
                "entry::an_existing_directory_is_not_created_again",
                "entry::a_directory_is_not_created_over_a_file",
                "entry::a_directory_is_not_created_over_an_array",
                "entry::a_directory_is_not_created_over_a_table",
                "entry::create_never_replaces",
                "concurrent::one_task_creates_a_directory",
                "fault::creating_a_directory_is_all_or_nothing",
                "error::operation_and_path_are_named",
            ],
        ),
        Case::new(
            "create_overwrites",
            || TakesModeFor(WriteMode::Create, WriteMode::Overwrite),
            &[
                "entry::create_never_replaces",
                "file::finishing_is_refused_when_an_entry_has_appeared",
                "array::finishing_is_refused_when_an_entry_has_appeared",
                "table::finishing_is_refused_when_an_entry_has_appeared",
                "fault::creating_a_file_is_all_or_nothing",
                "fault::creating_an_array_is_all_or_nothing",
                "fault::creating_a_table_is_all_or_nothing",
                "error::operation_and_path_are_named",
                "error::an_error_is_one_line",
                "error::hopeless_calls_are_not_retryable",
                "error::a_handle_survives_refusals",
                "random::entries_follow_the_model",
                "random::every_kind_follows_the_model",
            ],
        ),
        Case::new(
            "overwrite_replaces_other_kinds",
            || TakesModeFor(WriteMode::Overwrite, WriteMode::Replace),
            &[
                "entry::overwrite_keeps_other_kinds",
                "error::operation_and_path_are_named",
                "error::operation_and_path_of_arrays_are_named",
                "error::operation_and_path_of_tables_are_named",
            ],
        ),
        Case::new(
            "replace_keeps_other_kinds",
            || TakesModeFor(WriteMode::Replace, WriteMode::Overwrite),
            &[
                "entry::replace_takes_the_place_of_any_kind",
                "entry::replace_takes_the_place_of_a_full_directory",
                "fault::replacing_a_directory_is_all_or_nothing",
            ],
        ),
        Case::new(
            "a_late_writer_wins",
            || LooksOnlyAtTheBeginning,
            &[
                "file::finishing_is_refused_when_an_entry_has_appeared",
                "array::finishing_is_refused_when_an_entry_has_appeared",
                "table::finishing_is_refused_when_an_entry_has_appeared",
            ],
        ),
        Case::new(
            "dropped_writers_finish",
            || FinishesWhatIsDropped,
            &[
                "file::dropping_the_writer_leaves_nothing",
                "file::dropping_the_writer_leaves_the_old_file",
                "array::dropping_the_writer_leaves_nothing",
                "array::dropping_the_writer_leaves_the_old_array",
                "table::dropping_the_writer_leaves_nothing",
                "table::dropping_the_writer_leaves_the_old_table",
                "table::a_batch_of_another_schema_is_refused",
                "table_append::an_unfinished_append_leaves_nothing",
                "fault::creating_a_file_is_all_or_nothing",
                "fault::overwriting_a_file_is_all_or_nothing",
                "fault::creating_an_array_is_all_or_nothing",
                "fault::overwriting_an_array_is_all_or_nothing",
                "fault::creating_a_table_is_all_or_nothing",
                "fault::overwriting_a_table_is_all_or_nothing",
                "fault::appending_to_a_table_is_all_or_nothing",
                "fault::replacing_a_directory_is_all_or_nothing",
                "refusal::text_with_nul_is_refused",
            ],
        ),
        Case::new(
            "unfinished_writes_appear",
            || AppearsAtOnce,
            &[
                "list::what_is_not_finished_is_not_listed",
                "file::it_appears_when_it_is_finished",
                "file::dropping_the_writer_leaves_nothing",
                "array::it_appears_when_it_is_finished",
                "array::dropping_the_writer_leaves_nothing",
                "table::it_appears_when_it_is_finished",
                "table::dropping_the_writer_leaves_nothing",
            ],
        )
        .among_others(),
        Case::new(
            "creating_below_a_leaf_pretends",
            || NotFoundBelowLeaves,
            &[
                "entry::nothing_stands_below_a_file",
                "entry::nothing_stands_below_an_array",
                "entry::nothing_stands_below_a_table",
            ],
        ),
    ]
}
