//! The one trait that every backend implements.

use crate::{
    ArrayStore, Attributes, Capabilities, EntryPath, EntryStat, FileStore, Listing, Maintenance,
    MetaWriteMode, RecordStore, Result, TableStore, Version,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::fmt;

/// The meta of a directory as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaRecord {
    /// The bytes, a YAML document.
    pub bytes: Bytes,
    /// What identifies this state of it.
    pub version: Version,
}

/// What tells one state of a directory's meta from every other without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaStamp {
    /// The name of the directory.
    pub name: String,
    /// Another number after every change of the meta, by whatever program.
    pub stamp: u64,
    /// Whether that is certain. `false` for a meta that was written so recently that a program which writes in place could
    /// change it again within the resolution of the storage's clock.
    pub is_settled: bool,
}

/// A place that holds directories, arrays, tables and files.
///
/// See the [crate documentation](crate) for what holds for every method.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync {
    /// The name that is recorded in what the backend stores, such as `hdf5`.
    fn name(&self) -> &'static str;

    /// Where this place is, for people and messages; never contains credentials.
    fn location(&self) -> String;

    /// What this place can do.
    fn capabilities(&self) -> Capabilities;

    /// The entries of a directory.
    ///
    /// - Names beginning with `_` and what is not an entry are left out; a name that cannot be addressed is left out too.
    /// - The root exists always, empty at first.
    /// - Cost: one listing, no data is read.
    /// - Errors: `NotFound`, `WrongKind`.
    async fn list(&self, directory: &EntryPath) -> Result<Listing>;

    /// What is known of an entry without reading its data. The root is a directory.
    ///
    /// - Errors: `NotFound`; `Corrupt` when the name stands for two stored objects at once, naming both.
    async fn stat(&self, path: &EntryPath) -> Result<EntryStat>;

    /// Creates a directory with its meta: of any number of concurrent callers, in any process, exactly one creates it.
    ///
    /// - Errors: `AlreadyExists` for an entry of any kind, `NotFound` for a missing parent, `WrongKind` for a parent that is
    ///   no directory.
    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version>;

    /// Removes an entry, a directory with everything in it included. The root cannot be removed.
    ///
    /// - A reader sees it whole or not at all, except that one inside a directory may see entries vanish one by one.
    /// - Links are removed, never followed.
    /// - Errors: `NotFound`.
    async fn remove(&self, path: &EntryPath) -> Result<()>;

    /// Moves an entry of any kind, with its attributes, to another path, whose parent exists.
    ///
    /// - Errors: `NotFound`, `AlreadyExists` (the target is never replaced), `InvalidInput` for a target within the
    ///   source.
    async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()>;

    /// Copies an entry of any kind, with its attributes and everything in it, to a path whose parent exists. The copy shares
    /// nothing that a later write to either could change.
    ///
    /// - Not atomic for a directory: a reader may see entries of the copy appear one by one, its meta last.
    /// - Errors: as [`Backend::rename`].
    async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()>;

    /// The meta of a directory, `None` when it has none. The root can have one.
    ///
    /// - Errors: `NotFound` for a missing directory, `WrongKind`.
    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>>;

    /// The stamps of the metas of all directories in `directory`, in no order; directories without a meta are left out.
    /// `None` where the storage cannot tell them in one call: then whoever wants to know reads the metas.
    ///
    /// - Cost: one listing; no meta is read.
    /// - Errors: as [`Backend::list`].
    async fn meta_stamps(&self, _directory: &EntryPath) -> Result<Option<Vec<MetaStamp>>> {
        Ok(None)
    }

    /// Writes the meta of a directory as a whole and returns its version.
    ///
    /// - Two concurrent `UpdateIf` of one version: exactly one wins.
    /// - Errors: `AlreadyExists`, `Conflict` as `mode` says; `NotFound` for a missing directory.
    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version>;

    /// The attributes of an entry; empty when none were written.
    ///
    /// - Errors: `NotFound`, `Corrupt`.
    async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes>;

    /// Replaces the attributes of an entry as a whole. The root has none.
    ///
    /// - Cost: may rewrite the entry, as some formats keep attributes beside the data.
    /// - Errors: `NotFound`, `Busy`, `InvalidInput` for what the format cannot hold.
    async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()>;

    /// Opaque files.
    fn files(&self) -> &dyn FileStore;

    /// Records by which callers coordinate.
    fn records(&self) -> &dyn RecordStore;

    /// Arrays, when [`Capability::Arrays`](crate::Capability::Arrays) is declared.
    fn arrays(&self) -> Option<&dyn ArrayStore>;

    /// Tables, when [`Capability::Tables`](crate::Capability::Tables) is declared.
    fn tables(&self) -> Option<&dyn TableStore>;

    /// What finds and mends what writers that died left behind, when
    /// [`Capability::Maintenance`](crate::Capability::Maintenance) is declared. `None` for a storage that cannot be looked at that way:
    /// attempts to build that failed stay in it for ever.
    fn maintenance(&self) -> Option<&dyn Maintenance> {
        None
    }
}
