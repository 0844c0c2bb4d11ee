//! A stored array: what it is without reading it, and reading and writing parts of it.

use super::{ArrayData, FromArray, IntoArray, IntoSelection, from_array::take_buffer, widen};
use crate::{
    ArrayDescription, ArrayStore, Attributes, DType, Directory, Element, EntryPath, Error, ErrorKind, Region,
    Result, ResultExt, Selection, Shape, Values,
};
use ndarray::ArrayD;

/// How often a read starts again when the array was replaced under it.
const READ_ATTEMPTS: usize = 8;

/// A handle to a stored array: shape and dtype are known, no element is read.
///
/// Shape and dtype are those of the moment the handle was opened or last [refreshed](Array::refresh); a read sees at
/// least those rows.
#[derive(Clone, Debug)]
pub struct Array {
    directory: Directory,
    path: EntryPath,
    description: ArrayDescription,
}

impl Array {
    pub(crate) async fn open(directory: &Directory, path: EntryPath) -> Result<Self> {
        let description = store(directory)?.describe(&path).await?;
        Ok(Array { directory: directory.clone(), path, description })
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The path below the root.
    pub fn path(&self) -> &EntryPath {
        &self.path
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &Shape {
        &self.description.shape
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.description.dtype
    }

    /// The length of the first axis; 0 for a scalar.
    pub fn len(&self) -> u64 {
        self.shape().rows().unwrap_or(0)
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.shape().element_count() == 0
    }

    /// Everything that is known without reading elements.
    pub fn description(&self) -> &ArrayDescription {
        &self.description
    }

    /// Looks again: another writer may have appended, or replaced the array.
    pub async fn refresh(&mut self) -> Result<()> {
        self.description = store(&self.directory)?.describe(&self.path).await?;
        Ok(())
    }

    /// Reads all elements, as an ndarray array, a vector or [`ArrayData`]; elements widen without loss to the type asked
    /// for, anything else is [`ErrorKind::Mismatch`].
    pub async fn read<A: FromArray>(&self) -> Result<A> {
        self.select_all().read().await
    }

    /// Reads all elements into `target`, whose memory is reused when the number of elements has not changed.
    ///
    /// Should the read fail or be cancelled, `target` may be left empty.
    pub async fn read_into<T: Element>(&self, target: &mut ArrayD<T>) -> Result<()> {
        self.select_all().read_into(target).await
    }

    /// Selects elements: `s![..50, ..]`, `"0:50,::2"`, an index or a range.
    pub fn select(&self, selection: impl IntoSelection) -> Result<Selected<'_>> {
        let selection = selection.into_selection().context("select from array", &self.path)?;
        // Resolved once here, so that a selection outside is refused before anything else happens.
        selection.resolve(self.shape()).context("select from array", &self.path)?;
        Ok(Selected { array: self, selection })
    }

    /// The attributes.
    pub async fn attributes(&self) -> Result<Attributes> {
        self.directory.root().backend().read_attributes(&self.path).await
    }

    fn select_all(&self) -> Selected<'_> {
        Selected { array: self, selection: Selection::all() }
    }
}

/// Selected elements of a stored array.
#[derive(Clone, Debug)]
pub struct Selected<'a> {
    array: &'a Array,
    selection: Selection,
}

