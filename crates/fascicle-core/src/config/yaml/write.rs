//! Writing a value as YAML that this crate, ruamel.yaml and readers of YAML 1.1 all read back as the same value.

use std::fmt::Write as _;

use super::binary::encode_base64;
use super::read::DOCUMENT_BYTE_LIMIT;
use super::resolve::resolve_plain_scalar;
use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::value::{DEPTH_LIMIT, Map, Value, float_text};

/// The length in characters up to which a key may stand on one line with its value: 1,024 in the standard, less what
/// a reader may count beside the key.
const KEY_CHARACTER_LIMIT: usize = 1000;

/// Writes a document in block style, as datamate does.
///
/// Text that another reader could take for something else is quoted, floats have a point and a signed exponent
/// (`1.0e-05`), null is `null`, bytes are `!!binary`.
///
/// # Errors
/// `Limit` if the document could not be read back: too deep, too large, or a key longer than about 1,000 characters.
pub fn write_yaml(value: &Value) -> Result<String, ConfigError> {
    if value.is_deeper_than(DEPTH_LIMIT) {
        let message = format!("the value nests more than {DEPTH_LIMIT} levels deep");
        return Err(ConfigError::new(ConfigErrorKind::Limit, message));
    }
    let mut out = String::new();
    match value {
        Value::Map(map) if !map.is_empty() => write_map(&mut out, map, 0)?,
        Value::List(list) if !list.is_empty() => write_list(&mut out, list, 0)?,
        scalar => {
            write_scalar(&mut out, scalar);
            out.push('\n');
        }
    }
    if out.len() > DOCUMENT_BYTE_LIMIT {
        let message =
            format!("written as YAML the value has {} bytes, more than {DOCUMENT_BYTE_LIMIT}", out.len());
        return Err(ConfigError::new(ConfigErrorKind::Limit, message));
    }
    Ok(out)
}

/// Writes the entries of a map that isn't empty. The cursor stands where the first key goes.
fn write_map(out: &mut String, map: &Map, indent: usize) -> Result<(), ConfigError> {
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 {
            push_indent(out, indent);
        }
        let start = out.len();
        write_text(out, key);
        if out[start..].chars().count() > KEY_CHARACTER_LIMIT {
            let message = format!("a key has more than {KEY_CHARACTER_LIMIT} characters");
            return Err(ConfigError::new(ConfigErrorKind::Limit, message));
        }
        out.push(':');
        match value {
            Value::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                push_indent(out, indent + 2);
                write_map(out, inner, indent + 2).map_err(|error| error.within(key))?;
            }
            Value::List(list) if !list.is_empty() => {
                // The dashes of a list stand under the key, as ruamel.yaml puts them.
                out.push('\n');
                push_indent(out, indent);
                write_list(out, list, indent).map_err(|error| error.within(key))?;
            }
            scalar => {
                out.push(' ');
                write_scalar(out, scalar);
                out.push('\n');
            }
        }
    }
    Ok(())
}

/// Writes the elements of a list that isn't empty. The cursor stands where the first dash goes.
fn write_list(out: &mut String, list: &[Value], indent: usize) -> Result<(), ConfigError> {
    for (index, value) in list.iter().enumerate() {
        if index > 0 {
            push_indent(out, indent);
        }
        out.push_str("- ");
        match value {
            Value::Map(map) if !map.is_empty() => {
                write_map(out, map, indent + 2).map_err(|error| error.within_element(index))?;
            }
            Value::List(inner) if !inner.is_empty() => {
                write_list(out, inner, indent + 2).map_err(|error| error.within_element(index))?;
            }
            scalar => {
                write_scalar(out, scalar);
                out.push('\n');
            }
        }
    }
    Ok(())
}

