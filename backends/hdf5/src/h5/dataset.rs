//! The dataset `data` of an open file: opening it warily, and what is known of it.

use super::{
    chunks::usual_chunks,
    driver::{check_refusals, refusals},
    dtype::{ElementType, Form},
    elements::{Stored, space},
    library::Handle,
};
use fascicle_backend::{ArrayDescription, DType, Error, ErrorKind, MAX_RANK, Region, Result, Shape, Values};
use hdf5_sys::{
    h5::{H5_index_t, H5_iter_order_t, H5free_memory},
    h5d::*,
    h5g::{H5G_info_t, H5Gget_info},
    h5i::{H5I_type_t, H5Iget_type, hid_t},
    h5l::{H5L_info2_t, H5L_type_t, H5Lexists, H5Lget_info2, H5Lget_name_by_idx},
    h5o::H5Oopen,
    h5p::*,
    h5s::*,
};
use std::ffi::{CStr, c_char};

/// The name of the dataset that holds an array.
pub(crate) const NAME: &CStr = c"data";

/// The address of what is not stored anywhere.
const NO_ADDRESS: u64 = u64::MAX;
/// DEFLATE makes no more of a byte than this.
const HIGHEST_COMPRESSION: u64 = 1032;
/// Chunks up to this size need no justification by the size of the file.
const HARMLESS_CHUNK_BYTES: u64 = 64 << 20;
/// How many names an error shows.
const SHOWN_NAMES: u64 = 8;

/// An open dataset that can be read safely.
#[derive(Debug)]
pub(crate) struct Dataset {
    id: Handle,
    properties: Handle,
    /// The type of its elements.
    pub(crate) elements: ElementType,
    /// The lengths of its axes now.
    pub(crate) shape: Shape,
    /// The lengths its axes can grow to; `u64::MAX` for any.
    pub(crate) maximum: Vec<u64>,
    /// The elements of a chunk along each axis; `None` when it is stored in one piece.
    pub(crate) chunks: Option<Vec<u64>>,
}

