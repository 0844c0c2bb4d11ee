//! Tables as folders of Parquet parts.

use crate::{
    Form, StagedPart, StorePartFolder, Tree,
    store::key,
    tree::{already_exists, wrong_kind},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use fascicle_backend::{
    AppendOptions, BatchStream, CompactOptions, Compaction, EntryKind, EntryPath, Error, ErrorKind, Result,
    ScanOptions, TableDescription, TableOptions, TableStore, TableWriter, WriteMode,
};
use fascicle_local::blocking;
use fascicle_tables::{
    BlockingTableWriter, CommitOutcome, ListedName, OffloadedTableWriter, OneFile, PartAppend, PartFolder,
    PartWriter, RowsBefore, TableHead, TableScan, TableSnapshot, check_same_columns, check_storable, compact,
    generation_of_name, is_key_name, next_generation, part_name, stream_of_batches,
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::runtime::Handle;

/// Of how many tables the end is remembered.
const MOST_HEADS: usize = 1024;

/// The tables of a [`Tree`]: `t.parquet/part-<n>.parquet`, as [`fascicle_tables`] describes them.
///
/// - **Writing** streams: a table is one part, kept in memory up to 64 MiB, beyond that uploaded aside while it is written. It
///   appears by one write, and takes the place of another table by beginning a new generation of parts.
/// - **Appending** is a new part, whose name is claimed by the write itself, so that any number of writers may append at once.
///   Cost: two requests through a handle that knows the table: the write, and a listing of what comes after it; more when others
///   have added parts since. The first append of a handle costs three more.
/// - **Reading** lists the parts and takes those that were committed at that moment. Cost: a request for each 1,000 parts, and
///   what [`StorePartFolder`] says for each part.
///
/// What is remembered of a table is checked against the store each time before it is believed.
#[derive(Clone)]
pub struct StoreTables {
    tree: Tree,
    form: Form,
    heads: Arc<Mutex<BTreeMap<EntryPath, TableHead>>>,
}

impl fmt::Debug for StoreTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreTables({:?})", self.tree)
    }
}

impl StoreTables {
    /// The tables of a tree. Errors: `Unsupported` when its layout has none.
    pub fn new(tree: Tree) -> Result<Self> {
        let form = tree.layout().form_of(EntryKind::Table).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "the layout of this place has no form for tables")
        })?;
        Ok(StoreTables { tree, form, heads: Arc::default() })
    }

    fn folder(&self, path: &EntryPath) -> Result<Arc<StorePartFolder>> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::WrongKind, "the root is of kind directory, not table"));
        }
        let prefix = self.tree.key_of(path, &self.form)?;
        StorePartFolder::new(self.tree.store().clone(), prefix).map(Arc::new)
    }

    /// The file of another program that is a table of its own, if that is what stands at `path`.
    async fn one_file(&self, path: &EntryPath) -> Result<Option<Arc<OneFile<StorePartFolder>>>> {
        match self.tree.find(path).await? {
            Some(entry) if matches!(entry.form, Form::Single(_)) => {
                let prefix = key(path.parent().unwrap_or_default().as_str())?;
                let folder = StorePartFolder::new(self.tree.store().clone(), prefix)?;
                Ok(Some(Arc::new(OneFile::new(folder, &entry.stored_name))))
            }
            _ => Ok(None),
        }
    }

    fn remembered(&self, path: &EntryPath) -> Option<TableHead> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    fn remember(&self, path: &EntryPath, head: Option<&TableHead>) {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        match head {
            Some(head) => {
                if heads.len() >= MOST_HEADS && !heads.contains_key(path) {
                    heads.pop_first();
                }
                heads.insert(path.clone(), head.clone());
            }
            None => drop(heads.remove(path)),
        }
    }

    /// What a table is now, starting from what is remembered of it.
    async fn head(&self, path: &EntryPath) -> Result<TableHead> {
        let (folder, known) = (self.folder(path)?, self.remembered(path));
        let head = blocking(move || match known {
            Some(head) => head.refreshed(&folder),
            None => TableHead::read(&folder),
        });
        let head = self.explained(path, head.await).await;
        self.remember(path, head.as_ref().ok());
        head
    }

    /// Says of a table that was not found what is there instead.
    async fn explained<T>(&self, path: &EntryPath, result: Result<T>) -> Result<T> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let may_be_absent =
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Corrupt);
        if !may_be_absent || path.is_root() {
            return Err(error.at(path));
        }
        match self.tree.require(path, EntryKind::Table).await {
            Ok(entry) if matches!(entry.form, Form::Single(_)) => {
                Err(TableHead::written_elsewhere().at(path))
            }
            // It is there: what is wrong with it is what was found.
            Ok(_) => Err(error.at(path)),
            Err(other) => Err(other),
        }
    }
}

