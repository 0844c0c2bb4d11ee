//! Which files and folders an entry is stored as. Nothing else knows these names.

use fascicle_backend::EntryKind;

/// The file that holds the meta of a directory, as in datamate.
pub(crate) const META_FILE: &str = "_meta.yaml";

/// The folder that holds the attributes of the files, tables and directories beside it.
pub(crate) const ATTRIBUTES_FOLDER: &str = "_attributes";

/// The ways in which an entry is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// An array: the HDF5 file `x.h5`.
    Array,
    /// A table: the folder `x.parquet` of Parquet files.
    ParquetTable,
    /// A table: the file `x.csv`, as in datamate.
    CsvTable,
    /// A table: the file `x.parquet` that another program wrote.
    ParquetFile,
    /// A file under its own name.
    File,
    /// A directory: a folder under its own name.
    Directory,
}

impl Form {
    /// Every form.
    pub(crate) const ALL: [Form; 6] =
        [Form::Array, Form::ParquetTable, Form::CsvTable, Form::ParquetFile, Form::File, Form::Directory];

    /// The kind of the entry.
    pub(crate) fn kind(self) -> EntryKind {
        match self {
            Form::Array => EntryKind::Array,
            Form::ParquetTable | Form::CsvTable | Form::ParquetFile => EntryKind::Table,
            Form::File => EntryKind::File,
            Form::Directory => EntryKind::Directory,
        }
    }

    /// Whether it is a folder rather than a file.
    pub(crate) fn is_folder(self) -> bool {
        matches!(self, Form::ParquetTable | Form::Directory)
    }

    fn suffix(self) -> &'static str {
        match self {
            Form::Array => ".h5",
            Form::ParquetTable | Form::ParquetFile => ".parquet",
            Form::CsvTable => ".csv",
            Form::File | Form::Directory => "",
        }
    }

    /// The name under which the entry `name` is stored in this form.
    pub(crate) fn stored_name(self, name: &str) -> String {
        format!("{name}{}", self.suffix())
    }
}

/// The entry that a file or folder of this name is: the entry's name and its form. `None` for names that are reserved.
pub(crate) fn entry_of(stored_name: &str, is_folder: bool) -> Option<(&str, Form)> {
    if stored_name.starts_with('_') {
        return None;
    }
    Form::ALL.into_iter().filter(|form| form.is_folder() == is_folder).find_map(|form| {
        let name = stored_name.strip_suffix(form.suffix())?;
        (!name.is_empty()).then_some((name, form))
    })
}

/// The entry that a symbolic link of this name would be, if it led anywhere.
pub(crate) fn entry_of_bad_link(stored_name: &str) -> Option<(&str, Form)> {
    entry_of(stored_name, stored_name.ends_with(Form::ParquetTable.suffix()))
}

/// The name under which the attributes of what is stored as `stored_name` are kept in the [`ATTRIBUTES_FOLDER`].
pub(crate) fn attributes_name(stored_name: &str) -> String {
    format!("{stored_name}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_lead_back_to_their_entries() {
        for form in Form::ALL {
            assert_eq!(entry_of(&form.stored_name("x"), form.is_folder()), Some(("x", form)));
        }
    }

    #[test]
    fn what_others_store_has_a_name_too() {
        let cases = [
            ("a.b.h5", false, Some(("a.b", Form::Array))),
            ("x.h5", true, Some(("x.h5", Form::Directory))),
            ("x.parquet", false, Some(("x", Form::ParquetFile))),
            ("x.hdf5", false, Some(("x.hdf5", Form::File))),
            ("X.H5", false, Some(("X.H5", Form::File))),
            (".h5", false, Some((".h5", Form::File))),
            (".parquet", true, Some((".parquet", Form::Directory))),
            ("_x.h5", false, None),
            ("_private", true, None),
        ];
        for (stored_name, is_folder, entry) in cases {
            assert_eq!(entry_of(stored_name, is_folder), entry, "{stored_name}");
        }
    }
}
