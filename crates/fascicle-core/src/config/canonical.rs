//! The canonical bytes of a value: deterministic CBOR (RFC 8949) with one form per value that is the same.
//!
//! - the keys of a map in the order of their UTF-8 bytes;
//! - lengths and integers in the shortest form, integers beyond 64 bits as big numbers (tags 2 and 3);
//! - a float that is exactly an integer within `i128` is that integer, so `-0.0` is `0`;
//! - every other float in 64 bits, NaN always as `7ff8000000000000`;
//! - text and bytes byte for byte, null as null. Nothing is normalised and nothing is dropped.
//!
//! So two values have the same bytes exactly if they are [the same](Value::same_as).

use super::value::{Map, Value};

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

const POSITIVE_BIG_NUMBER: u64 = 2;
const NEGATIVE_BIG_NUMBER: u64 = 3;

const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;

/// Appends the canonical bytes. The caller has bounded the depth.
pub(crate) fn encode_value(out: &mut Vec<u8>, value: &Value) {
    if let Some(int) = value.as_exact_int() {
        return encode_int(out, int);
    }
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(bool) => out.push(if *bool { 0xf5 } else { 0xf4 }),
        Value::Int(int) => encode_int(out, *int),
        Value::Float(float) => {
            out.push(0xfb);
            let bits = if float.is_nan() { CANONICAL_NAN } else { float.to_bits() };
            out.extend_from_slice(&bits.to_be_bytes());
        }
        Value::Text(text) => encode_text(out, text),
        Value::Bytes(bytes) => encode_bytes(out, bytes),
        Value::List(list) => {
            encode_head(out, LIST, list.len() as u64);
            list.iter().for_each(|element| encode_value(out, element));
        }
        Value::Map(map) => encode_map(out, map),
    }
}

pub(crate) fn encode_map(out: &mut Vec<u8>, map: &Map) {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| key.as_bytes());
    encode_map_head(out, entries.len());
    for (key, value) in entries {
        encode_text(out, key);
        encode_value(out, value);
    }
}

pub(crate) fn encode_map_head(out: &mut Vec<u8>, entries: usize) {
    encode_head(out, MAP, entries as u64);
}

pub(crate) fn encode_text(out: &mut Vec<u8>, text: &str) {
    encode_head(out, TEXT, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn encode_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    encode_head(out, BYTES, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn encode_int(out: &mut Vec<u8>, int: i128) {
    // CBOR holds a negative number n as -1 - n, which is the complement of its bits.
    let (major, big_number_tag, magnitude) =
        if int < 0 { (NEGATIVE, NEGATIVE_BIG_NUMBER, !int) } else { (UNSIGNED, POSITIVE_BIG_NUMBER, int) };
    match u64::try_from(magnitude) {
        Ok(magnitude) => encode_head(out, major, magnitude),
        Err(_) => {
            let digits = magnitude.to_be_bytes();
            let zeros = digits.iter().take_while(|digit| **digit == 0).count();
            encode_head(out, TAG, big_number_tag);
            encode_bytes(out, &digits[zeros..]);
        }
    }
}

fn encode_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(argument as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::testing::any_value;

    fn bytes(value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        encode_value(&mut out, value);
        out
    }

    proptest! {
        #[test]
        fn same_bytes_exactly_if_the_same(a in any_value(), b in any_value()) {
            prop_assert_eq!(bytes(&a) == bytes(&b), a.same_as(&b));
            prop_assert!(a.same_as(&a));
        }

        #[test]
        fn integers_are_the_same_as_their_floats(int in -(1_i64 << 53)..(1_i64 << 53)) {
            prop_assert_eq!(bytes(&Value::from(int)), bytes(&Value::Float(int as f64)));
        }

        #[test]
        fn the_order_of_keys_does_not_count(value in any_value()) {
            fn reversed(value: &Value) -> Value {
                match value {
                    Value::List(list) => Value::List(list.iter().map(reversed).collect()),
                    Value::Map(map) => {
                        Value::Map(map.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect())
                    }
                    other => other.clone(),
                }
            }
            prop_assert_eq!(bytes(&value), bytes(&reversed(&value)));
        }
    }
}
