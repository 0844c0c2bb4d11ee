//! The header of a file: magic, version, and a Python dictionary with three keys.

use super::{Encoding, descr::parse_descr};
use fascicle::{Error, ErrorKind, Result, Shape};
use std::io::{self, Read};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header that is read. NumPy itself refuses to evaluate more than 10,000 bytes.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// More lengths than any shape may have, so that `Shape` says what is wrong with a few too many.
const MAX_LENGTHS: usize = 64;
/// The data begins at a multiple of this.
const ALIGNMENT: usize = 64;

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) encoding: Encoding,
    pub(crate) fortran_order: bool,
    pub(crate) shape: Shape,
    /// Where the data begins.
    pub(crate) header_bytes: u64,
}

/// Reads a header; the source then stands at the first element.
pub(crate) fn read_header(source: &mut impl Read) -> Result<Header> {
    let mut start = [0; 8];
    read_exact(source, &mut start)?;
    let [.., major, minor] = start;
    if !start.starts_with(MAGIC) {
        return Err(corrupt("it does not begin as an .npy file does").hint("write it with numpy.save"));
    }
    let length_bytes = match (major, minor) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        _ => {
            let message = format!("the version {major}.{minor} of the .npy format is not known");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
    };
    let mut length = [0; 4];
    read_exact(source, length.get_mut(..length_bytes).unwrap_or(&mut []))?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER_BYTES {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("the header says that it is {length} bytes long, at most {MAX_HEADER_BYTES} are read"),
        ));
    }
    let mut text = vec![0; length];
    read_exact(source, &mut text)?;
    let text = if major < 3 {
        text.into_iter().map(char::from).collect()
    } else {
        String::from_utf8(text).map_err(|error| corrupt("the header is not UTF-8").caused_by(error))?
    };
    let (encoding, fortran_order, shape) = parse_dictionary(&text)?;
    Ok(Header { encoding, fortran_order, shape, header_bytes: (8 + length_bytes + length) as u64 })
}

/// Writes a header of version 1.0, whose length makes the data aligned.
pub(crate) fn format_header(descr: &str, shape: &Shape) -> Vec<u8> {
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let unpadded = MAGIC.len() + 4 + text.len() + 1;
    text.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(ALIGNMENT) - unpadded));
    text.push('\n');
    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    // At most 32 lengths of 20 digits each, far below what 16 bits hold.
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.as_bytes());
    header
}

fn parse_dictionary(text: &str) -> Result<(Encoding, bool, Shape)> {
    let mut parser = Parser { rest: text };
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    parser.expect('{')?;
    while !parser.accept('}') {
        let key = parser.string()?;
        parser.expect(':')?;
        let repeated = match key.as_str() {
            "descr" if parser.peek() == Some('[') || parser.peek() == Some('(') => {
                return Err(Error::new(ErrorKind::Unsupported, "the dtype is structured")
                    .hint("save each field as an array of its own"));
            }
            "descr" => descr.replace(parser.string()?).is_some(),
            "fortran_order" => fortran_order.replace(parser.truth()?).is_some(),
            "shape" => shape.replace(parser.tuple()?).is_some(),
            other => {
                let shown: String = other.chars().take(40).flat_map(char::escape_debug).collect();
                return Err(corrupt(format!(
                    "the header has the key '{shown}', which does not belong there"
                )));
            }
        };
        if repeated {
            return Err(corrupt(format!("the header has the key '{key}' twice")));
        }
        if !parser.accept(',') {
            parser.expect('}')?;
            break;
        }
    }
    if !parser.rest.trim().is_empty() {
        return Err(corrupt("something follows the dictionary of the header"));
    }
    match (descr, fortran_order, shape) {
        (Some(descr), Some(fortran_order), Some(shape)) => {
            Ok((parse_descr(&descr)?, fortran_order, Shape::new(shape)?))
        }
        _ => Err(corrupt("the header lacks one of 'descr', 'fortran_order' and 'shape'")),
    }
}

/// Reads Python literals, as far as headers have them.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn accept(&mut self, wanted: char) -> bool {
        if self.peek() != Some(wanted) {
            return false;
        }
        self.rest = self.rest.get(wanted.len_utf8()..).unwrap_or("");
        true
    }

    fn expect(&mut self, wanted: char) -> Result<()> {
        if self.accept(wanted) { Ok(()) } else { Err(corrupt(format!("the header lacks a '{wanted}'"))) }
    }

    fn string(&mut self) -> Result<String> {
        let wrong = || corrupt("the header has something else where text belongs");
        let quote = self.peek().filter(|quote| matches!(quote, '\'' | '"')).ok_or_else(wrong)?;
        let body = self.rest.get(1..).ok_or_else(wrong)?;
        let (text, rest) = body.split_once(quote).ok_or_else(wrong)?;
        if text.contains('\\') {
            return Err(wrong());
        }
        self.rest = rest;
        Ok(text.to_owned())
    }

    fn truth(&mut self) -> Result<bool> {
        for (word, truth) in [("True", true), ("False", false)] {
            if self.peek().is_some()
                && let Some(rest) = self.rest.strip_prefix(word)
            {
                self.rest = rest;
                return Ok(truth);
            }
        }
        Err(corrupt("'fortran_order' is neither True nor False"))
    }

    fn tuple(&mut self) -> Result<Vec<u64>> {
        let mut lengths = Vec::new();
        self.expect('(')?;
        while !self.accept(')') {
            self.peek();
            let end =
                self.rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(self.rest.len());
            let (number, rest) = self.rest.split_at(end);
            let length = number.parse().map_err(|error: std::num::ParseIntError| {
                corrupt("'shape' is not a tuple of lengths, which are not negative").caused_by(error)
            })?;
            if lengths.len() >= MAX_LENGTHS {
                return Err(Error::new(ErrorKind::LimitExceeded, "'shape' has too many axes"));
            }
            lengths.push(length);
            // Python 2 wrote long integers with an L.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(lengths)
    }
}

