//! Directories of another program, and who may take them over.

use super::options;
use bytes::Bytes;
use fascicle_core::wrap::{Observer, Operation, observed};
use fascicle_core::{
    Backend, Config, CreateOutcome, EntryPath, ErrorKind, IdentityRules, Outcome, RecordKey, Result, Root,
    RootOptions,
};
use fascicle_memory::MemoryBackend;
use futures::FutureExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A claim by a process on another machine.
const RIVAL: &str = r#"{"nonce":"00112233445566778899aabbccddeeff","beat_ms":10000,"lease_ms":60000,
"process":{"host":"elsewhere","boot":"b","namespace":"n","pid":1,"started":1}}"#;

/// Lets somebody else claim an epoch in the moment before this process would.
struct ClaimedBefore {
    backend: MemoryBackend,
    is_done: AtomicBool,
}

impl Observer for ClaimedBefore {
    fn before(&self, operation: Operation, path: &str) -> Result<()> {
        if operation == Operation::CreateRecord
            && path.ends_with(".claim")
            && !self.is_done.swap(true, Ordering::SeqCst)
        {
            let (key, body) = (RecordKey::parse(path)?, Bytes::from_static(RIVAL.as_bytes()));
            let created = self.backend.records().create(&key, body);
            // Memory answers at once.
            assert_eq!(created.now_or_never().unwrap()?, CreateOutcome::Created);
        }
        Ok(())
    }
}

/// A finished directory as the Python package datamate leaves it.
async fn finished_elsewhere(backend: &MemoryBackend) {
    let meta = Bytes::from_static(b"config:\n  type: Cells\n  seed: 1\nstatus: done\n");
    backend.create_directory(&EntryPath::parse("Cells_0000").unwrap(), meta).await.unwrap();
}

fn config() -> Config {
    Config::new("Cells").with("seed", 1)
}

#[tokio::test]
async fn who_finds_one_while_somebody_else_holds_the_claim_waits_for_that_one() {
    let backend = MemoryBackend::new();
    finished_elsewhere(&backend).await;
    let rival = ClaimedBefore { backend: backend.clone(), is_done: AtomicBool::new(false) };
    let root =
        RootOptions { poll: (Duration::from_millis(1), Duration::from_millis(5)), ..RootOptions::default() };
    let root = Root::with_options(Arc::new(observed(Arc::new(backend.clone()), Arc::new(rival))), root);
    let build = |_| async { panic!("it is built elsewhere") };
    let short = options().timeout(Duration::from_millis(100));
    let error = root.resolve_config(&config(), &IdentityRules::default(), &short, build).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");

    // The other process is gone for good: somebody who comes later ends its epoch, and takes the directory over.
    let records = backend.records();
    let claim = records.list(&RecordKey::parse("v1").unwrap()).await.unwrap().remove(0);
    let silent = RIVAL.replace("60000", "1");
    records.overwrite(&claim, Bytes::from(silent)).await.unwrap();
    let found = root.resolve_config(&config(), &IdentityRules::default(), &options(), build).await.unwrap();
    assert_eq!((found.outcome, found.directory.name()), (Outcome::Adopted, "Cells_0000"));
}
