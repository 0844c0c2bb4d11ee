//! Races of processes for the names of entries: each process is this test program, started again to play one part.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and players speak by printing"
)]

use bytes::Bytes;
use fascicle_backend::{
    ArrayOptions, ArraySpec, Backend, DType, EntryKind, EntryPath, ErrorKind, FileOptions, FlawKind,
    LeftoverKind, Owner, Region, Result, Shape, Values, WriteMode,
};
use fascicle_hdf5::{Hdf5Backend, Hdf5Options};
use futures::TryStreamExt;
use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

const PROCESSES: usize = 4;
const NAMES: usize = 60;
const APPENDS: usize = 60;

fn backend(place: &Path) -> Hdf5Backend {
    let options = Hdf5Options::default().with_fsync(false).with_lock_timeout(Duration::from_secs(120));
    Hdf5Backend::open(place, options).unwrap()
}

fn path(text: &str) -> EntryPath {
    EntryPath::parse(text).unwrap()
}

/// Lets several processes play the part and returns the lines each printed for us.
fn play(part: &str, place: &Path) -> Vec<Vec<String>> {
    let start = |number: usize| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "plays_a_part", "--ignored", "--nocapture", "--test-threads=1"])
            .envs([("FASCICLE_PART", part), ("FASCICLE_NUMBER", &number.to_string())])
            .env("FASCICLE_PLACE", place)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let players: Vec<_> = (0..PROCESSES).map(start).collect();
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

/// What a started process does.
#[tokio::test]
#[ignore = "started by the other tests, in processes of their own"]
async fn plays_a_part() {
    // Without a part, as when every ignored test is run, there is nothing to play.
    let Ok(part) = std::env::var("FASCICLE_PART") else { return };
    let place = std::path::PathBuf::from(std::env::var("FASCICLE_PLACE").unwrap());
    let number: usize = std::env::var("FASCICLE_NUMBER").unwrap().parse().unwrap();
    let backend = backend(&place);
    match part.as_str() {
        "create" => create(&backend, number).await,
        "append" => append(&backend, number).await,
        "grow" => grow(&backend).await,
        "lengthen" => lengthen(&backend).await,
        "write" => write_and_wait(&backend).await,
        other => panic!("there is no part {other}"),
    }
}

async fn put(backend: &Hdf5Backend, name: &str, content: &str, mode: WriteMode) -> Result<()> {
    let (path, options) = (path(name), FileOptions::default());
    let mut writer = backend.files().create(&path, &options, mode).await?;
    writer.write(Bytes::copy_from_slice(content.as_bytes())).await?;
    writer.finish().await
}

/// Files and directories compete for the same names.
async fn create(backend: &Hdf5Backend, number: usize) {
    for index in 0..NAMES {
        let name = format!("x{index}");
        let created = if number.is_multiple_of(2) {
            put(backend, &name, &number.to_string(), WriteMode::Create).await
        } else {
            backend.create_directory(&path(&name), number.to_string().into()).await.map(drop)
        };
        match created {
            Ok(()) => println!("says: {index}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
        }
    }
}

#[tokio::test]
async fn of_many_processes_one_creates_each_entry() {
    let place = tempfile::tempdir().unwrap();
    let said = play("create", place.path());
    let mut won: Vec<usize> = said.concat().iter().map(|index| index.parse().unwrap()).collect();
    won.sort_unstable();
    assert_eq!(won, (0..NAMES).collect::<Vec<_>>());
    let backend = backend(place.path());
    for (number, mine) in said.iter().enumerate() {
        for index in mine {
            let stat = backend.stat(&path(&format!("x{index}"))).await.unwrap();
            let is_file = number.is_multiple_of(2);
            assert_eq!(stat.kind, if is_file { EntryKind::File } else { EntryKind::Directory });
            let stored = place.path().join(format!("x{index}"));
            let stored = if is_file { stored } else { stored.join("_meta.yaml") };
            assert_eq!(std::fs::read_to_string(stored).unwrap(), number.to_string());
        }
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), NAMES, "nothing but the entries is left");
}

fn line(number: usize, index: usize) -> String {
    format!("{number} {index} {}\n", "x".repeat(500 + index))
}

