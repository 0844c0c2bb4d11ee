//! Tables.

use crate::{
    MemoryBackend,
    node::{Content, Node, Store},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use fascicle_backend::{
    AppendOptions, BatchStream, CompactOptions, Compaction, EntryKind, EntryPath, Result, ScanOptions,
    TableDescription, TableOptions, TableStore, TableWriter, WriteMode,
};
use fascicle_tables::{Scan, align_batch, check_same_columns, fit_to, with_new_columns};
use futures::stream;
use std::sync::Arc;

/// A table with all its rows.
#[derive(Clone, Debug)]
pub(crate) struct StoredTable {
    schema: SchemaRef,
    /// The batches of each write, the first one's as well as those of every append.
    parts: Vec<Vec<RecordBatch>>,
}

impl StoredTable {
    pub(crate) fn size_bytes(&self) -> u64 {
        self.batches().map(|batch| batch.get_array_memory_size() as u64).sum()
    }

    fn batches(&self) -> impl Iterator<Item = &RecordBatch> {
        self.parts.iter().flatten()
    }

    fn rows(&self) -> u64 {
        self.batches().map(|batch| batch.num_rows() as u64).sum()
    }

    /// Adds rows, the columns of which may be new as far as the options say.
    fn append(&mut self, schema: &SchemaRef, part: Vec<RecordBatch>, options: &AppendOptions) -> Result<u64> {
        let columns = self.columns_after(schema, options)?;
        let part: Vec<RecordBatch> =
            part.into_iter().map(|batch| fit_to(batch, &columns)).collect::<Result<_>>()?;
        if part.iter().all(|batch| batch.num_rows() == 0) {
            return Ok(self.rows());
        }
        if columns != self.schema {
            for batch in self.parts.iter_mut().flatten() {
                *batch = fit_to(batch.clone(), &columns)?;
            }
            self.schema = columns;
        }
        self.parts.push(part);
        Ok(self.rows())
    }

    fn columns_after(&self, given: &SchemaRef, options: &AppendOptions) -> Result<SchemaRef> {
        if options.new_columns {
            return with_new_columns(&self.schema, given);
        }
        check_same_columns(&self.schema, given)?;
        Ok(Arc::clone(&self.schema))
    }

    /// Makes the writes that small parts come from one part each run of them; the rows stay as they are.
    fn compact(&mut self, options: &CompactOptions) -> Compaction {
        let before = self.parts.len() as u64;
        let size = |part: &Vec<RecordBatch>| -> u64 {
            part.iter().map(|batch| batch.get_array_memory_size() as u64).sum()
        };
        // Each merged part with how many it was made of, and their bytes.
        let mut merged: Vec<(Vec<RecordBatch>, u64, u64)> = Vec::new();
        for part in &self.parts {
            let bytes = size(part);
            match merged.last_mut() {
                Some((into, count, total))
                    if bytes < options.target_bytes / 2
                        && *total < options.target_bytes / 2
                        && total.saturating_add(bytes) <= options.target_bytes =>
                {
                    into.extend(part.iter().cloned());
                    (*count, *total) = (*count + 1, total.saturating_add(bytes));
                }
                _ => merged.push((part.clone(), 1, bytes)),
            }
        }
        let report = Compaction {
            parts_before: before,
            parts_after: merged.len() as u64,
            merged_parts: merged.iter().map(|(_, count, _)| count).filter(|count| **count > 1).sum(),
            ..Compaction::default()
        };
        if !options.dry_run {
            self.parts = merged.into_iter().map(|(part, _, _)| part).collect();
        }
        report
    }
}

/// The table at `path`.
fn find<'a>(store: &'a Store, path: &EntryPath) -> Result<&'a Arc<StoredTable>> {
    let node = store.find(path)?;
    match &node.content {
        Content::Table(table) => Ok(table),
        _ => Err(node.wrong_kind(EntryKind::Table)),
    }
}

#[async_trait]
impl TableStore for MemoryBackend {
    async fn create(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        self.shared().admit(path, EntryKind::Table, mode)?;
        Ok(Box::new(MemoryTableWriter {
            backend: self.clone(),
            path: path.clone(),
            schema,
            purpose: Purpose::Create { options: options.clone(), mode },
            batches: Vec::new(),
        }))
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
        find(&self.shared(), path)?.columns_after(&schema, options)?;
        Ok(Box::new(MemoryTableWriter {
            backend: self.clone(),
            path: path.clone(),
            schema,
            purpose: Purpose::Append(options.clone()),
            batches: Vec::new(),
        }))
    }

    async fn compact(&self, path: &EntryPath, options: &CompactOptions) -> Result<Compaction> {
        self.exclusive().change(path, |node| match &mut node.content {
            Content::Table(table) => Ok(Arc::make_mut(table).compact(options)),
            _ => Err(node.wrong_kind(EntryKind::Table)),
        })
    }

    async fn describe(&self, path: &EntryPath) -> Result<TableDescription> {
        let store = self.shared();
        let table = find(&store, path)?;
        Ok(TableDescription {
            schema: Arc::clone(&table.schema),
            rows: table.rows(),
            parts: table.parts.len() as u64,
            stored_bytes: table.size_bytes(),
            format: "memory",
        })
    }

    async fn scan(&self, path: &EntryPath, options: &ScanOptions) -> Result<BatchStream> {
        let table = Arc::clone(find(&self.shared(), path)?);
        let scan = Scan::new(&table.schema, options)?;
        let batches: Vec<_> = table.batches().cloned().map(Ok).collect();
        Ok(Box::pin(stream::iter(scan.apply(batches.into_iter()))))
    }
}

enum Purpose {
    Create { options: TableOptions, mode: WriteMode },
    Append(AppendOptions),
}

struct MemoryTableWriter {
    backend: MemoryBackend,
    path: EntryPath,
    schema: SchemaRef,
    purpose: Purpose,
    batches: Vec<RecordBatch>,
}

#[async_trait]
impl TableWriter for MemoryTableWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.batches.push(align_batch(batch, &self.schema)?);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<u64> {
        let MemoryTableWriter { backend, path, schema, purpose, batches } = *self;
        match purpose {
            Purpose::Create { options, mode } => {
                let table = StoredTable { schema, parts: vec![batches] };
                let rows = table.rows();
                let node = Node::new(Content::Table(Arc::new(table)), options.attributes);
                backend.exclusive().put(&path, node, mode)?;
                Ok(rows)
            }
            Purpose::Append(options) => backend.exclusive().change(&path, |node| match &mut node.content {
                Content::Table(table) => Arc::make_mut(table).append(&schema, batches, &options),
                _ => Err(node.wrong_kind(EntryKind::Table)),
            }),
        }
    }
}
