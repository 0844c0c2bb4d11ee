//! The HDF5 types of elements: which one a dtype is stored as, and which dtype a stored type is read as.
//!
//! What is written is what h5py writes, or reads as the corresponding NumPy type: enumerations `FALSE`/`TRUE` for
//! `bool`, compounds `r`/`i` for complex numbers, null-padded strings for fixed-length bytes, variable-length UTF-8 for
//! text, and opaque types tagged `NUMPY:<M8[ns]` for times, as `h5py.opaque_dtype` makes them. More is
//! understood than is written.

use super::library::{Handle, failure};
use fascicle_backend::{DType, Error, ErrorKind, Result, TimeUnit};
use hdf5_sys::{h5::H5free_memory, h5i::hid_t, h5t::*};
use std::ffi::{CStr, CString, c_char};

/// How elements come out of the library and go into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As the dtype has them in memory.
    Native,
    /// As 8 bytes of the other byte order, which the library does not know to be a number.
    SwappedTime,
    /// As text in a field of so many bytes.
    FixedText(u32),
    /// As pointers to text that the library allocated.
    VariableText,
}

/// The type of stored elements, with the type they have in memory.
#[derive(Debug)]
pub(crate) struct ElementType {
    /// What they are for the user.
    pub(crate) dtype: DType,
    /// How they cross the library's border.
    pub(crate) form: Form,
    memory: Handle,
}

impl ElementType {
    /// The library's type of the elements in memory.
    pub(crate) fn memory(&self) -> hid_t {
        self.memory.id()
    }

    /// The type that new arrays of `dtype` have, in files as in memory.
    pub(crate) fn for_writing(dtype: DType) -> Result<Self> {
        let form = if dtype == DType::Text { Form::VariableText } else { Form::Native };
        let memory = match dtype {
            DType::Bool => bool_type(c"FALSE", c"TRUE")?,
            DType::Complex64 => complex_type(DType::Float32)?,
            DType::Complex128 => complex_type(DType::Float64)?,
            DType::FixedBytes(width) => string_type(width as usize, H5T_CSET_ASCII, H5T_STR_NULLPAD)?,
            DType::Text => string_type(H5T_VARIABLE, H5T_CSET_UTF8, H5T_STR_NULLTERM)?,
            DType::DateTime64(unit) => time_type('M', unit)?,
            DType::TimeDelta64(unit) => time_type('m', unit)?,
            number => number_type(number)?,
        };
        Ok(ElementType { dtype, form, memory })
    }

    /// What the elements of a stored type are read as.
    ///
    /// - Errors: `Unsupported` for a type that no dtype corresponds to, naming it.
    pub(crate) fn of_stored(stored: &Handle) -> Result<Self> {
        let found = match raw_call!(H5Tget_class(stored.id())) {
            H5T_INTEGER | H5T_FLOAT => number(stored)?,
            H5T_ENUM => stored_bool(stored)?,
            H5T_STRING => stored_string(stored)?,
            H5T_COMPOUND => stored_complex(stored)?,
            H5T_COMPLEX => stored_complex_number(stored)?,
            H5T_OPAQUE => stored_time(stored)?,
            _ => None,
        };
        found.ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the elements have the HDF5 type {}, which corresponds to no dtype",
                    describe(stored)
                ),
            )
            .hint("read it with an HDF5 library, for example h5py")
        })
    }

    fn native(dtype: DType) -> Result<Option<Self>> {
        ElementType::for_writing(dtype).map(Some)
    }
}

