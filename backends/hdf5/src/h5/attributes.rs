//! Attributes of an entry as HDF5 attributes.
//!
//! What NumPy has a type for is stored as h5py stores it: booleans, integers of 64 bits, floats of 64 bits, text, and lists of
//! one of these. Everything else is JSON text under the name with the prefix [`JSON_PREFIX`].

use super::{
    dataset::{Dataset, extent},
    dtype::ElementType,
    elements::{Stored, space},
    library::Handle,
    open::reading,
};
use fascicle_backend::{Attributes, DType, Error, ErrorKind, Result, Shape, Values};
use hdf5_sys::{
    h5::{H5_index_t, H5_iter_order_t},
    h5a::*,
    h5i::hid_t,
    h5p::{H5P_CLS_ATTRIBUTE_CREATE, H5P_DEFAULT, H5Pcreate, H5Pset_char_encoding},
    h5s::H5Sget_simple_extent_npoints,
    h5t::{
        H5T_CSET_UTF8, H5T_REFERENCE, H5T_direction_t, H5Tdetect_class, H5Tget_native_type, H5Tget_size,
        H5Treclaim,
    },
};
use serde_json::{Number, Value};
use std::{
    ffi::{CStr, CString},
    path::Path,
};

/// Before the names of attributes that are stored as JSON text.
const JSON_PREFIX: &str = "json:";
/// The most elements an attribute may have to be read.
const MOST_ELEMENTS: u64 = 1 << 20;

/// The attributes of the array in the file.
pub(crate) fn read_attributes(path: &Path) -> Result<Attributes> {
    reading(path, |file, _| read_all(&Dataset::open(&file)?))
}

/// Replaces the attributes that are readable as such; others, as references to dimension scales, stay.
pub(crate) fn replace_attributes(dataset: &Dataset, attributes: &Attributes) -> Result<()> {
    for name in attribute_names(dataset.id())? {
        let readable = read_one(dataset.id(), &name)?.is_some();
        let replaced = name.to_str().is_ok_and(|name| attributes.contains_key(name));
        if readable || replaced {
            call!(H5Adelete(dataset.id(), name.as_ptr()))?;
        }
    }
    attributes.iter().try_for_each(|(name, value)| write_attribute(dataset, name, value))
}

/// Adds an attribute.
pub(crate) fn write_attribute(dataset: &Dataset, name: &str, value: &Value) -> Result<()> {
    let plain = if name.starts_with(JSON_PREFIX) { None } else { plain_elements(value)? };
    match plain {
        Some((shape, values)) => write_elements(dataset.id(), name, &shape, &values),
        None => {
            let text = Values::Text(vec![value.to_string()]);
            write_elements(dataset.id(), &format!("{JSON_PREFIX}{name}"), &Shape::scalar(), &text)
        }
    }
}

fn write_elements(object: hid_t, name: &str, shape: &Shape, values: &Values) -> Result<()> {
    let name = CString::new(name).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "the name of an attribute cannot contain NUL").caused_by(error)
    })?;
    let elements = ElementType::for_writing(values.dtype())?;
    let properties = Handle::owned(call!(H5Pcreate(*H5P_CLS_ATTRIBUTE_CREATE))?);
    call!(H5Pset_char_encoding(properties.id(), H5T_CSET_UTF8))?;
    let space = space(shape, None)?;
    let attribute = Handle::owned(call!(H5Acreate2(
        object,
        name.as_ptr(),
        elements.memory(),
        space.id(),
        properties.id(),
        H5P_DEFAULT
    ))?);
    Stored::in_attribute(attribute.id(), &elements, shape)?.write(values)
}

/// The elements of a value that HDF5 has a type for; `None` for every other, and where the way back would not lead to the
/// same value.
fn plain_elements(value: &Value) -> Result<Option<(Shape, Values)>> {
    if let Value::Array(items) = value {
        let shape = Shape::new([items.len() as u64])?;
        return Ok(list_elements(items).map(|values| (shape, values)));
    }
    Ok(list_elements(std::slice::from_ref(value)).map(|values| (Shape::scalar(), values)))
}

