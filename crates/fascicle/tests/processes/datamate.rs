//! Processes of the Python package datamate and of fascicle ask for the same configs at the same moment.
//!
//! datamate takes no claims, so that a config may come to be built once by each program. What is promised: whoever asks fascicle
//! gets a finished, whole directory, whoever built it; and who asks afterwards always gets the same one.

use crate::crew::Crew;
use crate::site::{Site, Store, judge};
use crate::{scale, work};
use fascicle::{IdentityRules, Outcome, ResolveOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

const OURS: usize = 3;
const THEIRS: usize = 3;
const ROUNDS: usize = 10;

/// A process of datamate.
struct Python {
    child: Child,
    orders: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Python {
    fn start(folder: &Path) -> Python {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/processes/python/contend.py");
        let mut child = Command::new(fascicle_judges::python())
            .arg(program)
            .arg(folder)
            .envs([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONWARNINGS", "ignore")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, said) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut python = Python { child, orders, said };
        assert_eq!(python.hear(), "ready");
        python
    }

    fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.said.read_line(&mut line).unwrap(), 0, "datamate's process ended");
            // datamate itself prints, too.
            if let Some((_, what)) = line.trim_end().split_once("says: ") {
                return what.to_owned();
            }
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // One that has ended by itself is reaped all the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn both_programs_contend() {
    let site = Site::new(Store::Hdf5, Duration::from_secs(600));
    std::fs::create_dir_all(site.folder.path().join("data")).unwrap();
    let mut theirs: Vec<Python> =
        (0..THEIRS).map(|_| Python::start(&site.folder.path().join("data"))).collect();
    let mut ours = Crew::start(&site.address, OURS);
    let (mut by_them, mut failed, mut duplicates) = (0, 0, 0);
    let rounds = ROUNDS * scale();
    for seed in 0..rounds as u64 {
        // Who is first differs from round to round.
        let they_begin = seed % 2 == 0;
        if !they_begin {
            ours.order_all(&format!("resolve {seed} 3 -"));
        }
        for python in &mut theirs {
            writeln!(python.orders, "{seed}").unwrap();
        }
        if they_begin {
            std::thread::sleep(Duration::from_millis(5 * (seed % 7)));
            ours.order_all(&format!("resolve {seed} 3 -"));
        }
        let mut answers = 0;
        while answers < OURS {
            let (id, said) = ours.hear();
            match said.split_once(' ') {
                Some(("building", _)) => {}
                // The worker has looked: it is whole.
                Some(("returned", _)) => answers += 1,
                _ => panic!("round {seed}: worker {id}: {said}"),
            }
        }
        for python in &mut theirs {
            match python.hear().as_str() {
                "built" => by_them += 1,
                "found" => {}
                // It may meet directories that others are still making; that is its own affair.
                _ => failed += 1,
            }
        }
        judge(async {
            let config = work::config(seed);
            let mut names = Vec::new();
            for _ in 0..2 {
                let root = site.address.open().await;
                let found = root
                    .resolve_config(
                        &config,
                        &IdentityRules::default(),
                        &ResolveOptions::default(),
                        |_| async { panic!("round {seed}: built again") },
                    )
                    .await
                    .unwrap();
                assert!(matches!(found.outcome, Outcome::Found | Outcome::Adopted), "{:?}", found.outcome);
                work::token_of(&found.directory).await.unwrap();
                names.push(found.directory.name().to_owned());
            }
            assert_eq!(names[0], names[1], "round {seed}: who asks afterwards gets the same one");
            let root = site.address.open().await;
            duplicates += work::finished(&root, &config).await.len() - 1;
        });
    }
    assert!(failed < rounds, "datamate failed {failed} times in {rounds} rounds");
    println!(
        "{rounds} rounds of {OURS} processes of fascicle and {THEIRS} of datamate: datamate built {by_them} times and \
         failed {failed} times, {duplicates} directories more than configs"
    );
}