/// The native type of an integer or a float.
fn number_type(dtype: DType) -> Result<Handle> {
    let copied = |id: hid_t| Ok(Handle::owned(call!(H5Tcopy(id))?));
    match dtype {
        DType::Int8 => copied(raw_call!(*H5T_NATIVE_INT8)),
        DType::Int16 => copied(raw_call!(*H5T_NATIVE_INT16)),
        DType::Int32 => copied(raw_call!(*H5T_NATIVE_INT32)),
        DType::Int64 => copied(raw_call!(*H5T_NATIVE_INT64)),
        DType::UInt8 => copied(raw_call!(*H5T_NATIVE_UINT8)),
        DType::UInt16 => copied(raw_call!(*H5T_NATIVE_UINT16)),
        DType::UInt32 => copied(raw_call!(*H5T_NATIVE_UINT32)),
        DType::UInt64 => copied(raw_call!(*H5T_NATIVE_UINT64)),
        DType::Float32 => copied(raw_call!(*H5T_NATIVE_FLOAT)),
        DType::Float64 => copied(raw_call!(*H5T_NATIVE_DOUBLE)),
        DType::Float16 => {
            let half = copied(raw_call!(*H5T_NATIVE_FLOAT))?;
            call!(H5Tset_fields(half.id(), 15, 10, 5, 0, 10))?;
            call!(H5Tset_size(half.id(), 2))?;
            call!(H5Tset_ebias(half.id(), 15))?;
            Ok(half)
        }
        other => Err(Error::new(ErrorKind::Internal, format!("{other} is not a number"))),
    }
}

fn bool_type(no: &CStr, yes: &CStr) -> Result<Handle> {
    let flag = Handle::owned(call!(H5Tenum_create(*H5T_NATIVE_INT8))?);
    for (name, value) in [(no, 0i8), (yes, 1)] {
        call!(H5Tenum_insert(flag.id(), name.as_ptr(), (&raw const value).cast()))?;
    }
    Ok(flag)
}

fn complex_type(part: DType) -> Result<Handle> {
    let part_bytes = part.memory_bytes();
    let part = number_type(part)?;
    let complex = Handle::owned(call!(H5Tcreate(H5T_COMPOUND, 2 * part_bytes))?);
    call!(H5Tinsert(complex.id(), c"r".as_ptr(), 0, part.id()))?;
    call!(H5Tinsert(complex.id(), c"i".as_ptr(), part_bytes, part.id()))?;
    Ok(complex)
}

/// A string type of `size` bytes, or of any length for [`H5T_VARIABLE`].
pub(crate) fn string_type(size: usize, characters: H5T_cset_t, padding: H5T_str_t) -> Result<Handle> {
    let string = Handle::owned(call!(H5Tcopy(*H5T_C_S1))?);
    call!(H5Tset_size(string.id(), size))?;
    call!(H5Tset_cset(string.id(), characters))?;
    call!(H5Tset_strpad(string.id(), padding))?;
    Ok(string)
}

fn time_type(kind: char, unit: TimeUnit) -> Result<Handle> {
    let order = if cfg!(target_endian = "little") { '<' } else { '>' };
    let tag = CString::new(format!("NUMPY:{order}{kind}8[{}]", unit.code()))
        .map_err(|error| Error::new(ErrorKind::Internal, "a tag contains NUL").caused_by(error))?;
    let time = Handle::owned(call!(H5Tcreate(H5T_OPAQUE, 8))?);
    call!(H5Tset_tag(time.id(), tag.as_ptr()))?;
    Ok(time)
}