fn read_exact(source: &mut impl Read, buffer: &mut [u8]) -> Result<()> {
    source.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => corrupt("it ends within the header").caused_by(error),
        _ => Error::from(error),
    })
}

pub(super) fn corrupt(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle::DType;

    fn file(version: u8, text: &str) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([version, 0]);
        match version {
            1 => bytes.extend((text.len() as u16).to_le_bytes()),
            _ => bytes.extend((text.len() as u32).to_le_bytes()),
        }
        bytes.extend(text.as_bytes());
        bytes
    }

    #[test]
    fn headers_of_all_versions_are_read() {
        let text = "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4), }   \n";
        for version in 1..=3 {
            let bytes = file(version, text);
            let header = read_header(&mut bytes.as_slice()).unwrap();
            assert_eq!((header.encoding.dtype, header.fortran_order), (DType::Float64, true));
            assert_eq!(
                (header.shape.to_string(), header.header_bytes),
                ("(3, 4)".to_owned(), bytes.len() as u64)
            );
        }
        for (shape, expected) in
            [("()", "()"), ("(3,)", "(3,)"), ("(3L, 4L)", "(3, 4)"), ("( 1 ,2 )", "(1, 2)")]
        {
            let text = format!("{{\"shape\":{shape},'fortran_order':False,'descr':\"|b1\"}}");
            assert_eq!(read_header(&mut file(1, &text).as_slice()).unwrap().shape.to_string(), expected);
        }
    }

    #[test]
    fn written_headers_are_read_and_aligned() {
        for lengths in [vec![], vec![5], vec![1 << 40, 2, 3], vec![1; 32]] {
            let shape = Shape::new(lengths).unwrap();
            let bytes = format_header("<i4", &shape);
            assert_eq!(bytes.len() % ALIGNMENT, 0);
            assert_eq!(read_header(&mut bytes.as_slice()).unwrap().shape, shape);
        }
    }

    #[test]
    fn hostile_headers_are_errors() {
        let with = |shape: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}");
        let texts = [
            String::new(),
            "{}".to_owned(),
            "{'descr': '<f8'".to_owned(),
            "__import__('os').system('id')".to_owned(),
            with("(-1,)"),
            with("(1.5,)"),
            with("[3]"),
            with("(99999999999999999999,)"),
            with("(4294967296, 4294967296)"),
            with("(0, 9223372036854775807, 9223372036854775807)"),
            with(&format!("({})", "1,".repeat(33))),
            with(&format!("({})", "1,".repeat(1000))),
            with("(3,)") + " x",
            "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': ()}".to_owned(),
            "{'descr': '<f8', 'fortran_order': 1, 'shape': ()}".to_owned(),
            "{'descr': '<f8', 'fortran_order': False, 'shape': (), 'x': 1}".to_owned(),
            "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': ()}".to_owned(),
            "{'descr': '|O', 'fortran_order': False, 'shape': ()}".to_owned(),
            "{'descr': 'a\\'b', 'fortran_order': False, 'shape': ()}".to_owned(),
        ];
        for text in texts {
            assert!(read_header(&mut file(1, &text).as_slice()).is_err(), "{text}");
        }
        let mut long = file(2, "");
        long.splice(8.., u32::MAX.to_le_bytes());
        assert_eq!(read_header(&mut long.as_slice()).unwrap_err().kind(), ErrorKind::LimitExceeded);
        for bytes in [
            &b""[..],
            b"\x93NUMP",
            b"PK\x03\x04aaaaaaaa",
            b"\x93NUMPY\x04\x00\x00\x00",
            b"\x93NUMPY\x01\x00\x10\x00{",
        ] {
            assert!(read_header(&mut { bytes }).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn no_mutation_of_a_header_panics() {
        let valid = file(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }");
        for at in 0..valid.len() {
            for byte in [0, b'\'', b'(', b'{', b'9', 0x80, 0xff] {
                let mut mutant = valid.clone();
                mutant[at] = byte;
                let _ = read_header(&mut mutant.as_slice());
                let _ = read_header(&mut &mutant[..at]);
            }
        }
    }
}
