//! Files of tables that other programs write and read: CSV, TSV, JSON, JSON lines, Parquet and Arrow.
//!
//! [`TableFile`] reads one, batch by batch; [`TableFileWriter`] writes one. Both block.
//!
//! | format | endings | types |
//! |---|---|---|
//! | CSV, TSV | `.csv`, `.tsv` | inferred from all rows, or given |
//! | JSON, JSON lines | `.json`, `.jsonl`, `.ndjson` | inferred from all rows, or given; a list of objects, or an object on each line |
//! | Parquet | `.parquet`, `.pq` | those of the file |
//! | Arrow file or stream | `.arrow`, `.feather`, `.ipc` | those of the file; written as a file |
//!
//! What a file does not say is not guessed: an empty cell of CSV is null, and so is what [`ReadOptions::null`] says, nothing else.
//! What is damaged is [`Corrupt`](fascicle_backend::ErrorKind::Corrupt) with the file's name and the line, also where a library
//! panics over it. Memory: a batch of some megabytes, and a row of at most 64 MiB.

mod csv;
mod csv_types;
mod format;
mod guard;
mod json;
mod json_types;
mod read;
mod rows;
mod types;
mod write;

pub use format::FileFormat;
pub use guard::is_guarded;
pub use read::{ReadOptions, TableFile};
pub use types::{parse_type, parse_types};
pub use write::TableFileWriter;

#[cfg(test)]
mod tests;