async fn append(backend: &Hdf5Backend, number: usize) {
    for index in 0..APPENDS {
        backend.files().append(&path("log"), line(number, index).into()).await.unwrap();
    }
}

#[tokio::test]
async fn what_many_processes_append_arrives_whole_and_in_each_ones_order() {
    let place = tempfile::tempdir().unwrap();
    put(&backend(place.path()), "log", "", WriteMode::Create).await.unwrap();
    play("append", place.path());
    let log = std::fs::read_to_string(place.path().join("log")).unwrap();
    for number in 0..PROCESSES {
        let mine: String =
            log.split_inclusive('\n').filter(|line| line.starts_with(&format!("{number} "))).collect();
        assert_eq!(mine, (0..APPENDS).map(|index| line(number, index)).collect::<String>());
    }
}

/// Appends to an array until the process is killed.
async fn grow(backend: &Hdf5Backend) {
    let arrays = backend.arrays().unwrap();
    for row in 1.. {
        let rows = arrays.append(&path("x"), 1, Values::Int64(vec![row; 4])).await.unwrap();
        println!("says: {rows}");
    }
}

/// So many bytes are appended at once, which takes a while.
const LONG: usize = 128 << 20;

/// The length of the file that is appended to.
const BEGIN: u64 = 6;

/// Appends to a file until the process is killed.
async fn lengthen(backend: &Hdf5Backend) {
    let bytes = Bytes::from(vec![b'x'; LONG]);
    println!("says: begun");
    loop {
        backend.files().append(&path("log"), bytes.clone()).await.unwrap();
    }
}

