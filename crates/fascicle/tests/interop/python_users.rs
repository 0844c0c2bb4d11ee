//! The examples for users of Python read what was stored here, so that they cannot rot.

use crate::place::Place;
use fascicle::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use fascicle::{Build, BuildResult, Directory};
use fascicle_judges::run_python_file;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

#[derive(Serialize, Deserialize)]
struct Recording {
    subject: i64,
}

impl Build for Recording {
    async fn build(&self, dir: &Directory) -> BuildResult {
        for start in [0, 50] {
            let ids = || start..start + 50i64;
            let kinds = ids().map(|id| Some(if id % 2 == 0 { "even" } else { "odd" }));
            let rows = RecordBatch::try_from_iter([
                ("id", Arc::new(Int64Array::from_iter_values(ids())) as ArrayRef),
                ("kind", Arc::new(kinds.collect::<StringArray>())),
                ("x", Arc::new(Float64Array::from_iter_values(ids().map(|id| id as f64 / 2.0)))),
            ])?;
            dir.append_table("cells", &rows).await?;
        }
        dir.put("step", (0..10i64).collect::<Vec<_>>()).await?;
        dir.put("loss", (1..=10).map(|step| 1.0 / f64::from(step)).collect::<Vec<_>>()).await?;
        dir.put("color", Array2::from_shape_fn((10, 3), |(i, j)| (i + j) as f32)).await?;
        Ok(())
    }
}

/// Runs an example and returns what it printed.
fn example(name: &str, folder: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python").join(name);
    run_python_file(&script, [folder])
}

#[tokio::test]
async fn the_examples_for_python_read_what_was_stored() {
    let place = Place::new();
    let root = place.root().await;
    for subject in [0, 1] {
        root.resolve(&Recording { subject }).await.unwrap();
    }
    let directory = place.path("Recording_0000");
    let pandas = example("with_pandas.py", &directory);
    for said in [
        "100 cells, columns id, kind, x",
        "even    24.5",
        "odd     25.0",
        "ids from 90 on: 10",
        "last loss 0.1, of 10 steps",
        "colors (10, 3)",
    ] {
        assert!(pandas.contains(said), "{said}:\n{pandas}");
    }
    let polars = example("with_polars.py", &directory);
    for said in ["even: 24.5\nodd: 25.0", "ids from 90 on: 10", "last loss 0.1, of 10 steps", "shape=(3,)"] {
        assert!(polars.contains(said), "{said}:\n{polars}");
    }
    let dask = example("with_dask.py", &place.path(""));
    for said in [
        "6 parts, 200 cells",
        "{'even': 24.5, 'odd': 25.0}",
        "ids from 90 on: 20",
        "losses (2, 10), least 0.1",
    ] {
        assert!(dask.contains(said), "{said}:\n{dask}");
    }
}
