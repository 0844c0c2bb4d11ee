//! `run`: any program as the build step.

use crate::shell::{Shell, ended};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Fills the directory with one array, and leaves a line behind for each time it ran.
const SCRIPT: &str = "echo ran >> ran.txt; fascicle put --value '[1, 2]' \"$FASCICLE_DIR/deep/x\"";

fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), signal).unwrap();
}

fn status(shell: &Shell, name: &str) -> Value {
    shell.json(&["meta", name])["status"].clone()
}

#[test]
fn a_command_runs_once_for_each_config() {
    let shell = Shell::new();
    let ask = |fields: &[&str]| {
        shell.fine(&[&["run", "data", "Cells"], fields, &["--", "sh", "-c", SCRIPT]].concat())
    };
    assert_eq!(ask(&["n=3", "rate=1e-5"]), "data/Cells_0000\n");
    assert_eq!(ask(&["rate=0.00001", "n=3.0"]), "data/Cells_0000\n");
    assert_eq!(ask(&["n=4", "rate=1e-5"]), "data/Cells_0001\n");
    assert_eq!(shell.read("ran.txt"), b"ran\nran\n");
    assert_eq!(shell.fine(&["run", "data", "Cells", "n=3", "rate=1e-5"]), "data/Cells_0000\n");
    assert_eq!(shell.json(&["get", "data/Cells_0000/deep/x"])["data"], json!([1, 2]));
    let meta = shell.json(&["meta", "data/Cells_0000"]);
    assert_eq!(meta, json!({ "config": { "type": "Cells", "n": 3, "rate": 1e-5 }, "status": "done" }));
    let found = shell.json(&["run", "data", "Cells", "n=3", "rate=1e-5"]);
    assert_eq!((&found["outcome"], &found["path"]), (&json!("found"), &json!("Cells_0000")));
}

#[test]
fn the_command_is_told_everything() {
    let shell = Shell::new();
    shell.write("base.yaml", "type: Cells\nn: 1\ntraining: {rate: 0.5, name: '007'}\n");
    let script =
        "pwd > told; echo \"$FASCICLE_DIR\" >> told; cat \"$FASCICLE_CONFIG_FILE\"; echo; echo answer";
    let fields = ["--config", "base.yaml", "training.rate=1e-3", "on=no", "list=[1, {a: .nan}]"];
    let built =
        shell.ends(0, &[&["run", "data", "Cells"], &fields[..], &["--", "sh", "-c", script]].concat());
    assert_eq!(built.stdout, "data/Cells_0000\n");
    let config: Value = serde_json::from_str(built.stderr.trim_end().trim_end_matches("answer")).unwrap();
    let expected = json!({
        "type": "Cells", "n": 1, "training": { "rate": 1e-3, "name": "007" }, "on": "no", "list": [1, { "a": "NaN" }],
    });
    assert_eq!(config, expected);
    let here = shell.path("").canonicalize().unwrap();
    let told = String::from_utf8(shell.read("told")).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], here.to_str().unwrap().trim_end_matches('/'));
    assert_eq!(std::path::Path::new(lines[1]).canonicalize().unwrap(), here.join("data/Cells_0000"));
}

#[test]
fn a_command_that_fails_gives_its_code_and_leaves_nothing_to_find() {
    let shell = Shell::new();
    let failed = shell.ends(9, &["run", "data", "Cells", "n=1", "--", "sh", "-c", "exit 9"]);
    assert!(failed.stdout.is_empty() && failed.stderr.contains("exit code 9"), "{}", failed.stderr);
    assert_eq!(status(&shell, "data/Cells_0000"), "stopped");
    shell.refused(3, "not_found", &["run", "data", "Cells", "n=1"]);
    assert_eq!(shell.fine(&["run", "data", "Cells", "n=1", "--", "true"]), "data/Cells_0001\n");
    assert!(
        shell
            .ends(127, &["run", "data", "Cells", "n=2", "--", "no-such-command"])
            .stderr
            .contains("no-such-command")
    );
    shell.ends(126, &["run", "data", "Cells", "n=2", "--", "/"]);
    shell.ends(137, &["run", "data", "Cells", "n=2", "--", "sh", "-c", "kill -9 $$"]);
    let told = shell.ends(9, &["run", "data", "Cells", "n=3", "--json", "--", "sh", "-c", "exit 9"]);
    let document: Value = serde_json::from_str(&told.stderr).unwrap();
    assert_eq!(
        (&document["error"]["kind"], &document["error"]["exit_code"]),
        (&json!("build_failed"), &json!(9))
    );
}

