//! States are told apart by 128 bits: with a hundred million of them, two share one with a chance of 1 in 10^22.

use crate::state::State;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// The fingerprint of a state.
pub(crate) fn of(state: &State) -> u128 {
    let mut lanes = Lanes { one: 0x243f_6a88_85a3_08d3, other: 0x1319_8a2e_0370_7344 };
    state.hash(&mut lanes);
    (u128::from(mixed(lanes.one)) << 64) | u128::from(mixed(lanes.other))
}

/// Two hashes of the same words, by different multipliers.
struct Lanes {
    one: u64,
    other: u64,
}

impl Lanes {
    fn word(&mut self, word: u64) {
        self.one = (self.one.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.other = (self.other.rotate_left(23) ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93);
    }
}

impl Hasher for Lanes {
    fn finish(&self) -> u64 {
        self.one
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte));
            self.word(word);
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.word(byte.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.word(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.word(number as u64);
    }
}

fn mixed(mut word: u64) -> u64 {
    word = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    word ^ (word >> 29)
}

/// A set of fingerprints, which are hashes already.
pub(crate) type Fingerprints = std::collections::HashSet<u128, BuildHasherDefault<Itself>>;

/// The hash of a fingerprint: its own bits.
#[derive(Default)]
pub(crate) struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, number: u128) {
        self.0 = (number >> 64) as u64 ^ number as u64;
    }
}
