//! SQL over the tables and arrays of directories, by DataFusion.
