//! Faults of handles: what they say of themselves, what they remember, how they fail, and what happens when tasks meet.

use crate::{
    Case,
    planted::{Fault, Inner, Kept},
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ArrayDescription, Backend, ByteStream, Capabilities, Capability, EntryPath, Error, ErrorKind, MetaRecord,
    MetaWriteMode, Result, TableDescription, Version,
    wrap::{Observer, Operation, observed},
};
use fascicle_conformance::{Site, Suite};
use fascicle_memory::MemoryBackend;
use futures::{StreamExt, TryStreamExt};
use std::{
    collections::HashMap,
    convert::Infallible,
    ops::Range,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Declares other capabilities than it has.
struct Declared(fn(Capabilities) -> Capabilities);

impl Fault for Declared {
    fn capabilities(&self, inner: Inner<'_>) -> Capabilities {
        (self.0)(inner.capabilities())
    }
}

/// Has no stores, whatever it declares.
struct NoStores;

impl Fault for NoStores {
    fn offers_arrays(&self, _inner: Inner<'_>) -> bool {
        false
    }
    fn offers_tables(&self, _inner: Inner<'_>) -> bool {
        false
    }
}

/// Every second handle declares less.
struct Fickle(u64);

impl Fickle {
    fn new() -> Self {
        static HANDLES: AtomicU64 = AtomicU64::new(0);
        Fickle(HANDLES.fetch_add(1, Ordering::Relaxed))
    }
}

impl Fault for Fickle {
    fn name(&self) -> &'static str {
        if self.0.is_multiple_of(2) { "even" } else { "odd" }
    }
}

struct Named(&'static str);

impl Fault for Named {
    fn name(&self) -> &'static str {
        self.0
    }
}

/// Changes every error.
struct Failing(fn(Error) -> Error);

impl Fault for Failing {
    fn error(&self, error: Error) -> Error {
        (self.0)(error)
    }
}

/// After one refusal the handle refuses everything.
#[derive(Default)]
struct Poisoned(AtomicBool);

#[async_trait]
impl Fault for Poisoned {
    fn error(&self, error: Error) -> Error {
        self.0.store(true, Ordering::Relaxed);
        error
    }
    async fn read_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, "an earlier call failed"));
        }
        inner.files().read(path, range).await
    }
}

/// Remembers what it read, for ever.
#[derive(Default)]
struct Remembers {
    files: Mutex<HashMap<EntryPath, Vec<u8>>>,
    arrays: Mutex<HashMap<EntryPath, ArrayDescription>>,
    tables: Mutex<HashMap<EntryPath, TableDescription>>,
}

#[async_trait]
impl Fault for Remembers {
    async fn read_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        if range.is_some() {
            return inner.files().read(path, range).await;
        }
        if let Some(content) = self.files.lock().unwrap().get(path) {
            return Ok(futures::stream::iter([Ok(Bytes::from(content.clone()))]).boxed());
        }
        let pieces: Vec<Bytes> = inner.files().read(path, None).await?.try_collect().await?;
        self.files.lock().unwrap().insert(path.clone(), pieces.concat());
        Ok(futures::stream::iter(pieces.into_iter().map(Ok)).boxed())
    }
    async fn describe_array(&self, inner: Inner<'_>, path: &EntryPath) -> Result<ArrayDescription> {
        if let Some(description) = self.arrays.lock().unwrap().get(path) {
            return Ok(description.clone());
        }
        let description = inner.arrays().unwrap().describe(path).await?;
        self.arrays.lock().unwrap().insert(path.clone(), description.clone());
        Ok(description)
    }
    async fn describe_table(&self, inner: Inner<'_>, path: &EntryPath) -> Result<TableDescription> {
        if let Some(description) = self.tables.lock().unwrap().get(path) {
            return Ok(description.clone());
        }
        let description = inner.tables().unwrap().describe(path).await?;
        self.tables.lock().unwrap().insert(path.clone(), description.clone());
        Ok(description)
    }
}

/// Versions that mean something to one handle only.
struct VersionsOfItsOwn(u64);

impl VersionsOfItsOwn {
    fn new() -> Self {
        static HANDLES: AtomicU64 = AtomicU64::new(0);
        VersionsOfItsOwn(HANDLES.fetch_add(1, Ordering::Relaxed))
    }

