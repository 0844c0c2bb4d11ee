//! What the values of a column of JSON could all be.

use arrow_schema::{DataType, Field, Fields};
use indexmap::IndexMap;
use serde_json::{Map, Number, Value};

/// Integers up to here are floats without loss.
const MAX_EXACT_FLOAT: u64 = 1 << 53;

/// The values of a column seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) enum Guess {
    /// Null, or none at all.
    #[default]
    Nothing,
    Bool,
    Number(NumberGuess),
    Text,
    List(Box<Guess>),
    Object(ObjectGuess),
}

/// The members of objects, in the order in which they were first seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObjectGuess {
    members: IndexMap<String, Guess>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberGuess {
    signed: bool,
    unsigned: bool,
    float: bool,
}

impl ObjectGuess {
    /// Takes one object into account; fails with the path of what is of two kinds.
    pub(crate) fn add(&mut self, object: &Map<String, Value>) -> Result<(), String> {
        for (name, value) in object {
            let member = self.members.entry(name.clone()).or_default();
            member.add(value).map_err(|rest| format!("{name}{rest}"))?;
        }
        Ok(())
    }

    /// The columns.
    pub(crate) fn fields(&self, given: &dyn Fn(&str) -> Option<DataType>) -> Vec<Field> {
        let field = |(name, guess): (&String, &Guess)| {
            Field::new(name, given(name).unwrap_or_else(|| guess.data_type()), true)
        };
        self.members.iter().map(field).collect()
    }
}

impl Guess {
    fn add(&mut self, value: &Value) -> Result<(), String> {
        match (&mut *self, value) {
            (_, Value::Null) | (Guess::Bool, Value::Bool(_)) | (Guess::Text, Value::String(_)) => {}
            (Guess::Nothing, Value::Bool(_)) => *self = Guess::Bool,
            (Guess::Nothing, Value::String(_)) => *self = Guess::Text,
            (Guess::Nothing, Value::Number(number)) => *self = Guess::Number(NumberGuess::of(number)),
            (Guess::Nothing, Value::Array(items)) => {
                let mut inner = Guess::default();
                items.iter().try_for_each(|item| inner.add(item))?;
                *self = Guess::List(Box::new(inner));
            }
            (Guess::Nothing, Value::Object(members)) => {
                let mut inner = ObjectGuess::default();
                inner.add(members).map_err(|rest| format!(".{rest}"))?;
                *self = Guess::Object(inner);
            }
            (Guess::Number(guess), Value::Number(number)) => guess.narrow(number),
            (Guess::List(inner), Value::Array(items)) => {
                items.iter().try_for_each(|item| inner.add(item))?;
            }
            (Guess::Object(inner), Value::Object(members)) => {
                inner.add(members).map_err(|rest| format!(".{rest}"))?;
            }
            // Values of several plain types are text.
            (
                Guess::Bool | Guess::Number(_) | Guess::Text,
                Value::Bool(_) | Value::Number(_) | Value::String(_),
            ) => {
                *self = Guess::Text;
            }
            _ => return Err(String::new()),
        }
        Ok(())
    }

    fn data_type(&self) -> DataType {
        match self {
            Guess::Nothing | Guess::Text => DataType::Utf8,
            Guess::Bool => DataType::Boolean,
            Guess::Number(NumberGuess { signed: true, .. }) => DataType::Int64,
            Guess::Number(NumberGuess { unsigned: true, .. }) => DataType::UInt64,
            Guess::Number(NumberGuess { float: true, .. }) => DataType::Float64,
            // Integers among floats that a float would change.
            Guess::Number(_) => DataType::Utf8,
            Guess::List(inner) => DataType::new_list(inner.data_type(), true),
            Guess::Object(inner) => DataType::Struct(Fields::from(inner.fields(&|_| None))),
        }
    }
}

impl NumberGuess {
    fn of(number: &Number) -> Self {
        let mut guess = NumberGuess { signed: true, unsigned: true, float: true };
        guess.narrow(number);
        guess
    }

    fn narrow(&mut self, number: &Number) {
        self.signed &= number.is_i64();
        self.unsigned &= number.is_u64();
        let magnitude = number.as_i64().map(i64::unsigned_abs).or_else(|| number.as_u64());
        self.float &= magnitude.is_none_or(|magnitude| magnitude <= MAX_EXACT_FLOAT);
    }
}
