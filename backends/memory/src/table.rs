//! Tables.

use crate::{
    MemoryBackend,
    node::{Content, Node, Store},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use fascicle_backend::{
    BatchStream, EntryKind, EntryPath, Result, ScanOptions, TableDescription, TableOptions, TableStore,
    TableWriter, WriteMode,
};
use fascicle_tables::{Scan, align_batch, check_same_columns};
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

    fn append(&mut self, schema: &SchemaRef, part: Vec<RecordBatch>) -> Result<u64> {
        check_same_columns(&self.schema, schema)?;
        let part = part.into_iter().map(|batch| align_batch(batch, &self.schema)).collect::<Result<_>>()?;
        self.parts.push(part);
        Ok(self.rows())
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
        check_same_columns(&find(&self.shared(), path)?.schema, &schema)?;
        Ok(Box::new(MemoryTableWriter {
            backend: self.clone(),
            path: path.clone(),
            schema,
            purpose: Purpose::Append,
            batches: Vec::new(),
        }))
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
    Append,
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
            Purpose::Append => backend.exclusive().change(&path, |node| match &mut node.content {
                Content::Table(table) => Arc::make_mut(table).append(&schema, batches),
                _ => Err(node.wrong_kind(EntryKind::Table)),
            }),
        }
    }
}
