//! Faults in reading tables.

use crate::{
    Case,
    planted::{Fault, Inner},
    tables::tables,
};
use arrow_array::{Array, BooleanArray, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema};
use async_trait::async_trait;
use fascicle_backend::{
    BatchStream, Comparison, EntryPath, ErrorKind, Literal, Predicate, Result, ScanOptions,
};
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

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
            &["scan::a_projection_returns_these_columns"],
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
            &["scan::a_predicate_may_name_other_columns"],
        ),
        asked(
            "offsets_count_before_the_predicate",
            |options| ScanOptions {
                offset: if options.predicate.is_some() { options.offset / 2 } else { options.offset },
                ..options
            },
            &["scan::offset_and_limit_count_after_the_predicate", "scan::scans_see_all_appends"],
        ),
        asked(
            "a_limit_of_zero_is_no_limit",
            |options| ScanOptions { limit: options.limit.filter(|limit| *limit > 0), ..options },
            &["scan::nothing_is_left_beyond_the_end"],
        ),
        asked(
            "batches_are_as_large_as_can_be",
            |options| ScanOptions { batch_rows: None, ..options },
            &["scan::batches_are_as_small_as_asked_for"],
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
            &["scan::a_predicate_leaves_the_rows_it_holds_for"],
        ),
        asked(
            "or_means_and",
            |options| {
                with_predicate(options, |predicate| match predicate {
                    Predicate::Or(a, b) => Predicate::And(a, b),
                    other => other,
                })
            },
            &["scan::predicates_are_joined", "scan::a_comparison_with_null_is_unknown"],
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
            &["scan::a_comparison_with_null_is_unknown"],
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
            &["scan::text_in_a_predicate_is_parsed"],
        ),
        Case::new(
            "unknown_columns_are_ignored",
            || BadScansGive {
                everything: true,
                only: |options| options.predicate.as_ref().is_none_or(|p| p.columns().contains(&"nope")),
            },
            &["scan::an_unknown_column_is_refused", "error::operation_and_path_of_tables_are_named"],
        ),
        Case::new(
            "literals_that_do_not_fit_leave_nothing",
            || BadScansGive {
                everything: false,
                only: |options| options.predicate.as_ref().is_some_and(|p| !p.columns().contains(&"nope")),
            },
            &["scan::a_literal_that_does_not_fit_is_refused"],
        ),
        Case::new("tables_are_read_late", || ScansLate, &["table::a_slow_reader_sees_one_state"]),
    ]
}
