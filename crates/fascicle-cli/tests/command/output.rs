//! Help, completions, and readers that go away.

use crate::shell::{Shell, npy_integers};
use std::io::Read;
use std::process::Stdio;

const VERBS: [&str; 16] = [
    "init",
    "ls",
    "tree",
    "show",
    "put",
    "append",
    "get",
    "meta",
    "run",
    "rm",
    "mv",
    "du",
    "diff",
    "compact",
    "table",
    "completions",
];

#[test]
fn help_names_every_verb_place_and_exit_code() {
    let shell = Shell::new();
    let help = shell.fine(&["--help"]);
    for verb in VERBS {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb}");
        let own = shell.fine(&[verb, "--help"]);
        assert!(own.contains("Usage: fascicle"), "{verb}: {own}");
        assert!(own.lines().all(|line| line.chars().count() <= 130), "{verb}");
    }
    assert!(help.contains("Exit codes:") && help.contains("_fascicle.yaml") && help.contains("--root"));
    assert!(shell.fine(&["--version"]).starts_with("fascicle "));
    assert_eq!(shell.ends(2, &[]).stdout, "");
}

#[test]
fn completions_are_there_for_every_shell() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = shell.fine(&["completions", name]);
        assert!(VERBS.iter().all(|verb| script.contains(verb)), "{name}");
    }
    shell.ends(2, &["completions", "tcsh"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..200_000));
    shell.fine(&["put", "x.npy", "data/x"]);
    for arguments in [
        &["get", "data/x", "--json"][..],
        &["get", "data/x", "--format", "csv"],
        &["get", "data/x", "--format", "npy"],
    ] {
        let mut child =
            shell.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut reader = child.stdout.take().unwrap();
        reader.read_exact(&mut [0; 16]).unwrap();
        drop(reader);
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
    }
}
