//! Faults that show when tasks meet.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ArrayOptions, ArraySpec, ArrayWriter, Backend, CreateOutcome, EntryPath, EntryStat, Error, ErrorKind,
    FileOptions, FileWriter, MetaWriteMode, RecordKey, Region, Result, ScanOptions, TableOptions,
    TableWriter, Values, Version, WriteMode,
};
use futures::TryStreamExt;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// Long enough for other tasks to get in between.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Files that are written at the same time share a buffer.
#[derive(Default)]
struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

struct Sharing {
    inner: Box<dyn FileWriter>,
    buffer: Arc<Mutex<Vec<u8>>>,
}

#[async_trait]
impl FileWriter for Sharing {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.buffer.lock().unwrap().extend_from_slice(&bytes);
        pause().await;
        Ok(())
    }
    async fn finish(mut self: Box<Self>) -> Result<()> {
        let content = self.buffer.lock().unwrap().clone();
        self.inner.write(Bytes::from(content)).await?;
        self.inner.finish().await
    }
}

#[async_trait]
impl Fault for SharedBuffer {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        let inner = inner.files().create(path, options, mode).await?;
        self.0.lock().unwrap().clear();
        Ok(Box::new(Sharing { inner, buffer: self.0.clone() }))
    }
}

/// Appends by reading everything, adding to it, and writing it back.
struct AppendsByRewriting;

#[async_trait]
impl Fault for AppendsByRewriting {
    async fn append_file(&self, inner: Inner<'_>, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        inner.files().append(path, Bytes::new()).await?;
        let pieces: Vec<Bytes> = inner.files().read(path, None).await?.try_collect().await?;
        let content = [&pieces.concat()[..], &bytes].concat();
        let options = FileOptions { attributes: inner.read_attributes(path).await? };
        pause().await;
        let length = content.len() as u64;
        let mut writer = inner.files().create(path, &options, WriteMode::Overwrite).await?;
        writer.write(Bytes::from(content)).await?;
        writer.finish().await.map(|()| length)
    }
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let store = inner.arrays().unwrap();
        // Asks the sound backend whether the rows fit, on a copy.
        let copy = EntryPath::parse(&format!("{path}-copy"))?;
        let _ = inner.remove(&copy).await;
        inner.copy(path, &copy).await?;
        let fits = store.append(&copy, rows, values.clone()).await;
        inner.remove(&copy).await?;
        fits?;
        let description = store.describe(path).await?;
        let buffer = Values::zeros(description.dtype, description.shape.element_count())?;
        let old = store.read(path, &Region::whole(&description.shape), buffer).await?;
        let attributes = inner.read_attributes(path).await?;
        pause().await;
        let length = description.shape.rows().unwrap_or_default();
        let spec = ArraySpec { shape: description.shape.with_rows(length + rows)?, dtype: description.dtype };
        let options =
            ArrayOptions { chunks: description.chunks, fill: description.fill, codec: None, attributes };
        let mut writer = store.create(path, &spec, &options, WriteMode::Overwrite).await?;
        writer.write(&Region::rows(&spec.shape, 0, length), old).await?;
        writer.write(&Region::rows(&spec.shape, length, rows), values).await?;
        writer.finish().await.map(|()| length + rows)
    }
    async fn append_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
    ) -> Result<Box<dyn TableWriter>> {
        inner.tables().unwrap().append(path, schema.clone()).await?;
        Ok(Box::new(Rewriting { inner: inner.clone(), path: path.clone(), schema, added: vec![] }))
    }
}

struct Rewriting {
    inner: Arc<dyn Backend>,
    path: EntryPath,
    schema: SchemaRef,
    added: Vec<RecordBatch>,
}

#[async_trait]
impl TableWriter for Rewriting {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.added.push(batch);
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<u64> {
        let store = self.inner.tables().unwrap();
        let mut rows: Vec<RecordBatch> =
            store.scan(&self.path, &ScanOptions::default()).await?.try_collect().await?;
        rows.extend(self.added);
        let attributes = self.inner.read_attributes(&self.path).await?;
        pause().await;
        let options = TableOptions { codec: None, attributes };
        let mut writer = store.create(&self.path, self.schema, &options, WriteMode::Overwrite).await?;
        for batch in rows {
            writer.write(batch).await?;
        }
        writer.finish().await
    }
}

/// Grows first and writes then, so that readers in between see what was never written.
struct GrowsFirst;

