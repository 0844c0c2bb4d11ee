//! The column that holds an array: one row for each position of the first axis.
//!
//! | array | column `data` |
//! |---|---|
//! | one axis, or none | a plain column, of one row for a scalar |
//! | more axes | fixed-size lists, with the extension type `arrow.fixed_shape_tensor` where it has one |
//! | complex numbers | as with one axis more, of the real and the imaginary part |
//! | more axes of fixed-length bytes | as with one axis more, of the bytes |
//! | rows without elements | nulls, of type bool |

use crate::array_type::ArrayType;
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, StringArray, cast::AsArray, make_array, new_null_array,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field, FieldRef, TimeUnit as ArrowUnit};
use fascicle_backend::{DType, Error, ErrorKind, Result, TimeUnit, Values};
use serde_json::json;
use std::{collections::HashMap, ops::Range, sync::Arc};

/// The name of the column.
pub(crate) const COLUMN: &str = "data";

/// The metadata of a field that name its extension type, and the type's own.
pub(crate) const EXTENSION_NAME: &str = "ARROW:extension:name";
pub(crate) const EXTENSION_METADATA: &str = "ARROW:extension:metadata";
/// The canonical extension type of arrays whose rows have one shape.
pub(crate) const TENSOR: &str = "arrow.fixed_shape_tensor";

/// The bits of "not a time"; a null in the column.
const NOT_A_TIME: i64 = i64::MIN;

/// Whether the column holds a value for each row and no lists.
fn is_plain(array: &ArrayType) -> bool {
    let is_flat = array.trailing.as_ref().is_none_or(Vec::is_empty);
    is_flat && !matches!(array.dtype, DType::Complex64 | DType::Complex128)
}

/// How many values of the column make an element.
fn values_per_element(array: &ArrayType) -> u64 {
    match array.dtype {
        DType::Complex64 | DType::Complex128 => 2,
        DType::FixedBytes(width) if !is_plain(array) => u64::from(width),
        _ => 1,
    }
}

/// The type of the column's values.
fn leaf(array: &ArrayType) -> DataType {
    match array.dtype {
        DType::Bool => DataType::Boolean,
        DType::Int8 => DataType::Int8,
        DType::Int16 => DataType::Int16,
        DType::Int32 => DataType::Int32,
        DType::Int64 => DataType::Int64,
        DType::UInt8 => DataType::UInt8,
        DType::UInt16 => DataType::UInt16,
        DType::UInt32 => DataType::UInt32,
        DType::UInt64 => DataType::UInt64,
        DType::Float16 => DataType::Float16,
        DType::Float32 | DType::Complex64 => DataType::Float32,
        DType::Float64 | DType::Complex128 => DataType::Float64,
        // Longer ones are refused when a dtype is checked.
        DType::FixedBytes(_) if !is_plain(array) => DataType::UInt8,
        DType::FixedBytes(width) => DataType::FixedSizeBinary(i32::try_from(width).unwrap_or(i32::MAX)),
        DType::Text => DataType::Utf8,
        // Parquet has no other units, and nothing for spans of time, which Arrow's own schema in the file restores.
        DType::DateTime64(unit) => match arrow_unit(unit) {
            None | Some(ArrowUnit::Second) => DataType::Int64,
            Some(unit) => DataType::Timestamp(unit, None),
        },
        DType::TimeDelta64(unit) => arrow_unit(unit).map_or(DataType::Int64, DataType::Duration),
    }
}

fn arrow_unit(unit: TimeUnit) -> Option<ArrowUnit> {
    match unit {
        TimeUnit::Second => Some(ArrowUnit::Second),
        TimeUnit::Millisecond => Some(ArrowUnit::Millisecond),
        TimeUnit::Microsecond => Some(ArrowUnit::Microsecond),
        TimeUnit::Nanosecond => Some(ArrowUnit::Nanosecond),
        TimeUnit::Day | TimeUnit::Hour | TimeUnit::Minute => None,
    }
}

fn is_time(dtype: DType) -> bool {
    matches!(dtype, DType::DateTime64(_) | DType::TimeDelta64(_))
}

