//! A backend of one's own in the registry: here memory that counts what it is asked, opened at addresses `counted://…`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use fascicle::backend::wrap::{CallCounts, Operation, observed};
use fascicle::{MemoryBackend, OpenOptions, Registry, Result};
use std::sync::Arc;

async fn run() -> Result<usize> {
    let counts = Arc::new(CallCounts::default());
    let mut registry = Registry::default();
    let shared = counts.clone();
    registry.add("counted", move |request| {
        println!("opening {}", request.place);
        let backend = observed(Arc::new(MemoryBackend::new()), shared.clone());
        async move { Ok(Arc::new(backend) as Arc<dyn fascicle::backend::Backend>) }
    });

    let options = OpenOptions::default().with_registry(registry).with_backend("counted");
    let root = options.open("counted://anywhere").await?;
    let cells = root.dir("cells")?;
    for step in 0..3 {
        cells.append("x", [f64::from(step)]).await?;
    }
    let appends = counts.of(Operation::AppendArray);
    println!("{appends} appends");
    Ok(appends as usize)
}

#[tokio::main]
async fn main() -> Result<()> {
    run().await.map(|_| ())
}

#[tokio::test]
async fn every_append_is_counted() {
    assert_eq!(run().await.unwrap(), 3);
}
