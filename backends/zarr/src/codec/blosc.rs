//! The blosc codec, by the C library.

use crate::metadata::{corrupt, unsupported};
use fascicle_backend::{Error, ErrorKind, Result};
use std::ffi::{CStr, c_char, c_int};

/// The settings of a blosc codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BloscSettings {
    pub(crate) compressor: BloscCompressor,
    /// 0 to 9.
    pub(crate) level: u8,
    /// 0 for none, 1 by bytes, 2 by bits.
    pub(crate) shuffle: u8,
    pub(crate) type_size: usize,
    /// 0 leaves it to the library.
    pub(crate) block_size: usize,
}

/// What blosc compresses blocks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BloscCompressor {
    BloscLz,
    Lz4,
    Lz4Hc,
    Zlib,
    Zstd,
}

impl BloscCompressor {
    pub(crate) fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "blosclz" => BloscCompressor::BloscLz,
            "lz4" => BloscCompressor::Lz4,
            "lz4hc" => BloscCompressor::Lz4Hc,
            "zlib" => BloscCompressor::Zlib,
            "zstd" => BloscCompressor::Zstd,
            other => return Err(unsupported("blosc compressor", other)),
        })
    }

    fn c_name(self) -> &'static CStr {
        match self {
            BloscCompressor::BloscLz => c"blosclz",
            BloscCompressor::Lz4 => c"lz4",
            BloscCompressor::Lz4Hc => c"lz4hc",
            BloscCompressor::Zlib => c"zlib",
            BloscCompressor::Zstd => c"zstd",
        }
    }
}

/// Decompresses a buffer that says it holds at most `most` bytes; what it says is checked before anything is allocated.
pub(crate) fn decompress(encoded: &[u8], most: usize) -> Result<Vec<u8>> {
    let mut size = 0usize;
    // SAFETY: the buffer is valid for its length, and `size` for a write; the function reads nothing else.
    let valid =
        unsafe { blosc_src::blosc_cbuffer_validate(encoded.as_ptr().cast(), encoded.len(), &raw mut size) };
    if valid != 0 {
        return Err(corrupt("a chunk is not a blosc buffer, or is truncated"));
    }
    if size > most {
        return Err(corrupt(format!(
            "a chunk says that it unpacks to {size} bytes, at most {most} belong there"
        )));
    }
    if size == 0 {
        return Ok(Vec::new());
    }
    let mut decoded: Vec<u8> = Vec::new();
    decoded.try_reserve_exact(size).map_err(|error| {
        Error::new(ErrorKind::LimitExceeded, format!("a chunk of {size} bytes does not fit into memory"))
            .caused_by(error)
    })?;
    decoded.resize(size, 0);
    // SAFETY: the source was validated above, which is what makes this call safe by the library's documentation; it writes
    // at most `size` bytes to the target, which has that many.
    let written = unsafe {
        blosc_src::blosc_decompress_ctx(encoded.as_ptr().cast(), decoded.as_mut_ptr().cast(), size, 1)
    };
    if usize::try_from(written) != Ok(size) {
        return Err(corrupt(
            "a chunk cannot be decompressed by blosc, or uses a compressor that is not built in",
        ));
    }
    Ok(decoded)
}

/// Compresses a chunk.
pub(crate) fn compress(decoded: &[u8], settings: BloscSettings) -> Result<Vec<u8>> {
    let overhead = blosc_src::BLOSC_MAX_OVERHEAD as usize;
    if decoded.len() > blosc_src::BLOSC_MAX_BUFFERSIZE as usize {
        let why = format!("a chunk of {} bytes is too large for blosc", decoded.len());
        return Err(Error::new(ErrorKind::LimitExceeded, why));
    }
    let mut encoded = vec![0u8; decoded.len() + overhead];
    let name: *const c_char = settings.compressor.c_name().as_ptr();
    // SAFETY: both buffers are valid for the lengths given, the name ends with a zero, and the library never writes beyond
    // the length of the target.
    let written = unsafe {
        blosc_src::blosc_compress_ctx(
            c_int::from(settings.level),
            c_int::from(settings.shuffle),
            settings.type_size.max(1),
            decoded.len(),
            decoded.as_ptr().cast(),
            encoded.as_mut_ptr().cast(),
            encoded.len(),
            name,
            settings.block_size,
            1,
        )
    };
    match usize::try_from(written) {
        Ok(size) if size > 0 => {
            encoded.truncate(size);
            Ok(encoded)
        }
        _ => Err(Error::new(
            ErrorKind::Internal,
            format!("blosc failed to compress a chunk with code {written}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_round_trip_and_lies_are_found() {
        let decoded: Vec<u8> = (0..40_000u32).flat_map(|number| (number / 7).to_ne_bytes()).collect();
        for name in ["blosclz", "lz4", "lz4hc", "zlib", "zstd"] {
            let compressor = BloscCompressor::parse(name).unwrap();
            let settings = BloscSettings { compressor, level: 5, shuffle: 1, type_size: 4, block_size: 0 };
            let encoded = compress(&decoded, settings).unwrap();
            assert!(encoded.len() < decoded.len() / 2);
            assert_eq!(decompress(&encoded, decoded.len()).unwrap(), decoded, "{name}");
            assert_eq!(decompress(&encoded, decoded.len() - 1).unwrap_err().kind(), ErrorKind::Corrupt);
            assert_eq!(
                decompress(&encoded[..encoded.len() / 2], 1 << 20).unwrap_err().kind(),
                ErrorKind::Corrupt
            );
        }
        for bad in [&b""[..], b"x", &[0xff; 16], &[0xff; 64]] {
            assert_eq!(decompress(bad, 1 << 20).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}
