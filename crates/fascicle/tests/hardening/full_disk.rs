//! Storage that takes no more: a limit of the size of files, which moves from call to call, stands for a disk that is full now and then.

use fascicle::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use fascicle::blocking::{Directory, Root, open_with, wait};
use fascicle::{Config, ErrorKind, IdentityRules, OpenOptions, ResolveOptions, Result, RootOptions};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Set for the process that meets the limits: its backend and its folder.
const PART: &str = "FASCICLE_TEST_FULL_DISK";
const ROUNDS: i64 = 40;

/// Lets files grow to so many bytes, or without a limit.
fn limit_to(bytes: Option<u64>) {
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum: getrlimit(Resource::Fsize).maximum })
        .unwrap();
}

fn rows(of: i64) -> RecordBatch {
    RecordBatch::try_from_iter([("x", Arc::new(Int64Array::from(vec![of; 3])) as ArrayRef)]).unwrap()
}

fn cells(root: &Root, seed: i64) -> Result<Directory> {
    let config = Config::new("Cells").with("seed", seed);
    let build = |directory: fascicle::Directory| async move {
        directory.put("x", vec![seed; 200]).await?;
        directory.put_file("note", seed.to_string()).await?;
        Ok(())
    };
    let (rules, options) = (IdentityRules::default(), ResolveOptions::default());
    let resolution = wait(root.as_async().resolve_config(&config, &rules, &options, build))?;
    Ok(Directory::from(resolution.directory))
}

/// Every acknowledged number is there, in order, and none of them twice.
fn assert_all_there(what: &str, found: &[i64], acknowledged: &[i64]) {
    assert!(found.is_sorted_by(|a, b| a < b), "{what}: {found:?}");
    let lost: Vec<&i64> = acknowledged.iter().filter(|number| !found.contains(number)).collect();
    assert!(lost.is_empty(), "{what} lost {lost:?} of {acknowledged:?}");
}

#[test]
#[ignore = "started by `what_a_full_disk_refuses_leaves_everything_else`"]
fn writer() {
    let part = std::env::var(PART).unwrap();
    let (backend, folder) = part.split_once(' ').unwrap();
    // Waiting for an attempt that could not even say that it failed must not take long.
    let (beat, lease) = (Duration::from_secs(60), Duration::from_millis(60));
    let root = RootOptions { beat, lease, ..RootOptions::default() };
    let options = OpenOptions::default().with_backend(backend).with_fsync(false).with_root_options(root);
    let root = open_with(folder, &options).unwrap();
    let d = root.dir("d").unwrap();
    let seed: u64 = std::env::var("FASCICLE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(5);
    println!("FASCICLE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut refused, mut last) = (0, None);
    let (mut arrays, mut grown, mut table, mut lines, mut built) = (vec![], vec![], vec![], vec![], vec![]);
    let grown_in_place = Path::new(folder).join("d/grown.h5");
    for i in 0..ROUNDS {
        let mut attempt = |done: &mut Vec<i64>, there: u64, act: &dyn Fn() -> Result<()>| {
            let most = [200, 4000, 200_000][random.usize(..3)];
            limit_to(Some(there + random.u64(..most)));
            let outcome = act();
            limit_to(None);
            match outcome {
                Ok(()) => done.push(i),
                Err(error) => {
                    assert!(
                        !matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Internal),
                        "{backend}, round {i}: {error:?}"
                    );
                    refused += 1;
                }
            }
        };
        attempt(&mut arrays, 0, &|| d.put(&format!("x{i}"), vec![i; 200]));
        // An array of HDF5 grows in place, and a full disk refuses nothing within a file.
        let length = std::fs::metadata(&grown_in_place).map_or(0, |file| file.len());
        attempt(&mut grown, length, &|| d.append("grown", [i]).map(drop));
        attempt(&mut table, 0, &|| d.append_table("t", &rows(i)).map(drop));
        attempt(&mut lines, 0, &|| d.append_file("lines", format!("{i}\n")).map(drop));
        attempt(&mut built, 0, &|| cells(&root, i).map(drop));
        let mut same = vec![];
        attempt(&mut same, 0, &|| d.put_file("same", i.to_string()));
        last = same.pop().or(last);
        // An overwritten file is the old one or the new one.
        let found = d.file("same").and_then(|file| file.read());
        if let Some(done) = last {
            let found: i64 = String::from_utf8(found.unwrap().to_vec()).unwrap().parse().unwrap();
            assert!(found == done || found == i, "{found} instead of {done} or {i}");
            last = Some(found);
        }
    }
    println!(
        "{backend}: refused {refused}, done {:?}",
        [&arrays, &grown, &table, &lines, &built].map(Vec::len)
    );
    assert!(refused > 20 && [&arrays, &grown, &table, &lines, &built].iter().all(|done| !done.is_empty()));

    for i in 0..ROUNDS {
        match d.array(&format!("x{i}")).and_then(|array| array.read::<Vec<i64>>()) {
            Ok(found) => assert_eq!(found, vec![i; 200]),
            Err(error) => assert!(error.is_not_found() && !arrays.contains(&i), "{error:?}"),
        }
        // Asking again builds what is not there, whatever became of the attempts before.
        let cells = cells(&root, i).unwrap();
        assert_eq!(cells.array("x").unwrap().read::<Vec<i64>>().unwrap(), vec![i; 200]);
        assert_eq!(cells.file("note").unwrap().read().unwrap(), i.to_string());
    }
    let found: Vec<i64> = d.array("grown").unwrap().read().unwrap();
    assert_all_there("the array", &found, &grown);
    let batch = d.table("t").unwrap().read().unwrap();
    let column = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec();
    let found: Vec<i64> = column.chunks(3).map(|three| three[0]).collect();
    assert!(column.chunks(3).zip(&found).all(|(three, one)| three == [*one; 3]), "{column:?}");
    assert_all_there("the table", &found, &table);
    let text = String::from_utf8(d.file("lines").unwrap().read().unwrap().to_vec()).unwrap();
    let found: Vec<i64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_all_there("the file", &found, &lines);
    d.append("grown", [ROUNDS]).unwrap();
    d.append_table("t", &rows(ROUNDS)).unwrap();
    println!("DONE");
}

#[test]
fn what_a_full_disk_refuses_leaves_everything_else() {
    for backend in ["hdf5", "zarr", "parquet"] {
        let folder = tempfile::tempdir().unwrap();
        // The signal that comes with a refused write would end the process.
        let output = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "full_disk::writer", "--ignored", "--nocapture"])
            .env(PART, format!("{backend} {}", folder.path().display()))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && told.contains("DONE"),
            "{backend}, {}: {told}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        println!("{told}");
    }
}
