//! Which objects an entry is stored as.

use crate::manifest::MANIFEST_NAME;
use fascicle_backend::EntryKind;
use fascicle_objects::{Form, Layout, PrefixForm};

/// An array `x` is the folder `x.array.parquet/`. No table can have such a folder: the names of tables hold no dot.
const ARRAY: PrefixForm = PrefixForm {
    suffix: ".array.parquet",
    kind: EntryKind::Array,
    key_names: &[MANIFEST_NAME],
    foreign_suffix: Some(".parquet"),
};

/// A table `t` is the folder `t.parquet/`.
const TABLE: PrefixForm =
    PrefixForm { suffix: ".parquet", kind: EntryKind::Table, key_names: &[], foreign_suffix: None };

/// How entries are stored. The longer suffix comes first, as it ends with the other one.
pub(crate) fn layout() -> Layout {
    Layout::new([ARRAY, TABLE])
}

/// The form of arrays.
pub(crate) fn array_form() -> Form {
    Form::Prefix(ARRAY)
}
