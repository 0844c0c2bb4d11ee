//! Tables as CSV files, as pandas and datamate write them: UTF-8, a header, commas, quotes doubled within quotes.
//!
//! CSV has no types and no nulls, so that both are inferred from the whole file, unless the types are given:
//!
//! | every value that is not empty | column |
//! |---|---|
//! | none at all | null |
//! | `true` or `false` in any case | bool |
//! | an integer of 64 bits, without leading zeros | int64, or uint64 where that is needed |
//! | a number, `inf` or `nan`; integers among them only up to 2⁵³ | float64 |
//! | anything else | text |
//!
//! An empty value is null, also in a text column. Every column is nullable.

mod infer;
mod read;
mod write;

pub use read::{CsvBatches, CsvTable};
pub use write::CsvWriter;

#[cfg(test)]
mod tests;
