//! What is built: entries of every kind that all hold one token, which no other run of a build function has.

use fascicle::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use fascicle::{Array2, BuildResult, Capability, Config, Directory, Result, Root};
use std::sync::Arc;
use std::time::Duration;

/// The type of the directories that are built; `contend.py` has one of the same name.
pub(crate) const TYPE: &str = "Contended";

pub(crate) fn config(seed: u64) -> Config {
    Config::new(TYPE).with("seed", seed)
}

/// Where the directory of a config stands when it is asked for by a path.
pub(crate) fn given_path(seed: u64) -> String {
    format!("given_{seed}")
}

/// Fills a directory, with pauses in which its process may be stopped or killed.
pub(crate) async fn build(dir: Directory, longest_pause_ms: u64) -> BuildResult {
    let token = fastrand::i64(1..i64::MAX);
    let pause = || tokio::time::sleep(Duration::from_micros(fastrand::u64(0..=1000 * longest_pause_ms)));
    dir.put("x", vec![token; 1000]).await?;
    pause().await;
    dir.put_file("notes", token.to_string()).await?;
    let nested = dir.dir("nested")?;
    nested.put("y", vec![token; 10]).await?;
    pause().await;
    for _ in 0..3 {
        dir.append("log", Array2::from_elem((2, 3), token)).await?;
        pause().await;
    }
    if has_tables(dir.root()) {
        dir.append_table("t", &column(&[token])).await?;
        dir.append_table("t", &column(&[token, token])).await?;
        pause().await;
    }
    dir.put("last", [token]).await?;
    pause().await;
    Ok(())
}

/// The token of a directory, which must hold everything, all with this one token.
pub(crate) async fn token_of(dir: &Directory) -> Result<i64> {
    let last: Vec<i64> = dir.array("last").await?.read().await?;
    let &[token] = &last[..] else { panic!("{last:?}") };
    let x: Vec<i64> = dir.array("x").await?.read().await?;
    assert_eq!(x, vec![token; 1000], "'x' of {dir}");
    let y: Vec<i64> = dir.array("nested/y").await?.read().await?;
    assert_eq!(y, vec![token; 10], "'nested/y' of {dir}");
    let log: Array2<i64> = dir.array("log").await?.read().await?;
    assert_eq!(log, Array2::from_elem((6, 3), token), "'log' of {dir}");
    assert_eq!(dir.file("notes").await?.read().await?, token.to_string(), "'notes' of {dir}");
    let mut entries = vec!["last", "log", "nested", "notes", "x"];
    if has_tables(dir.root()) {
        // What datamate wrote is CSV, of which it is not known that no value is missing.
        let stored = dir.table("t").await?.read().await?;
        assert_eq!(stored.column(0), column(&[token; 3]).column(0), "'t' of {dir}");
        entries.insert(4, "t");
    }
    assert_eq!(dir.names().await?, entries, "the entries of {dir}");
    Ok(token)
}

pub(crate) fn has_tables(root: &Root) -> bool {
    root.backend().capabilities().has(Capability::Tables)
}

pub(crate) fn column(values: &[i64]) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
    RecordBatch::try_from_iter([("token", column)]).unwrap()
}

/// The finished, unmodified directories of a config in the root, by reading all metas.
pub(crate) async fn finished(root: &Root, config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    for name in root.as_dir().names().await.unwrap() {
        let meta = root.dir(&name).unwrap().meta().await.unwrap();
        if meta.is_some_and(|meta| meta.is_usable() && meta.config == *config) {
            found.push(name);
        }
    }
    found
}
