//! What a backend over a store can do.

use crate::{probe::Conditions, store::Store};
use fascicle_backend::{Capabilities, Capability, Result};

impl Store {
    /// What a backend can do that keeps arrays, tables and files in this store, by the conditions of writes that the store honours;
    /// `is_durable` says whether what is written survives the process.
    ///
    /// Cost: that of [`Store::conditions`].
    pub async fn capabilities(&self, is_durable: bool) -> Result<Capabilities> {
        let conditions = self.conditions().await?;
        let always = [
            Capability::Arrays,
            Capability::Tables,
            Capability::Attributes,
            Capability::Copy,
            Capability::Write,
        ];
        let mut capabilities: Capabilities = always.into_iter().collect();
        if conditions == (Conditions { create: true, update: true }) {
            let conditional = [
                Capability::ArrayAppend,
                Capability::ArrayRegionWrite,
                Capability::FileAppend,
                Capability::Maintenance,
            ];
            capabilities = conditional.into_iter().fold(capabilities, Capabilities::with);
        }
        if conditions.create {
            let by_creation =
                [Capability::TableAppend, Capability::TableNewColumns, Capability::TableCompact];
            capabilities = by_creation.into_iter().fold(capabilities, Capabilities::with);
        }
        if is_durable {
            capabilities = capabilities.with(Capability::Durable);
        }
        if self.is_local() {
            capabilities = capabilities.with(Capability::Rename);
        }
        Ok(capabilities)
    }
}
