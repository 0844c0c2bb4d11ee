//! Places as users write them. A secret in an address is refused, and never repeated.

use super::{Target, assert_printable, texts};
use fascicle::Place;

/// Stands where a secret would.
const CANARY: &str = "hunter2canary";

pub(super) const TARGET: Target = Target {
    name: "place",
    run,
    seeds: || {
        texts(&[
            "./data",
            "s3://bucket/prefix",
            "gs://bucket/a/b",
            "az://container/x",
            "abfss://container@account.dfs.core.windows.net/x",
            "memory:name",
            "@cloud/Cells_0000/x",
            "@",
            "file:///etc/passwd",
            "http://169.254.169.254/latest/meta-data",
            "user:CANARY@bucket",
            "bucket/x?sig=CANARY",
            "bucket#CANARY",
        ])
    },
    tokens: &[
        "s3://", "gs://", "az://", "abfs://", "://", "@", ":", "?", "#", "%2e%2e", "%00", "..", "CANARY",
        "memory:", "[::1]",
    ],
    quick_runs: 20_000,
};

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    look(&text);
    // Where credentials stand in addresses.
    let (user, rest) = text.split_once('@').unwrap_or(("user", &text));
    let is_plain = |part: &str| !part.contains(['/', '?', '#', '\\', '@', ':']);
    if is_plain(user) && is_plain(rest) && !text.contains(CANARY) {
        for scheme in ["s3", "gs", "az", "abfss", "https"] {
            keeps_secret(&format!("{scheme}://{user}:{CANARY}@{rest}"));
            keeps_secret(&format!("{scheme}://{rest}/x?{user}={CANARY}"));
        }
    }
}

fn look(text: &str) {
    match Place::parse(text) {
        Ok(place) => {
            let shown = place.to_string();
            let _ = place.default_backend();
            // A folder may have any name that the file system allows; what is printed of an address is plain.
            if matches!(place, Place::Address(_)) {
                assert_printable(&shown);
            }
        }
        Err(error) => assert_printable(&error.chain()),
    }
}

fn keeps_secret(address: &str) {
    let told = match Place::parse(address) {
        Ok(place) => format!("{place} {place:?}"),
        Err(error) => format!("{error} {error:?} {}", error.chain()),
    };
    assert!(!told.contains(CANARY), "{address:?} is told as {told:?}");
}