async fn read(backend: &Hdf5Backend, name: &str) -> Vec<u8> {
    let pieces: Vec<Bytes> =
        backend.files().read(&path(name), None).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

#[tokio::test]
async fn an_append_to_a_file_that_is_killed_adds_all_its_bytes_or_none() {
    let place = tempfile::tempdir().unwrap();
    let backend = backend(place.path());
    let maintenance = backend.maintenance().unwrap();
    let stored = place.path().join("log");
    let mut were_cut = 0;
    for round in 0..20u64 {
        put(&backend, "log", "begin\n", WriteMode::Overwrite).await.unwrap();
        let mut writer = started("lengthen", place.path(), 1);
        // Somewhere within an append, which the file shows by being longer than it was.
        while std::fs::metadata(&stored).unwrap().len() < BEGIN + (round << 20) {
            std::thread::sleep(Duration::from_micros(50));
        }
        let alive = backend.stat(&path("log")).await.unwrap().size_bytes;
        assert_eq!((alive - BEGIN) % LONG as u64, 0, "readers see whole appends");
        writer.kill().unwrap();
        writer.wait().unwrap();
        let length = std::fs::metadata(&stored).unwrap().len();
        let is_cut = !(length - BEGIN).is_multiple_of(LONG as u64);
        were_cut += u64::from(is_cut);
        let seen = backend.stat(&path("log")).await.unwrap().size_bytes;
        assert_eq!((seen - BEGIN) % LONG as u64, 0, "{seen} of {length} bytes");
        if seen < 1 << 30 {
            assert_eq!(read(&backend, "log").await.len() as u64, seen);
        }
        // What a lock says is not given up by those who tidy up.
        for leftover in maintenance.leftovers().await.unwrap() {
            maintenance.collect(&leftover).await.unwrap();
        }
        assert_eq!(backend.stat(&path("log")).await.unwrap().size_bytes, seen);
        let flaws = maintenance.flaws(&path("log")).await.unwrap();
        assert!(flaws.iter().all(|flaw| flaw.kind == FlawKind::BeyondTheEnd && flaw.mendable));
        assert!(!is_cut || flaws.len() == 1, "{length} bytes without a flaw");
        if round % 2 == 0 {
            let mended = maintenance.mend(&path("log"), FlawKind::BeyondTheEnd).await.unwrap();
            assert_eq!(mended, !flaws.is_empty());
            assert_eq!(std::fs::metadata(&stored).unwrap().len(), seen);
        }
        assert_eq!(backend.files().append(&path("log"), "end".into()).await.unwrap(), seen + 3);
        assert_eq!(std::fs::metadata(&stored).unwrap().len(), seen + 3);
        assert_eq!(maintenance.flaws(&path("log")).await.unwrap(), []);
        assert!(!place.path().join("_locks").exists(), "nothing is left");
    }
    assert!(were_cut > 0, "no append was killed halfway");
}

/// Leaves what a writer leaves that is killed after it has written `some` of what it appends to the file `log`.
fn die_in_append(place: &Path, some: &str) {
    use std::{io::Write, os::unix::fs::MetadataExt};
    let stored = place.join("log");
    let (metadata, content) = (std::fs::metadata(&stored).unwrap(), std::fs::read(&stored).unwrap());
    let end = &content[content.len().saturating_sub(32)..];
    let note = format!(
        r#"{{"append_to":"log","file":[{},{}],"length":{},"end":{end:?}}}"#,
        metadata.dev(),
        metadata.ino(),
        content.len(),
    );
    std::fs::create_dir_all(place.join("_locks")).unwrap();
    std::fs::write(place.join("_locks/log"), format!("{:<20}{note}", 1)).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(stored).unwrap();
    file.write_all(some.as_bytes()).unwrap();
}

#[tokio::test]
async fn bytes_of_a_dead_appender_are_never_seen_and_go_with_the_next_write() {
    let place = tempfile::tempdir().unwrap();
    let backend = backend(place.path());
    let maintenance = backend.maintenance().unwrap();
    let stored = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    let fresh = async || {
        put(&backend, "log", "whole", WriteMode::Replace).await.unwrap();
        die_in_append(place.path(), " and a part");
        assert_eq!(stored("log"), "whole and a part");
        assert_eq!(backend.stat(&path("log")).await.unwrap().size_bytes, 5);
        assert_eq!(read(&backend, "log").await, b"whole");
        assert_eq!(maintenance.leftovers().await.unwrap(), []);
        assert_eq!(maintenance.flaws(&path("log")).await.unwrap().len(), 1);
    };
    fresh().await;
    assert_eq!(backend.files().append(&path("log"), "!".into()).await.unwrap(), 6);
    assert_eq!(stored("log"), "whole!");
    fresh().await;
    assert!(maintenance.mend(&path("log"), FlawKind::BeyondTheEnd).await.unwrap());
    assert!(!maintenance.mend(&path("log"), FlawKind::BeyondTheEnd).await.unwrap());
    assert_eq!((stored("log").as_str(), maintenance.flaws(&path("log")).await.unwrap().len()), ("whole", 0));
    fresh().await;
    put(&backend, "log", "another, and longer", WriteMode::Overwrite).await.unwrap();
    assert_eq!(read(&backend, "log").await, b"another, and longer");
    fresh().await;
    backend.copy(&path("log"), &path("copy")).await.unwrap();
    assert_eq!(stored("copy"), "whole");
    backend.rename(&path("log"), &path("moved")).await.unwrap();
    assert_eq!(stored("moved"), "whole");
    fresh().await;
    backend.remove(&path("log")).await.unwrap();
    put(&backend, "log", "new", WriteMode::Create).await.unwrap();
    assert_eq!(read(&backend, "log").await, b"new");
    assert!(!place.path().join("_locks").exists(), "nothing is left");
}

#[tokio::test]
async fn a_dead_appenders_note_says_nothing_of_a_file_that_another_program_made() {
    let place = tempfile::tempdir().unwrap();
    let backend = backend(place.path());
    let maintenance = backend.maintenance().unwrap();
    for replace in [
        // Written in place, into the very file.
        |log: &Path| std::fs::write(log, "somebody's own, and longer than that").unwrap(),
        |log: &Path| {
            std::fs::remove_file(log).unwrap();
            std::fs::write(log, "somebody's own, and longer than that").unwrap();
        },
    ] {
        put(&backend, "log", "whole", WriteMode::Replace).await.unwrap();
        die_in_append(place.path(), " and a part");
        replace(&place.path().join("log"));
        assert_eq!(read(&backend, "log").await, b"somebody's own, and longer than that");
        assert_eq!(maintenance.flaws(&path("log")).await.unwrap(), []);
        let left = maintenance.leftovers().await.unwrap();
        assert_eq!(left.iter().map(|leftover| leftover.kind).collect::<Vec<_>>(), [LeftoverKind::Lock]);
        backend.files().append(&path("log"), "!".into()).await.unwrap();
        assert_eq!(read(&backend, "log").await, b"somebody's own, and longer than that!");
        assert!(!place.path().join("_locks").exists(), "nothing is left");
    }
    // A note that nobody needs goes with its lock.
    die_in_append(place.path(), "");
    for leftover in maintenance.leftovers().await.unwrap() {
        assert!(maintenance.collect(&leftover).await.unwrap());
    }
    assert!(!place.path().join("_locks").exists(), "nothing is left");
}

/// Begins to write an array, and waits to be killed.
async fn write_and_wait(backend: &Hdf5Backend) {
    let spec = ArraySpec { shape: Shape::new([1000]).unwrap(), dtype: DType::Int64 };
    let arrays = backend.arrays().unwrap();
    let options = ArrayOptions::default();
    let mut writer = arrays.create(&path("y"), &spec, &options, WriteMode::Create).await.unwrap();
    writer.write(&Region::whole(&spec.shape), Values::Int64(vec![7; 1000])).await.unwrap();
    println!("says: written");
    std::future::pending::<()>().await;
}

/// A process that has said something, and is to be killed. It speaks for as long as this lives.
struct Player {
    process: std::process::Child,
    _said: std::io::BufReader<std::process::ChildStdout>,
}

impl Player {
    /// Starts it, and waits until it has said something `lines` times.
    fn start(command: &mut Command, lines: usize) -> Player {
        use std::io::BufRead;
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = std::io::BufReader::new(process.stdout.take().unwrap());
        let mut heard = 0;
        while heard < lines {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "it ended after {heard} lines");
            heard += usize::from(line.contains("says: "));
        }
        Player { process, _said: said }
    }

    fn kill(&mut self) -> std::io::Result<()> {
        self.process.kill()
    }

    fn wait(&mut self) -> std::io::Result<std::process::ExitStatus> {
        self.process.wait()
    }
}