impl Dataset {
    /// Opens the dataset `data`. Refuses everything that leads out of the file or needs code from elsewhere.
    ///
    /// - Errors: `Corrupt` when there is no such dataset or what the file says of it cannot be; `Unsupported` for links,
    ///   external and virtual storage, and types that no dtype corresponds to.
    pub(crate) fn open(file: &Handle) -> Result<Self> {
        if call!(H5Lexists(file.id(), NAME.as_ptr(), H5P_DEFAULT))? == 0 {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("the HDF5 file has no dataset 'data'; it holds {}", names(file)?),
            )
            .hint(
                "an array is the dataset 'data' of its file; store other HDF5 files under another ending",
            ));
        }
        if link_type(file, NAME)? != H5L_type_t::H5L_TYPE_HARD as i32 {
            return Err(unsupported("'data' is a link to another place, which is not followed"));
        }
        let id = Handle::owned(call!(H5Oopen(file.id(), NAME.as_ptr(), H5P_DEFAULT))?);
        if raw_call!(H5Iget_type(id.id())) != H5I_type_t::H5I_DATASET {
            return Err(Error::new(ErrorKind::Corrupt, "'data' in the HDF5 file is no dataset"));
        }
        let properties = Handle::owned(call!(H5Dget_create_plist(id.id()))?);
        let layout = raw_call!(H5Pget_layout(properties.id()));
        if layout == H5D_VIRTUAL {
            return Err(unsupported("the dataset is a view of other files, which are not opened"));
        }
        if layout == H5D_CONTIGUOUS && call!(H5Pget_external_count(properties.id()))? > 0 {
            return Err(unsupported("the elements are stored in other files, which are not opened"));
        }
        let stored_type = Handle::owned(call!(H5Dget_type(id.id()))?);
        let elements = ElementType::of_stored(&stored_type)?;
        let (shape, maximum) = extent(&Handle::owned(call!(H5Dget_space(id.id()))?))?;
        let chunks = if layout == H5D_CHUNKED { Some(chunk_shape(&properties, shape.rank())?) } else { None };
        Ok(Dataset { id, properties, elements, shape, maximum, chunks })
    }

    /// The library's identifier.
    pub(crate) fn id(&self) -> hid_t {
        self.id.id()
    }

    /// Refuses a dataset that claims storage which a file of `file_bytes` cannot contain, before anything is
    /// allocated for it.
    pub(crate) fn check_storage(&self, file_bytes: u64) -> Result<()> {
        let stored_bytes = raw_call!(H5Dget_storage_size(self.id()));
        let impossible = |claim: String| {
            Err(Error::new(ErrorKind::Corrupt, format!("{claim}, but the HDF5 file has {file_bytes} bytes")))
        };
        match &self.chunks {
            None => {
                let address = raw_call!(H5Dget_offset(self.id()));
                let end = address.checked_add(stored_bytes);
                if address != NO_ADDRESS && end.is_none_or(|end| end > file_bytes) {
                    return impossible(format!(
                        "the elements claim {stored_bytes} bytes from byte {address} on"
                    ));
                }
            }
            Some(chunks) if stored_bytes > 0 => {
                let element_bytes = self.elements.dtype.memory_bytes() as u64;
                let bytes = chunks.iter().try_fold(element_bytes, |bytes, length| bytes.checked_mul(*length));
                let credible = HARMLESS_CHUNK_BYTES.max(file_bytes.saturating_mul(HIGHEST_COMPRESSION));
                if bytes.is_none_or(|bytes| bytes > credible) {
                    return impossible(format!("the elements claim chunks of {chunks:?}"));
                }
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Refuses a dataset whose elements pass through a filter that is not compiled in.
    pub(crate) fn check_filters(&self) -> Result<()> {
        if call!(H5Pall_filters_avail(self.properties.id()))? > 0 {
            return Ok(());
        }
        let filters = self.codecs()?.join(", ");
        Err(unsupported(&format!(
            "the elements pass through the filters {filters}, not all of which are built in"
        )))
    }

    /// Refuses a region outside of the array, which was inside when its caller looked.
    pub(crate) fn check_region(&self, region: &Region) -> Result<()> {
        if region.fits(&self.shape) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("the array now has the shape {}, which does not contain the region", self.shape),
        )
        .hint("describe the array again"))
    }

    /// Refuses elements of another dtype than the array has.
    pub(crate) fn check_dtype(&self, values: &Values) -> Result<()> {
        if values.dtype() == self.elements.dtype {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("the array holds {}, not {}", self.elements.dtype, values.dtype()),
        )
        .hint("describe the array again"))
    }

    /// Reads the elements of `region`, which the caller has checked, into `values`.
    pub(crate) fn read(&self, region: &Region, values: &mut Values) -> Result<()> {
        self.check_dtype(values)?;
        Stored::in_dataset(self.id(), &self.elements, region)?.read(values)
    }

    /// Writes the elements of `region`, which the caller has checked.
    pub(crate) fn write(&self, region: &Region, values: &Values) -> Result<()> {
        self.check_dtype(values)?;
        let refusals = refusals();
        Stored::in_dataset(self.id(), &self.elements, region)?.write(values)?;
        check_refusals(refusals)
    }

    /// Whether the array's text lies outside of the dataset, where readers of a growing file could meet halves of it.
    pub(crate) fn has_variable_length(&self) -> bool {
        self.elements.form == Form::VariableText
    }

    /// Whether the first axis can have `rows` rows.
    pub(crate) fn can_hold(&self, rows: u64) -> bool {
        self.chunks.is_some() && self.maximum.first().is_some_and(|maximum| rows <= *maximum)
    }

    /// Whether chunks are found by the index of the earliest format, which cannot change while it is read.
    pub(crate) fn has_old_chunk_index(&self) -> Result<bool> {
        if self.chunks.is_none() {
            return Ok(false);
        }
        let mut index = H5D_CHUNK_IDX_BTREE;
        call!(H5Dget_chunk_index_type(self.id(), &raw mut index))?;
        Ok(index == H5D_CHUNK_IDX_BTREE)
    }

    /// Creates a dataset `data` of the same elements, fill value and filters in another file, which can grow along its
    /// first axis. Its elements are not copied.
    pub(crate) fn create_extendable_twin(&self, file: &Handle) -> Result<Dataset> {
        let properties = Handle::owned(call!(H5Pcopy(self.properties.id()))?);
        let chunks = self.chunks.clone().unwrap_or_else(|| usual_chunks(&self.shape, self.elements.dtype));
        call!(H5Pset_chunk(properties.id(), chunks.len() as i32, chunks.as_ptr()))?;
        let stored_type = Handle::owned(call!(H5Dget_type(self.id()))?);
        let mut maximum = self.maximum.clone();
        if let Some(first) = maximum.first_mut() {
            *first = H5S_UNLIMITED;
        }
        let space = space(&self.shape, Some(&maximum))?;
        let twin = call!(H5Dcreate2(
            file.id(),
            NAME.as_ptr(),
            stored_type.id(),
            space.id(),
            H5P_DEFAULT,
            properties.id(),
            H5P_DEFAULT
        ))?;
        Ok(Dataset {
            id: Handle::owned(twin),
            properties,
            elements: ElementType::of_stored(&stored_type)?,
            shape: self.shape.clone(),
            maximum,
            chunks: Some(chunks),
        })
    }

    /// Changes the length of the first axis.
    pub(crate) fn set_rows(&mut self, rows: u64) -> Result<()> {
        let shape = self.shape.with_rows(rows)?;
        call!(H5Dset_extent(self.id(), shape.as_ptr()))?;
        self.shape = shape;
        Ok(())
    }

    /// What is known of the array.
    pub(crate) fn describe(&self) -> Result<ArrayDescription> {
        Ok(ArrayDescription {
            shape: self.shape.clone(),
            dtype: self.elements.dtype,
            chunks: self.chunks.clone(),
            codecs: self.codecs()?,
            fill: self.fill()?,
            stored_bytes: Some(raw_call!(H5Dget_storage_size(self.id()))),
        })
    }

    /// The filters by the names HDF5's documentation gives them.
    fn codecs(&self) -> Result<Vec<String>> {
        let count = call!(H5Pget_nfilters(self.properties.id()))?;
        (0..count as u32).map(|filter| filter_name(&self.properties, filter)).collect()
    }

    /// The value of elements never written; `None` when that is zero.
    pub(crate) fn fill(&self) -> Result<Option<Values>> {
        let mut status = H5D_FILL_VALUE_DEFAULT;
        call!(H5Pfill_value_defined(self.properties.id(), &raw mut status))?;
        if status != H5D_FILL_VALUE_USER_DEFINED {
            return Ok(None);
        }
        let mut fill = Values::zeros(self.elements.dtype, 1)?;
        match (&mut fill, self.elements.form) {
            (Values::Text(texts), form) => *texts = vec![self.text_fill(form)?],
            (Values::Bool(flags), _) => {
                let mut byte = 0u8;
                // SAFETY: a bool in memory has one byte.
                unsafe { self.raw_fill((&raw mut byte).cast()) }?;
                *flags = vec![byte != 0];
            }
            (values, form) => {
                if let Some(bytes) = values.bytes_mut() {
                    // SAFETY: the buffer holds one element of the type in memory.
                    unsafe { self.raw_fill(bytes.as_mut_ptr().cast()) }?;
                }
                if let (Form::SwappedTime, Values::DateTime64(_, counts) | Values::TimeDelta64(_, counts)) =
                    (form, values)
                {
                    counts.iter_mut().for_each(|count| *count = count.swap_bytes());
                }
            }
        }
        let zero = Values::zeros(self.elements.dtype, 1)?;
        Ok((!fill.same_bits(&zero)).then_some(fill))
    }

    fn text_fill(&self, form: Form) -> Result<String> {
        if let Form::FixedText(width) = form {
            let mut field = vec![0u8; width as usize];
            // SAFETY: the field in memory has `width` bytes.
            unsafe { self.raw_fill(field.as_mut_ptr().cast()) }?;
            let text = String::from_utf8_lossy(&field);
            return Ok(text.trim_end_matches('\0').to_owned());
        }
        let mut text: *mut c_char = std::ptr::null_mut();
        // SAFETY: text of variable length is one pointer in memory.
        unsafe { self.raw_fill((&raw mut text).cast()) }?;
        if text.is_null() {
            return Ok(String::new());
        }
        // SAFETY: the library hands out text that ends with NUL and belongs to the caller.
        let fill = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
        raw_call!(H5free_memory(text.cast()));
        Ok(fill)
    }

    /// # Safety
    /// `buffer` has room for one element of the type in memory.
    unsafe fn raw_fill(&self, buffer: *mut std::ffi::c_void) -> Result<()> {
        call!(H5Pget_fill_value(self.properties.id(), self.elements.memory(), buffer)).map(drop)
    }
}