impl Selected<'_> {
    /// The shape of what would be read: axes selected by an index are gone.
    pub fn shape(&self) -> Result<Shape> {
        let region = self.selection.resolve(self.array.shape())?;
        self.selection.result_shape(&region)
    }

    /// Reads the selected elements. Only the chunks that hold them are read.
    pub async fn read<A: FromArray>(&self) -> Result<A> {
        let data = self.read_data(Values::zeros).await?;
        A::from_array(data).context("read array", &self.array.path)
    }

    /// Reads the selected elements into `target`, whose memory is reused when the number of elements has not changed.
    ///
    /// Should the read fail or be cancelled, `target` may be left empty.
    pub async fn read_into<T: Element>(&self, target: &mut ArrayD<T>) -> Result<()> {
        let mut lent = take_buffer(target).map(T::into_values);
        let data = self
            .read_data(|dtype, count| match lent.take() {
                Some(buffer) if buffer.dtype() == dtype && buffer.len() as u64 == count => Ok(buffer),
                _ => Values::zeros(dtype, count),
            })
            .await?;
        *target = data.into_ndarray().context("read array", &self.array.path)?;
        Ok(())
    }

    /// Writes over the selected elements, whose number and arrangement `value` must have; its elements widen without loss
    /// to the array's dtype. A scalar fills the selection.
    ///
    /// Durable on return. Not atomic: a reader may see some of the elements before others.
    pub async fn write(&self, value: impl IntoArray) -> Result<()> {
        let Array { directory, path, description } = self.array;
        let region = self.selection.resolve(&description.shape).context("write into array", path)?;
        let expected = self.selection.result_shape(&region)?;
        let (shape, values) = value.into_array().context("write into array", path)?.into_parts();
        let values = widen(values, description.dtype).context("write into array", path)?;
        let values = if shape == expected {
            values
        } else if shape.rank() == 0 {
            repeat(&values, region.element_count()?)?
        } else {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!(
                    "values of shape {shape} do not fit the selection '{}' of shape {expected}",
                    self.selection
                ),
            )
            .during("write into array")
            .at(path));
        };
        directory.before_write().await?;
        store(directory)?.write(path, &region, values).await
    }

    async fn read_data(&self, mut buffer: impl FnMut(DType, u64) -> Result<Values>) -> Result<ArrayData> {
        let Array { directory, path, .. } = self.array;
        let mut description = self.array.description.clone();
        for attempt in 1.. {
            let region = self.selection.resolve(&description.shape).context("read array", path)?;
            let buffer = buffer(description.dtype, region.element_count()?).context("read array", path)?;
            match store(directory)?.read(path, &region, buffer).await {
                // Replaced by one of another dtype or a smaller shape: read what is there now.
                Err(error) if error.kind() == ErrorKind::Conflict && attempt < READ_ATTEMPTS => {
                    description = store(directory)?.describe(path).await?;
                }
                Err(error) => return Err(error),
                Ok(values) => return ArrayData::new(self.selection.result_shape(&region)?, values),
            }
        }
        Err(Error::new(ErrorKind::Internal, "reading ended without an answer"))
    }
}

/// The elements of a region of a stored array, block of rows by block of rows; used where arrays stream.
pub(crate) fn row_blocks(shape: &Shape, dtype: DType, block_bytes: u64) -> Vec<Region> {
    let Some(rows) = shape.rows() else { return vec![Region::whole(shape)] };
    let block_rows = rows_in_block(shape, dtype, block_bytes);
    let starts = (0..rows).step_by(usize::try_from(block_rows).unwrap_or(usize::MAX));
    starts.map(|start| Region::rows(shape, start, block_rows.min(rows - start))).collect()
}

/// How many rows of an array take about so many bytes; at least one.
pub(crate) fn rows_in_block(shape: &Shape, dtype: DType, block_bytes: u64) -> u64 {
    let row_elements = shape.trailing().iter().fold(1u64, |all, length| all.saturating_mul(*length)).max(1);
    (block_bytes / row_elements.saturating_mul(dtype.memory_bytes() as u64).max(1)).max(1)
}

fn repeat(element: &Values, count: u64) -> Result<Values> {
    let mut values = Values::zeros(element.dtype(), count)?;
    for position in 0..values.len() {
        values.copy_from(position, element, 0..1)?;
    }
    Ok(values)
}

/// The array store of a directory's backend.
pub(crate) fn store(directory: &Directory) -> Result<&dyn ArrayStore> {
    directory
        .root()
        .backend()
        .arrays()
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, "this storage does not offer 'arrays'"))
}
