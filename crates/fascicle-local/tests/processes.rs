//! Races of threads and of processes: each process is this test program, started again to play one part.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and players speak by printing"
)]

use bytes::Bytes;
use fascicle_backend::{CreateOutcome, ErrorKind, MetaWriteMode, RecordKey, RecordStore};
use fascicle_local::{
    Existing, FileLock, LocalRecords, PublishOutcome, Root, Staging, leftovers, versioned_file,
};
use std::{
    fs::Permissions,
    io::Write,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(120);
const PROCESSES: usize = 4;
/// A user who owns nothing.
const SOMEBODY: u32 = 65534;

/// Starts this program to play `part` at `place`; `number` tells the players apart.
fn start(part: &str, place: &Path, number: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "plays_a_part", "--ignored", "--nocapture", "--test-threads=1"])
        .envs([("FASCICLE_PART", part), ("FASCICLE_NUMBER", &number.to_string())])
        .env("FASCICLE_PLACE", place)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a process play the part of somebody who is not root, from a copy of this program that anybody may run.
fn play_as_somebody(part: &str, place: &Path) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for path in [folder.path(), &program] {
        std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(&program);
    command
        .args(["--exact", "plays_a_part", "--ignored", "--nocapture", "--test-threads=1"])
        .envs([("FASCICLE_PART", part), ("FASCICLE_NUMBER", "0")])
        .env("FASCICLE_PLACE", place)
        .current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{part}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.split_once("says: ")).map(|(_, said)| said.to_owned()).collect()
}

/// Lets several processes play the part and returns the lines each printed for us.
fn play(part: &str, place: &Path) -> Vec<Vec<String>> {
    let players: Vec<Child> = (0..PROCESSES).map(|number| start(part, place, number)).collect();
    players
        .into_iter()
        .map(|player| {
            let output = player.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{part}: {text}{}", String::from_utf8_lossy(&output.stderr));
            text.lines()
                .filter_map(|line| line.split_once("says: "))
                .map(|(_, said)| said.to_owned())
                .collect()
        })
        .collect()
}

