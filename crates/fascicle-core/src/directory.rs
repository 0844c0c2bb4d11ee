//! Directories: lazy handles to named places that hold arrays, tables, files and further directories.

use crate::array::{self, Appender, Array, ArrayData, IntoArray, widen};
use crate::build::BuildGuard;
use crate::change::Fresh;
use crate::config::{Config, Value};
use crate::file::File;
use crate::table::Table;
use crate::{
    ArrayOptions, ArraySpec, Attributes, Element, EntryInfo, EntryKind, EntryPath, EntryStat, Error,
    ErrorKind, FileOptions, Listing, Meta, MetaWriteMode, Region, Result, ResultExt, Root, Shape, Status,
    WriteMode,
};
use bytes::Bytes;
use std::{fmt, sync::Arc};

/// How often a change of a meta starts again when another writer came first.
const META_ATTEMPTS: usize = 64;

/// A lazy handle to a directory. Making one touches nothing; the first write creates the directory.
///
/// Entries are addressed by their names, those of nested directories by paths such as `connections/pre_cell_id`. Every
/// write is atomic for readers unless its documentation says otherwise.
///
/// ```
/// # use fascicle_core::Root;
/// # use ndarray::{Array1, s};
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let root = Root::new(fascicle_memory::MemoryBackend::new());
/// let cells = root.dir("cells")?;
/// cells.put("cell_id", &Array1::from_iter(0..100i64)).await?;
/// cells.dir("connections")?.put("pre_cell_id", [12i64, 39, 48]).await?;
/// let head: Vec<i64> = cells.array("cell_id").await?.select(s![..3])?.read().await?;
/// assert_eq!(head, [0, 1, 2]);
/// assert!(cells.contains("connections/pre_cell_id").await?);
/// # Ok::<(), fascicle_core::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Directory {
    root: Root,
    path: EntryPath,
    pub(crate) guard: Option<Arc<BuildGuard>>,
    /// Set for a directory that must not exist yet, and for those within it.
    pub(crate) fresh: Option<Arc<Fresh>>,
}

/// How an entry is put into a directory.
#[derive(Clone, Debug, Default)]
pub struct PutOptions {
    /// What happens to an entry that exists.
    pub mode: WriteMode,
    /// How an array is stored.
    pub array: ArrayOptions,
}

/// An entry of any kind.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An array.
    Array(Array),
    /// A table.
    Table(Table),
    /// A file.
    File(File),
    /// A directory.
    Directory(Directory),
}

impl Directory {
    pub(crate) fn at(root: Root, path: EntryPath) -> Self {
        Directory { root, path, guard: None, fresh: None }
    }

    pub(crate) fn fresh(root: Root, path: EntryPath) -> Self {
        let fresh = Some(Arc::new(Fresh::new(path.clone())));
        Directory { root, path, guard: None, fresh }
    }

    pub(crate) fn guarded(root: Root, path: EntryPath, guard: Arc<BuildGuard>) -> Self {
        Directory { root, path, guard: Some(guard), fresh: None }
    }

    /// The last part of the path; empty for the root.
    pub fn name(&self) -> &str {
        self.path.name()
    }

    /// The path below the root.
    pub fn path(&self) -> &EntryPath {
        &self.path
    }

    /// The root it stands in.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The directory it stands in; `None` for the root.
    pub fn parent(&self) -> Option<Directory> {
        let path = self.path.parent()?;
        let guard = self.guard.clone().filter(|guard| path.is_within(guard.directory()));
        Some(Directory { root: self.root.clone(), path, guard, fresh: None })
    }

    /// A handle to the directory `name` within this one, which need not exist. Fails with [`ErrorKind::InvalidPath`].
    pub fn dir(&self, name: &str) -> Result<Directory> {
        Ok(Directory { path: self.entry(name)?, ..self.clone() })
    }

    /// Whether the directory exists.
    pub async fn exists(&self) -> Result<bool> {
        match self.stat_entry(&self.path).await? {
            Some(stat) => Ok(stat.kind == EntryKind::Directory),
            None => Ok(false),
        }
    }

    /// The entries, sorted by name; none when the directory does not exist.
    pub async fn entries(&self) -> Result<Vec<EntryInfo>> {
        Ok(self.listing().await?.unwrap_or_default().entries)
    }

    /// The names of the entries, sorted.
    pub async fn names(&self) -> Result<Vec<String>> {
        Ok(self.entries().await?.into_iter().map(|entry| entry.name).collect())
    }

    /// Whether there are no entries.
    pub async fn is_empty(&self) -> Result<bool> {
        Ok(self.entries().await?.is_empty())
    }

