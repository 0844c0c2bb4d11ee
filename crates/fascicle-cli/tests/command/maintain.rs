//! `verify`, `repair` and `gc`: what killed processes leave, and what is done about it.

use crate::shell::{Ended, Shell};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The findings of a run with `--json`: path, kind, action, outcome.
fn found(document: &Value) -> Vec<[String; 4]> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = document["findings"].as_array().unwrap().iter();
    findings.map(|finding| ["path", "kind", "action", "outcome"].map(|key| text(finding, key))).collect()
}

fn row(path: &str, kind: &str, action: &str, outcome: &str) -> [String; 4] {
    [path, kind, action, outcome].map(str::to_owned)
}

/// Every file below a folder, with its content.
fn files(shell: &Shell, folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut pending = vec![shell.path(folder)];
    while let Some(path) = pending.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => pending.push(path),
                false => all.push((path.display().to_string(), std::fs::read(&path).unwrap())),
            }
        }
    }
    all.sort();
    all
}

/// Starts a build that writes an array and then waits, and kills it with the command it runs.
fn kill_a_build(shell: &Shell, root: &str, array: &str) {
    // The array is there before the command that writes it ends.
    let script = "fascicle put --value '[1, 2]' \"$FASCICLE_DIR/x\" && touch written && exec sleep 600";
    let mut command = shell.command(&["run", root, "Slow", "seed=0", "--", "sh", "-c", script]);
    let mut builder = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !shell.path("written").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60) && builder.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(shell.path(array).exists());
    let children = format!("/proc/{0}/task/{0}/children", builder.id());
    let children = std::fs::read_to_string(children).unwrap_or_default();
    builder.kill().unwrap();
    builder.wait().unwrap();
    for child in children.split_whitespace() {
        let killed = std::process::Command::new("kill").args(["-9", child]).status().unwrap();
        assert!(killed.success());
    }
}

#[test]
fn a_killed_build_is_ended_and_collected() {
    for (backend, array) in [("hdf5", "data/Slow_0000/x.h5"), ("zarr", "data/Slow_0000/x.zarr/zarr.json")] {
        let shell = Shell::new();
        shell.fine(&["init", "data", "--backend", backend]);
        shell.fine(&["run", "data", "Good", "--", "fascicle", "put", "--value", "[7]", "data/Good_0000/x"]);
        kill_a_build(&shell, "data", array);
        let before = files(&shell, "data");
        let planned = found(&shell.json(&["repair", "data"]));
        assert_eq!(planned, [row("Slow_0000", "dead_build", "end_build", "planned")]);
        assert_eq!(found(&shell.json(&["gc", "data", "--older-than", "0"])), [] as [[String; 4]; 0]);
        assert_eq!(shell.ends(1, &["verify", "data"]).code, 1);
        assert_eq!(files(&shell, "data"), before, "looking changes nothing");
        let Ended { stdout: lines, stderr, .. } = shell.ends(0, &["repair", "data", "--apply"]);
        assert!(stderr.contains("took over the build"), "{stderr}");
        assert!(
            lines.starts_with("Slow_0000: dead_build: its builder, process ") && lines.ends_with("1 done\n"),
            "{lines}"
        );
        assert_eq!(shell.fine(&["repair", "data"]), "nothing to do\n");
        assert!(shell.fine(&["meta", "data/Slow_0000"]).contains("status: stopped\n"));
        // What it wrote is kept for a day, and then deleted.
        let kept = found(&shell.json(&["gc", "data", "--apply"]));
        assert!(kept.contains(&row("Slow_0000", "ended_attempt", "delete", "left")), "{kept:?}");
        let gone = found(&shell.json(&["gc", "data", "--apply", "--older-than", "0s"]));
        assert!(gone.contains(&row("Slow_0000", "ended_attempt", "delete", "done")), "{gone:?}");
        assert!(gone.iter().all(|finding| finding[3] == "done"), "{gone:?}");
        assert_eq!(shell.fine(&["gc", "data", "--older-than", "0s"]), "nothing to do\n");
        assert_eq!(shell.fine(&["ls", "-1", "data"]), "Good_0000\n");
        let digest = shell.fine(&["digest", "data"]);
        assert_eq!(shell.fine(&["verify", "data"]), digest);
        assert_eq!(shell.fine(&["run", "data", "Slow", "seed=0", "--", "true"]), "data/Slow_0000\n");
    }
}

