//! Predicates on batches of rows.

use crate::literal::{Constant, cast_literal};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, RecordBatch, Scalar, cast::AsArray, types};
use arrow_buffer::BooleanBuffer;
use arrow_ord::cmp;
use arrow_schema::{ArrowError, DataType, Schema};
use fascicle_backend::{Comparison, Error, ErrorKind, Predicate, Result};

/// A predicate bound to the columns of a table: names are resolved and literals have the type of their column.
///
/// - A comparison with a null value is neither true nor false.
/// - Floats compare as IEEE 754 says: `-0.0` equals `0.0`, and NaN is unequal to everything, itself included.
/// - Text compares by its bytes, which is the order of code points.
#[derive(Clone, Debug)]
pub struct Filter {
    condition: Condition,
}

#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Compare {
        column: usize,
        comparison: Comparison,
        constant: Constant,
    },
    IsNull(usize),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    /// The same for every row: `None` is unknown.
    Always(Option<bool>),
}

/// For each row whether a condition is true, and whether it is false; neither when it is unknown.
struct Truth {
    is_true: BooleanBuffer,
    is_false: BooleanBuffer,
}

impl Filter {
    /// Binds `predicate` to the columns of `schema`. Fails with [`ErrorKind::InvalidInput`] for an unknown column, for a
    /// column whose type cannot be compared, and for a literal that the column's type does not hold.
    pub fn new(schema: &Schema, predicate: &Predicate) -> Result<Self> {
        Ok(Filter { condition: bind(schema, predicate, false)? })
    }

    /// Binds a predicate that [`Filter::new`] allowed for a table to the columns of one of its parts, in which a column that is not
    /// there is null.
    pub(crate) fn of_part(part: &Schema, predicate: &Predicate) -> Result<Self> {
        Ok(Filter { condition: bind(part, predicate, true)? })
    }

    /// The positions of the columns that the predicate names; a position may appear more than once.
    pub fn columns(&self) -> Vec<usize> {
        fn columns(condition: &Condition) -> Vec<usize> {
            match condition {
                Condition::Compare { column, .. } | Condition::IsNull(column) => vec![*column],
                Condition::And(a, b) | Condition::Or(a, b) => [columns(a), columns(b)].concat(),
                Condition::Not(inner) => columns(inner),
                Condition::Always(_) => Vec::new(),
            }
        }
        columns(&self.condition)
    }

    /// For each row whether the predicate is true; unknown counts as false. The batch has the schema that the predicate was
    /// bound to.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        Ok(BooleanArray::new(evaluate(&self.condition, batch)?.is_true, None))
    }

    pub(crate) fn condition(&self) -> &Condition {
        &self.condition
    }
}

fn bind(schema: &Schema, predicate: &Predicate, absent_is_null: bool) -> Result<Condition> {
    let is_absent = |column: &str| absent_is_null && schema.column_with_name(column).is_none();
    let inner = |predicate: &Predicate| Ok::<_, Error>(Box::new(bind(schema, predicate, absent_is_null)?));
    Ok(match predicate {
        Predicate::Compare { column, .. } if is_absent(column) => Condition::Always(None),
        Predicate::IsNull(column) if is_absent(column) => Condition::Always(Some(true)),
        Predicate::Compare { column, comparison, literal } => {
            let index = column_index(schema, column)?;
            let constant = cast_literal(literal, column, schema.field(index).data_type())?;
            Condition::Compare { column: index, comparison: *comparison, constant }
        }
        Predicate::IsNull(column) => Condition::IsNull(column_index(schema, column)?),
        Predicate::And(a, b) => Condition::And(inner(a)?, inner(b)?),
        Predicate::Or(a, b) => Condition::Or(inner(a)?, inner(b)?),
        Predicate::Not(negated) => Condition::Not(inner(negated)?),
    })
}

/// The position of a column; [`ErrorKind::InvalidInput`] naming those that exist when there is none of that name.
pub(crate) fn column_index(schema: &Schema, column: &str) -> Result<usize> {
    if let Some((index, _)) = schema.fields().iter().enumerate().find(|(_, field)| field.name() == column) {
        return Ok(index);
    }
    const MAX_LISTED: usize = 20;
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut listed: Vec<String> = names.iter().take(MAX_LISTED).map(|name| format!("'{name}'")).collect();
    if names.len() > MAX_LISTED {
        listed.push(format!("and {} more", names.len() - MAX_LISTED));
    }
    let error = Error::new(
        ErrorKind::InvalidInput,
        format!("there is no column '{column}', the columns are {}", listed.join(", ")),
    );
    let closest = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(name, column), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(similarity, _)| *similarity > 0.75);
    Err(match closest {
        Some((_, name)) => error.hint(format!("did you mean '{name}'?")),
        None => error,
    })
}

