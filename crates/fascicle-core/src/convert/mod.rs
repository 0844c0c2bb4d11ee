//! Arrays as Arrow columns and back: one array, all arrays of a directory, the configs of many directories.
//!
//! | dtype | Arrow type |
//! |---|---|
//! | `bool`, integers, floats | the same |
//! | `complex64`, `complex128` | `Struct {re, im}` of `Float32`, `Float64` |
//! | `S{n}` | `Utf8` without the trailing zero bytes when every element is UTF-8, else `FixedSizeBinary(n)` |
//! | `string` | `Utf8` |
//! | `datetime64[D]` | `Date32` |
//! | `datetime64[h, m, s]` | `Timestamp(s)` without zone |
//! | `datetime64[ms, us, ns]` | `Timestamp` of that unit without zone |
//! | `timedelta64[D, h, m, s]` | `Duration(s)` |
//! | `timedelta64[ms, us, ns]` | `Duration` of that unit |
//!
//! Axes after the first become nested fixed-size lists: an array of shape `(n, 2, 3)` is a column of lists of 2 lists of 3.
//! "Not a time" is null. A complex number is a struct rather than a list of two, because a list would not differ from an array
//! of shape `(n, 2)`, and because its parts then have names in every query language.
//!
//! Where the Arrow type does not tell the dtype, the field says it in its metadata under [`DTYPE_KEY`], so that
//! [`to_table`] and [`from_table`] are each other's inverse as long as nobody drops it.

mod array_columns;
mod cast;
mod config_rows;
mod directory_to_table;
mod flat_table;
mod from_arrow;
mod nesting;
mod options;
mod table_to_directory;
mod to_arrow;

#[cfg(test)]
mod tests;

pub use array_columns::ArrayColumns;
pub use config_rows::config_rows;
pub use directory_to_table::{TableStream, to_table, to_table_stream};
pub use flat_table::flat_table;
pub use from_arrow::{ColumnRules, arrow_to_values};
pub use options::{BytesForm, FromTableOptions, ToTableOptions};
pub(crate) use table_to_directory::check_table;
pub use table_to_directory::{from_table, from_table_stream};
pub use to_arrow::{DTYPE_KEY, arrow_field, values_to_arrow};