fn list_elements(items: &[Value]) -> Option<Values> {
    fn all<T>(items: &[Value], convert: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
        items.iter().map(convert).collect()
    }
    match items.first()? {
        Value::Bool(_) => all(items, Value::as_bool).map(Values::Bool),
        Value::String(_) => {
            let text = |value: &Value| value.as_str().filter(|text| !text.contains('\0')).map(str::to_owned);
            all(items, text).map(Values::Text)
        }
        Value::Number(first) if first.is_f64() => {
            // `as_f64` would make floats of integers.
            all(items, |value| value.as_f64().filter(|_| value.is_f64())).map(Values::Float64)
        }
        Value::Number(_) => all(items, Value::as_i64)
            .map(Values::Int64)
            .or_else(|| all(items, Value::as_u64).map(Values::UInt64)),
        _ => None,
    }
}

fn read_all(dataset: &Dataset) -> Result<Attributes> {
    let mut attributes = Attributes::new();
    for name in attribute_names(dataset.id())? {
        let Ok(text) = name.to_str() else { continue };
        let Some(value) = read_one(dataset.id(), &name)? else { continue };
        match text.strip_prefix(JSON_PREFIX) {
            Some(name) => {
                let json = value.as_str().ok_or_else(|| damaged(name))?;
                let value = serde_json::from_str(json).map_err(|error| damaged(name).caused_by(error))?;
                attributes.insert(name.to_owned(), value)
            }
            None => attributes.insert(text.to_owned(), value),
        };
    }
    Ok(attributes)
}

fn damaged(name: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the attribute '{JSON_PREFIX}{name}' holds no JSON"))
}

/// The value of an attribute; `None` for a type or a size that JSON has no good place for.
fn read_one(object: hid_t, name: &CStr) -> Result<Option<Value>> {
    let attribute = Handle::owned(call!(H5Aopen(object, name.as_ptr(), H5P_DEFAULT))?);
    let stored_type = Handle::owned(call!(H5Aget_type(attribute.id()))?);
    let unsupported = |error: &Error| error.kind() == ErrorKind::Unsupported;
    let elements = match ElementType::of_stored(&stored_type) {
        Err(error) if unsupported(&error) => return Ok(None),
        other => other?,
    };
    let shape = match extent(&Handle::owned(call!(H5Aget_space(attribute.id()))?)) {
        Err(error) if unsupported(&error) => return Ok(None),
        other => other?.0,
    };
    if shape.element_count() > MOST_ELEMENTS {
        return Ok(None);
    }
    let mut values = Values::zeros(elements.dtype, shape.element_count())?;
    Stored::in_attribute(attribute.id(), &elements, &shape)?.read(&mut values)?;
    let Some(items) = json_items(values) else { return Ok(None) };
    Ok(Some(nested(&mut items.into_iter(), &shape)))
}

/// The elements one by one; `None` for dtypes that JSON cannot express.
fn json_items(values: Values) -> Option<Vec<Value>> {
    fn floats(values: impl IntoIterator<Item = f64>) -> Vec<Value> {
        // JSON has no infinity and no NaN; their names are the best it can hold.
        let float =
            |value: f64| Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number);
        values.into_iter().map(float).collect()
    }
    fn integers<T: Into<Value>>(values: Vec<T>) -> Vec<Value> {
        values.into_iter().map(Into::into).collect()
    }
    Some(match values {
        Values::Bool(values) => integers(values),
        Values::Int8(values) => integers(values),
        Values::Int16(values) => integers(values),
        Values::Int32(values) => integers(values),
        Values::Int64(values) => integers(values),
        Values::UInt8(values) => integers(values),
        Values::UInt16(values) => integers(values),
        Values::UInt32(values) => integers(values),
        Values::UInt64(values) => integers(values),
        Values::Float16(values) => floats(values.into_iter().map(f64::from)),
        Values::Float32(values) => floats(values.into_iter().map(f64::from)),
        Values::Float64(values) => floats(values),
        Values::Text(values) => integers(values),
        Values::FixedBytes { width, bytes } => {
            let text = |field: &[u8]| {
                std::str::from_utf8(field).ok().map(|text| Value::from(text.trim_end_matches('\0')))
            };
            bytes.chunks_exact(width as usize).map(text).collect::<Option<_>>()?
        }
        Values::Complex64(_) | Values::Complex128(_) | Values::DateTime64(..) | Values::TimeDelta64(..) => {
            return None;
        }
    })
}

