//! Repair and gc of whole roots: whatever a process that was killed left in a place is mended, and nothing else is touched.

use super::{prelude::*, rooted::*};
use fascicle_backend::wrap::{Observer, Operation, observed};
use fascicle_core::{
    digest::digest,
    maintain::{GcOptions, RepairOptions, Report, VerifyOptions},
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

behaviours! { "tending"
    /// Whatever a process that is killed at any call of a build leaves is mended and collected: a second look finds nothing,
    /// what was committed stays, and the config can be built.
    a_build_that_was_killed_is_mended [Write, Maintenance];
    /// Looking at what should be done changes nothing.
    a_dry_run_changes_nothing [Write, Maintenance];
    /// Verification finds nothing in a place that is sound, and reads all of it.
    a_sound_place_is_verified [Write, Maintenance];
    /// A directory that is complete, and whose meta does not say so yet, is rolled forward.
    a_committed_directory_is_rolled_forward [Write, Durable, Maintenance];
    /// An index that was lost is rebuilt from the data.
    a_lost_index_is_rebuilt [Write, Maintenance];
    /// Copies have the digest of their original, in another place as well.
    copies_have_equal_digests [Write];
}

/// From some call on nothing reaches the storage any more, as if the process had been killed.
#[derive(Default)]
struct Death {
    calls: AtomicU64,
    at: u64,
}

impl Observer for Death {
    fn before(&self, _operation: Operation, _path: &str) -> Result<()> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if self.at > 0 && call >= self.at {
            return Err(Error::new(ErrorKind::PermissionDenied, "the process was killed"));
        }
        Ok(())
    }
}

/// How long a builder may be silent here.
fn hasty() -> RootOptions {
    RootOptions { beat: Duration::from_secs(60), lease: Duration::from_millis(40), ..quick() }
}

async fn look(root: &Root) -> Result<[Report; 2]> {
    let gc = GcOptions::default().older_than(Duration::ZERO);
    Ok([root.repair(&RepairOptions::default()).await?, root.gc(&gc).await?])
}

async fn tend(root: &Root) -> Checked {
    root.repair(&RepairOptions::default().apply(true)).await?;
    root.gc(&GcOptions::default().older_than(Duration::ZERO).apply(true)).await?;
    for report in look(root).await? {
        ensure!(report.findings.is_empty(), "a second look finds {:?}", report.findings);
    }
    Ok(())
}

async fn a_build_that_was_killed_is_mended(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    let root = Root::with_options(backend.clone(), hasty());
    let kept = Builds::default().resolve(&root, &cells(-1)).await?.directory;
    let content = kept.digest().await?;
    // Every call of a build, and a few more.
    // Where every call is a request, some of them are enough: each round watches a silent builder for a while.
    let step = if backend.capabilities().has(Capability::Rename) { 1 } else { 6 };
    for at in (1..=24).step_by(step) {
        let death = Arc::new(Death { at, ..Death::default() });
        let killed = Root::with_options(Arc::new(observed(backend.clone(), death)), hasty());
        // Whether it was killed before or after the last call does not matter.
        let _ = Builds::default().resolve(&killed, &cells(at as i64)).await;
        tend(&root).await?;
        let report = root.verify(&VerifyOptions::default()).await?;
        ensure!(report.is_sound(), "killed before call {at}: {:?}", report.findings);
        is_complete(&Builds::default().resolve(&root, &cells(at as i64)).await?.directory).await?;
    }
    ensure_eq!(kept.digest().await?, content, "the digest of a directory that was done");
    Ok(())
}

async fn a_dry_run_changes_nothing(subject: Subject) -> Checked {
    let (backend, place) = (subject.open_bare().await?, subject.open().await?);
    let root = Root::with_options(backend.clone(), hasty());
    Builds::default().resolve(&root, &cells(0)).await?;
    let death = Arc::new(Death { at: 9, ..Death::default() });
    let killed = Root::with_options(Arc::new(observed(backend, death)), hasty());
    let _ = Builds::default().resolve(&killed, &cells(1)).await;
    let before = place.everything().await?;
    let [repair, _] = look(&root).await?;
    ensure!(repair.count("planned") > 0, "nothing is told of a build that was killed");
    root.verify(&VerifyOptions::default()).await?;
    ensure_eq!(place.everything().await?, before, "what is stored");
    Ok(())
}

async fn a_sound_place_is_verified(subject: Subject) -> Checked {
    let root = subject.root().await?;
    for seed in 0..3 {
        Builds::default().resolve(&root, &cells(seed)).await?;
    }
    let report = root.verify(&VerifyOptions::default()).await?;
    ensure!(report.findings.is_empty(), "{:?}", report.findings);
    // The root, three directories with one more in each, and two files in each.
    ensure_eq!(report.entries, 13, "how many entries were read");
    ensure_eq!(report.digest, Some(root.as_dir().digest().await?), "the digest");
    for report in look(&root).await? {
        ensure!(report.findings.is_empty(), "{:?}", report.findings);
    }
    Ok(())
}

async fn a_committed_directory_is_rolled_forward(subject: Subject) -> Checked {
    let (root, place) = (subject.root().await?, subject.open().await?);
    let directory = Builds::default().resolve(&root, &cells(0)).await?.directory;
    let meta = place.meta(directory.path().as_str()).await?;
    let text = String::from_utf8_lossy(&meta).replace("status: done", "status: running");
    place.write_meta(directory.path(), text.into(), MetaWriteMode::Overwrite).await?;
    let [planned, _] = look(&root).await?;
    ensure_eq!(planned.count("planned"), 1, "how much is to be done");
    tend(&root).await?;
    ensure_eq!(directory.status().await?, Some(Status::Done), "the status");
    Ok(())
}

async fn a_lost_index_is_rebuilt(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    let root = Root::with_options(backend.clone(), RootOptions { adopt_foreign: Some(false), ..quick() });
    for seed in 0..3 {
        Builds::default().resolve(&root, &cells(seed)).await?;
    }
    let prefix = fascicle_backend::RecordKey::parse("v1")?;
    for key in backend.records().list(&prefix).await? {
        backend.records().remove(&key).await?;
    }
    tend(&root).await?;
    for seed in 0..3 {
        let found = root.find_config(&cells(seed), &IdentityRules::default()).await?;
        ensure!(found.is_some(), "the directory of seed {seed} is not found");
    }
    Ok(())
}

async fn copies_have_equal_digests(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let source = root.dir("source")?;
    source.put_file("f", "content").await?;
    source.dir("deep")?.put_file("g", "more").await?;
    if root.backend().capabilities().has(Capability::Arrays) {
        source.put("x", [0.5, f64::NAN, -0.0]).await?;
    }
    if root.backend().capabilities().has(Capability::Tables) {
        source.put_table("t", &samples::people(0, 5)?).await?;
    }
    let other = subject.root().await?;
    let copy = other.as_dir().copy_from(&source, "copy", WriteMode::Create).await?;
    ensure_eq!(copy.digest().await?, source.digest().await?, "the digest of the copy");
    let place = fascicle_core::compare::Place::new(&**root.backend(), source.path());
    ensure_eq!(digest(place).await?, source.digest().await?, "the digest, asked for in another way");
    copy.put_file("f", "other").await?;
    ensure!(copy.digest().await? != source.digest().await?, "a changed copy has the same digest");
    Ok(())
}
