//! Stored tables as tables of the engine.

use crate::engine::BATCH_ROWS;
use crate::predicate::{as_predicate, is_pushed};
use crate::scan::{Scan, Source};
use arrow_schema::{DataType, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as EngineResult;
use datafusion::common::stats::Precision;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use fascicle_core::{BatchStream, Predicate, Result, ScanOptions, Table};
use std::sync::Arc;

/// A stored table. Its columns and the number of rows are known, no row is read.
#[derive(Debug)]
pub(crate) struct StoredTable {
    table: Table,
}

impl StoredTable {
    pub(crate) fn new(table: Table) -> Self {
        StoredTable { table }
    }
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.table.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> EngineResult<Vec<TableProviderFilterPushDown>> {
        let schema = self.table.schema();
        Ok(filters
            .iter()
            .map(|filter| match is_pushed(filter, schema) {
                true => TableProviderFilterPushDown::Exact,
                false => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let schema = self.table.schema();
        let wanted = match projection {
            Some(positions) => Arc::new(schema.project(positions)?),
            None => Arc::clone(schema),
        };
        let predicates = filters.iter().filter_map(|filter| as_predicate(filter, schema));
        let predicate = predicates.reduce(Predicate::and);
        let limit_rows = limit.map(|limit| limit as u64);
        let stored = usize::try_from(self.table.rows()).unwrap_or(usize::MAX);
        let rows = match (&predicate, limit) {
            (None, None) => Precision::Exact(stored),
            (None, Some(limit)) => Precision::Exact(stored.min(limit)),
            (Some(_), _) => Precision::Inexact(stored),
        };
        let mut told = String::new();
        if let Some(predicate) = &predicate {
            told.push_str(&format!(", predicate={predicate}"));
        }
        if let Some(limit) = limit {
            told.push_str(&format!(", limit={limit}"));
        }
        let options = ScanOptions {
            projection: Some(read_columns(&wanted, schema)),
            predicate,
            limit: limit_rows,
            batch_rows: Some(BATCH_ROWS),
            ..ScanOptions::default()
        };
        let source = Arc::new(TableRows { table: self.table.clone(), options });
        Ok(Arc::new(Scan::new(self.table.path().to_string(), wanted, source, rows, told)))
    }
}

/// The columns to read: those that are wanted, or when rows are only counted the cheapest one.
fn read_columns(wanted: &Schema, all: &Schema) -> Vec<String> {
    if !wanted.fields().is_empty() {
        return wanted.fields().iter().map(|field| field.name().clone()).collect();
    }
    let cost = |data_type: &DataType| match data_type {
        DataType::Null => 0,
        DataType::Boolean => 1,
        other if other.is_nested() => usize::MAX,
        other => other.primitive_width().map_or(1 << 20, |width| 8 * width),
    };
    let cheapest = all.fields().iter().min_by_key(|field| cost(field.data_type()));
    cheapest.map(|field| field.name().clone()).into_iter().collect()
}

/// Rows of a stored table.
#[derive(Debug)]
struct TableRows {
    table: Table,
    options: ScanOptions,
}

#[async_trait]
impl Source for TableRows {
    async fn open(&self) -> Result<BatchStream> {
        self.table.scan(&self.options).await
    }
}
