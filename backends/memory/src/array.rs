//! Arrays.

use crate::{
    MemoryBackend,
    node::{Content, Node, Store},
};
use async_trait::async_trait;
use fascicle_backend::{
    ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, EntryKind, EntryPath, Error,
    ErrorKind, Region, Result, Shape, Values, WriteMode,
};
use std::sync::Arc;

/// An array with all its elements.
#[derive(Clone, Debug)]
pub(crate) struct StoredArray {
    spec: ArraySpec,
    chunks: Option<Vec<u64>>,
    fill: Option<Values>,
    values: Values,
}

impl StoredArray {
    fn new(spec: &ArraySpec, options: &ArrayOptions) -> Result<Self> {
        spec.shape.size_bytes(spec.dtype)?;
        let count = spec.shape.element_count();
        let mut values = Values::zeros(spec.dtype, count)?;
        let zero = Values::zeros(spec.dtype, 1)?;
        let fill = options.fill.clone().filter(|fill| !fill.same_bits(&zero));
        if let Some(fill) = &fill {
            for position in 0..values.len() {
                values.copy_from(position, fill, 0..1)?;
            }
        }
        Ok(StoredArray { spec: spec.clone(), chunks: options.chunks.clone(), fill, values })
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        match self.values.as_text() {
            Some(texts) => texts.iter().map(|text| text.len() as u64).sum(),
            None => self.values.as_bytes().map_or(0, |bytes| bytes.len() as u64),
        }
    }

    /// Refuses a region or elements that belonged to an array which was here before.
    fn check_current(&self, region: &Region, values: &Values) -> Result<()> {
        let why = if values.dtype() != self.spec.dtype {
            format!("the array's dtype is {}, not {}", self.spec.dtype, values.dtype())
        } else if !region.fits(&self.spec.shape) {
            format!("the array of shape {} does not contain the region", self.spec.shape)
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Conflict, why).hint("describe the array again and repeat the call"))
    }

    fn read(&self, region: &Region, mut buffer: Values) -> Result<Values> {
        self.check_current(region, &buffer)?;
        for_each_run(&self.spec.shape, region, |stored, given, length| {
            buffer.copy_from(given, &self.values, stored..stored + length)
        })?;
        Ok(buffer)
    }

    fn write(&mut self, region: &Region, values: &Values) -> Result<()> {
        self.check_current(region, values)?;
        for_each_run(&self.spec.shape, region, |stored, given, length| {
            self.values.copy_from(stored, values, given..given + length)
        })
    }

    fn append(&mut self, rows: u64, values: Values) -> Result<u64> {
        let mismatch = |why: String| Err(Error::new(ErrorKind::Mismatch, why));
        let ArraySpec { shape, dtype } = &self.spec;
        let Some(stored_rows) = shape.rows() else {
            return mismatch("the array is a scalar and has no first axis to grow along".to_owned());
        };
        if values.dtype() != *dtype {
            return mismatch(format!("rows of {} do not fit an array of {dtype}", values.dtype()));
        }
        let trailing = Shape::new(shape.trailing())?;
        let expected = u128::from(rows) * u128::from(trailing.element_count());
        if expected != values.len() as u128 {
            return mismatch(format!(
                "{rows} rows of {} elements do not fit an array of shape {shape}, whose rows have shape {trailing} \
                 and take {expected} elements",
                values.len()
            ));
        }
        let new_rows = stored_rows.checked_add(rows).ok_or_else(|| {
            Error::new(ErrorKind::LimitExceeded, format!("{stored_rows} and {rows} rows cannot be counted"))
        })?;
        let new_shape = shape.with_rows(new_rows)?;
        extend(&mut self.values, values)?;
        self.spec.shape = new_shape;
        Ok(new_rows)
    }
}

