//! Which objects an entry is stored as. Nothing else knows these names.

use crate::store::child_key;
use fascicle_backend::EntryKind;
use fascicle_tables::is_key_name;
use object_store::path::Path;

/// The object that holds the meta of a directory.
pub const META_NAME: &str = "_meta.yaml";
/// The prefix of the attributes of the entries beside it.
pub const ATTRIBUTES_PREFIX: &str = "_attributes";

/// The prefix beside entries under which somebody who writes the objects of `x.zarr` one after another says so, by an object whose
/// name begins with `x.zarr.`, before the first of them and until after the last. Only then can there be a prefix that is no entry.
pub const WRITING_PREFIX: &str = "_writing";

/// A way to store an entry as objects under one prefix: `x.zarr/…` for the array `x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixForm {
    /// What follows the entry's name, such as `.zarr`.
    pub suffix: &'static str,
    /// The kind of the entry.
    pub kind: EntryKind,
    /// The names under the prefix of which a reader needs one to find an entry: written last, deleted first. None means that
    /// the prefix alone makes an array; a table is made by what [`is_key_name`] tells.
    pub key_names: &'static [&'static str],
    /// With it, files that end so and are no [parts](fascicle_tables::part_number) make an entry, too: other programs write them.
    pub foreign_suffix: Option<&'static str>,
}

/// How entries are stored in a place: arrays and tables as prefixes with these suffixes, files as objects under their own names,
/// directories as prefixes under theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    forms: Vec<PrefixForm>,
}

/// How one entry is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// As objects under a prefix with a suffix.
    Prefix(PrefixForm),
    /// As one object with the suffix of a form for tables: a file that another program wrote.
    Single(PrefixForm),
    /// As one object.
    File,
    /// As a prefix.
    Directory,
}

impl Form {
    /// The kind of the entry.
    pub fn kind(&self) -> EntryKind {
        match self {
            Form::Prefix(form) | Form::Single(form) => form.kind,
            Form::File => EntryKind::File,
            Form::Directory => EntryKind::Directory,
        }
    }

    /// The name under which the entry `name` is stored in this form.
    pub fn stored_name(&self, name: &str) -> String {
        format!("{name}{}", self.suffix())
    }

    /// What follows the name.
    pub fn suffix(&self) -> &'static str {
        match self {
            Form::Prefix(form) | Form::Single(form) => form.suffix,
            Form::File | Form::Directory => "",
        }
    }

    /// Whether an object of this name directly under the prefix is one without which a reader finds no entry.
    pub(crate) fn is_key(&self, name: &str) -> bool {
        match self {
            Form::Prefix(form) if form.is_told_by_names() => is_key_name(name),
            Form::Prefix(form) => form.key_names.contains(&name),
            Form::File | Form::Single(_) => false,
            Form::Directory => name == META_NAME,
        }
    }
}

impl Form {
    /// The same for an object anywhere under the prefix.
    pub(crate) fn is_key_at(&self, prefix: &Path, location: &Path) -> bool {
        location.filename().is_some_and(|name| {
            self.is_key(name) && child_key(prefix, name).is_ok_and(|child| child == *location)
        })
    }
}

impl PrefixForm {
    /// Whether one has to look at the names under the prefix to tell whether there is an entry.
    pub(crate) fn is_told_by_names(&self) -> bool {
        self.kind == EntryKind::Table && self.key_names.is_empty()
    }
}

impl Layout {
    /// A layout with these forms besides files and directories.
    pub fn new(forms: impl IntoIterator<Item = PrefixForm>) -> Layout {
        Layout { forms: forms.into_iter().collect() }
    }

    /// The form with which new entries of a kind are stored; `None` when there is none.
    pub fn form_of(&self, kind: EntryKind) -> Option<Form> {
        match kind {
            EntryKind::File => Some(Form::File),
            EntryKind::Directory => Some(Form::Directory),
            _ => self.forms.iter().find(|form| form.kind == kind).cloned().map(Form::Prefix),
        }
    }

    /// The suffixes of all forms.
    pub(crate) fn suffixes(&self) -> Vec<&'static str> {
        self.forms.iter().map(|form| form.suffix).collect()
    }

    /// The entry that an object or a prefix of this name is: its name and its form. `None` for names that are reserved.
    pub(crate) fn entry_of<'a>(&self, stored_name: &'a str, is_prefix: bool) -> Option<(&'a str, Form)> {
        if stored_name.starts_with('_') {
            return None;
        }
        let with_suffix = self.forms.iter().find_map(|form| {
            let name = stored_name.strip_suffix(form.suffix).filter(|name| !name.is_empty())?;
            match is_prefix {
                true => Some((name, Form::Prefix(form.clone()))),
                false => form.is_told_by_names().then(|| (name, Form::Single(form.clone()))),
            }
        });
        let plain = if is_prefix { Form::Directory } else { Form::File };
        Some(with_suffix.unwrap_or((stored_name, plain)))
    }
}

/// The name under which the attributes of what is stored as `stored_name` are kept under the [`ATTRIBUTES_PREFIX`].
pub(crate) fn attributes_name(stored_name: &str) -> String {
    format!("{ATTRIBUTES_PREFIX}/{stored_name}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_lead_to_entries_and_back() {
        let form = |suffix, kind| PrefixForm { suffix, kind, key_names: &[], foreign_suffix: None };
        let layout = Layout::new([form(".zarr", EntryKind::Array), form(".parquet", EntryKind::Table)]);
        for (stored, is_prefix, name, kind) in [
            ("x.zarr", true, "x", EntryKind::Array),
            ("x.zarr", false, "x.zarr", EntryKind::File),
            ("t.parquet", true, "t", EntryKind::Table),
            ("t.parquet", false, "t", EntryKind::Table),
            ("d", true, "d", EntryKind::Directory),
            ("d.h5", true, "d.h5", EntryKind::Directory),
            (".zarr", true, ".zarr", EntryKind::Directory),
            ("f", false, "f", EntryKind::File),
        ] {
            let (found, form) = layout.entry_of(stored, is_prefix).unwrap();
            assert_eq!((found, form.kind(), form.stored_name(found).as_str()), (name, kind, stored));
        }
        for reserved in ["_meta.yaml", "_index", "_attributes"] {
            assert!(layout.entry_of(reserved, true).is_none() && layout.entry_of(reserved, false).is_none());
        }
    }
}
