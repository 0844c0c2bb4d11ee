//! Which rows of a part have to be read, before they are.

use super::{NONCE_KEY, prune::Statistics};
use crate::Filter;
use arrow_schema::{ArrowError, Schema};
use fascicle_backend::{Error, ErrorKind, Predicate, Result};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, RowFilter, RowSelection, RowSelector,
        },
    },
    errors::ParquetError,
    file::{
        metadata::{PageIndexPolicy, ParquetMetaDataReader},
        reader::ChunkReader,
    },
};
use std::sync::Arc;

/// A row group of at most so many rows is not read page by page.
const ROWS_WITHOUT_PAGES: i64 = 8192;

/// A predicate bound to the columns of a part. The columns that it names are decoded first, the others only of the rows for
/// which it holds.
pub(super) struct RowsOfInterest {
    filters: Option<Filters>,
}

struct Filters {
    /// Bound to all columns of the part, for their statistics.
    wide: Filter,
    /// Bound to the named columns alone, in the order of the part.
    narrow: Filter,
    columns: Vec<usize>,
}

/// Adds where the pages are, unless that is known or there are few rows.
pub(super) fn read_page_index(
    metadata: ArrowReaderMetadata,
    reader: &impl ChunkReader,
) -> Result<ArrowReaderMetadata, ParquetError> {
    let groups = metadata.metadata().row_groups();
    if groups.iter().all(|group| group.num_rows() <= ROWS_WITHOUT_PAGES) {
        return Ok(metadata);
    }
    let mut indexes = ParquetMetaDataReader::new_with_metadata(metadata.metadata().as_ref().clone())
        .with_page_index_policy(PageIndexPolicy::Optional);
    indexes.read_page_indexes(reader)?;
    ArrowReaderMetadata::try_new(Arc::new(indexes.finish()?), ArrowReaderOptions::new())
}

impl RowsOfInterest {
    pub(super) fn new(metadata: &ArrowReaderMetadata, predicate: Option<&Predicate>) -> Result<Self> {
        let Some(predicate) = predicate else { return Ok(RowsOfInterest { filters: None }) };
        let schema = metadata.schema();
        let wide = Filter::of_part(schema, predicate)?;
        let mut columns = wide.columns();
        columns.sort_unstable();
        columns.dedup();
        let narrowed: Schema = schema.project(&columns).map_err(|error| {
            Error::new(ErrorKind::Internal, "the columns of a predicate cannot be selected").caused_by(error)
        })?;
        let narrow = Filter::of_part(&narrowed, predicate)?;
        Ok(RowsOfInterest { filters: Some(Filters { wide, narrow, columns }) })
    }

    /// The row groups in which there may be selected rows after the first `skipped` ones, and within them the rows to look at; `None` is
    /// all of them.
    pub(super) fn select(
        &self,
        metadata: &ArrowReaderMetadata,
        skipped: u64,
    ) -> Result<(Vec<usize>, Option<RowSelection>), ParquetError> {
        // Statistics of other writers may follow other rules.
        let is_trusted = metadata.schema().metadata().contains_key(NONCE_KEY);
        let filter = self.filters.as_ref().map(|filters| &filters.wide).filter(|_| is_trusted);
        let may_match = match filter {
            Some(filter) => Statistics::OfRowGroups(metadata).may_match(filter)?,
            None => vec![true; metadata.metadata().num_row_groups()],
        };
        let (mut groups, mut selectors, mut is_partial) = (Vec::new(), Vec::new(), false);
        let mut to_skip = usize::try_from(skipped).unwrap_or(usize::MAX);
        for (position, group) in metadata.metadata().row_groups().iter().enumerate() {
            let rows = usize::try_from(group.num_rows()).unwrap_or(0);
            let skipped_here = to_skip.min(rows);
            to_skip -= skipped_here;
            if skipped_here == rows || !may_match.get(position).copied().unwrap_or(true) {
                continue;
            }
            let after = RowSelection::from(vec![
                RowSelector::skip(skipped_here),
                RowSelector::select(rows - skipped_here),
            ]);
            let pages = match filter {
                Some(filter) => Statistics::OfPages(metadata, position).rows_that_may_match(filter)?,
                None => None,
            };
            is_partial |= skipped_here > 0 || pages.is_some();
            let selected = pages.map_or(after.clone(), |pages| after.intersection(&pages));
            if selected.selects_any() {
                groups.push(position);
                let covered: usize = selected.iter().map(|selector| selector.row_count).sum();
                selectors.extend(selected.iter().copied());
                selectors.push(RowSelector::skip(rows.saturating_sub(covered)));
            }
        }
        Ok((groups, is_partial.then(|| RowSelection::from(selectors))))
    }

    /// What the reader asks for each row that it looks at.
    pub(super) fn row_filter(self, metadata: &ArrowReaderMetadata) -> Option<RowFilter> {
        let Filters { narrow, columns, .. } = self.filters?;
        let mask = ProjectionMask::roots(metadata.parquet_schema(), columns);
        let predicate = ArrowPredicateFn::new(mask, move |batch| {
            narrow.evaluate(&batch).map_err(|error| ArrowError::ExternalError(Box::new(error)))
        });
        Some(RowFilter::new(vec![Box::new(predicate)]))
    }
}
