//! Tables: folders of Parquet files, or CSV files as datamate's.

mod csv;
mod parquet;

use crate::{
    Hdf5Backend, blocking,
    config::TableFormat,
    layout::Form,
    tree::{Tree, wrong_kind},
};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use csv::{CsvAppend, NewCsvTable};
use fascicle_backend::{
    AppendOptions, Attributes, BatchStream, CompactOptions, Compaction, EntryKind, EntryPath, Result,
    ScanOptions, TableDescription, TableOptions, TableStore, TableWriter, WriteMode,
};
use fascicle_local::Staged;
use fascicle_tables::OffloadedTableWriter;
use parquet::{NewParquetTable, ParquetAppend};
use std::sync::Arc;

#[async_trait]
impl TableStore for Hdf5Backend {
    async fn create(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        let (tree, path, options) = (self.tree().clone(), path.clone(), options.clone());
        blocking(move || {
            tree.prepare(&path, EntryKind::Table, mode)?;
            Ok(match tree.options().tables {
                TableFormat::Parquet => {
                    offloaded(NewParquetTable::begin(&tree, &path, &schema, &options, mode)?)
                }
                TableFormat::Csv => offloaded(NewCsvTable::begin(&tree, &path, &schema, &options, mode)?),
            })
        })
        .await
    }

    async fn append(&self, path: &EntryPath, schema: SchemaRef) -> Result<Box<dyn TableWriter>> {
        self.append_with(path, schema, &AppendOptions::default()).await
    }

    async fn append_with(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &AppendOptions,
    ) -> Result<Box<dyn TableWriter>> {
        let (tree, path, options) = (self.tree().clone(), path.clone(), options.clone());
        blocking(move || {
            let found = tree.find(&path, EntryKind::Table)?;
            Ok(match found.form() {
                Form::ParquetTable => {
                    offloaded(ParquetAppend::begin(&tree, &path, &found, &schema, &options)?)
                }
                Form::ParquetFile => return Err(fascicle_tables::TableHead::written_elsewhere()),
                Form::CsvTable if options.new_columns => return Err(csv::no_new_columns()),
                Form::CsvTable => offloaded(CsvAppend::begin(&tree, &path, &found, &schema)?),
                Form::Array | Form::File | Form::Directory => {
                    return Err(wrong_kind(&found, EntryKind::Table));
                }
            })
        })
        .await
    }

    async fn compact(&self, path: &EntryPath, options: &CompactOptions) -> Result<Compaction> {
        let (path, options) = (path.clone(), options.clone());
        self.run(move |tree| {
            let found = tree.find(&path, EntryKind::Table)?;
            match found.form() {
                Form::ParquetTable => parquet::compact(tree, &found, &options),
                Form::ParquetFile => Err(fascicle_tables::TableHead::written_elsewhere()),
                // One file, in which the rows of all appends are.
                Form::CsvTable => Ok(Compaction { parts_before: 1, parts_after: 1, ..Compaction::default() }),
                Form::Array | Form::File | Form::Directory => Err(wrong_kind(&found, EntryKind::Table)),
            }
        })
        .await
    }

    async fn describe(&self, path: &EntryPath) -> Result<TableDescription> {
        let path = path.clone();
        self.run(move |tree| {
            let found = tree.find(&path, EntryKind::Table)?;
            match found.form() {
                Form::ParquetTable => parquet::describe(&found),
                Form::CsvTable => csv::describe(&found),
                Form::ParquetFile => parquet::describe_file(&found),
                Form::Array | Form::File | Form::Directory => Err(wrong_kind(&found, EntryKind::Table)),
            }
        })
        .await
    }

    async fn scan(&self, path: &EntryPath, options: &ScanOptions) -> Result<BatchStream> {
        let (path, options) = (path.clone(), options.clone());
        self.run(move |tree| {
            let found = tree.find(&path, EntryKind::Table)?;
            match found.form() {
                Form::ParquetTable => parquet::scan(&found, &options),
                Form::CsvTable => csv::scan(&found, &options),
                Form::ParquetFile => parquet::scan_file(&found, &options),
                Form::Array | Form::File | Form::Directory => Err(wrong_kind(&found, EntryKind::Table)),
            }
        })
        .await
    }
}

fn offloaded(writer: impl fascicle_tables::BlockingTableWriter) -> Box<dyn TableWriter> {
    Box::new(OffloadedTableWriter::new(writer))
}

/// Where a new table goes when it is finished.
struct Finished {
    tree: Arc<Tree>,
    path: EntryPath,
    attributes: Attributes,
    mode: WriteMode,
}

impl Finished {
    fn new(tree: &Arc<Tree>, path: &EntryPath, options: &TableOptions, mode: WriteMode) -> Self {
        Finished { tree: tree.clone(), path: path.clone(), attributes: options.attributes.clone(), mode }
    }

    fn commit(&self, staged: Staged, form: Form) -> Result<()> {
        self.tree.commit(staged, &self.path, form, self.mode, Some(&self.attributes))
    }
}
