//! What a scan returns: projection, predicate, offset, limit and size of batches, applied to rows as they are read.

use crate::Filter;
use crate::filter::column_index;
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use fascicle_backend::{Error, ErrorKind, Result, ScanOptions};
use std::{collections::BTreeSet, collections::VecDeque, sync::Arc};

/// Scan options bound to the columns of a table.
#[derive(Clone, Debug)]
pub struct Scan {
    filter: Option<Filter>,
    projection: Vec<usize>,
    schema: SchemaRef,
    offset: u64,
    limit: Option<u64>,
    batch_rows: usize,
}

impl Scan {
    /// Binds options to the schema of the batches that [`Scan::apply`] will get. Fails with [`ErrorKind::InvalidInput`] for
    /// an unknown column, for a literal that does not fit its column, and for batches of zero rows.
    pub fn new(schema: &Schema, options: &ScanOptions) -> Result<Self> {
        if options.batch_rows == Some(0) {
            return Err(Error::new(ErrorKind::InvalidInput, "a batch has at least one row"));
        }
        let projection = match &options.projection {
            None => (0..schema.fields().len()).collect(),
            Some(columns) => {
                columns.iter().map(|column| column_index(schema, column)).collect::<Result<Vec<_>>>()?
            }
        };
        let projected = schema.project(&projection).map_err(|error| {
            Error::new(ErrorKind::Internal, "the columns cannot be selected").caused_by(error)
        })?;
        Ok(Scan {
            filter: options.predicate.as_ref().map(|predicate| Filter::new(schema, predicate)).transpose()?,
            projection,
            schema: Arc::new(projected),
            offset: options.offset,
            limit: options.limit,
            batch_rows: options.batch_rows.unwrap_or(usize::MAX),
        })
    }

    /// The columns that must be read, projected or named by the predicate, by their positions in the schema, ascending.
    pub fn needed_columns(&self) -> BTreeSet<usize> {
        let filtered = self.filter.iter().flat_map(Filter::columns);
        self.projection.iter().copied().chain(filtered).collect()
    }

    /// The schema of the batches that come out.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Turns all rows of a table into those that the options ask for. Pulls no batch more than it needs, and nothing after
    /// an error.
    pub fn apply<I>(self, batches: I) -> ScannedBatches<I>
    where
        I: Iterator<Item = Result<RecordBatch>>,
    {
        ScannedBatches {
            batches,
            to_skip: self.offset,
            to_return: self.limit.unwrap_or(u64::MAX),
            scan: self,
            ready: VecDeque::new(),
        }
    }

    /// The rows of one batch for which the predicate holds, and the projected columns of them.
    fn select(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let failed = |error: arrow_schema::ArrowError| {
            Error::new(ErrorKind::Internal, "the rows cannot be selected").caused_by(error)
        };
        let projected = batch.project(&self.projection).map_err(failed)?;
        match &self.filter {
            None => Ok(projected),
            Some(filter) => {
                let selected = filter.evaluate(batch)?;
                arrow_select::filter::filter_record_batch(&projected, &selected).map_err(failed)
            }
        }
    }
}

/// The batches of a scan, see [`Scan::apply`].
#[derive(Debug)]
pub struct ScannedBatches<I> {
    batches: I,
    scan: Scan,
    to_skip: u64,
    to_return: u64,
    ready: VecDeque<RecordBatch>,
}