fn push_indent(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Writes a scalar, or a collection without elements.
fn write_scalar(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Int(int) => out.push_str(&int.to_string()),
        Value::Float(float) => out.push_str(&portable_float(*float)),
        Value::Text(text) => write_text(out, text),
        Value::Bytes(bytes) => {
            // Quoted, so that no bytes at all are no bytes and not null.
            let _ = write!(out, "!!binary '{}'", encode_base64(bytes));
        }
        Value::List(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
}

/// A float that YAML 1.1 too takes for one: there the mantissa needs a point and the exponent a sign.
fn portable_float(float: f64) -> String {
    let text = float_text(float);
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => text,
    }
}

fn write_text(out: &mut String, text: &str) {
    if may_stand_plain(text) {
        out.push_str(text);
    } else if text.chars().any(needs_escape) {
        out.push_str(&write_double_quoted(text));
    } else {
        let _ = write!(out, "'{}'", text.replace('\'', "''"));
    }
}

/// Whether the text without quotes is that text to every reader.
fn may_stand_plain(text: &str) -> bool {
    let begins_well =
        text.starts_with(|first: char| first.is_alphanumeric() || matches!(first, '_' | '/' | '.'));
    let characters_are_harmless = text.chars().all(|character| {
        character.is_alphanumeric()
            || matches!(character, '_' | '-' | '.' | '/' | '+' | '@' | '(' | ')' | ' ' | ':' | '=')
    });
    begins_well
        && characters_are_harmless
        && !text.chars().any(needs_escape)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.starts_with("...")
        && !is_special_in_yaml_1_1(text)
        && matches!(resolve_plain_scalar(text), Ok(Value::Text(_)))
}

/// Whether a reader of YAML 1.1 could take the text for a boolean, a number, a date or a time.
fn is_special_in_yaml_1_1(text: &str) -> bool {
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    // Whatever begins like a number and has no other letters than those in numbers and dates.
    let numeric = text.starts_with(|first: char| first.is_numeric() || first == '.')
        && text.chars().all(|character| {
            character.is_numeric()
                || matches!(character, '_' | '-' | '.' | '+' | ':' | ' ' | 'a'..='f' | 'A'..='F' | 'x' | 'o' | 'T' | 't' | 'Z')
        });
    word || numeric
}

/// The text in double quotes, with everything escaped that isn't visible or that a reader could change.
pub(crate) fn write_double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if needs_escape(other) => {
                let code = u32::from(other);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Control and line-breaking characters, marks that change the direction of text or have no width, and characters
/// outside the set that YAML allows.
fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffc}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}'
        )
        || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::read::read_yaml;
    use super::*;
    use crate::config::testing::any_value;

    #[test]
    fn writes_a_meta_as_datamate_does() {
        let config = Map::from_iter([
            ("type".to_owned(), Value::from("X")),
            ("n_cells".to_owned(), Value::from(100)),
            (
                "layers".to_owned(),
                Value::from([Value::from([1, 2]), Value::Map(Map::from_iter([("a".into(), 1.into())]))]),
            ),
            ("none".to_owned(), Value::Null),
            ("empty".to_owned(), Value::List(Vec::new())),
        ]);
        let meta = Map::from_iter([
            ("config".to_owned(), Value::Map(config)),
            ("status".to_owned(), Value::from("done")),
        ]);
        assert_eq!(
            write_yaml(&Value::Map(meta)).unwrap(),
            "config:\n  type: X\n  n_cells: 100\n  layers:\n  - - 1\n    - 2\n  - a: 1\n  none: null\n  empty: []\nstatus: done\n"
        );
    }

    #[test]
    fn scalars_are_written_for_every_reader() {
        for (value, expected) in [
            (Value::from(1e-5), "1.0e-05\n"),
            (Value::from(1.5e20), "1.5e+20\n"),
            (Value::from(1.0), "1.0\n"),
            (Value::from(-0.0), "-0.0\n"),
            (Value::from(f64::NAN), ".nan\n"),
            (Value::from(f64::NEG_INFINITY), "-.inf\n"),
            (Value::from("no"), "'no'\n"),
            (Value::from("1:30"), "'1:30'\n"),
            (Value::from("2001-01-01"), "'2001-01-01'\n"),
            (Value::from("007"), "'007'\n"),
            (Value::from("1e5"), "'1e5'\n"),
            (Value::from(""), "''\n"),
            (Value::from("it's"), "'it''s'\n"),
            (Value::from("two\nlines"), "\"two\\nlines\"\n"),
            (Value::from("a b: c"), "'a b: c'\n"),
            (Value::from("s3://lab/x"), "s3://lab/x\n"),
            (Value::from("naïve 日本"), "naïve 日本\n"),
            (Value::from("<<"), "'<<'\n"),
            (Value::Bytes(Vec::new()), "!!binary ''\n"),
        ] {
            assert_eq!(write_yaml(&value).unwrap(), expected);
        }
    }

    #[test]
    fn what_could_not_be_read_back_is_refused() {
        let long_key = Map::from_iter([("k".repeat(2000), Value::Null)]);
        assert_eq!(write_yaml(&Value::Map(long_key)).unwrap_err().kind(), ConfigErrorKind::Limit);
        let large = Value::Text("x".repeat(DOCUMENT_BYTE_LIMIT));
        assert_eq!(write_yaml(&large).unwrap_err().kind(), ConfigErrorKind::Limit);
        let deep = (0..=DEPTH_LIMIT).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        assert_eq!(write_yaml(&deep).unwrap_err().kind(), ConfigErrorKind::Limit);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(value in any_value()) {
            let text = write_yaml(&value).unwrap();
            let back = read_yaml(&text).unwrap();
            prop_assert_eq!(&back, &value, "{}", text);
            prop_assert_eq!(format!("{back:?}"), format!("{value:?}"), "{}", text);
        }
    }
}
