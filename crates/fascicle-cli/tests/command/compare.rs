//! `diff`, `table` and `meta`: directories beside each other.

use crate::shell::{Shell, npy_integers};
use serde_json::json;

fn measured() -> Shell {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    for seed in ["seed=0", "seed=42"] {
        let script = "fascicle put x.npy \"$FASCICLE_DIR/x\"";
        shell.fine(&["run", "data", "CellMeasurements", "n_cells=100", seed, "--", "sh", "-c", script]);
    }
    shell
}

#[test]
fn differences_have_the_familiar_lines() {
    let shell = measured();
    let (a, b) = ("data/CellMeasurements_0000", "data/CellMeasurements_0001");
    let expected = format!("< {a}\n> {b}\n< ≠config.seed: 0\n> ≠config.seed: 42\n");
    assert_eq!(shell.ends(1, &["diff", a, b]).stdout, expected);
    assert_eq!(shell.fine(&["diff", a, b, "--no-meta"]), "");
    assert_eq!(shell.fine(&["diff", a, a]), "");
    assert_eq!(shell.ends(1, &["diff", "-q", a, b]).stdout, "");
    shell.fine(&["append", "--value", "9", &format!("{b}/x")]);
    shell.fine(&["put", "--value", "[1.5]", &format!("{b}/y")]);
    let lines = shell.ends(1, &["diff", a, b, "--no-meta"]).stdout;
    assert!(lines.contains("< ≠x: int64 (3,)\n> ≠x: int64 (4,)\n"), "{lines}");
    assert!(lines.contains("< -y\n> +y: array float64 (1,)\n"), "{lines}");
    let ended = shell.ends(1, &["diff", a, b, "--json"]);
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&document["equal"], &document["differences"][0]["this"]),
        (&json!(false), &json!("≠config.seed: 0"))
    );
    assert_eq!(shell.json(&["diff", a, a]), json!({ "equal": true, "differences": [] }));
    shell.refused(3, "not_found", &["diff", a, "data/nothing"]);
}

#[test]
fn elements_are_compared() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[1, .nan, 3]", "data/a"]);
    shell.fine(&["put", "--value", "[1, .nan, 3]", "data/b"]);
    shell.fine(&["diff", "data/a", "data/b"]);
    shell.fine(&["put", "--value", "[1, .nan, 4]", "data/b"]);
    let lines = shell.ends(1, &["diff", "data/a", "data/b"]).stdout;
    assert!(lines.contains("1 of 3 elements differ"), "{lines}");
    shell.fine(&["diff", "data/a", "data/b", "--no-data"]);
}

#[test]
fn metas_are_yaml() {
    let shell = measured();
    let expected = "config:\n  type: CellMeasurements\n  n_cells: 100\n  seed: 42\nstatus: done\n";
    assert_eq!(shell.fine(&["meta", "data/CellMeasurements_0001"]), expected);
    assert!(shell.fine(&["meta", "--all", "data/CellMeasurements_0001"]).starts_with(expected));
    let config = json!({ "type": "CellMeasurements", "n_cells": 100, "seed": 0 });
    assert_eq!(shell.json(&["meta", "--config", "data/CellMeasurements_0000"]), config);
    assert_eq!(
        shell.json(&["meta", "data/CellMeasurements_0000"]),
        json!({ "config": config, "status": "done" })
    );
    shell.refused(4, "wrong_kind", &["meta", "data/CellMeasurements_0000/x"]);
    shell.refused(3, "not_found", &["meta", "data"]);
    shell.write("data/CellMeasurements_0000/_meta.yaml", "config: {type: X}\nstatus: [");
    shell.refused(5, "corrupt", &["meta", "data/CellMeasurements_0000"]);
}

#[test]
fn arrays_make_one_table() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[1, 2]", "data/d/id"]);
    shell.fine(&["put", "--value", "[[1.5, 2], [3, 4]]", "data/d/pair"]);
    shell.fine(&["put", "--value", "7", "data/d/one"]);
    assert_eq!(
        shell.fine(&["table", "data/d", "-o", "-", "--format", "csv"]),
        "id,one,pair\n1,7,\"[1.5, 2.0]\"\n2,7,\"[3.0, 4.0]\"\n"
    );
    shell.fine(&["table", "data/d", "-o", "d.parquet", "--include", "pair,id"]);
    shell.fine(&["put", "d.parquet", "data/t"]);
    assert_eq!(shell.json(&["get", "data/t"])["data"][1], json!({ "pair": [3.0, 4.0], "id": 2 }));
    let text = shell.fine(&["table", "data/d", "--exclude", "pair"]);
    assert_eq!(text, "   id  one\n0   1    7\n1   2    7\n[2 rows x 2 columns]\n");
    assert_eq!(
        shell.json(&["table", "data/d", "--include", "id"])["data"],
        json!([{ "id": 1 }, { "id": 2 }])
    );
    shell.fine(&["put", "--value", "[1, 2, 3]", "data/d/longer"]);
    let told = shell.refused(4, "mismatch", &["table", "data/d"]);
    assert!(told.contains("longer"), "{told}");
    shell.refused(3, "not_found", &["table", "data/d", "--include", "missing"]);
    shell.refused(2, "invalid_input", &["table", "data/d", "data/d"]);
    shell.refused(2, "invalid_input", &["table", "data/d", "--include", "id", "-o", "x.npy"]);
}

#[test]
fn a_long_directory_is_printed_in_short() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..30));
    shell.fine(&["put", "x.npy", "data/d/x"]);
    shell.fine(&["put", "--value", "[a]", "data/d/name"]);
    let text = shell.fine(&["get", "data/d"]);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((lines[5].clone(), lines[6].clone()), (vec!["4", "a", "4"], vec!["...", "...", "..."]));
    assert_eq!((lines[7].clone(), lines[11].clone()), (vec!["25", "a", "25"], vec!["29", "a", "29"]));
}

#[test]
fn configs_stand_side_by_side() {
    let shell = measured();
    let csv = "field,measurements 1,measurements 2\n\
               status,done,done\n\
               config.type,CellMeasurements,CellMeasurements\n\
               config.n_cells,100,100\n\
               config.seed,0,42\n";
    let names = "measurements 1,measurements 2";
    let arguments =
        ["table", "--configs", "data/CellMeasurements_0000", "data/CellMeasurements_0001", "--names", names];
    assert_eq!(shell.fine(&[&arguments[..], &["--format", "csv"]].concat()), csv);
    let all = shell.json(&["table", "--configs", "data"]);
    assert_eq!(
        all["data"][3],
        json!({ "field": "config.seed", "CellMeasurements_0000": "0", "CellMeasurements_0001": "42" })
    );
    shell.refused(2, "invalid_input", &["table", "--configs", "data", "--names", "one"]);
}
