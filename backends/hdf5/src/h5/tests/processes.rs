//! Several processes at one file.

use super::*;
use crate::h5::superblock::Superblock;
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::Instant,
};

/// Set for a process that plays a part in a test.
const PATH: &str = "FASCICLE_TEST_HDF5_PATH";

/// Starts this test program once more, to run only the ignored test `part` below on the file.
fn start(part: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("h5::tests::processes::{part}"), "--ignored", "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn path_of_part() -> std::path::PathBuf {
    std::env::var_os(PATH).expect("this test is a part of another, which starts it").into()
}

/// Rows `[n, n, … n]` for n from `start`.
fn rows(start: u64, count: u64) -> Values {
    Values::Int64((start..start + count).flat_map(|row| [row as i64; 8]).collect())
}

fn assert_counting(found: &Values, total: u64) {
    let Values::Int64(found) = found else { panic!("{found:?}") };
    assert_eq!(found.len() as u64, total * 8);
    let wrong = found.iter().enumerate().find(|(at, value)| **value != (*at / 8) as i64);
    assert_eq!(wrong, None, "of {total} rows");
}

fn create_counted(path: &Path) {
    write_new(path, &shape(&[0, 8]), &Values::Int64(vec![]), &ArrayOptions::default()).unwrap();
}

#[test]
#[ignore = "started by `a_reader_in_another_process_sees_whole_rows`"]
fn reader() {
    let path = path_of_part();
    let (mut last, mut reads) = (0, 0);
    let deadline = Instant::now() + Duration::from_secs(120);
    while last < 300 {
        let (found_shape, found) = read_whole(&path).unwrap();
        let total = found_shape.rows().unwrap();
        assert!(total >= last, "{total} rows after {last}");
        assert_counting(&found, total);
        (last, reads) = (total, reads + 1);
        assert!(Instant::now() < deadline, "{last} rows after {reads} reads");
    }
    println!("READS {reads}");
}

#[test]
fn a_reader_in_another_process_sees_whole_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    create_counted(&path);
    let reader = start("reader", &path);
    let mut total = 0;
    while total < 300 {
        total = append_in_place(&path, 3, &rows(total, 3)).unwrap();
    }
    let output = reader.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("READS"), "{text}");
}

#[test]
#[ignore = "started by `a_killed_writer_loses_nothing_it_had_written`"]
fn appender() {
    let path = path_of_part();
    let mut total = describe(&path).unwrap().shape.rows().unwrap();
    loop {
        total = append_in_place(&path, 1, &rows(total, 1)).unwrap();
        println!("ROWS {total}");
    }
}

#[test]
fn a_killed_writer_loses_nothing_it_had_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    create_counted(&path);
    let seed = 7;
    let mut random = Random::new(seed);
    let (mut total, mut marked) = (0, 0);
    for round in 0..12 {
        let mut writer = start("appender", &path);
        let mut lines = BufReader::new(writer.stdout.take().unwrap());
        let mut acknowledged = total;
        let target = total + 1 + random.below(20);
        let note = |line: &str, acknowledged: &mut u64| {
            if let Some((_, rows)) = line.split_once("ROWS ") {
                *acknowledged = rows.trim().parse().unwrap_or(*acknowledged);
            }
        };
        let mut line = String::new();
        while acknowledged < target && lines.read_line(&mut line).unwrap() > 0 {
            note(&line, &mut acknowledged);
            line.clear();
        }
        assert!(acknowledged >= target, "the writer ended by itself in round {round}, seed {seed}");
        std::thread::sleep(Duration::from_micros(random.below(5000)));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        rest.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .for_each(|line| note(line, &mut acknowledged));

        let superblock = Superblock::read(&File::open(&path).unwrap()).unwrap().unwrap();
        marked += u32::from(superblock.is_marked());
        let (found_shape, found) = read_whole(&path).unwrap();
        total = found_shape.rows().unwrap();
        assert!(total >= acknowledged, "{total} of {acknowledged} rows in round {round}, seed {seed}");
        assert_counting(&found, total);
        total = append_in_place(&path, 2, &rows(total, 2)).unwrap();
        let superblock = Superblock::read(&File::open(&path).unwrap()).unwrap().unwrap();
        assert!(!superblock.is_marked() && superblock.is_sound());
        assert_counting(&read_whole(&path).unwrap().1, total);
    }
    println!("{marked} of 12 files were left marked by the writer");
}

#[test]
#[ignore = "started by `an_append_that_the_storage_refuses_leaves_no_rows`"]
fn refused_appender() {
    let path = path_of_part();
    let length = std::fs::metadata(&path).unwrap().len();
    let limit = libc::rlimit { rlim_cur: length + 10_000, rlim_max: length + 10_000 };
    // SAFETY: both calls take valid arguments; the signal would end the process instead of failing the write.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
    }
    let total = describe(&path).unwrap().shape.rows().unwrap();
    let error = append(&path, Audience::Public, 100_000, &rows(total, 100_000), OPTIONS).unwrap_err();
    println!("REFUSED {error:?}");
    assert_counting(&read_whole(&path).unwrap().1, total);
}

