//! Moving elements between the library and [`Values`].

use super::{
    dtype::{ElementType, Form},
    library::Handle,
};
use fascicle_backend::{DType, Error, ErrorKind, Region, Result, Shape, Values};
use hdf5_sys::{
    h5a::{H5Aread, H5Awrite},
    h5d::{H5Dget_space, H5Dread, H5Dwrite},
    h5i::hid_t,
    h5p::H5P_DEFAULT,
    h5s::*,
    h5t::H5Treclaim,
};
use std::ffi::{CStr, CString, c_char, c_void};

/// Elements of a dataset, or all those of an attribute, as the one end of a transfer.
pub(crate) struct Stored<'a> {
    elements: &'a ElementType,
    place: Place,
    /// The shape of the elements in memory.
    memory_space: Handle,
    count: usize,
}

enum Place {
    Dataset { id: hid_t, selected: Handle },
    Attribute { id: hid_t },
}

impl<'a> Stored<'a> {
    /// The elements of `region`, which lies inside the dataset `id`.
    pub(crate) fn in_dataset(id: hid_t, elements: &'a ElementType, region: &Region) -> Result<Self> {
        let selected = Handle::owned(call!(H5Dget_space(id))?);
        let column = |part: fn(&fascicle_backend::AxisRegion) -> u64| -> Vec<u64> {
            region.axes().iter().map(part).collect()
        };
        let counts = column(|axis| axis.count);
        if !counts.is_empty() {
            let (starts, steps) = (column(|axis| axis.start), column(|axis| axis.step));
            call!(H5Sselect_hyperslab(
                selected.id(),
                H5S_SELECT_SET,
                starts.as_ptr(),
                steps.as_ptr(),
                counts.as_ptr(),
                std::ptr::null(),
            ))?;
        }
        let memory_space = space(&counts, None)?;
        let count = region.element_count()?;
        Self::new(elements, Place::Dataset { id, selected }, memory_space, count)
    }

    /// All elements of the attribute `id`, which has the given shape.
    pub(crate) fn in_attribute(id: hid_t, elements: &'a ElementType, shape: &Shape) -> Result<Self> {
        Self::new(elements, Place::Attribute { id }, space(shape, None)?, shape.element_count())
    }

    fn new(elements: &'a ElementType, place: Place, memory_space: Handle, count: u64) -> Result<Self> {
        let count = usize::try_from(count).map_err(|_| {
            Error::new(ErrorKind::LimitExceeded, format!("{count} elements do not fit into memory"))
        })?;
        Ok(Stored { elements, place, memory_space, count })
    }

