//! Conditions of a query as conditions that the storage understands.
//!
//! A condition goes down only when the storage selects exactly the rows that the engine would. That leaves out floats: the engine
//! orders NaN and negative zero, the storage compares as IEEE 754 says.

use arrow_array::cast::AsArray;
use arrow_schema::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use fascicle_core::{Comparison, Literal, Predicate};

/// Longer lists of values are for the engine, which looks values up instead of comparing with each.
const MAX_LIST: usize = 32;

/// Whether the storage can select by `condition` exactly as the engine does.
pub(crate) fn is_pushed(condition: &Expr, schema: &Schema) -> bool {
    as_predicate(condition, schema).is_some()
}

/// The same condition for the storage; `None` when it would not be the same.
pub(crate) fn as_predicate(condition: &Expr, schema: &Schema) -> Option<Predicate> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            Some(as_predicate(left, schema)?.and(as_predicate(right, schema)?))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(as_predicate(left, schema)?.or(as_predicate(right, schema)?))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let comparison = comparison(*op)?;
            match (&**left, &**right) {
                (Expr::Column(column), Expr::Literal(value, _)) => {
                    compare(&column.name, comparison, value, schema)
                }
                (Expr::Literal(value, _), Expr::Column(column)) => {
                    compare(&column.name, mirrored(comparison), value, schema)
                }
                _ => None,
            }
        }
        Expr::Not(inner) => Some(!as_predicate(inner, schema)?),
        Expr::IsNull(inner) => Some(Predicate::IsNull(known_column(inner, schema)?)),
        Expr::IsNotNull(inner) => Some(!Predicate::IsNull(known_column(inner, schema)?)),
        Expr::Column(column) => match schema.field_with_name(&column.name).ok()?.data_type() {
            DataType::Boolean => Some(Predicate::compare(&column.name, Comparison::Eq, true)),
            _ => None,
        },
        Expr::Between(Between { expr, negated, low, high }) => {
            let (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) =
                (&**expr, &**low, &**high)
            else {
                return None;
            };
            let from = compare(&column.name, Comparison::Ge, low, schema)?;
            let to = compare(&column.name, Comparison::Le, high, schema)?;
            let within = from.and(to);
            Some(if *negated { !within } else { within })
        }
        Expr::InList(InList { expr, list, negated }) if list.len() <= MAX_LIST => {
            let Expr::Column(column) = &**expr else { return None };
            let each = list.iter().map(|value| match value {
                Expr::Literal(value, _) => compare(&column.name, Comparison::Eq, value, schema),
                _ => None,
            });
            let any = each.collect::<Option<Vec<_>>>()?.into_iter().reduce(Predicate::or)?;
            Some(if *negated { !any } else { any })
        }
        _ => None,
    }
}

fn known_column(expression: &Expr, schema: &Schema) -> Option<String> {
    match expression {
        Expr::Column(column) => schema.field_with_name(&column.name).ok().map(|field| field.name().clone()),
        _ => None,
    }
}

fn comparison(operator: Operator) -> Option<Comparison> {
    Some(match operator {
        Operator::Eq => Comparison::Eq,
        Operator::NotEq => Comparison::Ne,
        Operator::Lt => Comparison::Lt,
        Operator::LtEq => Comparison::Le,
        Operator::Gt => Comparison::Gt,
        Operator::GtEq => Comparison::Ge,
        _ => return None,
    })
}

/// The comparison with its sides exchanged.
fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        Comparison::Gt => Comparison::Lt,
        Comparison::Ge => Comparison::Le,
        same => same,
    }
}

fn compare(column: &str, comparison: Comparison, value: &ScalarValue, schema: &Schema) -> Option<Predicate> {
    let data_type = match schema.field_with_name(column).ok()?.data_type() {
        DataType::Dictionary(_, values) => values,
        plain => plain,
    };
    let value = match value {
        ScalarValue::Dictionary(_, value) => value,
        plain => plain,
    };
    let is_text =
        |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let same_type = value.data_type() == *data_type || is_text(data_type) && is_text(&value.data_type());
    same_type.then(|| Some(Predicate::compare(column, comparison, literal(value)?)))?
}

