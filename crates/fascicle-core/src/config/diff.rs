//! How two configurations or metas differ, as facts and as the lines that datamate shows.

use std::fmt;

use super::configuration::Config;
use super::value::{Map, Value};

/// In which way a field differs, seen from the first of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DifferenceKind {
    /// Only this one has the field.
    Added,
    /// Only the other one has the field.
    Removed,
    /// Both have the field, with different values.
    Changed,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The dotted path of the field.
    pub path: String,
    /// In which way it differs.
    pub kind: DifferenceKind,
    /// The value here, none if the field is `Removed`.
    pub this: Option<Value>,
    /// The value there, none if the field is `Added`.
    pub other: Option<Value>,
}

/// The differences of two maps, by [`Value::same_as`]. Maps are compared field by field, lists as a whole.
/// The fields of `this` come first, in their order; at each level those that only `other` has follow.
pub fn differences(this: &Map, other: &Map) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&mut found, "", this, other);
    found
}

/// The differences of two configurations. A difference of type has the path `type`.
pub fn config_differences(this: &Config, other: &Config) -> Vec<Difference> {
    match (this.to_value(), other.to_value()) {
        (Value::Map(this), Value::Map(other)) => differences(&this, &other),
        // A configuration is always stored as a map.
        _ => Vec::new(),
    }
}

fn compare(found: &mut Vec<Difference>, parent: &str, this: &Map, other: &Map) {
    let path_of = |key: &str| if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") };
    for (key, value) in this {
        let path = path_of(key);
        match (value, other.get(key)) {
            (value, None) => {
                found.push(Difference {
                    path,
                    kind: DifferenceKind::Added,
                    this: Some(value.clone()),
                    other: None,
                });
            }
            (Value::Map(inner), Some(Value::Map(other_inner))) => compare(found, &path, inner, other_inner),
            (value, Some(other)) if value.same_as(other) => {}
            (value, Some(other)) => {
                let (this, other) = (Some(value.clone()), Some(other.clone()));
                found.push(Difference { path, kind: DifferenceKind::Changed, this, other });
            }
        }
    }
    for (key, value) in other.iter().filter(|(key, _)| !this.contains_key(*key)) {
        let difference = Difference {
            path: path_of(key),
            kind: DifferenceKind::Removed,
            this: None,
            other: Some(value.clone()),
        };
        found.push(difference);
    }
}

/// The differences as the two lists of lines that datamate shows: `≠config.seed: 0`, `+x: 1`, `-x`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DifferenceLines {
    /// What holds for this one.
    pub this: Vec<String>,
    /// What holds for the other one, line by line opposite to `this`.
    pub other: Vec<String>,
}

impl DifferenceLines {
    /// The lines of these differences.
    pub fn new(differences: &[Difference]) -> Self {
        let mut lines = Self::default();
        for Difference { path, kind, this, other } in differences {
            let line = |sign: char, value: &Option<Value>| match value {
                Some(value) => format!("{sign}{path}: {value}"),
                None => format!("-{path}"),
            };
            let (this_sign, other_sign) = match kind {
                DifferenceKind::Added => ('+', '-'),
                DifferenceKind::Removed => ('-', '+'),
                DifferenceKind::Changed => ('≠', '≠'),
            };
            lines.this.push(line(this_sign, this));
            lines.other.push(line(other_sign, other));
        }
        lines
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.this.is_empty()
    }

    /// The lines under a name each, for messages:
    ///
    /// ```text
    /// passed: ≠seed: 0, +n_cells: 100
    /// stored: ≠seed: 42, -n_cells
    /// ```
    pub fn named<'a>(&'a self, this: &'a str, other: &'a str) -> impl fmt::Display + 'a {
        NamedLines { lines: self, this, other }
    }
}

struct NamedLines<'a> {
    lines: &'a DifferenceLines,
    this: &'a str,
    other: &'a str,
}

impl fmt::Display for NamedLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (this, other) = (self.lines.this.join(", "), self.lines.other.join(", "));
        write!(f, "{}: {this}\n{}: {other}", self.this, self.other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::testing::any_fields;
    use crate::config::yaml::read_yaml;

    fn lines(this: &str, other: &str) -> DifferenceLines {
        let map = |text: &str| read_yaml(text).unwrap().as_map().unwrap().clone();
        DifferenceLines::new(&differences(&map(this), &map(other)))
    }

    #[test]
    fn the_lines_are_those_of_datamate() {
        let found = lines(
            "{config: {type: X, seed: 0}, status: done}",
            "{config: {seed: 42, type: X}, status: done}",
        );
        assert_eq!(
            found,
            DifferenceLines {
                this: vec!["≠config.seed: 0".into()], other: vec!["≠config.seed: 42".into()]
            }
        );
        let found = lines(
            "{config: {s: txt, only_a: 1, m: {y: {z: [1, 2]}}}}",
            "{config: {s: other, only_b: {deep: 1}, m: {y: {z: [1, 3], w: 5}}}}",
        );
        assert_eq!(
            found.this,
            [
                "≠config.s: txt",
                "+config.only_a: 1",
                "≠config.m.y.z: [1, 2]",
                "-config.m.y.w",
                "-config.only_b"
            ]
        );
        assert_eq!(
            found.other,
            [
                "≠config.s: other",
                "-config.only_a",
                "≠config.m.y.z: [1, 3]",
                "+config.m.y.w: 5",
                "+config.only_b: {deep: 1}"
            ]
        );
        let shown = lines("{seed: 0, n: 100}", "{seed: 42}").named("passed", "stored").to_string();
        assert_eq!(shown, "passed: ≠seed: 0, +n: 100\nstored: ≠seed: 42, -n");
    }

    #[test]
    fn a_change_of_kind_is_a_change() {
        let found = lines("{a: {b: 1}, c: 5, d: 1}", "{a: 3, c: {q: 1}, d: '1'}");
        assert_eq!(found.this, ["≠a: {b: 1}", "≠c: 5", "≠d: 1"]);
        assert_eq!(found.other, ["≠a: 3", "≠c: {q: 1}", "≠d: \"1\""]);
        assert!(lines("{a: .nan, b: 1, c: [1]}", "{a: .nan, b: 1.0, c: [1.0]}").is_empty());
        assert_eq!(lines("{a: null}", "{}").this, ["+a: null"]);
    }

    #[test]
    fn a_difference_of_type_is_one() {
        let found = config_differences(&Config::new("A").with("x", 1), &Config::new("B").with("x", 1));
        assert_eq!(DifferenceLines::new(&found).this, ["≠type: A"]);
    }

    proptest! {
        #[test]
        fn nothing_differs_exactly_if_the_same(a in any_fields(), b in any_fields()) {
            prop_assert_eq!(differences(&a, &b).is_empty(), Value::Map(a.clone()).same_as(&Value::Map(b.clone())));
            prop_assert_eq!(differences(&a, &b).len(), differences(&b, &a).len());
            prop_assert!(differences(&a, &a).is_empty());
        }
    }
}
