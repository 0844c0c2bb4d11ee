//! A program that does not say where its data is stored: that is one line of `fascicle.yaml`, in the folder where the program is
//! run or above it.
//!
//! ```yaml
//! default: plain
//! places:
//!   plain: { url: ./plain, options: { tables: csv } }
//!   packed: { url: ./packed, arrays: { chunk_bytes: 64KiB, codec: gzip }, tables: { codec: zstd } }
//!   nowhere: { url: "memory:nowhere" }
//!   cloud: { url: "s3://lab-bucket/data", backend: zarr, options: { region: eu-west-1 } }
//! ```
//!
//! With another word behind `default`, or run with `FASCICLE_PLACE=packed`, the same binary stores the same data elsewhere and
//! otherwise. Run it with `cargo run --example one_line`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use fascicle::convert::ToTableOptions;
use fascicle::{Build, BuildResult, Capability, Directory, Result, Root};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Cells {
    n_cells: usize,
}

impl Build for Cells {
    async fn build(&self, dir: &Directory) -> BuildResult {
        dir.put("cell_id", (0..self.n_cells as i64).collect::<Vec<_>>()).await?;
        for step in 0..10 {
            dir.append("loss", [1.0 / f64::from(step + 1)]).await?;
        }
        // Not every storage has tables.
        if !dir.root().backend().capabilities().has(Capability::Tables) {
            return Ok(());
        }
        let summary = dir.to_table_with(&ToTableOptions::default().with_include(["cell_id"])).await?;
        Ok(dir.put_table("summary", &summary).await?)
    }
}

/// All that this program does with its storage. Nothing here depends on what that is.
async fn run(root: &Root) -> Result<()> {
    let cells = root.resolve(&Cells { n_cells: 100 }).await?;
    let loss: Vec<f64> = cells.array("loss").await?.read().await?;
    println!("{} rows, the last loss is {}", cells.array("cell_id").await?.len(), loss[loss.len() - 1]);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let root = fascicle::open_default().await?;
    println!("{} at {}", root.backend().name(), root.location());
    run(&root).await
}

#[tokio::test]
async fn any_storage_does() {
    let folder = tempfile::tempdir().unwrap();
    for place in [folder.path().to_str().unwrap(), "memory:one_line"] {
        run(&fascicle::open(place).await.unwrap()).await.unwrap();
    }
}
