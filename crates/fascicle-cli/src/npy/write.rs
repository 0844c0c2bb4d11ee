//! Writing a file part by part.

use super::descr::format_descr;
use super::elements::encode;
use super::header::format_header;
use fascicle::{ArrayData, DType, Error, Result, Shape, Values};
use std::io::Write;

/// A file being written, in C order.
pub(crate) struct NpyWriter<W> {
    target: W,
    text_width: u64,
}

impl<W: Write> NpyWriter<W> {
    /// Writes the header. For text, `text_width` is the number of characters of the longest element.
    pub(crate) fn create(mut target: W, dtype: DType, shape: &Shape, text_width: u64) -> Result<Self> {
        // NumPy has no text of zero width.
        let text_width = text_width.max(1);
        target.write_all(&format_header(&format_descr(dtype, text_width), shape)).map_err(Error::from)?;
        Ok(NpyWriter { target, text_width })
    }

    /// Writes the next elements, in C order.
    pub(crate) fn write(&mut self, part: &ArrayData) -> Result<()> {
        self.target.write_all(&encode(part.values(), self.text_width)?).map_err(Error::from)
    }
}

/// The number of characters of the longest of these texts; 0 for anything else.
pub(crate) fn text_width(values: &Values) -> u64 {
    let texts = values.as_text().unwrap_or(&[]);
    texts.iter().map(|text| text.chars().count() as u64).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npy::NpyReader;
    use fascicle::TimeUnit;

    #[test]
    fn what_is_written_is_read() {
        let values = [
            Values::Bool(vec![true, false]),
            Values::Float16(vec![half::f16::from_f32(1.5), half::f16::NAN]),
            Values::Complex128(vec![num_complex::Complex::new(1.0, -2.0); 2]),
            Values::FixedBytes { width: 3, bytes: b"ab\0def".to_vec() },
            Values::Text(vec!["日本".to_owned(), "ü".to_owned()]),
            Values::Text(vec![String::new(), String::new()]),
            Values::DateTime64(TimeUnit::Nanosecond, vec![i64::MIN, 7]),
            Values::TimeDelta64(TimeUnit::Day, vec![-1, 1]),
        ];
        for values in values {
            let shape = Shape::new([2]).unwrap();
            let mut bytes = Vec::new();
            let mut writer =
                NpyWriter::create(&mut bytes, values.dtype(), &shape, text_width(&values)).unwrap();
            writer.write(&ArrayData::new(shape, values.clone()).unwrap()).unwrap();
            let total = bytes.len() as u64;
            let mut reader = NpyReader::open(bytes.as_slice(), Some(total)).unwrap();
            let (_, read) = reader.next_part().unwrap().unwrap();
            assert!(read.values().same_bits(&values), "{values:?}");
        }
    }
}
