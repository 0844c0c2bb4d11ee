//! Every module says what it is, and no file outgrows its concept.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};

/// Beyond this a file tells more than one story.
const MOST_LINES: usize = 750;

/// The same for tests, whose lists of cases are long by nature.
const MOST_LINES_OF_TESTS: usize = 1000;

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = workspace_root();
    let mut files = Vec::new();
    for folder in ["crates", "backends", "conformance-tests", "examples"] {
        let folder = root.join(folder);
        if folder.exists() {
            rust_files(&folder, &mut files);
        }
    }
    assert!(files.len() > 50, "the sources were not found below {}", root.display());
    files.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "modules without a first line of documentation: {silent:#?}");
}

#[test]
fn no_file_outgrows_its_concept() {
    let too_long = |path: &Path, lines: usize| {
        let is_test = path.components().any(|part| part.as_os_str() == "tests");
        lines > if is_test { MOST_LINES_OF_TESTS } else { MOST_LINES }
    };
    let counted = sources().into_iter().map(|(path, text)| (path, text.lines().count()));
    let large: Vec<_> = counted.filter(|(path, lines)| too_long(path, *lines)).collect();
    assert!(large.is_empty(), "files that should be told apart: {large:#?}");
}

#[test]
fn versions_stand_in_one_place() {
    let root = workspace_root();
    let mut manifests = vec![root.join("conformance-tests/Cargo.toml")];
    for folder in ["crates", "backends"] {
        let crates = std::fs::read_dir(root.join(folder)).unwrap();
        manifests.extend(crates.map(|entry| entry.unwrap().path().join("Cargo.toml")));
    }
    for manifest in manifests {
        let text = std::fs::read_to_string(&manifest).unwrap();
        let dependencies = text.split("dependencies]").skip(1).flat_map(|section| {
            section
                .lines()
                .skip(1)
                .take_while(|line| !line.starts_with('['))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        for line in dependencies.filter(|line| line.contains('=')) {
            let inherits = line.contains("workspace = true");
            assert!(inherits, "{}: '{line}' should take its version from the workspace", manifest.display());
        }
    }
}
