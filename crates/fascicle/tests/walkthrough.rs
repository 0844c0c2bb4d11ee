//! The walk-through in Rust, `examples/walkthrough`, prints what the Python original's does: the same names, trees, numbers,
//! tables and differences.

mod built_example;

use built_example::built_example;
use std::process::Command;

#[test]
fn the_example_prints_what_is_expected() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let output = Command::new(built_example("walkthrough")).arg(&data).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let printed: Vec<&str> =
        printed.lines().map(|line| line.split(" - Last modified: ").next().unwrap()).collect();
    let expected: Vec<&str> = include_str!("walkthrough.txt").lines().collect();
    for (number, (printed, expected)) in printed.iter().zip(&expected).enumerate() {
        assert_eq!(printed, expected, "line {}", number + 1);
    }
    assert_eq!(printed.len(), expected.len(), "the last lines are missing, or there are too many");
}
