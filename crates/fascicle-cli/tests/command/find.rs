//! `find`: configs as a table, and why a config is not found; and builds that are interrupted.

use crate::shell::Shell;
use serde_json::{Value, json};

fn filled() -> Shell {
    let shell = Shell::new();
    for fields in [["n=10", "kind=a"], ["n=100", "kind=a"], ["n=100", "kind=b"]] {
        shell.fine(&[&["run", "data", "Cells"], &fields[..], &["--", "true"]].concat());
    }
    shell.fine(&["run", "data", "Tissue", "n=7", "deep={x: 1}", "--", "true"]);
    shell
}

fn names(found: &Value) -> Vec<String> {
    let all = found.as_array().unwrap().iter();
    all.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn directories_are_found_by_their_configs() {
    let shell = filled();
    let all = shell.fine(&["find", "data"]);
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 5);
    assert!(lines[0].starts_with("name") && lines[0].ends_with("deep.x"), "{all}");
    assert_eq!(
        shell.fine(&["find", "data", "Cells", "n>50"]),
        "name        status  n    kind\nCells_0001  done    100  a\nCells_0002  done    100  b\n"
    );
    assert_eq!(names(&shell.json(&["find", "data", "Cells", "n>50", "kind=b"])), ["Cells_0002"]);
    assert_eq!(names(&shell.json(&["find", "data", "deep.x>=1"])), ["Tissue_0000"]);
    let found = shell.json(&["find", "data", "Tissue"]);
    assert_eq!(found[0]["config"], json!({ "type": "Tissue", "n": 7, "deep": { "x": 1 } }));
    assert!(shell.ends(3, &["find", "data", "n>1000"]).stdout.is_empty());
}

#[test]
fn a_miss_is_explained() {
    let shell = filled();
    let missing = shell.ends(3, &["find", "data", "Cells", "--explain", "n=100", "kind=c"]).stdout;
    assert!(missing.starts_with("not found"), "{missing}");
    assert!(missing.contains("near: 'Cells_0001'\n  asked ≠kind: c   stored ≠kind: a"), "{missing}");
    let found = shell.json(&["find", "data", "Cells", "--explain", "n=10", "kind=a"]);
    assert_eq!((&found["found"], &found["of_this_type"]), (&json!("Cells_0000"), &json!(3)));
    assert_eq!(found["builds"][0]["outcome"], "done");
    let run = shell.fine(&["--json", "run", "data", "Cells", "n=10", "kind=z", "--", "true"]);
    let run: Value = serde_json::from_str(&run).unwrap();
    assert_eq!(run["reason"], "there was no directory of this config");
    let typo = shell.ends(3, &["find", "data", "Cell", "--explain", "n=10"]).stdout;
    assert!(typo.contains("did you mean 'Cells'"), "{typo}");
    shell.refused(2, "invalid_input", &["find", "data", "--explain", "n=1"]);
}
