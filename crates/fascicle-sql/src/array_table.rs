//! Arrays as tables of the engine.

use crate::engine::BATCH_ROWS;
use crate::error::to_engine;
use crate::scan::{Scan, Source};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as EngineResult;
use datafusion::common::stats::Precision;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use fascicle_core::convert::ArrayColumns;
use fascicle_core::{BatchStream, Result};
use std::sync::Arc;

/// Arrays of one directory, a column each. Their shapes and dtypes are known, no element is read.
#[derive(Debug)]
pub(crate) struct ArrayTable {
    name: String,
    columns: ArrayColumns,
}

impl ArrayTable {
    /// Messages call it `name`.
    pub(crate) fn new(name: String, columns: ArrayColumns) -> Self {
        ArrayTable { name, columns }
    }
}

#[async_trait]
impl TableProvider for ArrayTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.columns.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let all = self.columns.schema();
        let positions = projection.cloned().unwrap_or_else(|| (0..all.fields().len()).collect());
        let schema = Arc::new(all.project(&positions)?);
        let rows = self.columns.rows(&positions).map_err(to_engine)?;
        let rows = usize::try_from(rows).unwrap_or(usize::MAX).min(limit.unwrap_or(usize::MAX));
        let told = limit.map_or_else(String::new, |limit| format!(", limit={limit}"));
        let limit = limit.map(|limit| limit as u64);
        let source = Arc::new(ArrayRows { columns: self.columns.clone(), positions, limit });
        Ok(Arc::new(Scan::new(self.name.clone(), schema, source, Precision::Exact(rows), told)))
    }
}

/// Rows of arrays.
#[derive(Debug)]
struct ArrayRows {
    columns: ArrayColumns,
    positions: Vec<usize>,
    limit: Option<u64>,
}

#[async_trait]
impl Source for ArrayRows {
    async fn open(&self) -> Result<BatchStream> {
        self.columns.batches(&self.positions, self.limit, BATCH_ROWS)
    }
}
