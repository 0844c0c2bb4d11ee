//! A predicate on the rows of one part, before they are decoded.

use super::{NONCE_KEY, prune::row_groups_that_may_match};
use crate::Filter;
use arrow_schema::{ArrowError, Schema};
use fascicle_backend::{Error, ErrorKind, Predicate, Result};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowPredicateFn, ArrowReaderMetadata, RowFilter},
    },
    errors::ParquetError,
};

/// A predicate bound to the columns of a part. The columns that it names are decoded first, the others only of the rows for
/// which it holds.
pub(super) struct RowSelector {
    /// Bound to all columns of the part, for their statistics.
    filter: Filter,
    /// Bound to the named columns alone, in the order of the part.
    narrow: Filter,
    columns: Vec<usize>,
}

impl RowSelector {
    pub(super) fn new(metadata: &ArrowReaderMetadata, predicate: &Predicate) -> Result<Self> {
        let schema = metadata.schema();
        let filter = Filter::of_part(schema, predicate)?;
        let mut columns = filter.columns();
        columns.sort_unstable();
        columns.dedup();
        let narrowed: Schema = schema.project(&columns).map_err(|error| {
            Error::new(ErrorKind::Internal, "the columns of a predicate cannot be selected").caused_by(error)
        })?;
        Ok(RowSelector { filter, narrow: Filter::of_part(&narrowed, predicate)?, columns })
    }

    /// The row groups in which rows may be selected.
    pub(super) fn row_groups(&self, metadata: &ArrowReaderMetadata) -> Result<Vec<usize>, ParquetError> {
        // Statistics of other writers may follow other rules.
        match metadata.schema().metadata().contains_key(NONCE_KEY) {
            true => row_groups_that_may_match(metadata, &self.filter),
            false => Ok((0..metadata.metadata().num_row_groups()).collect()),
        }
    }

    /// What the reader asks for each row.
    pub(super) fn row_filter(self, metadata: &ArrowReaderMetadata) -> RowFilter {
        let mask = ProjectionMask::roots(metadata.parquet_schema(), self.columns);
        let narrow = self.narrow;
        let predicate = ArrowPredicateFn::new(mask, move |batch| {
            narrow.evaluate(&batch).map_err(|error| ArrowError::ExternalError(Box::new(error)))
        });
        RowFilter::new(vec![Box::new(predicate)])
    }
}
