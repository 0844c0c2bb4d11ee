//! Data to write: every dtype with its awkward values, and a table of every kind of column.

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use fascicle_backend::{DType, Error, ErrorKind, Result, TimeUnit, Values};
use half::f16;
use num_complex::Complex;
use std::sync::Arc;

/// Every dtype, those with a parameter at several.
pub(crate) fn every_dtype() -> Vec<DType> {
    let mut dtypes = DType::PLAIN.to_vec();
    dtypes.extend([1, 3, 40].map(DType::FixedBytes));
    dtypes.push(DType::Text);
    dtypes.extend(TimeUnit::ALL.map(DType::DateTime64));
    dtypes.extend(TimeUnit::ALL.map(DType::TimeDelta64));
    dtypes
}

/// `count` elements of a dtype, of which neighbours differ and which depend on `first` and their position only, so that
/// a sequence can be written in parts.
pub(crate) fn numbered(dtype: DType, first: u64, count: u64) -> Values {
    fn all<T>(first: u64, count: u64, element: impl Fn(u64) -> T) -> Vec<T> {
        (first..first + count).map(element).collect()
    }
    match dtype {
        DType::Bool => Values::Bool(all(first, count, |i| i % 3 == 0 || i % 7 == 1)),
        DType::Int8 => Values::Int8(all(first, count, |i| i as i8)),
        DType::Int16 => Values::Int16(all(first, count, |i| (i as i16).wrapping_mul(-3))),
        DType::Int32 => Values::Int32(all(first, count, |i| (i as i32).wrapping_mul(-70_001))),
        DType::Int64 => Values::Int64(all(first, count, |i| (i as i64).wrapping_mul(-5_000_000_029))),
        DType::UInt8 => Values::UInt8(all(first, count, |i| i as u8)),
        DType::UInt16 => Values::UInt16(all(first, count, |i| (i as u16).wrapping_mul(257))),
        DType::UInt32 => Values::UInt32(all(first, count, |i| (i as u32).wrapping_mul(70_001))),
        DType::UInt64 => Values::UInt64(all(first, count, |i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
        DType::Float16 => Values::Float16(all(first, count, |i| f16::from_f32(i as f32 * 0.25))),
        DType::Float32 => Values::Float32(all(first, count, |i| i as f32 * -0.1)),
        DType::Float64 => Values::Float64(all(first, count, |i| i as f64 * 0.1)),
        DType::Complex64 => Values::Complex64(all(first, count, |i| Complex::new(i as f32, -0.5 * i as f32))),
        DType::Complex128 => {
            Values::Complex128(all(first, count, |i| Complex::new(-(i as f64), 0.1 * i as f64)))
        }
        DType::FixedBytes(width) => {
            let byte = |i: u64, at: u64| (i.wrapping_mul(31).wrapping_add(at * 7) % 251) as u8;
            let bytes = (first..first + count).flat_map(|i| (0..u64::from(width)).map(move |at| byte(i, at)));
            Values::FixedBytes { width, bytes: bytes.collect() }
        }
        DType::Text => Values::Text(all(first, count, |i| format!("{i}{}", "ü".repeat(i as usize % 5)))),
        DType::DateTime64(unit) => Values::DateTime64(unit, all(first, count, |i| i as i64 * 1001 - 5)),
        DType::TimeDelta64(unit) => Values::TimeDelta64(unit, all(first, count, |i| 7 - i as i64 * 13)),
    }
}

/// The numbers `first`, `first + 1`, … as 64-bit integers.
pub(crate) fn counting(first: u64, count: u64) -> Values {
    Values::Int64((first as i64..(first + count) as i64).collect())
}

/// Bytes without a pattern that a backend could mistake for its own, the same for the same `salt`.
pub(crate) fn bytes(salt: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    fastrand::Rng::with_seed(salt).fill(&mut bytes);
    bytes
}

/// A table of five columns of which three have nulls: `id` counts from `first`.
pub(crate) fn people(first: i64, rows: i64) -> Result<RecordBatch> {
    let ids = first..first + rows;
    let ages = ids.clone().map(|id| (id % 4 != 1).then_some(id * 10));
    let names = ids.clone().map(|id| (id % 3 != 2).then(|| format!("name {id}")));
    let scores = ids.clone().map(|id| (id % 5 != 4).then_some(id as f64 / 4.0));
    let columns: [(&str, ArrayRef, bool); 5] = [
        ("id", Arc::new(Int64Array::from_iter_values(ids.clone())), false),
        ("age", Arc::new(Int64Array::from_iter(ages)), true),
        ("name", Arc::new(StringArray::from_iter(names)), true),
        ("score", Arc::new(Float64Array::from_iter(scores)), true),
        ("even", Arc::new(BooleanArray::from_iter(ids.map(|id| Some(id % 2 == 0)))), false),
    ];
    RecordBatch::try_from_iter_with_nullable(columns)
        .map_err(|error| Error::new(ErrorKind::Internal, "the sample cannot be made").caused_by(error))
}

/// The column `id` of rows of [`people`].
pub(crate) fn ids(rows: &RecordBatch) -> Vec<i64> {
    let column = rows.column_by_name("id").and_then(|column| column.as_any().downcast_ref::<Int64Array>());
    column.map(|column| column.values().to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_elements_come_in_parts() {
        for dtype in every_dtype() {
            let (whole, part) = (numbered(dtype, 0, 20), numbered(dtype, 8, 12));
            assert_eq!((whole.dtype(), whole.len()), (dtype, 20));
            assert!(whole.slice(8..20).unwrap().same_bits(&part), "{dtype}");
            assert!(!whole.slice(0..12).unwrap().same_bits(&part), "{dtype}");
        }
    }
}
