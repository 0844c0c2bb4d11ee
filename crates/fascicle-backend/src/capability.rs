//! What a backend can do, as positive facts.

use std::fmt;

/// One optional ability of a backend. What is not declared is refused before the backend is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// Stores n-dimensional arrays.
    Arrays,
    /// Extends an array along its first axis.
    ArrayAppend,
    /// Writes a region of a stored array in place.
    ArrayRegionWrite,
    /// Stores tables with an Arrow schema.
    Tables,
    /// Adds rows to a table.
    TableAppend,
    /// Adds rows that have new nullable columns to a table.
    TableNewColumns,
    /// Merges the parts in which the rows of a table are stored.
    TableCompact,
    /// Adds bytes to the end of a file.
    FileAppend,
    /// Keeps attributes on entries.
    Attributes,
    /// Moves an entry to another name without copying its data.
    Rename,
    /// Copies an entry without passing its data through the client.
    Copy,
    /// What is written survives the handle and the process.
    Durable,
    /// Accepts writes at all.
    Write,
    /// Finds, mends and removes what writers that died left behind.
    Maintenance,
}

impl Capability {
    /// Every capability, in the order of their declaration.
    pub const ALL: [Capability; 14] = [
        Capability::Arrays,
        Capability::ArrayAppend,
        Capability::ArrayRegionWrite,
        Capability::Tables,
        Capability::TableAppend,
        Capability::TableNewColumns,
        Capability::TableCompact,
        Capability::FileAppend,
        Capability::Attributes,
        Capability::Rename,
        Capability::Copy,
        Capability::Durable,
        Capability::Write,
        Capability::Maintenance,
    ];

    /// The stable machine-readable name.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Arrays => "arrays",
            Capability::ArrayAppend => "array_append",
            Capability::ArrayRegionWrite => "array_region_write",
            Capability::Tables => "tables",
            Capability::TableAppend => "table_append",
            Capability::TableNewColumns => "table_new_columns",
            Capability::TableCompact => "table_compact",
            Capability::FileAppend => "file_append",
            Capability::Attributes => "attributes",
            Capability::Rename => "rename",
            Capability::Copy => "copy",
            Capability::Durable => "durable",
            Capability::Write => "write",
            Capability::Maintenance => "maintenance",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u32);

impl Capabilities {
    /// No capability.
    pub const NONE: Capabilities = Capabilities(0);

    /// Every capability.
    pub fn all() -> Self {
        Capability::ALL.into_iter().collect()
    }

    /// Whether `capability` is declared.
    pub fn has(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u32) != 0
    }

    /// The same set with `capability`.
    #[must_use]
    pub fn with(self, capability: Capability) -> Self {
        Capabilities(self.0 | (1 << capability as u32))
    }

    /// The same set without `capability`.
    #[must_use]
    pub fn without(self, capability: Capability) -> Self {
        Capabilities(self.0 & !(1 << capability as u32))
    }

    /// The declared capabilities in the order of [`Capability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |capability| self.has(*capability))
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        capabilities.into_iter().fold(Capabilities::NONE, Capabilities::with)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = Capabilities::all().without(Capability::Tables);
        assert!(set.has(Capability::Arrays) && !set.has(Capability::Tables));
        assert_eq!(set.with(Capability::Tables), Capabilities::all());
        assert_eq!(set.iter().count(), Capability::ALL.len() - 1);
    }
}
