//! Where the file is looked for, and what the environment says. Each case runs in a process of its own.

use crate::Place;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

const FILE: &str = "
default: local
places:
  local: { url: ./data }
  other: { url: ./other }
profiles:
  cluster: { places: { local: { url: ./cluster } } }
";

/// What the other process is asked to do.
const ASKED: &str = "FASCICLE_TEST_ASKED";

/// Not a test, but what runs in the other process.
#[test]
#[ignore = "runs in the processes that the tests start"]
fn child() {
    let asked = std::env::var(ASKED).unwrap();
    let opened = match asked.as_str() {
        "open_default" => fascicle::blocking::open_default(),
        "use_default_root" => {
            fascicle::blocking::use_default_root().map(|_| fascicle::roots::current().unwrap().into())
        }
        place => fascicle::blocking::open(place),
    };
    match opened {
        Ok(root) => println!("opened {}", root.location()),
        Err(error) => println!("refused {error}"),
    }
}

/// What a process says that opens `place` in `folder` with these variables.
fn ask(folder: &Path, place: &str, variables: &[(&str, &str)]) -> String {
    let mut command = command(folder, place);
    said(command.envs(variables.iter().copied()))
}

fn command(folder: &Path, place: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture", "environment::child"])
        .current_dir(folder)
        .env(ASKED, place);
    for variable in ["FASCICLE_CONFIG", "FASCICLE_PROFILE", "FASCICLE_PLACE"] {
        command.env_remove(variable);
    }
    command
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let line =
        text.lines().find_map(|line| line.find("opened ").or(line.find("refused ")).map(|at| &line[at..]));
    assert!(line.is_some(), "{text}");
    line.unwrap_or_default().to_owned()
}

fn opened(folder: &Path) -> String {
    format!("opened {}", folder.display())
}

#[test]
fn the_nearest_file_upwards_holds() {
    let place = Place::new(FILE);
    let base = place.path("").canonicalize().unwrap();
    fs::create_dir_all(base.join("a/b")).unwrap();
    assert_eq!(ask(&base, "@", &[]), opened(&base.join("data")));
    assert_eq!(ask(&base.join("a/b"), "@", &[]), opened(&base.join("data")), "relative to the file");
    assert_eq!(ask(&base.join("a/b"), "@other", &[]), opened(&base.join("other")));
    assert_eq!(ask(&base, "open_default", &[]), opened(&base.join("data")));
    assert_eq!(ask(&base, "use_default_root", &[]), opened(&base.join("data")));
    // Files are not mixed.
    fs::write(base.join("a/fascicle.yaml"), "places: {near: {url: ./near}}").unwrap();
    assert_eq!(ask(&base.join("a/b"), "@near", &[]), opened(&base.join("a/near")));
    assert!(ask(&base.join("a/b"), "@other", &[]).contains("there is no place 'other'"));
    // What is there and is no file is not passed by.
    fs::remove_file(base.join("a/fascicle.yaml")).unwrap();
    std::os::unix::fs::symlink("missing", base.join("a/fascicle.yaml")).unwrap();
    assert!(ask(&base.join("a/b"), "@other", &[]).contains("there is no such file"));
    // Places without a name need no file, and no intact one.
    assert_eq!(ask(&base.join("a"), "memory:x", &[]), "opened memory:x");
}

#[test]
fn without_a_file_names_are_refused_with_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    for place in ["@", "@cloud", "open_default"] {
        let told = ask(empty.path(), place, &[]);
        for part in ["there is no 'fascicle.yaml' in '", "FASCICLE_CONFIG"] {
            assert!(told.starts_with("refused ") && told.contains(part), "{told}");
        }
    }
}

#[test]
fn the_environment_names_the_file_the_profile_and_the_place() {
    let place = Place::new(FILE);
    let base = place.path("").canonicalize().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = base.join("fascicle.yaml");
    let named = ("FASCICLE_CONFIG", file.to_str().unwrap());
    assert_eq!(ask(elsewhere.path(), "@", &[named]), opened(&base.join("data")));
    fs::create_dir(base.join("sub")).unwrap();
    let relative = ("FASCICLE_CONFIG", "../fascicle.yaml");
    assert!(ask(&base.join("sub"), "@", &[relative]).ends_with("data"));
    assert_eq!(ask(&base, "@", &[("FASCICLE_PLACE", "other")]), opened(&base.join("other")));
    assert_eq!(ask(&base, "@local", &[("FASCICLE_PLACE", "other")]), opened(&base.join("data")));
    assert_eq!(ask(&base, "@", &[("FASCICLE_PROFILE", "cluster")]), opened(&base.join("cluster")));
    let both = [("FASCICLE_PROFILE", "cluster"), ("FASCICLE_PLACE", "local"), named];
    assert_eq!(ask(elsewhere.path(), "@", &both), opened(&base.join("cluster")));
    // Empty is not set.
    let empty = [("FASCICLE_PROFILE", ""), ("FASCICLE_PLACE", ""), ("FASCICLE_CONFIG", "")];
    assert_eq!(ask(&base, "@", &empty), opened(&base.join("data")));
}

#[test]
fn wrong_words_in_the_environment_are_refused() {
    let place = Place::new(FILE);
    let base = place.path("");
    for (variable, value, told) in [
        (
            "FASCICLE_CONFIG",
            "/nowhere/fascicle.yaml",
            &["'/nowhere/fascicle.yaml'", "there is no such file"][..],
        ),
        ("FASCICLE_CONFIG", "/", &["it is not a file"]),
        (
            "FASCICLE_PLACE",
            "othr",
            &["no place 'othr'", "did you mean 'other'", "FASCICLE_PLACE", "local, other"],
        ),
        ("FASCICLE_PLACE", "./data", &["no place './data'", "FASCICLE_PLACE"]),
        ("FASCICLE_PROFILE", "clutser", &["no profile 'clutser'", "did you mean 'cluster'"]),
    ] {
        let answer = ask(&base, "@", &[(variable, value)]);
        for part in told {
            assert!(answer.starts_with("refused ") && answer.contains(part), "{variable}={value}: {answer}");
        }
    }
    let mut strange = command(&base, "@");
    strange.env("FASCICLE_PLACE", std::ffi::OsStr::from_bytes(b"\xff"));
    assert!(said(&mut strange).contains("FASCICLE_PLACE is not UTF-8"));
}
