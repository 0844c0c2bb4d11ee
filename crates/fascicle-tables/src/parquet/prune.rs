//! Which row groups cannot hold a selected row, by their statistics.

use crate::{
    Filter,
    filter::{Condition, compare},
    literal::Constant,
};
use arrow_array::{Array, ArrayRef, cast::AsArray, types};
use arrow_schema::DataType;
use fascicle_backend::Comparison;
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, statistics::StatisticsConverter},
    errors::ParquetError,
};

/// The positions of the row groups in which the filter may select rows.
pub(super) fn row_groups_that_may_match(
    metadata: &ArrowReaderMetadata,
    filter: &Filter,
) -> Result<Vec<usize>, ParquetError> {
    let may_match = may_be_true(metadata, filter.condition())?;
    Ok(may_match.into_iter().enumerate().filter(|(_, may)| *may).map(|(group, _)| group).collect())
}

/// For each row group whether the condition may be true for a row; in doubt it may.
fn may_be_true(metadata: &ArrowReaderMetadata, condition: &Condition) -> Result<Vec<bool>, ParquetError> {
    let both = |a: &Condition, b: &Condition, join: fn(bool, bool) -> bool| {
        let (a, b) = (may_be_true(metadata, a)?, may_be_true(metadata, b)?);
        Ok(a.into_iter().zip(b).map(|(a, b)| join(a, b)).collect())
    };
    match condition {
        Condition::And(a, b) => both(a, b, |a, b| a && b),
        Condition::Or(a, b) => both(a, b, |a, b| a || b),
        Condition::Compare { column, comparison, constant: constant @ Constant::Value(_) } => {
            comparison_may_hold(metadata, *column, *comparison, constant)
        }
        Condition::Compare { constant: Constant::Unknown, .. } | Condition::Always(None | Some(false)) => {
            Ok(vec![false; metadata.metadata().num_row_groups()])
        }
        Condition::IsNull(_) | Condition::Not(_) | Condition::Always(Some(true)) => Ok(undecided(metadata)),
    }
}

fn undecided(metadata: &ArrowReaderMetadata) -> Vec<bool> {
    vec![true; metadata.metadata().num_row_groups()]
}

fn comparison_may_hold(
    metadata: &ArrowReaderMetadata,
    column: usize,
    comparison: Comparison,
    constant: &Constant,
) -> Result<Vec<bool>, ParquetError> {
    let schema = metadata.schema();
    let Some(field) = schema.fields().get(column).filter(|field| is_ordered_plainly(field.data_type()))
    else {
        return Ok(undecided(metadata));
    };
    let groups = metadata.metadata().row_groups();
    let statistics = StatisticsConverter::try_new(field.name(), schema, metadata.parquet_schema())?;
    let holds = |bounds: ArrayRef, comparison: Comparison| {
        let answers = compare(&bounds, comparison, constant)
            .map_err(|error| ParquetError::General(error.message().to_owned()))?;
        // Without a bound, or with one that is no number, nothing is known.
        let known = |group: usize| bounds.is_valid(group) && !is_nan(&bounds, group);
        let may =
            (0..bounds.len()).map(|group| !known(group) || answers.is_null(group) || answers.value(group));
        Ok::<Vec<bool>, ParquetError>(may.collect())
    };
    match comparison {
        Comparison::Lt | Comparison::Le => holds(statistics.row_group_mins(groups)?, comparison),
        Comparison::Gt | Comparison::Ge => holds(statistics.row_group_maxes(groups)?, comparison),
        Comparison::Eq => {
            let above = holds(statistics.row_group_mins(groups)?, Comparison::Le)?;
            let below = holds(statistics.row_group_maxes(groups)?, Comparison::Ge)?;
            Ok(above.into_iter().zip(below).map(|(above, below)| above && below).collect())
        }
        Comparison::Ne => Ok(undecided(metadata)),
    }
}

/// Whether the order of the format's statistics is the order of comparisons.
fn is_ordered_plainly(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Float32
                | DataType::Float64
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Date32
                | DataType::Time32(_)
                | DataType::Time64(_)
                | DataType::Timestamp(_, _)
        )
}

fn is_nan(bounds: &ArrayRef, group: usize) -> bool {
    match bounds.data_type() {
        DataType::Float32 => bounds.as_primitive::<types::Float32Type>().value(group).is_nan(),
        DataType::Float64 => bounds.as_primitive::<types::Float64Type>().value(group).is_nan(),
        _ => false,
    }
}
