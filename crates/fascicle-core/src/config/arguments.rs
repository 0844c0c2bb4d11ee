//! Fields as `key=value` arguments of a command line.

use super::error::{ConfigError, ConfigErrorKind};
use super::paths::insert_at;
use super::value::{Map, Value};
use super::yaml::{read_yaml, resolve_plain_scalar};

/// Reads arguments such as `n_cells=100 training.rate=1e-5 layers=[8, 4]` into fields.
///
/// A dot in the key nests. The value is what [`parse_argument_value`] says.
///
/// # Errors
/// `Syntax` for an argument without `=` or with a value that isn't YAML, `Invalid` for an empty name, `DuplicateKey` for a
/// field given twice, `Conflict` for a field that is given both as a value and as a map. Messages name the argument.
pub fn parse_arguments<I>(arguments: I) -> Result<Map, ConfigError>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let mut fields = Map::new();
    for argument in arguments {
        let argument = argument.as_ref();
        let Some((key, text)) = argument.split_once('=') else {
            let message = format!("`{argument}` isn't `key=value`");
            return Err(ConfigError::new(ConfigErrorKind::Syntax, message));
        };
        let named = |error: ConfigError| {
            ConfigError::new(error.kind(), format!("{} in the argument `{argument}`", error.message()))
        };
        let value = parse_argument_value(text).map_err(named)?;
        insert_at(&mut fields, key.trim(), value).map_err(named)?;
    }
    Ok(fields)
}

/// Reads the value of an argument.
///
/// What begins with `[`, `{`, a quotation mark or `!!` is YAML: `[1, 2]`, `{a: 1}`, `"007"`, `!!str 007`. Anything else is
/// one plain scalar, whatever marks it holds, and means what it means in YAML 1.2: `1e-5` is a float, `007` is seven,
/// `no` is text, nothing at all is null.
///
/// # Errors
/// As [`read_yaml`].
pub fn parse_argument_value(text: &str) -> Result<Value, ConfigError> {
    let text = text.trim();
    if text.starts_with(['[', '{', '"', '\'']) || text.starts_with("!!") {
        // An argument is never still being written: what stops in the middle is wrong.
        return read_yaml(text).map_err(|error| match error.kind() {
            ConfigErrorKind::Empty | ConfigErrorKind::Truncated => {
                ConfigError::new(ConfigErrorKind::Syntax, error.message())
            }
            _ => error,
        });
    }
    resolve_plain_scalar(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_yaml_1_2() {
        for (text, expected) in [
            ("1e-5", Value::Float(1e-5)),
            ("007", Value::Int(7)),
            ("no", Value::from("no")),
            ("true", Value::Bool(true)),
            ("", Value::Null),
            ("~", Value::Null),
            ("'007'", Value::from("007")),
            ("!!str 1", Value::from("1")),
            ("[1, 2]", Value::from([1, 2])),
            ("a: b", Value::from("a: b")),
            ("*x", Value::from("*x")),
            ("# not a comment", Value::from("# not a comment")),
            ("a=b", Value::from("a=b")),
            ("s3://lab/x", Value::from("s3://lab/x")),
        ] {
            assert_eq!(
                format!("{:?}", parse_argument_value(text)),
                format!("{:?}", Ok::<_, ConfigError>(expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn keys_nest_at_dots() {
        let fields = parse_arguments([
            "n=1",
            "training.rate=0.5",
            "training.layers=[8, {units: 4}]",
            "net={a: 1}",
            "net.b=2",
        ])
        .unwrap();
        let shown = Value::Map(fields).to_string();
        assert_eq!(shown, "{n: 1, training: {rate: 0.5, layers: [8, {units: 4}]}, net: {a: 1, b: 2}}");
    }

    #[test]
    fn contradictions_and_slips_are_refused() {
        for (arguments, kind) in [
            (&["n"][..], ConfigErrorKind::Syntax),
            (&["n=[1"], ConfigErrorKind::Syntax),
            (&["n='a' b"], ConfigErrorKind::Syntax),
            (&["=1"], ConfigErrorKind::Invalid),
            (&["a..b=1"], ConfigErrorKind::Invalid),
            (&["a=1", "a=2"], ConfigErrorKind::DuplicateKey),
            (&["a=1", "a.b=2"], ConfigErrorKind::Conflict),
            (&["a=[&x 1, *x]"], ConfigErrorKind::Refused),
        ] {
            let error = parse_arguments(arguments).unwrap_err();
            assert_eq!(error.kind(), kind, "{arguments:?}");
            assert!(error.to_string().contains(arguments[arguments.len() - 1]), "{error}");
        }
    }
}