    /// Whether there is an entry of any kind at `name`.
    pub async fn contains(&self, name: &str) -> Result<bool> {
        Ok(self.kind(name).await?.is_some())
    }

    /// The kind of the entry at `name`, `None` when there is none.
    pub async fn kind(&self, name: &str) -> Result<Option<EntryKind>> {
        Ok(self.stat_entry(&self.entry(name)?).await?.map(|stat| stat.kind))
    }

    /// What is known of the entry at `name` without reading its data.
    pub async fn stat(&self, name: &str) -> Result<EntryStat> {
        let path = self.entry(name)?;
        self.root.backend().stat(&path).await
    }

    /// Opens the entry at `name`, whatever its kind. Fails with [`ErrorKind::NotFound`], naming what is there.
    pub async fn get(&self, name: &str) -> Result<Entry> {
        match self.kind(name).await? {
            Some(EntryKind::Array) => Ok(Entry::Array(self.array(name).await?)),
            Some(EntryKind::Table) => Ok(Entry::Table(self.table(name).await?)),
            Some(EntryKind::File) => Ok(Entry::File(self.file(name).await?)),
            Some(EntryKind::Directory) => Ok(Entry::Directory(self.dir(name)?)),
            None => {
                let missing = Error::new(ErrorKind::NotFound, "there is no such entry")
                    .during("open")
                    .at(self.entry(name)?);
                Err(self.with_neighbours(missing, name).await)
            }
        }
    }

    // Arrays.

    /// Stores an array under `name`, replacing an array that is there. Its elements are durable on return; until then
    /// readers see the old array.
    pub async fn put(&self, name: &str, value: impl IntoArray) -> Result<()> {
        self.put_with(name, value, &PutOptions::default()).await
    }

    /// Stores an array with a write mode and storage options.
    pub async fn put_with(&self, name: &str, value: impl IntoArray, options: &PutOptions) -> Result<()> {
        let path = self.entry(name)?;
        let (shape, values) = value.into_array().context("write array", &path)?.into_parts();
        let spec = ArraySpec { shape, dtype: values.dtype() };
        let writer = self.create_array(name, spec, options).await?;
        writer.write_whole(values).await
    }

    /// Begins to store an array larger than memory: its parts are written one by one, and it appears as a whole at
    /// [`ArrayBuilder::finish`]. Parts never written hold the fill value.
    pub async fn create_array(
        &self,
        name: &str,
        spec: ArraySpec,
        options: &PutOptions,
    ) -> Result<ArrayBuilder> {
        let path = self.entry(name)?;
        path.check_creatable(EntryKind::Array).context("write array", &path)?;
        let target = std::slice::from_ref(&path);
        self.home_of(name)?.before_put(target, EntryKind::Array, options.mode).await?;
        let array_options = self.root.options().array_defaults.fill_in(&options.array, &spec);
        let inner = array::store(self)?.create(&path, &spec, &array_options, options.mode).await?;
        Ok(ArrayBuilder { inner, spec })
    }

    /// Opens the array at `name` without reading its elements. Fails with [`ErrorKind::NotFound`], naming what is there.
    pub async fn array(&self, name: &str) -> Result<Array> {
        match Array::open(&self.home_of(name)?, self.entry(name)?).await {
            Ok(array) => Ok(array),
            Err(error) => Err(self.with_neighbours(error, name).await),
        }
    }

