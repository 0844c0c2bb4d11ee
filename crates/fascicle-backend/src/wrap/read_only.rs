//! Refuses every write.

use super::{Observer, Operation};
use crate::{Capabilities, Capability, Error, ErrorKind, Result};

/// An [`Observer`] that refuses every write before it reaches the backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOnly;

impl Observer for ReadOnly {
    fn before(&self, operation: Operation, path: &str) -> Result<()> {
        if operation.is_write() {
            return Err(Error::new(ErrorKind::Unsupported, "this place was opened for reading only")
                .during(operation.phrase())
                .at(path));
        }
        Ok(())
    }

    fn capabilities(&self, inner: Capabilities) -> Capabilities {
        let writing = [
            Capability::Write,
            Capability::ArrayAppend,
            Capability::ArrayRegionWrite,
            Capability::TableAppend,
            Capability::TableNewColumns,
            Capability::TableCompact,
            Capability::FileAppend,
            Capability::Rename,
            Capability::Copy,
        ];
        writing.into_iter().fold(inner, Capabilities::without)
    }
}
