//! Elements as the bytes of a file and back.

use super::{Encoding, header::corrupt};
use fascicle::{DType, Error, ErrorKind, Result, Values};

/// Elements from the bytes of a file, which are a whole number of them and may be changed on the way.
pub(crate) fn decode(encoding: Encoding, bytes: &mut [u8], count: u64) -> Result<Values> {
    if encoding.dtype == DType::Text {
        return decode_text(encoding, bytes, count);
    }
    if encoding.big_endian != cfg!(target_endian = "big") {
        swap(bytes, part_bytes(encoding.dtype));
    }
    Values::from_bytes(encoding.dtype, bytes)
}

/// Elements as the bytes of a file, in native byte order; text is filled up to `text_width` characters.
pub(crate) fn encode(values: &Values, text_width: u64) -> Result<std::borrow::Cow<'_, [u8]>> {
    if let Some(bytes) = values.as_bytes() {
        return Ok(bytes.into());
    }
    let width = usize::try_from(text_width)
        .map_err(|error| Error::new(ErrorKind::LimitExceeded, "text is too long").caused_by(error))?;
    let mut bytes = Vec::new();
    for text in values.as_text().unwrap_or(&[]) {
        let start = bytes.len();
        bytes.extend(text.chars().flat_map(|character| u32::from(character).to_ne_bytes()));
        if bytes.len() - start > width * 4 {
            return Err(
                Error::new(ErrorKind::Conflict, "the array changed while it was read").retryable(true)
            );
        }
        bytes.resize(start + width * 4, 0);
    }
    Ok(bytes.into())
}

/// The bytes that are swapped as a whole: of a complex number, each of its parts.
fn part_bytes(dtype: DType) -> usize {
    match dtype {
        DType::FixedBytes(_) | DType::Text => 1,
        DType::Complex64 => 4,
        DType::Complex128 => 8,
        other => other.fixed_bytes().unwrap_or(1),
    }
}

fn swap(bytes: &mut [u8], width: usize) {
    if width > 1 {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
}

fn decode_text(encoding: Encoding, bytes: &[u8], count: u64) -> Result<Values> {
    let count = usize::try_from(count)
        .map_err(|error| Error::new(ErrorKind::LimitExceeded, "there are too many texts").caused_by(error))?;
    let width = encoding.width as usize;
    if width == 0 {
        return Values::zeros(DType::Text, count as u64);
    }
    let character = |code: &[u8; 4]| {
        let code = if encoding.big_endian { u32::from_be_bytes(*code) } else { u32::from_le_bytes(*code) };
        char::from_u32(code).ok_or_else(|| corrupt(format!("text holds {code:#x}, which is no character")))
    };
    let texts = bytes.chunks_exact(width).map(|element| {
        let text: String = element.as_chunks::<4>().0.iter().map(character).collect::<Result<_>>()?;
        let text = text.trim_end_matches('\0');
        if text.contains('\0') {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "text holds the character NUL, which cannot be stored",
            ));
        }
        Ok(text.to_owned())
    });
    Ok(Values::Text(texts.collect::<Result<_>>()?))
}

/// Brings the elements of an array from Fortran's order into C's.
pub(crate) fn to_c_order(values: &Values, lengths: &[u64]) -> Result<Values> {
    let lengths: Vec<usize> = lengths.iter().map(|length| *length as usize).collect();
    if lengths.iter().filter(|length| **length > 1).count() <= 1 {
        return Ok(values.clone());
    }
    let mut ordered = Values::zeros(values.dtype(), values.len() as u64)?;
    // How far apart in Fortran's order neighbours along each axis are.
    let mut strides = Vec::with_capacity(lengths.len());
    let mut stride = 1;
    for length in &lengths {
        strides.push(stride);
        stride *= length;
    }
    let mut position = vec![0usize; lengths.len()];
    let mut source = 0;
    for target in 0..values.len() {
        ordered.copy_from(target, values, source..source + 1)?;
        for ((at, length), stride) in position.iter_mut().zip(&lengths).zip(&strides).rev() {
            *at += 1;
            source += stride;
            if *at < *length {
                break;
            }
            source -= stride * length;
            *at = 0;
        }
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npy::descr::parse_descr;

    #[test]
    fn bytes_are_swapped_part_by_part() {
        let mut bytes: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|part| part.to_be_bytes()).collect();
        let values = decode(parse_descr(">c8").unwrap(), &mut bytes, 1).unwrap();
        assert!(values.same_bits(&Values::Complex64(vec![num_complex::Complex::new(1.5, -2.0)])));
        let values = decode(parse_descr(">i2").unwrap(), &mut [0, 1, 255, 255], 2).unwrap();
        assert!(values.same_bits(&Values::Int16(vec![1, -1])));
        let values = decode(parse_descr("|S2").unwrap(), &mut b"ab".to_vec(), 1).unwrap();
        assert!(values.same_bits(&Values::FixedBytes { width: 2, bytes: b"ab".to_vec() }));
    }

    #[test]
    fn text_round_trips_and_bad_text_is_refused() {
        let texts = Values::Text(vec!["ü".to_owned(), String::new(), "日本".to_owned()]);
        let mut bytes = encode(&texts, 2).unwrap().into_owned();
        let native = parse_descr("=U2").unwrap();
        assert!(decode(native, &mut bytes, 3).unwrap().same_bits(&texts));
        assert_eq!(encode(&texts, 1).unwrap_err().kind(), ErrorKind::Conflict);
        let surrogate = 0xd800u32.to_be_bytes();
        assert_eq!(
            decode(parse_descr(">U1").unwrap(), &mut surrogate.to_vec(), 1).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
        let nul: Vec<u8> = ['a', '\0', 'b'].iter().flat_map(|c| u32::from(*c).to_be_bytes()).collect();
        assert!(decode(parse_descr(">U3").unwrap(), &mut nul.clone(), 1).is_err());
        assert_eq!(decode(parse_descr("<U0").unwrap(), &mut [], 2).unwrap().len(), 2);
    }

    #[test]
    fn fortran_order_becomes_c_order() {
        let fortran = Values::Int64(vec![1, 4, 2, 5, 3, 6]);
        let ordered = to_c_order(&fortran, &[2, 3]).unwrap();
        assert!(ordered.same_bits(&Values::Int64(vec![1, 2, 3, 4, 5, 6])));
        let cube: Vec<i64> = (0..24).collect();
        let ordered = to_c_order(&Values::Int64(cube), &[2, 3, 4]).unwrap();
        let Values::Int64(ordered) = ordered else { panic!("another dtype") };
        // Element (1, 2, 3) stands at 1 + 2·2 + 3·6 in Fortran's order.
        assert_eq!((ordered[23], ordered[12 + 2 * 4]), (23, 5));
    }
}
