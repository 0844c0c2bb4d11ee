//! Selections: which elements of an array, as a user says it and as a backend gets it.

use crate::{Error, ErrorKind, Result, Shape};
use std::{fmt, ops, str::FromStr};

/// What is selected along one axis. Negative positions count from the end, as in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AxisSelection {
    /// One position; the axis disappears from the result. Beyond the end it is an error.
    Index(i64),
    /// From `start` up to and without `stop`, every `step`-th position. Positions beyond the ends are clipped.
    Range {
        /// The first position; `None` is the beginning.
        start: Option<i64>,
        /// The position after the last; `None` is the end.
        stop: Option<i64>,
        /// The distance between positions, at least 1.
        step: i64,
    },
}

impl AxisSelection {
    /// The whole axis.
    pub const ALL: AxisSelection = AxisSelection::Range { start: None, stop: None, step: 1 };

    /// Every `step`-th position of the same range.
    #[must_use]
    pub fn step_by(self, step: i64) -> Self {
        match self {
            AxisSelection::Range { start, stop, .. } => AxisSelection::Range { start, stop, step },
            index => index,
        }
    }

    fn resolve(self, axis: usize, length: u64) -> Result<AxisRegion> {
        // Lengths are checked to fit 63 bits by `Shape`.
        let signed_length = length as i64;
        match self {
            AxisSelection::Index(index) => {
                let position = if index < 0 { index.checked_add(signed_length) } else { Some(index) };
                match position {
                    Some(position) if (0..signed_length).contains(&position) => {
                        Ok(AxisRegion { start: position as u64, step: 1, count: 1 })
                    }
                    _ => Err(Error::new(
                        ErrorKind::OutOfBounds,
                        format!("index {index} is out of bounds for axis {axis} with {length} elements"),
                    )),
                }
            }
            AxisSelection::Range { start, stop, step } => {
                if step < 1 {
                    return Err(Error::new(
                        ErrorKind::InvalidInput,
                        format!("the step {step} of axis {axis} is not positive"),
                    )
                    .hint("read forwards and reverse the result"));
                }
                let clip = |position: i64| {
                    let position =
                        if position < 0 { position.saturating_add(signed_length) } else { position };
                    position.clamp(0, signed_length) as u64
                };
                let start = start.map_or(0, clip);
                let stop = stop.map_or(length, clip);
                let count = stop.saturating_sub(start).div_ceil(step as u64);
                Ok(AxisRegion { start, step: step as u64, count })
            }
        }
    }
}

impl From<i64> for AxisSelection {
    fn from(index: i64) -> Self {
        AxisSelection::Index(index)
    }
}

impl From<ops::RangeFull> for AxisSelection {
    fn from(_: ops::RangeFull) -> Self {
        AxisSelection::ALL
    }
}

impl From<ops::Range<i64>> for AxisSelection {
    fn from(range: ops::Range<i64>) -> Self {
        AxisSelection::Range { start: Some(range.start), stop: Some(range.end), step: 1 }
    }
}

impl From<ops::RangeFrom<i64>> for AxisSelection {
    fn from(range: ops::RangeFrom<i64>) -> Self {
        AxisSelection::Range { start: Some(range.start), stop: None, step: 1 }
    }
}

impl From<ops::RangeTo<i64>> for AxisSelection {
    fn from(range: ops::RangeTo<i64>) -> Self {
        AxisSelection::Range { start: None, stop: Some(range.end), step: 1 }
    }
}

impl fmt::Display for AxisSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AxisSelection::Index(index) => write!(f, "{index}"),
            AxisSelection::Range { start, stop, step } => {
                if let Some(start) = start {
                    write!(f, "{start}")?;
                }
                f.write_str(":")?;
                if let Some(stop) = stop {
                    write!(f, "{stop}")?;
                }
                if *step != 1 { write!(f, ":{step}") } else { Ok(()) }
            }
        }
    }
}

/// A selection of an array's elements, one [`AxisSelection`] for each of its first axes; later axes are taken whole.
///
/// Parsed from Python's notation:
///
/// ```
/// use fascicle_backend::{Selection, Shape};
/// let selection: Selection = "0:50, ::2, -1".parse()?;
/// let region = selection.resolve(&Shape::new([100, 7, 3])?)?;
/// assert_eq!(region.shape()?.to_string(), "(50, 4, 1)");
/// assert_eq!(selection.result_shape(&region)?.to_string(), "(50, 4)");
/// # Ok::<(), fascicle_backend::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    leading: Vec<AxisSelection>,
    /// What follows an ellipsis and so selects along the last axes.
    last: Vec<AxisSelection>,
}

impl Selection {
    /// Everything.
    pub fn all() -> Self {
        Selection::default()
    }

    /// Selects along the first axes.
    pub fn new(axes: impl IntoIterator<Item = AxisSelection>) -> Self {
        Selection { leading: axes.into_iter().collect(), last: Vec::new() }
    }