#[async_trait]
impl Fault for GrowsFirst {
    async fn append_file(&self, inner: Inner<'_>, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        let pieces: Vec<Bytes> = inner.files().read(path, None).await?.try_collect().await?;
        let content = [&pieces.concat()[..], &bytes].concat();
        let length = inner.files().append(path, Bytes::from(vec![0; bytes.len()])).await?;
        let options = FileOptions { attributes: inner.read_attributes(path).await? };
        pause().await;
        let mut writer = inner.files().create(path, &options, WriteMode::Overwrite).await?;
        writer.write(Bytes::from(content)).await?;
        writer.finish().await.map(|()| length)
    }
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let store = inner.arrays().unwrap();
        let zeros = Values::zeros(values.dtype(), values.len() as u64)?;
        let length = store.append(path, rows, zeros).await?;
        pause().await;
        let shape = store.describe(path).await?.shape;
        store.write(path, &Region::rows(&shape, length - rows, rows), values).await?;
        Ok(length)
    }
    async fn append_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
    ) -> Result<Box<dyn TableWriter>> {
        inner.tables().unwrap().append(path, schema.clone()).await?;
        Ok(Box::new(InHalves { inner: inner.clone(), path: path.clone(), schema, added: vec![] }))
    }
}

struct InHalves {
    inner: Arc<dyn Backend>,
    path: EntryPath,
    schema: SchemaRef,
    added: Vec<RecordBatch>,
}

#[async_trait]
impl TableWriter for InHalves {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let half = batch.num_rows() / 2;
        self.added.extend([batch.slice(0, half), batch.slice(half, batch.num_rows() - half)]);
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<u64> {
        let store = self.inner.tables().unwrap();
        let mut total = store.describe(&self.path).await?.rows;
        for batch in self.added {
            let mut writer = store.append(&self.path, self.schema.clone()).await?;
            writer.write(batch).await?;
            total = writer.finish().await?;
            pause().await;
        }
        Ok(total)
    }
}

/// Removes what is to be overwritten, and writes the new version then.
struct RemovesFirst;

async fn remove_first(inner: Inner<'_>, path: &EntryPath, mode: WriteMode) {
    if mode == WriteMode::Overwrite && inner.remove(path).await.is_ok() {
        pause().await;
    }
}

#[async_trait]
impl Fault for RemovesFirst {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        remove_first(inner, path, mode).await;
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
        remove_first(inner, path, mode).await;
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
        remove_first(inner, path, mode).await;
        inner.tables().unwrap().create(path, schema, options, mode).await
    }
    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        mode: MetaWriteMode,
    ) -> Result<Version> {
        if mode == MetaWriteMode::Overwrite {
            inner.write_meta(path, Bytes::new(), MetaWriteMode::Overwrite).await?;
            pause().await;
        }
        inner.write_meta(path, meta, mode).await
    }
    async fn overwrite_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<()> {
        inner.records().remove(key).await?;
        pause().await;
        inner.records().overwrite(key, body).await
    }
}

/// Looks whether something is there, and acts as if it still were so.
struct LooksThenActs;

#[async_trait]
impl Fault for LooksThenActs {
    async fn create_directory(&self, inner: Inner<'_>, path: &EntryPath, meta: Bytes) -> Result<Version> {
        if inner.stat(path).await.is_ok() {
            return Err(Error::new(ErrorKind::AlreadyExists, "an entry of that name exists"));
        }
        pause().await;
        match inner.create_directory(path, meta.clone()).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                inner.write_meta(path, meta, MetaWriteMode::Overwrite).await
            }
            other => other,
        }
    }
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        let writer = inner.files().create(path, options, mode).await?;
        if mode != WriteMode::Create {
            return Ok(writer);
        }
        pause().await;
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
        let writer = inner.arrays().unwrap().create(path, spec, options, mode).await?;
        if mode != WriteMode::Create {
            return Ok(writer);
        }
        pause().await;
        inner.arrays().unwrap().create(path, spec, options, WriteMode::Overwrite).await
    }
    async fn create_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        if inner.records().read(key).await?.is_some() {
            return Ok(CreateOutcome::Exists);
        }
        pause().await;
        inner.records().overwrite(key, body).await.map(|()| CreateOutcome::Created)
    }
    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        mode: MetaWriteMode,
    ) -> Result<Version> {
        let MetaWriteMode::UpdateIf(asked) = &mode else { return inner.write_meta(path, meta, mode).await };
        if inner.read_meta(path).await?.is_none_or(|record| record.version != *asked) {
            return Err(Error::new(ErrorKind::Conflict, "the meta has changed"));
        }
        pause().await;
        inner.write_meta(path, meta, MetaWriteMode::Overwrite).await
    }
    async fn rename(&self, inner: Inner<'_>, from: &EntryPath, to: &EntryPath) -> Result<()> {
        inner.copy(from, to).await?;
        pause().await;
        let _ = inner.remove(from).await;
        Ok(())
    }
    async fn remove(&self, inner: Inner<'_>, path: &EntryPath) -> Result<()> {
        inner.stat(path).await?;
        pause().await;
        let _ = inner.remove(path).await;
        Ok(())
    }
}

