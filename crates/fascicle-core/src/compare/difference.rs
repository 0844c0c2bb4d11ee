//! Differences of entries, as facts and as lines of text.

use crate::config;
use arrow_schema::{Field, SchemaRef};
use fascicle_backend::{ArraySpec, EntryKind};
use serde_json::{Value, json};

/// One thing in which two places differ.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryDifference {
    /// The path of the entry below the places that were compared; empty for the places themselves.
    pub path: String,
    /// What differs.
    pub differing: Differing,
}

/// What differs between two entries.
#[derive(Clone, Debug, PartialEq)]
pub enum Differing {
    /// Only this side has the entry.
    OnlyThis {
        /// What it is, such as `array int64 (3,)`.
        description: String,
    },
    /// Only the other side has the entry.
    OnlyOther {
        /// What it is, such as `array int64 (3,)`.
        description: String,
    },
    /// The entries are of different kinds.
    Kind {
        /// The kind here.
        this: EntryKind,
        /// The kind there.
        other: EntryKind,
    },
    /// The arrays have different dtypes or shapes.
    Spec {
        /// Dtype and shape here.
        this: ArraySpec,
        /// Dtype and shape there.
        other: ArraySpec,
    },
    /// The arrays have different elements.
    Elements {
        /// How many elements differ.
        differing: u64,
        /// How many elements there are.
        total: u64,
        /// The position of the first one that differs, in C order; one number an axis.
        position: Vec<u64>,
        /// The element at that position here, as text.
        this: String,
        /// The element at that position there, as text.
        other: String,
    },
    /// The files have different bytes.
    Bytes {
        /// How many bytes there are here.
        this_bytes: u64,
        /// How many bytes there are there.
        other_bytes: u64,
        /// The first position at which they differ, or at which the shorter one ends.
        position: u64,
    },
    /// The tables have different columns.
    Schema {
        /// The columns here.
        this: SchemaRef,
        /// The columns there.
        other: SchemaRef,
    },
    /// The tables have different numbers of rows.
    RowCount {
        /// How many rows there are here.
        this: u64,
        /// How many rows there are there.
        other: u64,
    },
    /// The tables have different rows.
    Rows {
        /// How many rows differ.
        differing: u64,
        /// How many rows there are.
        total: u64,
        /// The first row that differs, counted from zero.
        row: u64,
        /// The first column that differs in that row.
        column: String,
        /// The value there of this side, as text.
        this: String,
        /// The value there of the other side, as text.
        other: String,
    },
    /// An attribute differs.
    Attribute {
        /// Its name.
        name: String,
        /// Its value here, if there is one.
        this: Option<Value>,
        /// Its value there, if there is one.
        other: Option<Value>,
    },
    /// A field of the directories' metas differs.
    Meta(config::Difference),
}

impl Differing {
    /// The stable machine-readable name of what differs.
    pub fn name(&self) -> &'static str {
        match self {
            Differing::OnlyThis { .. } => "only_this",
            Differing::OnlyOther { .. } => "only_other",
            Differing::Kind { .. } => "kind",
            Differing::Spec { .. } => "spec",
            Differing::Elements { .. } => "elements",
            Differing::Bytes { .. } => "bytes",
            Differing::Schema { .. } => "schema",
            Differing::RowCount { .. } => "row_count",
            Differing::Rows { .. } => "rows",
            Differing::Attribute { .. } => "attribute",
            Differing::Meta(_) => "meta",
        }
    }
}

