//! `cp` and `digest`: the same content elsewhere, and in another format.

use crate::shell::Shell;
use serde_json::json;

/// A built directory with an entry of every kind, and an empty Zarr root `lake`.
fn measured() -> Shell {
    let shell = Shell::new();
    shell.write("notes.txt", "hello");
    let fill = "fascicle put --value '[[0.5, .nan], [-0.0, 2.5]]' \"$FASCICLE_DIR/x\" && \
                fascicle put --value '[1, 2]' \"$FASCICLE_DIR/deep/y\" && \
                fascicle put notes.txt \"$FASCICLE_DIR/notes.txt\"";
    shell.fine(&["run", "data", "Cells", "seed=0", "--", "sh", "-c", fill]);
    shell.fine(&["init", "lake", "--backend", "zarr"]);
    shell
}

fn digest(shell: &Shell, place: &str) -> String {
    let line = shell.fine(&["digest", place]);
    let (digest, rest) = line.split_once("  ").unwrap();
    assert_eq!((digest.len(), rest), (64, format!("{place}\n").as_str()));
    digest.to_owned()
}

#[test]
fn digests_do_not_depend_on_the_format() {
    let shell = measured();
    shell.fine(&["cp", "--verify", "data/Cells_0000", "lake/"]);
    assert!(
        shell.path("data/Cells_0000/x.h5").is_file()
            && shell.path("lake/Cells_0000/x.zarr/zarr.json").is_file()
    );
    let original = digest(&shell, "data/Cells_0000");
    assert_eq!(digest(&shell, "lake/Cells_0000"), original);
    assert_eq!(digest(&shell, "lake/Cells_0000/deep"), digest(&shell, "data/Cells_0000/deep"));
    assert_ne!(digest(&shell, "data/Cells_0000/deep/y"), digest(&shell, "data/Cells_0000/x"));
    shell.fine(&["diff", "data/Cells_0000", "lake/Cells_0000"]);
    // A finished copy is found by its config.
    assert_eq!(shell.fine(&["run", "lake", "Cells", "seed=0", "--", "false"]), "lake/Cells_0000\n");
    let both = shell.json(&["digest", "data/Cells_0000", "lake/Cells_0000"]);
    assert_eq!(
        (&both["digests"][1]["digest"], &both["format"]),
        (&json!(original), &json!("fascicle digest 1"))
    );
    shell.refused(3, "not_found", &["digest", "data/nothing"]);
}

#[test]
fn entries_and_roots_are_copied_and_nothing_is_replaced() {
    let shell = measured();
    shell.fine(&["cp", "data/Cells_0000/x", "data/copy/x"]);
    shell.refused(4, "already_exists", &["cp", "data/Cells_0000/x", "data/copy/x"]);
    shell.refused(3, "not_found", &["cp", "data/nothing", "data/else"]);
    shell.refused(2, "invalid_input", &["cp", "data/Cells_0000", "data/Cells_0000/inner"]);
    shell.refused(2, "invalid_input", &["cp", "data", "data/inner"]);
    let copied = shell.json(&["cp", "data", "lake", "--verify"]);
    let names: Vec<_> = copied["copied"].as_array().unwrap().iter().map(|copy| copy["to"].clone()).collect();
    assert_eq!(
        (names, &copied["copied"][0]["verified"]),
        (vec![json!("Cells_0000"), json!("copy")], &json!(true))
    );
    assert_eq!(digest(&shell, "lake"), digest(&shell, "data"));
}

#[test]
fn an_interrupted_copy_is_gone_on_with() {
    let shell = measured();
    shell.fine(&["cp", "data/Cells_0000", "lake/"]);
    // What an interruption in the middle leaves: some entries, and a directory that counts as running.
    std::fs::remove_file(shell.path("lake/Cells_0000/notes.txt")).unwrap();
    shell.write("lake/Cells_0000/_meta.yaml", "config:\n  type: Cells\n  seed: 0\nstatus: running\n");
    shell.refused(4, "already_exists", &["cp", "data/Cells_0000", "lake/Cells_0000"]);
    let kept = shell.path("lake/Cells_0000/x.zarr/zarr.json");
    let before = std::fs::metadata(&kept).unwrap().modified().unwrap();
    shell.fine(&["cp", "--resume", "--verify", "data/Cells_0000", "lake/Cells_0000"]);
    assert_eq!(std::fs::metadata(&kept).unwrap().modified().unwrap(), before, "what was there is kept");
    assert_eq!(shell.fine(&["meta", "lake/Cells_0000"]), shell.fine(&["meta", "data/Cells_0000"]));
    shell.fine(&["cp", "--resume", "data/Cells_0000", "lake/Cells_0000"]);
    shell.fine(&["append", "--value", "9", "lake/Cells_0000/deep/y"]);
    shell.refused(4, "already_exists", &["cp", "--resume", "data/Cells_0000", "lake/Cells_0000"]);
    shell.refused(4, "already_exists", &["cp", "--resume", "data/Cells_0000/x", "lake/Cells_0000/deep/y"]);
}