fn evaluate(condition: &Condition, batch: &RecordBatch) -> Result<Truth> {
    Ok(match condition {
        Condition::Compare { column, comparison, constant } => {
            truth_of(&compare(column_at(batch, *column)?, *comparison, constant)?)
        }
        Condition::IsNull(column) => {
            let column = column_at(batch, *column)?;
            let is_true = match column.logical_nulls() {
                Some(nulls) => !nulls.inner(),
                None => BooleanBuffer::new_unset(column.len()),
            };
            Truth { is_false: !&is_true, is_true }
        }
        Condition::And(a, b) => {
            let (a, b) = (evaluate(a, batch)?, evaluate(b, batch)?);
            Truth { is_true: &a.is_true & &b.is_true, is_false: &a.is_false | &b.is_false }
        }
        Condition::Or(a, b) => {
            let (a, b) = (evaluate(a, batch)?, evaluate(b, batch)?);
            Truth { is_true: &a.is_true | &b.is_true, is_false: &a.is_false & &b.is_false }
        }
        Condition::Not(inner) => {
            let inner = evaluate(inner, batch)?;
            Truth { is_true: inner.is_false, is_false: inner.is_true }
        }
        Condition::Always(truth) => {
            let rows = batch.num_rows();
            let all =
                |holds| if holds { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) };
            Truth { is_true: all(*truth == Some(true)), is_false: all(*truth == Some(false)) }
        }
    })
}

fn column_at(batch: &RecordBatch, index: usize) -> Result<&ArrayRef> {
    batch
        .columns()
        .get(index)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a predicate was evaluated on rows of another schema"))
}

fn truth_of(answers: &BooleanArray) -> Truth {
    match answers.nulls() {
        None => Truth { is_true: answers.values().clone(), is_false: !answers.values() },
        Some(nulls) => {
            Truth { is_true: answers.values() & nulls.inner(), is_false: &!answers.values() & nulls.inner() }
        }
    }
}

/// For each value of a column how it compares; null where it is null.
pub(crate) fn compare(
    column: &ArrayRef,
    comparison: Comparison,
    constant: &Constant,
) -> Result<BooleanArray> {
    let value = match constant {
        Constant::Unknown => return Ok(BooleanArray::new_null(column.len())),
        Constant::Value(value) => value,
    };
    let failed = |error: ArrowError| {
        Error::new(ErrorKind::Unsupported, format!("columns of {} cannot be compared", column.data_type()))
            .caused_by(error)
    };
    let is_encoded = matches!(column.data_type(), DataType::Dictionary(_, _) | DataType::RunEndEncoded(_, _));
    let column = match is_encoded {
        true => &arrow_cast::cast(column, value.data_type()).map_err(failed)?,
        false => column,
    };
    match value.data_type() {
        DataType::Float16 => return Ok(compare_floats::<types::Float16Type>(column, comparison, value)),
        DataType::Float32 => return Ok(compare_floats::<types::Float32Type>(column, comparison, value)),
        DataType::Float64 => return Ok(compare_floats::<types::Float64Type>(column, comparison, value)),
        _ => {}
    }
    let value = Scalar::new(value);
    let kernel = match comparison {
        Comparison::Eq => cmp::eq,
        Comparison::Ne => cmp::neq,
        Comparison::Lt => cmp::lt,
        Comparison::Le => cmp::lt_eq,
        Comparison::Gt => cmp::gt,
        Comparison::Ge => cmp::gt_eq,
    };
    kernel(column, &value).map_err(failed)
}

/// Compares as IEEE 754 says; the kernels of Arrow order floats totally, where NaN is the greatest and `-0.0` is less
/// than `0.0`.
fn compare_floats<T>(column: &ArrayRef, comparison: Comparison, value: &ArrayRef) -> BooleanArray
where
    T: types::ArrowPrimitiveType,
    T::Native: PartialOrd,
{
    let (Some(column), Some(value)) = (column.as_primitive_opt::<T>(), value.as_primitive_opt::<T>()) else {
        return BooleanArray::new_null(column.len());
    };
    let Some(value) = value.iter().next().flatten() else {
        return BooleanArray::new_null(column.len());
    };
    let each = |holds: fn(&T::Native, &T::Native) -> bool| {
        BooleanArray::from_unary(column as &PrimitiveArray<T>, |element| holds(&element, &value))
    };
    match comparison {
        Comparison::Eq => each(T::Native::eq),
        Comparison::Ne => each(T::Native::ne),
        Comparison::Lt => each(T::Native::lt),
        Comparison::Le => each(T::Native::le),
        Comparison::Gt => each(T::Native::gt),
        Comparison::Ge => each(T::Native::ge),
    }
}

#[cfg(test)]
mod tests;
