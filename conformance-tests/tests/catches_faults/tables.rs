//! Faults in tables.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use arrow_array::{Array, BooleanArray, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use fascicle_backend::{
    BatchStream, Comparison, EntryPath, Error, ErrorKind, Literal, Predicate, Result, ScanOptions,
    TableDescription, TableOptions, TableStore, TableWriter, WriteMode,
};
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

fn tables<'a>(inner: Inner<'a>) -> &'a dyn TableStore {
    inner.tables().unwrap()
}

/// Changes each batch that is read.
struct Scanned(fn(RecordBatch) -> RecordBatch);

#[async_trait]
impl Fault for Scanned {
    async fn scan_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &ScanOptions,
    ) -> Result<BatchStream> {
        let change = self.0;
        Ok(tables(inner).scan(path, options).await?.map_ok(change).boxed())
    }
}

/// Columns of some types come back in another order than the rest of the row.
struct Shuffled(fn(&DataType) -> bool);

#[async_trait]
impl Fault for Shuffled {
    async fn scan_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &ScanOptions,
    ) -> Result<BatchStream> {
        let is_meant = self.0;
        let shuffle = move |batch: RecordBatch| {
            let backwards = UInt32Array::from_iter_values((0..batch.num_rows() as u32).rev());
            let columns = batch.columns().iter().map(|column| {
                if is_meant(column.data_type()) {
                    arrow_select::take::take(column, &backwards, None).unwrap()
                } else {
                    column.clone()
                }
            });
            RecordBatch::try_new(batch.schema(), columns.collect()).unwrap()
        };
        Ok(tables(inner).scan(path, options).await?.map_ok(shuffle).boxed())
    }
}

/// Changes what is asked of a scan.
struct Asked(fn(ScanOptions) -> ScanOptions);

#[async_trait]
impl Fault for Asked {
    async fn scan_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &ScanOptions,
    ) -> Result<BatchStream> {
        tables(inner).scan(path, &(self.0)(options.clone())).await
    }
}

/// Where a scan makes no sense it gives nothing, or everything.
struct BadScansGive {
    everything: bool,
    only: fn(&ScanOptions) -> bool,
}

#[async_trait]
impl Fault for BadScansGive {
    async fn scan_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &ScanOptions,
    ) -> Result<BatchStream> {
        match tables(inner).scan(path, options).await {
            Err(error) if error.kind() == ErrorKind::InvalidInput && (self.only)(options) => {
                if self.everything {
                    tables(inner).scan(path, &ScanOptions::default()).await
                } else {
                    Ok(futures::stream::empty().boxed())
                }
            }
            other => other,
        }
    }
}

/// Reads a table when its rows are asked for, part by part, whatever is there by then.
struct ScansLate;

#[async_trait]
impl Fault for ScansLate {
    async fn scan_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &ScanOptions,
    ) -> Result<BatchStream> {
        let first: Vec<RecordBatch> = tables(inner).scan(path, options).await?.take(1).try_collect().await?;
        let (inner, path, options) = (inner.clone(), path.clone(), options.clone());
        let later = futures::stream::once(async move {
            tables(&inner).scan(&path, &options).await?.skip(1).try_collect::<Vec<_>>().await
        });
        let later = later.map_ok(|batches| futures::stream::iter(batches).map(Ok)).try_flatten();
        Ok(futures::stream::iter(first).map(Ok).chain(later).boxed())
    }
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

struct Nowhere;

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

fn renamed(batch: RecordBatch, rename: fn(&Field) -> Field) -> RecordBatch {
    let fields: Vec<Field> = batch.schema().fields().iter().map(|field| rename(field)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec()).unwrap()
}

/// The same predicate in which each part is changed, the innermost first.
fn rewritten(predicate: Predicate, change: fn(Predicate) -> Predicate) -> Predicate {
    let inner = |predicate: Box<Predicate>| Box::new(rewritten(*predicate, change));
    change(match predicate {
        Predicate::And(a, b) => Predicate::And(inner(a), inner(b)),
        Predicate::Or(a, b) => Predicate::Or(inner(a), inner(b)),
        Predicate::Not(a) => Predicate::Not(inner(a)),
        leaf => leaf,
    })
}

fn with_predicate(options: ScanOptions, change: fn(Predicate) -> Predicate) -> ScanOptions {
    ScanOptions { predicate: options.predicate.map(|predicate| rewritten(predicate, change)), ..options }
}