#[test]
fn of_many_who_ask_one_builds() {
    let shell = Shell::new();
    let script = format!("sleep 0.3; {SCRIPT}");
    let arguments = ["run", "data", "Cells", "n=1", "--timeout", "1m", "--", "sh", "-c", &script];
    let askers: Vec<Child> = (0..6)
        .map(|_| shell.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for asker in askers {
        let ended = ended(asker.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.stdout.as_str()), (0, "data/Cells_0000\n"), "{}", ended.stderr);
    }
    assert_eq!(shell.read("ran.txt"), b"ran\n");
    assert_eq!(shell.fine(&["ls", "-1", "data"]), "Cells_0000\n");
}

#[test]
fn waiting_has_an_end_and_a_dead_builder_is_replaced() {
    let shell = Shell::new();
    let arguments = ["run", "data", "Cells", "n=1", "--", "sh", "-c", "echo $$ > pid; exec sleep 60"];
    let mut builder = shell.command(&arguments).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the build", || std::fs::read_to_string(shell.path("pid")).is_ok_and(|pid| pid.ends_with('\n')));
    assert_eq!(status(&shell, "data/Cells_0000"), "running");
    shell.refused(6, "timed_out", &["run", "data", "Cells", "n=1", "--timeout", "200ms", "--", "true"]);
    builder.kill().unwrap();
    builder.wait().unwrap();
    let orphan: i32 = String::from_utf8(shell.read("pid")).unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(orphan).unwrap(), Signal::KILL).unwrap();
    let again = shell.ends(0, &["run", "data", "Cells", "n=1", "--json", "--", "true"]);
    let document: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((&document["path"], &document["outcome"]), (&json!("Cells_0001"), &json!("took_over")));
    assert_eq!(status(&shell, "data/Cells_0000"), "stopped");
}

#[test]
fn signals_reach_the_command_and_end_the_build() {
    for (signal, script, code) in [
        (Signal::TERM, "trap 'echo bye > bye; exit 3' TERM; echo > up; while :; do sleep 0.05; done", 3),
        (Signal::TERM, "trap 'echo bye > bye; exit 0' TERM; echo > up; while :; do sleep 0.05; done", 143),
        (Signal::HUP, "trap 'echo bye > bye; kill -9 $$' HUP; echo > up; while :; do sleep 0.05; done", 137),
    ] {
        let shell = Shell::new();
        let arguments = ["run", "data", "Cells", "n=1", "--", "sh", "-c", script];
        let asker = shell.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for("the build", || shell.path("up").exists());
        send(&asker, signal);
        let ended = ended(asker.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{}", ended.stderr);
        assert_eq!(shell.read("bye"), b"bye\n");
        assert_eq!(status(&shell, "data/Cells_0000"), "stopped");
    }
}

#[test]
fn an_interrupted_command_goes_on_in_its_directory() {
    let script = "if [ -n \"$FASCICLE_RESUMED\" ]; then fascicle put --value '[2]' \"$FASCICLE_DIR/b\"; exit; fi; \
                  trap 'exit 75' TERM; fascicle put --value '[1]' \"$FASCICLE_DIR/a\"; echo > up; \
                  while :; do sleep 0.05; done";
    for (place, path) in [("data/Cells_0000", None), ("data/mine", Some("mine"))] {
        let shell = Shell::new();
        let at: Vec<&str> = path.map_or(Vec::new(), |path| vec!["--path", path]);
        let arguments =
            [&["run", "data", "Cells", "n=1", "--resume"], &at[..], &["--", "sh", "-c", script]].concat();
        let asker = shell.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for("the build", || shell.path("up").exists());
        send(&asker, Signal::TERM);
        let ended = ended(asker.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.stdout.as_str()), (75, ""), "{}", ended.stderr);
        assert_eq!(status(&shell, place), "stopped", "what datamate reads");
        assert_eq!(shell.fine(&arguments), format!("{place}\n"));
        assert_eq!(status(&shell, place), "done");
        assert_eq!(shell.json(&["get", &format!("{place}/a")])["data"], json!([1]));
        assert_eq!(shell.json(&["get", &format!("{place}/b")])["data"], json!([2]));
    }
}