    /// The rows from `start` up to and without `stop`.
    pub fn rows(rows: ops::Range<u64>) -> Self {
        let clip = |position: u64| Some(i64::try_from(position).unwrap_or(i64::MAX));
        Selection::new([AxisSelection::Range { start: clip(rows.start), stop: clip(rows.end), step: 1 }])
    }

    /// Adds a selection along the next axis.
    #[must_use]
    pub fn axis(mut self, axis: impl Into<AxisSelection>) -> Self {
        self.leading.push(axis.into());
        self
    }

    /// The selected positions of an array of `shape`. Fails with [`ErrorKind::OutOfBounds`] for an index beyond an end,
    /// and with [`ErrorKind::InvalidInput`] for more axes than the array has or a step that is not positive.
    pub fn resolve(&self, shape: &Shape) -> Result<Region> {
        let given = self.leading.len() + self.last.len();
        if given > shape.rank() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "'{self}' selects along {given} axes, the array of shape {shape} has {}",
                    shape.rank()
                ),
            ));
        }
        let axes = self.per_axis(shape.rank()).zip(shape.iter()).enumerate();
        let axes = axes
            .map(|(axis, (selection, length))| selection.resolve(axis, *length))
            .collect::<Result<_>>()?;
        Ok(Region { axes })
    }

    /// The shape a user sees for `region`, which this selection resolved to: axes selected by an index are gone.
    pub fn result_shape(&self, region: &Region) -> Result<Shape> {
        let kept = self.per_axis(region.axes.len()).zip(&region.axes);
        let kept = kept.filter(|(selection, _)| !matches!(selection, AxisSelection::Index(_)));
        Shape::new(kept.map(|(_, axis)| axis.count).collect::<Vec<_>>())
    }

    fn per_axis(&self, rank: usize) -> impl Iterator<Item = AxisSelection> + '_ {
        let unnamed = rank.saturating_sub(self.leading.len() + self.last.len());
        let whole = std::iter::repeat_n(AxisSelection::ALL, unnamed);
        self.leading.iter().copied().chain(whole).chain(self.last.iter().copied())
    }
}

impl<const N: usize> From<[AxisSelection; N]> for Selection {
    fn from(axes: [AxisSelection; N]) -> Self {
        Selection::new(axes)
    }
}

impl<T: Into<AxisSelection>> From<T> for Selection {
    fn from(axis: T) -> Self {
        Selection::new([axis.into()])
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.leading.iter().map(ToString::to_string).collect();
        if parts.is_empty() || !self.last.is_empty() {
            parts.push("...".to_owned());
        }
        parts.extend(self.last.iter().map(ToString::to_string));
        f.write_str(&parts.join(","))
    }
}

impl FromStr for Selection {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let malformed = |part: &str| {
            Error::new(ErrorKind::InvalidInput, format!("'{}' is not a selection of an axis", part.trim()))
                .hint("write it as Python does, for example '0:50,::2', '-1' or '...,0'")
        };
        let position = |text: &str, part: &str| match text.trim() {
            "" => Ok(None),
            digits => digits.parse::<i64>().map(Some).map_err(|error| malformed(part).caused_by(error)),
        };
        let mut selection = Selection::all();
        let mut after_ellipsis = false;
        if text.trim().is_empty() {
            return Err(malformed(text));
        }
        for part in text.split(',') {
            if part.trim() == "..." {
                if after_ellipsis {
                    return Err(malformed(part));
                }
                after_ellipsis = true;
                continue;
            }
            let fields: Vec<&str> = part.split(':').collect();
            let axis = match fields.as_slice() {
                [index] => AxisSelection::Index(position(index, part)?.ok_or_else(|| malformed(part))?),
                [start, stop] => AxisSelection::Range {
                    start: position(start, part)?,
                    stop: position(stop, part)?,
                    step: 1,
                },
                [start, stop, step] => AxisSelection::Range {
                    start: position(start, part)?,
                    stop: position(stop, part)?,
                    step: position(step, part)?.unwrap_or(1),
                },
                _ => return Err(malformed(part)),
            };
            let axes = if after_ellipsis { &mut selection.last } else { &mut selection.leading };
            axes.push(axis);
        }
        Ok(selection)
    }
}

/// The positions `start`, `start + step`, … of one axis, `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AxisRegion {
    /// The first position.
    pub start: u64,
    /// The distance between positions, at least 1.
    pub step: u64,
    /// How many positions.
    pub count: u64,
}

impl AxisRegion {
    /// The position after the last selected one; `start` when nothing is selected. `None` on overflow.
    pub fn end(&self) -> Option<u64> {
        match self.count.checked_sub(1) {
            None => Some(self.start),
            Some(steps) => self.start.checked_add(steps.checked_mul(self.step)?)?.checked_add(1),
        }
    }
}

/// A resolved selection: for every axis of an array the positions meant, all inside the array.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Region {
    axes: Vec<AxisRegion>,
}