fn staging(place: &Path) -> Staging {
    Staging::new(Root::new(place, false).unwrap(), false)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// What a started process does.
#[test]
#[ignore = "started by the other tests, in processes of their own"]
fn plays_a_part() {
    // Without a part, as when every ignored test is run, there is nothing to play.
    let Ok(part) = std::env::var("FASCICLE_PART") else { return };
    let place = std::path::PathBuf::from(std::env::var("FASCICLE_PLACE").unwrap());
    let number: usize = std::env::var("FASCICLE_NUMBER").unwrap().parse().unwrap();
    match part.as_str() {
        "create records" => create_records(&place, number),
        "create files and folders" => create_files_and_folders(&place, number),
        "count" => count(&place),
        "lock" => lock(&place),
        "write until killed" => write_until_killed(&place),
        "hold a lock" => hold_a_lock(&place),
        "find leftovers" => find_leftovers(&place),
        other => panic!("there is no part {other}"),
    }
}

fn say(what: impl std::fmt::Display) {
    println!("says: {what}");
    std::io::stdout().flush().unwrap();
}

fn find_leftovers(place: &Path) {
    assert!(std::fs::read_dir(place.join("closed")).is_err(), "whoever plays this may read everything");
    let root = Root::new(place, false).unwrap();
    for leftover in leftovers(&root, &|_| false).unwrap() {
        say(leftover.stored_as);
    }
}

#[test]
fn folders_that_may_not_be_read_hide_nothing_but_what_is_in_them() {
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    let folders = ["above", "closed", "names only", "open/_locks", "open/deep/closed"];
    for folder in folders {
        std::fs::create_dir_all(place.path().join(folder)).unwrap();
        std::fs::write(place.path().join(folder).join("_x#1"), "").unwrap();
    }
    let set = |folder: &str, mode| {
        std::fs::set_permissions(place.path().join(folder), Permissions::from_mode(mode)).unwrap();
    };
    set("closed", 0o000);
    set("names only", 0o444);
    set("open/deep/closed", 0o000);
    std::fs::write(place.path().join("open/_y#2"), "").unwrap();
    let said = play_as_somebody("find leftovers", place.path());
    for folder in folders {
        set(folder, 0o755);
    }
    assert_eq!(said, ["above/_x#1", "open/_locks/_x#1", "open/_y#2"]);
    assert_eq!(leftovers(&Root::new(place.path(), false).unwrap(), &|_| false).unwrap().len(), 6);
}

const RECORDS: usize = 100;

fn create_records(place: &Path, number: usize) {
    let records = LocalRecords::new(staging(place));
    runtime().block_on(async {
        for index in 0..RECORDS {
            let key = RecordKey::parse(&format!("v1/{index:03}.claim")).unwrap();
            let body = Bytes::from(format!("{number}"));
            if records.create(&key, body).await.unwrap() == CreateOutcome::Created {
                say(index);
            }
            let stored = records.read(&key).await.unwrap();
            assert!(
                stored.is_some_and(|body| !body.is_empty()),
                "a loser can read the winner's record at once"
            );
        }
    });
}

#[test]
fn of_many_processes_one_creates_each_record() {
    let place = tempfile::tempdir().unwrap();
    let said = play("create records", place.path());
    let mut won: Vec<usize> = said.concat().iter().map(|index| index.parse().unwrap()).collect();
    won.sort_unstable();
    assert_eq!(won, (0..RECORDS).collect::<Vec<_>>());
    for (number, mine) in said.iter().enumerate() {
        for index in mine {
            let index: usize = index.parse().unwrap();
            let path = place.path().join(format!("_index/v1/{index:03}.claim"));
            assert_eq!(
                std::fs::read_to_string(path).unwrap(),
                number.to_string(),
                "the winner's body is kept"
            );
        }
    }
}

/// Files and folders compete for the same names.
fn create_files_and_folders(place: &Path, number: usize) {
    let staging = staging(place);
    staging.root().create().unwrap();
    let top = staging.root().folder("").unwrap();
    for index in 0..RECORDS {
        let staged = if number.is_multiple_of(2) {
            staging.write_file(number.to_string().as_bytes()).unwrap()
        } else {
            let folder = staging.create_folder().unwrap();
            std::fs::write(folder.path().join("part"), number.to_string()).unwrap();
            folder
        };
        if staged.publish(&top, &index.to_string(), Existing::Keep).unwrap() == PublishOutcome::Published {
            say(index);
        }
    }
}

#[test]
fn of_many_processes_one_publishes_each_name() {
    let place = tempfile::tempdir().unwrap();
    let said = play("create files and folders", place.path());
    let mut won: Vec<usize> = said.concat().iter().map(|index| index.parse().unwrap()).collect();
    won.sort_unstable();
    assert_eq!(won, (0..RECORDS).collect::<Vec<_>>());
    for (number, mine) in said.iter().enumerate() {
        for index in mine {
            let path = place.path().join(index);
            let path = if path.is_dir() { path.join("part") } else { path };
            assert_eq!(std::fs::read_to_string(path).unwrap(), number.to_string());
        }
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), RECORDS, "nothing but the names is left");
}

const COUNTS: u64 = 100;

fn count(place: &Path) {
    let staging = staging(place);
    let folder = staging.root().folder("").unwrap();
    for _ in 0..COUNTS {
        loop {
            let state = versioned_file::read(&folder, "counter").unwrap().unwrap();
            let value: u64 = std::str::from_utf8(&state.bytes).unwrap().parse().unwrap();
            let next = (value + 1).to_string();
            let mode = MetaWriteMode::UpdateIf(state.version);
            match versioned_file::write(&staging, &folder, "counter", next.as_bytes(), &mode, PATIENCE) {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
            }
        }
    }
}

#[test]
fn no_update_of_many_processes_is_lost() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("counter"), "0").unwrap();
    play("count", place.path());
    let counted = std::fs::read_to_string(place.path().join("counter")).unwrap();
    assert_eq!(counted, (PROCESSES as u64 * COUNTS).to_string());
}