/// The value as a literal that the storage turns into the same value again.
fn literal(value: &ScalarValue) -> Option<Literal> {
    Some(match value {
        ScalarValue::Boolean(Some(value)) => Literal::from(*value),
        ScalarValue::Int8(Some(value)) => Literal::from(*value),
        ScalarValue::Int16(Some(value)) => Literal::from(*value),
        ScalarValue::Int32(Some(value)) => Literal::from(*value),
        ScalarValue::Int64(Some(value)) => Literal::from(*value),
        ScalarValue::UInt8(Some(value)) => Literal::from(*value),
        ScalarValue::UInt16(Some(value)) => Literal::from(*value),
        ScalarValue::UInt32(Some(value)) => Literal::from(*value),
        ScalarValue::UInt64(Some(value)) => Literal::from(*value),
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => Literal::from(text.as_str()),
        ScalarValue::Date32(Some(_))
        | ScalarValue::Time32Second(Some(_))
        | ScalarValue::Time32Millisecond(Some(_))
        | ScalarValue::Time64Microsecond(Some(_))
        | ScalarValue::Time64Nanosecond(Some(_))
        | ScalarValue::TimestampSecond(Some(_), _)
        | ScalarValue::TimestampMillisecond(Some(_), _)
        | ScalarValue::TimestampMicrosecond(Some(_), _)
        | ScalarValue::TimestampNanosecond(Some(_), _) => Literal::from(time_text(value)?),
        _ => return None,
    })
}

/// A time as text, when that text is read as the same time again.
fn time_text(value: &ScalarValue) -> Option<String> {
    let time = value.to_array().ok()?;
    let text = arrow_cast::cast(&time, &DataType::Utf8).ok()?;
    let again = arrow_cast::cast(&text, time.data_type()).ok()?;
    let text = text.as_string_opt::<i32>()?.iter().next()??.to_owned();
    (again.to_data() == time.to_data()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{Field, TimeUnit};
    use datafusion::prelude::{col, lit};

    fn schema() -> Schema {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        Schema::new(vec![
            Field::new("i", DataType::Int32, true),
            Field::new("f", DataType::Float64, true),
            Field::new("t", DataType::LargeUtf8, true),
            Field::new("b", DataType::Boolean, true),
            Field::new("d", DataType::Date32, true),
            Field::new("z", DataType::Timestamp(TimeUnit::Microsecond, Some("+02:00".into())), true),
            Field::new("k", dictionary, true),
        ])
    }

    fn pushed(condition: Expr) -> Option<String> {
        as_predicate(&condition, &schema()).map(|predicate| predicate.to_string())
    }

    #[test]
    fn what_the_storage_selects_alike_goes_down() {
        let zoned = ScalarValue::TimestampMicrosecond(Some(1), Some("+02:00".into()));
        let entry = ScalarValue::Dictionary(Box::new(DataType::Int8), Box::new(ScalarValue::from("x")));
        for (condition, expected) in [
            (col("i").gt(lit(1i32)), "i > Int(1)"),
            (lit(1i32).gt(col("i")), "i < Int(1)"),
            (col("t").eq(lit("a")), r#"t = Text("a")"#),
            (col("b").and(!col("b")), "(b = Bool(true) and not b = Bool(true))"),
            (col("f").is_null().or(col("i").is_not_null()), "(f is null or not i is null)"),
            (col("i").in_list(vec![lit(1i32), lit(2i32)], true), "not (i = Int(1) or i = Int(2))"),
            (col("i").between(lit(1i32), lit(2i32)), "(i >= Int(1) and i <= Int(2))"),
            (col("d").lt(lit(ScalarValue::Date32(Some(1)))), r#"d < Text("1970-01-02")"#),
            (col("z").lt(lit(zoned)), r#"z < Text("1970-01-01T02:00:00.000001+02:00")"#),
            (col("k").eq(lit(entry)), r#"k = Text("x")"#),
        ] {
            assert_eq!(pushed(condition.clone()).as_deref(), Some(expected), "{condition}");
        }
    }

    #[test]
    fn what_could_be_selected_otherwise_stays() {
        for condition in [
            col("f").gt(lit(1.0)),
            col("i").gt(lit(1i64)),
            col("i").gt(col("i")),
            (col("i") + lit(1i32)).gt(lit(1i32)),
            col("i").eq(lit(ScalarValue::Int32(None))),
            col("t").like(lit("a%")),
            col("f").gt(lit(1.0)).or(col("i").gt(lit(1i32))),
            !(col("f").gt(lit(1.0)).and(col("i").gt(lit(1i32)))),
            col("other").is_null(),
            // A day in the year 262144, which no text says.
            col("d").lt(lit(ScalarValue::Date32(Some(i32::MAX)))),
        ] {
            assert_eq!(pushed(condition.clone()), None, "{condition}");
        }
        assert!(is_pushed(&col("b"), &schema()));
    }
}
