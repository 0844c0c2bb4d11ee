//! The Parquet backend of fascicle: arrays and tables as Parquet, on any object store.