/// A command that counts to three, one at each run; it is interrupted after each but the last.
const COUNTS: &str = "at=$(cat \"$FASCICLE_PROGRESS\"); at=${at:-0}; \
    fascicle put --value \"[$at]\" \"$FASCICLE_DIR/part$at\"; [ \"$at\" = 2 ] && exit; \
    trap 'echo $((at + 1)) > \"$FASCICLE_PROGRESS\"; exit 75' USR1 XCPU; echo > up; \
    while :; do sleep 0.05; done";

#[test]
fn chosen_signals_interrupt_a_command_that_goes_on_from_its_progress() {
    for (place, path) in [("data/Cells_0000", None), ("data/mine", Some("mine"))] {
        let shell = Shell::new();
        let at: Vec<&str> = path.map_or(Vec::new(), |path| vec!["--path", path]);
        let options = ["run", "data", "Cells", "--resume", "--signal", "USR1", "--signal", "sigxcpu"];
        let arguments = [&options[..], &at, &["--", "sh", "-c", COUNTS]].concat();
        for signal in [Signal::USR1, Signal::XCPU] {
            let asker =
                shell.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            wait_for("the build", || shell.path("up").exists());
            std::fs::remove_file(shell.path("up")).unwrap();
            send(&asker, signal);
            let ended = ended(asker.wait_with_output().unwrap());
            assert_eq!((ended.code, ended.stdout.as_str()), (75, ""), "{}", ended.stderr);
            assert_eq!(status(&shell, place), "stopped");
        }
        assert_eq!(shell.fine(&arguments), format!("{place}\n"));
        for part in 0..3 {
            assert_eq!(shell.json(&["get", &format!("{place}/part{part}")])["data"], json!([part]));
        }
    }
}

#[test]
fn a_signal_that_was_not_chosen_or_cannot_be_is_told() {
    let shell = Shell::new();
    for (name, why) in
        [("KILL", "reaches no process"), ("SIGSTOP", "reaches no process"), ("USR3", "USR1, USR2")]
    {
        let refused = shell.ends(2, &["run", "data", "Cells", "--signal", name, "--", "true"]);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    assert!(!shell.path("data").exists());
    // Without --resume it ends the build, as SIGTERM does.
    let script = "trap 'exit 9' USR1; echo > up; while :; do sleep 0.05; done";
    let arguments = ["run", "data", "Cells", "--signal", "USR1", "--", "sh", "-c", script];
    let asker = shell.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the build", || shell.path("up").exists());
    send(&asker, Signal::USR1);
    let ended = ended(asker.wait_with_output().unwrap());
    assert_eq!(ended.code, 9, "{}", ended.stderr);
    assert_eq!(status(&shell, "data/Cells_0000"), "stopped");
}

#[test]
fn progress_that_cannot_be_read_is_none() {
    let script = "[ -n \"$FASCICLE_RESUMED\" ] && { test ! -s \"$FASCICLE_PROGRESS\"; exit; }; \
        trap 'eval \"$WRITE\" > \"$FASCICLE_PROGRESS\"; exit 75' TERM; echo > up; while :; do sleep 0.05; done";
    for write in ["echo '{half'", "seq 10000", "rm \"$FASCICLE_PROGRESS\"; true"] {
        let shell = Shell::new();
        let arguments = ["run", "data", "Cells", "--resume", "--", "sh", "-c", script];
        let asker = shell.command(&arguments).env("WRITE", write).stderr(Stdio::piped()).spawn().unwrap();
        wait_for("the build", || shell.path("up").exists());
        send(&asker, Signal::TERM);
        let ended = ended(asker.wait_with_output().unwrap());
        assert_eq!(ended.code, 75, "{write}: {}", ended.stderr);
        let warns = ended.stderr.contains("the progress that the command wrote is not kept");
        assert_eq!(warns, !write.starts_with("rm"), "{write}: {}", ended.stderr);
        assert_eq!(shell.fine(&arguments), "data/Cells_0000\n", "{write}");
    }
}

#[test]
fn who_only_waits_leaves_at_once() {
    let shell = Shell::new();
    let arguments = [
        "run",
        "data",
        "Cells",
        "n=1",
        "--",
        "sh",
        "-c",
        "echo > up; while ! [ -e go ]; do sleep 0.05; done",
    ];
    let builder = shell.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the build", || shell.path("up").exists());
    let waiter = shell.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    send(&waiter, Signal::TERM);
    assert_eq!(ended(waiter.wait_with_output().unwrap()).code, 143);
    shell.write("go", "");
    assert_eq!(ended(builder.wait_with_output().unwrap()).stdout, "data/Cells_0000\n");
}

#[test]
fn a_build_that_asks_for_itself_is_refused() {
    let shell = Shell::new();
    let inner = ["fascicle", "run", "data", "Cells", "n=1.0", "--", "true"];
    let ended = shell.ends(2, &[&["run", "data", "Cells", "n=1", "--"][..], &inner].concat());
    assert!(ended.stderr.contains("asks for the same build"), "{}", ended.stderr);
    let other = ["fascicle", "run", "data", "Cells", "n=2", "--", "true"];
    let ended = shell.ends(0, &[&["run", "data", "Cells", "n=3", "--"][..], &other].concat());
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("data/Cells_0001\n", "data/Cells_0002\n"));
}

