//! How arrays become tables and tables become arrays.

use fascicle_backend::{Codec, DType, Error, ErrorKind, Result, Values, WriteMode};
use indexmap::IndexMap;

/// How arrays of fixed-length bytes are given in Arrow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BytesForm {
    /// As text when every element of the array is UTF-8 after its trailing zero bytes are dropped, else as
    /// [`BytesForm::Binary`].
    #[default]
    Auto,
    /// As text without the trailing zero bytes; bytes that are no UTF-8 are an error.
    Text,
    /// As bytes of that length, trailing zero bytes included.
    Binary,
}

/// Which arrays become columns, and how. The default is all of them, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToTableOptions {
    /// Only these arrays, in this order; `None` is all.
    pub include: Option<Vec<String>>,
    /// Not these arrays.
    pub exclude: Vec<String>,
    /// How fixed-length bytes are given.
    pub bytes: BytesForm,
    /// The most rows in a batch of a stream, at least 1; `None` is about 8 MiB of data.
    pub batch_rows: Option<usize>,
}

impl ToTableOptions {
    /// Takes only these arrays, in this order.
    #[must_use]
    pub fn with_include<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.include = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves these arrays out.
    #[must_use]
    pub fn with_exclude<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.exclude = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how fixed-length bytes are given.
    #[must_use]
    pub fn with_bytes(mut self, form: BytesForm) -> Self {
        self.bytes = form;
        self
    }

    /// Sets the most rows in a batch of a stream.
    #[must_use]
    pub fn with_batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = Some(rows);
        self
    }
}

/// Which columns become arrays, and how. The default is all of them, of the dtypes that their types suggest.
#[derive(Clone, Debug, Default)]
pub struct FromTableOptions {
    /// Only these columns; `None` is all.
    pub include: Option<Vec<String>>,
    /// Not these columns.
    pub exclude: Vec<String>,
    /// The dtypes of columns, such as `S50` for text; of any other column it is inferred.
    pub dtypes: IndexMap<String, DType>,
    /// What stands for null in columns: one element of the column's dtype. Without it null is NaN in floats, "not a time" in
    /// times, and an error in everything else.
    pub fills: IndexMap<String, Values>,
    /// Compression of the arrays.
    pub codec: Option<Codec>,
    /// The most bytes of a chunk of the arrays, see [`ArrayDefaults::chunk_bytes`](crate::ArrayDefaults::chunk_bytes).
    pub chunk_bytes: Option<u64>,
    /// What happens to entries that have the columns' names.
    pub mode: WriteMode,
}

impl FromTableOptions {
    /// Takes only these columns.
    #[must_use]
    pub fn with_include<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.include = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves these columns out.
    #[must_use]
    pub fn with_exclude<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.exclude = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the dtype of a column.
    #[must_use]
    pub fn with_dtype(mut self, column: impl Into<String>, dtype: DType) -> Self {
        self.dtypes.insert(column.into(), dtype);
        self
    }

    /// Sets what stands for null in a column: one element of its dtype.
    #[must_use]
    pub fn with_fill(mut self, column: impl Into<String>, fill: Values) -> Self {
        self.fills.insert(column.into(), fill);
        self
    }

    /// Sets the compression of the arrays.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// Sets the most bytes of a chunk of the arrays.
    #[must_use]
    pub fn with_chunk_bytes(mut self, bytes: u64) -> Self {
        self.chunk_bytes = Some(bytes);
        self
    }

    /// Sets what happens to entries that have the columns' names.
    #[must_use]
    pub fn with_mode(mut self, mode: WriteMode) -> Self {
        self.mode = mode;
        self
    }
}

/// Refuses the first of `asked` that is not among `known` with [`ErrorKind::NotFound`], saying what there is.
pub(super) fn check_known<'a>(
    asked: impl IntoIterator<Item = &'a String>,
    known: &[&str],
    what: &str,
) -> Result<()> {
    for name in asked {
        if !known.contains(&name.as_str()) {
            let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Error::new(ErrorKind::NotFound, format!("there is no {what} '{name}'"))
                .hint(format!("there is: {there}")));
        }
    }
    Ok(())
}
