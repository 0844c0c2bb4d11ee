//! Identities: two configs have the same one if they are the same, and only then.

use super::{Target, texts};
use fascicle::Config;
use fascicle::config::{IdentityRules, Map, Value, identity, read_yaml_bytes};

pub(super) const TARGET: Target =
    Target {
        name: "identity",
        run,
        seeds: || {
            let mut seeds = texts(&["\x02a", "\x05\x03\x02\x07", "\x06\x02ab\x02cd"]);
            seeds.extend((0..8u8).map(|first| {
                (0..40).map(|index| first.wrapping_mul(31) ^ u8::wrapping_mul(index, 7)).collect()
            }));
            seeds.push(b"\0{a: 1, b: [1.0, x]}\n{b: [1, x], a: 1.0}".to_vec());
            seeds
        },
        tokens: &["\0", "\x01", "\x02", "\x03", "\x04", "\x05", "\x06", "\x07", "1.0", "1", "true", "null"],
        quick_runs: 20_000,
    };

fn run(input: &[u8]) {
    let (one, other) = two_values(input);
    let config = |value: &Value| Config::new("T").with("x", value.clone());
    let (Ok(first), Ok(second)) = (of(&config(&one)), of(&config(&other))) else { return };
    assert_eq!(config(&one).same_as(&config(&other)), first == second, "{one:?} and {other:?}");
    // What is the same in other words.
    let said_otherwise = otherwise(&one);
    assert!(one.same_as(&said_otherwise), "{one:?} and {said_otherwise:?}");
    assert_eq!(Some(first), of(&config(&said_otherwise)).ok(), "{one:?} and {said_otherwise:?}");
}

fn of(config: &Config) -> Result<fascicle::Identity, ()> {
    identity(config, &IdentityRules::default()).map_err(|_| ())
}

/// Two values, as YAML in two lines or as a program of a few bytes. The second one often is nearly the first.
fn two_values(input: &[u8]) -> (Value, Value) {
    if let Some((0, text)) = input.split_first() {
        let mut lines = text.split(|byte| *byte == b'\n');
        let mut value = || lines.next().and_then(|line| read_yaml_bytes(line).ok()).unwrap_or_default();
        return (value(), value());
    }
    let mut bytes = input.iter().copied();
    let one = value(&mut bytes, 0);
    let mut copy: Vec<u8> = input.to_vec();
    let (at, bits) = (bytes.next().unwrap_or(0), bytes.next().unwrap_or(0));
    let length = copy.len().max(1);
    if let Some(byte) = copy.get_mut(usize::from(at) % length) {
        *byte ^= bits;
    }
    (one, value(&mut copy.into_iter(), 0))
}

fn value(bytes: &mut impl Iterator<Item = u8>, depth: usize) -> Value {
    let mut next = || bytes.next().unwrap_or(0);
    let kind = next() % if depth < 4 { 8 } else { 6 };
    match kind {
        0 => Value::Null,
        1 => Value::Bool(next() % 2 == 1),
        2 => Value::Int(i128::from(next()) - 128),
        3 => Value::Float(match next() {
            0 => f64::NAN,
            1 => -0.0,
            2 => f64::INFINITY,
            3 => 2f64.powi(64),
            byte => f64::from(byte) / 2.0,
        }),
        4 => Value::Text(text(&mut next)),
        5 => Value::Bytes(text(&mut next).into_bytes()),
        6 => {
            let length = next() % 4;
            Value::List((0..length).map(|_| value(bytes, depth + 1)).collect())
        }
        _ => {
            let length = next() % 4;
            let mut map = Map::new();
            for _ in 0..length {
                let mut next = || bytes.next().unwrap_or(0);
                let key = text(&mut next);
                map.insert(key, value(bytes, depth + 1));
            }
            Value::Map(map)
        }
    }
}

fn text(next: &mut impl FnMut() -> u8) -> String {
    let length = next() % 4;
    (0..length).map(|_| char::from(b'a' + next() % 3)).collect()
}

/// The same value: integers as floats where these hold them, floats as integers, maps in another order.
fn otherwise(value: &Value) -> Value {
    match value {
        Value::Int(integer) if integer.unsigned_abs() < 1 << 53 => Value::Float(*integer as f64),
        Value::Float(float) if *float == float.trunc() && float.abs() < 2f64.powi(100) => {
            Value::Int(*float as i128)
        }
        Value::List(list) => Value::List(list.iter().map(otherwise).collect()),
        Value::Map(map) => {
            Value::Map(map.iter().rev().map(|(key, value)| (key.clone(), otherwise(value))).collect())
        }
        other => other.clone(),
    }
}
