//! What a careless implementation of find-or-build would do, done to it by its storage: each of these makes the semantics act as
//! if one of its precautions were missing, and a behaviour of the semantics must show it.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    CreateOutcome, EntryPath, ErrorKind, MetaWriteMode, RecordKey, RecordStore, Result, Version,
};
use libtest_mimic::Failed;
use serde_json::Value;
use std::{collections::HashSet, sync::Mutex, time::Duration};

/// Answers that the end of a build exists when it was created just now, as where an answer was lost and the request was sent
/// again: once for each config.
#[derive(Default)]
struct LosesTheAnswerOfTheEnd {
    answered: Mutex<HashSet<String>>,
    unread: Mutex<HashSet<RecordKey>>,
    /// Whether reading back tells another creator, as it would seem to whoever does not compare.
    reading_back_does_not_help: bool,
}

impl LosesTheAnswerOfTheEnd {
    fn without_reading_back() -> Self {
        LosesTheAnswerOfTheEnd { reading_back_does_not_help: true, ..Self::default() }
    }
}

fn json(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[async_trait]
impl Fault for LosesTheAnswerOfTheEnd {
    async fn create_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        let outcome = inner.records().create(key, body.clone()).await?;
        let config = key.as_str().split('.').next().unwrap().to_owned();
        let is_commit = key.as_str().ends_with(".end") && json(&body)["end"] == "done";
        if !is_commit || outcome == CreateOutcome::Exists || !self.answered.lock().unwrap().insert(config) {
            return Ok(outcome);
        }
        self.unread.lock().unwrap().insert(key.clone());
        Ok(CreateOutcome::Exists)
    }

    async fn read_record(&self, inner: Inner<'_>, key: &RecordKey) -> Result<Option<Bytes>> {
        let body = inner.records().read(key).await?;
        let is_read_back = self.unread.lock().unwrap().remove(key);
        match body {
            Some(body) if is_read_back && self.reading_back_does_not_help => {
                let mut another = json(&body);
                another["nonce"] = "0".repeat(32).into();
                Ok(Some(another.to_string().into()))
            }
            body => Ok(body),
        }
    }
}

/// Lets a builder commit over the seal of whoever took it for dead.
struct SealsDoNotHold;

#[async_trait]
impl Fault for SealsDoNotHold {
    async fn create_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        let records: &dyn RecordStore = inner.records();
        let is_sealed = records.read(key).await?.is_some_and(|old| json(&old)["end"] == "abandoned");
        if is_sealed && json(&body)["end"] == "done" {
            return records.overwrite(key, body).await.map(|()| CreateOutcome::Created);
        }
        records.create(key, body).await
    }
}

/// Gives every attempt to build something of one type the same directory.
struct AttemptsShareADirectory;

#[async_trait]
impl Fault for AttemptsShareADirectory {
    fn place(&self, path: &EntryPath) -> EntryPath {
        match path.as_str().strip_prefix("Cells_000") {
            Some(rest) => EntryPath::parse(&format!("Cells_0000{}", rest.get(1..).unwrap())).unwrap(),
            None => path.clone(),
        }
    }

    async fn create_directory(&self, inner: Inner<'_>, path: &EntryPath, meta: Bytes) -> Result<Version> {
        match inner.create_directory(path, meta.clone()).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                inner.write_meta(path, meta, MetaWriteMode::Overwrite).await
            }
            created => created,
        }
    }
}

/// Writes a meta whatever the version it was read with, and where there is none any more.
struct MetasAreOverwritten;

#[async_trait]
impl Fault for MetasAreOverwritten {
    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        _mode: MetaWriteMode,
    ) -> Result<Version> {
        match inner.write_meta(path, meta.clone(), MetaWriteMode::Overwrite).await {
            Err(error) if error.is_not_found() => inner.create_directory(path, meta).await,
            written => written,
        }
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let impatient = |mut case: Case| {
        // What waits for something that never comes is broken, too.
        case.suite = case.suite.deadline(Duration::from_secs(4));
        case.among_others()
    };
    vec![
        impatient(Case::new(
            "protocol: nothing is read back",
            LosesTheAnswerOfTheEnd::without_reading_back,
            &[
                "race::of_many_tasks_on_one_root_one_builds",
                "race::of_many_tasks_on_many_roots_one_builds",
                "recovery::lost_answers_never_build_twice",
            ],
        )),
        impatient(Case::new(
            "protocol: nothing is sealed",
            || SealsDoNotHold,
            &[
                "race::a_silent_builder_is_replaced_and_cannot_commit",
                "takeover::a_seal_before_the_commit_wins",
            ],
        )),
        impatient(Case::new(
            "protocol: attempts share a directory",
            || AttemptsShareADirectory,
            &["takeover::a_replaced_builder_writes_into_its_own_directory"],
        )),
        impatient(Case::new(
            "protocol: repair overwrites",
            || MetasAreOverwritten,
            &["takeover::completing_does_not_bring_back_what_is_removed"],
        )),
    ]
}

/// With answers lost, and read back, everything holds: so it is the reading back that the fault takes away.
pub(crate) fn lost_answers_are_read_back() -> Result<(), Failed> {
    let case = Case::new("lost answers", LosesTheAnswerOfTheEnd::default, &[]);
    let report =
        case.suite.report_where(|behaviour| ["race", "takeover", "build"].contains(&behaviour.area()));
    if report.is_conformant() { Ok(()) } else { Err(Failed::from(report)) }
}
