//! `append`: rows and bytes at the end.

use crate::shell::{Shell, npy, npy_integers};
use serde_json::json;

#[test]
fn arrays_tables_and_files_grow() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    shell.write("t.csv", "a,b\n1,x\n");
    shell.write("log.txt", "line\n");
    for _ in 0..2 {
        shell.fine(&["append", "x.npy", "data/d/x"]);
        shell.fine(&["append", "t.csv", "data/d/t"]);
        shell.fine(&["append", "log.txt", "data/d/log.txt"]);
    }
    shell.fine(&["append", "--value", "7", "data/d/x"]);
    shell.fine(&["append", "--value", "[8, 9]", "data/d/x"]);
    assert_eq!(shell.json(&["get", "data/d/x"])["data"], json!([0, 1, 2, 0, 1, 2, 7, 8, 9]));
    assert_eq!(shell.json(&["get", "data/d/t"])["data"], json!([{ "a": 1, "b": "x" }, { "a": 1, "b": "x" }]));
    assert_eq!(shell.fine(&["get", "data/d/log.txt"]), "line\nline\n");
}

#[test]
fn bytes_of_several_commands_do_not_mix() {
    let shell = Shell::new();
    shell.write("begin", "");
    shell.fine(&["put", "begin", "data/log", "--as", "file"]);
    // More than is read at once, and not a multiple of it.
    let length = (20 << 20) + 7;
    let writers: Vec<_> = (b'a'..=b'c')
        .map(|letter| {
            let name = format!("{}.bin", char::from(letter));
            shell.write(&name, vec![letter; length]);
            shell.command(&["append", &name, "data/log", "--as", "file"]).spawn().unwrap()
        })
        .collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let mut log = shell.read("data/log");
    assert_eq!(log.len(), 3 * length);
    log.dedup();
    assert_eq!(log.len(), 3, "each one's bytes stand together");
}

#[test]
fn rows_of_several_axes_and_in_fortran_order_are_appended() {
    let shell = Shell::new();
    shell.write("f.npy", npy("|u1", true, "(2, 3)", &[1, 4, 2, 5, 3, 6]));
    shell.write("empty.npy", npy("|u1", false, "(0, 3)", &[]));
    shell.fine(&["append", "empty.npy", "data/x"]);
    shell.fine(&["append", "f.npy", "data/x"]);
    shell.fine(&["append", "f.npy", "data/x"]);
    let expected =
        json!({ "dtype": "uint8", "shape": [4, 3], "data": [[1, 2, 3], [4, 5, 6], [1, 2, 3], [4, 5, 6]] });
    assert_eq!(shell.json(&["get", "data/x"]), expected);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    shell.write("pairs.npy", npy("<i8", false, "(1, 2)", &[0; 16]));
    shell.write("scalar.npy", npy("<i8", false, "()", &[0; 8]));
    shell.write("other.csv", "a,c\n1,2\n");
    shell.write("t.csv", "a,b\n1,x\n");
    shell.fine(&["put", "x.npy", "data/d/x"]);
    shell.fine(&["put", "t.csv", "data/d/t"]);
    shell.refused(4, "mismatch", &["append", "--value", "1.7", "data/d/x"]);
    shell.refused(4, "mismatch", &["append", "pairs.npy", "data/d/x"]);
    shell.refused(4, "mismatch", &["append", "scalar.npy", "data/d/x"]);
    shell.refused(4, "wrong_kind", &["append", "t.csv", "data/d/x"]);
    shell.refused(4, "wrong_kind", &["append", "x.npy", "data/d/t"]);
    let told = shell.refused(4, "mismatch", &["append", "other.csv", "data/d/t"]);
    assert!(told.contains("+c") && told.contains("-b"), "{told}");
    assert_eq!(shell.json(&["show", "data/d/x"])["shape"], json!([3]));
    assert_eq!(shell.json(&["show", "data/d/t"])["rows"], json!(1));
}

#[test]
fn columns_of_csv_are_read_as_the_stored_table_has_them() {
    let shell = Shell::new();
    shell.write("t.csv", "id,x\na1,1.5\n");
    shell.write("more.csv", "x,id\n2,17\n,\n");
    shell.fine(&["put", "t.csv", "data/t"]);
    shell.fine(&["append", "more.csv", "data/t"]);
    let expected = json!([{ "id": "a1", "x": 1.5 }, { "id": "17", "x": 2.0 }, { "id": null, "x": null }]);
    assert_eq!(shell.json(&["get", "data/t"])["data"], expected);
    shell.write("bad.csv", "id,x\na,one\n");
    shell.refused(5, "corrupt", &["append", "bad.csv", "data/t"]);
}

#[test]
fn many_writers_lose_nothing() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[]", "--dtype", "int64", "data/x"]);
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            shell.command(&["append", "--value", &format!("[{writer}, {writer}]"), "data/x"]).spawn().unwrap()
        })
        .collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let data = shell.json(&["get", "data/x"]);
    let mut rows: Vec<i64> =
        data["data"].as_array().unwrap().iter().map(|row| row.as_i64().unwrap()).collect();
    assert!(rows.chunks(2).all(|pair| pair[0] == pair[1]), "{rows:?}");
    rows.sort_unstable();
    assert_eq!(rows, (0..8).flat_map(|writer| [writer, writer]).collect::<Vec<i64>>());
}
