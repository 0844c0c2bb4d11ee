//! How arrays and tables are stored where a call does not say.

use crate::{ArrayOptions, ArraySpec, Codec, TableOptions};

/// A chunk of an array that has rows is not made smaller than this because the array is small: it may grow.
const SMALL_CHUNK_BYTES: u64 = 64 << 10;

/// No format takes longer chunks.
const LARGEST_CHUNK_BYTES: u64 = u32::MAX as u64;

/// How the arrays of a root are stored where [`ArrayOptions`] do not say. The default leaves every choice to the backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrayDefaults {
    /// The most bytes that a chunk takes before compression, unless a single element takes more.
    ///
    /// A chunk holds whole rows, as many as fit, and parts of a row where one row alone is larger. An array that has rows
    /// when it is created gets no longer chunks than it has rows, though at least 64 KiB of them, as it may grow; one
    /// that is created without rows, to be appended to, gets chunks of the full size.
    pub chunk_bytes: Option<u64>,
    /// Compression of chunks.
    pub codec: Option<Codec>,
}

impl ArrayDefaults {
    /// These, and what they leave open from `other`.
    #[must_use]
    pub fn or(self, other: ArrayDefaults) -> Self {
        ArrayDefaults {
            chunk_bytes: self.chunk_bytes.or(other.chunk_bytes),
            codec: self.codec.or(other.codec),
        }
    }

    /// The options of an array to be created, with what they leave open.
    pub(crate) fn fill_in(&self, options: &ArrayOptions, spec: &ArraySpec) -> ArrayOptions {
        let mut options = options.clone();
        options.codec = options.codec.or(self.codec);
        if let (None, Some(bytes), 1..) = (&options.chunks, self.chunk_bytes, spec.shape.rank()) {
            options.chunks = Some(chunks_of(bytes.min(LARGEST_CHUNK_BYTES), spec));
        }
        options
    }
}

/// The longest chunks of at most `bytes`, filled from the last axis to the first, so that they are whole rows where these
/// fit. Every length is at least 1.
fn chunks_of(bytes: u64, spec: &ArraySpec) -> Vec<u64> {
    let mut taken = spec.dtype.memory_bytes().max(1) as u64;
    let mut chunks = vec![1; spec.shape.rank()];
    for (axis, (chunk, length)) in chunks.iter_mut().zip(spec.shape.iter()).enumerate().rev() {
        let limit = match (axis, *length) {
            (0, 0) => u64::MAX,
            (0, rows) => rows.max(SMALL_CHUNK_BYTES / taken),
            (_, length) => length,
        };
        *chunk = (bytes / taken).min(limit).max(1);
        taken = taken.saturating_mul(*chunk);
    }
    chunks
}

/// How the tables of a root are stored where [`TableOptions`] do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableDefaults {
    /// Compression of pages.
    pub codec: Option<Codec>,
}

impl TableDefaults {
    /// These, and what they leave open from `other`.
    #[must_use]
    pub fn or(self, other: TableDefaults) -> Self {
        TableDefaults { codec: self.codec.or(other.codec) }
    }

    /// The options of a table to be created, with what they leave open.
    pub(crate) fn fill_in(&self, options: &TableOptions) -> TableOptions {
        let mut options = options.clone();
        options.codec = options.codec.or(self.codec);
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Shape};

    fn spec(lengths: &[u64], dtype: DType) -> ArraySpec {
        ArraySpec { shape: Shape::new(lengths).unwrap(), dtype }
    }

    #[test]
    fn chunks_are_whole_rows_of_at_most_the_bytes_asked_for() {
        const MIB: u64 = 1 << 20;
        for (bytes, lengths, dtype, chunks) in [
            (8 * MIB, vec![0], DType::Float64, vec![MIB]),
            (8 * MIB, vec![0, 1000], DType::Float64, vec![1048, 1000]),
            (8 * MIB, vec![1 << 40], DType::UInt8, vec![8 * MIB]),
            // As long as the array, but not tiny: it may grow.
            (8 * MIB, vec![3], DType::Float64, vec![8192]),
            (8 * MIB, vec![100_000], DType::Float64, vec![100_000]),
            (80, vec![3], DType::Float64, vec![10]),
            // A row that does not fit is split.
            (800, vec![7, 30, 40], DType::Float64, vec![1, 2, 40]),
            (100, vec![7, 30, 40], DType::Float64, vec![1, 1, 12]),
            (1, vec![7, 30], DType::Complex128, vec![1, 1]),
            // Axes of no length, of all lengths, and budgets beyond every format.
            (800, vec![5, 0, 10], DType::Int64, vec![10, 1, 10]),
            (u64::MAX, vec![1 << 62], DType::UInt8, vec![u64::from(u32::MAX)]),
        ] {
            let defaults = ArrayDefaults { chunk_bytes: Some(bytes), codec: None };
            let made = defaults.fill_in(&ArrayOptions::default(), &spec(&lengths, dtype)).chunks;
            assert_eq!(made, Some(chunks), "{bytes} bytes for {lengths:?}");
        }
    }

    #[test]
    fn what_a_call_says_goes_first() {
        let defaults = ArrayDefaults { chunk_bytes: Some(16), codec: Some(Codec::Gzip { level: 1 }) };
        let asked = ArrayOptions::default().with_chunks([5]).with_codec(Codec::Uncompressed);
        let filled = defaults.fill_in(&asked, &spec(&[0], DType::Float64));
        assert_eq!((filled.chunks, filled.codec), (Some(vec![5]), Some(Codec::Uncompressed)));
        let filled = defaults.fill_in(&ArrayOptions::default(), &spec(&[0], DType::Float64));
        assert_eq!((filled.chunks, filled.codec), (Some(vec![2]), Some(Codec::Gzip { level: 1 })));
        let scalar = defaults.fill_in(&ArrayOptions::default(), &spec(&[], DType::Float64));
        assert_eq!(scalar.chunks, None, "a scalar has no axes");
        let none = ArrayDefaults::default().fill_in(&ArrayOptions::default(), &spec(&[0], DType::Int8));
        assert_eq!((none.chunks, none.codec), (None, None));
        let first = ArrayDefaults { chunk_bytes: Some(1), codec: None };
        assert_eq!(first.or(defaults), ArrayDefaults { chunk_bytes: Some(1), ..defaults });
    }

    #[test]
    fn tables_take_the_codec_they_are_not_given() {
        let defaults = TableDefaults { codec: Some(Codec::Zstd { level: 9 }) };
        assert_eq!(defaults.fill_in(&TableOptions::default()).codec, defaults.codec);
        let asked = TableOptions::default().with_codec(Codec::Uncompressed);
        assert_eq!(defaults.fill_in(&asked).codec, Some(Codec::Uncompressed));
    }
}
