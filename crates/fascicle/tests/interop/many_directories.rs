//! A root in which datamate made many directories: each is found, and names go on where datamate's end.

use crate::place::Place;
use fascicle::{Build, BuildResult, Directory, Outcome, ResolveOptions};
use serde::{Deserialize, Serialize};

const COUNT: u64 = 200;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Trial {
    index: u64,
    label: String,
}

impl Trial {
    fn new(index: u64) -> Self {
        Trial { index, label: format!("trial: {index}") }
    }
}

impl Build for Trial {
    async fn build(&self, dir: &Directory) -> BuildResult {
        Ok(dir.put("index", self.index).await?)
    }
}

#[tokio::test]
async fn each_of_many_directories_of_datamate_is_found_by_its_config() {
    let place = Place::new();
    place.python("make_many.py", &["make", &COUNT.to_string()]).await;
    let options = ResolveOptions::default();
    let root = place.root().await;
    for outcome in [Outcome::Adopted, Outcome::Found] {
        for index in 0..COUNT {
            let resolution = root.resolve_with(&Trial::new(index), &options).await.unwrap();
            assert_eq!(
                (resolution.outcome, resolution.directory.name()),
                (outcome, format!("Trial_{index:04x}").as_str())
            );
        }
    }
    let array = root.dir("Trial_00c7").unwrap().array("index").await.unwrap();
    let index: i64 = array.read::<fascicle::ArrayD<i64>>().await.unwrap()[[]];
    assert_eq!(index, 199);
    // Another program that opens the root finds the same, without having looked at each.
    let again = place.root().await.resolve_with(&Trial::new(137), &options).await.unwrap();
    assert_eq!((again.outcome, again.directory.name()), (Outcome::Found, "Trial_0089"));
    // New ones get the next names here, and after that there.
    let next = root.resolve_with(&Trial::new(COUNT), &options).await.unwrap();
    assert_eq!((next.outcome, next.directory.name()), (Outcome::Built, "Trial_00c8"));
    let theirs = place.python("make_many.py", &["continue", &COUNT.to_string()]).await;
    assert_eq!(theirs, serde_json::json!(["Trial_00c8", "Trial_00c9"]));
    let theirs = root.resolve_with(&Trial::new(COUNT + 1), &options).await.unwrap();
    assert_eq!((theirs.outcome, theirs.directory.name()), (Outcome::Adopted, "Trial_00c9"));
    // A gap is filled, as datamate fills it.
    root.remove("Trial_0010").await.unwrap();
    let filled = root.resolve_with(&Trial::new(COUNT + 2), &options).await.unwrap();
    assert_eq!((filled.outcome, filled.directory.name()), (Outcome::Built, "Trial_0010"));
    assert_eq!(root.as_dir().entries().await.unwrap().len() as u64, COUNT + 2);
}
