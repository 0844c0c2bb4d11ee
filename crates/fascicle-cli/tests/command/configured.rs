//! Places by their names in `fascicle.yaml`.

use crate::shell::{Shell, npy_integers};
use serde_json::json;

const FILE: &str = "
default: local
places:
  local: { url: ./lab/data, options: { tables: csv } }
  packed: { url: ./packed, arrays: { chunk_bytes: 80, codec: gzip } }
  quick: { url: 'memory:quick' }
  cloud: { url: s3://bucket/x, backend: zar }
profiles:
  cluster: { default: packed }
";

fn shell() -> Shell {
    let shell = Shell::new();
    shell.write("fascicle.yaml", FILE);
    shell.write("x.npy", npy_integers(0..100));
    shell.write("t.csv", "a,b\n1,x\n2,y\n");
    shell
}

#[test]
fn every_verb_works_on_places_with_names() {
    let shell = shell();
    shell.fine(&["put", "x.npy", "@local/cells/x"]);
    shell.fine(&["append", "x.npy", "@/cells/x"]);
    shell.fine(&["put", "t.csv", "@/cells/t"]);
    assert!(shell.path("lab/data/cells/x.h5").is_file() && shell.path("lab/data/cells/t.csv").is_file());
    assert_eq!(shell.fine(&["ls", "-1", "@"]), "cells\n");
    assert_eq!(shell.fine(&["ls", "-1", "@local/cells/"]), "t\nx\n");
    assert_eq!(shell.json(&["show", "@local/cells/x.h5"])["shape"], json!([200]));
    assert_eq!(
        shell.json(&["get", "@local/cells/t"])["data"],
        json!([{ "a": 1, "b": "x" }, { "a": 2, "b": "y" }])
    );
    assert!(shell.fine(&["tree", "@"]).contains("cells"));
    assert!(shell.json(&["du", "@local/cells"]).is_object());
    shell.fine(&["put", "x.npy", "@packed/cells/"]);
    assert_eq!(shell.json(&["show", "@packed/cells/x"])["chunks"], json!([10]));
    shell.ends(1, &["diff", "@local/cells/x", "@packed/cells/x"]);
    shell.fine(&["mv", "@packed/cells/x", "@packed/cells/y"]);
    shell.fine(&["rm", "@packed/cells/y"]);
    assert_eq!(shell.fine(&["ls", "@packed/cells"]), "");
    assert_eq!(shell.json(&["--root", "@local", "show", "cells"])["path"], "cells");
    assert_eq!(shell.fine(&["ls", "@quick"]), "");
    assert_eq!(shell.json(&["init", "@packed"])["backend"], "hdf5");
    assert!(shell.path("packed/_fascicle.yaml").is_file());
}

#[test]
fn builds_are_found_in_places_with_names() {
    let shell = shell();
    let script = "fascicle put --value '[1, 2]' \"$FASCICLE_DIR/x\"";
    let run = |place: &str| shell.fine(&["run", place, "Cells", "n=3", "--", "sh", "-c", script]);
    assert_eq!(run("@"), "@/Cells_0000\n");
    assert_eq!(run("@local"), "@local/Cells_0000\n", "found");
    assert_eq!(shell.fine(&["run", "@local", "Cells", "n=3"]), "@local/Cells_0000\n");
    assert_eq!(shell.json(&["get", "@/Cells_0000/x"])["data"], json!([1, 2]));
    shell.refused(2, "unsupported", &["run", "@quick", "Cells", "n=3", "--", "true"]);
    shell.refused(2, "invalid_input", &["run", "@local/Cells_0000", "Cells", "n=3", "--", "true"]);
}

#[test]
fn the_environment_chooses_the_place() {
    let shell = shell();
    for (variable, value) in [("FASCICLE_PLACE", "packed"), ("FASCICLE_PROFILE", "cluster")] {
        let entry = format!("@/{value}/x");
        let output = shell.command(&["put", "x.npy", &entry]).env(variable, value).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(shell.path(&format!("packed/{value}/x.h5")).is_file());
    }
}

#[test]
fn wrong_names_and_files_are_refused() {
    let shell = shell();
    let told = shell.refused(2, "invalid_input", &["ls", "@lokal/x"]);
    assert!(told.contains("did you mean 'local'?") && told.contains("fascicle.yaml"), "{told}");
    let told = shell.refused(2, "unsupported", &["ls", "@cloud/x"]);
    assert!(told.contains("`places.cloud.backend`") && !told.contains("bucket"), "{told}");
    shell.refused(2, "invalid_path", &["put", "x.npy", "@local"]);
    shell.refused(2, "invalid_path", &["ls", "@local/../x"]);
    shell.refused(2, "invalid_input", &["ls", "@lo cal"]);
    shell.write("fascicle.yaml", "places: {a: {url: s3://user:hunter2@bucket}}");
    let told = shell.refused(2, "invalid_input", &["ls", "@a"]);
    assert!(told.contains("`places.a.url`") && !told.contains("hunter2"), "{told}");
    shell.write("fascicle.yaml", "places: {");
    shell.refused(5, "corrupt", &["ls", "@a"]);
    assert_eq!(shell.fine(&["ls", "memory:"]), "", "places without a name need no file");
    std::fs::remove_file(shell.path("fascicle.yaml")).unwrap();
    let told = shell.refused(2, "invalid_input", &["ls", "@"]);
    assert!(told.contains("FASCICLE_CONFIG"), "{told}");
}