#[async_trait]
impl TableStore for StoreTables {
    async fn create(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        self.tree.prepare(path, EntryKind::Table, mode).await?;
        let folder = self.folder(path)?;
        let staged = folder.stage();
        let (tables, path, options) = (self.clone(), path.clone(), options.clone());
        let new = blocking(move || {
            check_storable(&schema)?;
            let writer = PartWriter::new(staged, &schema, &options)?;
            let place = NewTablePlace { tables, path, options, mode, folder, runtime: Handle::current() };
            Ok(NewStoreTable { place, writer })
        });
        Ok(Box::new(OffloadedTableWriter::new(new.await?)))
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
        let mut head = match self.remembered(path) {
            Some(head) => head,
            None => self.head(path).await?,
        };
        if check_same_columns(head.schema(), &schema).is_err() {
            // The table may have been replaced since.
            head = self.head(path).await?;
        }
        let folder = self.folder(path)?;
        let staged = folder.stage();
        let part = PartAppend::begin(folder, head, staged, &schema, options);
        let part = part.map_err(|error| error.at(path))?;
        let append =
            StoreAppend { tables: self.clone(), path: path.clone(), part, runtime: Handle::current() };
        Ok(Box::new(OffloadedTableWriter::new(append)))
    }

    async fn compact(&self, path: &EntryPath, options: &CompactOptions) -> Result<Compaction> {
        self.tree.require(path, EntryKind::Table).await?;
        let (folder, options) = (self.folder(path)?, options.clone());
        let compacted = blocking(move || compact(&folder, &options, || Ok(folder.stage())));
        self.explained(path, compacted.await).await
    }

    async fn describe(&self, path: &EntryPath) -> Result<TableDescription> {
        match self.head(path).await {
            Ok(head) => Ok(head.describe()),
            // A data set of another program, which has no end that could be remembered.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                if let Some(file) = self.one_file(path).await? {
                    return blocking(move || TableSnapshot::describe_folder(&file))
                        .await
                        .map_err(|error| error.at(path));
                }
                let folder = self.folder(path)?;
                let described = blocking(move || TableSnapshot::describe_folder(&folder)).await;
                self.explained(path, described).await
            }
            Err(error) => Err(error),
        }
    }

    async fn scan(&self, path: &EntryPath, options: &ScanOptions) -> Result<BatchStream> {
        let (folder, wanted) = (self.folder(path)?, options.clone());
        let scan = blocking(move || TableSnapshot::scan_folder(&folder, &wanted)).await;
        match self.explained(path, scan).await {
            Ok(scan) => Ok(stream_at(path, scan)),
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                let Some(file) = self.one_file(path).await? else { return Err(error) };
                let wanted = options.clone();
                let scan = blocking(move || TableSnapshot::scan_folder(&file, &wanted)).await;
                Ok(stream_at(path, scan.map_err(|error| error.at(path))?))
            }
            Err(error) => Err(error),
        }
    }
}

/// A new table, which nobody sees until it is finished.
struct NewStoreTable {
    place: NewTablePlace,
    writer: PartWriter<StagedPart>,
}

impl BlockingTableWriter for NewStoreTable {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch)
    }

    fn finish(self) -> Result<u64> {
        let NewStoreTable { place, writer } = self;
        let rows = writer.rows();
        place.put(writer).map_err(|error| error.at(&place.path))?;
        Ok(rows)
    }
}

/// Where a new table is put, and how.
struct NewTablePlace {
    tables: StoreTables,
    path: EntryPath,
    options: TableOptions,
    mode: WriteMode,
    folder: Arc<StorePartFolder>,
    runtime: Handle,
}

