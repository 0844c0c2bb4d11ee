//! Whole roots between programs: what fascicle writes, the Python package datamate and the usual readers of HDF5 and Parquet
//! open, extend and find by config; what datamate writes, fascicle does the same with. Live, too, while the other one writes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod built_by_fascicle;
mod config_values;
mod live;
mod many_directories;
mod place;
mod python_users;
mod tables;
mod types;
mod waiting;
mod written_by_datamate;
