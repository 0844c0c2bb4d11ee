//! Arrays: values with a shape, in memory and stored.

mod appender;
mod data;
mod from_array;
mod handle;
mod into_array;
mod selection;
mod widen;

pub use appender::Appender;
pub use data::ArrayData;
pub use from_array::FromArray;
pub use handle::{Array, Selected};
pub(crate) use handle::{row_blocks, rows_in_block, store};
pub use into_array::IntoArray;
pub use selection::IntoSelection;
pub use widen::widen;
