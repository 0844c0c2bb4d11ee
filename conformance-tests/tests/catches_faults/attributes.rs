//! Faults in attributes.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ArrayOptions, ArraySpec, ArrayWriter, Attributes, EntryKind, EntryPath, FileOptions, FileWriter,
    MetaWriteMode, Result, TableOptions, TableWriter, Values, WriteMode,
};
use serde_json::Value;
use std::{collections::HashMap, sync::Mutex};

/// Changes attributes on their way in.
struct Written(fn(Attributes) -> Attributes);

#[async_trait]
impl Fault for Written {
    async fn write_attributes(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        attributes: &Attributes,
    ) -> Result<()> {
        inner.write_attributes(path, &(self.0)(attributes.clone())).await
    }
}

fn each_value(attributes: Attributes, change: fn(Value) -> Value) -> Attributes {
    attributes.into_iter().map(|(name, value)| (name, change(value))).collect()
}

/// Adds to the attributes instead of replacing them.
struct Merges;

#[async_trait]
impl Fault for Merges {
    async fn write_attributes(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        attributes: &Attributes,
    ) -> Result<()> {
        let mut all = inner.read_attributes(path).await?;
        all.extend(attributes.clone());
        inner.write_attributes(path, &all).await
    }
}

/// Entries of one kind keep no attributes.
struct NoneOn(EntryKind);

#[async_trait]
impl Fault for NoneOn {
    async fn write_attributes(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        attributes: &Attributes,
    ) -> Result<()> {
        if inner.stat(path).await?.kind == self.0 {
            return Ok(());
        }
        inner.write_attributes(path, attributes).await
    }
}

/// A missing entry has no attributes, and no error.
struct MissingHasNone;

#[async_trait]
impl Fault for MissingHasNone {
    async fn read_attributes(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Attributes> {
        match inner.read_attributes(path).await {
            Err(error) if error.is_not_found() => Ok(Attributes::new()),
            other => other,
        }
    }
}

/// Every entry has an attribute from the start.
struct SomeFromTheStart;

#[async_trait]
impl Fault for SomeFromTheStart {
    async fn read_attributes(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Attributes> {
        let mut attributes = inner.read_attributes(path).await?;
        if attributes.is_empty() {
            attributes.insert("version".to_owned(), 1.into());
        }
        Ok(attributes)
    }
}

/// Attributes stay behind when what they belong to is replaced, removed or moved: they are kept beside it, by name.
#[derive(Default)]
struct KeptBeside(Mutex<HashMap<EntryPath, Attributes>>);

#[async_trait]
impl Fault for KeptBeside {
    async fn read_attributes(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Attributes> {
        inner.read_attributes(path).await?;
        Ok(self.0.lock().unwrap().get(path).cloned().unwrap_or_default())
    }
    async fn write_attributes(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        attributes: &Attributes,
    ) -> Result<()> {
        inner.stat(path).await?;
        self.0.lock().unwrap().insert(path.clone(), attributes.clone());
        Ok(())
    }
}

/// Keeps attributes by the last name only.
#[derive(Default)]
struct KeptByName(Mutex<HashMap<String, Attributes>>);

#[async_trait]
impl Fault for KeptByName {
    async fn read_attributes(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Attributes> {
        inner.read_attributes(path).await?;
        Ok(self.0.lock().unwrap().get(path.name()).cloned().unwrap_or_default())
    }
    async fn write_attributes(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        attributes: &Attributes,
    ) -> Result<()> {
        inner.stat(path).await?;
        self.0.lock().unwrap().insert(path.name().to_owned(), attributes.clone());
        Ok(())
    }
}

/// What is given at creation is forgotten.
struct ForgottenAtCreation;

#[async_trait]
impl Fault for ForgottenAtCreation {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        _options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        inner.files().create(path, &FileOptions::default(), mode).await
    }
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let options = ArrayOptions { attributes: Attributes::new(), ..options.clone() };
        inner.arrays().unwrap().create(path, spec, &options, mode).await
    }
    async fn create_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        let options = TableOptions { attributes: Attributes::new(), ..options.clone() };
        inner.tables().unwrap().create(path, schema, &options, mode).await
    }
}

/// Appending takes the attributes away.
struct LostByAppending;

#[async_trait]
impl Fault for LostByAppending {
    async fn append_file(&self, inner: Inner<'_>, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        let length = inner.files().append(path, bytes).await?;
        inner.write_attributes(path, &Attributes::new()).await?;
        Ok(length)
    }
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let length = inner.arrays().unwrap().append(path, rows, values).await?;
        inner.write_attributes(path, &Attributes::new()).await?;
        Ok(length)
    }
    async fn append_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
    ) -> Result<Box<dyn TableWriter>> {
        let writer = inner.tables().unwrap().append(path, schema).await?;
        inner.write_attributes(path, &Attributes::new()).await?;
        Ok(writer)
    }
}

