//! Faults in new columns of tables, and in merging their parts.

use crate::{
    Case,
    planted::{Fault, Inner},
    tables::{Nowhere, tables},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use fascicle_backend::{
    AppendOptions, Attributes, BatchStream, CompactOptions, Compaction, EntryPath, Error, ErrorKind, Result,
    ScanOptions, TableOptions, TableWriter, WriteMode,
};
use futures::{StreamExt, TryStreamExt};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// What is wrong with adding rows that have other columns.
#[derive(Clone, Copy, PartialEq)]
enum Columns {
    AreDropped,
    MayNotBeMissing,
    AreAddedWithoutTheOption,
    AreSwallowed,
    AppearAtOnce,
    AreNotAddedTogether,
}

struct NewColumns {
    wrong: Columns,
    is_under_way: Arc<AtomicBool>,
}

/// An append that drops columns, or appears batch by batch, or ends what others must not meet.
struct Appending {
    wrong: Columns,
    backend: Arc<dyn fascicle_backend::Backend>,
    path: EntryPath,
    options: AppendOptions,
    inner: Box<dyn TableWriter>,
    kept: Vec<usize>,
    is_under_way: Arc<AtomicBool>,
}

#[async_trait]
impl TableWriter for Appending {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let batch = match self.wrong {
            Columns::AreDropped => batch.project(&self.kept).unwrap(),
            _ => batch,
        };
        if self.wrong == Columns::AppearAtOnce {
            let tables = self.backend.tables().unwrap();
            let mut writer = tables.append_with(&self.path, batch.schema(), &self.options).await?;
            writer.write(batch).await?;
            return writer.finish().await.map(drop);
        }
        // Others come in between.
        tokio::task::yield_now().await;
        self.inner.write(batch).await
    }
    async fn finish(self: Box<Self>) -> Result<u64> {
        let finished = self.inner.finish().await;
        self.is_under_way.store(false, Ordering::SeqCst);
        finished
    }
}

#[async_trait]
impl Fault for NewColumns {
    async fn append_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
    ) -> Result<Box<dyn TableWriter>> {
        let options = AppendOptions { new_columns: self.wrong == Columns::AreAddedWithoutTheOption };
        tables(inner).append_with(path, schema, &options).await
    }
    async fn append_table_with(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &AppendOptions,
    ) -> Result<Box<dyn TableWriter>> {
        let stored = tables(inner).describe(path).await?.schema;
        let kept: Vec<usize> = (0..schema.fields().len())
            .filter(|at| stored.field_with_name(schema.field(*at).name()).is_ok())
            .collect();
        let begun = match self.wrong {
            Columns::AreDropped => {
                let narrow = Arc::new(schema.project(&kept).unwrap());
                tables(inner).append_with(path, narrow, options).await
            }
            Columns::MayNotBeMissing if kept.len() < stored.fields().len() => {
                Err(Error::new(ErrorKind::Mismatch, "a column is missing"))
            }
            Columns::AreNotAddedTogether if self.is_under_way.swap(true, Ordering::SeqCst) => {
                Err(Error::new(ErrorKind::Internal, "somebody else adds columns"))
            }
            _ => tables(inner).append_with(path, schema, options).await,
        };
        let inner_writer = match begun {
            Err(error) if self.wrong == Columns::AreSwallowed && error.kind() == ErrorKind::Mismatch => {
                return Ok(Box::new(Nowhere));
            }
            begun => begun?,
        };
        Ok(Box::new(Appending {
            wrong: self.wrong,
            backend: inner.clone(),
            path: path.clone(),
            options: options.clone(),
            inner: inner_writer,
            kept,
            is_under_way: self.is_under_way.clone(),
        }))
    }
}

/// What is wrong with merging parts.
#[derive(Clone, Copy, PartialEq)]
enum Merging {
    LosesRows,
    DoublesRowsDuringTheGrace,
    IsNotDone,
    IsDoneInADryRun,
    EndsAppending,
    BreaksReaders,
    LosesAttributes,
    NeedsParts,
    IsQuiet(ErrorKind),
    RewritesWhatItRead,
}

struct Merges {
    wrong: Merging,
    times: Arc<AtomicU64>,
}

async fn all_rows(inner: Inner<'_>, path: &EntryPath) -> Result<RecordBatch> {
    let batches: Vec<RecordBatch> =
        tables(inner).scan(path, &ScanOptions::default()).await?.try_collect().await?;
    let schema = tables(inner).describe(path).await?.schema;
    Ok(arrow_select::concat::concat_batches(&schema, &batches).unwrap())
}

async fn rewrite(inner: Inner<'_>, path: &EntryPath, rows: RecordBatch) -> Result<()> {
    let options = TableOptions::default();
    let mut writer = tables(inner).create(path, rows.schema(), &options, WriteMode::Overwrite).await?;
    writer.write(rows).await?;
    writer.finish().await.map(drop)
}

