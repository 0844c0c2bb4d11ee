//! NumPy's file format, versions 1.0 to 3.0, read and written part by part.
//!
//! All dtypes of the contract are supported, in either byte order and either memory order. Pickled objects and structured
//! dtypes are refused. Text is NumPy's `U`: four bytes a character, filled up with zeros.

mod descr;
mod elements;
mod header;
mod read;
mod write;

pub(crate) use read::NpyReader;
pub(crate) use write::{NpyWriter, text_width};

/// How the elements of a file are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) dtype: fascicle::DType,
    /// Bytes of one element in the file.
    pub(crate) width: u64,
    /// Whether the most significant byte comes first.
    pub(crate) big_endian: bool,
}
