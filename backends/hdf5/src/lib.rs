//! The local HDF5 backend of fascicle.
