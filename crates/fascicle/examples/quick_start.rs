//! Arrays, a table, a file and a nested directory, stored and read back.
//!
//! Run it with `cargo run --example quick_start [PLACE]`; the place is a folder, `./data` unless given.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use fascicle::ndarray::Array;
use fascicle::{Array2, Result, open, s};

async fn run(place: &str) -> Result<String> {
    let root = open(place).await?;

    // A handle to a new directory; the first write creates it.
    let cells = root.new_dir("Directory").await?;
    cells.put("cell_id", (0..100i64).collect::<Vec<_>>()).await?;
    cells.put("colors", &Array::from_shape_fn((100, 3), |(cell, channel)| (cell + channel) as f64)).await?;
    cells.dir("connections")?.put("pre_cell_id", [12i64, 39, 48]).await?;
    cells.put_table("summary", &cells.to_table().await?).await?; // a column for each array
    cells.put_file("notes.txt", "measured on a Sunday").await?;

    // Shape and dtype without data, and a part without the rest.
    let colors = cells.array("colors").await?;
    println!("colors: {} {}", colors.dtype(), colors.shape());
    let head: Array2<f64> = colors.select(s![..3, ..])?.read().await?;
    println!("{head}");

    // Rows at the end.
    let count = cells.append("cell_id", [100i64, 101]).await?;
    println!("{count} cells");

    cells.tree().await
}

#[tokio::main]
async fn main() -> Result<()> {
    let place = std::env::args().nth(1).unwrap_or_else(|| "./data".to_owned());
    println!("{}", run(&place).await?);
    Ok(())
}

#[tokio::test]
async fn it_shows_what_was_stored() {
    let tree = run("memory:quick_start").await.unwrap();
    for name in
        ["Directory_0000/", "cell_id", "colors", "connections/", "pre_cell_id", "notes.txt", "summary"]
    {
        assert!(tree.contains(name), "{tree}");
    }
}
