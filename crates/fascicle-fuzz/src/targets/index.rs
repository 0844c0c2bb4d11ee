//! Records of the index, as anybody with access to the storage could write them.

use super::workbench::{hasty, run as block_on};
use super::{Target, assert_printable, texts};
use fascicle::backend::{CreateOutcome, RecordKey};
use fascicle::config::identity;
use fascicle::maintain::{GcOptions, RepairOptions, VerifyOptions};
use fascicle::{Config, ErrorKind, IdentityRules, MemoryBackend, ResolveOptions, Root};
use std::sync::Arc;
use std::time::Duration;

pub(super) const TARGET: Target = Target {
    name: "index",
    run,
    seeds: || {
        texts(&[
            "c{\"nonce\":\"00112233445566778899aabbccddeeff\",\"process\":{\"host\":\"h\",\"boot\":\"b\",\"namespace\":\"n\",\"pid\":1,\"started\":5},\"beat_ms\":10,\"lease_ms\":1}",
            "b{\"nonce\":\"00112233445566778899aabbccddeeff\",\"counter\":3,\"directory\":\"Fuzzed_0000\"}",
            "e{\"end\":\"done\",\"nonce\":\"00112233445566778899aabbccddeeff\",\"directory\":\"Fuzzed_0000\"}",
            "e{\"end\":\"done\",\"nonce\":\"00112233445566778899aabbccddeeff\",\"directory\":\"../../etc\"}",
            "e{\"end\":\"stopped\",\"nonce\":\"0\",\"error\":\"why\"}",
            "e{\"end\":\"abandoned\",\"nonce\":\"0\"}",
            "r{\"nonce\":\"0\",\"reason\":\"modified\"}",
        ])
    },
    tokens: &[
        "\"nonce\":",
        "\"end\":",
        "done",
        "stopped",
        "abandoned",
        "\"directory\":",
        "Fuzzed_0000",
        "other",
        "../..",
        "_index",
        "\"lease_ms\":",
        "\"counter\":",
        "null",
        "{",
        "}",
        "\\u0000",
        "1e999",
    ],
    quick_runs: 1_500,
};

fn run(input: &[u8]) {
    let (kind, body) = input.split_first().map_or((b'e', input), |(kind, body)| (*kind, body));
    let what = match kind {
        b'c' => "claim",
        b'b' => "beat",
        b'r' => "retired",
        _ => "end",
    };
    block_on(async {
        let root = Root::with_options(Arc::new(MemoryBackend::new()), hasty());
        let (config, rules) = (Config::new("Fuzzed").with("seed", 1), IdentityRules::default());
        let hash = identity(&config, &rules).unwrap().to_string();
        let key = RecordKey::parse(&format!("v1/{}/{hash}.0.{what}", &hash[..2])).unwrap();
        match root.backend().records().create(&key, body.to_vec().into()).await {
            Ok(outcome) => assert_eq!(outcome, CreateOutcome::Created),
            Err(error) => return assert_eq!(error.kind(), ErrorKind::LimitExceeded),
        }
        // Somebody else's, which no record may make ours.
        root.dir("other").unwrap().put("x", [1i64]).await.unwrap();
        let _ = root.find_config(&config, &rules).await.map_err(|error| assert_printable(&error.chain()));
        let options = ResolveOptions::default().timeout(Duration::from_millis(60));
        let resolved = root
            .resolve_config(&config, &rules, &options, |dir| async move { Ok(dir.put("y", [2i64]).await?) })
            .await;
        match resolved {
            Ok(resolution) => {
                let y: Vec<i64> = resolution.directory.array("y").await.unwrap().read().await.unwrap();
                assert_eq!(y, [2]);
                assert!(resolution.directory.name().starts_with("Fuzzed_"), "{}", resolution.directory);
            }
            Err(error) => {
                assert_printable(&error.chain());
                assert!(
                    matches!(
                        error.kind(),
                        ErrorKind::Corrupt
                            | ErrorKind::TimedOut
                            | ErrorKind::BuildFailed
                            | ErrorKind::InvalidPath
                    ),
                    "{}",
                    error.chain()
                );
            }
        }
        // No record keeps the rest from being looked after.
        root.repair(&RepairOptions::default()).await.unwrap();
        root.gc(&GcOptions::default().older_than(Duration::ZERO).apply(true)).await.unwrap();
        root.verify(&VerifyOptions::default()).await.unwrap();
        let x: Vec<i64> = root.dir("other").unwrap().array("x").await.unwrap().read().await.unwrap();
        assert_eq!(x, [1]);
    });
}