/// Starts this program to play a part.
fn started(part: &str, place: &Path, lines: usize) -> Player {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "plays_a_part", "--ignored", "--nocapture", "--test-threads=1"])
        .envs([("FASCICLE_PART", part), ("FASCICLE_NUMBER", "0")])
        .env("FASCICLE_PLACE", place);
    Player::start(&mut command, lines)
}

/// Starts h5py, which appends rows to `x` and keeps the file open.
fn started_h5py(place: &Path, lines: usize) -> Player {
    let script = "
import h5py, sys, time
file = h5py.File(sys.argv[1], 'r+', libver='latest')
file.swmr_mode = True
data = file['data']
for row in range(100000):
    data.resize(len(data) + 1, 0)
    data[-1] = row
    data.flush()
    print('says: row', flush=True)
    time.sleep(0.01)
";
    let mut command = Command::new(fascicle_judges::python());
    Player::start(command.arg("-c").arg(script).arg(place.join("x.h5")), lines)
}

#[tokio::test]
async fn what_killed_writers_leave_is_found_and_mended() {
    let place = tempfile::tempdir().unwrap();
    let backend = backend(place.path());
    let arrays = backend.arrays().unwrap();
    let spec = ArraySpec { shape: Shape::new([0, 4]).unwrap(), dtype: DType::Int64 };
    arrays
        .create(&path("x"), &spec, &ArrayOptions::default(), WriteMode::Create)
        .await
        .unwrap()
        .finish()
        .await
        .unwrap();
    let maintenance = backend.maintenance().unwrap();
    for round in 0..3 {
        // A program that keeps the file open while it appends, as scientists' programs do.
        let mut writer = started_h5py(place.path(), 3 + round);
        assert_eq!(maintenance.flaws(&path("x")).await.unwrap(), [], "a writer that is alive has its mark");
        assert_eq!(
            maintenance.mend(&path("x"), FlawKind::StaleMark).await.unwrap_err().kind(),
            ErrorKind::Busy
        );
        writer.kill().unwrap();
        writer.wait().unwrap();
        let flaws = maintenance.flaws(&path("x")).await.unwrap();
        assert_eq!(
            flaws.iter().map(|flaw| (flaw.kind, flaw.mendable)).collect::<Vec<_>>(),
            [(FlawKind::StaleMark, true)]
        );
        let rows = arrays.describe(&path("x")).await.unwrap().shape.rows().unwrap();
        assert!(maintenance.mend(&path("x"), FlawKind::StaleMark).await.unwrap());
        assert!(
            !maintenance.mend(&path("x"), FlawKind::StaleMark).await.unwrap(),
            "there is nothing left to mend"
        );
        assert_eq!(maintenance.flaws(&path("x")).await.unwrap(), []);
        // Other programs open it again, and no row is lost.
        let script = "import h5py, sys; print(len(h5py.File(sys.argv[1], 'r')['data']))";
        let told = fascicle_judges::run_python(script, [place.path().join("x.h5")]);
        assert_eq!(told.trim(), rows.to_string());
    }
    let mut writer = started("grow", place.path(), 5);
    for leftover in maintenance.leftovers().await.unwrap() {
        assert!(leftover.owner != Owner::Gone && leftover.kind == LeftoverKind::Lock, "{leftover:?}");
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    for leftover in maintenance.leftovers().await.unwrap() {
        assert_eq!((leftover.kind, leftover.owner), (LeftoverKind::Lock, Owner::Gone), "{leftover:?}");
        assert!(maintenance.collect(&leftover).await.unwrap());
    }
    let mut writer = started("write", place.path(), 1);
    let all = maintenance.leftovers().await.unwrap();
    let held: Vec<_> = all.iter().filter(|leftover| leftover.kind == LeftoverKind::Staged).collect();
    assert_eq!((held.len(), held[0].owner), (1, Owner::Alive));
    assert!(!maintenance.collect(held[0]).await.unwrap());
    writer.kill().unwrap();
    writer.wait().unwrap();
    let all = maintenance.leftovers().await.unwrap();
    assert_eq!((all.len(), all[0].kind, all[0].owner == Owner::Alive), (1, LeftoverKind::Staged, false));
    assert!(maintenance.collect(&all[0]).await.unwrap());
    assert_eq!(maintenance.leftovers().await.unwrap(), []);
    // A writer may have been killed between removing its lock and the folder, which is of use to the next one.
    let _ = std::fs::remove_dir(place.path().join("_locks"));
    let left: Vec<_> =
        std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["x.h5"], "nothing but the array is left");
}

