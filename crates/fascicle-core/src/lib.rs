//! What a fascicle Directory does, written once over any backend.

pub mod config;
