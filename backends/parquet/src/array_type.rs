//! What all rows of an array have in common.

use fascicle_backend::{ArraySpec, DType, Error, ErrorKind, Region, Result, Shape, Values};
use serde_json::{Value, json};

// The bytes of elements cross this crate as they are in memory, and Parquet keeps them with the lowest byte first.
const _: () = assert!(cfg!(target_endian = "little"));

/// Text is taken to need this much in memory, as nobody knows before it is read.
const TEXT_BYTES: u64 = 32;

/// The dtype of an array and the shape of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArrayType {
    pub(crate) dtype: DType,
    /// The lengths of all axes but the first; `None` for a scalar, which is stored as one row.
    pub(crate) trailing: Option<Vec<u64>>,
}

impl ArrayType {
    pub(crate) fn of(spec: &ArraySpec) -> Self {
        let trailing = spec.shape.rows().map(|_| spec.shape.trailing().to_vec());
        ArrayType { dtype: spec.dtype, trailing }
    }

    /// The shape that an array of so many rows has.
    pub(crate) fn shape(&self, rows: u64) -> Result<Shape> {
        match &self.trailing {
            None => Ok(Shape::scalar()),
            Some(trailing) => Shape::new([&[rows], trailing.as_slice()].concat()),
        }
    }

    /// The elements of a row; 0 when an axis other than the first has no length.
    pub(crate) fn row_elements(&self) -> u64 {
        // The product was checked by `Shape` when the array was created, and in `from_json`.
        self.trailing.iter().flatten().product()
    }

    /// The bytes that a row takes in memory, about; at least 1.
    pub(crate) fn row_bytes(&self) -> u64 {
        let width = self.dtype.fixed_bytes().map_or(TEXT_BYTES, |width| width as u64);
        self.row_elements().saturating_mul(width).max(1)
    }

    /// The region as one of an array with at least one axis: a scalar is one row.
    pub(crate) fn rows_of(&self, region: &Region) -> (u64, u64, u64) {
        region.axes().first().map_or((0, 1, 1), |axis| (axis.start, axis.step, axis.count))
    }

    /// As it stands in the description and in every part: the first axis is null, because the parts say how many rows there are.
    pub(crate) fn to_json(&self) -> (Value, Value) {
        let lengths = self.trailing.iter().flat_map(|trailing| {
            std::iter::once(Value::Null).chain(trailing.iter().map(|length| json!(length)))
        });
        (json!(self.dtype.to_string()), Value::Array(lengths.collect()))
    }

    /// Reads what [`ArrayType::to_json`] wrote.
    pub(crate) fn from_json(dtype: &Value, shape: &Value) -> Result<Self> {
        let corrupt = |why: &str| Error::new(ErrorKind::Corrupt, why);
        let dtype = dtype.as_str().ok_or_else(|| corrupt("its 'dtype' is no text"))?;
        let dtype = dtype.parse::<DType>().map_err(|error| {
            let shown: String = dtype.chars().take(60).collect();
            Error::new(ErrorKind::Unsupported, format!("its dtype '{shown}' is not known")).caused_by(error)
        })?;
        let trailing = match shape.as_array().map(Vec::as_slice) {
            Some([]) => None,
            Some([Value::Null, trailing @ ..]) => Some(
                trailing
                    .iter()
                    .map(|length| length.as_u64().ok_or_else(|| corrupt("its 'shape' holds no length")))
                    .collect::<Result<Vec<_>>>()?,
            ),
            _ => return Err(corrupt("its 'shape' is no list that begins with null")),
        };
        let array = ArrayType { dtype, trailing };
        array.shape(1)?;
        Ok(array)
    }

    /// Refuses a region or elements that belonged to an array which was here before.
    pub(crate) fn check_current(&self, rows: u64, region: &Region, values: &Values) -> Result<()> {
        let why = match self.shape(rows)? {
            _ if values.dtype() != self.dtype => {
                format!("the array holds {} now, not {}", self.dtype, values.dtype())
            }
            shape if !region.fits(&shape) => {
                format!("the array has the shape {shape} now, which does not contain the region")
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Conflict, why).hint("describe the array again, then repeat the call"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_back_from_json() {
        for trailing in [None, Some(vec![]), Some(vec![3, 0]), Some(vec![2, 3, 4])] {
            let array = ArrayType { dtype: DType::Complex64, trailing };
            let (dtype, shape) = array.to_json();
            assert_eq!(ArrayType::from_json(&dtype, &shape).unwrap(), array);
        }
    }

    #[test]
    fn absurd_types_are_refused() {
        for shape in [json!([3]), json!([null, -1]), json!([null, 1.5]), json!(null), json!({})] {
            let error = ArrayType::from_json(&json!("int8"), &shape).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{shape}");
        }
        let overflowing = json!([null, 1u64 << 40, 1u64 << 40]);
        let error = ArrayType::from_json(&json!("int8"), &overflowing).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}