#[test]
fn a_given_path_must_have_the_config() {
    let shell = Shell::new();
    fn ask<'a>(fields: &[&'a str]) -> Vec<&'a str> {
        [&["run", "data", "Cells"], fields, &["--", "sh", "-c", SCRIPT]].concat()
    }
    assert_eq!(shell.fine(&ask(&["n=1", "--path", "mine"])), "data/mine\n");
    assert_eq!(shell.fine(&ask(&["n=1", "--path", "mine"])), "data/mine\n");
    let told = shell.refused(4, "mismatch", &ask(&["n=2", "--path", "mine"]));
    assert!(told.contains("≠n: 2") && told.contains("≠n: 1"), "{told}");
    let warned = shell.ends(0, &ask(&["n=2", "--path", "mine", "--on-mismatch", "warn"]));
    assert!(warned.stdout == "data/mine\n" && warned.stderr.starts_with("warning: "), "{}", warned.stderr);
    assert_eq!(shell.read("ran.txt"), b"ran\n");
}

#[test]
fn identity_rules_are_options() {
    let shell = Shell::new();
    let ask = |fields: &[&str]| shell.fine(&[&["run", "data", "Cells"], fields, &["--", "true"]].concat());
    assert_eq!(ask(&["n=1"]), "data/Cells_0000\n");
    assert_eq!(ask(&["n=1", "--default", "tau=200"]), "data/Cells_0000\n");
    assert_eq!(ask(&["n=1", "tau=200", "--default", "tau=200"]), "data/Cells_0000\n");
    assert_eq!(ask(&["n=1", "tau=100", "--default", "tau=200"]), "data/Cells_0001\n");
    assert_eq!(ask(&["n=1", "workers=8", "--exclude", "workers"]), "data/Cells_0000\n");
    assert_eq!(ask(&["n=1", "--code-version", "2"]), "data/Cells_0002\n");
    shell.refused(2, "unsupported", &["run", "memory:", "Cells", "n=1", "--", "true"]);
    shell.write("bad.yaml", "n: [1");
    shell.refused(5, "corrupt", &["run", "data", "Cells", "--config", "bad.yaml", "--", "true"]);
    shell.write("other.yaml", "type: Other\n");
    shell.refused(2, "invalid_input", &["run", "data", "Cells", "--config", "other.yaml", "--", "true"]);
}