/// Calls corrupt what is gone.
struct GoneIsCorrupt;

#[async_trait]
impl Fault for GoneIsCorrupt {
    async fn stat(&self, inner: Inner<'_>, path: &EntryPath) -> Result<EntryStat> {
        pause().await;
        match inner.stat(path).await {
            Err(error) if error.is_not_found() && path.as_str().starts_with("entry ") => {
                Err(Error::new(ErrorKind::Corrupt, "half of the entry is missing"))
            }
            other => other,
        }
    }
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        pause().await;
        inner.files().create(path, options, mode).await
    }
    async fn remove(&self, inner: Inner<'_>, path: &EntryPath) -> Result<()> {
        pause().await;
        inner.remove(path).await
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "writers_share_a_buffer",
            SharedBuffer::default,
            &["concurrent::writers_of_different_entries_do_not_meet"],
        )
        .among_others(),
        Case::new(
            "appends_rewrite_everything",
            || AppendsByRewriting,
            &[
                "concurrent::appends_to_an_array_all_arrive",
                "concurrent::appends_to_a_table_all_arrive",
                "concurrent::appends_to_a_file_all_arrive",
                "concurrent::appends_through_several_handles_all_arrive",
                "concurrent::appends_to_a_table_through_several_handles_all_arrive",
                "concurrent::appends_to_a_file_through_several_handles_all_arrive",
            ],
        ),
        Case::new(
            "appends_grow_first",
            || GrowsFirst,
            &[
                "concurrent::appends_to_a_table_all_arrive",
                "concurrent::appends_to_a_file_all_arrive",
                "reader::readers_of_a_growing_array_see_a_prefix",
                "reader::readers_of_a_growing_table_see_a_prefix",
                "reader::readers_of_a_growing_file_see_a_prefix",
                "given_up::appending_to_an_array_is_all_or_nothing",
                "given_up::appending_to_a_table_is_all_or_nothing",
                "given_up::appending_to_a_file_is_all_or_nothing",
            ],
        )
        .among_others(),
        Case::new(
            "overwriting_removes_first",
            || RemovesFirst,
            &[
                "entry::overwrite_keeps_other_kinds",
                "file::dropping_the_writer_leaves_the_old_file",
                "array::dropping_the_writer_leaves_the_old_array",
                "table::dropping_the_writer_leaves_the_old_table",
                "table::a_batch_of_another_schema_is_refused",
                "reopen::unfinished_writes_leave_nothing",
                "reader::readers_of_an_overwritten_array_see_one_version",
                "reader::readers_of_an_overwritten_table_see_one_version",
                "reader::readers_of_an_overwritten_file_see_one_version",
                "reader::readers_of_an_overwritten_meta_see_one_version",
                "reader::readers_of_an_overwritten_record_see_one_body",
                "fault::overwriting_a_file_is_all_or_nothing",
                "fault::overwriting_an_array_is_all_or_nothing",
                "fault::overwriting_a_table_is_all_or_nothing",
                "error::operation_and_path_are_named",
                "error::operation_and_path_of_arrays_are_named",
                "error::operation_and_path_of_tables_are_named",
                "given_up::overwriting_a_file_is_all_or_nothing",
                "given_up::writing_a_meta_is_all_or_nothing",
                "given_up::overwriting_an_array_is_all_or_nothing",
            ],
        ),
        Case::new(
            "looking_and_acting_are_two_steps",
            || LooksThenActs,
            &[
                "file::finishing_is_refused_when_an_entry_has_appeared",
                "array::finishing_is_refused_when_an_entry_has_appeared",
                "concurrent::one_task_creates_a_directory",
                "concurrent::one_task_creates_a_file",
                "concurrent::one_task_creates_an_array",
                "concurrent::one_task_creates_a_record",
                "concurrent::one_task_updates_a_version",
                "concurrent::no_update_of_a_meta_is_lost",
                "concurrent::one_task_moves_an_entry",
                "concurrent::a_directory_is_removed_once",
                "concurrent::every_record_has_one_creator_among_many_handles",
                "concurrent::one_handle_creates_a_directory",
                "concurrent::no_update_of_a_meta_is_lost_among_many_handles",
            ],
        )
        .among_others(),
        Case::new(
            "what_is_gone_is_corrupt",
            || GoneIsCorrupt,
            &["reader::listings_name_what_is_or_was_there"],
        )
        .among_others(),
    ]
}
