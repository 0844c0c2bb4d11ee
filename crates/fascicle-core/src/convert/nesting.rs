//! Axes after the first one as nested lists of fixed size.

use super::to_arrow::{arrow_length, refused};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, FixedSizeListArray, make_array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field};
use fascicle_backend::{Error, ErrorKind, Result, Shape};
use std::sync::Arc;

/// The name of list items, Arrow's own default.
const ITEM: &str = "item";

/// The type of rows of the shape `trailing`.
pub(super) fn list_type(leaf: DataType, trailing: &[u64], leaf_nullable: bool) -> Result<DataType> {
    let mut data_type = leaf;
    let mut nullable = leaf_nullable;
    for length in trailing.iter().rev() {
        let item = Field::new(ITEM, data_type, nullable);
        data_type = DataType::FixedSizeList(Arc::new(item), arrow_length(*length, "an axis")?);
        nullable = false;
    }
    Ok(data_type)
}

/// Groups single elements into the rows of an array of `shape`; a scalar is one row.
pub(super) fn nest(leaf: ArrayRef, shape: &Shape, leaf_nullable: bool) -> Result<ArrayRef> {
    if leaf.len() as u64 != shape.element_count() {
        return Err(Error::new(
            ErrorKind::Mismatch,
            format!("{} elements do not fill an array of shape {shape}", leaf.len()),
        ));
    }
    let lengths = shape.to_usize()?;
    let mut array = leaf;
    let mut nullable = leaf_nullable;
    for axis in (1..lengths.len()).rev() {
        let rows = lengths.iter().take(axis).product();
        let size = shape.get(axis).copied().unwrap_or(0);
        array = nest_once(array, arrow_length(size, "an axis")?, rows, nullable)?;
        nullable = false;
    }
    Ok(array)
}

fn nest_once(items: ArrayRef, size: i32, rows: usize, nullable: bool) -> Result<ArrayRef> {
    let item = Arc::new(Field::new(ITEM, items.data_type().clone(), nullable));
    let lists = FixedSizeListArray::try_new_with_length(item, size, items, None, rows).map_err(refused)?;
    Ok(Arc::new(lists))
}

/// Takes lists apart: the single elements and the shape of a row. Lists of variable size are taken when all have the same
/// length. A null row makes all of its elements null.
///
/// Errors: [`ErrorKind::Mismatch`] for lists of different lengths, or null lists of variable size.
pub(super) fn flatten(array: &ArrayRef) -> Result<(ArrayRef, Vec<u64>)> {
    let mut array = Arc::clone(array);
    let mut trailing = Vec::new();
    loop {
        let (items, size) = match array.data_type() {
            DataType::FixedSizeList(_, size) => {
                (fixed_items(array.as_fixed_size_list())?, u64::from(size.unsigned_abs()))
            }
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                let offsets: Vec<usize> = lists.value_offsets().iter().map(|at| *at as usize).collect();
                regular_items(lists.values(), &offsets, lists.null_count())?
            }
            DataType::LargeList(_) => {
                let lists = array.as_list::<i64>();
                let offsets: Vec<usize> = lists.value_offsets().iter().map(|at| *at as usize).collect();
                regular_items(lists.values(), &offsets, lists.null_count())?
            }
            _ => return Ok((array, trailing)),
        };
        array = items;
        trailing.push(size);
    }
}

fn fixed_items(lists: &FixedSizeListArray) -> Result<ArrayRef> {
    let items = lists.values();
    let Some(nulls) = lists.nulls().filter(|nulls| nulls.null_count() > 0) else {
        return Ok(Arc::clone(items));
    };
    let size = usize::try_from(lists.value_length()).unwrap_or(0);
    let nulls = NullBuffer::union(Some(&nulls.expand(size)), items.nulls());
    let data = items.to_data().into_builder().nulls(nulls).build().map_err(refused)?;
    Ok(make_array(data))
}

/// The items of lists between `offsets`, and how many each list has.
fn regular_items(items: &ArrayRef, offsets: &[usize], null_count: usize) -> Result<(ArrayRef, u64)> {
    if null_count > 0 {
        return Err(Error::new(
            ErrorKind::Mismatch,
            format!("{null_count} lists are null, and an array has an element everywhere"),
        ));
    }
    let lengths = || offsets.iter().zip(offsets.iter().skip(1)).map(|(start, end)| end - start);
    let size = lengths().next().unwrap_or(0);
    if let Some((row, length)) = lengths().enumerate().find(|(_, length)| *length != size) {
        return Err(Error::new(
            ErrorKind::Mismatch,
            format!("the lists have different lengths: {size} in row 0, {length} in row {row}"),
        )
        .hint("store it as a table, which holds lists of any length"));
    }
    let (start, end) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
    Ok((items.slice(start, end - start), size as u64))
}