    fn own(&self, version: Version) -> Version {
        Version::new(format!("{}/{}", self.0, version.token()))
    }
}

#[async_trait]
impl Fault for VersionsOfItsOwn {
    async fn create_directory(&self, inner: Inner<'_>, path: &EntryPath, meta: Bytes) -> Result<Version> {
        inner.create_directory(path, meta).await.map(|version| self.own(version))
    }
    async fn read_meta(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Option<MetaRecord>> {
        let record = inner.read_meta(path).await?;
        Ok(record.map(|record| MetaRecord { version: self.own(record.version), ..record }))
    }
    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        mode: MetaWriteMode,
    ) -> Result<Version> {
        let mode = match mode {
            MetaWriteMode::UpdateIf(asked) => {
                let own = format!("{}/", self.0);
                MetaWriteMode::UpdateIf(Version::new(
                    asked.token().strip_prefix(&own).unwrap_or("another handle's"),
                ))
            }
            mode => mode,
        };
        inner.write_meta(path, meta, mode).await.map(|version| self.own(version))
    }
}

/// Works only in the runtime that it was first used in.
#[derive(Default)]
struct BoundToARuntime(Mutex<Option<tokio::runtime::Id>>);

#[async_trait]
impl Fault for BoundToARuntime {
    async fn read_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        let here = tokio::runtime::Handle::current().id();
        if *self.0.lock().unwrap().get_or_insert(here) != here {
            return Err(Error::new(ErrorKind::Internal, "the handle belongs to another runtime"));
        }
        inner.files().read(path, range).await
    }
}

/// A storage in which every handle sees a place of its own.
fn nothing_is_kept() -> Suite {
    Suite::new("nothing_is_kept", |_site| async {
        let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
        Ok::<_, Infallible>(observed(backend, Arc::new(Kept)))
    })
}

/// Declares no more than `declared` when it is asked first, and does everything afterwards.
fn does_more_than_it_declared(name: &'static str, declared: Capabilities) -> Suite {
    Suite::new(name, move |site: Site| async move {
        // The suite asks at a place of its own what is declared.
        let asked = site.prefix().ends_with("capabilities");
        let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
        let all = backend.capabilities();
        Ok::<_, Infallible>(observed(backend, Arc::new(Declares(if asked { declared } else { all }))))
    })
}

struct Declares(Capabilities);

impl Observer for Declares {
    fn before(&self, _operation: Operation, _path: &str) -> Result<()> {
        Ok(())
    }
    fn capabilities(&self, _inner: Capabilities) -> Capabilities {
        self.0
    }
}

/// Not durable, and broken when it is opened again.
fn a_second_handle_is_broken() -> Suite {
    let opened: Arc<Mutex<HashMap<PathBuf, u64>>> = Arc::default();
    Suite::new("a_second_handle_is_broken", move |site| {
        let mut opened = opened.lock().unwrap();
        let handles = opened.entry(site.dir().to_owned()).or_default();
        *handles += 1;
        let is_first = *handles == 1;
        async move { if is_first { Ok(MemoryBackend::new()) } else { Err("the lock is still held") } }
    })
}

