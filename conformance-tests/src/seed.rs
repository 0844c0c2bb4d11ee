//! The one seed of a run, from which all randomness comes.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::OnceLock,
};

/// The environment variable that sets the seed.
pub(crate) const VARIABLE: &str = "FASCICLE_SEED";

/// The seed of this run: what the environment says, else a fresh one.
pub(crate) fn of_this_run() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| {
        std::env::var(VARIABLE)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            // Six digits are enough to find something new every day and short enough to be typed.
            .unwrap_or_else(|| RandomState::new().build_hasher().finish() % 1_000_000)
    })
}

/// The random numbers of one behaviour: the same for the same seed, whatever else runs.
pub(crate) fn random_numbers(seed: u64, behaviour: &str) -> fastrand::Rng {
    // FNV-1a, whose result never changes, so that a seed means the same in every build.
    let mixed = behaviour.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    fastrand::Rng::with_seed(mixed)
}

/// The command that makes the same check again, where `prefix` is what the names of the suite's tests begin with.
pub(crate) fn command(seed: u64, prefix: &str, behaviour: &str) -> String {
    let package = std::env::var("CARGO_PKG_NAME").map(|name| format!(" -p {name}")).unwrap_or_default();
    format!("{VARIABLE}={seed} cargo test{package} --test conformance -- --exact {prefix}{behaviour}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let first = |seed, name| random_numbers(seed, name).u64(..);
        assert_eq!(first(7, "a::b"), first(7, "a::b"));
        assert_ne!(first(7, "a::b"), first(8, "a::b"));
        assert_ne!(first(7, "a::b"), first(7, "a::c"));
    }
}
