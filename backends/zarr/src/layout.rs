//! Which objects an entry is stored as.

use crate::stored_array::{METADATA_KEY, METADATA_V2_KEY};
use fascicle_backend::EntryKind;
use fascicle_objects::{Form, Layout, PrefixForm};

/// An array `x` is the Zarr array `x.zarr/`.
const ARRAY: PrefixForm = PrefixForm {
    suffix: ".zarr",
    kind: EntryKind::Array,
    key_names: &[METADATA_KEY, METADATA_V2_KEY],
    foreign_suffix: None,
};

/// A table `t` is the folder `t.parquet/` of Parquet files.
const TABLE: PrefixForm =
    PrefixForm { suffix: ".parquet", kind: EntryKind::Table, key_names: &[], foreign_suffix: None };

/// How entries are stored.
pub(crate) fn layout() -> Layout {
    Layout::new([ARRAY, TABLE])
}

/// The form of arrays.
pub(crate) fn array_form() -> Form {
    Form::Prefix(ARRAY)
}
