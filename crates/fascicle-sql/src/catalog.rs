//! What names in a query stand for: tables and arrays of a directory, and of those nested in it, looked up when they are named.

use crate::QueryOptions;
use crate::array_table::ArrayTable;
use crate::error::{OPERATION, from_engine, to_engine};
use crate::stored_table::StoredTable;
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, MemTable, SchemaProvider, TableProvider};
use datafusion::common::DataFusionError;
use fascicle_core::config::closest_name;
use fascicle_core::convert::{ArrayColumns, ToTableOptions};
use fascicle_core::{Directory, EntryKind, Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, PoisonError};

/// The name of the directory itself as a catalog and as a schema, which no entry can have.
pub(crate) const HERE: &str = ".";

/// All arrays of a directory, unless an entry has that name.
const ARRAYS: &str = "arrays";
/// All arrays of a directory.
const OWN_ARRAYS: &str = "_arrays";
/// The configs of all directories, unless an entry has that name.
pub(crate) const CONFIGS: &str = "configs";
/// The configs of all directories.
pub(crate) const OWN_CONFIGS: &str = "_configs";

/// The most names that a message lists.
const LISTED: usize = 12;

/// The names that a query on a directory may use: the list of catalogs, a catalog, or a schema, whichever of these the engine
/// asks. It keeps nothing but what was asked for in vain.
#[derive(Clone, Debug)]
pub(crate) struct Catalogs {
    directory: Directory,
    /// The directory that the names before the last one stand for, as a path below `directory`.
    within: String,
    options: Arc<QueryOptions>,
    missing: Arc<Mutex<Vec<Missing>>>,
}

/// What a query named and is no table.
#[derive(Clone, Debug)]
struct Missing {
    home: Directory,
    /// As it was named, with the directories.
    path: String,
    kind: Option<EntryKind>,
}

impl Catalogs {
    pub(crate) fn new(directory: &Directory, options: &QueryOptions) -> Self {
        Catalogs {
            directory: directory.clone(),
            within: String::new(),
            options: Arc::new(options.clone()),
            missing: Arc::default(),
        }
    }

    fn join(&self, name: &str) -> String {
        match (name, self.within.as_str()) {
            (HERE, within) => within.to_owned(),
            (name, "") => name.to_owned(),
            (name, within) => format!("{within}/{name}"),
        }
    }

    fn nested(&self, name: &str) -> Self {
        Catalogs { within: self.join(name), ..self.clone() }
    }

    /// The table that `name` stands for; `None`, remembering it, when it is none.
    async fn find(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let path = self.join(name);
        let (home, name) = match path.rsplit_once('/') {
            Some((home, name)) => (self.directory.dir(home)?, name),
            None => (self.directory.clone(), path.as_str()),
        };
        let kind = match name {
            OWN_ARRAYS | OWN_CONFIGS => None,
            name => match home.kind(name).await {
                Ok(kind) => kind,
                // No entry has such a name.
                Err(error) if error.kind() == ErrorKind::InvalidPath => None,
                Err(error) => return Err(error),
            },
        };
        Ok(Some(match (kind, name) {
            (Some(EntryKind::Table), name) => Arc::new(StoredTable::new(home.table(name).await?)),
            (Some(EntryKind::Array), name) => {
                let options = ToTableOptions::default().with_include([name]);
                Arc::new(self.arrays(&home, &path, options).await?)
            }
            (None, ARRAYS | OWN_ARRAYS) => {
                Arc::new(self.arrays(&home, &path, ToTableOptions::default()).await?)
            }
            (None, CONFIGS | OWN_CONFIGS) => {
                let rows = home.configs_as_table().await?;
                Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]]).map_err(from_engine)?)
            }
            (kind, _) => {
                let missing = Missing { home, path: path.clone(), kind };
                self.missing.lock().unwrap_or_else(PoisonError::into_inner).push(missing);
                return Ok(None);
            }
        }))
    }

    async fn arrays(&self, home: &Directory, name: &str, options: ToTableOptions) -> Result<ArrayTable> {
        let options = options.with_bytes(self.options.bytes);
        let backend = Arc::clone(home.root().backend());
        Ok(ArrayTable::new(name.to_owned(), ArrayColumns::describe(backend, home.path(), &options).await?))
    }

    /// Why a query could not be planned, with what there is when a name in it is no table.
    pub(crate) async fn explain(&self, error: DataFusionError) -> Error {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = match error.find_root() {
            DataFusionError::Plan(text) => text.clone(),
            _ => return from_engine(error),
        };
        // Names of functions in the place of tables are asked for, too, before they are found to be functions.
        let named = |missing: &&Missing| {
            let name = missing.path.rsplit('/').next().unwrap_or_default();
            text.starts_with("table '") && text.contains(name) && text.ends_with("not found")
        };
        match missing.iter().find(named) {
            Some(missing) => missing.explain().await,
            None => from_engine(error),
        }
    }
}

impl Missing {
    async fn explain(&self) -> Error {
        let path = &self.path;
        let (kind, message) = match self.kind {
            Some(EntryKind::Directory) => {
                (ErrorKind::WrongKind, format!("'{path}' is a directory and no table"))
            }
            Some(kind) => (ErrorKind::WrongKind, format!("'{path}' is a {kind} and no table")),
            None => (ErrorKind::NotFound, format!("there is no table or array '{path}'")),
        };
        let error = Error::new(kind, message).during(OPERATION);
        let name = path.rsplit('/').next().unwrap_or_default();
        let listed = match self.kind {
            Some(EntryKind::Directory) => match self.home.dir(name) {
                Ok(inner) => inner,
                Err(_) => return error,
            },
            _ => self.home.clone(),
        };
        let shown = match listed.path().is_root() {
            true => listed.root().location(),
            false => listed.path().to_string(),
        };
        match listed.exists().await {
            Ok(true) => {}
            Ok(false) => return error.hint(format!("the directory '{shown}' does not exist")),
            Err(_) => return error,
        }
        let Ok(entries) = listed.entries().await else { return error };
        let is_table = |kind| matches!(kind, EntryKind::Table | EntryKind::Array);
        let tables = entries.iter().filter(|entry| is_table(entry.kind)).map(|entry| entry.name.as_str());
        let mut names: Vec<&str> = tables.collect();
        if entries.iter().any(|entry| entry.kind == EntryKind::Array) {
            names.push(ARRAYS);
        }
        names.push(CONFIGS);
        let directories = entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
        let directories: Vec<String> = directories.map(|entry| format!("{}.…", entry.name)).collect();
        let closest = closest_name(name, names.iter().copied()).filter(|_| self.kind.is_none());
        let closest = closest.map_or_else(String::new, |closest| format!("did you mean '{closest}'? "));
        let total = names.len() + directories.len();
        let all = names.into_iter().map(str::to_owned).chain(directories);
        let there = all.take(LISTED).collect::<Vec<_>>().join(", ");
        let more = match total.saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        error.hint(format!("{closest}'{shown}' has {there}{more}"))
    }
}

impl CatalogProviderList for Catalogs {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![HERE.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        Some(Arc::new(self.nested(name)))
    }
}

impl CatalogProvider for Catalogs {
    fn schema_names(&self) -> Vec<String> {
        vec![HERE.to_owned()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        Some(Arc::new(self.nested(name)))
    }
}

#[async_trait]
impl SchemaProvider for Catalogs {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn table(
        &self,
        name: &str,
    ) -> std::result::Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        self.find(name).await.map_err(to_engine)
    }

    fn table_exist(&self, _: &str) -> bool {
        // Asked for tables that are to be made, which none is.
        false
    }
}