impl<I: Iterator<Item = Result<RecordBatch>>> ScannedBatches<I> {
    /// Cuts off what is skipped and what is beyond the limit, and puts the rest into batches of the right size.
    fn take(&mut self, batch: &RecordBatch) {
        let rows = batch.num_rows() as u64;
        let skipped = self.to_skip.min(rows);
        self.to_skip -= skipped;
        let taken = self.to_return.min(rows - skipped);
        self.to_return -= taken;
        // Both are at most the number of rows, which is a `usize`.
        let (mut begin, end) = (skipped as usize, (skipped + taken) as usize);
        while begin < end {
            let length = self.scan.batch_rows.min(end - begin);
            self.ready.push_back(batch.slice(begin, length));
            begin += length;
        }
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for ScannedBatches<I> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Some(Ok(batch));
            }
            if self.to_return == 0 {
                return None;
            }
            match self.batches.next()?.and_then(|batch| self.scan.select(&batch)) {
                Ok(batch) => self.take(&batch),
                Err(error) => {
                    self.to_return = 0;
                    return Some(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Int64Array, cast::AsArray, types::Int64Type};
    use arrow_schema::{DataType, Field};
    use fascicle_backend::{Comparison, Predicate};

    fn batches(lengths: &[i64]) -> (SchemaRef, Vec<RecordBatch>) {
        let field = |name| Field::new(name, DataType::Int64, false);
        let schema = Arc::new(Schema::new(vec![field("i"), field("square")]));
        let mut next = 0;
        let batches = lengths.iter().map(|length| {
            let numbers: Vec<i64> = (next..next + length).collect();
            next += length;
            let squares: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers.iter().map(|i| i * i)));
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(numbers)), squares])
                .unwrap()
        });
        let batches = batches.collect();
        (schema, batches)
    }

    fn scan(lengths: &[i64], options: ScanOptions) -> Vec<Vec<i64>> {
        let (schema, batches) = batches(lengths);
        let scan = Scan::new(&schema, &options).unwrap();
        scan.apply(batches.into_iter().map(Ok))
            .map(|batch| batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect()
    }

    #[test]
    fn offset_and_limit_count_rows_after_the_predicate() {
        let odd_squares_skipped = Predicate::compare("square", Comparison::Ge, 9);
        let options = ScanOptions::default()
            .with_predicate(odd_squares_skipped)
            .with_projection(["i"])
            .with_offset(1)
            .with_limit(4);
        assert_eq!(scan(&[2, 3, 4, 100], options).concat(), [4, 5, 6, 7]);
        assert_eq!(scan(&[2, 3], ScanOptions::default().with_limit(0)), Vec::<Vec<i64>>::new());
        assert_eq!(scan(&[2, 3], ScanOptions::default().with_offset(9)), Vec::<Vec<i64>>::new());
        assert_eq!(scan(&[2, 3], ScanOptions::default().with_offset(u64::MAX).with_limit(u64::MAX)).len(), 0);
    }

    #[test]
    fn batches_are_cut_and_empty_ones_left_out() {
        let options = ScanOptions::default().with_batch_rows(2);
        assert_eq!(scan(&[3, 0, 2], options), [vec![0, 1], vec![2], vec![3, 4]]);
    }

    #[test]
    fn nothing_is_read_beyond_the_limit() {
        let (schema, batches) = batches(&[2, 2]);
        let after_the_limit = std::iter::once_with(|| panic!("one batch too many"));
        let scan = Scan::new(&schema, &ScanOptions::default().with_limit(4)).unwrap();
        let all = batches.into_iter().map(Ok).chain(after_the_limit);
        assert_eq!(scan.apply(all).map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 4);
    }

    #[test]
    fn projections_choose_and_order_columns() {
        let (schema, batches) = batches(&[3]);
        let scan = Scan::new(&schema, &ScanOptions::default().with_projection(["square", "i"])).unwrap();
        assert_eq!(scan.schema().field(0).name(), "square");
        let batch = scan.clone().apply(batches.clone().into_iter().map(Ok)).next().unwrap().unwrap();
        assert_eq!(&batch.schema(), scan.schema());
        let none = Scan::new(&schema, &ScanOptions::default().with_projection([""; 0])).unwrap();
        assert_eq!(none.apply(batches.into_iter().map(Ok)).next().unwrap().unwrap().num_rows(), 3);
    }

    #[test]
    fn an_unknown_column_is_named_beside_those_that_exist() {
        let (schema, _) = batches(&[]);
        let error = Scan::new(&schema, &ScanOptions::default().with_projection(["sqare"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(
            error.to_string(),
            "there is no column 'sqare', the columns are 'i', 'square' (did you mean 'square'?)"
        );
    }
}
