//! The other side: a process that does what it reads on its standard input, line by line, and says what came of it.

use crate::site::Address;
use crate::{appenders, creators, work};
use fascicle::{IdentityRules, ResolveOptions, Root};
use std::fmt;
use std::io::Write;

/// The environment variable that makes a process a worker: the address of the root.
pub(crate) const SITE: &str = "FASCICLE_PROOF_SITE";

/// What is said to the judge begins with this; the test harness prints on the same stream.
pub(crate) const SAYS: &str = "says: ";

/// What a started process does.
#[test]
#[ignore = "started by the other tests, in processes of their own"]
fn works() {
    // Without a site, as when every ignored test is run, there is nothing to do.
    let Ok(site) = std::env::var(SITE) else { return };
    let address: Address = serde_json::from_str(&site).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let root = address.open().await;
        let mut follower = appenders::Follower::default();
        say("ready");
        for line in std::io::stdin().lines() {
            let line = line.unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            let number = |index: usize| words[index].parse::<u64>().unwrap();
            match words[0] {
                "resolve" => resolve(&root, number(1), number(2), words[3]).await,
                "append" => appenders::append(&root, number(1) as i64, number(2) as i64).await,
                "append-on" => appenders::append_on(&root, number(1) as i64).await,
                "follow" => follower.look(&root).await,
                "create" => creators::create(&root, number(1), number(2), number(3)).await,
                other => panic!("there is no work '{other}'"),
            }
        }
    });
}

/// Says something to the judge.
pub(crate) fn say(what: impl fmt::Display) {
    println!("{SAYS}{what}");
    std::io::stdout().flush().unwrap();
}

async fn resolve(root: &Root, seed: u64, longest_pause_ms: u64, path: &str) {
    let build = |dir| async move {
        say(format_args!("building {seed}"));
        work::build(dir, longest_pause_ms).await
    };
    let (config, rules) = (work::config(seed), IdentityRules::default());
    let options = match path {
        "-" => ResolveOptions::default(),
        path => ResolveOptions::default().at(path),
    };
    match root.resolve_config(&config, &rules, &options, build).await {
        Ok(resolution) => {
            let token = work::token_of(&resolution.directory).await.unwrap();
            say(format_args!("returned {} {token} {}", resolution.directory, resolution.outcome.name()));
        }
        Err(error) => say(format_args!("failed {}", error.chain().replace('\n', "; "))),
    }
}
