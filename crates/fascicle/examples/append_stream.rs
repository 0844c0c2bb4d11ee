//! A loss that is read while it is written: the reader sees a prefix of the rows at any time.
//!
//! Run it with `cargo run --example append_stream [PLACE]`; on a folder, the reader could as well be another process.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use fascicle::{Directory, Result, open};
use std::time::Duration;

const STEPS: u64 = 200;

async fn train(run: Directory) -> Result<()> {
    let mut loss = run.appender::<f64>("loss", &[])?.flush_rows(20);
    for step in 1..=STEPS {
        loss.push(1.0 / step as f64).await?;
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    loss.finish().await
}

/// Follows the loss to its last row, and returns how many times there was something new.
async fn follow(run: Directory) -> Result<usize> {
    let (mut seen, mut looks) = (Vec::new(), 0);
    while (seen.len() as u64) < STEPS {
        if run.contains("loss").await? {
            let loss = run.array("loss").await?;
            if loss.len() > seen.len() as u64 {
                let new: Vec<f64> = loss.select(seen.len() as i64..)?.read().await?;
                seen.extend(new);
                looks += 1;
                println!("{} rows, the loss is {:.4}", seen.len(), seen[seen.len() - 1]);
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(looks)
}

async fn run(place: &str) -> Result<usize> {
    let run = open(place).await?.new_dir("Run").await?;
    let (writer, reader) = tokio::join!(train(run.clone()), follow(run));
    writer.and(reader)
}

#[tokio::main]
async fn main() -> Result<()> {
    let place = std::env::args().nth(1).unwrap_or_else(|| "./data".to_owned());
    run(&place).await.map(|_| ())
}

#[tokio::test]
async fn the_reader_follows_the_writer() {
    assert!(run("memory:append_stream").await.unwrap() > 1, "all rows came at once");
}
