//! Tables as Parquet part files, shared by every backend.