    /// Adds rows at the end of the first axis of the array at `name` and returns its new length; creates it when there is
    /// none. The rows must have the array's trailing shape; their elements widen without loss to its dtype. Anything else
    /// is [`ErrorKind::Mismatch`] and changes nothing.
    ///
    /// Durable and visible on return; readers see a prefix of the rows at any time. Many writers may append at once.
    pub async fn append(&self, name: &str, rows: impl IntoArray) -> Result<u64> {
        let path = self.entry(name)?;
        let (shape, values) = rows.into_array().context("append to array", &path)?.into_parts();
        let refuse = |message: String| {
            Err(Error::new(ErrorKind::Mismatch, message).during("append to array").at(&path))
        };
        let Some(count) = shape.rows() else {
            return refuse("a scalar has no rows".to_owned());
        };
        let home = self.home_of(name)?;
        let arrays = array::store(self)?;
        for attempt in 1.. {
            let stored = match arrays.describe(&path).await {
                Ok(stored) => stored,
                Err(error) if error.is_not_found() => {
                    path.check_creatable(EntryKind::Array).context("append to array", &path)?;
                    home.before_write().await?;
                    // Created with no rows first, so that of several writers who find nothing every one appends.
                    let spec = ArraySpec { shape: shape.with_rows(0)?, dtype: values.dtype() };
                    let defaults = &self.root.options().array_defaults;
                    let options = defaults.fill_in(&ArrayOptions::default(), &spec);
                    match arrays.create(&path, &spec, &options, WriteMode::Create).await {
                        Ok(writer) => match writer.finish().await {
                            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                            _ => continue,
                        },
                        Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < META_ATTEMPTS => {
                            continue;
                        }
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            };
            if stored.shape.rank() == 0 {
                return refuse("the stored array is a scalar and has no first axis to grow along".to_owned());
            }
            if stored.shape.rank() != shape.rank() || stored.shape.trailing() != shape.trailing() {
                return refuse(format!(
                    "rows of shape {shape} do not fit the stored array of shape {}",
                    stored.shape
                ));
            }
            let values = widen(values.clone(), stored.dtype).context("append to array", &path)?;
            if count == 0 {
                return Ok(stored.shape.rows().unwrap_or(0));
            }
            home.before_write().await?;
            return arrays.append(&path, count, values).await;
        }
        Err(Error::new(ErrorKind::Internal, "appending ended without an answer"))
    }

    /// An [`Appender`] for rows of shape `trailing` (empty for a one-dimensional array) and element type `T`.
    pub fn appender<T: Element>(&self, name: &str, trailing: &[u64]) -> Result<Appender<T>> {
        let path = self.entry(name)?;
        path.check_creatable(EntryKind::Array).context("append to array", &path)?;
        Appender::new(self.clone(), name, trailing)
    }

    // Files.

    /// Stores bytes under `name`, replacing a file that is there.
    pub async fn put_file(&self, name: &str, bytes: impl Into<Bytes>) -> Result<()> {
        let mut writer = self.create_file(name, WriteMode::Overwrite).await?;
        writer.write(bytes.into()).await?;
        writer.finish().await
    }

    /// Begins to store a file piece by piece; it appears as a whole when the writer is finished.
    pub async fn create_file(&self, name: &str, mode: WriteMode) -> Result<Box<dyn crate::FileWriter>> {
        let path = self.entry(name)?;
        path.check_creatable(EntryKind::File).context("write file", &path)?;
        let target = std::slice::from_ref(&path);
        self.home_of(name)?.before_put(target, EntryKind::File, mode).await?;
        self.root.backend().files().create(&path, &FileOptions::default(), mode).await
    }

    /// Opens the file at `name`. Fails with [`ErrorKind::NotFound`], naming what is there.
    pub async fn file(&self, name: &str) -> Result<File> {
        match File::open(self, self.entry(name)?).await {
            Ok(file) => Ok(file),
            Err(error) => Err(self.with_neighbours(error, name).await),
        }
    }

    /// Adds bytes at the end of the file at `name` and returns its new length; creates it when there is none.
    pub async fn append_file(&self, name: &str, bytes: impl Into<Bytes>) -> Result<u64> {
        let (path, bytes) = (self.entry(name)?, bytes.into());
        let target = std::slice::from_ref(&path);
        self.home_of(name)?.before_put(target, EntryKind::File, WriteMode::Overwrite).await?;
        let files = self.root.backend().files();
        for _ in 0..META_ATTEMPTS {
            match files.append(&path, bytes.clone()).await {
                Err(error) if error.is_not_found() => {}
                answer => return answer,
            }
            let created = match files.create(&path, &FileOptions::default(), WriteMode::Create).await {
                Ok(writer) => writer.finish().await,
                Err(error) => Err(error),
            };
            if let Err(error) = created
                && error.kind() != ErrorKind::AlreadyExists
            {
                return Err(error);
            }
        }
        Err(Error::new(ErrorKind::Conflict, "the file was removed again and again")
            .during("append to file")
            .at(path))
    }

    // Entries of any kind.

    /// Removes the entry at `name`, a directory with everything in it. Fails with [`ErrorKind::NotFound`].
    pub async fn remove(&self, name: &str) -> Result<()> {
        let path = self.entry(name)?;
        // Checked first, so that a wrong name does not mark the directory as modified.
        if let Err(error) = self.root.backend().stat(&path).await
            && error.is_not_found()
        {
            return Err(self.with_neighbours(error.during("remove"), name).await);
        }
        self.home_of(name)?.before_removal(&path).await?;
        if let Some(guard) = &self.guard {
            guard.forget(&path);
        }
        self.root.backend().remove(&path).await?;
        self.root.name_hints().freed(&**self.root.backend(), &path).await;
        Ok(())
    }

    /// Removes this directory with everything in it. Fails with [`ErrorKind::NotFound`].
    pub async fn remove_all(&self) -> Result<()> {
        self.root.as_dir().remove(self.path.as_str()).await
    }

    /// Moves the entry `from` to the name `to`, both within this directory. An entry under the new name is never
    /// replaced: [`ErrorKind::AlreadyExists`].
    pub async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (source, target) = (self.entry(from)?, self.entry(to)?);
        let refuse = |kind, message: String| Err(Error::new(kind, message).during("move").at(&source));
        self.root.backend().stat(&source).await.map_err(|error| error.during("move"))?;
        if target.is_within(&source) {
            return refuse(
                ErrorKind::InvalidInput,
                format!("the target '{target}' is, or lies within, the source"),
            );
        }
        // Looked at first, so that a refusal marks neither directory as modified.
        if self.contains(to).await? {
            return refuse(
                ErrorKind::AlreadyExists,
                format!("there is an entry under the new name '{target}'"),
            );
        }
        self.home_of(to)?.before_write().await?;
        self.home_of(from)?.before_removal(&source).await?;
        if let Some(guard) = &self.guard {
            guard.forget(&source);
        }
        self.root.backend().rename(&source, &target).await?;
        self.root.name_hints().freed(&**self.root.backend(), &source).await;
        Ok(())
    }

    /// The attributes of the entry at `name`.
    pub async fn attributes(&self, name: &str) -> Result<Attributes> {
        let path = self.entry(name)?;
        self.root.backend().read_attributes(&path).await
    }

    /// Replaces the attributes of the entry at `name` as a whole.
    pub async fn set_attributes(&self, name: &str, attributes: &Attributes) -> Result<()> {
        let path = self.entry(name)?;
        self.root.backend().stat(&path).await.map_err(|error| error.during("write the attributes of"))?;
        self.home_of(name)?.before_write().await?;
        self.root.backend().write_attributes(&path, attributes).await
    }

    // Meta.

    /// The meta, `None` when the directory has none or does not exist. Fails with [`ErrorKind::Corrupt`] for a broken
    /// one, which does not keep its entries from being read.
    pub async fn meta(&self) -> Result<Option<Meta>> {
        Ok(read_meta(&self.root, &self.path).await?.map(|(meta, _)| meta))
    }

    /// The config: type and fields. A directory without one is a plain `Directory`.
    pub async fn config(&self) -> Result<Config> {
        Ok(self.meta().await?.map_or_else(|| Config::new(crate::PLAIN_TYPE), |meta| meta.config))
    }

    /// Where it stands; `None` for a directory without a meta.
    pub async fn status(&self) -> Result<Option<Status>> {
        Ok(self.meta().await?.map(|meta| meta.status))
    }

    // Builds.

    /// Whether the build that this handle was given to is [asked to stop](crate::Interruption) halfway.
    pub fn is_interrupted(&self) -> bool {
        self.interruption().is_some_and(crate::Interruption::is_requested)
    }

    /// Waits until the build that this handle was given to is asked to stop halfway; for ever, where nobody can ask.
    ///
    /// A write that is given up for it, as `select!` does, is carried to its end: the build ends after it. Whoever goes on with the build
    /// sees by the directory whether it is there.
    pub async fn interrupted(&self) {
        match self.interruption() {
            Some(interruption) => interruption.requested().await,
            None => std::future::pending().await,
        }
    }

    /// How far an earlier build got in this directory, when the one that this handle was given to goes on with it; null when it did
    /// not say. `None` for a build that begins from nothing.
    pub fn resumed_from(&self) -> Option<&Value> {
        self.guard.as_ref()?.resumed_from.as_ref()
    }

    // For the other modules of this crate.

    fn interruption(&self) -> Option<&crate::Interruption> {
        self.guard.as_ref()?.interruption.as_ref()
    }

    pub(crate) fn entry(&self, name: &str) -> Result<EntryPath> {
        if name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidPath, "the name of an entry is empty").at(&self.path));
        }
        self.path.join(name)
    }

    /// The directory in which the entry at `name` stands: this one, or one nested in it.
    pub(crate) fn home_of(&self, name: &str) -> Result<Directory> {
        match name.rsplit_once('/') {
            Some((directories, _)) => self.dir(directories),
            None => Ok(self.clone()),
        }
    }

    async fn listing(&self) -> Result<Option<Listing>> {
        match self.root.backend().list(&self.path).await {
            Ok(listing) => Ok(Some(listing)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn stat_entry(&self, path: &EntryPath) -> Result<Option<EntryStat>> {
        match self.root.backend().stat(path).await {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds to a "not found" what is there instead.
    async fn with_neighbours(&self, error: Error, name: &str) -> Error {
        if !error.is_not_found() {
            return error;
        }
        let Ok(home) = self.home_of(name) else { return error };
        let wanted = name.rsplit('/').next().unwrap_or(name);
        match home.listing().await {
            Ok(None) => error.hint(format!("the directory '{}' does not exist", display_name(&home))),
            Ok(Some(listing)) if listing.entries.is_empty() => {
                error.hint(format!("the directory '{}' is empty", display_name(&home)))
            }
            Ok(Some(listing)) => {
                let mut names: Vec<&str> = listing.entries.iter().map(|entry| entry.name.as_str()).collect();
                let closest = crate::config::closest_name(wanted, names.iter().copied()).map(str::to_owned);
                let total = names.len();
                names.truncate(12);
                let more = if total > names.len() {
                    format!(" and {} more", total - names.len())
                } else {
                    String::new()
                };
                let closest = closest.map_or(String::new(), |closest| format!("did you mean '{closest}'? "));
                error.hint(format!("{closest}'{}' holds {}{more}", display_name(&home), names.join(", ")))
            }
            Err(_) => error,
        }
    }
}

fn display_name(directory: &Directory) -> String {
    if directory.path.is_root() { directory.root.location() } else { directory.path.to_string() }
}

/// Whether an error says something of one directory, and not of the storage.
pub(crate) fn is_of_the_directory(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt | ErrorKind::WrongKind | ErrorKind::PermissionDenied | ErrorKind::LimitExceeded
    )
}

/// Reads a meta with its version. An empty document is looked at again for a moment: other programs rewrite in place.
pub(crate) async fn read_meta(root: &Root, path: &EntryPath) -> Result<Option<(Meta, crate::Version)>> {
    for attempt in 0.. {
        let record = match root.backend().read_meta(path).await {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(None),
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        match Meta::from_bytes(&record.bytes) {
            Ok(meta) => return Ok(Some((meta, record.version))),
            Err(error) if error.is_retryable() && attempt < 5 => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(error) => return Err(error.during("read the meta of").at(path).retryable(false)),
        }
    }
    Ok(None)
}

/// Changes a meta by compare-and-swap until nobody comes between. `change` returns whether there is anything to write. A
/// missing meta is left missing. Returns the meta as it is afterwards.
pub(crate) async fn update_meta(
    root: &Root,
    path: &EntryPath,
    change: impl Fn(&mut Meta) -> bool,
) -> Result<Option<Meta>> {
    for _ in 0..META_ATTEMPTS {
        let Some((mut meta, version)) = read_meta(root, path).await? else { return Ok(None) };
        if !change(&mut meta) {
            return Ok(Some(meta));
        }
        match root.backend().write_meta(path, meta.to_bytes()?, MetaWriteMode::UpdateIf(version)).await {
            Ok(_) => return Ok(Some(meta)),
            // Also after a lost answer of one's own write: the next look shows what is there.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(ErrorKind::Conflict, "other writers changed the meta again and again")
        .during("write the meta of")
        .at(path))
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Directory({} in {:?})", self.path, self.root)
    }
}

impl fmt::Display for Directory {
    /// The path below the root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

/// An array being stored part by part, see [`Directory::create_array`]. Dropping it leaves everything as it was.
#[must_use = "the array appears at `finish`"]
pub struct ArrayBuilder {
    inner: Box<dyn crate::ArrayWriter>,
    spec: ArraySpec,
}

impl ArrayBuilder {
    /// Writes the elements of a region, which widen without loss to the array's dtype.
    pub async fn write(&mut self, region: &Region, value: impl IntoArray) -> Result<()> {
        let (_, values) = value.into_array()?.into_parts();
        self.inner.write(region, widen(values, self.spec.dtype)?).await
    }

    /// Writes rows from row `start` on.
    pub async fn write_rows(&mut self, start: u64, rows: impl IntoArray) -> Result<()> {
        let data: ArrayData = rows.into_array()?;
        let region = Region::rows(&self.spec.shape, start, data.shape().rows().unwrap_or(1));
        self.write(&region, data).await
    }

    /// Makes the array appear, whole and durable.
    pub async fn finish(self) -> Result<()> {
        self.inner.finish().await
    }

    async fn write_whole(mut self, values: crate::Values) -> Result<()> {
        if !values.is_empty() {
            self.inner.write(&Region::whole(&self.spec.shape), values).await?;
        }
        self.finish().await
    }

    /// The declared shape.
    pub fn shape(&self) -> &Shape {
        &self.spec.shape
    }
}

impl fmt::Debug for ArrayBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayBuilder").field("spec", &self.spec).finish_non_exhaustive()
    }
}
