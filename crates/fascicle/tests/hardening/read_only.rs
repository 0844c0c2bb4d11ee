//! Who opens a root for reading only changes nothing, and repairs nothing: no seal, no retirement, no mark.

use fascicle::{Config, Directory, ErrorKind, IdentityRules, OpenOptions, ResolveOptions, Root, Status};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

async fn open(folder: &Path, backend: &str, read_only: bool) -> Root {
    let options = OpenOptions::default().with_backend(backend).with_fsync(false).with_read_only(read_only);
    options.open(folder).await.unwrap()
}

fn config(seed: i64) -> Config {
    Config::new("Cells").with("seed", seed)
}

async fn build(root: &Root, seed: i64) -> String {
    let (config, rules, options) = (config(seed), IdentityRules::default(), ResolveOptions::default());
    let build = |dir: Directory| async move { Ok(dir.put("x", [seed]).await?) };
    let resolution = root.resolve_config(&config, &rules, &options, build).await.unwrap();
    resolution.directory.name().to_owned()
}

/// Every file with its content and the time of its last change.
fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            if meta.is_dir() {
                folders.push(entry.path());
            } else {
                let content = fs::read(entry.path()).unwrap();
                found
                    .insert(entry.path().to_string_lossy().into_owned(), (content, meta.modified().unwrap()));
            }
        }
    }
    found
}

#[tokio::test]
async fn nothing_is_repaired() {
    for backend in ["hdf5", "zarr", "parquet"] {
        nothing_is_repaired_on(backend).await;
    }
}

async fn nothing_is_repaired_on(backend: &str) {
    let folder = tempfile::tempdir().unwrap();
    let root = open(folder.path(), backend, false).await;
    let names = [build(&root, 0).await, build(&root, 1).await, build(&root, 2).await];
    // A builder that died after its commit, a directory that was removed by hand, and one that was changed by hand.
    let meta = |name: &str| folder.path().join(name).join("_meta.yaml");
    let text = fs::read_to_string(meta(&names[0])).unwrap();
    fs::write(meta(&names[0]), text.replace("status: done", "status: running")).unwrap();
    fs::remove_dir_all(folder.path().join(&names[1])).unwrap();
    let text = fs::read_to_string(meta(&names[2])).unwrap();
    fs::write(meta(&names[2]), text.replace("status: done", "status: done\nmodified: true")).unwrap();

    let before = files(folder.path());
    let read_only = open(folder.path(), backend, true).await;
    let rules = IdentityRules::default();
    // A committed directory is found.
    let committed = read_only.find_config(&config(0), &rules).await.unwrap().unwrap();
    let x: Vec<i64> = committed.array("x").await.unwrap().read().await.unwrap();
    assert_eq!(x, [0]);
    assert!(read_only.find_config(&config(1), &rules).await.unwrap().is_none(), "a removed one is not");
    assert!(read_only.find_config(&config(2), &rules).await.unwrap().is_none(), "nor is a modified one");
    let hit =
        read_only.resolve_config(&config(0), &rules, &ResolveOptions::default(), |_| async { Ok(()) }).await;
    assert_eq!(hit.unwrap().directory.name(), names[0]);
    let missed =
        read_only.resolve_config(&config(3), &rules, &ResolveOptions::default(), |_| async { Ok(()) }).await;
    assert_eq!(missed.unwrap_err().kind(), ErrorKind::Unsupported, "nothing can be built");
    assert_eq!(files(folder.path()), before, "nothing was changed");

    // Who may write mends all of it.
    let root = open(folder.path(), backend, false).await;
    assert!(root.find_config(&config(0), &rules).await.unwrap().is_some());
    assert_eq!(root.dir(&names[0]).unwrap().status().await.unwrap(), Some(Status::Done));
    assert_eq!(build(&root, 1).await.as_str(), names[1]);
}
