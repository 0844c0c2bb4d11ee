//! What is known of an entry without reading its data, as JSON and as a few words.

use crate::json::{map_json, to_json};
use crate::text::{elements_json, printable, utc};
use fascicle::arrow::schema::Schema;
use fascicle::size::format_size;
use fascicle::{ArrayDescription, Directory, Entry, EntryStat, Meta, Result, TableDescription};
use serde_json::{Map, Value as Json, json};

/// What is known of an entry.
pub(crate) struct Facts {
    pub(crate) stat: EntryStat,
    pub(crate) details: Details,
}

/// What is known of an entry by its kind.
pub(crate) enum Details {
    Array(Box<ArrayDescription>),
    Table(TableDescription),
    File,
    /// The meta, or why it cannot be read.
    Directory(Result<Option<Box<Meta>>>),
}

impl Details {
    async fn of_directory(directory: &Directory) -> Self {
        Details::Directory(directory.meta().await.map(|meta| meta.map(Box::new)))
    }
}

impl Facts {
    /// The facts of an entry of `directory`. A directory whose meta is broken has facts, too.
    pub(crate) async fn of(directory: &Directory, name: &str) -> Result<Self> {
        let details = match directory.get(name).await? {
            Entry::Array(array) => Details::Array(Box::new(array.description().clone())),
            Entry::Table(table) => Details::Table(table.description().clone()),
            Entry::File(_) => Details::File,
            Entry::Directory(directory) => Details::of_directory(&directory).await,
        };
        Ok(Facts { stat: directory.stat(name).await?, details })
    }

    /// The facts of a directory or a root.
    pub(crate) async fn of_directory(directory: &Directory) -> Result<Self> {
        let stat = directory.root().backend().stat(directory.path()).await?;
        Ok(Facts { stat, details: Details::of_directory(directory).await })
    }

    /// A few words: dtype and shape, columns and rows, bytes, type and status.
    pub(crate) fn words(&self) -> String {
        match &self.details {
            Details::Array(array) => format!("{} {}", array.dtype, array.shape),
            Details::Table(table) => {
                format!("{} rows x {} columns", table.rows, table.schema.fields().len())
            }
            Details::File => format_size(self.stat.size_bytes),
            Details::Directory(Ok(Some(meta))) => {
                let modified = if meta.modified && meta.build.is_some() { ", modified" } else { "" };
                format!(
                    "{}, {}{modified}",
                    printable(meta.config.type_name()),
                    printable(meta.status.as_str())
                )
            }
            Details::Directory(Ok(None)) => "no meta".to_owned(),
            Details::Directory(Err(_)) => "broken meta".to_owned(),
        }
    }

    /// The facts as a JSON object.
    pub(crate) fn json(&self) -> Result<Map<String, Json>> {
        let mut map = Map::new();
        map.insert("kind".to_owned(), json!(self.stat.kind.name()));
        map.insert("stored_name".to_owned(), json!(self.stat.stored_name));
        map.insert("size_bytes".to_owned(), json!(self.stat.size_bytes));
        map.insert("last_modified".to_owned(), json!(self.stat.modified.and_then(utc)));
        match &self.details {
            Details::Array(array) => {
                let fill =
                    array.fill.as_ref().map(elements_json).transpose()?.and_then(|mut fill| fill.pop());
                map.insert("dtype".to_owned(), json!(array.dtype.to_string()));
                map.insert("shape".to_owned(), json!(array.shape.to_vec()));
                map.insert("chunks".to_owned(), json!(array.chunks));
                map.insert("codecs".to_owned(), json!(array.codecs));
                map.insert("fill".to_owned(), json!(fill));
                map.insert("stored_bytes".to_owned(), json!(array.stored_bytes));
            }
            Details::Table(table) => {
                map.insert("rows".to_owned(), json!(table.rows));
                map.insert("columns".to_owned(), columns_json(&table.schema));
                map.insert("parts".to_owned(), json!(table.parts));
                map.insert("format".to_owned(), json!(table.format));
                map.insert("stored_bytes".to_owned(), json!(table.stored_bytes));
            }
            Details::File => {}
            Details::Directory(Ok(None)) => {
                map.insert("meta".to_owned(), Json::Null);
            }
            Details::Directory(Ok(Some(meta))) => {
                map.insert("meta".to_owned(), to_json(&without_build(Meta::clone(meta)).to_value()));
            }
            Details::Directory(Err(error)) => {
                map.insert("meta".to_owned(), Json::Null);
                map.insert("meta_error".to_owned(), json!(error.chain()));
            }
        }
        Ok(map)
    }
}

/// The columns of a table as JSON: `name`, `type`, `nullable`.
pub(crate) fn columns_json(schema: &Schema) -> Json {
    let column = |field: &fascicle::arrow::schema::FieldRef| json!({ "name": field.name(), "type": field.data_type().to_string(), "nullable": field.is_nullable() });
    schema.fields().iter().map(column).collect()
}

/// A config as JSON, `type` among its fields.
pub(crate) fn config_json(config: &fascicle::Config) -> Json {
    match config.to_value() {
        fascicle::config::Value::Map(map) => map_json(&map),
        other => to_json(&other),
    }
}

/// A meta without what only find-or-build needs, which says nothing about the directory.
pub(crate) fn without_build(meta: Meta) -> Meta {
    Meta { build: None, ..meta }
}
