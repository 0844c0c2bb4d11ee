//! Tables in files outside: CSV, Parquet and Arrow, read and written batch by batch.

mod csv;
mod guard;
mod read;
mod time;
mod write;

pub(crate) use guard::install_panic_hook;
pub(crate) use read::open_table;
pub(crate) use time::parse_time;
pub(crate) use write::TableWriter;
