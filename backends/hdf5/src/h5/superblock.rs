//! The superblock of an HDF5 file, versions 2 and 3: who has marked the file as open, and where it says it ends.
//!
//! A writer that is killed leaves its marks, which keep everybody else out, and an end-of-file address that lies before
//! the data that was written last. Both are repaired in place, once it is certain that the writer is gone.

use std::{fs::File, io, os::unix::fs::FileExt};

const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
const BYTES: usize = 48;
const VERSION: usize = 8;
const OFFSET_BYTES: usize = 9;
const MARKS: usize = 11;
const BASE: usize = 12;
const END_OF_FILE: usize = 28;
const CHECKSUM: usize = 44;

/// The mark of any writer.
const WRITER: u8 = 1;
/// The mark of a writer that lets others read meanwhile.
const CONCURRENT_WRITER: u8 = 4;

/// A superblock of version 2 or 3 at the beginning of a file, with addresses of 8 bytes and no user block before it:
/// what every current program writes that asks for more than the earliest format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Superblock {
    bytes: [u8; BYTES],
}

impl Superblock {
    /// Reads the superblock; `None` when the file begins with anything else, older superblocks included.
    pub(crate) fn read(file: &File) -> io::Result<Option<Self>> {
        let mut bytes = [0; BYTES];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let known = bytes.starts_with(&SIGNATURE)
            && matches!(bytes[VERSION], 2 | 3)
            && bytes[OFFSET_BYTES] == 8
            && number(&bytes, BASE) == 0;
        Ok(known.then_some(Superblock { bytes }))
    }

    /// Whether readers can be told of writers by this superblock: they can from version 3 on.
    pub(crate) fn knows_marks(&self) -> bool {
        self.bytes[VERSION] >= 3
    }

    /// Whether some writer has marked the file as open, or died while it had.
    pub(crate) fn is_marked(&self) -> bool {
        self.knows_marks() && self.bytes[MARKS] & (WRITER | CONCURRENT_WRITER) != 0
    }

    /// The length that the file has by its superblock, in bytes.
    pub(crate) fn end_of_file(&self) -> u64 {
        number(&self.bytes, END_OF_FILE)
    }

    /// Whether the checksum is that of the other bytes.
    pub(crate) fn is_sound(&self) -> bool {
        let stored = self.bytes[CHECKSUM..].iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        stored == lookup3(&self.bytes[..CHECKSUM])
    }

    /// The same superblock without marks, and ending no earlier than the file of `length` bytes does.
    pub(crate) fn repaired(&self, length: u64) -> Self {
        let mut bytes = self.bytes;
        bytes[MARKS] = 0;
        bytes[END_OF_FILE..END_OF_FILE + 8].copy_from_slice(&self.end_of_file().max(length).to_le_bytes());
        let checksum = lookup3(&bytes[..CHECKSUM]);
        bytes[CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
        Superblock { bytes }
    }

    /// Writes the superblock over that of the file and waits until it is durable.
    pub(crate) fn write(&self, file: &File) -> io::Result<()> {
        file.write_all_at(&self.bytes, 0)?;
        file.sync_all()
    }
}

/// The little-endian number of 8 bytes at `at`.
fn number(bytes: &[u8; BYTES], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Bob Jenkins' hash `lookup3` with the initial value 0, which HDF5 uses for the checksums of its metadata.
fn lookup3(key: &[u8]) -> u32 {
    let word = |block: &[u8], at: usize| {
        (0..4).fold(0, |word, i| word | u32::from(block.get(at + i).copied().unwrap_or(0)) << (8 * i))
    };
    let start = 0xdead_beef_u32.wrapping_add(key.len() as u32);
    let [mut a, mut b, mut c] = [start; 3];
    let mut rest = key;
    // The last block, even a full one, is mixed differently.
    while let Some((block, after)) = rest.split_at_checked(12).filter(|(_, after)| !after.is_empty()) {
        a = a.wrapping_add(word(block, 0));
        b = b.wrapping_add(word(block, 4));
        c = c.wrapping_add(word(block, 8));
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        rest = after;
    }
    if rest.is_empty() {
        return c;
    }
    a = a.wrapping_add(word(rest, 0));
    b = b.wrapping_add(word(rest, 4));
    c = c.wrapping_add(word(rest, 8));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_lookup3() {
        // The values that the hash's author gives for his function `hashlittle`.
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }
}
