//! Builds under way: each program waits for the other one's, and takes what it finished.

use crate::place::Place;
use fascicle::{Build, BuildResult, Directory, Outcome, ResolveOptions, Root, Status};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The type of the same name in `slow_build.py`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SlowBuild {
    seed: u64,
    fails: bool,
    /// A file whose appearance lets our own build end; no part of what is shared.
    #[serde(skip)]
    until: Option<PathBuf>,
}

impl SlowBuild {
    fn new(seed: u64, fails: bool) -> Self {
        SlowBuild { seed, fails, until: None }
    }
}

impl Build for SlowBuild {
    async fn build(&self, dir: &Directory) -> BuildResult {
        dir.put("first", [1i64]).await?;
        if let Some(until) = &self.until {
            appears(until).await;
        }
        dir.put("built_by", "fascicle".to_owned()).await?;
        dir.put("last", [2i64]).await?;
        Ok(())
    }
}

async fn appears(file: &std::path::Path) {
    let begin = std::time::Instant::now();
    while !file.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{} does not appear", file.display());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn running(root: &Root, name: &str) -> bool {
    matches!(root.dir(name).unwrap().status().await, Ok(Some(Status::Running)))
}

#[tokio::test]
async fn a_build_of_datamate_is_waited_for() {
    let place = Place::new();
    let root = place.root().await;
    let builder = place.beside("slow_build.py", &["build", "1"]);
    appears(&place.path("SlowBuild_0000/first.h5")).await;
    assert!(running(&root, "SlowBuild_0000").await);
    assert!(root.find(&SlowBuild::new(1, false)).await.unwrap().is_none());
    let waiting = {
        let root = root.clone();
        tokio::spawn(async move {
            root.resolve_with(&SlowBuild::new(1, false), &ResolveOptions::default()).await.unwrap()
        })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    std::fs::write(place.path("_go"), "").unwrap();
    let resolution = waiting.await.unwrap();
    assert_eq!((resolution.outcome, resolution.directory.name()), (Outcome::Adopted, "SlowBuild_0000"));
    let last: Vec<i64> = resolution.directory.array("last").await.unwrap().read().await.unwrap();
    assert_eq!(last, [2]);
    assert_eq!(builder.await.unwrap(), "SlowBuild_0000");
    assert_eq!(root.as_dir().names().await.unwrap(), ["SlowBuild_0000"]);
}

#[tokio::test]
async fn a_build_of_datamate_that_fails_is_not_waited_for_any_longer() {
    let place = Place::new();
    let root = place.root().await;
    let builder = place.beside("slow_build.py", &["fail", "1"]);
    appears(&place.path("SlowBuild_0000/first.h5")).await;
    let waiting = {
        let root = root.clone();
        tokio::spawn(async move {
            root.resolve_with(&SlowBuild::new(1, true), &ResolveOptions::default()).await.unwrap()
        })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    std::fs::write(place.path("_go"), "").unwrap();
    let resolution = waiting.await.unwrap();
    assert_eq!((resolution.outcome, resolution.directory.name()), (Outcome::Built, "SlowBuild_0001"));
    assert_eq!(builder.await.unwrap(), "stopped");
    assert_eq!(root.dir("SlowBuild_0000").unwrap().status().await.unwrap(), Some(Status::Stopped));
}

#[tokio::test]
async fn datamate_waits_for_a_build_of_ours() {
    let place = Place::new();
    let root = place.root().await;
    let config = SlowBuild { until: Some(place.path("_seen")), ..SlowBuild::new(2, false) };
    let waiter = place.beside("slow_build.py", &["wait", "2"]);
    let built = root.resolve_with(&config, &ResolveOptions::default()).await.unwrap();
    assert_eq!((built.outcome, built.directory.name()), (Outcome::Built, "SlowBuild_0000"));
    assert_eq!(waiter.await.unwrap(), "SlowBuild_0000");
    assert_eq!(root.as_dir().names().await.unwrap(), ["SlowBuild_0000"]);
}

#[tokio::test]
async fn a_name_that_datamate_gives_to_another_config_is_no_trap() {
    let place = Place::new();
    let root = place.root().await;
    std::fs::write(place.path("_go"), "").unwrap();
    place.python("slow_build.py", &["build", "3"]).await;
    let adopted = root.resolve_with(&SlowBuild::new(3, false), &ResolveOptions::default()).await.unwrap();
    assert_eq!(adopted.outcome, Outcome::Adopted);
    place.python("slow_build.py", &["replace", "4"]).await;
    let root = place.root().await;
    let four = root.resolve_with(&SlowBuild::new(4, false), &ResolveOptions::default()).await.unwrap();
    assert_eq!((four.outcome, four.directory.name()), (Outcome::Adopted, "SlowBuild_0000"));
    let three = root.resolve_with(&SlowBuild::new(3, false), &ResolveOptions::default()).await.unwrap();
    assert_eq!((three.outcome, three.directory.name()), (Outcome::Built, "SlowBuild_0001"));
    let three = place.root().await.resolve(&SlowBuild::new(3, false)).await.unwrap();
    assert_eq!(three.name(), "SlowBuild_0001");
}
