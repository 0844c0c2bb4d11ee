//! Arrays in HDF5 files, as blocking functions over plain paths.
//!
//! Nothing in here knows entries, directories or the locks between writers of fascicle: the callers do. What every
//! function relies on:
//!
//! - **One operation at a time.** The C library is not made for threads, and it shares the state of a file that is opened
//!   twice by one process, so that a reader would see what a writer has not yet finished. Every operation on a
//!   published file therefore opens, works and closes as one step under the library's process-wide lock, see
//!   [`library::exclusively`].
//! - **One writer at a time.** Functions that change a published file say that the caller holds its writer's lock.
//! - **Readers are never in the way.** Reading takes no lock on files that can be read while they are written.

#[macro_use]
mod library;
mod append;
mod attributes;
mod chunks;
mod copy;
mod create;
mod dataset;
mod driver;
mod dtype;
mod elements;
mod foreign_writer;
mod open;
mod read;
mod region_write;
mod superblock;
#[cfg(test)]
mod tests;

pub(crate) use append::{Audience, InPlace, InPlaceOptions, append};
pub(crate) use attributes::read_attributes;
pub(crate) use copy::Original;
pub(crate) use create::NewArray;
pub(crate) use foreign_writer::{clear_marks_of_dead_writer, is_marked_by_dead_writer};
pub(crate) use read::{describe, read};
pub(crate) use region_write::write_region;
