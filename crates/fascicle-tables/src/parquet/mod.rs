//! One Parquet file: a part of a table.
//!
//! Parts that this crate writes carry the Arrow schema, so that every type survives, and these key-values in their
//! footer:
//!
//! | key | value |
//! |---|---|
//! | `fascicle.nonce` | 32 hexadecimal digits that no other part has |
//! | `fascicle.table` | the nonce of the table's first part, which tells it from every other table |
//! | `fascicle.merged` | of merged parts, the nonces of the last of these |
//! | `fascicle.rows` | the rows of this part |
//! | `fascicle.columns` | all columns of the table, where this part lacks some: an Arrow IPC stream in hexadecimal digits |
//! | `fascicle.part` | the number under which the part was meant to be committed |
//! | `fascicle.rows_before` | the rows of all parts before that number |
//!
//! The last two spare readers the footers of all earlier parts. They hold only where the part stands under the number
//! it was meant for: a writer that lost the race for a number takes the next one with the same file.

mod columns;
mod guard;
mod prune;
mod read;
mod select;
mod types;
mod write;

pub use guard::{corrupt as corrupt_file, reading as reading_file, writing as writing_file};
pub use read::{PartBatches, PartFile};
pub use types::check_storable;
pub use write::{PartWriter, RowsBefore, compression};

const NONCE_KEY: &str = "fascicle.nonce";
const TABLE_KEY: &str = "fascicle.table";
/// The columns of the table, where the part does not have all of them.
const COLUMNS_KEY: &str = "fascicle.columns";
/// The nonces of the parts that were merged into this one.
const MERGED_KEY: &str = "fascicle.merged";
const ROWS_KEY: &str = "fascicle.rows";
const PART_KEY: &str = "fascicle.part";
const ROWS_BEFORE_KEY: &str = "fascicle.rows_before";
/// What all keys of ours begin with; they describe a file and not its columns.
const KEY_PREFIX: &str = "fascicle.";

#[cfg(test)]
mod counted_bytes;
#[cfg(test)]
mod tests;
