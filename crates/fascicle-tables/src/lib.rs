//! Tables as Parquet part files, shared by every backend.
//!
//! - [`check_same_columns`] and [`align_batch`]: whether rows fit a table.
//! - [`Filter`] and [`Scan`]: predicates, projections, offsets and limits on batches, whatever they were read from.
//! - [`PartWriter`] and [`PartFile`]: one Parquet file. [`reading_file`] and [`writing_file`] turn the library's errors and panics
//!   into errors of the contract, for whoever calls it.
//! - [`PartFolder`] and [`list_parts`]: the numbered parts of a table, wherever they are stored.
//! - [`compact()`]: merging small parts.
//! - [`TableSnapshot`]: reading a table. [`TableHead`] and [`PartAppend`]: adding to one. [`NewTable`]: a new one in a local folder.
//! - [`CsvTable`] and [`CsvWriter`]: tables as CSV files.
//! - [`stream_of_batches`] and [`OffloadedTableWriter`]: all of these block; here they become asynchronous.

mod append;
mod compact;
mod csv;
mod file_name;
mod filter;
mod head;
mod literal;
mod local_parts;
mod manifest;
mod offload;
mod one_file;
mod parquet;
mod part_list;
mod parts;
mod scan;
mod schema;
mod snapshot;
mod table_folder;

pub use append::PartAppend;
pub use compact::compact;
pub use csv::{CsvBatches, CsvTable, CsvWriter};
pub use file_name::{
    PARTS_OF_A_GENERATION, generation_of_name, is_key_name, next_generation, part_name, part_number,
};
pub use filter::Filter;
pub use head::TableHead;
pub use local_parts::{LocalPartFolder, LocalStagedPart};
pub use offload::{BlockingTableWriter, OffloadedTableWriter, stream_of_batches};
pub use one_file::OneFile;
pub use parquet::{
    PartBatches, PartFile, PartWriter, RowsBefore, check_storable, compression, corrupt_file, reading_file,
    writing_file,
};
pub use part_list::{PartList, list_parts};
pub use parts::{CommitOutcome, ListedName, PartFolder};
pub use scan::{Scan, ScannedBatches};
pub use schema::{align_batch, check_extends, check_same_columns, fit_to, with_new_columns};
pub use snapshot::{PartsBatches, TableScan, TableSnapshot};
pub use table_folder::NewTable;
