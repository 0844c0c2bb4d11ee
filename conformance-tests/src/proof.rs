//! How much is proven at random: a longer run draws more cases.

use std::sync::OnceLock;

/// The environment variable that says how many times as many cases are drawn as usual.
const VARIABLE: &str = "FASCICLE_PROOF";

/// How many times as many random cases are drawn; once, unless the environment says otherwise.
pub(crate) fn factor() -> u32 {
    static FACTOR: OnceLock<u32> = OnceLock::new();
    *FACTOR.get_or_init(|| {
        let said = std::env::var(VARIABLE).ok();
        said.and_then(|text| text.trim().parse().ok()).filter(|factor| *factor > 0).unwrap_or(1)
    })
}