pub(crate) fn cases() -> Vec<Case> {
    let failing =
        |name, change: fn(Error) -> Error, caught_by| Case::new(name, move || Failing(change), caught_by);
    vec![
        Case::of(
            "undeclared_writes_work",
            does_more_than_it_declared("undeclared_writes_work", Capabilities::NONE),
            &[
                "refusal::writes_are_refused_when_not_declared",
                "refusal::maintenance_is_refused_when_not_declared",
            ],
        ),
        Case::of(
            "undeclared_stores_work",
            {
                let declared = Capabilities::NONE.with(Capability::Write);
                does_more_than_it_declared("undeclared_stores_work", declared)
            },
            &[
                "refusal::arrays_are_refused_when_not_declared",
                "refusal::tables_are_refused_when_not_declared",
                "refusal::maintenance_is_refused_when_not_declared",
                "refusal::file_append_is_refused_when_not_declared",
                "refusal::attributes_are_refused_when_not_declared",
                "refusal::rename_is_refused_when_not_declared",
                "refusal::copy_is_refused_when_not_declared",
            ],
        ),
        Case::of(
            "undeclared_changes_work",
            {
                let stores = [Capability::Write, Capability::Arrays, Capability::Tables];
                does_more_than_it_declared("undeclared_changes_work", stores.into_iter().collect())
            },
            &[
                "refusal::array_append_is_refused_when_not_declared",
                "refusal::array_region_write_is_refused_when_not_declared",
                "refusal::table_new_columns_are_refused_when_not_declared",
                "refusal::table_compact_is_refused_when_not_declared",
                "refusal::table_append_is_refused_when_not_declared",
                "refusal::maintenance_is_refused_when_not_declared",
                "refusal::file_append_is_refused_when_not_declared",
                "refusal::attributes_are_refused_when_not_declared",
                "refusal::rename_is_refused_when_not_declared",
                "refusal::copy_is_refused_when_not_declared",
            ],
        ),
        Case::of(
            "nothing_is_kept",
            nothing_is_kept(),
            &[
                "reopen::directories_stay",
                "reopen::files_stay",
                "reopen::appended_bytes_stay",
                "reopen::arrays_stay",
                "reopen::appended_rows_stay",
                "reopen::written_regions_stay",
                "reopen::tables_stay",
                "reopen::appended_table_rows_stay",
                "reopen::attributes_stay",
                "reopen::records_stay",
                "reopen::removals_stay",
                "reopen::moves_stay",
                "reopen::unfinished_writes_leave_nothing",
                "reopen::a_second_handle_sees_every_change",
                "reopen::a_second_handle_sees_new_shapes",
                "reopen::a_second_handle_sees_new_rows",
                "reopen::versions_hold_across_handles",
                "concurrent::appends_through_several_handles_all_arrive",
                "random::new_handles_follow_the_model",
            ],
        )
        .among_others(),
        Case::of(
            "a_second_handle_is_broken",
            a_second_handle_is_broken(),
            &["entry::capabilities_do_not_change", "refusal::a_place_that_is_not_durable_opens_again"],
        ),
        Case::new(
            "region_writes_are_declared_without_arrays",
            || Declared(|all| all.without(Capability::Arrays)),
            &["refusal::stores_are_what_is_declared", "refusal::declared_capabilities_fit_together"],
        ),
        Case::new("declared_stores_are_missing", || NoStores, &["refusal::stores_are_what_is_declared"])
            .among_others(),
        Case::new("handles_differ", Fickle::new, &["entry::capabilities_do_not_change"]),
        Case::new(
            "the_name_is_no_name",
            || Named("My Backend!"),
            &["entry::a_backend_says_what_and_where_it_is"],
        ),
        Case::new(
            "handles_remember_what_they_read",
            Remembers::default,
            &[
                "reopen::a_second_handle_sees_every_change",
                "reopen::a_second_handle_sees_new_shapes",
                "reopen::a_second_handle_sees_new_rows",
            ],
        )
        .among_others(),
        Case::new(
            "versions_belong_to_a_handle",
            VersionsOfItsOwn::new,
            &["reopen::versions_hold_across_handles"],
        ),
        Case::new(
            "handles_belong_to_a_runtime",
            BoundToARuntime::default,
            &["concurrent::a_handle_serves_several_runtimes"],
        ),
        Case::new("a_refusal_poisons_the_handle", Poisoned::default, &["error::a_handle_survives_refusals"])
            .among_others(),
        failing(
            "errors_name_another_path",
            |error| error.relocated("/srv/storage/x.h5"),
            &[
                "error::operation_and_path_are_named",
                "error::operation_and_path_of_arrays_are_named",
                "error::operation_and_path_of_tables_are_named",
            ],
        ),
        failing(
            "errors_have_several_lines",
            |error| Error::new(error.kind(), format!("{}\n  at line 12", error.message())),
            &["error::an_error_is_one_line"],
        ),
        failing(
            "errors_say_nothing",
            |error| Error::new(error.kind(), "failed"),
            &["error::an_error_is_one_line"],
        ),
        failing(
            "every_error_is_worth_a_retry",
            |error| error.retryable(true),
            &["error::hopeless_calls_are_not_retryable"],
        ),
    ]
}