pub(crate) fn cases() -> Vec<Case> {
    let scanned = |name, change: fn(RecordBatch) -> RecordBatch, caught_by| {
        Case::new(name, move || Scanned(change), caught_by)
    };
    let shuffled = |name, is_meant: fn(&DataType) -> bool, caught_by| {
        Case::new(name, move || Shuffled(is_meant), caught_by)
    };
    let asked = |name, change: fn(ScanOptions) -> ScanOptions, caught_by| {
        Case::new(name, move || Asked(change), caught_by)
    };
    let described = |name, change: fn(TableDescription) -> TableDescription, caught_by| {
        Case::new(name, move || Described(change), caught_by)
    };
    vec![
        scanned(
            "rows_with_nulls_are_lost",
            |batch| {
                let whole: BooleanArray = (0..batch.num_rows())
                    .map(|row| Some(batch.columns().iter().all(|column| column.is_valid(row))))
                    .collect();
                arrow_select::filter::filter_record_batch(&batch, &whole).unwrap()
            },
            &["table::nulls_are_kept", "table::lists_come_back", "table::structs_come_back"],
        )
        .among_others(),
        scanned(
            "every_column_may_be_null",
            |batch| renamed(batch, |field| field.clone().with_nullable(true)),
            &["table::rows_come_back_in_order"],
        )
        .among_others(),
        scanned(
            "dots_in_columns_become_underscores",
            |batch| renamed(batch, |field| field.clone().with_name(field.name().replace('.', "_"))),
            &["table::columns_can_have_any_names"],
        ),
        scanned(
            "more_than_256_columns_are_lost",
            |batch| {
                let kept: Vec<usize> = (0..batch.num_columns().min(256)).collect();
                batch.project(&kept).unwrap()
            },
            &["limit::many_columns_work"],
        ),
        shuffled(
            "integers_are_shuffled",
            |data_type| matches!(data_type, DataType::UInt16),
            &["table::integers_come_back"],
        ),
        shuffled(
            "floats_are_shuffled",
            |data_type| matches!(data_type, DataType::Float32),
            &["table::floats_come_back"],
        ),
        shuffled(
            "bytes_are_shuffled",
            |data_type| matches!(data_type, DataType::Binary),
            &["table::text_and_bytes_come_back"],
        ),
        shuffled(
            "dates_are_shuffled",
            |data_type| matches!(data_type, DataType::Time64(_)),
            &["table::times_come_back"],
        ),
        shuffled(
            "decimals_are_shuffled",
            |data_type| matches!(data_type, DataType::Decimal128(..)),
            &["table::decimals_and_fixed_bytes_come_back"],
        ),
        shuffled(
            "lists_are_shuffled",
            |data_type| matches!(data_type, DataType::List(_)),
            &["table::lists_come_back"],
        ),
        shuffled(
            "fixed_lists_are_shuffled",
            |data_type| matches!(data_type, DataType::FixedSizeList(..)),
            &["table::fixed_size_lists_come_back"],
        ),
        shuffled(
            "structs_are_shuffled",
            |data_type| matches!(data_type, DataType::Struct(_)),
            &["table::structs_come_back"],
        ),
        shuffled(
            "dictionaries_are_shuffled",
            |data_type| matches!(data_type, DataType::Dictionary(..)),
            &["table::dictionaries_come_back"],
        ),
        shuffled(
            "texts_are_shuffled",
            |data_type| matches!(data_type, DataType::Utf8),
            &["table::rows_come_back_in_order", "table::text_and_bytes_come_back"],
        )
        .among_others(),
        asked(
            "projections_keep_the_stored_order",
            |options| ScanOptions {
                projection: options.projection.map(|mut columns| {
                    columns.sort();
                    columns
                }),
                ..options
            },
            &["table::a_projection_returns_these_columns"],
        ),
        asked(
            "predicates_on_other_columns_are_ignored",
            |options| {
                let columns = options.projection.clone();
                let is_projected = |name: &str| columns.iter().flatten().any(|column| column == name);
                let keep = |predicate: &Predicate| {
                    columns.is_none() || predicate.columns().iter().all(|n| is_projected(n))
                };
                ScanOptions { predicate: options.predicate.filter(|predicate| keep(predicate)), ..options }
            },
            &["table::a_predicate_may_name_other_columns"],
        ),
        asked(
            "offsets_count_before_the_predicate",
            |options| ScanOptions {
                offset: if options.predicate.is_some() { options.offset / 2 } else { options.offset },
                ..options
            },
            &["table::offset_and_limit_count_after_the_predicate", "table::scans_see_all_appends"],
        ),
        asked(
            "a_limit_of_zero_is_no_limit",
            |options| ScanOptions { limit: options.limit.filter(|limit| *limit > 0), ..options },
            &["table::nothing_is_left_beyond_the_end"],
        ),
        asked(
            "batches_are_as_large_as_can_be",
            |options| ScanOptions { batch_rows: None, ..options },
            &["table::batches_are_as_small_as_asked_for"],
        ),
        asked(
            "at_most_means_less",
            |options| {
                with_predicate(options, |predicate| match predicate {
                    Predicate::Compare { column, comparison: Comparison::Le, literal } => {
                        Predicate::Compare { column, comparison: Comparison::Lt, literal }
                    }
                    other => other,
                })
            },
            &["table::a_predicate_leaves_the_rows_it_holds_for"],
        ),
        asked(
            "or_means_and",
            |options| {
                with_predicate(options, |predicate| match predicate {
                    Predicate::Or(a, b) => Predicate::And(a, b),
                    other => other,
                })
            },
            &["table::predicates_are_joined", "table::a_comparison_with_null_is_unknown"],
        ),
        asked(
            "null_is_different_from_everything",
            |options| {
                with_predicate(options, |predicate| match predicate {
                    Predicate::Compare { column, comparison: Comparison::Ne, literal } => Predicate::IsNull(
                        column.clone(),
                    )
                    .or(Predicate::compare(column, Comparison::Ne, literal)),
                    other => other,
                })
            },
            &["table::a_comparison_with_null_is_unknown"],
        ),
        asked(
            "dates_are_compared_a_day_late",
            |options| {
                with_predicate(options, |predicate| match predicate {
                    Predicate::Compare { column, comparison, literal: Literal::Text(text) } => {
                        Predicate::Compare {
                            column,
                            comparison,
                            literal: text.replace("05-02", "05-03").into(),
                        }
                    }
                    other => other,
                })
            },
            &["table::text_in_a_predicate_is_parsed"],
        ),
        Case::new(
            "unknown_columns_are_ignored",
            || BadScansGive {
                everything: true,
                only: |options| options.predicate.as_ref().is_none_or(|p| p.columns().contains(&"nope")),
            },
            &["table::an_unknown_column_is_refused", "error::operation_and_path_of_tables_are_named"],
        ),
        Case::new(
            "literals_that_do_not_fit_leave_nothing",
            || BadScansGive {
                everything: false,
                only: |options| options.predicate.as_ref().is_some_and(|p| !p.columns().contains(&"nope")),
            },
            &["table::a_literal_that_does_not_fit_is_refused"],
        ),
        Case::new("tables_are_read_late", || ScansLate, &["table::a_slow_reader_sees_one_state"]),
        described(
            "described_rows_are_those_of_the_first_part",
            |description| TableDescription {
                rows: description.rows / description.parts.max(1),
                ..description
            },
            &["table::appended_rows_come_last", "reopen::a_second_handle_sees_new_rows"],
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
            &["table::another_schema_is_refused"],
        ),
        Case::new(
            "appends_to_missing_tables_are_swallowed",
            || QuietAppends(ErrorKind::NotFound),
            &["table::appending_needs_a_table"],
        ),
        Case::new(
            "metadata_of_schemas_is_compared",
            || ComparesMetadata,
            &["table::metadata_of_a_schema_is_not_compared"],
        ),
        Case::new(
            "appended_batches_appear_one_by_one",
            || Appended(Way::BatchByBatch),
            &[
                "table::appended_rows_appear_together",
                "table::an_unfinished_append_leaves_nothing",
                "fault::appending_to_a_table_is_all_or_nothing",
            ],
        ),
        Case::new(
            "appended_rows_come_first",
            || Appended(Way::InFront),
            &[
                "table::appended_rows_come_last",
                "table::appended_rows_appear_together",
                "table::an_unfinished_append_leaves_nothing",
                "table::metadata_of_a_schema_is_not_compared",
                "table::scans_see_all_appends",
                "table::many_appends_arrive_in_order",
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
                "table::appended_rows_come_last",
                "table::appended_rows_appear_together",
                "table::appending_nothing_changes_nothing",
                "table::metadata_of_a_schema_is_not_compared",
                "reopen::appended_table_rows_stay",
                "random::tables_follow_the_model",
            ],
        ),
        Case::new(
            "appending_no_rows_is_refused",
            || Appended(Way::RefusesNothing),
            &["table::appending_nothing_changes_nothing"],
        ),
        Case::new(
            "tables_without_rows_do_not_appear",
            || NothingIsNoTable,
            &["table::a_table_can_have_no_rows", "table::an_empty_table_grows"],
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
