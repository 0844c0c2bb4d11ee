//! The conformance suite against storage as a user reaches it.

use crate::shell::{Shell, ended};
use fascicle_test_servers::{ACCESS_KEY, ObjectServer, SECRET_KEY};
use serde_json::Value;

/// A few behaviours of the contract and of the semantics, so that the test takes seconds.
const SOME: [&str; 8] =
    ["--only", "meta::", "--only", "build::a_failed", "--only", "reopen::files", "--only", "list::"];

fn names(report: &Value) -> Vec<&str> {
    report["behaviours"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[test]
fn a_folder_conforms_and_is_left_as_it_was() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[1, 2]", "data/cells/x"]);
    // Below the time of the root itself, in which a scratch folder came and went.
    let drawn = || shell.fine(&["tree", "data"]).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let before = drawn();
    let listed = |folder: &str| {
        let names = std::fs::read_dir(shell.path(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let stored = listed("data");
    for place in ["data", "new", "memory:"] {
        let arguments = [&["conformance", place, "--json", "--report", "report.md"], &SOME[..]].concat();
        let report: Value = serde_json::from_str(&shell.fine(&arguments)).unwrap();
        assert_eq!(report["conformant"], true, "{place}: {report:#}");
        assert!(names(&report).len() > 20 && names(&report).iter().all(|name| !name.starts_with("append")));
        let markdown = String::from_utf8(shell.read("report.md")).unwrap();
        assert!(markdown.contains("| `meta::bytes_are_kept` | held |"), "{markdown}");
    }
    assert_eq!(drawn(), before);
    assert_eq!(listed("data"), stored);
    assert!(!shell.path("new").exists());
}

#[test]
fn a_prefix_of_a_store_conforms_and_is_left_as_it_was() {
    let (shell, server) = (Shell::new(), ObjectServer::with_bucket("bucket"));
    let run = |arguments: &[&str]| {
        let options = format!("region=us-east-1\nendpoint={}\nallow_http=true\n", server.endpoint());
        let mut command = shell.command(arguments);
        command.envs([("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)]);
        ended(command.env("FASCICLE_STORE_OPTIONS", options).output().unwrap())
    };
    let ended = run(&["conformance", "s3://bucket/lab"]);
    assert_eq!(ended.code, 2, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("--backend zarr"), "{}", ended.stderr);
    let ended =
        run(&[&["conformance", "s3://bucket/lab", "--backend", "zarr", "--json"], &SOME[..]].concat());
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(report["conformant"] == true && names(&report).contains(&"reopen::files_stay"), "{report:#}");
    assert_eq!(server.keys("bucket"), Vec::<String>::new());
}

#[test]
fn a_place_that_cannot_be_written_does_not_conform() {
    let shell = Shell::new();
    shell.write("file", "a file");
    let ended = shell.run(&["conformance", "file", "--only", "meta::"]);
    assert_ne!(ended.code, 0, "{}", ended.stdout);
    let ended = shell.run(&["conformance", "data", "--only", "no_such_area"]);
    assert_eq!(ended.code, 2, "{}", ended.stdout);
}