/// The items as lists in lists of the given lengths.
fn nested(items: &mut impl Iterator<Item = Value>, lengths: &[u64]) -> Value {
    match lengths.split_first() {
        None => items.next().unwrap_or(Value::Null),
        Some((length, inner)) => (0..*length).map(|_| nested(items, inner)).collect(),
    }
}

fn attribute_names(object: hid_t) -> Result<Vec<CString>> {
    unsafe extern "C" fn collect(
        _object: hid_t,
        name: *const std::ffi::c_char,
        _info: *const H5A_info_t,
        names: *mut std::ffi::c_void,
    ) -> i32 {
        // SAFETY: the library passes on the pointer it was given below, and a name that ends with NUL.
        unsafe { (*names.cast::<Vec<CString>>()).push(CStr::from_ptr(name).to_owned()) };
        0
    }
    let mut names: Vec<CString> = Vec::new();
    let (index, order) = (H5_index_t::H5_INDEX_NAME, H5_iter_order_t::H5_ITER_INC);
    call!(H5Aiterate2(object, index, order, std::ptr::null_mut(), Some(collect), (&raw mut names).cast()))?;
    Ok(names)
}

/// Copies the attributes of one object to another as they are stored. References are left out: they point to places in
/// the file they stand in.
pub(crate) fn copy_attributes(from: hid_t, to: hid_t) -> Result<()> {
    for name in attribute_names(from)? {
        let source = Handle::owned(call!(H5Aopen(from, name.as_ptr(), H5P_DEFAULT))?);
        let stored_type = Handle::owned(call!(H5Aget_type(source.id()))?);
        if call!(H5Tdetect_class(stored_type.id(), H5T_REFERENCE))? > 0 {
            continue;
        }
        let space = Handle::owned(call!(H5Aget_space(source.id()))?);
        let memory =
            Handle::owned(call!(H5Tget_native_type(stored_type.id(), H5T_direction_t::H5T_DIR_ASCEND))?);
        let properties = Handle::owned(call!(H5Aget_create_plist(source.id()))?);
        let target = Handle::owned(call!(H5Acreate2(
            to,
            name.as_ptr(),
            stored_type.id(),
            space.id(),
            properties.id(),
            H5P_DEFAULT
        ))?);
        let count = raw_call!(H5Sget_simple_extent_npoints(space.id()));
        if count <= 0 {
            continue;
        }
        let bytes = u64::try_from(count).unwrap_or(0).checked_mul(raw_call!(H5Tget_size(memory.id())) as u64);
        let mut buffer = Values::zeros(DType::UInt8, bytes.unwrap_or(u64::MAX))?;
        let Some(buffer) = buffer.bytes_mut() else { continue };
        call!(H5Aread(source.id(), memory.id(), buffer.as_mut_ptr().cast()))?;
        let written = call!(H5Awrite(target.id(), memory.id(), buffer.as_ptr().cast()));
        call!(H5Treclaim(memory.id(), space.id(), H5P_DEFAULT, buffer.as_mut_ptr().cast()))?;
        written?;
    }
    Ok(())
}