#[test]
fn damage_is_found_and_told_apart_from_what_is_sound() {
    let shell = Shell::new();
    shell.fine(&["init", "lake", "--backend", "zarr"]);
    for root in ["data", "lake"] {
        for name in ["a/x", "a/y", "b/z"] {
            shell.fine(&["put", "--value", "[1.5, 2.5, 3.5]", &format!("{root}/{name}")]);
        }
    }
    let digest = shell.fine(&["digest", "data/a"]);
    let digest = digest.split_whitespace().next().unwrap();
    shell.fine(&["verify", "lake/a", "--digest", digest]);
    let other = shell.ends(1, &["verify", "lake/b", "--digest", digest]);
    assert!(other.stderr.contains("not the one that was asked for"), "{}", other.stderr);
    shell.refused(2, "invalid_input", &["verify", "data", "--digest", "12"]);
    shell.refused(3, "not_found", &["verify", "data/nothing"]);
    // One bit of a chunk; a file cut short; a meta that is no YAML.
    let chunk = "lake/a/x.zarr/c/0";
    let mut bytes = shell.read(chunk);
    *bytes.last_mut().unwrap() ^= 1;
    shell.write(chunk, bytes);
    let bytes = shell.read("data/a/x.h5");
    shell.write("data/a/x.h5", &bytes[..bytes.len() / 2]);
    for root in ["data", "lake"] {
        shell.write(&format!("{root}/b/_meta.yaml"), "config: [");
        let document: Value = {
            let ended = shell.ends(1, &["verify", root, "--json"]);
            serde_json::from_str(&ended.stdout).unwrap()
        };
        let told = found(&document);
        assert_eq!(
            told,
            [row("a/x", "unreadable", "report", "nothing"), row("b", "broken_meta", "report", "nothing")],
            "{root}"
        );
        assert_eq!((&document["digest"], &document["sound"]), (&Value::Null, &json!(false)));
        shell.fine(&["verify", &format!("{root}/a/y")]);
        assert_eq!(shell.json(&["repair", root, "--apply"])["findings"][0]["outcome"], json!("nothing"));
    }
}

#[test]
fn what_killed_programs_leave_in_a_folder_is_collected_and_nothing_else() {
    let shell = Shell::new();
    shell.fine(&["init", "lake", "--backend", "zarr"]);
    shell.fine(&["put", "--value", "[1, 2, 3]", "lake/d/x"]);
    std::fs::create_dir_all(shell.path("lake/_staging/0123")).unwrap();
    for name in ["_staging/0123/staged", "d/x.zarr/c/0#17", "d/_meta.yaml#3", "d/notes#1"] {
        shell.write(&format!("lake/{name}"), "left behind");
    }
    let digest = shell.fine(&["digest", "lake/d/x"]);
    let young = found(&shell.json(&["gc", "lake", "--apply"]));
    assert!(young.iter().all(|finding| finding[3] != "done"), "all of it is too new: {young:?}");
    let gone = found(&shell.json(&["gc", "lake", "--apply", "--older-than", "0"]));
    assert_eq!(
        gone,
        [
            row("_staging/0123", "staged", "delete", "done"),
            row("d/_meta.yaml#3", "foreign", "delete", "done"),
            row("d/notes#1", "suspect", "report", "nothing"),
            row("d/x.zarr/c/0#17", "foreign", "delete", "done"),
        ]
    );
    assert!(shell.path("lake/d/notes#1").exists() && !shell.path("lake/_staging").exists());
    assert_eq!(shell.fine(&["digest", "lake/d/x"]), digest);
    shell.refused(2, "invalid_input", &["gc", "lake/d"]);
}