impl NewTablePlace {
    /// Puts a complete table in its place.
    fn put(&self, writer: PartWriter<StagedPart>) -> Result<()> {
        let mut listed = listed_or_none(self.folder.as_ref())?;
        let mut first = next_generation(names(&listed))?;
        let mut staged = writer.finish(Some(RowsBefore { part: first, rows: 0 }), None, None)?;
        let (tree, form) = (&self.tables.tree, &self.tables.form);
        let replaced = self.runtime.block_on(async {
            let mut replaced = Vec::new();
            for entry in tree.find_all(&self.path).await? {
                match self.mode {
                    WriteMode::Create => return Err(already_exists(&entry)),
                    WriteMode::Overwrite if entry.form.kind() != EntryKind::Table => {
                        return Err(wrong_kind(&entry, EntryKind::Table));
                    }
                    // A file of another program, readable until the table is there.
                    _ if matches!(entry.form, Form::Single(_)) && !tree.store().is_local() => {
                        replaced.push(entry);
                    }
                    _ if entry.form != *form => tree.remove_entry(&self.path, &entry).await?,
                    WriteMode::Overwrite | WriteMode::Replace => {}
                }
            }
            tree.put_attributes(&self.path, form, &self.options.attributes).await?;
            Ok::<_, Error>(replaced)
        })?;
        while self.folder.commit(&mut staged, &part_name(first))? == CommitOutcome::Taken {
            if self.mode == WriteMode::Create {
                return Err(meanwhile());
            }
            listed = listed_or_none(self.folder.as_ref())?;
            first = next_generation(names(&listed))?;
        }
        self.tables.remember(&self.path, None);
        for entry in &replaced {
            self.runtime.block_on(tree.store().delete(&entry.key))?;
        }
        self.withdraw_from_rivals(first)?;
        let older: Vec<String> = listed.into_iter().map(|listed| listed.name).collect();
        if older.is_empty() {
            return Ok(());
        }
        self.folder.remove(&older)?;
        // A removal may have been broken off; this table is in its place.
        self.runtime.block_on(self.tables.tree.forget_removal(&self.path, &self.tables.form))
    }

    /// Two creators of different kinds look for each other when they are done; at least one sees the other. Two creators of a
    /// table meet at the name of its first part, unless one of them found remains of an earlier table: the later generation gives way.
    /// Of two that replace a table the later generation stays, and the other one was replaced by it.
    fn withdraw_from_rivals(&self, first: u64) -> Result<()> {
        let rivals = self.runtime.block_on(self.tables.tree.rivals(&self.path, &self.tables.form))?;
        let own = part_name(first);
        let (mut is_late, mut is_replaced) = (false, false);
        if first > 0 {
            for listed in
                listed_or_none(self.folder.as_ref())?.iter().filter(|listed| is_key_name(&listed.name))
            {
                is_late |= self.mode == WriteMode::Create && listed.name < own;
                is_replaced |= generation_of_name(&listed.name) > generation_of_name(&own);
            }
        }
        if !rivals.is_empty() || is_late || is_replaced {
            self.folder.remove(&[own])?;
        }
        if rivals.is_empty() && !is_late { Ok(()) } else { Err(meanwhile()) }
    }
}

/// Rows that are being added.
struct StoreAppend {
    tables: StoreTables,
    path: EntryPath,
    part: PartAppend<StorePartFolder>,
    runtime: Handle,
}

impl BlockingTableWriter for StoreAppend {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.part.write(batch)
    }

    fn finish(self) -> Result<u64> {
        let finished = self.part.finish();
        self.tables.remember(&self.path, finished.as_ref().ok());
        let finished = self.runtime.block_on(self.tables.explained(&self.path, finished));
        Ok(finished?.rows())
    }
}

/// The batches of a scan, whose errors name the table.
fn stream_at<F: PartFolder>(path: &EntryPath, scan: TableScan<F>) -> BatchStream {
    let at = path.clone();
    stream_of_batches(scan.map(move |batch| batch.map_err(|error| error.at(&at))))
}

fn names(listed: &[ListedName]) -> impl Iterator<Item = &str> {
    listed.iter().map(|listed| listed.name.as_str())
}

fn listed_or_none(folder: &StorePartFolder) -> Result<Vec<ListedName>> {
    match folder.list() {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        listed => listed,
    }
}

fn meanwhile() -> Error {
    Error::new(ErrorKind::AlreadyExists, "an entry of that name appeared meanwhile")
}
