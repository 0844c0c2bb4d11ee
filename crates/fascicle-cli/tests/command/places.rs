//! Which part of a place is its root.

use crate::shell::{Shell, npy_integers};

fn root_of(shell: &Shell, arguments: &[&str]) -> String {
    let root = shell.json(arguments)["root"].as_str().unwrap().to_owned();
    let base = shell.path("").canonicalize().unwrap();
    std::path::Path::new(&root).strip_prefix(base).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn the_root_stays_the_same_as_a_tree_grows() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    assert_eq!(root_of(&shell, &["put", "x.npy", "data/cells/x"]), "data");
    assert_eq!(root_of(&shell, &["put", "x.npy", "data/cells/deep/er/x"]), "data");
    assert_eq!(root_of(&shell, &["show", "data/cells/deep/er/x"]), "data");
    assert_eq!(root_of(&shell, &["put", "x.npy", "data/x"]), "data");
    let absolute = shell.path("data/cells/deep").canonicalize().unwrap();
    assert_eq!(root_of(&shell, &["show", absolute.to_str().unwrap()]), "data");
    let mut command = shell.command(&["ls", "-1", "../deep/er"]);
    let output = command.current_dir(&absolute).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "x\n");
}

#[test]
fn a_root_that_was_made_is_the_root() {
    let shell = Shell::new();
    shell.fine(&["init", "lab/data"]);
    shell.write("x.npy", npy_integers(0..3));
    assert_eq!(root_of(&shell, &["put", "x.npy", "lab/data/a/b/x"]), "lab/data");
    let text = String::from_utf8(shell.read("lab/data/_fascicle.yaml")).unwrap();
    assert!(text.contains("backend: hdf5"), "{text}");
}

#[test]
fn an_explicit_root_is_never_guessed() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    assert_eq!(root_of(&shell, &["put", "x.npy", "a/x", "--root", "lab/data"]), "lab/data");
    assert_eq!(root_of(&shell, &["--root", "lab/data", "show", "a"]), "lab/data");
    assert_eq!(shell.fine(&["--root", "lab/data", "ls", "-1", "."]), "a\n");
    let absolute = shell.path("lab/data/a/x");
    assert_eq!(root_of(&shell, &["--root", "lab/data", "show", absolute.to_str().unwrap()]), "lab/data");
    shell.refused(2, "invalid_path", &["show", "--root", "lab/data", "/etc/passwd"]);
    shell.refused(2, "invalid_path", &["show", "--root", "lab/data", "../x"]);
    shell.refused(2, "invalid_input", &["init", "--root", "lab/data", "x"]);
}

#[test]
fn entries_are_found_by_the_names_they_are_stored_under() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    shell.fine(&["put", "x.npy", "data/cells/x"]);
    for place in ["data/cells/x", "data/cells/x.h5", "./data//cells/./x", "data/../data/cells/x"] {
        assert_eq!(shell.json(&["show", place])["path"], "cells/x", "{place}");
    }
}

#[test]
fn memory_is_empty_and_does_no_harm() {
    let shell = Shell::new();
    assert_eq!(shell.fine(&["ls", "memory:"]), "");
    shell.fine(&["put", "--value", "1", "memory:a/b"]);
    shell.refused(3, "not_found", &["get", "memory:a/b"]);
}

#[test]
fn bad_paths_are_refused_before_anything_is_made() {
    let shell = Shell::new();
    for place in ["data/a\\b/x", "data/_private/x", "data/c/x#1", "data/c/CON", "data/c/a.b", "data/c/x\ny"] {
        shell.refused(2, "invalid_path", &["put", "--value", "1", place]);
    }
    shell.refused(2, "invalid_path", &["put", "--value", "1", "."]);
    let deep = format!("data/{}", vec!["d"; 70].join("/"));
    shell.refused(2, "invalid_path", &["put", "--value", "1", &deep]);
    shell.refused(2, "invalid_path", &["put", "--value", "1", &format!("data/{}", "n".repeat(300))]);
    assert!(!shell.path("data").exists());
    let unknown = shell.refused(2, "invalid_input", &["ls", "s3://key:hidden@bucket/x"]);
    assert!(!unknown.contains("hidden"), "{unknown}");
    shell.refused(2, "unsupported", &["ls", ".", "--root", "ftp://host/x"]);
}