/// The column's lists, if it has any: how many values each holds.
fn list_length(array: &ArrayType) -> Result<Option<i32>> {
    if is_plain(array) || array.row_elements() == 0 {
        return Ok(None);
    }
    let length = array
        .row_elements()
        .checked_mul(values_per_element(array))
        .and_then(|length| i32::try_from(length).ok());
    length.map(Some).ok_or_else(|| {
        let why =
            format!("a row of the array has {} elements, which Parquet cannot keep", array.row_elements());
        Error::new(ErrorKind::LimitExceeded, why).hint("give the array another first axis")
    })
}

/// The column of an array. Errors: `LimitExceeded` for rows that are too long.
pub(crate) fn field(array: &ArrayType, axes: Option<&[String]>) -> Result<Field> {
    if array.row_elements() == 0 {
        return Ok(Field::new(COLUMN, DataType::Boolean, true));
    }
    let Some(length) = list_length(array)? else {
        return Ok(Field::new(COLUMN, leaf(array), is_time(array.dtype)));
    };
    // Other programs expect a nullable item.
    let item = Arc::new(Field::new("element", leaf(array), true));
    let list = Field::new(COLUMN, DataType::FixedSizeList(item, length), false);
    // The extension type is for values of a fixed width.
    if array.dtype == DType::Text {
        return Ok(list);
    }
    let mut shape = array.trailing.clone().unwrap_or_default();
    let mut names: Option<Vec<&str>> = axes.map(|axes| axes.iter().skip(1).map(String::as_str).collect());
    if let Some(name) = match array.dtype {
        DType::Complex64 | DType::Complex128 => Some("complex"),
        DType::FixedBytes(_) => Some("byte"),
        _ => None,
    } {
        shape.push(values_per_element(array));
        if let Some(names) = &mut names {
            names.push(name);
        }
    }
    let mut tensor = json!({"shape": shape});
    if let (Some(fields), Some(names)) = (tensor.as_object_mut(), names) {
        fields.insert("dim_names".to_owned(), json!(names));
    }
    Ok(list.with_metadata(HashMap::from([
        (EXTENSION_NAME.to_owned(), TENSOR.to_owned()),
        (EXTENSION_METADATA.to_owned(), tensor.to_string()),
    ])))
}

/// Whether a column holds values as that of `array` does, whatever its fields are called.
pub(crate) fn holds(array: &ArrayType, column: &DataType) -> Result<bool> {
    if array.row_elements() == 0 {
        return Ok(*column == DataType::Boolean);
    }
    Ok(match (list_length(array)?, column) {
        (Some(length), DataType::FixedSizeList(item, items)) => {
            *items == length && holds_values(array, item.data_type())
        }
        (None, column) => holds_values(array, column),
        _ => false,
    })
}

