//! Paths of entries and keys of records.

use super::{Target, assert_printable, texts};
use fascicle::EntryKind;
use fascicle::EntryPath;
use fascicle::backend::RecordKey;

pub(super) const TARGET: Target = Target {
    name: "path",
    run,
    seeds: || {
        texts(&[
            "",
            "cells/connections/pre_cell_id",
            "a/../b",
            "/etc/passwd",
            "_meta.yaml",
            "ü/日本/u\u{308}",
            "x#1",
            "CON.txt",
            "a\\b",
            "v1/ab/abcdef0123.0.claim",
        ])
    },
    tokens: &[
        "/",
        "..",
        ".",
        "_",
        "\0",
        "\n",
        "\u{1b}[2J",
        "\\",
        "#0",
        ":",
        "COM1",
        "nul",
        ".h5",
        ".parquet",
        "ü",
        "u\u{308}",
        " ",
    ],
    quick_runs: 20_000,
};

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match EntryPath::parse(&text) {
        Ok(path) => {
            assert_eq!(path.as_str(), text);
            for name in path.names() {
                assert!(!matches!(name, "" | "." | "..") && !name.starts_with('_') && !name.contains('\\'));
            }
            assert_printable(&text);
            if let Some(parent) = path.parent() {
                assert!(path.is_within(&parent) && parent.join(path.name()).is_ok_and(|again| again == path));
            }
            for kind in [EntryKind::Array, EntryKind::Table, EntryKind::File, EntryKind::Directory] {
                if let Err(error) = path.check_creatable(kind) {
                    assert_printable(&error.chain());
                }
            }
        }
        Err(error) => assert_printable(&error.chain()),
    }
    match RecordKey::parse(&text) {
        Ok(key) => assert!(key.as_str().split('/').all(|name| !name.is_empty() && !name.starts_with('.'))),
        Err(error) => assert_printable(&error.chain()),
    }
}
