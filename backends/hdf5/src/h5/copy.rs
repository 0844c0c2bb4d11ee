//! Changing an array in a copy that replaces it: what cannot be changed while others read.

use super::{
    attributes::{copy_attributes, replace_attributes},
    create::finish_file,
    dataset::{Dataset, NAME, link_type, root_names},
    foreign_writer::{clear_marks_of_dead_writer, lock_exclusively},
    library::{Handle, exclusively},
    open::{close, create_privately, open_for_copying, open_privately, patiently},
};
use fascicle_backend::{Attributes, Error, ErrorKind, Region, Result, Values};
use hdf5_sys::{h5l::H5L_type_t, h5o::H5Ocopy, h5p::H5P_DEFAULT};
use std::{fs::File, path::Path, time::Duration};

/// Elements are copied in pieces of about this size.
const PIECE_BYTES: u64 = 16 << 20;

/// An array file that no HDF5 program can begin to write to, as long as this lives.
#[derive(Debug)]
pub(crate) struct Original<'a> {
    path: &'a Path,
    _locked: File,
}

impl<'a> Original<'a> {
    /// Waits for other programs to close the file. The caller holds the writer's lock.
    ///
    /// - Errors: `Busy` when one has it open for longer than `patience`.
    pub(crate) fn lock(path: &'a Path, patience: Duration) -> Result<Self> {
        patiently(patience, || {
            clear_marks_of_dead_writer(path)?;
            let file = File::open(path)?;
            lock_exclusively(&file)?;
            Ok(Original { path, _locked: file })
        })
    }

    /// Copies the file as it is to `copy`. Cost: the file, read and written once.
    pub(crate) fn duplicate(&self, copy: &Path) -> Result<()> {
        std::fs::copy(self.path, copy)?;
        Ok(())
    }

    /// Writes to `copy` a file of the same content, in the format that can grow while it is read. Cost: the file,
    /// read and written once.
    ///
    /// - Errors: `Unsupported` for files with links in their root group, which would not survive.
    pub(crate) fn rewrite(&self, copy: &Path) -> Result<()> {
        exclusively(|| {
            let source = open_for_copying(self.path)?;
            let target = create_privately(copy)?;
            rewrite(&source, &target)?;
            finish_file(target)
        })
    }

    /// Copies the file to `copy`, with `attributes` in place of those it has.
    pub(crate) fn duplicate_with_attributes(&self, copy: &Path, attributes: &Attributes) -> Result<()> {
        self.duplicate(copy)?;
        exclusively(|| {
            let file = open_privately(copy)?;
            let outcome = Dataset::open(&file).and_then(|dataset| replace_attributes(&dataset, attributes));
            let closed = close(file);
            outcome.and(closed)
        })
    }
}

fn rewrite(source: &Handle, target: &Handle) -> Result<()> {
    let dataset = Dataset::open(source)?;
    dataset.check_filters()?;
    if dataset.shape.rank() == 0 {
        return Err(Error::new(
            ErrorKind::Internal,
            "a scalar was to be rewritten as an array that can grow",
        ));
    }
    let (names, _) = root_names(source, u64::MAX)?;
    for name in names.iter().filter(|name| name.as_c_str() != NAME) {
        if link_type(source, name)? != H5L_type_t::H5L_TYPE_HARD as i32 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the file has to be rewritten so that it can grow, but holds links to other places",
            )
            .hint("remove the links with h5py, or copy the array to a new one"));
        }
        call!(H5Ocopy(source.id(), name.as_ptr(), target.id(), name.as_ptr(), H5P_DEFAULT, H5P_DEFAULT))?;
    }
    let twin = dataset.create_extendable_twin(target)?;
    copy_elements(&dataset, &twin)?;
    copy_attributes(dataset.id(), twin.id())?;
    copy_attributes(source.id(), target.id())
}

fn copy_elements(from: &Dataset, to: &Dataset) -> Result<()> {
    let row_bytes = from.shape.with_rows(1)?.size_bytes(from.elements.dtype)?.max(1) as u64;
    let rows = from.shape.rows().unwrap_or(0);
    let piece = (PIECE_BYTES / row_bytes).max(1);
    let mut start = 0;
    while start < rows {
        let count = piece.min(rows - start);
        let region = Region::rows(&from.shape, start, count);
        let mut values = Values::zeros(from.elements.dtype, region.element_count()?)?;
        from.read(&region, &mut values)?;
        to.write(&region, &values)?;
        start += count;
    }
    Ok(())
}
