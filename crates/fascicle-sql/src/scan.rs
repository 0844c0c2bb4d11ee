//! The leaf of every plan: batches of a stored table or of arrays.

use crate::error::to_engine;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result as EngineResult, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use fascicle_core::{BatchStream, Error, ErrorKind, Result};
use futures::{TryStreamExt, stream};
use std::fmt;
use std::sync::Arc;

/// Where the batches of a scan come from.
#[async_trait]
pub(crate) trait Source: fmt::Debug + Send + Sync {
    /// Begins to read. The batches begin with the columns of the scan, in their order.
    async fn open(&self) -> Result<BatchStream>;
}

/// The leaf of a plan.
#[derive(Debug)]
pub(crate) struct Scan {
    name: String,
    schema: SchemaRef,
    source: Arc<dyn Source>,
    rows: Precision<usize>,
    /// What the storage was told, for `explain`.
    told: String,
    properties: Arc<PlanProperties>,
}

impl Scan {
    /// Reads the columns of `schema` from `source`, which messages call `name`.
    pub(crate) fn new(
        name: String,
        schema: SchemaRef,
        source: Arc<dyn Source>,
        rows: Precision<usize>,
        told: String,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Scan { name, schema, source, rows, told, properties: Arc::new(properties) }
    }
}

/// The first columns of a batch as those of `schema`.
fn aligned(batch: &RecordBatch, schema: &SchemaRef, name: &str) -> Result<RecordBatch> {
    let columns = batch.columns().iter().take(schema.fields().len()).cloned().collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|error| {
        Error::new(ErrorKind::Conflict, "its columns changed while the query was answered")
            .during("read")
            .at(name)
            .hint("ask again")
            .caused_by(error)
    })
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "FascicleScan: {}, columns=[{}]{}", self.name, columns.join(", "), self.told)
    }
}

impl ExecutionPlan for Scan {
    fn name(&self) -> &str {
        "FascicleScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        let (source, schema, name) = (Arc::clone(&self.source), Arc::clone(&self.schema), self.name.clone());
        let batches = stream::once(async move { source.open().await })
            .try_flatten()
            .and_then(move |batch| std::future::ready(aligned(&batch, &schema, &name)))
            .map_err(to_engine);
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }

    fn partition_statistics(&self, _: Option<usize>) -> EngineResult<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = self.rows;
        Ok(Arc::new(statistics))
    }
}
