//! Faults in metas.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{EntryPath, ErrorKind, MetaRecord, MetaWriteMode, Result, Version};

/// Changes how a meta is written.
struct Written(fn(Bytes, MetaWriteMode) -> (Bytes, MetaWriteMode));

#[async_trait]
impl Fault for Written {
    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        mode: MetaWriteMode,
    ) -> Result<Version> {
        let (meta, mode) = (self.0)(meta, mode);
        inner.write_meta(path, meta, mode).await
    }
}

/// Changes what is read as a meta.
struct Read(fn(&EntryPath, Option<MetaRecord>) -> Option<MetaRecord>);

#[async_trait]
impl Fault for Read {
    async fn read_meta(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Option<MetaRecord>> {
        Ok((self.0)(path, inner.read_meta(path).await?))
    }
}

/// A directory is created without its meta.
struct DirectoriesHaveNoMeta;

#[async_trait]
impl Fault for DirectoriesHaveNoMeta {
    async fn create_directory(&self, inner: Inner<'_>, path: &EntryPath, _meta: Bytes) -> Result<Version> {
        inner.create_directory(path, Bytes::from_static(b"{}\n")).await
    }
}

/// Versions are those of the meta before the write.
struct ReturnsTheOldVersion;

#[async_trait]
impl Fault for ReturnsTheOldVersion {
    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        mode: MetaWriteMode,
    ) -> Result<Version> {
        let old = inner.read_meta(path).await?.map(|record| record.version);
        let new = inner.write_meta(path, meta, mode).await?;
        Ok(old.unwrap_or(new))
    }
}

/// The version is the length of the meta.
struct VersionsAreLengths;

#[async_trait]
impl Fault for VersionsAreLengths {
    async fn create_directory(&self, inner: Inner<'_>, path: &EntryPath, meta: Bytes) -> Result<Version> {
        let version = Version::new(meta.len().to_string());
        inner.create_directory(path, meta).await.map(|_| version)
    }
    async fn read_meta(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Option<MetaRecord>> {
        let record = inner.read_meta(path).await?;
        Ok(record
            .map(|record| MetaRecord { version: Version::new(record.bytes.len().to_string()), ..record }))
    }
    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        mode: MetaWriteMode,
    ) -> Result<Version> {
        let version = Version::new(meta.len().to_string());
        let mode = match mode {
            MetaWriteMode::UpdateIf(asked) => match inner.read_meta(path).await? {
                Some(record) if record.bytes.len().to_string() == asked.token() => {
                    MetaWriteMode::UpdateIf(record.version)
                }
                _ => MetaWriteMode::UpdateIf(asked),
            },
            mode => mode,
        };
        inner.write_meta(path, meta, mode).await.map(|_| version)
    }
}

/// Where there is no directory there is no meta, and no error.
struct MissingReadsAsNone(ErrorKind);

#[async_trait]
impl Fault for MissingReadsAsNone {
    async fn read_meta(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Option<MetaRecord>> {
        match inner.read_meta(path).await {
            Err(error) if error.kind() == self.0 => Ok(None),
            other => other,
        }
    }
}

/// A conflict is no conflict where there is nothing to conflict with.
struct UpdatesOfNothingCreate;

#[async_trait]
impl Fault for UpdatesOfNothingCreate {
    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        mode: MetaWriteMode,
    ) -> Result<Version> {
        let mode = match inner.read_meta(path).await? {
            None => MetaWriteMode::Overwrite,
            Some(_) => mode,
        };
        inner.write_meta(path, meta, mode).await
    }
}

/// All metas are one.
struct OneForAll;

#[async_trait]
impl Fault for OneForAll {
    async fn read_meta(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Option<MetaRecord>> {
        let top = path.names().next().map_or(Ok(EntryPath::root()), EntryPath::parse)?;
        inner.read_meta(path).await?;
        inner.read_meta(&top).await
    }
}

/// Writing a file touches the meta of its directory.
struct FilesTouchTheMeta;

#[async_trait]
impl Fault for FilesTouchTheMeta {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &fascicle_backend::FileOptions,
        mode: fascicle_backend::WriteMode,
    ) -> Result<Box<dyn fascicle_backend::FileWriter>> {
        let parent = path.parent().unwrap_or_default();
        if let Ok(Some(record)) = inner.read_meta(&parent).await {
            let meta = Bytes::from([&record.bytes[..], b"# touched\n"].concat());
            inner.write_meta(&parent, meta, MetaWriteMode::Overwrite).await?;
        }
        inner.files().create(path, options, mode).await
    }
}

/// A conflict that nobody is told to try again after.
struct ConflictsAreFinal;

