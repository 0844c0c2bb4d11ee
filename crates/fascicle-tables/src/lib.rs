//! Tables as Parquet part files, shared by every backend.
//!
//! - [`check_same_columns`] and [`align_batch`]: whether rows fit a table.
//! - [`Filter`] and [`Scan`]: predicates, projections, offsets and limits on batches, whatever they were read from.

mod filter;
mod literal;
mod parquet;
mod scan;
mod schema;

pub use filter::Filter;
pub use parquet::{PartBatches, PartFile, PartWriter, RowsBefore, check_storable};
pub use scan::{Scan, ScannedBatches};
pub use schema::{align_batch, check_same_columns};
