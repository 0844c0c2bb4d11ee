//! Rules of identity that change: configs that were one under the old rules and are two under the new ones each have a directory.

use super::options;
use fascicle_core::{BuildResult, Config, Directory, IdentityRules, Outcome, Resolution, Root};
use fascicle_memory::MemoryBackend;

fn rules() -> IdentityRules {
    IdentityRules::default()
}

fn cells() -> Config {
    Config::new("Cells").with("seed", 0)
}

async fn resolve(root: &Root, config: &Config, rules: &IdentityRules) -> Resolution {
    let build = |dir: Directory| async move { BuildResult::Ok(dir.put("x", [1i64]).await?) };
    root.resolve_config(config, rules, &options(), build).await.unwrap()
}

/// Builds by one config and rules and then by others, and expects that each finds its own from then on, in whatever order and process.
async fn are_told_apart(old: (Config, IdentityRules), new: (Config, IdentityRules)) {
    let backend = MemoryBackend::new();
    let fresh = || Root::new(backend.clone());
    let (first, second) = (resolve(&fresh(), &old.0, &old.1).await, resolve(&fresh(), &new.0, &new.1).await);
    assert_eq!([first.outcome, second.outcome], [Outcome::Built; 2]);
    assert!(second.reason.contains("'Cells_0000' holds another config"), "{}", second.reason);
    for _ in 0..2 {
        for ((config, rules), name) in [(&old, "Cells_0000"), (&new, "Cells_0001")] {
            let found = resolve(&fresh(), config, rules).await;
            assert_eq!((found.outcome, found.directory.name()), (Outcome::Found, name), "{}", found.reason);
            let found = fresh().find_config(config, rules).await.unwrap();
            assert_eq!(found.unwrap().name(), name);
        }
    }
    let root = fresh();
    let both = tokio::join!(resolve(&root, &old.0, &old.1), resolve(&root, &new.0, &new.1));
    assert_eq!([both.0.directory.name(), both.1.directory.name()], ["Cells_0000", "Cells_0001"]);
}

#[tokio::test]
async fn a_default_that_changes_tells_old_from_new() {
    let with_noise = |noise: f64| (cells().with("noise", noise), rules().with_default("noise", noise));
    are_told_apart(with_noise(0.0), with_noise(1.0)).await;
}

#[tokio::test]
async fn a_field_that_is_no_longer_excluded_tells_results_apart() {
    let old = (cells().with("threads", 8), rules().with_excluded("threads"));
    are_told_apart(old, (cells(), rules())).await;
}

#[tokio::test]
async fn old_code_builds_its_own_where_new_code_has_a_field_more() {
    let new = (cells(), rules().with_default("noise", 0.0));
    are_told_apart(new, (cells(), rules())).await;
}
