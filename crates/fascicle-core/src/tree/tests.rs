//! Trees over the memory backend, compared with what datamate draws.

use super::*;
use crate::testing::{memory, path, put_array, put_directory, put_file};
use fascicle_backend::wrap::{CallCounts, Operation, observed};
use fascicle_backend::{Backend, ErrorKind, Values};
use fascicle_memory::MemoryBackend;
use futures::TryStreamExt;
use std::sync::Arc;

const META: &str = "config:\n  type: Directory\nstatus: done\n";

/// The root of the original's examples. Its files are called as a local storage would call its arrays.
async fn examples() -> MemoryBackend {
    let backend = MemoryBackend::new();
    for name in ["CellMeasurements_0000", "CellMeasurements_0001", "Directory_0000"] {
        put_directory(&backend, name, META).await;
        put_directory(&backend, &format!("{name}/connections"), META).await;
        for file in ["cell_id", "x", "y", "colors", "connections/pre_cell_id", "connections/post_cell_id"] {
            put_file(&backend, &format!("{name}/{file}.h5"), b"").await;
        }
    }
    put_directory(&backend, "experiments_config", META).await;
    for file in ["measurements 2.h5", "measurements 1.h5", "connections.csv", "cells.csv"] {
        put_file(&backend, &format!("experiments_config/{file}"), b"").await;
    }
    backend
}

async fn text(backend: &dyn Backend, directory: &str, options: TreeOptions) -> String {
    let options = options.with_last_modified(false);
    let options = if directory.is_empty() { options.with_name("data") } else { options };
    let options = &options;
    let text = tree_text(backend, &path(directory), options).await.unwrap();
    let lines: Vec<String> =
        tree_lines(backend, &path(directory), options).into_stream().try_collect().await.unwrap();
    assert_eq!(lines.join("\n"), text);
    text
}

#[tokio::test]
async fn the_outline_is_that_of_the_original() {
    let expected = "\
data/
├── CellMeasurements_0000/
│   ├── _meta.yaml
│   ├── cell_id.h5
│   ├── colors.h5
│   ├── connections/
│   │   ...
│   ├── x.h5
│   └── y.h5
├── CellMeasurements_0001/
│   ├── _meta.yaml
│   ├── cell_id.h5
│   ├── colors.h5
│   ├── connections/
│   │   ...
│   ├── x.h5
│   └── y.h5
├── Directory_0000/
│   ├── _meta.yaml
│   ├── cell_id.h5
│   ├── colors.h5
│   ├── connections/
│   │   ...
│   ├── x.h5
│   └── y.h5
└── experiments_config/
... length_limit, 25, reached,
displaying: 8 directories, 15 files, 2 levels.";
    assert_eq!(text(&examples().await, "", TreeOptions::default()).await, expected);
}

#[tokio::test]
async fn the_full_view_and_the_header_are_those_of_the_original() {
    let backend = examples().await;
    let full = text(&backend, "", Verbosity::Full.into()).await;
    let expected_end = "\
└── experiments_config/
    ├── _meta.yaml
    ├── cells.csv
    ├── connections.csv
    ├── measurements 1.h5
    └── measurements 2.h5

displaying: 8 directories, 29 files";
    assert!(full.ends_with(expected_end), "{full}");
    assert!(full.contains("│   │   ├── post_cell_id.h5\n│   │   └── pre_cell_id.h5\n"), "{full}");
    assert_eq!(text(&backend, "", Verbosity::Header.into()).await, "data/");
}

#[tokio::test]
async fn a_small_directory_is_drawn_whole() {
    let expected = "\
Directory_0000/
├── _meta.yaml
├── cell_id.h5
├── colors.h5
├── connections/
│   ├── _meta.yaml
│   ├── post_cell_id.h5
│   └── pre_cell_id.h5
├── x.h5
└── y.h5

displaying: 2 directories, 8 files, 2 levels.";
    assert_eq!(text(&examples().await, "Directory_0000", TreeOptions::default()).await, expected);
}

#[tokio::test]
async fn limits_are_drawn_as_in_the_original() {
    let backend = examples().await;
    let directory = "CellMeasurements_0000";
    let full = TreeOptions::new(Verbosity::Full);
    let drawn = text(&backend, directory, full.clone().with_max_lines(3)).await;
    let expected = "\
CellMeasurements_0000/
├── _meta.yaml
├── cell_id.h5
├── colors.h5
... length_limit, 3, reached,
displaying: 1 directory, 3 files";
    assert_eq!(drawn, expected);
    let drawn = text(&backend, directory, full.clone().with_max_depth(1).with_max_lines(0)).await;
    assert_eq!(
        drawn,
        "CellMeasurements_0000/\n... length_limit, 0, reached,\ndisplaying: 1 directory, 1 levels."
    );
    let drawn = text(&backend, directory, full.clone().with_max_depth(0)).await;
    assert_eq!(drawn, "CellMeasurements_0000/\n...\n\ndisplaying: 1 directory");
    let drawn = text(&backend, directory, full.clone().with_directories_only(true)).await;
    assert_eq!(drawn, "CellMeasurements_0000/\n└── connections/\n\ndisplaying: 2 directories");
    // As many lines as are allowed are no reason for a notice.
    let drawn = text(&backend, &format!("{directory}/connections"), full.with_max_lines(3)).await;
    assert!(drawn.ends_with("pre_cell_id.h5\n\ndisplaying: 1 directory, 3 files"), "{drawn}");
}

