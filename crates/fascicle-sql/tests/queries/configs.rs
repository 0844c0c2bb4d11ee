//! Directories with their configs.

use super::{names, read, refused, rows};
use fascicle_core::config::{Config, Value};
use fascicle_core::{ErrorKind, Meta, MetaWriteMode, Root};
use fascicle_memory::MemoryBackend;

/// A root with directories of these configs.
async fn root(configs: &[(&str, &str)]) -> Root {
    let root = Root::new(MemoryBackend::new());
    for (path, config) in configs {
        root.dir(path).unwrap().put("x", [1i64]).await.unwrap();
        let config = Config::from_value(fascicle_core::config::read_yaml(config).unwrap()).unwrap();
        let meta = Meta { config, modified: false, ..Meta::plain() };
        set_meta(&root, path, meta.to_bytes().unwrap().to_vec()).await;
    }
    root
}

async fn set_meta(root: &Root, path: &str, meta: Vec<u8>) {
    let path = fascicle_core::EntryPath::parse(path).unwrap();
    root.backend().write_meta(&path, meta.into(), MetaWriteMode::Overwrite).await.unwrap();
}

#[tokio::test]
async fn experiments_are_selected_by_their_parameters() {
    let root = root(&[
        ("Train_0000", "{type: Train, seed: 0, rate: 0.1, net: {units: [8, 8], act: relu}}"),
        ("Train_0001", "{type: Train, seed: 1, rate: 0.1, net: {units: [16], act: relu}}"),
        ("Train_0002", "{type: Train, seed: 2, rate: 1, net: {units: [16], act: tanh}}"),
        ("sweep/Train_0000", "{type: Train, seed: 3, rate: 0.5, extra: true}"),
    ])
    .await;
    root.dir("Train_0000/log").unwrap().put("y", [1i64]).await.unwrap();
    let top = root.as_dir();
    let all = read(&top, "select * from configs").await;
    assert_eq!(
        names(&all),
        [
            "path",
            "name",
            "type",
            "status",
            "modified",
            "config.seed",
            "config.rate",
            "config.net.units",
            "config.net.act",
            "config.extra"
        ]
    );
    assert_eq!(
        rows(&top, "select path, type from configs").await,
        [
            "Train_0000 Train",
            "Train_0000/log Directory",
            "Train_0001 Train",
            "Train_0002 Train",
            "sweep Directory",
            "sweep/Train_0000 Train"
        ]
    );
    assert_eq!(
        rows(&top, "select path from configs where config.seed >= 1 and config.rate < 0.3").await,
        ["Train_0001"]
    );
    assert_eq!(
        rows(&top, r#"select c.name, c.config.net.act from configs c where "config.net.units" = '[16]' order by c.config.seed desc"#)
            .await,
        ["Train_0002 tanh", "Train_0001 relu"]
    );
    assert_eq!(
        rows(&top, "select type, max(config.seed) as m from configs where status = 'done' and not modified group by type order by m")
            .await,
        ["Train 3"]
    );
    let sweep = root.dir("sweep").unwrap();
    assert_eq!(rows(&sweep, "select path, config.seed from configs").await, ["Train_0000 3"]);
    assert_eq!(rows(&top, "select path from sweep.configs").await, ["Train_0000"]);
    let error = refused(&top, "select config.sed from configs").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("did you mean 'config.seed'?"), "{error}");
}

#[tokio::test]
async fn a_broken_meta_hides_no_other() {
    let root = root(&[("A", "{type: A, seed: 0}"), ("B", "{type: B, seed: 1}")]).await;
    set_meta(&root, "A", b"config: [".to_vec()).await;
    let top = root.as_dir();
    assert_eq!(
        rows(&top, "select path, type, status, config.seed from configs").await,
        ["A null null null", "B B done 1"]
    );
}

#[tokio::test]
async fn arrays_and_tables_of_chosen_experiments_can_follow() {
    let root = root(&[("A", "{type: T, seed: 0}"), ("B", "{type: T, seed: 1}")]).await;
    let chosen = rows(&root.as_dir(), "select path from configs where config.seed = 1").await;
    let directory = root.dir(&chosen[0]).unwrap();
    assert_eq!(rows(&directory, "select x from arrays").await, ["1"]);
    assert_eq!(directory.config().await.unwrap().get("seed"), Some(&Value::from(1)));
}