fn holds_values(array: &ArrayType, column: &DataType) -> bool {
    let is_text = matches!(column, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    *column == leaf(array) || array.dtype == DType::Text && is_text
}

/// The elements `range` of `values`, which are `rows` rows, as the column's.
pub(crate) fn to_arrow(
    array: &ArrayType,
    rows: usize,
    values: &Values,
    range: Range<usize>,
) -> Result<ArrayRef> {
    if array.row_elements() == 0 {
        return Ok(new_null_array(&DataType::Boolean, rows));
    }
    let values = leaf_to_arrow(array, values, range)?;
    let Some(length) = list_length(array)? else { return Ok(values) };
    let item: FieldRef = match field(array, None)?.data_type() {
        DataType::FixedSizeList(item, _) => Arc::clone(item),
        other => return Err(internal(format!("a column of {other} has no items"))),
    };
    FixedSizeListArray::try_new(item, length, values, None)
        .map(|lists| Arc::new(lists) as ArrayRef)
        .map_err(|error| internal("elements make no rows".to_owned()).caused_by(error))
}

fn leaf_to_arrow(array: &ArrayType, values: &Values, range: Range<usize>) -> Result<ArrayRef> {
    let outside = || internal(format!("there are no elements {range:?}"));
    if let Some(texts) = values.as_text() {
        let texts = texts.get(range.clone()).ok_or_else(outside)?;
        return Ok(Arc::new(StringArray::from_iter_values(texts)));
    }
    if let Values::Bool(bools) = values {
        let bools = bools.get(range.clone()).ok_or_else(outside)?;
        return Ok(Arc::new(BooleanArray::new(BooleanBuffer::from(bools), None)));
    }
    let width = array.dtype.fixed_bytes().unwrap_or(1);
    let bytes = values.as_bytes().and_then(|bytes| bytes.get(range.start * width..range.end * width));
    let bytes = bytes.ok_or_else(outside)?;
    let count = range.len() * usize::try_from(values_per_element(array)).unwrap_or(1);
    let nulls = is_time(array.dtype).then(|| {
        let times = bytes.chunks_exact(8).map(|time| time != NOT_A_TIME.to_le_bytes());
        NullBuffer::new(times.collect())
    });
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    let data = ArrayData::builder(leaf(array)).len(count).add_buffer(Buffer::from(bytes)).nulls(nulls);
    let data =
        data.build().map_err(|error| internal("elements make no column".to_owned()).caused_by(error))?;
    Ok(make_array(data))
}

/// The elements of rows of a column that [`holds`] allowed. Errors: the reason why they are none.
pub(crate) fn from_arrow(array: &ArrayType, column: &ArrayRef) -> Result<Values> {
    if array.row_elements() == 0 {
        return Values::zeros(array.dtype, 0);
    }
    match column.as_fixed_size_list_opt() {
        None => leaf_from_arrow(array, column),
        Some(lists) if lists.null_count() > 0 => Err(nulls()),
        Some(lists) => leaf_from_arrow(array, lists.values()),
    }
}

fn leaf_from_arrow(array: &ArrayType, column: &ArrayRef) -> Result<Values> {
    let dtype = array.dtype;
    if column.null_count() > 0 && !is_time(dtype) {
        return Err(nulls());
    }
    match dtype {
        DType::Text => texts_from_arrow(column),
        DType::Bool => {
            let bools = column.as_boolean_opt().ok_or_else(|| other_type(column))?;
            Ok(Values::Bool(bools.values().iter().collect()))
        }
        _ => {
            let data = column.to_data();
            let width = dtype.fixed_bytes().unwrap_or(1);
            let per_element = usize::try_from(values_per_element(array)).unwrap_or(1);
            let begin = data.offset().checked_mul(width / per_element);
            let bytes = data.len().checked_mul(width / per_element);
            let bytes = begin.zip(bytes).and_then(|(begin, bytes)| {
                data.buffers().first()?.as_slice().get(begin..begin.checked_add(bytes)?)
            });
            let mut values = Values::from_bytes(dtype, bytes.ok_or_else(|| other_type(column))?)?;
            if let (Values::DateTime64(_, times) | Values::TimeDelta64(_, times), Some(nulls)) =
                (&mut values, column.nulls())
            {
                for (time, is_valid) in times.iter_mut().zip(nulls) {
                    if !is_valid {
                        *time = NOT_A_TIME;
                    }
                }
            }
            Ok(values)
        }
    }
}

fn texts_from_arrow(column: &ArrayRef) -> Result<Values> {
    let texts: Vec<String> = match column.data_type() {
        DataType::Utf8 => owned(column.as_string::<i32>().iter()),
        DataType::LargeUtf8 => owned(column.as_string::<i64>().iter()),
        DataType::Utf8View => owned(column.as_string_view().iter()),
        _ => return Err(other_type(column)),
    };
    if texts.iter().any(|text| text.contains('\0')) {
        return Err(Error::new(
            ErrorKind::Corrupt,
            "a text holds a NUL character, which texts of arrays cannot",
        ));
    }
    Ok(Values::Text(texts))
}

fn owned<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Vec<String> {
    // There are no nulls, see `leaf_from_arrow`.
    texts.map(|text| text.unwrap_or_default().to_owned()).collect()
}

fn nulls() -> Error {
    Error::new(ErrorKind::Corrupt, "it holds nulls, which arrays do not have")
        .hint("read it as a table, or write it without nulls")
}

fn other_type(column: &ArrayRef) -> Error {
    Error::new(ErrorKind::Corrupt, format!("it holds values of the type {}", column.data_type()))
}

fn internal(why: String) -> Error {
    Error::new(ErrorKind::Internal, why)
}

/// The array that a column of another program's holds. Errors: `Unsupported`, saying what of it cannot be an array.
pub(crate) fn array_of(field: &Field) -> Result<ArrayType> {
    let refuse = |why: String| {
        Error::new(ErrorKind::Unsupported, format!("the column '{}' {why}", field.name()))
            .hint("read it as a table: rename the folder so that its name ends with '.parquet' alone")
    };
    let dtype_of = |values: &DataType| {
        dtype_of(values).ok_or_else(|| refuse(format!("holds {values}, which is no dtype of arrays")))
    };
    let is_tensor = field.metadata().get(EXTENSION_NAME).is_some_and(|name| name == TENSOR);
    let DataType::FixedSizeList(item, length) = field.data_type() else {
        return Ok(ArrayType { dtype: dtype_of(field.data_type())?, trailing: Some(Vec::new()) });
    };
    let dtype = dtype_of(item.data_type())?;
    let length = u64::try_from(*length).map_err(|_| refuse("holds lists of a negative length".to_owned()))?;
    if !is_tensor {
        return Ok(ArrayType { dtype, trailing: Some(vec![length]) });
    }
    let metadata = field.metadata().get(EXTENSION_METADATA).map_or("", String::as_str);
    let metadata: serde_json::Value = serde_json::from_str(metadata)
        .map_err(|error| refuse("has an extension type without a description".to_owned()).caused_by(error))?;
    let shape = metadata.get("shape").and_then(|shape| shape.as_array());
    let shape =
        shape.and_then(|shape| shape.iter().map(serde_json::Value::as_u64).collect::<Option<Vec<_>>>());
    let shape = shape.ok_or_else(|| refuse("has an extension type without a shape".to_owned()))?;
    if let Some(permutation) = metadata.get("permutation").and_then(|permutation| permutation.as_array()) {
        let is_identity = permutation.iter().enumerate().all(|(axis, to)| to.as_u64() == Some(axis as u64));
        if !is_identity {
            return Err(refuse("keeps its axes in another order".to_owned()));
        }
    }
    let product = shape.iter().try_fold(1u64, |product, length| product.checked_mul(*length));
    if product != Some(length) {
        return Err(refuse(format!("has lists of {length} values for rows of the shape {shape:?}")));
    }
    let array = ArrayType { dtype, trailing: Some(shape) };
    array.shape(1)?;
    Ok(array)
}

fn dtype_of(values: &DataType) -> Option<DType> {
    Some(match values {
        DataType::Boolean => DType::Bool,
        DataType::Int8 => DType::Int8,
        DataType::Int16 => DType::Int16,
        DataType::Int32 => DType::Int32,
        DataType::Int64 => DType::Int64,
        DataType::UInt8 => DType::UInt8,
        DataType::UInt16 => DType::UInt16,
        DataType::UInt32 => DType::UInt32,
        DataType::UInt64 => DType::UInt64,
        DataType::Float16 => DType::Float16,
        DataType::Float32 => DType::Float32,
        DataType::Float64 => DType::Float64,
        DataType::FixedSizeBinary(width) => DType::FixedBytes(u32::try_from(*width).ok()?).check().ok()?,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DType::Text,
        DataType::Timestamp(ArrowUnit::Second, _) => return None,
        DataType::Timestamp(unit, None) => DType::DateTime64(unit_of(*unit)),
        DataType::Duration(unit) => DType::TimeDelta64(unit_of(*unit)),
        _ => return None,
    })
}

fn unit_of(unit: ArrowUnit) -> TimeUnit {
    match unit {
        ArrowUnit::Second => TimeUnit::Second,
        ArrowUnit::Millisecond => TimeUnit::Millisecond,
        ArrowUnit::Microsecond => TimeUnit::Microsecond,
        ArrowUnit::Nanosecond => TimeUnit::Nanosecond,
    }
}
