//! Attributes of entries: a JSON object beside them, `_attributes/<stored name>.json`.

use super::{Form, Tree, layout::attributes_name, parent_key};
use crate::store::child_key;
use fascicle_backend::{Attributes, EntryPath, Error, ErrorKind, Result};
use object_store::path::Path;

/// No longer attributes are read.
const MOST_BYTES: u64 = 16 << 20;

impl Tree {
    /// The attributes of an entry that is stored in `form`; empty when there are none. Cost: one request. Errors: `Corrupt`.
    pub async fn attributes_of(&self, path: &EntryPath, form: &Form) -> Result<Attributes> {
        let object = attributes_key(path, form)?;
        let Some(read) = self.store().read(&object, MOST_BYTES).await? else { return Ok(Attributes::new()) };
        serde_json::from_slice(&read.bytes).map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("'{object}' is not a JSON object"))
                .at(path)
                .hint("repair it, or delete it to lose the attributes")
                .caused_by(error)
        })
    }

    /// Replaces the attributes of an entry that is, or will be, stored in `form`. Cost: one request.
    pub async fn put_attributes(&self, path: &EntryPath, form: &Form, attributes: &Attributes) -> Result<()> {
        let object = attributes_key(path, form)?;
        if attributes.is_empty() {
            return self.store().delete(&object).await;
        }
        let bytes = serde_json::to_vec_pretty(attributes).map_err(|error| {
            Error::new(ErrorKind::Internal, "the attributes cannot be written as JSON").caused_by(error)
        })?;
        self.store().put(&object, bytes.into()).await.map(drop)
    }

    /// The attributes of an entry of any kind that keeps them beside it. Cost: two requests. Errors: `NotFound`, `Corrupt`.
    pub async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        if path.is_root() {
            return Ok(Attributes::new());
        }
        let entry = self.require_any(path).await?;
        self.attributes_of(path, &entry.form).await
    }

    /// Replaces the attributes of an entry of any kind that keeps them beside it. Cost: two requests. Errors: `NotFound`,
    /// `InvalidInput` for the root, which has none.
    pub async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root has no attributes"));
        }
        let entry = self.require_any(path).await?;
        self.put_attributes(path, &entry.form, attributes).await
    }
}

/// The object that holds the attributes of an entry.
pub(crate) fn attributes_key(path: &EntryPath, form: &Form) -> Result<Path> {
    child_key(&parent_key(path)?, &attributes_name(&form.stored_name(path.name())))
}
