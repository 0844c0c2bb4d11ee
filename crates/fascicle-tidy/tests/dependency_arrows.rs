//! Data flows one way: facade → semantics → contract → backend → storage. These tests hold the workspace to it.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What a crate of the workspace may depend on within the workspace, outside of its tests.
const ARROWS: [(&str, &[&str]); 19] = [
    ("fascicle-backend", &[]),
    ("fascicle-core", &["fascicle-backend"]),
    ("fascicle-local", &["fascicle-backend"]),
    ("fascicle-tables", &["fascicle-backend"]),
    ("fascicle-objects", &["fascicle-backend", "fascicle-local", "fascicle-tables"]),
    ("fascicle-memory", &["fascicle-backend", "fascicle-tables"]),
    ("fascicle-hdf5", &["fascicle-backend", "fascicle-local", "fascicle-tables"]),
    ("fascicle-parquet", &["fascicle-backend", "fascicle-objects", "fascicle-tables"]),
    ("fascicle-zarr", &["fascicle-backend", "fascicle-objects", "fascicle-tables"]),
    ("fascicle-exchange", &["fascicle-backend", "fascicle-tables"]),
    ("fascicle-sql", &["fascicle-core"]),
    ("fascicle-conformance", &["fascicle-backend", "fascicle-core"]),
    (
        "fascicle",
        &[
            "fascicle-backend",
            "fascicle-core",
            "fascicle-exchange",
            "fascicle-local",
            "fascicle-memory",
            "fascicle-hdf5",
            "fascicle-objects",
            "fascicle-parquet",
            "fascicle-sql",
            "fascicle-zarr",
        ],
    ),
    ("fascicle-cli", &["fascicle", "fascicle-conformance"]),
    ("fascicle-judges", &[]),
    ("fascicle-test-servers", &[]),
    ("fascicle-protocol-model", &[]),
    ("fascicle-fuzz", &["fascicle"]),
    ("fascicle-tidy", &[]),
];

/// The crates that may name a format library, and no others may.
const FORMATS: [(&str, &[&str]); 6] = [
    ("hdf5-metno", &["fascicle-hdf5"]),
    ("hdf5-metno-sys", &["fascicle-hdf5"]),
    ("parquet", &["fascicle-tables", "fascicle-objects", "fascicle-parquet", "fascicle-exchange"]),
    ("object_store", &["fascicle-objects"]),
    ("blosc-src", &["fascicle-zarr"]),
    ("datafusion", &["fascicle-sql"]),
];

/// Names of crates that a crate depends on, by crate; those of its tests apart.
type Dependencies = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

fn workspace() -> Dependencies {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut crates = Dependencies::new();
    for package in metadata["packages"].as_array().unwrap() {
        let (mut normal, mut dev) = (BTreeSet::new(), BTreeSet::new());
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = dependency["name"].as_str().unwrap().to_owned();
            let set = if dependency["kind"] == "dev" { &mut dev } else { &mut normal };
            set.insert(name);
        }
        crates.insert(package["name"].as_str().unwrap().to_owned(), (normal, dev));
    }
    crates
}

#[test]
fn every_crate_depends_only_on_what_stands_below_it() {
    let workspace = workspace();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let found: BTreeSet<&str> = workspace.keys().map(String::as_str).collect();
    assert_eq!(found, known, "a crate came or went: say in ARROWS where it stands");
    for (name, allowed) in ARROWS {
        let inside = workspace[name].0.iter().filter(|dependency| known.contains(dependency.as_str()));
        for dependency in inside {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn only_the_backends_tests_reach_the_suite_and_the_suite_reaches_no_format() {
    let workspace = workspace();
    for (name, (_, dev)) in &workspace {
        let is_backend = workspace[name].0.contains("fascicle-backend") && name != "fascicle-core";
        assert!(!dev.contains("fascicle-conformance") || is_backend, "{name} must not depend on the suite");
    }
    assert!(
        !workspace["fascicle-conformance"].1.contains("fascicle-hdf5"),
        "the suite must not know a format"
    );
    assert!(!workspace["fascicle-core"].1.contains("fascicle-hdf5"), "the semantics must not know a format");
}

#[test]
fn a_format_library_is_named_where_it_belongs() {
    let workspace = workspace();
    for (library, allowed) in FORMATS {
        for (name, (normal, _)) in &workspace {
            assert!(
                !normal.contains(library) || allowed.contains(&name.as_str()),
                "{name} must not name {library}"
            );
        }
        for name in allowed {
            assert!(
                workspace[*name].0.contains(library),
                "{name} no longer names {library}: shorten FORMATS"
            );
        }
    }
}
