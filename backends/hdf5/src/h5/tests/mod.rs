//! Tests of the functions over plain paths.

mod appending;
mod attributes;
mod damage;
mod processes;
mod round_trip;

use super::{Audience, InPlace, InPlaceOptions, NewArray, append, describe, read, write_region};
use fascicle_backend::{ArrayOptions, ArraySpec, DType, Error, Region, Result, Shape, TimeUnit, Values};
use std::{path::Path, time::Duration};

pub(super) const OPTIONS: InPlaceOptions = InPlaceOptions { patience: Duration::from_secs(10), fsync: false };

/// Every dtype, in every unit and some widths.
pub(super) fn every_dtype() -> Vec<DType> {
    let times =
        TimeUnit::ALL.into_iter().flat_map(|unit| [DType::DateTime64(unit), DType::TimeDelta64(unit)]);
    let others = [DType::FixedBytes(1), DType::FixedBytes(7), DType::Text];
    DType::PLAIN.into_iter().chain(others).chain(times).collect()
}

/// A generator of the same bytes for the same seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Elements of any bits at all.
    pub(super) fn values(&mut self, dtype: DType, count: u64) -> Values {
        if dtype == DType::Text {
            let texts = ["", "a", "ü", "日本語", "a longer text than fits anywhere near a pointer", " \n"];
            let text = |_| format!("{}{}", texts[self.below(6) as usize], self.below(10));
            return Values::Text((0..count).map(text).collect());
        }
        let width = dtype.fixed_bytes().unwrap() as u64;
        let bytes: Vec<u8> = (0..width * count).map(|_| self.next() as u8).collect();
        let bytes =
            if dtype == DType::Bool { bytes.into_iter().map(|byte| byte % 2).collect() } else { bytes };
        Values::from_bytes(dtype, &bytes).unwrap()
    }
}

pub(super) fn shape(lengths: &[u64]) -> Shape {
    Shape::new(lengths).unwrap()
}

pub(super) fn write_new(path: &Path, shape: &Shape, values: &Values, options: &ArrayOptions) -> Result<()> {
    let spec = ArraySpec { shape: shape.clone(), dtype: values.dtype() };
    let mut array = NewArray::create(path, &spec, options)?;
    array.write(&Region::whole(shape), values)?;
    array.finish()
}

pub(super) fn read_whole(path: &Path) -> Result<(Shape, Values)> {
    let description = describe(path)?;
    let buffer = Values::zeros(description.dtype, description.shape.element_count())?;
    let values = read(path, &Region::whole(&description.shape), buffer)?;
    Ok((description.shape, values))
}

pub(super) fn append_in_place(path: &Path, rows: u64, values: &Values) -> Result<u64> {
    match append(path, Audience::Public, rows, values, OPTIONS)? {
        InPlace::Done(rows) => Ok(rows),
        other => panic!("the array cannot be extended in place: {other:?}"),
    }
}

/// The values of `all` at the positions of `region`, one by one.
pub(super) fn pick(all: &Values, shape: &Shape, region: &Region) -> Values {
    let mut picked = Values::zeros(all.dtype(), region.element_count().unwrap()).unwrap();
    let counts = region.shape().unwrap();
    for target in 0..counts.element_count() {
        let (mut rest, mut source, mut stride) = (target, 0, 1);
        for (axis, length) in region.axes().iter().zip(shape.iter()).rev() {
            source += (axis.start + rest % axis.count * axis.step) * stride;
            rest /= axis.count;
            stride *= length;
        }
        picked.copy_from(target as usize, all, source as usize..source as usize + 1).unwrap();
    }
    picked
}

pub(super) fn assert_same(found: &Values, expected: &Values, what: &str) {
    assert!(found.same_bits(expected), "{what}: found {found:?}, expected {expected:?}");
}

pub(super) fn kind_of<T>(outcome: Result<T>) -> fascicle_backend::ErrorKind {
    outcome.map(drop).map_err(|error: Error| error.kind()).unwrap_err()
}
