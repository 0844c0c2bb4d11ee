//! Faults in tables.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use fascicle_backend::{
    BatchStream, EntryPath, Error, ErrorKind, Result, ScanOptions, TableDescription, TableOptions,
    TableStore, TableWriter, WriteMode,
};
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

pub(crate) fn tables<'a>(inner: Inner<'a>) -> &'a dyn TableStore {
    inner.tables().unwrap()
}

/// Changes what is described.
struct Described(fn(TableDescription) -> TableDescription);

#[async_trait]
impl Fault for Described {
    async fn describe_table(&self, inner: Inner<'_>, path: &EntryPath) -> Result<TableDescription> {
        Ok((self.0)(tables(inner).describe(path).await?))
    }
}

/// Refusals of one kind are kept quiet.
struct Quiet(ErrorKind);

#[async_trait]
impl Fault for Quiet {
    async fn describe_table(&self, inner: Inner<'_>, path: &EntryPath) -> Result<TableDescription> {
        match tables(inner).describe(path).await {
            Err(error) if error.kind() == self.0 => {
                let schema = Arc::new(Schema::empty());
                Ok(TableDescription { schema, rows: 0, parts: 1, stored_bytes: 0, format: "none" })
            }
            other => other,
        }
    }
    async fn scan_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &ScanOptions,
    ) -> Result<BatchStream> {
        match tables(inner).scan(path, options).await {
            Err(error) if error.kind() == self.0 => Ok(futures::stream::empty().boxed()),
            other => other,
        }
    }
}

pub(crate) struct Nowhere;

#[async_trait]
impl TableWriter for Nowhere {
    async fn write(&mut self, _batch: RecordBatch) -> Result<()> {
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<u64> {
        Ok(0)
    }
}

/// Appends that are refused with one kind go nowhere instead.
struct QuietAppends(ErrorKind);

#[async_trait]
impl Fault for QuietAppends {
    async fn append_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
    ) -> Result<Box<dyn TableWriter>> {
        match tables(inner).append(path, schema).await {
            Err(error) if error.kind() == self.0 => Ok(Box::new(Nowhere)),
            other => other,
        }
    }
}

/// Compares the metadata of schemas.
struct ComparesMetadata;

#[async_trait]
impl Fault for ComparesMetadata {
    async fn append_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
    ) -> Result<Box<dyn TableWriter>> {
        if schema.metadata() != tables(inner).describe(path).await?.schema.metadata() {
            return Err(Error::new(ErrorKind::Mismatch, "the metadata differs"));
        }
        tables(inner).append(path, schema).await
    }
}

/// An append of which each batch is stored by itself, in front of what is there, or told of by itself.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    BatchByBatch,
    InFront,
    TellsWhatWasAdded,
    RefusesNothing,
}

struct Appended(Way);

struct Appending {
    way: Way,
    inner: Arc<dyn fascicle_backend::Backend>,
    path: EntryPath,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Appending {
    async fn store(&mut self) -> Result<u64> {
        let store = self.inner.tables().unwrap();
        let mut batches = std::mem::take(&mut self.batches);
        let mut writer = if self.way == Way::InFront {
            let old = store.scan(&self.path, &ScanOptions::default()).await?;
            batches.extend(old.try_collect::<Vec<_>>().await?);
            store
                .create(&self.path, self.schema.clone(), &TableOptions::default(), WriteMode::Overwrite)
                .await?
        } else {
            store.append(&self.path, self.schema.clone()).await?
        };
        for batch in batches {
            writer.write(batch).await?;
        }
        writer.finish().await
    }
}

#[async_trait]
impl TableWriter for Appending {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.batches.push(batch);
        if self.way == Way::BatchByBatch { self.store().await.map(|_rows| ()) } else { Ok(()) }
    }
    async fn finish(mut self: Box<Self>) -> Result<u64> {
        let added: u64 = self.batches.iter().map(|batch| batch.num_rows() as u64).sum();
        if self.way == Way::RefusesNothing && added == 0 {
            return Err(Error::new(ErrorKind::InvalidInput, "there is nothing to append"));
        }
        let rows = self.store().await?;
        Ok(if self.way == Way::TellsWhatWasAdded { added } else { rows })
    }
}

#[async_trait]
impl Fault for Appended {
    async fn append_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
    ) -> Result<Box<dyn TableWriter>> {
        tables(inner).append(path, schema.clone()).await?;
        let (inner, path) = (inner.clone(), path.clone());
        Ok(Box::new(Appending { way: self.0, inner, path, schema, batches: vec![] }))
    }
}

/// A table without rows does not appear.
struct NothingIsNoTable;

struct Counted {
    inner: Box<dyn TableWriter>,
    rows: usize,
}

#[async_trait]
impl TableWriter for Counted {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += batch.num_rows();
        self.inner.write(batch).await
    }
    async fn finish(self: Box<Self>) -> Result<u64> {
        if self.rows == 0 { Ok(0) } else { self.inner.finish().await }
    }
}

#[async_trait]
impl Fault for NothingIsNoTable {
    async fn create_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        let inner = tables(inner).create(path, schema, options, mode).await?;
        Ok(Box::new(Counted { inner, rows: 0 }))
    }
}

