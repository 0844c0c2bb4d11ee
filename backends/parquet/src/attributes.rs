//! Attributes: of an array in its description; of everything else beside it.

use crate::{ParquetBackend, layout::array_form};
use fascicle_backend::{Attributes, EntryPath, Result};

impl ParquetBackend {
    pub(crate) async fn attributes_of(&self, path: &EntryPath) -> Result<Attributes> {
        if path.is_root() {
            return self.tree().read_attributes(path).await;
        }
        let entry = self.tree().require_any(path).await?;
        if entry.form == array_form() {
            return self.array_at(path)?.attributes().await.map_err(|error| error.at(path));
        }
        self.tree().attributes_of(path, &entry.form).await
    }

    pub(crate) async fn put_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        if path.is_root() {
            return self.tree().write_attributes(path, attributes).await;
        }
        let entry = self.tree().require_any(path).await?;
        if entry.form == array_form() {
            return self.array_at(path)?.set_attributes(attributes).await.map_err(|error| error.at(path));
        }
        self.tree().put_attributes(path, &entry.form, attributes).await
    }
}
