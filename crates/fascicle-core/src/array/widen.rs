//! Conversion of elements to a wider dtype, without loss.

use crate::{DType, Error, ErrorKind, Result, Values};
use num_complex::Complex;

/// Converts elements to `target`, to which their dtype must [widen](DType::widens_to) without loss; fails with
/// [`ErrorKind::Mismatch`] otherwise. Elements that already have the dtype are passed through.
pub fn widen(values: Values, target: DType) -> Result<Values> {
    let source = values.dtype();
    if source == target {
        return Ok(values);
    }
    let refused = || {
        Error::new(ErrorKind::Mismatch, format!("elements of {source} cannot become {target} without loss"))
            .hint(format!("convert them to {target} first, if that is what you mean"))
    };
    if !source.widens_to(target) {
        return Err(refused());
    }
    widen_integer(&values, target)
        .or_else(|| widen_float(&values, target))
        .or_else(|| widen_bytes(&values, target))
        .ok_or_else(refused)
}

/// Integers of up to 32 bits fit `i64`; those of 64 bits widen to nothing.
fn widen_integer(values: &Values, target: DType) -> Option<Values> {
    let integers: Box<dyn Iterator<Item = i64> + '_> = match values {
        Values::Int8(v) => Box::new(v.iter().map(|x| i64::from(*x))),
        Values::Int16(v) => Box::new(v.iter().map(|x| i64::from(*x))),
        Values::Int32(v) => Box::new(v.iter().map(|x| i64::from(*x))),
        Values::UInt8(v) => Box::new(v.iter().map(|x| i64::from(*x))),
        Values::UInt16(v) => Box::new(v.iter().map(|x| i64::from(*x))),
        Values::UInt32(v) => Box::new(v.iter().map(|x| i64::from(*x))),
        _ => return None,
    };
    // `widens_to` has made sure that every value is exact in the target.
    Some(match target {
        DType::Int16 => Values::Int16(integers.map(|x| x as i16).collect()),
        DType::Int32 => Values::Int32(integers.map(|x| x as i32).collect()),
        DType::Int64 => Values::Int64(integers.collect()),
        DType::UInt16 => Values::UInt16(integers.map(|x| x as u16).collect()),
        DType::UInt32 => Values::UInt32(integers.map(|x| x as u32).collect()),
        DType::UInt64 => Values::UInt64(integers.map(|x| x as u64).collect()),
        DType::Float16 => Values::Float16(integers.map(|x| half::f16::from_f64(x as f64)).collect()),
        DType::Float32 => Values::Float32(integers.map(|x| x as f32).collect()),
        DType::Float64 => Values::Float64(integers.map(|x| x as f64).collect()),
        DType::Complex64 => Values::Complex64(integers.map(|x| Complex::from(x as f32)).collect()),
        DType::Complex128 => Values::Complex128(integers.map(|x| Complex::from(x as f64)).collect()),
        _ => return None,
    })
}

fn widen_float(values: &Values, target: DType) -> Option<Values> {
    use half::f16;
    Some(match (values, target) {
        (Values::Float16(v), DType::Float32) => Values::Float32(v.iter().map(|x| x.to_f32()).collect()),
        (Values::Float16(v), DType::Float64) => Values::Float64(v.iter().map(|x| x.to_f64()).collect()),
        (Values::Float16(v), DType::Complex64) => {
            Values::Complex64(v.iter().map(|x| x.to_f32().into()).collect())
        }
        (Values::Float16(v), DType::Complex128) => {
            Values::Complex128(v.iter().copied().map(f16::to_f64).map(Complex::from).collect())
        }
        (Values::Float32(v), DType::Float64) => Values::Float64(v.iter().map(|x| f64::from(*x)).collect()),
        (Values::Float32(v), DType::Complex64) => {
            Values::Complex64(v.iter().map(|x| Complex::from(*x)).collect())
        }
        (Values::Float32(v), DType::Complex128) => {
            Values::Complex128(v.iter().map(|x| Complex::from(f64::from(*x))).collect())
        }
        (Values::Float64(v), DType::Complex128) => {
            Values::Complex128(v.iter().map(|x| Complex::from(*x)).collect())
        }
        (Values::Complex64(v), DType::Complex128) => {
            Values::Complex128(v.iter().map(|x| Complex::new(f64::from(x.re), f64::from(x.im))).collect())
        }
        _ => return None,
    })
}

/// Shorter byte strings are filled up with zero bytes, as NumPy does.
fn widen_bytes(values: &Values, target: DType) -> Option<Values> {
    let (Values::FixedBytes { width, bytes }, DType::FixedBytes(wider)) = (values, target) else {
        return None;
    };
    let padding = vec![0; wider.checked_sub(*width)? as usize];
    let bytes = bytes
        .chunks_exact(*width as usize)
        .flat_map(|element| element.iter().chain(&padding))
        .copied()
        .collect();
    Some(Values::FixedBytes { width: wider, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_allowed_pair_is_converted() {
        let dtypes =
            DType::PLAIN.into_iter().chain([DType::FixedBytes(2), DType::FixedBytes(4), DType::Text]);
        for source in dtypes.clone() {
            for target in dtypes.clone() {
                let converted = widen(Values::zeros(source, 3).unwrap(), target);
                assert_eq!(converted.is_ok(), source.widens_to(target), "{source} to {target}");
                assert!(converted.is_err() || converted.is_ok_and(|v| v.dtype() == target && v.len() == 3));
            }
        }
    }

    #[test]
    fn values_stay_the_same() {
        let widened = widen(Values::Int8(vec![-128, 127]), DType::Float16).unwrap();
        assert!(
            widened
                .same_bits(&Values::Float16(vec![half::f16::from_f32(-128.0), half::f16::from_f32(127.0)]))
        );
        let widened = widen(Values::UInt32(vec![u32::MAX]), DType::Int64).unwrap();
        assert!(widened.same_bits(&Values::Int64(vec![4_294_967_295])));
        let widened =
            widen(Values::FixedBytes { width: 1, bytes: b"ab".to_vec() }, DType::FixedBytes(2)).unwrap();
        assert!(widened.same_bits(&Values::FixedBytes { width: 2, bytes: b"a\0b\0".to_vec() }));
    }
}