impl EntryDifference {
    /// The line of each side in datamate's form: `≠config.seed: 0` and `≠config.seed: 42`, `+x: array int64 (3,)` and `-x`.
    ///
    /// Entries are named by their path, attributes as `x@units`, fields of a nested directory's meta as `sub/config.seed`.
    pub fn lines(&self) -> (String, String) {
        let path = if self.path.is_empty() { "." } else { self.path.as_str() };
        let one_sided = |name: &str, value: &str| (format!("+{name}: {value}"), format!("-{name}"));
        let swapped = |(this, other): (String, String)| (other, this);
        let changed = |this: String, other: String| (format!("≠{path}: {this}"), format!("≠{path}: {other}"));
        match &self.differing {
            Differing::OnlyThis { description } => one_sided(path, description),
            Differing::OnlyOther { description } => swapped(one_sided(path, description)),
            Differing::Kind { this, other } => changed(this.to_string(), other.to_string()),
            Differing::Spec { this, other } => changed(spec_text(this), spec_text(other)),
            Differing::Elements { differing, total, position, this, other } => {
                let place = if position.is_empty() { String::new() } else { format!(" at {position:?}") };
                let count = if *total > 1 {
                    format!(" ({differing} of {total} elements differ)")
                } else {
                    String::new()
                };
                changed(format!("{this}{place}{count}"), format!("{other}{place}{count}"))
            }
            Differing::Bytes { this_bytes, other_bytes, position } => {
                let text = |bytes| {
                    let bytes = plural(bytes, "byte", "bytes");
                    format!("{bytes} (the first difference is at byte {position})")
                };
                changed(text(*this_bytes), text(*other_bytes))
            }
            Differing::Schema { this, other } => changed(schema_text(this), schema_text(other)),
            Differing::RowCount { this, other } => {
                changed(plural(*this, "row", "rows"), plural(*other, "row", "rows"))
            }
            Differing::Rows { differing, total, row, column, this, other } => {
                let text = |value| {
                    format!("{value} in column '{column}' of row {row} ({differing} of {total} rows differ)")
                };
                changed(text(this), text(other))
            }
            Differing::Attribute { name, this, other } => {
                let name = format!("{}@{name}", self.path);
                match (this, other) {
                    (Some(this), Some(other)) => (format!("≠{name}: {this}"), format!("≠{name}: {other}")),
                    (Some(this), None) => one_sided(&name, &this.to_string()),
                    (None, Some(other)) => swapped(one_sided(&name, &other.to_string())),
                    (None, None) => (format!("-{name}"), format!("-{name}")),
                }
            }
            Differing::Meta(difference) => {
                let mut difference = difference.clone();
                difference.path = self.meta_path(&difference.path);
                let mut lines = config::DifferenceLines::new(&[difference]);
                (lines.this.pop().unwrap_or_default(), lines.other.pop().unwrap_or_default())
            }
        }
    }

    /// The difference as JSON: `path`, `differing` (see [`Differing::name`]), the lines of both sides as `this` and `other`,
    /// and where elements, rows or bytes differ, how many and where.
    pub fn to_json(&self) -> Value {
        let (this, other) = self.lines();
        let mut json = json!({
            "path": self.path, "differing": self.differing.name(), "this": this, "other": other,
        });
        let (count, total, position) = match &self.differing {
            Differing::Elements { differing, total, position, .. } => {
                (Some(*differing), Some(*total), Some(json!(position)))
            }
            Differing::Rows { differing, total, row, .. } => {
                (Some(*differing), Some(*total), Some(json!(row)))
            }
            Differing::Bytes { position, .. } => (None, None, Some(json!(position))),
            _ => (None, None, None),
        };
        let more =
            [("count", count.map(Value::from)), ("total", total.map(Value::from)), ("position", position)];
        if let Some(map) = json.as_object_mut() {
            map.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        json
    }

    fn meta_path(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}/{field}", self.path) }
    }
}

/// The lines of many differences, line by line opposite to each other.
pub fn difference_lines(differences: &[EntryDifference]) -> config::DifferenceLines {
    let mut lines = config::DifferenceLines::default();
    for difference in differences {
        let (this, other) = difference.lines();
        lines.this.push(this);
        lines.other.push(other);
    }
    lines
}

/// A count with its noun, as `1 byte` or `2 bytes`.
pub(super) fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Dtype and shape, as `int64 (3,)`.
pub(super) fn spec_text(spec: &ArraySpec) -> String {
    format!("{} {}", spec.dtype, spec.shape)
}

/// The columns of a table, as `a: Int64, b: Utf8 or null`.
pub(super) fn schema_text(schema: &SchemaRef) -> String {
    let column = |field: &Field| {
        let null = if field.is_nullable() { " or null" } else { "" };
        format!("{}: {}{null}", field.name(), field.data_type())
    };
    schema.fields().iter().map(|field| column(field)).collect::<Vec<_>>().join(", ")
}
