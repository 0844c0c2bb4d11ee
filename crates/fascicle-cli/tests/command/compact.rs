//! `compact`: the small parts of tables are merged.

use crate::shell::Shell;
use serde_json::json;

/// The names of the Parquet files of a table that hold rows.
fn parts(shell: &Shell, table: &str) -> Vec<String> {
    let entries = std::fs::read_dir(shell.path(table)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("part-")).collect();
    names.sort();
    names
}

#[test]
fn tables_are_merged_when_it_is_applied() {
    let shell = Shell::new();
    shell.write("t.csv", "a,b\n1,x\n");
    for _ in 0..3 {
        shell.fine(&["append", "t.csv", "data/d/t"]);
        shell.fine(&["append", "t.csv", "data/d/inner/u"]);
    }
    shell.write("x.txt", "no table");
    shell.fine(&["put", "x.txt", "data/d/x.txt"]);
    let before = parts(&shell, "data/d/t.parquet");
    let told = shell.fine(&["compact", "data/d/t"]);
    assert!(told.contains("would be merged into 1") && told.contains("--apply does it"), "{told}");
    assert_eq!(parts(&shell, "data/d/t.parquet"), before);

    let done = shell.json(&["compact", "data/d", "--apply"]);
    assert_eq!(done["applied"], json!(true));
    let tables = done["tables"].as_array().unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table["table"].as_str().unwrap()).collect();
    assert_eq!(names, ["data/d/inner/u", "data/d/t"]);
    assert!(tables.iter().all(|table| table["parts_after"] == 1 && table["waiting_files"] != 0), "{done}");
    assert_eq!(parts(&shell, "data/d/t.parquet"), before);

    let told = shell.fine(&["compact", "data/d/t", "--apply", "--grace", "0s"]);
    assert!(told.contains("files removed"), "{told}");
    assert_eq!(parts(&shell, "data/d/t.parquet").len(), 1);
    let row = json!({ "a": 1, "b": "x" });
    assert_eq!(shell.json(&["get", "data/d/t"])["data"], json!([row, row, row]));
    shell.fine(&["append", "t.csv", "data/d/t"]);
    assert_eq!(shell.json(&["show", "data/d/t"])["rows"], json!(4));
}

#[test]
fn what_is_no_table_is_refused() {
    let shell = Shell::new();
    shell.write("x.txt", "no table");
    shell.fine(&["put", "x.txt", "data/d/x.txt"]);
    shell.refused(4, "wrong_kind", &["compact", "data/d/x.txt"]);
    shell.refused(3, "not_found", &["compact", "data/d/nothing"]);
    assert_eq!(shell.json(&["compact", "data/d"])["tables"], json!([]));
}
