//! `init`, `rm` and `mv`: what is there changes.

use crate::shell::{Shell, npy_integers};
use serde_json::json;

#[test]
fn a_root_is_made_once() {
    let shell = Shell::new();
    shell.fine(&["init", "data"]);
    shell.fine(&["init", "data"]);
    assert_eq!(shell.json(&["init", "other", "--option", "tables=csv"])["backend"], "hdf5");
    shell.refused(4, "already_exists", &["init", "data", "--option", "tables=csv"]);
    shell.refused(2, "unsupported", &["init", "third", "--backend", "papyrus"]);
    assert!(!shell.path("third").exists());
    shell.write("file", "");
    shell.refused(4, "wrong_kind", &["init", "file"]);
    shell.write("t.csv", "a\n1\n");
    shell.fine(&["put", "t.csv", "other/t"]);
    assert!(shell.path("other/t.csv").is_file());
}

#[test]
fn entries_are_removed_with_care() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    for name in ["d/x", "d/y", "e/x"] {
        shell.fine(&["put", "x.npy", &format!("data/{name}")]);
    }
    shell.refused(2, "invalid_input", &["rm", "data/d/x", "data/e"]);
    shell.refused(3, "not_found", &["rm", "data/d/x", "data/d/z"]);
    assert_eq!(shell.fine(&["ls", "-1", "data/d"]), "x\ny\n");
    assert_eq!(shell.json(&["rm", "data/d/x", "data/d/y"]), json!({ "removed": ["d/x", "d/y"] }));
    shell.fine(&["rm", "data/d"]);
    shell.fine(&["rm", "-r", "data/e"]);
    shell.fine(&["rm", "-f", "data/e"]);
    assert_eq!(shell.fine(&["ls", "data"]), "");
    shell.refused(2, "invalid_input", &["rm", "-r", "data"]);
}

#[test]
fn entries_are_moved_and_never_replace_others() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[1]", "data/d/x"]);
    shell.fine(&["put", "--value", "[2]", "data/d/y"]);
    shell.refused(4, "already_exists", &["mv", "data/d/x", "data/d/y"]);
    shell.refused(3, "not_found", &["mv", "data/d/z", "data/d/w"]);
    shell.refused(2, "invalid_input", &["mv", "data/d", "elsewhere/d/e"]);
    shell.fine(&["mv", "data/d/x", "data/e/renamed"]);
    shell.fine(&["mv", "data/d/y", "data/e/"]);
    assert_eq!(shell.fine(&["ls", "-1", "data/e"]), "renamed\ny\n");
    assert_eq!(shell.json(&["get", "data/e/renamed"])["data"], json!([1]));
    shell.refused(2, "invalid_input", &["mv", "data/e", "data/e/inner"]);
}

#[test]
fn what_was_built_is_marked_when_it_changes() {
    let shell = Shell::new();
    let build = ["run", "data", "Cells", "n=1", "--", "fascicle", "put", "--value", "[1]"];
    let first = shell.fine(&[&build[..], &["data/Cells_0000/x"]].concat());
    assert_eq!(first, "data/Cells_0000\n");
    shell.fine(&["put", "--value", "[2]", "data/Cells_0000/x"]);
    assert_eq!(shell.json(&["meta", "data/Cells_0000"])["modified"], json!(true));
    let again = shell.ends(0, &[&build[..], &["data/Cells_0001/x"]].concat());
    assert_eq!(again.stdout, "data/Cells_0001\n");
    assert!(again.stderr.contains("warning: 'Cells_0000' was modified"), "{}", again.stderr);
}
