//! A walk through everything a `Directory` does, on a local root in the HDF5 layout.
//!
//! `cargo run --example walkthrough -- FOLDER` writes into FOLDER, which should be new or empty, and prints what it sees.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod cells;
mod numpy_random;

use cells::{CellMeasurements, NetworkDir, network_config};
use fascicle::arrow::array::RecordBatch;
use fascicle::compare::difference_lines;
use fascicle::convert::FromTableOptions;
use fascicle::ndarray::{Array1, Array2};
use fascicle::tree::{TreeOptions, Verbosity};
use fascicle::{Build, DType, Directory, ErrorKind, Root, Status, metas_as_table, open, s};
use numpy_random::NumpyRandom;
use std::time::Duration;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [folder] => walk(folder).await,
        ["--watch-loss", folder] => watch_loss(folder).await,
        _ => Err("usage: walkthrough FOLDER".into()),
    }
}

async fn walk(folder: &str) -> Outcome {
    let root = open(folder).await?;

    section("The file system as memory");
    let cells = root.new_dir("Directory").await?;
    println!("{}\n", cells.tree().await?);
    let mut random = NumpyRandom::new(0);
    let n_cells = 100;
    cells.put("cell_id", (0..n_cells as i64).collect::<Vec<_>>()).await?;
    cells.put("x", (0..n_cells).map(|_| random.normal()).collect::<Array1<f64>>()).await?;
    cells.put("y", (0..n_cells).map(|_| random.normal()).collect::<Array1<f64>>()).await?;
    cells.put("colors", Array2::from_shape_simple_fn((n_cells, 3), || random.uniform())).await?;
    println!("{}\n", cells.tree().await?);
    let colors = cells.array("colors").await?;
    let head: Array2<f64> = colors.select(s![..50, ..])?.read().await?;
    println!(
        "colors: {} of shape {}, of which {} rows were read",
        colors.dtype(),
        colors.shape(),
        head.nrows()
    );
    let again = root.dir("Directory_0000")?;
    println!("the same directory by its name: {:?}\n", again.names().await?);

    section("Hierarchical data");
    let connections = cells.dir("connections")?;
    println!("{}\n", connections.tree().await?);
    let matrix = Array2::from_shape_simple_fn((n_cells, n_cells), || random.normal());
    let edges = matrix.indexed_iter().filter(|(_, strength)| **strength > 2.0).map(|(edge, _)| edge);
    let (pre, post): (Vec<i64>, Vec<i64>) = edges.map(|(pre, post)| (pre as i64, post as i64)).unzip();
    connections.put("pre_cell_id", pre).await?;
    connections.put("post_cell_id", post).await?;
    println!("{}\n", cells.tree().await?);
    let by_path: Vec<i64> = cells.array("connections/pre_cell_id").await?.read().await?;
    println!("connections/pre_cell_id has {} elements\n", by_path.len());

    section("Find or build by config");
    let first = root.resolve(&CellMeasurements::default()).await?;
    println!("{}\n", first.tree().await?);
    let second = root.resolve(&CellMeasurements { n_cells: 100, seed: 42 }).await?;
    let found = root.resolve(&CellMeasurements { n_cells: 100, seed: 42 }).await?;
    println!("{} was built, and found again as {}", second.name(), found.name());
    println!("{}\n", second.config().await?);

    section("Arrays as a table");
    let table = first.to_table().await?;
    show(&table, 3)?;
    println!("connections: {} rows\n", first.dir("connections")?.to_table().await?.num_rows());

    section("Configs as a table, and back");
    let configs = metas_as_table(&[("measurements 1", &first), ("measurements 2", &second)]).await?;
    show(&configs, 10)?;
    let experiments = root.dir("experiments_config")?;
    let options = FromTableOptions::default()
        .with_include(["measurements 1", "measurements 2"])
        .with_dtype("measurements 1", DType::FixedBytes(50))
        .with_dtype("measurements 2", DType::FixedBytes(50));
    experiments.put_columns(&configs, &options).await?;
    println!("{}", experiments.tree().await?);
    show(&experiments.to_table().await?, 10)?;

    section("Tables that grow");
    let connections = |of: &Directory| of.dir("connections");
    experiments.put_table("cells", &first.to_table().await?).await?;
    experiments.put_table("connections", &connections(&first)?.to_table().await?).await?;
    experiments.append_table("cells", &second.to_table().await?).await?;
    experiments.append_table("connections", &connections(&second)?.to_table().await?).await?;
    for name in ["cells", "connections"] {
        let table = experiments.table(name).await?;
        println!("{name}: {} rows, {} columns", table.rows(), table.schema().fields().len());
    }
    println!();

    section("What differs between two directories");
    let differences = first.diff(&second).await?;
    println!("{}\n", difference_lines(&differences).named(first.name(), second.name()));

    section("Trees");
    for verbosity in [Verbosity::Outline, Verbosity::Full, Verbosity::Header] {
        println!("{}\n", root.as_dir().tree_with(&TreeOptions::new(verbosity)).await?);
    }

    section("One process writes, another one reads");
    let mut reader =
        std::process::Command::new(std::env::current_exe()?).args(["--watch-loss", folder]).spawn()?;
    let network = root.resolve(&NetworkDir::default()).await?;
    if !reader.wait()?.success() {
        return Err("the reader failed".into());
    }
    println!("{}", network.tree().await?);
    println!("'NetworkDir_0000' is there: {}", root.contains("NetworkDir_0000").await?);
    Ok(())
}

/// Reads the loss again and again while another process appends to it; every look shows a prefix of the whole.
async fn watch_loss(folder: &str) -> Outcome {
    let root = open(folder).await?;
    let network = running_network(&root).await?;
    let mut lengths = Vec::new();
    let mut longest: Vec<f64> = Vec::new();
    loop {
        let status = network.status().await?;
        let loss: Vec<f64> = match network.array("loss").await {
            Ok(loss) => loss.read().await?,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        if !loss.starts_with(&longest) {
            return Err("the loss changed where it had been read before".into());
        }
        if loss.len() > longest.len() {
            lengths.push(loss.len());
            longest = loss;
        }
        if status == Some(Status::Done) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("the reader saw the loss grow: {}", lengths.len() > 1);
    println!("the reader saw {} rows in the end: {}", longest.len(), sparkline(&longest));
    Ok(())
}

/// The directory of the network, as soon as its build has begun.
async fn running_network(root: &Root) -> Result<Directory, Box<dyn std::error::Error>> {
    let wanted = network_config()?;
    for _ in 0..1000 {
        let name = format!("{}_0000", NetworkDir::type_name());
        let dir = root.dir(&name)?;
        if dir.meta().await?.is_some_and(|meta| meta.config.same_as(&wanted)) {
            return Ok(dir);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err("the build did not begin".into())
}

fn section(title: &str) {
    println!("# {title}\n");
}

fn show(table: &RecordBatch, rows: usize) -> Outcome {
    println!("{}", arrow_cast::pretty::pretty_format_batches(&[table.slice(0, rows.min(table.num_rows()))])?);
    println!("{} rows × {} columns\n", table.num_rows(), table.num_columns());
    Ok(())
}

fn sparkline(values: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let means: Vec<f64> = values.chunks(5).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect();
    let low = means.iter().copied().fold(f64::INFINITY, f64::min);
    let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    means.iter().map(|mean| BLOCKS[((mean - low) / (high - low) * 7.0).round() as usize]).collect()
}