/// The lengths of a dataspace's axes, and those they can grow to.
pub(crate) fn extent(space: &Handle) -> Result<(Shape, Vec<u64>)> {
    if raw_call!(H5Sget_simple_extent_type(space.id())) == H5S_NULL {
        return Err(unsupported("the dataset is empty without a shape"));
    }
    let rank = call!(H5Sget_simple_extent_ndims(space.id()))? as usize;
    if rank > MAX_RANK {
        return Err(Error::new(ErrorKind::Corrupt, format!("the dataset claims {rank} axes")));
    }
    let (mut lengths, mut maximum) = (vec![0; rank], vec![0; rank]);
    if rank > 0 {
        call!(H5Sget_simple_extent_dims(space.id(), lengths.as_mut_ptr(), maximum.as_mut_ptr()))?;
    }
    let shape = Shape::new(lengths).map_err(|error| {
        Error::new(ErrorKind::Corrupt, "the dataset claims an impossible shape").caused_by(error)
    })?;
    Ok((shape, maximum))
}

fn chunk_shape(properties: &Handle, rank: usize) -> Result<Vec<u64>> {
    let mut chunks = vec![0u64; rank];
    let found = call!(H5Pget_chunk(properties.id(), rank as i32, chunks.as_mut_ptr()))?;
    if found as usize != rank || chunks.contains(&0) {
        return Err(Error::new(ErrorKind::Corrupt, "the dataset claims chunks that do not fit its axes"));
    }
    Ok(chunks)
}

