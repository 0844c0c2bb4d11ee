//! Processes that append to one table at once: each is this test program, started again to play one part.

use crate::{
    sites::{Site, path, quick, run},
    tables::{all, append, batch, counted, put, tables},
};
use fascicle_backend::{CompactOptions, ErrorKind, TableStore, WriteMode};
use fascicle_objects::{LocalStoreOptions, Store, StoreConfig};
use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    time::Duration,
};

const WRITERS: i64 = 4;
const APPENDS: i64 = 25;
const ROWS: i64 = 3;

fn start(part: &str, number: i64, place: &str, options: &BTreeMap<String, String>) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "table_processes::plays_a_part", "--ignored", "--nocapture", "--test-threads=1"])
        .envs([("FASCICLE_PART", part), ("FASCICLE_NUMBER", &number.to_string()), ("FASCICLE_PLACE", place)])
        .env("FASCICLE_OPTIONS", serde_json::to_string(options).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn open(place: &str, options: BTreeMap<String, String>) -> Store {
    let config: StoreConfig = match place.contains("://") {
        true => quick(place).with_options(options),
        false => StoreConfig::new(place)
            .unwrap()
            .with_local(LocalStoreOptions { fsync: false, ..LocalStoreOptions::default() }),
    };
    Store::open(&config).unwrap()
}

#[test]
#[ignore = "started by the other tests, in processes of their own"]
fn plays_a_part() {
    // Without a part, as when every ignored test is run, there is nothing to play.
    let Ok(part) = std::env::var("FASCICLE_PART") else { return };
    let number: i64 = std::env::var("FASCICLE_NUMBER").unwrap().parse().unwrap();
    let place = std::env::var("FASCICLE_PLACE").unwrap();
    let options = serde_json::from_str(&std::env::var("FASCICLE_OPTIONS").unwrap()).unwrap();
    run(async {
        let table = tables(open(&place, options));
        match part.as_str() {
            "append" => {
                for turn in 0..APPENDS {
                    let first = (number * APPENDS + turn) * ROWS;
                    let rows = append(&table, batch(first..first + ROWS)).await.unwrap();
                    assert!(rows >= ((turn + 1) * ROWS) as u64, "after {turn} appends there are {rows} rows");
                }
            }
            "compact" => {
                let options = CompactOptions::default().with_grace(Duration::ZERO);
                for _ in 0..6 {
                    match table.compact(&path("t"), &options).await {
                        Ok(_) => {}
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error:?}"),
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            other => panic!("there is no part {other}"),
        }
    });
}

#[test]
fn processes_append_and_every_row_comes_once() {
    for site in [Site::local(), Site::s3()] {
        let (place, options) = match &site.server {
            Some(server) => ("s3://bucket/deep/ü".to_owned(), server.s3_options()),
            None => (site.folder().join("root").display().to_string(), BTreeMap::new()),
        };
        run(async {
            let table = tables(open(&place, options.clone()));
            put(&table, 0..0, WriteMode::Create).await.unwrap();
            let mut players: Vec<Child> =
                (0..WRITERS).map(|number| start("append", number, &place, &options)).collect();
            players.push(start("compact", 0, &place, &options));
            let mut seen: Vec<i64> = Vec::new();
            let expected = (WRITERS * APPENDS * ROWS) as usize;
            // Readers see prefixes of one order all the while.
            while players.iter_mut().any(|player| player.try_wait().unwrap().is_none()) {
                let now = all(&table).await;
                assert!(now.starts_with(&seen), "on {}: rows vanished, came twice or moved", site.name);
                seen = now;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            for player in players {
                let output = player.wait_with_output().unwrap();
                let text = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "on {}: {text}", site.name);
            }
            let rows = all(&table).await;
            assert!(rows.starts_with(&seen));
            let counts = counted(&rows);
            assert!(counts.values().all(|count| *count == 1), "on {}: {counts:?}", site.name);
            assert_eq!(rows.len(), expected, "on {}", site.name);
            assert!(rows.chunks(ROWS as usize).all(|rows| rows.is_sorted()), "an append was torn apart");
            for writer in 0..WRITERS {
                let own = rows.iter().filter(|row| **row / (APPENDS * ROWS) == writer);
                assert!(own.is_sorted(), "the appends of one writer changed their order");
            }
            assert_eq!(table.describe(&path("t")).await.unwrap().rows, expected as u64);
        });
    }
}