#[test]
fn no_update_of_many_threads_is_lost() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("counter"), "0").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| count(place.path()));
        }
    });
    assert_eq!(std::fs::read_to_string(place.path().join("counter")).unwrap(), (8 * COUNTS).to_string());
}

/// Reads and rewrites a file in place, which loses updates unless the lock keeps the others away.
fn lock(place: &Path) {
    let root = Root::new(place, false).unwrap();
    for _ in 0..COUNTS {
        let folder = root.folder("").unwrap();
        let _lock = FileLock::acquire(&folder, "counter", PATIENCE).unwrap();
        let value: u64 = std::fs::read_to_string(place.join("counter")).unwrap().parse().unwrap();
        std::fs::write(place.join("counter"), (value + 1).to_string()).unwrap();
    }
}

#[test]
fn a_lock_lets_one_process_in_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("counter"), "0").unwrap();
    play("lock", place.path());
    let counted = std::fs::read_to_string(place.path().join("counter")).unwrap();
    assert_eq!(counted, (PROCESSES as u64 * COUNTS).to_string());
    assert!(!place.path().join("_locks").exists(), "released locks leave nothing");
}

fn hold_a_lock(place: &Path) {
    let folder = Root::new(place, false).unwrap().folder("").unwrap();
    let _lock = FileLock::acquire(&folder, "x", Duration::ZERO).unwrap();
    say("held");
    std::thread::sleep(PATIENCE);
}

fn wait_for_word(player: &mut Child) {
    use std::io::BufRead;
    let output = player.stdout.take().unwrap();
    let found = std::io::BufReader::new(output).lines().any(|line| line.unwrap().contains("says: "));
    assert!(found, "the process ended without a word");
}

#[test]
fn the_lock_of_a_killed_process_is_free() {
    let place = tempfile::tempdir().unwrap();
    let folder = Root::new(place.path(), false).unwrap().folder("").unwrap();
    let mut holder = start("hold a lock", place.path(), 0);
    wait_for_word(&mut holder);
    let error = FileLock::acquire(&folder, "x", Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.message().contains(&format!("process {}", holder.id())), "{error}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    drop(FileLock::acquire(&folder, "x", PATIENCE).unwrap());
    assert!(!place.path().join("_locks").exists());
}

const LENGTH: usize = 1 << 16;

/// Replaces a file over and over; each state is one letter, repeated.
fn write_until_killed(place: &Path) {
    let staging = staging(place);
    let folder = staging.root().folder("").unwrap();
    for letter in (b'a'..=b'z').cycle() {
        let staged = staging.write_file(&vec![letter; LENGTH]).unwrap();
        assert_eq!(staged.publish(&folder, "x", Existing::Replace).unwrap(), PublishOutcome::Published);
        if letter == b'c' {
            say("written");
        }
    }
}

#[test]
fn a_killed_writer_leaves_a_whole_state() {
    let place = tempfile::tempdir().unwrap();
    for round in 0..8 {
        let mut writer = start("write until killed", place.path(), 0);
        wait_for_word(&mut writer);
        std::thread::sleep(Duration::from_millis(7 * round));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let content = std::fs::read(place.path().join("x")).unwrap();
        assert!(content.len() == LENGTH && content.iter().all(|byte| *byte == content[0]), "a torn state");
        let names: Vec<String> = std::fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('_'))
            .collect();
        assert_eq!(names, ["x"], "what was left behind is no entry");
    }
}

#[test]
fn readers_never_see_a_torn_state_of_a_replaced_file() {
    let place = tempfile::tempdir().unwrap();
    let staging = staging(place.path());
    let folder = staging.root().folder("").unwrap();
    let write = |letter: u8| {
        versioned_file::write(
            &staging,
            &folder,
            "x",
            &vec![letter; LENGTH],
            &MetaWriteMode::Overwrite,
            PATIENCE,
        )
        .unwrap()
    };
    write(b'a');
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (0..200).for_each(|round| drop(write(b'a' + round % 26))));
        while !writer.is_finished() {
            let state = versioned_file::read(&folder, "x").unwrap().unwrap();
            assert!(state.bytes.len() == LENGTH && state.bytes.iter().all(|byte| *byte == state.bytes[0]));
        }
    });
}
