//! `put` and `get`: files become entries and come out again.

use crate::shell::{Shell, npy, npy_integers};
use serde_json::json;
use std::io::Write;
use std::process::Stdio;

#[test]
fn an_array_comes_back_as_it_was() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..100));
    assert_eq!(shell.fine(&["put", "x.npy", "data/cells/x"]), "");
    shell.fine(&["get", "data/cells/x", "-o", "y.npy"]);
    shell.fine(&["put", "y.npy", "data/cells/y"]);
    shell.fine(&["diff", "data/cells/x", "data/cells/y"]);
    assert_eq!(shell.fine(&["get", "data/cells/x", "--slice", "::40"]), "[ 0, 40, 80]\nint64 (3,)\n");
    let part = shell.json(&["get", "data/cells/x", "--slice=-2:"]);
    assert_eq!(part, json!({ "dtype": "int64", "shape": [2], "data": [98, 99] }));
}

#[test]
fn byte_order_and_memory_order_do_not_matter() {
    let shell = Shell::new();
    let big_endian: Vec<u8> = [1i16, 2, 3, 4, 5, 6].iter().flat_map(|number| number.to_be_bytes()).collect();
    shell.write("big.npy", npy(">i2", false, "(2, 3)", &big_endian));
    let fortran: Vec<u8> = [1i16, 4, 2, 5, 3, 6].iter().flat_map(|number| number.to_le_bytes()).collect();
    shell.write("fortran.npy", npy("<i2", true, "(2, 3)", &fortran));
    for name in ["big", "fortran"] {
        shell.fine(&["put", &format!("{name}.npy"), &format!("data/{name}")]);
        let data = shell.json(&["get", &format!("data/{name}")]);
        assert_eq!(data, json!({ "dtype": "int16", "shape": [2, 3], "data": [[1, 2, 3], [4, 5, 6]] }));
    }
}

#[test]
fn a_value_needs_no_file() {
    let shell = Shell::new();
    for (value, dtype, expected) in [
        ("[1, 2.5]", "float64", json!([1.0, 2.5])),
        ("[[1, 2], [3, 4]]", "uint8", json!([[1, 2], [3, 4]])),
        ("-7", "int64", json!(-7)),
        ("[ab, c]", "S4", json!(["ab", "c"])),
        ("[.nan, .inf]", "float32", json!(["NaN", "Infinity"])),
        ("['2024-05-01', NaT]", "datetime64[D]", json!(["2024-05-01", null])),
        ("[]", "int8", json!([])),
    ] {
        shell.fine(&["put", "--value", value, "--dtype", dtype, "data/v"]);
        let data = shell.json(&["get", "data/v"]);
        assert_eq!((&data["data"], &data["dtype"]), (&expected, &dtype.into()), "{value}");
    }
}

#[test]
fn storage_options_reach_the_array() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..1000));
    let options =
        ["--chunks", "100", "--codec", "gzip:5", "--attribute", "units=mV", "--attribute", "range=[0, 1]"];
    shell.fine(&[&["put", "x.npy", "data/x"][..], &options].concat());
    let facts = shell.json(&["show", "data/x"]);
    assert_eq!(facts["chunks"], json!([100]));
    assert!(!facts["codecs"].as_array().unwrap().is_empty(), "{facts}");
    assert_eq!(facts["attributes"], json!({ "units": "mV", "range": [0, 1] }));
}

#[test]
fn a_table_comes_back_in_every_format() {
    let shell = Shell::new();
    let csv = "id,name,score,day\n1,ü,0.5,2024-05-01\n2,,1.5,2024-05-02\n3,007,,2024-05-03\n";
    shell.write("t.csv", csv);
    shell.fine(&["put", "t.csv", "data/t"]);
    let facts = shell.json(&["show", "data/t"]);
    let types: Vec<&str> =
        facts["columns"].as_array().unwrap().iter().map(|column| column["type"].as_str().unwrap()).collect();
    assert_eq!((facts["rows"].as_u64(), types), (Some(3), vec!["Int64", "Utf8", "Float64", "Date32"]));
    for ending in ["csv", "parquet", "arrow", "feather"] {
        let (file, entry) = (format!("out.{ending}"), format!("data/{ending}"));
        shell.fine(&["get", "data/t", "-o", &file]);
        shell.fine(&["put", &file, &entry]);
        shell.fine(&["diff", "data/t", &entry]);
    }
    assert_eq!(shell.fine(&["get", "data/t", "--format", "csv"]), csv);
    let rows = shell.json(&["get", "data/t"]);
    assert_eq!(rows["data"][1], json!({ "id": 2, "name": null, "score": 1.5, "day": "2024-05-02" }));
}