/// The forms of `x` alternate; whoever looks finds one of them, never two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_find_one_form_while_an_entry_is_replaced_by_another_kind() {
    let place = tempfile::tempdir().unwrap();
    let backend = backend(place.path());
    put(&backend, "x", "0", WriteMode::Create).await.unwrap();
    let replacing = {
        let (backend, place) = (backend.clone(), place.path().to_owned());
        tokio::spawn(async move {
            for round in 0..60 {
                put(&backend, "x", &round.to_string(), WriteMode::Replace).await.unwrap();
                backend.rename(&path("x"), &path("y")).await.unwrap();
                // A table that stands in for any other form.
                std::fs::create_dir(place.join("x.parquet")).unwrap();
                backend.remove(&path("y")).await.unwrap();
            }
        })
    };
    let mut seen = [0usize; 2];
    while !replacing.is_finished() {
        match backend.stat(&path("x")).await {
            Ok(stat) if stat.kind == EntryKind::File => seen[0] += 1,
            Ok(stat) => {
                assert_eq!(stat.kind, EntryKind::Table);
                seen[1] += 1;
            }
            // Between the renaming and the new folder there is nothing.
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
        }
        for entry in backend.list(&EntryPath::root()).await.unwrap().entries {
            assert!(["x", "y"].contains(&entry.name.as_str()), "{entry:?}");
        }
    }
    replacing.await.unwrap();
    assert!(seen.iter().all(|count| *count > 0), "both forms were met: {seen:?}");
}