fn filter_name(properties: &Handle, filter: u32) -> Result<String> {
    let (mut flags, mut parameters, mut config) = (0u32, 0usize, 0u32);
    let mut name = [0u8; 64];
    let id = call!(H5Pget_filter2(
        properties.id(),
        filter,
        &raw mut flags,
        &raw mut parameters,
        std::ptr::null_mut(),
        name.len() - 1,
        name.as_mut_ptr().cast(),
        &raw mut config,
    ))?;
    let name = CStr::from_bytes_until_nul(&name).unwrap_or_default().to_string_lossy().into_owned();
    Ok(if name.is_empty() { format!("filter {id}") } else { name })
}

/// The type of a link, as the number in the file: user-defined types are not in the bindings' enumeration.
pub(crate) fn link_type(file: &Handle, name: &CStr) -> Result<i32> {
    let mut info = std::mem::MaybeUninit::<H5L_info2_t>::zeroed();
    call!(H5Lget_info2(file.id(), name.as_ptr(), info.as_mut_ptr(), H5P_DEFAULT))?;
    // SAFETY: the library has filled the structure in, which begins with the type.
    Ok(unsafe { info.as_ptr().cast::<i32>().read() })
}

/// The names in the root group, in order; at most `limit`.
pub(crate) fn root_names(file: &Handle, limit: u64) -> Result<(Vec<std::ffi::CString>, u64)> {
    let mut info = H5G_info_t::default();
    call!(H5Gget_info(file.id(), &raw mut info))?;
    let (index, order) = (H5_index_t::H5_INDEX_NAME, H5_iter_order_t::H5_ITER_INC);
    let mut names = Vec::new();
    for position in 0..info.nlinks.min(limit) {
        let name_at = |buffer: *mut c_char, size: usize| {
            call!(H5Lget_name_by_idx(
                file.id(),
                c".".as_ptr(),
                index,
                order,
                position,
                buffer,
                size,
                H5P_DEFAULT
            ))
        };
        let length = name_at(std::ptr::null_mut(), 0)? as usize;
        let mut name = vec![0u8; length + 1];
        name_at(name.as_mut_ptr().cast(), name.len())?;
        names.push(CStr::from_bytes_until_nul(&name).unwrap_or_default().to_owned());
    }
    Ok((names, info.nlinks))
}

