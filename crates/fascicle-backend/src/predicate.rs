//! Conditions on the rows of a table.

use std::fmt;

/// A constant that a column is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A float.
    Float(f64),
    /// Text; compared with a column of another type it is parsed as that type, so `"2024-05-01"` compares with dates.
    Text(String),
}

/// How a column is compared with a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Different.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

/// A condition on a row, with SQL's treatment of nulls: comparing with null is neither true nor false, and only rows
/// for which the whole condition is true are selected.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// A column compared with a literal.
    Compare {
        /// A top-level column.
        column: String,
        /// How.
        comparison: Comparison,
        /// With what.
        literal: Literal,
    },
    /// The column is null.
    IsNull(String),
    /// Both hold.
    And(Box<Predicate>, Box<Predicate>),
    /// At least one holds.
    Or(Box<Predicate>, Box<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
}

impl Predicate {
    /// `column comparison literal`.
    pub fn compare(column: impl Into<String>, comparison: Comparison, literal: impl Into<Literal>) -> Self {
        Predicate::Compare { column: column.into(), comparison, literal: literal.into() }
    }

    /// This and `other`.
    #[must_use]
    pub fn and(self, other: Predicate) -> Self {
        Predicate::And(Box::new(self), Box::new(other))
    }

    /// This or `other`.
    #[must_use]
    pub fn or(self, other: Predicate) -> Self {
        Predicate::Or(Box::new(self), Box::new(other))
    }

    /// The columns it names, in order of appearance; a name may appear more than once.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Predicate::Compare { column, .. } | Predicate::IsNull(column) => vec![column],
            Predicate::And(a, b) | Predicate::Or(a, b) => [a.columns(), b.columns()].concat(),
            Predicate::Not(inner) => inner.columns(),
        }
    }
}

impl std::ops::Not for Predicate {
    type Output = Predicate;
    fn not(self) -> Predicate {
        Predicate::Not(Box::new(self))
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Predicate::Compare { column, comparison, literal } => {
                let sign = match comparison {
                    Comparison::Eq => "=",
                    Comparison::Ne => "!=",
                    Comparison::Lt => "<",
                    Comparison::Le => "<=",
                    Comparison::Gt => ">",
                    Comparison::Ge => ">=",
                };
                write!(f, "{column} {sign} {literal:?}")
            }
            Predicate::IsNull(column) => write!(f, "{column} is null"),
            Predicate::And(a, b) => write!(f, "({a} and {b})"),
            Predicate::Or(a, b) => write!(f, "({a} or {b})"),
            Predicate::Not(inner) => write!(f, "not {inner}"),
        }
    }
}

macro_rules! literal_from {
    ($($rust:ty => $variant:ident),* $(,)?) => {$(
        impl From<$rust> for Literal {
            fn from(value: $rust) -> Self {
                Literal::$variant(value.into())
            }
        }
    )*};
}

literal_from! {
    bool => Bool, i8 => Int, i16 => Int, i32 => Int, i64 => Int, u8 => UInt, u16 => UInt, u32 => UInt, u64 => UInt,
    f32 => Float, f64 => Float, &str => Text, String => Text,
}
