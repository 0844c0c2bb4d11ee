//! `ls`, `tree`, `show` and `du`: what is there.

use crate::shell::{Shell, npy_integers};
use serde_json::json;

fn filled() -> Shell {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..100));
    shell.write("t.csv", "a,b\n1,x\n");
    shell.write("notes.txt", "hello");
    shell.fine(&["put", "x.npy", "data/Cells_0000/x"]);
    shell.fine(&["put", "t.csv", "data/Cells_0000/t"]);
    shell.fine(&["put", "notes.txt", "data/Cells_0000/"]);
    shell.fine(&["put", "x.npy", "data/Cells_0000/connections/pre"]);
    shell
}

#[test]
fn ls_tells_kinds_and_what_is_known() {
    let shell = filled();
    let expected = "directory  Directory, done     connections\n\
                    file       5.0B                notes.txt\n\
                    table      1 rows x 2 columns  t\n\
                    array      int64 (100,)        x\n";
    assert_eq!(shell.fine(&["ls", "data/Cells_0000"]), expected);
    assert_eq!(shell.fine(&["ls", "-1", "data"]), "Cells_0000\n");
    assert_eq!(shell.fine(&["ls", "data/Cells_0000/x"]), "array  int64 (100,)  x\n");
    let facts = shell.json(&["ls", "data/Cells_0000"]);
    assert_eq!(facts[0]["meta"]["status"], "done");
    assert_eq!((&facts[3]["name"], &facts[3]["shape"]), (&json!("x"), &json!([100])));
    shell.refused(3, "not_found", &["ls", "data/nothing"]);
}

#[test]
fn ls_shows_what_is_broken_and_goes_on() {
    let shell = filled();
    shell.write("data/Cells_0000/broken.h5", "no HDF5");
    let listed = shell.ends(5, &["ls", "data/Cells_0000"]);
    assert!(
        listed.stdout.contains("unreadable") && listed.stdout.contains("int64 (100,)"),
        "{}",
        listed.stdout
    );
    assert!(listed.stderr.starts_with("warning: ") && listed.stderr.contains("broken"), "{}", listed.stderr);
    shell.write("data/Cells_0000/connections/_meta.yaml", "config: [");
    assert!(shell.ends(5, &["ls", "data/Cells_0000"]).stdout.contains("broken meta"));
}

#[test]
fn trees_have_their_form() {
    let shell = filled();
    let expected = "data/\n\
                    └── Cells_0000/\n    \
                    ├── _meta.yaml\n    \
                    ├── connections/\n    \
                    │   ...\n    \
                    ├── notes.txt\n    \
                    ├── t.parquet\n    \
                    └── x.h5\n\
                    \n\
                    displaying: 3 directories, 4 files, 2 levels.\n";
    let text = shell.fine(&["tree", "data", "--no-time"]);
    let same: String = text.replace("t.parquet/", "t.parquet");
    assert_eq!(same, expected);
    let header = shell.fine(&["tree", "data", "--verbosity", "0"]);
    assert!(header.starts_with("data/ - Last modified: ") && header.lines().count() == 1, "{header}");
    assert!(shell.fine(&["tree", "data", "-v2"]).contains("pre.h5"));
    assert!(shell.fine(&["tree", "data", "-L", "3"]).ends_with("3 levels.\n"));
    assert!(shell.fine(&["tree", "data", "--lines", "2"]).contains("... length_limit, 2, reached,"));
    assert!(!shell.fine(&["tree", "data", "-d"]).contains("x.h5"));
    let tree = shell.json(&["tree", "data"]);
    assert_eq!(tree["children"][0]["name"], "Cells_0000");
    shell.refused(4, "wrong_kind", &["tree", "data/Cells_0000/x"]);
    shell.refused(2, "invalid_input", &["tree", "data", "--verbosity", "7"]);
}

#[test]
fn show_tells_everything() {
    let shell = filled();
    let text = shell.fine(&["show", "data/Cells_0000/x"]);
    assert!(text.contains("dtype:          int64\n") && text.contains("shape:          (100,)\n"), "{text}");
    let text = shell.fine(&["show", "data/Cells_0000/t"]);
    assert!(text.contains("rows:           1\n") && text.contains("  a  Int64"), "{text}");
    let text = shell.fine(&["show", "data/Cells_0000"]);
    assert!(text.contains("meta:\n  config:\n    type: Directory\n  status: done\n"), "{text}");
    let facts = shell.json(&["show", "data/Cells_0000/connections/pre"]);
    assert_eq!((&facts["path"], &facts["backend"]), (&json!("Cells_0000/connections/pre"), &json!("hdf5")));
    assert_eq!((&facts["kind"], &facts["stored_name"]), (&json!("array"), &json!("pre.h5")));
    assert_eq!(shell.json(&["show", "data"])["kind"], "directory");
    assert_eq!(shell.json(&["show", "data/Cells_0000/notes.txt"])["size_bytes"], 5);
}

#[test]
fn statistics_are_exact() {
    let shell = filled();
    let stats = shell.json(&["show", "data/Cells_0000/x", "--stats"])["stats"].clone();
    assert_eq!((&stats["count"], &stats["min"], &stats["max"]), (&json!(100), &json!(0), &json!(99)));
    assert_eq!(stats["mean"], json!(49.5));
    assert!((stats["std"].as_f64().unwrap() - 28.866_070_047_722_12).abs() < 1e-9, "{stats}");
    let bins: u64 = stats["histogram"].as_array().unwrap().iter().map(|bin| bin.as_u64().unwrap()).sum();
    assert_eq!(bins, 100);
    let text = shell.fine(&["show", "data/Cells_0000/x", "--stats"]);
    assert!(text.contains("count 100  NaN 0  min 0  max 99  mean 49.5"), "{text}");
    assert!(text.contains('█') && text.lines().last().unwrap().starts_with('▁'), "{text}");
    shell.fine(&["put", "--value", "[.nan, 1, .inf, 3]", "data/n"]);
    let stats = shell.json(&["show", "data/n", "--stats"])["stats"].clone();
    assert_eq!((&stats["missing"], &stats["infinite"], &stats["mean"]), (&json!(1), &json!(1), &json!(2.0)));
    shell.fine(&["put", "--value", "[]", "data/e"]);
    assert_eq!(shell.json(&["show", "data/e", "--stats"])["stats"]["min"], json!(null));
    shell.fine(&["put", "--value", "['2024-01-02', NaT]", "--dtype", "datetime64[D]", "data/d"]);
    let stats = shell.json(&["show", "data/d", "--stats"])["stats"].clone();
    assert_eq!((&stats["min"], &stats["missing"]), (&json!("2024-01-02"), &json!(1)));
    shell.refused(4, "wrong_kind", &["show", "data/Cells_0000/t", "--stats"]);
    shell.fine(&["put", "--value", "[a]", "data/text"]);
    shell.refused(2, "unsupported", &["show", "data/text", "--stats"]);
}

#[test]
fn du_adds_up() {
    let shell = filled();
    let usage = shell.json(&["du", "data"]);
    let counts = ["arrays", "tables", "files", "directories"].map(|kind| usage[kind].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 1, 3]);
    assert_eq!(usage["entries"][0]["name"], "Cells_0000");
    let bytes = usage["size_bytes"].as_u64().unwrap();
    assert_eq!(shell.fine(&["du", "-s", "-b", "data"]), format!("{bytes}  data\n"));
    assert_eq!(shell.fine(&["du", "-s", "data/Cells_0000/notes.txt"]), "5.0B  data/Cells_0000/notes.txt\n");
}
