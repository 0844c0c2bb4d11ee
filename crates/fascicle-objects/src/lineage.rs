//! The lineage of an object's state: the conditional writes that led to it.
//!
//! Each conditional write stores with the object its own nonce and a name of what it took the place of, followed by what the replaced
//! state said of itself, if its writer has read that. A writer whose answer was lost finds its nonce there even when others have
//! changed the object since. And if a later write took the place of the very state that the writer wanted to replace, its own write
//! did not happen, as a state is replaced once.

use crate::conditional::Condition;
use object_store::{Attribute, Attributes};

/// The metadata that holds the lineage. Azure allows letters alone.
const METADATA: &str = "fasciclenonce";

/// So many writes are remembered, which are 800 bytes. S3 allows 2 KiB of metadata.
const MOST_WRITES: usize = 16;

/// What stands for there having been no object.
const NOTHING: &str = "new";

/// Nonces and names of replaced states by turns, the newest first; empty where nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lineage(Vec<String>);

impl Lineage {
    /// What an object says of itself.
    pub(crate) fn of(attributes: &Attributes) -> Self {
        let text = attributes.get(&Attribute::Metadata(METADATA.into()));
        Lineage(text.map(|text| text.split('.').map(str::to_owned).collect()).unwrap_or_default())
    }

    /// That of the state which a write makes of this one.
    pub(crate) fn followed_by(&self, nonce: &str, condition: &Condition) -> Self {
        let newest = [nonce.to_owned(), replaced(condition)];
        Lineage(newest.into_iter().chain(self.0.iter().cloned()).take(2 * MOST_WRITES).collect())
    }

    /// What the object is to say of itself.
    pub(crate) fn to_attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::Metadata(METADATA.into()), self.0.join(".").into());
        attributes
    }

    /// Whether the state was made by the write of this nonce.
    pub(crate) fn begins_with(&self, nonce: &str) -> bool {
        self.0.first().is_some_and(|newest| newest == nonce)
    }

    /// Whether the write of this nonce led to the state.
    pub(crate) fn holds(&self, nonce: &str) -> bool {
        self.0.iter().any(|known| known == nonce)
    }

    /// Whether a write that is remembered here took the place of what `condition` names.
    pub(crate) fn replaced(&self, condition: &Condition) -> bool {
        self.holds(&replaced(condition))
    }
}

/// The name of what a write under this condition takes the place of.
fn replaced(condition: &Condition) -> String {
    match condition {
        Condition::Absent => NOTHING.to_owned(),
        Condition::Unchanged(version) => {
            blake3::hash(version.token().as_bytes()).to_hex().chars().take(16).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle_backend::Version;

    fn unchanged(version: &str) -> Condition {
        Condition::Unchanged(Version::new(version))
    }

    #[test]
    fn a_lineage_survives_the_way_through_metadata() {
        let first = Lineage::default().followed_by("a", &Condition::Absent);
        let second = first.followed_by("b", &unchanged("1"));
        let read = Lineage::of(&second.to_attributes());
        assert_eq!(read, second);
        assert!(read.begins_with("b") && read.holds("a") && !read.holds("c"));
        assert!(read.replaced(&Condition::Absent) && read.replaced(&unchanged("1")));
        assert!(!read.replaced(&unchanged("2")));
    }

    #[test]
    fn a_lineage_has_a_bound() {
        let mut lineage = Lineage::default();
        for number in 0..100 {
            lineage = lineage.followed_by(&format!("{number:032x}"), &unchanged(&number.to_string()));
        }
        let text = lineage.0.join(".");
        assert!(text.len() <= 816, "{}", text.len());
        assert!(lineage.holds(&format!("{:032x}", 84)) && lineage.replaced(&unchanged("84")));
        assert!(!lineage.holds(&format!("{:032x}", 83)) && !lineage.replaced(&unchanged("83")));
    }
}