#[test]
fn an_append_that_the_storage_refuses_leaves_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    create_counted(&path);
    append_in_place(&path, 10, &rows(0, 10)).unwrap();
    let output = start("refused_appender", &path).wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("REFUSED"), "{text}");
    assert_counting(&read_whole(&path).unwrap().1, 10);
    assert_eq!(append_in_place(&path, 5, &rows(10, 5)).unwrap(), 15);
    assert_counting(&read_whole(&path).unwrap().1, 15);
}

#[test]
#[ignore = "started by `no_limit_of_the_storage_ends_the_process_or_loses_a_row`"]
fn limited_writer() {
    let path = path_of_part();
    // SAFETY: both calls take valid arguments; the signal would end the process instead of failing the write.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let limit_to = |bytes: u64| {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
    };
    let (mut refused, mut total) = (0, 0);
    let mut random = Random::new(11);
    for _ in 0..150 {
        // What a refused append has written stays behind the end, out of use, as after a kill: the limit moves with it.
        let limit = std::fs::metadata(&path).unwrap().len() + random.below(12_000);
        limit_to(limit);
        let new = path.with_extension("new");
        let _ = std::fs::remove_file(&new);
        let options = ArrayOptions {
            attributes: [("a".to_owned(), 1.into())].into_iter().collect(),
            ..ArrayOptions::default()
        };
        let written = write_new(&new, &shape(&[500, 8]), &rows(0, 500), &options);
        let appended = append(&path, Audience::Public, 20, &rows(total, 20), OPTIONS);
        let overwritten = if total > 0 {
            let region = Region::rows(&shape(&[total, 8]), total - 1, 1);
            write_region(&path, Audience::Public, &region, &rows(total - 1, 1), OPTIONS).map(drop)
        } else {
            Ok(())
        };
        limit_to(libc::RLIM_INFINITY);
        for error in [written.as_ref().err(), appended.as_ref().err(), overwritten.as_ref().err()]
            .into_iter()
            .flatten()
        {
            assert_ne!(error.kind(), fascicle_backend::ErrorKind::Corrupt, "{error:?} at {limit}");
            refused += 1;
        }
        if written.is_ok() {
            assert_counting(&read_whole(&new).unwrap().1, 500);
        }
        if let Ok(appended) = appended {
            assert_eq!(appended, InPlace::Done(total + 20), "at {limit}");
            total += 20;
        }
        assert_counting(&read_whole(&path).unwrap().1, total);
        let superblock = Superblock::read(&File::open(&path).unwrap()).unwrap().unwrap();
        assert!(!superblock.is_marked() && superblock.is_sound(), "other programs are kept out");
    }
    assert!(refused > 0 && total > 0);
    println!("REFUSED {refused}, {total} rows");
}

#[test]
fn no_limit_of_the_storage_ends_the_process_or_loses_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let options = ArrayOptions { chunks: Some(vec![20, 8]), ..ArrayOptions::default() };
    write_new(&path, &shape(&[0, 8]), &Values::Int64(vec![]), &options).unwrap();
    let output = start("limited_writer", &path).wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("REFUSED"), "{}: {text}", output.status);
    println!("{text}");
    let total = describe(&path).unwrap().shape.rows().unwrap();
    assert_eq!(append_in_place(&path, 5, &rows(total, 5)).unwrap(), total + 5);
    assert_counting(&read_whole(&path).unwrap().1, total + 5);
}

#[test]
#[ignore = "started by `a_live_writer_of_another_program_is_not_taken_for_dead`"]
fn holder() {
    // As a program that writes for readers at work: marked as open, but without a lock.
    let file =
        crate::h5::library::exclusively(|| crate::h5::open::open_for_appending(&path_of_part())).unwrap();
    println!("OPEN");
    std::thread::sleep(Duration::from_secs(600));
    drop(file);
}

#[test]
fn a_live_writer_of_another_program_is_not_taken_for_dead() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    create_counted(&path);
    let mut holder = start("holder", &path);
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("OPEN")));
    let hurried = InPlaceOptions { patience: Duration::from_millis(50), fsync: false };
    let outcome = append(&path, Audience::Public, 1, &rows(0, 1), hurried);
    assert_eq!(kind_of(outcome), fascicle_backend::ErrorKind::Busy);
    assert_eq!(read_whole(&path).unwrap().0, shape(&[0, 8]), "readers are not kept out");
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(append_in_place(&path, 1, &rows(0, 1)).unwrap(), 1);
}