#[async_trait]
impl Fault for ConflictsAreFinal {
    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        mode: MetaWriteMode,
    ) -> Result<Version> {
        inner.write_meta(path, meta, mode).await.map_err(|error| error.retryable(false))
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let written = |name, change: fn(Bytes, MetaWriteMode) -> (Bytes, MetaWriteMode), caught_by| {
        Case::new(name, move || Written(change), caught_by)
    };
    let read = |name, change: fn(&EntryPath, Option<MetaRecord>) -> Option<MetaRecord>, caught_by| {
        Case::new(name, move || Read(change), caught_by)
    };
    vec![
        written(
            "updates_ignore_the_version",
            |meta, mode| match mode {
                MetaWriteMode::UpdateIf(_) => (meta, MetaWriteMode::Overwrite),
                mode => (meta, mode),
            },
            &[
                "meta::an_update_of_an_old_version_conflicts",
                "meta::an_update_of_nothing_conflicts",
                "reopen::versions_hold_across_handles",
                "concurrent::one_task_updates_a_version",
                "error::a_conflict_is_retryable",
            ],
        ),
        written(
            "creating_a_meta_overwrites",
            |meta, mode| match mode {
                MetaWriteMode::Create => (meta, MetaWriteMode::Overwrite),
                mode => (meta, mode),
            },
            &["meta::create_never_replaces"],
        ),
        written(
            "overwriting_a_meta_creates_only",
            |meta, mode| match mode {
                MetaWriteMode::Overwrite => (meta, MetaWriteMode::Create),
                mode => (meta, mode),
            },
            &[
                "meta::bytes_are_kept",
                "meta::each_directory_has_its_own",
                "meta::overwrite_replaces",
                "meta::the_returned_version_is_the_stored_one",
                "meta::versions_change_with_the_bytes",
                "copy::a_directory_and_its_copy_change_apart",
                "reopen::a_second_handle_sees_every_change",
                "fault::writing_a_meta_is_all_or_nothing",
                "error::a_conflict_is_retryable",
                "given_up::writing_a_meta_is_all_or_nothing",
            ],
        ),
        written(
            "metas_lose_carriage_returns",
            |meta, mode| (Bytes::from(String::from_utf8_lossy(&meta).replace('\r', "")), mode),
            &["meta::bytes_are_kept"],
        ),
        written(
            "metas_are_cut_at_64_kib",
            |meta, mode| (meta.slice(..meta.len().min(65_536)), mode),
            &["limit::the_size_of_a_meta_is_limited"],
        ),
        read(
            "the_root_has_a_meta_from_the_start",
            |path, record| {
                let made_up =
                    || MetaRecord { bytes: Bytes::from_static(b"{}\n"), version: Version::new("0") };
                if path.is_root() { Some(record.unwrap_or_else(made_up)) } else { record }
            },
            &[
                "meta::the_root_has_none_at_first",
                "meta::each_directory_has_its_own",
                "meta::an_update_of_nothing_conflicts",
            ],
        ),
        read(
            "the_root_shows_no_meta",
            |path, record| record.filter(|_| !path.is_root()),
            &[
                "meta::the_root_can_have_one",
                "meta::bytes_are_kept",
                "meta::the_returned_version_is_the_stored_one",
                "limit::the_size_of_a_meta_is_limited",
            ],
        ),
        Case::new(
            "directories_are_created_without_their_meta",
            || DirectoriesHaveNoMeta,
            &[
                "entry::a_new_directory_is_empty",
                "meta::bytes_are_kept",
                "meta::each_directory_has_its_own",
                "meta::create_never_replaces",
                "meta::entries_leave_it_alone",
                "attributes::a_directory_has_them",
                "remove::a_directory_made_anew_has_the_new_meta",
                "rename::a_directory_moves_with_everything",
                "reopen::directories_stay",
                "limit::the_size_of_a_meta_is_limited",
            ],
        ),
        Case::new(
            "writing_a_meta_returns_the_old_version",
            || ReturnsTheOldVersion,
            &[
                "meta::an_update_of_the_current_version_succeeds",
                "meta::an_update_of_an_old_version_conflicts",
                "meta::the_returned_version_is_the_stored_one",
                "meta::versions_change_with_the_bytes",
            ],
        ),
        Case::new(
            "versions_are_lengths",
            || VersionsAreLengths,
            &[
                "meta::an_update_of_an_old_version_conflicts",
                "meta::versions_change_with_the_bytes",
                "reopen::versions_hold_across_handles",
                "error::a_conflict_is_retryable",
            ],
        ),
        Case::new(
            "the_meta_of_a_missing_directory_is_none",
            || MissingReadsAsNone(ErrorKind::NotFound),
            &["meta::a_missing_directory_has_none", "error::operation_and_path_are_named"],
        ),
        Case::new(
            "the_meta_of_a_file_is_none",
            || MissingReadsAsNone(ErrorKind::WrongKind),
            &["meta::a_file_has_none"],
        ),
        Case::new(
            "updates_of_nothing_create",
            || UpdatesOfNothingCreate,
            &["meta::an_update_of_nothing_conflicts"],
        ),
        Case::new(
            "nested_metas_are_one",
            || OneForAll,
            &[
                "meta::each_directory_has_its_own",
                "rename::a_directory_moves_with_everything",
                "reopen::directories_stay",
            ],
        ),
        Case::new(
            "files_touch_the_meta",
            || FilesTouchTheMeta,
            &[
                "meta::entries_leave_it_alone",
                "attributes::a_directory_has_them",
                "remove::the_meta_of_the_parent_stays",
                "rename::a_directory_moves_with_everything",
                "fault::creating_a_file_is_all_or_nothing",
                "fault::overwriting_a_file_is_all_or_nothing",
                "fault::replacing_a_directory_is_all_or_nothing",
                "given_up::overwriting_a_file_is_all_or_nothing",
            ],
        ),
        Case::new("conflicts_are_final", || ConflictsAreFinal, &["error::a_conflict_is_retryable"]),
    ]
}
