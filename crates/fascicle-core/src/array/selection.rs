//! Selections as users write them.

use crate::{AxisSelection, Error, ErrorKind, Result, Selection};
use ndarray::{Dimension, SliceInfo, SliceInfoElem};

/// What selects elements of an array: ndarray's `s![..50, ..;2, -1]`, Python's notation as text (`"0:50,::2"`), an
/// index, a range, or a [`Selection`].
pub trait IntoSelection {
    /// The selection. Fails with [`ErrorKind::InvalidInput`] for what cannot be selected.
    fn into_selection(self) -> Result<Selection>;
}

impl IntoSelection for Selection {
    fn into_selection(self) -> Result<Selection> {
        Ok(self)
    }
}

impl IntoSelection for &Selection {
    fn into_selection(self) -> Result<Selection> {
        Ok(self.clone())
    }
}

impl IntoSelection for &str {
    fn into_selection(self) -> Result<Selection> {
        self.parse()
    }
}

macro_rules! axis_into_selection {
    ($($axis:ty),*) => {$(
        impl IntoSelection for $axis {
            fn into_selection(self) -> Result<Selection> {
                Ok(Selection::from(AxisSelection::from(self)))
            }
        }
    )*};
}

axis_into_selection!(
    i64,
    std::ops::RangeFull,
    std::ops::Range<i64>,
    std::ops::RangeFrom<i64>,
    std::ops::RangeTo<i64>
);

impl<In: Dimension, Out: Dimension, T: AsRef<[SliceInfoElem]>> IntoSelection for SliceInfo<T, In, Out> {
    fn into_selection(self) -> Result<Selection> {
        let axes = self.as_ref().iter().map(|axis| match *axis {
            SliceInfoElem::Slice { start, end, step } => Ok(AxisSelection::Range {
                start: Some(start as i64),
                stop: end.map(|end| end as i64),
                step: step as i64,
            }),
            SliceInfoElem::Index(index) => Ok(AxisSelection::Index(index as i64)),
            SliceInfoElem::NewAxis => {
                Err(Error::new(ErrorKind::InvalidInput, "a stored array cannot be read with a new axis")
                    .hint("insert the axis into what was read"))
            }
        });
        Ok(Selection::new(axes.collect::<Result<Vec<_>>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::s;

    #[test]
    fn slices_of_ndarray_are_selections() {
        let text = |selection: Selection| selection.to_string();
        assert_eq!(text(s![..50, 1..9;2, -1].into_selection().unwrap()), "0:50,1:9:2,-1");
        assert_eq!(text("0:50,::2".into_selection().unwrap()), "0:50,:50:2".replace(":50:2", "::2"));
        assert_eq!(text((3..).into_selection().unwrap()), "3:");
        assert!(s![ndarray::NewAxis, ..].into_selection().is_err());
    }
}
