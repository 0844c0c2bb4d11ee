//! The walk-through in shell, `examples/walkthrough.sh`, prints what is expected.

use std::path::Path;
use std::process::Command;

#[test]
fn the_script_prints_what_is_expected() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let command = Path::new(env!("CARGO_BIN_EXE_fascicle"));
    let path = format!("{}:{}", command.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/walkthrough.sh");
    let output = Command::new(script).arg(&data).env("PATH", path).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    assert_eq!(
        complaints.matches("Loading connectome ...").count(),
        2,
        "each config is measured once: {complaints}"
    );
    let printed = String::from_utf8(output.stdout).unwrap().replace(place.path().to_str().unwrap(), "PLACE");
    let printed: Vec<&str> =
        printed.lines().map(|line| line.split(" - Last modified: ").next().unwrap()).collect();
    let expected = include_str!("walkthrough_script.txt");
    similar_lines(&printed, &expected.lines().collect::<Vec<_>>());
}

/// Compares line by line, so that a failure names the first line that differs.
fn similar_lines(printed: &[&str], expected: &[&str]) {
    for (number, (printed, expected)) in printed.iter().zip(expected).enumerate() {
        assert_eq!(printed, expected, "line {}", number + 1);
    }
    assert_eq!(
        printed.len(),
        expected.len(),
        "the last lines are missing, or there are too many:\n{}",
        printed.join("\n")
    );
}