fn names(file: &Handle) -> Result<String> {
    let (names, count) = root_names(file, SHOWN_NAMES)?;
    let mut shown: Vec<String> =
        names.iter().map(|name| format!("'{}'", name.to_string_lossy().escape_debug())).collect();
    if count > SHOWN_NAMES {
        shown.push(format!("and {} more", count - SHOWN_NAMES));
    }
    Ok(if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") })
}

/// How a new dataset is made, apart from its name.
pub(crate) struct NewDataset<'a> {
    /// The lengths of its axes.
    pub(crate) shape: &'a Shape,
    /// The type of its elements, in the file as in memory.
    pub(crate) dtype: DType,
    /// The elements of a chunk along each axis; `None` stores it in one piece.
    pub(crate) chunks: Option<&'a [u64]>,
    /// The DEFLATE level, 1 to 9.
    pub(crate) gzip: Option<u8>,
    /// One element, the value of those never written.
    pub(crate) fill: Option<&'a Values>,
}

impl NewDataset<'_> {
    /// Creates the dataset `data`. With chunks, its first axis can grow.
    pub(crate) fn create(&self, file: &Handle) -> Result<Dataset> {
        let elements = ElementType::for_writing(self.dtype)?;
        let properties = Handle::owned(call!(H5Pcreate(*H5P_CLS_DATASET_CREATE))?);
        let id = properties.id();
        // Equal content makes equal files.
        call!(H5Pset_obj_track_times(id, 0))?;
        let mut maximum = self.shape.to_vec();
        if let Some(chunks) = self.chunks {
            call!(H5Pset_chunk(id, chunks.len() as i32, chunks.as_ptr()))?;
            if let Some(first) = maximum.first_mut() {
                *first = H5S_UNLIMITED;
            }
            if let Some(level) = self.gzip {
                call!(H5Pset_shuffle(id))?;
                call!(H5Pset_deflate(id, level.into()))?;
                call!(H5Pset_fletcher32(id))?;
            }
        }
        if let Some(fill) = self.fill {
            set_fill(&properties, &elements, fill)?;
        }
        let space = space(self.shape, Some(&maximum))?;
        let dataset = call!(H5Dcreate2(
            file.id(),
            NAME.as_ptr(),
            elements.memory(),
            space.id(),
            H5P_DEFAULT,
            id,
            H5P_DEFAULT
        ))?;
        Ok(Dataset {
            id: Handle::owned(dataset),
            properties,
            elements,
            shape: self.shape.clone(),
            maximum,
            chunks: self.chunks.map(<[u64]>::to_vec),
        })
    }
}

fn set_fill(properties: &Handle, elements: &ElementType, fill: &Values) -> Result<()> {
    let set = |value: *const std::ffi::c_void| {
        call!(H5Pset_fill_value(properties.id(), elements.memory(), value)).map(drop)
    };
    match fill {
        Values::Text(texts) => {
            let text = std::ffi::CString::new(texts.first().map_or("", String::as_str)).map_err(|error| {
                Error::new(ErrorKind::InvalidInput, "a fill value cannot contain NUL").caused_by(error)
            })?;
            let pointer = text.as_ptr();
            set((&raw const pointer).cast())
        }
        // One element, as the contract has it.
        values => values.as_bytes().map_or(Ok(()), |bytes| set(bytes.as_ptr().cast())),
    }
}

fn unsupported(why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, why).hint("read it with an HDF5 library, for example h5py")
}