#[async_trait]
impl Fault for Merges {
    async fn append_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
    ) -> Result<Box<dyn TableWriter>> {
        if self.wrong == Merging::EndsAppending && self.times.load(Ordering::SeqCst) > 0 {
            return Err(Error::new(ErrorKind::Conflict, "the parts were merged"));
        }
        tables(inner).append(path, schema).await
    }
    async fn scan_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &ScanOptions,
    ) -> Result<BatchStream> {
        let stream = tables(inner).scan(path, options).await?;
        if self.wrong != Merging::BreaksReaders {
            return Ok(stream);
        }
        let (times, before) = (self.times.clone(), self.times.load(Ordering::SeqCst));
        let still = move |batch| match times.load(Ordering::SeqCst) == before {
            true => batch,
            false => Err(Error::new(ErrorKind::Conflict, "the parts were merged")),
        };
        Ok(stream.map(still).boxed())
    }
    async fn compact_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &CompactOptions,
    ) -> Result<Compaction> {
        self.times.fetch_add(1, Ordering::SeqCst);
        let mut options = options.clone();
        if self.wrong == Merging::IsDoneInADryRun {
            options.dry_run = false;
        }
        let described = tables(inner).describe(path).await;
        let merged = match self.wrong {
            Merging::IsNotDone => {
                let parts = described?.parts;
                return Ok(Compaction { parts_before: parts, parts_after: parts, ..Compaction::default() });
            }
            Merging::NeedsParts if described?.parts < 2 => {
                Err(Error::new(ErrorKind::InvalidInput, "there is nothing to merge"))
            }
            Merging::RewritesWhatItRead => {
                let rows = all_rows(inner, path).await?;
                tokio::task::yield_now().await;
                rewrite(inner, path, rows).await?;
                Ok(Compaction::default())
            }
            _ => tables(inner).compact(path, &options).await,
        };
        let merged = match (self.wrong, merged) {
            (Merging::IsQuiet(kind), Err(error)) if error.kind() == kind => Compaction::default(),
            (_, merged) => merged?,
        };
        match self.wrong {
            Merging::LosesRows if !options.dry_run => {
                let rows = all_rows(inner, path).await?;
                rewrite(inner, path, rows.slice(0, rows.num_rows().saturating_sub(1))).await?;
            }
            Merging::DoublesRowsDuringTheGrace if !options.grace.is_zero() => {
                let rows = all_rows(inner, path).await?;
                let mut writer = tables(inner).append(path, rows.schema()).await?;
                writer.write(rows).await?;
                writer.finish().await?;
            }
            Merging::LosesAttributes => inner.write_attributes(path, &Attributes::new()).await?,
            _ => {}
        }
        Ok(merged)
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let columns = |name, wrong, caught_by| {
        Case::new(name, move || NewColumns { wrong, is_under_way: Arc::default() }, caught_by)
    };
    let merging =
        |name, wrong, caught_by| Case::new(name, move || Merges { wrong, times: Arc::default() }, caught_by);
    vec![
        columns(
            "new_columns_are_dropped",
            Columns::AreDropped,
            &["table_new_columns::rows_before_are_null", "table_new_columns::new_columns_are_selected"],
        ),
        columns(
            "rows_that_lack_columns_are_refused",
            Columns::MayNotBeMissing,
            &["table_new_columns::rows_may_lack_columns"],
        ),
        columns(
            "new_columns_are_added_without_the_option",
            Columns::AreAddedWithoutTheOption,
            &["table_new_columns::without_the_option_they_are_refused"],
        )
        .among_others(),
        columns(
            "rows_with_columns_that_do_not_fit_are_swallowed",
            Columns::AreSwallowed,
            &["table_new_columns::what_does_not_fit_is_refused"],
        ),
        columns(
            "new_columns_appear_before_the_end",
            Columns::AppearAtOnce,
            &["table_new_columns::an_unfinished_append_adds_no_column"],
        ),
        columns(
            "one_task_at_a_time_adds_columns",
            Columns::AreNotAddedTogether,
            &["table_new_columns::different_columns_at_once_all_arrive"],
        ),
        merging(
            "merging_loses_the_last_row",
            Merging::LosesRows,
            &["table_compact::the_rows_stay", "table_compact::appending_goes_on"],
        ),
        merging(
            "rows_come_twice_during_the_grace",
            Merging::DoublesRowsDuringTheGrace,
            &["table_compact::every_row_comes_once_during_the_grace"],
        ),
        merging("parts_are_not_merged", Merging::IsNotDone, &["table_compact::small_parts_are_merged"]),
        merging("a_dry_run_merges", Merging::IsDoneInADryRun, &["table_compact::a_dry_run_changes_nothing"]),
        merging("merging_ends_appending", Merging::EndsAppending, &["table_compact::appending_goes_on"]),
        merging(
            "merging_breaks_readers",
            Merging::BreaksReaders,
            &["table_compact::a_reader_that_began_before_sees_every_row_once"],
        ),
        merging("merging_loses_attributes", Merging::LosesAttributes, &["table_compact::attributes_stay"]),
        merging(
            "merging_needs_several_parts",
            Merging::NeedsParts,
            &["table_compact::nothing_to_merge_is_no_error"],
        ),
        merging(
            "merging_what_is_missing_is_quiet",
            Merging::IsQuiet(ErrorKind::NotFound),
            &["table_compact::it_needs_a_table"],
        ),
        merging(
            "merging_what_is_no_table_is_quiet",
            Merging::IsQuiet(ErrorKind::WrongKind),
            &["table_compact::it_needs_a_table"],
        ),
        merging(
            "merging_rewrites_what_it_read_before",
            Merging::RewritesWhatItRead,
            &["table_compact::appends_and_compactions_at_once_lose_nothing"],
        ),
    ]
}