/// An integer or float of a width we know, in any byte order, which the library converts.
fn number(stored: &Handle) -> Result<Option<ElementType>> {
    let native_order = if cfg!(target_endian = "little") { H5T_ORDER_LE } else { H5T_ORDER_BE };
    let ordered = Handle::owned(call!(H5Tcopy(stored.id()))?);
    call!(H5Tset_order(ordered.id(), native_order))?;
    let numbers = DType::PLAIN.into_iter();
    for dtype in numbers.filter(|dtype| !matches!(dtype, DType::Bool | DType::Complex64 | DType::Complex128))
    {
        let candidate = ElementType::for_writing(dtype)?;
        if equal(ordered.id(), candidate.memory())? {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// An enumeration of two members `false` and `true`, in any case, of the values 0 and 1.
fn stored_bool(stored: &Handle) -> Result<Option<ElementType>> {
    if raw_call!(H5Tget_nmembers(stored.id())) != 2 {
        return Ok(None);
    }
    let names = [member_name(stored, 0)?, member_name(stored, 1)?];
    let [first, second] = names.each_ref().map(|name| name.to_string_lossy().to_ascii_lowercase());
    let [no, yes] = match (first.as_str(), second.as_str()) {
        ("false", "true") => names,
        ("true", "false") => {
            let [yes, no] = names;
            [no, yes]
        }
        _ => return Ok(None),
    };
    let memory = bool_type(&no, &yes)?;
    // Conversion goes by names and would turn values other than 0 and 1 around silently.
    for (name, expected) in [(&no, 0), (&yes, 1)] {
        if enumerated_value(stored, name)? != Some(expected) {
            return Ok(None);
        }
    }
    Ok(Some(ElementType { dtype: DType::Bool, form: Form::Native, memory }))
}

/// The value of a member of an enumeration over an integer of up to 8 bytes.
fn enumerated_value(stored: &Handle, name: &CStr) -> Result<Option<u64>> {
    let mut bytes = [0u8; 8];
    let width = raw_call!(H5Tget_size(stored.id()));
    if width > bytes.len() {
        return Ok(None);
    }
    call!(H5Tenum_valueof(stored.id(), name.as_ptr(), bytes.as_mut_ptr().cast()))?;
    let Some(value) = bytes.get_mut(..width) else { return Ok(None) };
    if raw_call!(H5Tget_order(stored.id())) == H5T_ORDER_BE {
        value.reverse();
    }
    Ok(Some(u64::from_le_bytes(bytes)))
}

fn stored_string(stored: &Handle) -> Result<Option<ElementType>> {
    let characters = raw_call!(H5Tget_cset(stored.id()));
    if !matches!(characters, H5T_CSET_ASCII | H5T_CSET_UTF8) {
        return Ok(None);
    }
    if call!(H5Tis_variable_str(stored.id()))? > 0 {
        let memory = string_type(H5T_VARIABLE, characters, H5T_STR_NULLTERM)?;
        return Ok(Some(ElementType { dtype: DType::Text, form: Form::VariableText, memory }));
    }
    let size = raw_call!(H5Tget_size(stored.id()));
    let Ok(DType::FixedBytes(width)) = DType::FixedBytes(u32::try_from(size).unwrap_or(u32::MAX)).check()
    else {
        return Ok(None);
    };
    let memory = string_type(size, characters, H5T_STR_NULLPAD)?;
    Ok(Some(match characters {
        H5T_CSET_UTF8 => ElementType { dtype: DType::Text, form: Form::FixedText(width), memory },
        _ => ElementType { dtype: DType::FixedBytes(width), form: Form::Native, memory },
    }))
}

/// A compound of the members `r` and `i`, in any order, floats of one type.
fn stored_complex(stored: &Handle) -> Result<Option<ElementType>> {
    if raw_call!(H5Tget_nmembers(stored.id())) != 2 {
        return Ok(None);
    }
    let mut names = [member_name(stored, 0)?, member_name(stored, 1)?];
    names.sort();
    if names.each_ref().map(|name| name.to_bytes()) != [b"i".as_slice(), b"r"] {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for member in 0..2 {
        let part = Handle::owned(call!(H5Tget_member_type(stored.id(), member))?);
        let class = raw_call!(H5Tget_class(part.id()));
        parts.push(if class == H5T_FLOAT { number(&part)?.map(|part| part.dtype) } else { None });
    }
    match parts.as_slice() {
        [Some(DType::Float32), Some(DType::Float32)] => ElementType::native(DType::Complex64),
        [Some(DType::Float64), Some(DType::Float64)] => ElementType::native(DType::Complex128),
        _ => Ok(None),
    }
}

/// A complex number of HDF5 2.0.
fn stored_complex_number(stored: &Handle) -> Result<Option<ElementType>> {
    let part = Handle::owned(call!(H5Tget_super(stored.id()))?);
    let Some(part) = number(&part)? else { return Ok(None) };
    let dtype = match part.dtype {
        DType::Float32 => DType::Complex64,
        DType::Float64 => DType::Complex128,
        _ => return Ok(None),
    };
    let memory = Handle::owned(call!(H5Tcomplex_create(part.memory()))?);
    Ok(Some(ElementType { dtype, form: Form::Native, memory }))
}

/// Eight opaque bytes with NumPy's name of a time as tag.
fn stored_time(stored: &Handle) -> Result<Option<ElementType>> {
    if raw_call!(H5Tget_size(stored.id())) != 8 {
        return Ok(None);
    }
    let tag = library_text(raw_call!(H5Tget_tag(stored.id())))?;
    let tag = tag.to_string_lossy();
    let Some(name) = tag.strip_prefix("NUMPY:") else { return Ok(None) };
    let (order, name) = match name.strip_prefix(['<', '>']) {
        Some(rest) => (name.chars().next(), rest),
        None => (None, name.trim_start_matches(['=', '|'])),
    };
    let parts = name.strip_suffix(']').and_then(|name| name.split_once("8["));
    let Some((kind, unit)) = parts else { return Ok(None) };
    let dtype = match (kind, TimeUnit::from_code(unit)) {
        ("M", Some(unit)) => DType::DateTime64(unit),
        ("m", Some(unit)) => DType::TimeDelta64(unit),
        _ => return Ok(None),
    };
    let other_order = if cfg!(target_endian = "little") { '>' } else { '<' };
    let form = if order == Some(other_order) { Form::SwappedTime } else { Form::Native };
    // The library converts between opaque types of one tag only, so the stored type is the type in memory.
    let memory = Handle::owned(call!(H5Tcopy(stored.id()))?);
    Ok(Some(ElementType { dtype, form, memory }))
}

fn equal(a: hid_t, b: hid_t) -> Result<bool> {
    Ok(call!(H5Tequal(a, b))? > 0)
}

fn member_name(stored: &Handle, member: u32) -> Result<CString> {
    library_text(raw_call!(H5Tget_member_name(stored.id(), member)))
}

/// Copies and frees text that the library allocated.
fn library_text(text: *mut c_char) -> Result<CString> {
    if text.is_null() {
        return Err(failure(hdf5::Error::query().unwrap_or_else(|error| error)));
    }
    // SAFETY: the library hands out text that ends with NUL and belongs to the caller.
    let copy = unsafe { CStr::from_ptr(text) }.to_owned();
    raw_call!(H5free_memory(text.cast()));
    Ok(copy)
}

/// The stored type in words.
fn describe(stored: &Handle) -> String {
    let class = match raw_call!(H5Tget_class(stored.id())) {
        H5T_INTEGER => "integer",
        H5T_FLOAT => "float",
        H5T_TIME => "time",
        H5T_STRING => "string",
        H5T_BITFIELD => "bit field",
        H5T_OPAQUE => "opaque",
        H5T_COMPOUND => "compound",
        H5T_REFERENCE => "reference",
        H5T_ENUM => "enumeration",
        H5T_VLEN => "variable-length sequence",
        H5T_ARRAY => "array",
        H5T_COMPLEX => "complex",
        _ => "unknown",
    };
    let bytes = raw_call!(H5Tget_size(stored.id()));
    if class != "opaque" {
        return format!("'{class}' of {bytes} bytes");
    }
    match library_text(raw_call!(H5Tget_tag(stored.id()))) {
        Ok(tag) => format!("'opaque' of {bytes} bytes, tagged '{}'", tag.to_string_lossy().escape_debug()),
        Err(_) => format!("'opaque' of {bytes} bytes"),
    }
}
