//! Writing a new array file.

use super::{
    attributes::write_attribute,
    chunks::{fitting_chunks, usual_chunks},
    dataset::{Dataset, NewDataset},
    library::{Handle, exclusively},
    open::{close, create_privately},
};
use fascicle_backend::{ArrayOptions, ArraySpec, Codec, Error, ErrorKind, Region, Result, Values};
use hdf5_sys::h5f::{H5F_scope_t, H5Fflush, H5Fstart_swmr_write};
use std::path::Path;

/// An array file under construction, which nobody else knows yet.
#[derive(Debug)]
pub(crate) struct NewArray {
    // Fields are dropped in this order: what is in the file before the file.
    dataset: Dataset,
    file: Handle,
}

impl NewArray {
    /// Creates the file at `path`, in place of an empty one that may be there, with the attributes of `options`.
    ///
    /// Arrays with axes are stored in chunks, see [`usual_chunks`], and can grow along the first; scalars in one piece and
    /// without compression, which HDF5 does not have for them.
    ///
    /// - Errors: `Unsupported` for a codec that HDF5 itself does not have.
    pub(crate) fn create(path: &Path, spec: &ArraySpec, options: &ArrayOptions) -> Result<Self> {
        let gzip = match options.codec {
            None | Some(Codec::Uncompressed) => None,
            Some(Codec::Gzip { level }) => Some(level),
            Some(Codec::Zstd { .. }) => {
                return Err(Error::new(ErrorKind::Unsupported, "HDF5 has no zstd compression of its own")
                    .hint("use gzip, which every HDF5 library reads"));
            }
        };
        let chunks = match &options.chunks {
            _ if spec.shape.rank() == 0 => None,
            Some(asked) => Some(fitting_chunks(asked, &spec.shape)),
            None => Some(usual_chunks(&spec.shape, spec.dtype)),
        };
        exclusively(|| {
            let file = create_privately(path)?;
            let new = NewDataset {
                shape: &spec.shape,
                dtype: spec.dtype,
                chunks: chunks.as_deref(),
                gzip,
                fill: options.fill.as_ref(),
            };
            let dataset = new.create(&file)?;
            for (name, value) in &options.attributes {
                write_attribute(&dataset, name, value)?;
            }
            Ok(NewArray { dataset, file })
        })
    }

    /// Writes the elements of `region`, which lies inside the array.
    pub(crate) fn write(&mut self, region: &Region, values: &Values) -> Result<()> {
        exclusively(|| self.dataset.write(region, values))
    }

    /// Completes and closes the file; it can then be made durable and moved to its place.
    pub(crate) fn finish(self) -> Result<()> {
        let NewArray { dataset, file } = self;
        exclusively(|| {
            drop(dataset);
            finish_file(file)
        })
    }
}

/// Writes a new file out and closes it, as one that can be read while it grows: datamate expects the state that a file
/// has after a writer with concurrent readers.
pub(crate) fn finish_file(file: Handle) -> Result<()> {
    call!(H5Fflush(file.id(), H5F_scope_t::H5F_SCOPE_GLOBAL))?;
    call!(H5Fstart_swmr_write(file.id()))?;
    close(file)
}