    fn check(&self, values: &Values) -> Result<()> {
        if values.dtype() == self.elements.dtype && values.len() == self.count {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Internal,
            format!(
                "a buffer of {} {} met {} elements of {}",
                values.len(),
                values.dtype(),
                self.count,
                self.elements.dtype
            ),
        ))
    }

    /// Reads the elements into `values`, which has their dtype and count. After a failure the content of `values` is
    /// undefined, its dtype and count are not.
    pub(crate) fn read(&self, values: &mut Values) -> Result<()> {
        self.check(values)?;
        if self.count == 0 {
            return Ok(());
        }
        match (values, self.elements.form) {
            (Values::Bool(flags), _) => self.read_bools(flags),
            (Values::Text(texts), Form::FixedText(width)) => self.read_fixed_texts(texts, width),
            (Values::Text(texts), _) => self.read_variable_texts(texts),
            (values, form) => {
                if let Some(bytes) = values.bytes_mut() {
                    // SAFETY: the buffer holds `count` elements of the type in memory, as checked above.
                    unsafe { self.read_raw(bytes.as_mut_ptr().cast()) }?;
                }
                if form == Form::SwappedTime {
                    swap_times(values);
                }
                Ok(())
            }
        }
    }

    fn read_bools(&self, flags: &mut Vec<bool>) -> Result<()> {
        let mut bytes: Vec<u8> = bytemuck::allocation::cast_vec(std::mem::take(flags));
        // SAFETY: the enumeration in memory has one byte, and there are `count` of them.
        let outcome = unsafe { self.read_raw(bytes.as_mut_ptr().cast()) };
        let strange = bytes.iter().find(|byte| **byte > 1).copied();
        // The vector is reused: both types have one byte.
        *flags = bytes.into_iter().map(|byte| byte != 0).collect();
        outcome?;
        match strange {
            Some(byte) => {
                Err(Error::new(ErrorKind::Corrupt, format!("an element of the bool array is {byte}")))
            }
            None => Ok(()),
        }
    }

    fn read_fixed_texts(&self, texts: &mut [String], width: u32) -> Result<()> {
        let mut fields = Values::zeros(DType::FixedBytes(width), self.count as u64)?;
        let Some(bytes) = fields.bytes_mut() else { return Ok(()) };
        // SAFETY: the fields in memory have `width` bytes, and there are `count` of them.
        unsafe { self.read_raw(bytes.as_mut_ptr().cast()) }?;
        for (text, field) in texts.iter_mut().zip(bytes.chunks_exact(width as usize)) {
            let length = field.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            *text = utf8(field.get(..length).unwrap_or(&[]))?;
        }
        Ok(())
    }

    fn read_variable_texts(&self, texts: &mut [String]) -> Result<()> {
        let mut pointers: Vec<*mut c_char> = Vec::new();
        pointers.try_reserve_exact(self.count).map_err(|error| {
            Error::new(ErrorKind::LimitExceeded, "the texts do not fit into memory").caused_by(error)
        })?;
        pointers.resize(self.count, std::ptr::null_mut());
        // SAFETY: one pointer for each of the `count` elements.
        unsafe { self.read_raw(pointers.as_mut_ptr().cast()) }?;
        let mut outcome = Ok(());
        for (text, pointer) in texts.iter_mut().zip(&pointers) {
            let bytes = if pointer.is_null() {
                // An element that was never written.
                &[]
            } else {
                // SAFETY: the library allocated text that ends with NUL and lives until it is reclaimed below.
                unsafe { CStr::from_ptr(*pointer) }.to_bytes()
            };
            match utf8(bytes) {
                Ok(read) => *text = read,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        let reclaimed = call!(H5Treclaim(
            self.elements.memory(),
            self.memory_space.id(),
            H5P_DEFAULT,
            pointers.as_mut_ptr().cast()
        ));
        outcome.and(reclaimed.map(drop))
    }

    /// Writes the elements of `values`, which has their dtype and count.
    pub(crate) fn write(&self, values: &Values) -> Result<()> {
        self.check(values)?;
        if self.count == 0 {
            return Ok(());
        }
        match (values, self.elements.form) {
            (Values::Text(texts), Form::FixedText(width)) => self.write_fixed_texts(texts, width),
            (Values::Text(texts), _) => {
                let texts = texts.iter().map(|text| c_text(text)).collect::<Result<Vec<_>>>()?;
                let pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
                // SAFETY: one pointer for each element, to text that lives until the call returns.
                unsafe { self.write_raw(pointers.as_ptr().cast()) }
            }
            (values, Form::SwappedTime) => {
                let mut swapped = values.clone();
                swap_times(&mut swapped);
                self.write_bytes(&swapped)
            }
            (values, _) => self.write_bytes(values),
        }
    }

    fn write_bytes(&self, values: &Values) -> Result<()> {
        let Some(bytes) = values.as_bytes() else { return Ok(()) };
        // SAFETY: the buffer holds `count` elements of the type in memory, as checked by the caller.
        unsafe { self.write_raw(bytes.as_ptr().cast()) }
    }

    fn write_fixed_texts(&self, texts: &[String], width: u32) -> Result<()> {
        let mut fields = Values::zeros(DType::FixedBytes(width), self.count as u64)?;
        let Some(bytes) = fields.bytes_mut() else { return Ok(()) };
        for (text, field) in texts.iter().zip(bytes.chunks_exact_mut(width as usize)) {
            let Some(target) = field.get_mut(..text.len()) else {
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!(
                        "a text of {} bytes does not fit the array's fields of {width} bytes",
                        text.len()
                    ),
                ));
            };
            target.copy_from_slice(text.as_bytes());
        }
        // SAFETY: the fields in memory have `width` bytes, and there are `count` of them.
        unsafe { self.write_raw(bytes.as_ptr().cast()) }
    }

    /// # Safety
    /// `buffer` has room for `count` elements of the type in memory.
    unsafe fn read_raw(&self, buffer: *mut c_void) -> Result<()> {
        let memory = self.elements.memory();
        match &self.place {
            Place::Dataset { id, selected } => {
                call!(H5Dread(*id, memory, self.memory_space.id(), selected.id(), H5P_DEFAULT, buffer))
            }
            Place::Attribute { id } => call!(H5Aread(*id, memory, buffer)),
        }
        .map(drop)
    }

    /// # Safety
    /// `buffer` holds `count` elements of the type in memory.
    unsafe fn write_raw(&self, buffer: *const c_void) -> Result<()> {
        let memory = self.elements.memory();
        match &self.place {
            Place::Dataset { id, selected } => {
                call!(H5Dwrite(*id, memory, self.memory_space.id(), selected.id(), H5P_DEFAULT, buffer))
            }
            Place::Attribute { id } => call!(H5Awrite(*id, memory, buffer)),
        }
        .map(drop)
    }
}

/// A dataspace of the given axis lengths; `maximum` defaults to them.
pub(crate) fn space(lengths: &[u64], maximum: Option<&[u64]>) -> Result<Handle> {
    if lengths.is_empty() {
        return Ok(Handle::owned(call!(H5Screate(H5S_SCALAR))?));
    }
    let maximum = maximum.map_or(std::ptr::null(), <[u64]>::as_ptr);
    Ok(Handle::owned(call!(H5Screate_simple(lengths.len() as i32, lengths.as_ptr(), maximum))?))
}

fn swap_times(values: &mut Values) {
    if let Values::DateTime64(_, counts) | Values::TimeDelta64(_, counts) = values {
        counts.iter_mut().for_each(|count| *count = count.swap_bytes());
    }
}

fn utf8(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|error| {
        Error::new(ErrorKind::Corrupt, "an element of the text array is not UTF-8").caused_by(error)
    })
}

fn c_text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "text elements cannot contain the character NUL").caused_by(error)
    })
}
