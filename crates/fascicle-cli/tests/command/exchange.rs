//! `put`, `append` and `get` of files of tables in every format.

use crate::shell::Shell;
use serde_json::json;

const CSV: &str = "id,name,price,when\n1,one,0.10,2024-05-01T12:00:00\n2,,1.50,\n";

#[test]
fn a_table_goes_through_every_format_and_comes_back() {
    let shell = Shell::new();
    shell.write("t.csv", CSV);
    shell.fine(&["put", "t.csv", "data/lab/t"]);
    for ending in ["csv", "tsv", "json", "jsonl", "ndjson", "parquet", "arrow", "feather"] {
        let file = format!("back.{ending}");
        shell.fine(&["get", "data/lab/t", "-o", &file]);
        let types = "id=int64, name=string, price=float64, when=timestamp[ns]";
        let told = ["put", &file, "data/lab/back", "--as", "table", "--schema", types];
        match ending {
            "parquet" | "arrow" | "feather" => {
                shell.refused(2, "invalid_input", &told);
                shell.fine(&told[..5]);
            }
            _ => {
                shell.fine(&told);
            }
        }
        shell.fine(&["diff", "data/lab/t", "data/lab/back"]);
        let before = shell.json(&["ls", "data/lab/back"])[0]["rows"].clone();
        shell.fine(&["append", &file, "data/lab/back", "--as", "table"]);
        let after = shell.json(&["ls", "data/lab/back"])[0]["rows"].clone();
        assert_eq!((before, after), (json!(2), json!(4)), "{ending}");
    }
    let lines = shell.fine(&["get", "data/lab/t", "--format", "jsonl"]);
    let first = "{\"id\":1,\"name\":\"one\",\"price\":0.1,\"when\":\"2024-05-01T12:00:00\"}\n";
    assert!(lines.starts_with(first), "{lines}");
}

#[test]
fn types_are_inferred_or_given() {
    let shell = Shell::new();
    shell.write("t.csv", CSV);
    shell.fine(&["put", "t.csv", "data/lab/t", "--schema", "id=string, price=decimal(10, 2)"]);
    let columns = shell.json(&["get", "data/lab/t"])["columns"].clone();
    let types: Vec<&str> =
        columns.as_array().unwrap().iter().map(|column| column["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["Utf8", "Utf8", "Decimal128(10, 2)", "Timestamp(ns)"]);
    let error = shell.refused(2, "invalid_input", &["put", "t.csv", "data/lab/u", "--schema", "prize=int8"]);
    assert!(error.contains("t.csv") && error.contains("did you mean 'price'"), "{error}");
    let error = shell.refused(2, "invalid_input", &["put", "t.csv", "data/lab/u", "--schema", "price=money"]);
    assert!(error.contains("'money' is no type"), "{error}");
    shell.write("broken.csv", "a,b\n1,2\n3\n");
    let error = shell.refused(5, "corrupt", &["put", "broken.csv", "data/lab/u"]);
    assert!(error.contains("broken.csv") && error.contains("line 3"), "{error}");
    shell.write("broken.jsonl", "{\"a\": 1}\n{\"a\": }\n");
    let error = shell.refused(5, "corrupt", &["put", "broken.jsonl", "data/lab/u"]);
    assert!(error.contains("broken.jsonl") && error.contains("line 2"), "{error}");
}

#[test]
fn a_file_of_json_is_a_file_unless_it_is_called_a_table() {
    let shell = Shell::new();
    shell.write("p.json", "[{\"a\": 1, \"l\": [1, 2]}]");
    shell.fine(&["put", "p.json", "data/lab/p.json"]);
    assert_eq!(shell.fine(&["get", "data/lab/p.json"]), "[{\"a\": 1, \"l\": [1, 2]}]");
    shell.fine(&["put", "p.json", "data/lab/p", "--as", "table"]);
    assert_eq!(shell.json(&["get", "data/lab/p"])["data"], json!([{ "a": 1, "l": [1, 2] }]));
}
