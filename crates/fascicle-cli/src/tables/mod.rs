//! What the command adds to files of tables: points in time in arguments, and what is said of panics while files are read.

mod panics;
mod time;

pub(crate) use panics::install_panic_hook;
pub(crate) use time::parse_time;