/// Attributes of a directory are written over its meta.
struct WrittenIntoTheMeta;

#[async_trait]
impl Fault for WrittenIntoTheMeta {
    async fn write_attributes(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        attributes: &Attributes,
    ) -> Result<()> {
        inner.write_attributes(path, attributes).await?;
        if inner.stat(path).await?.kind == EntryKind::Directory {
            let meta = Bytes::from(format!("{}\n", Value::from(attributes.clone())));
            inner.write_meta(path, meta, MetaWriteMode::Overwrite).await?;
        }
        Ok(())
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let written = |name, change: fn(Attributes) -> Attributes, caught_by| {
        Case::new(name, move || Written(change), caught_by)
    };
    vec![
        written(
            "integers_in_attributes_become_floats",
            |attributes| {
                each_value(attributes, |value| match value.as_i64() {
                    Some(number) => (number as f64).into(),
                    None => value,
                })
            },
            &[
                "attributes::any_json_value_comes_back",
                "attributes::numbers_keep_their_kind",
                "attributes::names_can_be_anything",
                "attributes::writing_replaces_all_of_them",
                "attributes::a_directory_has_them",
                "attributes::a_file_has_them",
                "attributes::entries_have_their_own",
                "attributes::appending_to_a_file_keeps_them",
                "limit::the_size_of_attributes_is_limited",
            ],
        )
        .among_others(),
        written(
            "floats_in_attributes_become_integers",
            |attributes| {
                each_value(attributes, |value| match value.as_f64() {
                    Some(number) if value.is_f64() && number == 1.0 => 1.into(),
                    _ => value,
                })
            },
            &["attributes::numbers_keep_their_kind"],
        ),
        written(
            "objects_in_attributes_become_text",
            |attributes| {
                each_value(
                    attributes,
                    |value| if value.is_object() { value.to_string().into() } else { value },
                )
            },
            &["attributes::any_json_value_comes_back"],
        ),
        written(
            "nulls_in_attributes_are_dropped",
            |attributes| attributes.into_iter().filter(|(_, value)| !value.is_null()).collect(),
            &["attributes::any_json_value_comes_back"],
        ),
        written(
            "names_of_attributes_lose_their_case",
            |attributes| attributes.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect(),
            &["attributes::names_can_be_anything"],
        ),
        written(
            "long_texts_in_attributes_are_cut",
            |attributes| {
                each_value(attributes, |value| match value.as_str() {
                    Some(text) if text.len() > 65_535 => text.chars().take(30_000).collect::<String>().into(),
                    _ => value,
                })
            },
            &["attributes::large_attributes_come_back_or_are_refused"],
        ),
        Case::new(
            "attributes_are_merged",
            || Merges,
            &[
                "attributes::writing_replaces_all_of_them",
                "attributes::large_attributes_come_back_or_are_refused",
            ],
        ),
        Case::new(
            "files_keep_no_attributes",
            || NoneOn(EntryKind::File),
            &[
                "attributes::any_json_value_comes_back",
                "attributes::numbers_keep_their_kind",
                "attributes::names_can_be_anything",
                "attributes::writing_replaces_all_of_them",
                "attributes::a_file_has_them",
                "attributes::entries_have_their_own",
                "attributes::appending_to_a_file_keeps_them",
                "rename::attributes_move_along",
                "copy::attributes_are_copied",
                "reopen::attributes_stay",
                "fault::writing_attributes_is_all_or_nothing",
                "limit::the_size_of_attributes_is_limited",
            ],
        )
        .among_others(),
        Case::new(
            "arrays_keep_no_attributes",
            || NoneOn(EntryKind::Array),
            &[
                "attributes::any_json_value_comes_back",
                "attributes::numbers_keep_their_kind",
                "attributes::names_can_be_anything",
                "attributes::writing_replaces_all_of_them",
                "attributes::an_array_has_them",
                "attributes::appending_to_an_array_keeps_them",
                "attributes::large_attributes_come_back_or_are_refused",
            ],
        )
        .among_others(),
        Case::new(
            "tables_keep_no_attributes",
            || NoneOn(EntryKind::Table),
            &[
                "attributes::any_json_value_comes_back",
                "attributes::numbers_keep_their_kind",
                "attributes::names_can_be_anything",
                "attributes::writing_replaces_all_of_them",
                "attributes::a_table_has_them",
                "attributes::appending_to_a_table_keeps_them",
            ],
        )
        .among_others(),
        Case::new(
            "directories_keep_no_attributes",
            || NoneOn(EntryKind::Directory),
            &[
                "attributes::any_json_value_comes_back",
                "attributes::numbers_keep_their_kind",
                "attributes::names_can_be_anything",
                "attributes::writing_replaces_all_of_them",
                "attributes::a_directory_has_them",
                "attributes::entries_have_their_own",
                "rename::attributes_move_along",
                "copy::attributes_are_copied",
            ],
        )
        .among_others(),
        Case::new(
            "a_missing_entry_has_no_attributes_and_no_error",
            || MissingHasNone,
            &["attributes::a_missing_entry_has_none"],
        ),
        Case::new(
            "there_are_attributes_from_the_start",
            || SomeFromTheStart,
            &[
                "attributes::there_are_none_at_first",
                "attributes::writing_replaces_all_of_them",
                "attributes::a_directory_has_them",
                "attributes::an_overwritten_entry_begins_without",
                "attributes::an_overwritten_array_begins_without",
                "attributes::an_overwritten_table_begins_without",
                "attributes::a_removed_entry_takes_them_along",
                "rename::attributes_move_along",
            ],
        )
        .among_others(),
        Case::new(
            "attributes_stay_behind",
            KeptBeside::default,
            &[
                "attributes::a_file_is_created_with_them",
                "attributes::an_array_is_created_with_them",
                "attributes::a_table_is_created_with_them",
                "attributes::an_overwritten_entry_begins_without",
                "attributes::an_overwritten_array_begins_without",
                "attributes::an_overwritten_table_begins_without",
                "attributes::a_removed_entry_takes_them_along",
                "rename::attributes_move_along",
                "copy::attributes_are_copied",
                "reopen::attributes_stay",
            ],
        )
        .among_others(),
        Case::new(
            "attributes_go_by_the_last_name",
            KeptByName::default,
            &[
                "attributes::a_file_is_created_with_them",
                "attributes::an_array_is_created_with_them",
                "attributes::a_table_is_created_with_them",
                "attributes::entries_have_their_own",
                "attributes::an_overwritten_entry_begins_without",
                "attributes::an_overwritten_array_begins_without",
                "attributes::an_overwritten_table_begins_without",
                "attributes::a_removed_entry_takes_them_along",
                "rename::attributes_move_along",
                "copy::attributes_are_copied",
                "reopen::attributes_stay",
                "fault::writing_attributes_is_all_or_nothing",
            ],
        )
        .among_others(),
        Case::new(
            "attributes_are_forgotten_at_creation",
            || ForgottenAtCreation,
            &[
                "attributes::a_file_is_created_with_them",
                "attributes::an_array_is_created_with_them",
                "attributes::a_table_is_created_with_them",
            ],
        ),
        Case::new(
            "appending_takes_attributes_away",
            || LostByAppending,
            &[
                "attributes::appending_to_an_array_keeps_them",
                "attributes::appending_to_a_table_keeps_them",
                "attributes::appending_to_a_file_keeps_them",
            ],
        ),
        Case::new(
            "attributes_are_written_into_the_meta",
            || WrittenIntoTheMeta,
            &["attributes::a_directory_has_them"],
        ),
    ]
}
