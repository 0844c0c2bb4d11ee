//! Bad input: one readable error, the documented exit code, nothing changed.

use crate::shell::{Shell, npy, npy_integers};
use std::os::unix::fs::PermissionsExt;

#[test]
fn hostile_npy_files_are_refused() {
    let shell = Shell::new();
    let cases: [(&str, Vec<u8>, i32, &str); 9] = [
        ("empty", Vec::new(), 5, "corrupt"),
        ("magic", b"PK\x03\x04 not numpy at all".to_vec(), 5, "corrupt"),
        ("short", npy("<f8", false, "(3,)", &[0; 16]), 5, "corrupt"),
        ("long", npy("<f8", false, "(3,)", &[0; 32]), 5, "corrupt"),
        ("overflow", npy("<f8", false, "(4294967296, 4294967296, 4294967296)", &[]), 5, "limit_exceeded"),
        ("terabytes", npy("<f8", false, "(1099511627776,)", &[]), 5, "corrupt"),
        ("pickle", npy("|O", false, "(1,)", b"cos\nsystem\n"), 2, "unsupported"),
        ("bool", npy("|b1", false, "(1,)", &[7]), 5, "corrupt"),
        ("shape", npy("<f8", false, "(-1,)", &[]), 5, "corrupt"),
    ];
    for (name, bytes, code, kind) in cases {
        let file = format!("{name}.npy");
        shell.write(&file, bytes);
        let told = shell.refused(code, kind, &["put", &file, "data/x"]);
        assert!(told.contains(&file), "{told}");
        shell.refused(code, kind, &["append", &file, "data/x"]);
        assert!(!shell.path("data/x.h5").exists(), "{name}");
    }
}

#[test]
fn damaged_tables_are_refused() {
    let shell = Shell::new();
    shell.write("t.csv", "a,b\n1,x\n2,y\n");
    shell.fine(&["put", "t.csv", "data/t"]);
    for ending in ["parquet", "arrow"] {
        let file = format!("t.{ending}");
        shell.fine(&["get", "data/t", "-o", &file]);
        let whole = shell.read(&file);
        for (damage, bytes) in [
            ("cut", whole[..whole.len() / 2].to_vec()),
            ("empty", Vec::new()),
            (
                "zeroed",
                whole.iter().enumerate().map(|(at, byte)| if at % 3 == 0 { 0 } else { *byte }).collect(),
            ),
        ] {
            shell.write(&file, bytes);
            let ended = shell.ends(5, &["put", &file, "data/t"]);
            assert_eq!(ended.stderr.lines().count(), 1, "{damage}: {}", ended.stderr);
        }
    }
    for text in ["", "a,b\n1\n", "a,b\n1,2,3\n"] {
        shell.write("bad.csv", text);
        shell.refused(5, "corrupt", &["put", "bad.csv", "data/t"]);
    }
    shell.write("twice.csv", "a,a\n1,2\n");
    shell.refused(2, "invalid_input", &["put", "twice.csv", "data/t"]);
    assert_eq!(shell.fine(&["get", "data/t", "--format", "csv"]), "a,b\n1,x\n2,y\n");
}

#[test]
fn damaged_storage_is_told() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    shell.fine(&["put", "x.npy", "data/d/x"]);
    shell.write("data/d/x.h5", "no HDF5 at all");
    shell.refused(5, "corrupt", &["get", "data/d/x"]);
    shell.refused(5, "corrupt", &["show", "data/d/x"]);
}

#[test]
fn missing_things_are_not_found() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[1]", "data/cells/weight"]);
    let told = shell.refused(3, "not_found", &["get", "data/cells/wieght"]);
    assert!(told.contains("did you mean 'weight'?"), "{told}");
    shell.refused(3, "not_found", &["show", "data/nothing/x"]);
    shell.refused(3, "not_found", &["put", "missing.npy", "data/x"]);
    shell.refused(3, "not_found", &["tree", "data/nothing"]);
    shell.refused(3, "not_found", &["du", "data/nothing"]);
    shell.refused(3, "not_found", &["run", "data", "Cells", "n=1"]);
}

#[test]
fn arguments_that_make_no_sense_are_usage() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[1, 2]", "data/x"]);
    shell.refused(2, "out_of_bounds", &["get", "data/x", "--slice", "5"]);
    shell.refused(2, "invalid_input", &["get", "data/x", "--slice", "a:b"]);
    shell.refused(2, "invalid_input", &["get", "data/x", "--slice", "::0"]);
    shell.refused(2, "invalid_input", &["get", "data", "--slice", "0"]);
    shell.refused(2, "invalid_input", &["put", "--value", "[1, [2]]", "data/y"]);
    shell.refused(2, "invalid_input", &["put", "--value", "[1]", "--dtype", "int99", "data/y"]);
    shell.refused(2, "invalid_input", &["put", "--value", "[300]", "--dtype", "int8", "data/y"]);
    shell.refused(2, "invalid_input", &["put", "-", "data/y"]);
    shell.refused(2, "invalid_input", &["put", "only-one-operand"]);
    shell.write("t.csv", "a\n1\n");
    shell.refused(2, "invalid_input", &["put", "t.csv", "data/y", "--as", "array"]);
    shell.refused(2, "invalid_input", &["run", "data", "Cells", "nonsense", "--", "true"]);
    shell.refused(2, "invalid_input", &["run", "data", "Cells", "a=1", "a=2", "--", "true"]);
    shell.refused(2, "invalid_input", &["put", ".", "data/y"]);
    for arguments in [
        &["frobnicate"][..],
        &["get"],
        &["put", "a", "b", "c"],
        &["run", "data", "Cells", "--timeout", "soon", "--", "true"],
        &["put", "a", "b", "--mode", "maybe"],
        &["put", "a", "b", "--codec", "zip"],
        &["tree", "--lines", "-1"],
    ] {
        let ended = shell.ends(2, arguments);
        assert!(
            ended.stdout.is_empty() && ended.stderr.starts_with("error: "),
            "{arguments:?}: {}",
            ended.stderr
        );
        let as_json = shell.ends(2, &[&["--json"], arguments].concat());
        let document: serde_json::Value = serde_json::from_str(&as_json.stderr).unwrap();
        assert_eq!(document["error"]["kind"], "usage", "{arguments:?}");
    }
    assert_eq!(shell.fine(&["ls", "-1", "data"]), "x\n");
}

#[test]
fn a_storage_that_refuses_is_told_apart() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[1]", "data/x"]);
    let is_root = {
        // Permissions mean nothing to a privileged user.
        std::fs::create_dir(shell.path("probe")).unwrap();
        std::fs::set_permissions(shell.path("probe"), PermissionsExt::from_mode(0o500)).unwrap();
        std::fs::write(shell.path("probe/file"), "").is_ok()
    };
    if is_root {
        // A full device refuses everybody.
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = shell.command(&["get", "data/x"]).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    std::fs::set_permissions(shell.path("data"), PermissionsExt::from_mode(0o500)).unwrap();
    shell.refused(7, "permission_denied", &["put", "--value", "[1]", "data/y"]);
    std::fs::set_permissions(shell.path("data"), PermissionsExt::from_mode(0o700)).unwrap();
}

#[test]
fn names_cannot_drive_the_terminal() {
    let shell = Shell::new();
    std::fs::create_dir_all(shell.path("data/d")).unwrap();
    let told = shell.ends(2, &["get", "data/d/\u{1b}[31mred"]);
    assert!(!told.stderr.contains('\u{1b}'), "{:?}", told.stderr);
}