#[tokio::test]
async fn empty_missing_and_odd_directories_are_drawn() {
    let backend = MemoryBackend::new();
    put_directory(&backend, "a.b", META).await;
    for name in ["Z", "a-b", "a10", "a9", "é", ".hidden"] {
        put_file(&backend, name, b"").await;
    }
    let drawn = text(&backend, "", TreeOptions::default()).await;
    let order =
        ["├── .hidden", "├── Z", "├── a-b", "├── a.b/", "│   └── _meta.yaml", "├── a10", "├── a9", "└── é"];
    assert!(drawn.starts_with(&format!("data/\n{}\n\n", order.join("\n"))), "{drawn}");

    assert_eq!(text(&backend, "gone", TreeOptions::default()).await, "gone/\n    (empty)");
    assert_eq!(text(&backend, "gone", Verbosity::Header.into()).await, "gone/\n    (empty)");
    assert_eq!(text(&backend, "gone", Verbosity::Full.into()).await, "gone/\n    (path does not exist)");
    let empty = MemoryBackend::new();
    assert_eq!(text(&empty, "", TreeOptions::default()).await, "data/\n\ndisplaying: 1 directory, 2 levels.");
    let error = tree_text(&backend, &path("Z"), &TreeOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::WrongKind, Some("Z")));
}

#[tokio::test]
async fn the_header_tells_the_time_of_the_directory() {
    let backend = MemoryBackend::new();
    put_directory(&backend, "a", META).await;
    let options = TreeOptions::new(Verbosity::Header).with_time_zone(TimeZone::SecondsEast(3600));
    let time = backend.stat(&path("a")).await.unwrap().modified.unwrap();
    let expected = format!("a/ - Last modified: {}", format_time(time, options.time_zone).unwrap());
    assert_eq!(tree_text(&backend, &path("a"), &options).await.unwrap(), expected);
}

#[tokio::test]
async fn a_view_lists_only_what_it_shows_and_reads_no_data() {
    let counts = Arc::new(CallCounts::default());
    let backend = observed(Arc::new(examples().await), counts.clone());
    tree_text(&backend, &path(""), &TreeOptions::default().with_max_depth(1)).await.unwrap();
    assert_eq!((counts.of(Operation::List), counts.of(Operation::Stat), counts.total()), (1, 1, 2));
    counts.reset();
    tree_text(&backend, &path(""), &TreeOptions::default().with_max_lines(3)).await.unwrap();
    assert_eq!((counts.of(Operation::List), counts.total()), (2, 3));
}

#[tokio::test]
async fn the_structure_shows_what_the_lines_show() {
    let backend = memory();
    put_directory(backend.as_ref(), "a", META).await;
    put_directory(backend.as_ref(), "a/sub", META).await;
    put_array(backend.as_ref(), "a/x", &[2], Values::Int8(vec![1, 2])).await;
    put_file(backend.as_ref(), "a/sub/f.bin", b"").await;
    put_file(backend.as_ref(), "a/sub/g.bin", b"").await;
    let full = TreeOptions::new(Verbosity::Full).with_last_modified(false);
    let tree = tree_node(backend.as_ref(), &path("a"), &full).await.unwrap();
    let expected = serde_json::json!({
        "name": "a", "stored_name": "a", "kind": "directory", "has_meta": true, "elided": false, "children": [
            {"name": "sub", "stored_name": "sub", "kind": "directory", "has_meta": true, "elided": false, "children": [
                {"name": "f.bin", "stored_name": "f.bin", "kind": "file", "has_meta": false, "elided": false, "children": []},
                {"name": "g.bin", "stored_name": "g.bin", "kind": "file", "has_meta": false, "elided": false, "children": []},
            ]},
            {"name": "x", "stored_name": "x", "kind": "array", "has_meta": false, "elided": false, "children": []},
        ]
    });
    assert_eq!(serde_json::to_value(&tree).unwrap(), expected);

    let shallow = tree_node(backend.as_ref(), &path("a"), &full.clone().with_max_depth(1)).await.unwrap();
    let seen: Vec<_> = shallow.children.iter().map(|child| (child.name.as_str(), child.elided)).collect();
    assert_eq!((shallow.elided, seen), (false, vec![("sub", true), ("x", false)]));

    let cut = tree_node(backend.as_ref(), &path("a"), &full.with_max_lines(4)).await.unwrap();
    assert!(cut.elided && cut.children.len() == 1 && cut.children[0].elided);
    assert_eq!(cut.children[0].children.len(), 1);

    let timed = tree_node(backend.as_ref(), &path("a"), &Verbosity::Header.into()).await.unwrap();
    assert!(serde_json::to_value(&timed).unwrap()["last_modified"].as_str().unwrap().ends_with('Z'));
    let missing = tree_node(backend.as_ref(), &path("gone"), &TreeOptions::default()).await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
}