/// Adds elements at the end; both have the same dtype.
fn extend(stored: &mut Values, more: Values) -> Result<()> {
    fn push_all<T>(stored: &mut Vec<T>, more: Vec<T>) -> Result<()> {
        stored.try_reserve(more.len()).map_err(|error| {
            Error::new(ErrorKind::LimitExceeded, "the array no longer fits into memory").caused_by(error)
        })?;
        stored.extend(more);
        Ok(())
    }
    macro_rules! same {
        ($($variant:ident),*) => {
            match (stored, more) {
                $((Values::$variant(stored), Values::$variant(more)) => push_all(stored, more),)*
                (Values::FixedBytes { bytes, .. }, Values::FixedBytes { bytes: more, .. }) => push_all(bytes, more),
                (Values::DateTime64(_, stored), Values::DateTime64(_, more)) => push_all(stored, more),
                (Values::TimeDelta64(_, stored), Values::TimeDelta64(_, more)) => push_all(stored, more),
                (stored, more) => Err(Error::new(
                    ErrorKind::Internal,
                    format!("{} was to be added to {}", more.dtype(), stored.dtype()),
                )),
            }
        };
    }
    same!(
        Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float16, Float32, Float64, Complex64,
        Complex128, Text
    )
}

/// Calls `visit(stored, given, length)` for every run of elements that lie side by side both in an array of `shape`
/// (from position `stored`) and in a buffer of the region's elements (from position `given`).
fn for_each_run(
    shape: &Shape,
    region: &Region,
    mut visit: impl FnMut(usize, usize, usize) -> Result<()>,
) -> Result<()> {
    // Everything below is bounded by the element counts of a stored array and of a buffer, both of which are in memory.
    let axes = region.axes();
    if axes.iter().any(|axis| axis.count == 0) {
        return Ok(());
    }
    let mut strides = vec![1u64; axes.len()];
    for axis in (1..axes.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    // The last axes that are taken without gaps make one run.
    let mut outer = axes.len();
    let mut run = 1;
    while let Some(axis) = outer.checked_sub(1) {
        let is_dense = axes[axis].step == 1 || axes[axis].count == 1;
        if !is_dense || run != strides[axis] {
            break;
        }
        run *= axes[axis].count;
        outer = axis;
    }
    let base: u64 = axes.iter().zip(&strides).map(|(axis, stride)| axis.start * stride).sum();
    let mut position = vec![0u64; outer];
    let mut given = 0;
    loop {
        let offset: u64 = (0..outer).map(|axis| position[axis] * axes[axis].step * strides[axis]).sum();
        visit((base + offset) as usize, given, run as usize)?;
        given += run as usize;
        let Some(axis) = (0..outer).rev().find(|axis| position[*axis] + 1 < axes[*axis].count) else {
            return Ok(());
        };
        position[axis] += 1;
        position[axis + 1..].fill(0);
    }
}

/// The array at `path`.
fn find<'a>(store: &'a Store, path: &EntryPath) -> Result<&'a Arc<StoredArray>> {
    let node = store.find(path)?;
    match &node.content {
        Content::Array(array) => Ok(array),
        _ => Err(node.wrong_kind(EntryKind::Array)),
    }
}

/// Changes an entry that is an array.
fn change<T>(node: &mut Node, change: impl FnOnce(&mut StoredArray) -> Result<T>) -> Result<T> {
    match &mut node.content {
        Content::Array(array) => change(Arc::make_mut(array)),
        _ => Err(node.wrong_kind(EntryKind::Array)),
    }
}

#[async_trait]
impl ArrayStore for MemoryBackend {
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        self.shared().admit(path, EntryKind::Array, mode)?;
        Ok(Box::new(MemoryArrayWriter {
            backend: self.clone(),
            path: path.clone(),
            options: options.clone(),
            mode,
            array: StoredArray::new(spec, options)?,
        }))
    }

    async fn describe(&self, path: &EntryPath) -> Result<ArrayDescription> {
        let store = self.shared();
        let array = find(&store, path)?;
        Ok(ArrayDescription {
            shape: array.spec.shape.clone(),
            dtype: array.spec.dtype,
            chunks: array.chunks.clone(),
            codecs: Vec::new(),
            fill: array.fill.clone(),
            stored_bytes: Some(array.size_bytes()),
        })
    }

    async fn read(&self, path: &EntryPath, region: &Region, buffer: Values) -> Result<Values> {
        let array = Arc::clone(find(&self.shared(), path)?);
        array.read(region, buffer)
    }

    async fn write(&self, path: &EntryPath, region: &Region, values: Values) -> Result<()> {
        self.exclusive().change(path, |node| change(node, |array| array.write(region, &values)))
    }

    async fn append(&self, path: &EntryPath, rows: u64, values: Values) -> Result<u64> {
        self.exclusive().change(path, |node| change(node, |array| array.append(rows, values)))
    }
}