impl Region {
    /// A region of the given positions, one item an axis.
    pub fn new(axes: impl Into<Vec<AxisRegion>>) -> Self {
        Region { axes: axes.into() }
    }

    /// Every element of an array of `shape`.
    pub fn whole(shape: &Shape) -> Self {
        Region { axes: shape.iter().map(|length| AxisRegion { start: 0, step: 1, count: *length }).collect() }
    }

    /// `count` rows from row `start` of an array of `shape`.
    pub fn rows(shape: &Shape, start: u64, count: u64) -> Self {
        let mut region = Region::whole(shape);
        if let Some(first) = region.axes.first_mut() {
            *first = AxisRegion { start, step: 1, count };
        }
        region
    }

    /// The positions, one item an axis.
    pub fn axes(&self) -> &[AxisRegion] {
        &self.axes
    }

    /// How many elements along each axis.
    pub fn shape(&self) -> Result<Shape> {
        Shape::new(self.axes.iter().map(|axis| axis.count).collect::<Vec<_>>())
    }

    /// How many elements in all. Fails with [`ErrorKind::LimitExceeded`] when that cannot be counted.
    pub fn element_count(&self) -> Result<u64> {
        Ok(self.shape()?.element_count())
    }

    /// Whether every position lies inside an array of `shape`.
    pub fn fits(&self, shape: &Shape) -> bool {
        self.axes.len() == shape.rank()
            && self.axes.iter().zip(shape.iter()).all(|(axis, length)| {
                axis.step >= 1 && axis.start <= *length && axis.end().is_some_and(|end| end <= *length)
            })
    }

    /// Whether this is every element of an array of `shape`.
    pub fn is_whole(&self, shape: &Shape) -> bool {
        *self == Region::whole(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Resolved = (Vec<(u64, u64, u64)>, String);

    fn select(text: &str, shape: &[u64]) -> Result<Resolved> {
        let selection: Selection = text.parse()?;
        let region = selection.resolve(&Shape::new(shape)?)?;
        let axes = region.axes().iter().map(|axis| (axis.start, axis.step, axis.count)).collect();
        assert!(region.fits(&Shape::new(shape)?));
        Ok((axes, selection.result_shape(&region)?.to_string()))
    }

    #[test]
    fn selections_resolve_as_in_python() {
        assert_eq!(select("0:50,::2", &[100, 7]).unwrap(), (vec![(0, 1, 50), (0, 2, 4)], "(50, 4)".into()));
        assert_eq!(select("-1", &[100, 7]).unwrap(), (vec![(99, 1, 1), (0, 1, 7)], "(7,)".into()));
        assert_eq!(select("-3:-1", &[10]).unwrap(), (vec![(7, 1, 2)], "(2,)".into()));
        assert_eq!(select("5:2", &[10]).unwrap(), (vec![(5, 1, 0)], "(0,)".into()));
        assert_eq!(select("5:1000", &[10]).unwrap(), (vec![(5, 1, 5)], "(5,)".into()));
        assert_eq!(
            select("...,0", &[4, 5, 6]).unwrap(),
            (vec![(0, 1, 4), (0, 1, 5), (0, 1, 1)], "(4, 5)".into())
        );
        assert_eq!(select("...", &[]).unwrap(), (vec![], "()".into()));
        assert_eq!(select("1::4", &[10]).unwrap().0, vec![(1, 4, 3)]);
    }

    #[test]
    fn bad_selections_are_errors() {
        for (text, kind) in [
            ("10", ErrorKind::OutOfBounds),
            ("-11", ErrorKind::OutOfBounds),
            ("-9223372036854775808", ErrorKind::OutOfBounds),
            ("::0", ErrorKind::InvalidInput),
            ("::-1", ErrorKind::InvalidInput),
            ("0,0", ErrorKind::InvalidInput),
            ("", ErrorKind::InvalidInput),
            ("a:b", ErrorKind::InvalidInput),
            ("1:2:3:4", ErrorKind::InvalidInput),
            ("...,...", ErrorKind::InvalidInput),
            (",", ErrorKind::InvalidInput),
            ("99999999999999999999", ErrorKind::InvalidInput),
        ] {
            assert_eq!(select(text, &[10]).unwrap_err().kind(), kind, "{text}");
        }
    }

    #[test]
    fn regions_outside_do_not_fit() {
        let shape = Shape::new([10]).unwrap();
        let fits = |start, step, count| Region::new([AxisRegion { start, step, count }]).fits(&shape);
        assert!(fits(0, 1, 10) && fits(10, 1, 0) && fits(1, 9, 1) && fits(0, 9, 2));
        assert!(
            !fits(1, 1, 10)
                && !fits(11, 1, 0)
                && !fits(0, 0, 1)
                && !fits(u64::MAX, u64::MAX, 2)
                && !fits(0, 10, 2)
        );
    }
}