/// A table that is overwritten keeps its rows, where they fit.
struct OverwritingAppends;

#[async_trait]
impl Fault for OverwritingAppends {
    async fn create_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        if mode == WriteMode::Overwrite && tables(inner).describe(path).await.is_ok() {
            return tables(inner).append(path, schema).await;
        }
        tables(inner).create(path, schema, options, mode).await
    }
}

/// The number of rows that a new table is said to have.
struct TellsNoRows;

struct Silent(Box<dyn TableWriter>);

#[async_trait]
impl TableWriter for Silent {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.0.write(batch).await
    }
    async fn finish(self: Box<Self>) -> Result<u64> {
        self.0.finish().await.map(|_rows| 0)
    }
}

#[async_trait]
impl Fault for TellsNoRows {
    async fn create_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        Ok(Box::new(Silent(tables(inner).create(path, schema, options, mode).await?)))
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let described = |name, change: fn(TableDescription) -> TableDescription, caught_by| {
        Case::new(name, move || Described(change), caught_by)
    };
    vec![
        described(
            "described_rows_are_those_of_the_first_part",
            |description| TableDescription {
                rows: description.rows / description.parts.max(1),
                ..description
            },
            &["table_append::appended_rows_come_last", "reopen::a_second_handle_sees_new_rows"],
        ),
        described(
            "a_table_has_no_parts",
            |description| TableDescription { parts: 0, ..description },
            &["table::rows_and_schema_are_described"],
        ),
        described(
            "described_columns_lose_their_nullability",
            |description| {
                let fields = description.schema.fields().iter();
                let fields: Vec<Field> =
                    fields.map(|field| field.as_ref().clone().with_nullable(true)).collect();
                TableDescription { schema: Arc::new(Schema::new(fields)), ..description }
            },
            &["table::the_schema_is_kept", "table::a_table_can_have_no_rows"],
        ),
        Case::new(
            "missing_tables_read_as_empty",
            || Quiet(ErrorKind::NotFound),
            &[
                "table::it_appears_when_it_is_finished",
                "table::a_missing_table_is_not_found",
                "remove::a_removed_table_is_gone",
                "error::operation_and_path_of_tables_are_named",
            ],
        ),
        Case::new(
            "other_kinds_read_as_empty_tables",
            || Quiet(ErrorKind::WrongKind),
            &[
                "table::other_kinds_are_not_tables",
                "table::an_array_is_not_a_table",
                "error::operation_and_path_of_tables_are_named",
            ],
        ),
        Case::new(
            "rows_that_do_not_fit_are_swallowed",
            || QuietAppends(ErrorKind::Mismatch),
            &["table_append::another_schema_is_refused"],
        ),
        Case::new(
            "appends_to_missing_tables_are_swallowed",
            || QuietAppends(ErrorKind::NotFound),
            &["table_append::appending_needs_a_table"],
        ),
        Case::new(
            "metadata_of_schemas_is_compared",
            || ComparesMetadata,
            &["table_append::metadata_of_a_schema_is_not_compared"],
        ),
        Case::new(
            "appended_batches_appear_one_by_one",
            || Appended(Way::BatchByBatch),
            &[
                "table_append::appended_rows_appear_together",
                "table_append::an_unfinished_append_leaves_nothing",
                "fault::appending_to_a_table_is_all_or_nothing",
            ],
        ),
        Case::new(
            "appended_rows_come_first",
            || Appended(Way::InFront),
            &[
                "table_append::appended_rows_come_last",
                "table_append::appended_rows_appear_together",
                "table_append::an_unfinished_append_leaves_nothing",
                "table_append::metadata_of_a_schema_is_not_compared",
                "scan::scans_see_all_appends",
                "table_append::many_appends_arrive_in_order",
                "attributes::appending_to_a_table_keeps_them",
                "copy::a_table_and_its_copy_change_apart",
                "reopen::appended_table_rows_stay",
                "reopen::a_second_handle_sees_new_rows",
            ],
        ),
        Case::new(
            "table_appends_tell_what_was_added",
            || Appended(Way::TellsWhatWasAdded),
            &[
                "table_append::appended_rows_come_last",
                "table_append::appended_rows_appear_together",
                "table_append::appending_nothing_changes_nothing",
                "table_append::metadata_of_a_schema_is_not_compared",
                "reopen::appended_table_rows_stay",
                "random::tables_follow_the_model",
            ],
        ),
        Case::new(
            "appending_no_rows_is_refused",
            || Appended(Way::RefusesNothing),
            &["table_append::appending_nothing_changes_nothing"],
        ),
        Case::new(
            "tables_without_rows_do_not_appear",
            || NothingIsNoTable,
            &["table::a_table_can_have_no_rows", "table_append::an_empty_table_grows"],
        )
        .among_others(),
        Case::new(
            "overwriting_a_table_appends",
            || OverwritingAppends,
            &[
                "table::overwriting_changes_schema_and_rows",
                "attributes::an_overwritten_table_begins_without",
                "fault::overwriting_a_table_is_all_or_nothing",
            ],
        ),
        Case::new(
            "writing_a_table_tells_no_rows",
            || TellsNoRows,
            &["table::rows_come_back_in_order", "table::it_appears_when_it_is_finished"],
        ),
    ]
}
