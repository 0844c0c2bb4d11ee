//! What a miss costs: the same number of calls however many directories there are.

use fascicle_core::wrap::{CallCounts, Operation, observed};
use fascicle_core::{
    Backend, Config, Directory, EntryPath, IdentityRules, Meta, Outcome, RecordKey, ResolveOptions, Root,
    RootOptions, Status,
};
use fascicle_memory::MemoryBackend;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A storage that counts, and roots on it that know nothing of each other.
struct Counted {
    store: MemoryBackend,
    counts: Arc<CallCounts>,
    options: RootOptions,
}

impl Counted {
    fn new(adopt_foreign: bool) -> Self {
        let options = RootOptions { adopt_foreign: Some(adopt_foreign), ..RootOptions::default() };
        Counted { store: MemoryBackend::new(), counts: Arc::new(CallCounts::default()), options }
    }

    /// As a process sees it that has just been started.
    fn root(&self) -> Root {
        let backend = observed(Arc::new(self.store.clone()), self.counts.clone());
        Root::with_options(Arc::new(backend), self.options.clone())
    }

    /// The calls of finding or building a config in a process of its own, and how it was come by.
    async fn cost(&self, config: &Config, rules: &IdentityRules) -> (Outcome, BTreeMap<Operation, u64>) {
        let root = self.root();
        self.counts.reset();
        let build = |dir: Directory| async move { Ok(dir.put_file("x", "content").await?) };
        let resolution = root.resolve_config(config, rules, &ResolveOptions::default(), build).await.unwrap();
        (resolution.outcome, self.counts.snapshot())
    }

    /// Makes finished directories as a program does that knows nothing of the index.
    async fn made_elsewhere(&self, seeds: std::ops::Range<i64>) {
        for seed in seeds {
            let mut meta = Meta::plain();
            (meta.config, meta.status, meta.modified) = (cells(seed), Status::Done, false);
            let path = EntryPath::parse(&format!("Cells_{seed:04x}")).unwrap();
            self.store.create_directory(&path, meta.to_bytes().unwrap()).await.unwrap();
        }
    }

    async fn lose_the_index(&self) {
        let records = self.store.records();
        for key in records.list(&RecordKey::parse("v1").unwrap()).await.unwrap() {
            records.remove(&key).await.unwrap();
        }
    }
}

fn cells(seed: i64) -> Config {
    Config::new("Cells").with("seed", seed)
}

/// The calls of a miss after another process has seen the directories.
async fn miss_among(counted: &Counted, count: i64) -> BTreeMap<Operation, u64> {
    let plain = IdentityRules::default();
    // The hint at free names may lag by a few; these bring it where it is.
    for seed in 0..8 {
        assert_eq!(counted.cost(&cells(count + seed), &plain).await.0, Outcome::Built);
    }
    let (outcome, calls) = counted.cost(&cells(count + 8), &plain).await;
    assert_eq!(outcome, Outcome::Built);
    calls
}

#[tokio::test]
async fn a_miss_costs_the_same_among_any_number_of_directories() {
    for adopt_foreign in [true, false] {
        let mut costs = Vec::new();
        for count in [10, 100, 1000] {
            let counted = Counted::new(adopt_foreign);
            counted.made_elsewhere(0..count).await;
            costs.push(miss_among(&counted, count).await);
        }
        assert_eq!(costs[0], costs[1], "foreign directories expected: {adopt_foreign}");
        assert_eq!(costs[1], costs[2], "foreign directories expected: {adopt_foreign}");
        let total: u64 = costs[0].values().sum();
        assert!(total <= 40, "{costs:?}");
        assert_eq!(costs[0].get(&Operation::List), None);
        let looks = costs[0].get(&Operation::MetaStamps).copied().unwrap_or(0);
        assert_eq!(looks, u64::from(adopt_foreign), "{costs:?}");
    }
}

#[tokio::test]
async fn a_lost_index_is_made_again_from_the_metas() {
    for adopt_foreign in [true, false] {
        let counted = Counted::new(adopt_foreign);
        let plain = IdentityRules::default();
        for seed in 0..20 {
            assert_eq!(counted.cost(&cells(seed), &plain).await.0, Outcome::Built);
        }
        counted.lose_the_index().await;
        let (outcome, calls) = counted.cost(&cells(7), &plain).await;
        assert_eq!(outcome, Outcome::Adopted, "foreign directories expected: {adopt_foreign}");
        assert!(calls[&Operation::ReadMeta] >= 20, "{calls:?}");
        for seed in 0..20 {
            let (outcome, calls) = counted.cost(&cells(seed), &plain).await;
            assert_eq!(outcome, if seed == 7 { Outcome::Found } else { Outcome::Adopted });
            assert!(calls[&Operation::ReadMeta] <= 4, "{calls:?}");
        }
        assert_eq!(counted.cost(&cells(20), &plain).await.0, Outcome::Built);
    }
}

