//! Conditions on the fields of configs, as they are typed: `n_cells>50`.

use fascicle::config::{Value, parse_argument_value};
use fascicle::{Config, Error, ErrorKind, Result};
use std::cmp::Ordering;

/// A field compared with a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    field: String,
    operator: Operator,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// The longer ones first.
const OPERATORS: [(&str, Operator); 7] = [
    ("==", Operator::Eq),
    ("!=", Operator::Ne),
    ("<=", Operator::Le),
    (">=", Operator::Ge),
    ("<", Operator::Lt),
    (">", Operator::Gt),
    ("=", Operator::Eq),
];

impl Condition {
    /// Parses a dotted field, an operator and a YAML value. Fails with [`ErrorKind::InvalidInput`].
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refuse = || {
            Error::new(ErrorKind::InvalidInput, format!("{text:?} is no condition"))
                .hint("a condition is FIELD=VALUE, or with one of != < <= > >=")
        };
        let begin = text.find(['=', '!', '<', '>']).ok_or_else(refuse)?;
        let (field, rest) = text.split_at(begin);
        let (sign, operator) =
            OPERATORS.into_iter().find(|(sign, _)| rest.starts_with(sign)).ok_or_else(refuse)?;
        let field = field.trim();
        if field.is_empty() {
            return Err(refuse());
        }
        let value = parse_argument_value(rest.strip_prefix(sign).unwrap_or(rest).trim())?;
        Ok(Condition { field: field.to_owned(), operator, value })
    }

    /// Whether the config has the field and it compares so. Numbers compare with numbers and text with text; everything else is
    /// the same or is not.
    pub(crate) fn holds(&self, config: &Config) -> bool {
        let Some(stored) = config.get(&self.field) else { return false };
        let order = order(stored, &self.value);
        match self.operator {
            Operator::Eq => stored.same_as(&self.value),
            Operator::Ne => !stored.same_as(&self.value),
            Operator::Lt => order == Some(Ordering::Less),
            Operator::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Operator::Gt => order == Some(Ordering::Greater),
            Operator::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

fn order(stored: &Value, given: &Value) -> Option<Ordering> {
    match (stored.as_str(), given.as_str()) {
        (Some(stored), Some(given)) => return Some(stored.cmp(given)),
        (None, None) => {}
        _ => return None,
    }
    if let (Some(stored), Some(given)) = (stored.as_i64(), given.as_i64()) {
        return Some(stored.cmp(&given));
    }
    stored.as_f64()?.partial_cmp(&given.as_f64()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_compare_with_values() {
        let training = fascicle::config::read_yaml("{name: sgd, rate: 0.5}").unwrap();
        let config = Config::new("T").with("n", 100).with("on", true).with("training", training);
        for (text, holds) in [
            ("n>50", true),
            ("n > 100", false),
            ("n>=100.0", true),
            ("n=100", true),
            ("n==1e2", true),
            ("n!=100", false),
            ("n<abc", false),
            ("training.rate<=0.5", true),
            ("training.name=sgd", true),
            ("training.name<t", true),
            ("on=true", true),
            ("on=1", false),
            ("on>0", false),
            ("missing!=1", false),
        ] {
            assert_eq!(Condition::parse(text).unwrap().holds(&config), holds, "{text}");
        }
        for bad in ["Cells", "=1", "", "n!1"] {
            assert!(Condition::parse(bad).is_err(), "{bad}");
        }
    }
}