struct MemoryArrayWriter {
    backend: MemoryBackend,
    path: EntryPath,
    options: ArrayOptions,
    mode: WriteMode,
    array: StoredArray,
}

#[async_trait]
impl ArrayWriter for MemoryArrayWriter {
    async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        self.array.write(region, &values)
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let node = Node::new(Content::Array(Arc::new(self.array)), self.options.attributes);
        self.backend.exclusive().put(&self.path, node, self.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle_backend::{AxisRegion, DType, Selection};

    fn numbered(shape: &[u64]) -> StoredArray {
        let spec = ArraySpec { shape: Shape::new(shape).unwrap(), dtype: DType::Int64 };
        let mut array = StoredArray::new(&spec, &ArrayOptions::default()).unwrap();
        let count = spec.shape.element_count() as i64;
        array.write(&Region::whole(&spec.shape), &Values::Int64((0..count).collect())).unwrap();
        array
    }

    fn read(array: &StoredArray, selection: &str) -> Vec<i64> {
        let region = selection.parse::<Selection>().unwrap().resolve(&array.spec.shape).unwrap();
        let buffer = Values::zeros(DType::Int64, region.element_count().unwrap()).unwrap();
        match array.read(&region, buffer).unwrap() {
            Values::Int64(elements) => elements,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn regions_with_steps_are_read_in_c_order() {
        let array = numbered(&[4, 3, 2]);
        assert_eq!(read(&array, "..."), (0..24).collect::<Vec<_>>());
        assert_eq!(read(&array, "1:3"), (6..18).collect::<Vec<_>>());
        assert_eq!(read(&array, "::2,1,:"), [2, 3, 14, 15]);
        assert_eq!(read(&array, "...,1"), [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23]);
        assert_eq!(read(&array, "3,::2,0"), [18, 22]);
        assert_eq!(read(&array, "2:2"), [] as [i64; 0]);
        assert_eq!(read(&numbered(&[]), "..."), [0]);
        assert_eq!(read(&numbered(&[3, 0]), "..."), [] as [i64; 0]);
        assert_eq!(read(&numbered(&[7]), "1::3"), [1, 4]);
    }

    #[test]
    fn what_no_longer_fits_is_a_conflict() {
        let array = numbered(&[3]);
        let beyond = Region::new([AxisRegion { start: 2, step: 1, count: 2 }]);
        let error = array.read(&beyond, Values::Int64(vec![0; 2])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let error = array.read(&Region::whole(&array.spec.shape), Values::Int32(vec![0; 3])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.message().contains("int64") && error.message().contains("int32"));
    }

    #[test]
    fn appended_rows_must_have_the_trailing_shape() {
        let mut array = numbered(&[2, 3]);
        assert_eq!(array.append(1, Values::Int64(vec![6, 7, 8])).unwrap(), 3);
        assert_eq!(read(&array, "..."), (0..9).collect::<Vec<_>>());
        for values in [Values::Int64(vec![0; 2]), Values::Int32(vec![0; 3])] {
            assert_eq!(array.append(1, values).unwrap_err().kind(), ErrorKind::Mismatch);
        }
        assert_eq!(read(&array, "...").len(), 9);
        assert_eq!(numbered(&[]).append(1, Values::Int64(vec![1])).unwrap_err().kind(), ErrorKind::Mismatch);
        let mut without_elements = numbered(&[1, 0]);
        assert_eq!(without_elements.append(5, Values::Int64(vec![])).unwrap(), 6);
        assert_eq!(
            without_elements.append(u64::MAX, Values::Int64(vec![])).unwrap_err().kind(),
            ErrorKind::LimitExceeded
        );
    }

    #[test]
    fn elements_never_written_hold_the_fill_value() {
        let spec = ArraySpec { shape: Shape::new([3]).unwrap(), dtype: DType::Int64 };
        let options = ArrayOptions::default().with_fill(Values::Int64(vec![-7]));
        let mut array = StoredArray::new(&spec, &options).unwrap();
        let middle = Region::new([AxisRegion { start: 1, step: 1, count: 1 }]);
        array.write(&middle, &Values::Int64(vec![5])).unwrap();
        assert_eq!(read(&array, "..."), [-7, 5, -7]);
        let zero = ArrayOptions::default().with_fill(Values::Int64(vec![0]));
        assert!(StoredArray::new(&spec, &zero).unwrap().fill.is_none());
    }
}