#[tokio::test]
async fn new_and_changed_directories_of_another_program_are_noticed() {
    let counted = Counted::new(true);
    let plain = IdentityRules::default();
    counted.made_elsewhere(0..20).await;
    assert_eq!(counted.cost(&cells(3), &plain).await.0, Outcome::Adopted);
    // One more, and one that was removed and whose name was given to another config.
    counted.made_elsewhere(20..21).await;
    counted.store.remove(&EntryPath::parse("Cells_0005").unwrap()).await.unwrap();
    let mut meta = Meta::plain();
    (meta.config, meta.status, meta.modified) = (cells(500), Status::Done, false);
    counted
        .store
        .create_directory(&EntryPath::parse("Cells_0005").unwrap(), meta.to_bytes().unwrap())
        .await
        .unwrap();
    for (seed, outcome) in [(20, Outcome::Adopted), (500, Outcome::Adopted), (5, Outcome::Built)] {
        let (found, calls) = counted.cost(&cells(seed), &plain).await;
        assert_eq!(found, outcome, "seed {seed}");
        assert!(calls[&Operation::ReadMeta] <= 6, "{calls:?}");
    }
}

#[tokio::test]
async fn rules_that_changed_find_old_results_without_the_index() {
    for adopt_foreign in [true, false] {
        let counted = Counted::new(adopt_foreign);
        let old = |seed: i64| Config::new("Cells").with("lr", 0.5).with("seed", seed).with("threads", seed);
        for seed in 0..12 {
            assert_eq!(counted.cost(&old(seed), &IdentityRules::default()).await.0, Outcome::Built);
        }
        let evolved = IdentityRules::default()
            .with_alias("lr", "training.rate")
            .with_excluded("threads")
            .with_default("noise", 0.0);
        let new = |seed: i64| {
            let training = fascicle_core::config::read_yaml("{rate: 0.5}").unwrap();
            Config::new("Cells").with("training", training).with("seed", seed).with("threads", 64)
        };
        for seed in 0..12 {
            let (outcome, calls) = counted.cost(&new(seed), &evolved).await;
            assert_eq!(outcome, Outcome::Adopted, "seed {seed}");
            assert!(seed == 0 || calls[&Operation::ReadMeta] <= 4, "{calls:?}");
        }
        assert_eq!(counted.cost(&new(3), &evolved).await.0, Outcome::Found);
        assert_eq!(counted.cost(&old(3), &IdentityRules::default()).await.0, Outcome::Found);
        assert_eq!(counted.cost(&new(99), &evolved).await.0, Outcome::Built);
        let noisy = new(3).with("noise", 0.1);
        assert_eq!(counted.cost(&noisy, &evolved).await.0, Outcome::Built, "a hit is compared in full");
        let versioned = evolved.clone().with_version(2);
        assert_eq!(counted.cost(&new(3), &versioned).await.0, Outcome::Built, "another version of the code");
    }
}

#[tokio::test]
async fn a_hit_writes_nothing_however_often_the_directory_was_modified() {
    let (counted, plain) = (Counted::new(true), IdentityRules::default());
    for generation in 0..3u64 {
        assert_eq!(counted.cost(&cells(0), &plain).await.0, Outcome::Built);
        let (outcome, calls) = counted.cost(&cells(0), &plain).await;
        let of = |operation| calls.get(&operation).copied().unwrap_or_default();
        let reads = (of(Operation::ReadRecord), of(Operation::ReadMeta));
        assert_eq!((outcome, reads), (Outcome::Found, (1 + 2 * generation, 1 + generation)));
        assert_eq!(calls.values().sum::<u64>(), reads.0 + reads.1, "{calls:?}");
        let newest = EntryPath::parse(&format!("Cells_{generation:04x}")).unwrap();
        counted.root().dir(newest.as_str()).unwrap().put_file("more", "content").await.unwrap();
    }
}
