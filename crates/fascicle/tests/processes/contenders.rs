//! Many processes ask for the directory of one config at the same moment: it is built once, and all get it.

use crate::crew::Crew;
use crate::site::{Site, Store, judge};
use crate::{on_every_store, scale, work};
use std::collections::BTreeSet;
use std::time::Duration;

const CONTENDERS: usize = 32;
const ROUNDS: usize = 4;

on_every_store!(run);

fn run(store: Store) {
    // Nobody dies, so nobody is to be taken for dead.
    let site = Site::new(store, Duration::from_secs(600));
    let mut crew = Crew::start(&site.address, CONTENDERS);
    let rounds = ROUNDS * scale();
    for seed in 0..rounds as u64 {
        crew.order_all(&format!(
            "resolve {seed} 2 {}",
            if seed % 2 == 0 { "-".to_owned() } else { work::given_path(seed) }
        ));
        let (mut builders, mut returned, mut answers) = (Vec::new(), 0, BTreeSet::new());
        while returned < CONTENDERS {
            let (id, said) = crew.hear();
            match said.split_once(' ') {
                Some(("building", _)) => builders.push(id),
                Some(("returned", what)) => {
                    returned += 1;
                    answers.insert(what.rsplit_once(' ').unwrap().0.to_owned());
                }
                _ => panic!("worker {id}: {said}"),
            }
        }
        assert_eq!(builders.len(), 1, "round {seed}: the build function ran {} times", builders.len());
        assert_eq!(answers.len(), 1, "round {seed}: {answers:?}");
        judge(async {
            let root = site.address.open().await;
            let config = work::config(seed);
            let found = work::finished(&root, &config).await;
            assert_eq!(found.len(), 1, "round {seed}: {found:?}");
            let token = work::token_of(&root.dir(&found[0]).unwrap()).await.unwrap();
            assert_eq!(answers.into_iter().collect::<Vec<_>>(), [format!("{} {token}", found[0])]);
        });
    }
    println!("{store:?}: {rounds} rounds of {CONTENDERS} contenders, one build in each");
}