#[test]
fn a_long_table_is_printed_in_short() {
    let shell = Shell::new();
    let rows: String = (0..100).map(|row| format!("{row},{}\n", row * row)).collect();
    shell.write("t.csv", format!("n,square\n{rows}"));
    shell.fine(&["put", "t.csv", "data/t"]);
    let text = shell.fine(&["get", "data/t"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["n", "square"]);
    assert_eq!(lines[5].split_whitespace().collect::<Vec<_>>(), ["4", "4", "16"]);
    assert_eq!(lines[6].split_whitespace().collect::<Vec<_>>(), ["...", "...", "..."]);
    assert_eq!(lines[11].split_whitespace().collect::<Vec<_>>(), ["99", "99", "9801"]);
    assert_eq!(lines[12], "[100 rows x 2 columns]");
    assert_eq!(lines.len(), 13);
}

#[test]
fn a_file_keeps_its_bytes() {
    let shell = Shell::new();
    let bytes: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
    shell.write("blob.bin", &bytes);
    shell.fine(&["put", "blob.bin", "data/cells/blob.bin"]);
    shell.fine(&["get", "data/cells/blob.bin", "-o", "back"]);
    assert_eq!(shell.read("back"), bytes);
    shell.write("t.csv", "a\n1\n");
    shell.fine(&["put", "t.csv", "data/cells/raw", "--as", "file"]);
    assert_eq!(shell.fine(&["get", "data/cells/raw"]), "a\n1\n");
    assert_eq!(shell.json(&["get", "data/cells/raw"]), json!({ "size_bytes": 4, "text": "a\n1\n" }));
}

#[test]
fn standard_input_and_output_work() {
    let shell = Shell::new();
    let put = |arguments: &[&str], input: &[u8]| {
        let mut child = shell.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
    };
    put(&["put", "-", "data/x", "--as", "array"], &npy_integers(0..5));
    put(&["put", "-", "data/t", "--as", "table"], b"a,b\n1,x\n");
    put(&["put", "-", "data/notes.txt", "--as", "file"], b"hello");
    shell.fine(&["get", "data/t", "-o", "t.parquet"]);
    put(&["put", "-", "data/p", "--format", "parquet"], &shell.read("t.parquet"));
    shell.fine(&["diff", "data/t", "data/p"]);
    assert_eq!(shell.fine(&["get", "data/notes.txt"]), "hello");
    let output = shell.command(&["get", "data/x", "-o", "-", "--format", "npy"]).output().unwrap();
    shell.write("y.npy", output.stdout);
    shell.fine(&["put", "y.npy", "data/y"]);
    shell.fine(&["diff", "data/x", "data/y"]);
}

#[test]
fn the_mode_says_what_happens_to_what_is_there() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    shell.write("notes.txt", "hello");
    shell.fine(&["put", "x.npy", "data/c/x", "--mode", "create"]);
    shell.refused(4, "already_exists", &["put", "x.npy", "data/c/x", "--mode", "create"]);
    shell.refused(4, "wrong_kind", &["put", "notes.txt", "data/c/x"]);
    assert_eq!(shell.json(&["get", "data/c/x"])["data"], json!([0, 1, 2]));
    shell.fine(&["put", "notes.txt", "data/c/x", "--mode", "replace"]);
    assert_eq!(shell.fine(&["get", "data/c/x"]), "hello");
}

#[test]
fn a_place_with_a_final_slash_takes_the_name_of_the_file() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    shell.write("notes.txt", "hello");
    shell.fine(&["put", "x.npy", "data/c/"]);
    shell.fine(&["put", "notes.txt", "data/c/"]);
    assert_eq!(shell.fine(&["ls", "-1", "data/c"]), "notes.txt\nx\n");
    shell.refused(2, "invalid_input", &["put", "--value", "1", "data/c/"]);
}

#[test]
fn columns_become_arrays_and_a_table_again() {
    let shell = Shell::new();
    shell.write("t.csv", "name,x\nab,1\nc,2\n");
    shell.fine(&["put", "t.csv", "data/d", "--as", "columns", "--column-dtype", "name=S50"]);
    assert_eq!(shell.fine(&["ls", "data/d"]), "array  S50 (2,)    name\narray  int64 (2,)  x\n");
    assert_eq!(shell.fine(&["get", "data/d", "--format", "csv"]), "name,x\nab,1\nc,2\n");
}

#[test]
fn an_array_is_a_table_of_one_column() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[[1, 2], [3, 4]]", "data/x"]);
    shell.fine(&["get", "data/x", "-o", "x.csv"]);
    assert_eq!(shell.read("x.csv"), b"x\n\"[1, 2]\"\n\"[3, 4]\"\n");
    shell.fine(&["get", "data/x", "-o", "x.parquet", "--slice", "1:"]);
    shell.fine(&["put", "x.parquet", "data/t"]);
    assert_eq!(shell.json(&["get", "data/t"])["data"], json!([{ "x": [3, 4] }]));
}

#[test]
fn text_that_stands_for_null_is_declared() {
    let shell = Shell::new();
    shell.write("t.csv", "a\n1\nNA\n");
    shell.fine(&["put", "t.csv", "data/t"]);
    assert_eq!(shell.json(&["get", "data/t"])["data"], json!([{ "a": "1" }, { "a": "NA" }]));
    shell.fine(&["put", "t.csv", "data/t", "--null", "NA"]);
    assert_eq!(shell.json(&["get", "data/t"])["data"], json!([{ "a": 1 }, { "a": null }]));
}

#[test]
fn a_file_is_written_as_a_whole_or_not_at_all() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[1]", "data/x"]);
    shell.write("x.npy", "mine");
    shell.refused(2, "invalid_input", &["get", "data/x", "-o", "x.txt"]);
    shell.refused(2, "out_of_bounds", &["get", "data/x", "-o", "x.npy", "--slice", "7"]);
    assert_eq!(shell.read("x.npy"), b"mine");
    std::fs::create_dir(shell.path("folder.npy")).unwrap();
    shell.refused(4, "wrong_kind", &["get", "data/x", "-o", "folder.npy"]);
    shell.refused(3, "not_found", &["get", "data/x", "-o", "missing/x.npy"]);
    shell.fine(&["get", "data/x", "-o", "x.npy"]);
    assert!(shell.read("x.npy").starts_with(b"\x93NUMPY"));
    let left: Vec<String> = std::fs::read_dir(shell.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
