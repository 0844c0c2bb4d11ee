//! Which row groups and pages cannot hold a selected row, by their statistics.

use crate::{
    Filter,
    filter::{Condition, compare},
    literal::Constant,
};
use arrow_array::{Array, ArrayRef, cast::AsArray, types};
use arrow_schema::DataType;
use fascicle_backend::Comparison;
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector, statistics::StatisticsConverter},
    errors::ParquetError,
};

/// Whose statistics are looked at.
#[derive(Clone, Copy)]
pub(super) enum Statistics<'a> {
    /// Of every row group of a part.
    OfRowGroups(&'a ArrowReaderMetadata),
    /// Of the pages of one row group.
    OfPages(&'a ArrowReaderMetadata, usize),
}

/// The bounds of one column.
struct Bounds {
    least: ArrayRef,
    greatest: ArrayRef,
}

impl<'a> Statistics<'a> {
    fn metadata(self) -> &'a ArrowReaderMetadata {
        match self {
            Statistics::OfRowGroups(metadata) | Statistics::OfPages(metadata, _) => metadata,
        }
    }

    /// For each row group whether the filter may select a row of it; in doubt it may.
    pub(super) fn may_match(self, filter: &Filter) -> Result<Vec<bool>, ParquetError> {
        let groups = self.metadata().metadata().num_row_groups();
        Ok(self.may_be_true(filter.condition())?.unwrap_or_else(|| vec![true; groups]))
    }

    /// For each row group, or page, whether the condition may be true for a row; `None` is not known. Conditions on several columns
    /// are known for row groups only, because the pages of columns do not begin at the same rows.
    fn may_be_true(self, condition: &Condition) -> Result<Option<Vec<bool>>, ParquetError> {
        let all = |holds| Ok(Some(vec![holds; self.metadata().metadata().num_row_groups()]));
        match condition {
            Condition::And(a, b) => Ok(match (self.may_be_true(a)?, self.may_be_true(b)?) {
                (Some(a), Some(b)) => Some(a.into_iter().zip(b).map(|(a, b)| a && b).collect()),
                (known, None) | (None, known) => known,
            }),
            Condition::Or(a, b) => Ok(match (self.may_be_true(a)?, self.may_be_true(b)?) {
                (Some(a), Some(b)) => Some(a.into_iter().zip(b).map(|(a, b)| a || b).collect()),
                _ => None,
            }),
            Condition::Compare { column, comparison, constant: constant @ Constant::Value(_) } => {
                self.comparison_may_hold(*column, *comparison, constant)
            }
            Condition::Compare { constant: Constant::Unknown, .. }
            | Condition::Always(None | Some(false)) => all(false),
            Condition::IsNull(_) | Condition::Not(_) | Condition::Always(Some(true)) => Ok(None),
        }
    }

    /// The rows of the pages in which the filter may select one; `None` is all of them.
    pub(super) fn rows_that_may_match(self, filter: &Filter) -> Result<Option<RowSelection>, ParquetError> {
        self.rows_where(filter.condition())
    }

    fn rows_where(self, condition: &Condition) -> Result<Option<RowSelection>, ParquetError> {
        match condition {
            Condition::And(a, b) => Ok(match (self.rows_where(a)?, self.rows_where(b)?) {
                (Some(a), Some(b)) => Some(a.intersection(&b)),
                (known, None) | (None, known) => known,
            }),
            Condition::Or(a, b) => Ok(match (self.rows_where(a)?, self.rows_where(b)?) {
                (Some(a), Some(b)) => Some(a.union(&b)),
                _ => None,
            }),
            Condition::Compare { column, comparison, constant: constant @ Constant::Value(_) } => {
                let Some(rows) = self.rows_of_pages(*column)? else { return Ok(None) };
                let Some(may) = self.comparison_may_hold(*column, *comparison, constant)? else {
                    return Ok(None);
                };
                if rows.len() != may.len() || may.iter().all(|may| *may) {
                    return Ok(None);
                }
                let selectors = rows.into_iter().zip(may).map(|(rows, may)| match may {
                    true => RowSelector::select(rows),
                    false => RowSelector::skip(rows),
                });
                Ok(Some(selectors.collect::<Vec<_>>().into()))
            }
            // Row groups were judged by these already.
            Condition::Compare { .. } | Condition::IsNull(_) | Condition::Not(_) | Condition::Always(_) => {
                Ok(None)
            }
        }
    }

    /// How many rows each page of a column has; `None` where that is not stored.
    fn rows_of_pages(self, column: usize) -> Result<Option<Vec<usize>>, ParquetError> {
        let Statistics::OfPages(metadata, group) = self else { return Ok(None) };
        let Some(offsets) = metadata.metadata().offset_index() else { return Ok(None) };
        let Some(statistics) = self.converter(column)? else { return Ok(None) };
        let groups = metadata.metadata().row_groups();
        let rows = statistics.data_page_row_counts(offsets, groups, [&group])?;
        Ok(rows.map(|rows| {
            rows.iter().map(|rows| usize::try_from(rows.unwrap_or(0)).unwrap_or(usize::MAX)).collect()
        }))
    }

    fn converter(self, column: usize) -> Result<Option<StatisticsConverter<'a>>, ParquetError> {
        let metadata = self.metadata();
        let schema = metadata.schema();
        match schema.fields().get(column).filter(|field| is_ordered_plainly(field.data_type())) {
            Some(field) => {
                StatisticsConverter::try_new(field.name(), schema, metadata.parquet_schema()).map(Some)
            }
            None => Ok(None),
        }
    }

    fn bounds(self, column: usize) -> Result<Option<Bounds>, ParquetError> {
        let Some(statistics) = self.converter(column)? else { return Ok(None) };
        let metadata = self.metadata().metadata();
        match self {
            Statistics::OfRowGroups(_) => {
                let groups = metadata.row_groups();
                let (least, greatest) =
                    (statistics.row_group_mins(groups)?, statistics.row_group_maxes(groups)?);
                Ok(Some(Bounds { least, greatest }))
            }
            Statistics::OfPages(_, group) => {
                let (Some(columns), Some(offsets)) = (metadata.column_index(), metadata.offset_index())
                else {
                    return Ok(None);
                };
                let least = statistics.data_page_mins(columns, offsets, [&group])?;
                let greatest = statistics.data_page_maxes(columns, offsets, [&group])?;
                Ok(Some(Bounds { least, greatest }))
            }
        }
    }

    fn comparison_may_hold(
        self,
        column: usize,
        comparison: Comparison,
        constant: &Constant,
    ) -> Result<Option<Vec<bool>>, ParquetError> {
        let Some(Bounds { least, greatest }) = self.bounds(column)? else { return Ok(None) };
        let holds = |bounds: ArrayRef, comparison: Comparison| {
            let answers = compare(&bounds, comparison, constant)
                .map_err(|error| ParquetError::General(error.message().to_owned()))?;
            // Without a bound, or with one that is no number, nothing is known.
            let known = |at: usize| bounds.is_valid(at) && !is_nan(&bounds, at);
            let may = (0..bounds.len()).map(|at| !known(at) || answers.is_null(at) || answers.value(at));
            Ok::<Vec<bool>, ParquetError>(may.collect())
        };
        match comparison {
            Comparison::Lt | Comparison::Le => holds(least, comparison).map(Some),
            Comparison::Gt | Comparison::Ge => holds(greatest, comparison).map(Some),
            Comparison::Eq => {
                let above = holds(least, Comparison::Le)?;
                let below = holds(greatest, Comparison::Ge)?;
                Ok(Some(above.into_iter().zip(below).map(|(above, below)| above && below).collect()))
            }
            Comparison::Ne => Ok(None),
        }
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

fn is_nan(bounds: &ArrayRef, at: usize) -> bool {
    match bounds.data_type() {
        DataType::Float32 => bounds.as_primitive::<types::Float32Type>().value(at).is_nan(),
        DataType::Float64 => bounds.as_primitive::<types::Float64Type>().value(at).is_nan(),
        _ => false,
    }
}
