//! Metas of directories.

use super::{Target, assert_printable, texts};
use fascicle::Meta;

pub(super) const TARGET: Target = Target {
    name: "meta",
    run,
    seeds: || {
        texts(&[
            "config:\n  type: Directory\nstatus: done\nmodified: true\n",
            "config: {type: X, seed: 0}\nstatus: manually written\nextra: 1\nfascicle: 7\n",
            "config:\n  type: Cells\n  seed: 1\nstatus: running\nfascicle:\n  identity: 0606060606060606060606060606060606060606060606060606060606060606\n  key: 0707070707070707070707070707070707070707070707070707070707070707\n  epoch: 3\n  nonce: ab\n  version: 2026-01\n",
            "config:\nstatus: done\n",
        ])
    },
    tokens: &[
        "config:",
        "type:",
        "status:",
        "running",
        "done",
        "stopped",
        "modified:",
        "true",
        "fascicle:",
        "identity:",
        "key:",
        "epoch:",
        "nonce:",
        "version:",
        "null",
        "\n  ",
    ],
    quick_runs: 20_000,
};

fn run(input: &[u8]) {
    match Meta::from_bytes(input) {
        Ok(meta) => {
            let written = meta.to_bytes().unwrap();
            let again = Meta::from_bytes(&written).unwrap();
            assert!(meta.config.same_as(&again.config), "{meta:?} became {again:?}");
            assert_eq!((meta.status, meta.modified), (again.status, again.modified));
            assert_eq!(meta.build, again.build);
        }
        Err(error) => assert_printable(&error.chain()),
    }
}
