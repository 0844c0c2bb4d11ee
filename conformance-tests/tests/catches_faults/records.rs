//! Faults in records.

use crate::{
    Case,
    planted::{Fault, Inner},
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{CreateOutcome, RecordKey, Result};

/// Changes a body on its way in.
struct Stored(fn(Bytes) -> Bytes);

#[async_trait]
impl Fault for Stored {
    async fn create_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        inner.records().create(key, (self.0)(body)).await
    }
}

/// Creating a record replaces it.
struct CreateReplaces(CreateOutcome);

#[async_trait]
impl Fault for CreateReplaces {
    async fn create_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        let outcome = inner.records().create(key, body.clone()).await?;
        if outcome == CreateOutcome::Exists {
            inner.records().overwrite(key, body).await?;
            return Ok(self.0);
        }
        Ok(outcome)
    }
}

/// Every creator is told that it won.
struct EverybodyWins;

#[async_trait]
impl Fault for EverybodyWins {
    async fn create_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        inner.records().create(key, body).await.map(|_| CreateOutcome::Created)
    }
}

/// Overwrites in place, so that the tail of a longer body remains.
struct OverwriteLeavesTheTail;

#[async_trait]
impl Fault for OverwriteLeavesTheTail {
    async fn overwrite_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<()> {
        let old = inner.records().read(key).await?.unwrap_or_default();
        let tail = old.get(body.len()..).unwrap_or_default();
        inner.records().overwrite(key, Bytes::from([&body[..], tail].concat())).await
    }
}

/// Overwrites only what is there.
struct OverwriteNeedsARecord;

#[async_trait]
impl Fault for OverwriteNeedsARecord {
    async fn overwrite_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<()> {
        match inner.records().read(key).await? {
            Some(_) => inner.records().overwrite(key, body).await,
            None => Ok(()),
        }
    }
}

/// A missing record reads as an empty one.
struct MissingReadsAsEmpty;

#[async_trait]
impl Fault for MissingReadsAsEmpty {
    async fn read_record(&self, inner: Inner<'_>, key: &RecordKey) -> Result<Option<Bytes>> {
        Ok(Some(inner.records().read(key).await?.unwrap_or_default()))
    }
}

/// A record is not removed.
struct RemovesNothing;

#[async_trait]
impl Fault for RemovesNothing {
    async fn remove_record(&self, _inner: Inner<'_>, _key: &RecordKey) -> Result<()> {
        Ok(())
    }
}

/// Changes which keys are listed.
struct Listed(fn(Vec<RecordKey>) -> Vec<RecordKey>);

#[async_trait]
impl Fault for Listed {
    async fn list_records(&self, inner: Inner<'_>, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        Ok((self.0)(inner.records().list(prefix).await?))
    }
}

/// Lists by the letters of the prefix.
struct ListsByLetters;

#[async_trait]
impl Fault for ListsByLetters {
    async fn list_records(&self, inner: Inner<'_>, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        let mut keys = inner.records().list(prefix).await?;
        for other in ["v10", "v1.x"].map(RecordKey::parse) {
            let other = other?;
            if other.as_str().starts_with(prefix.as_str()) {
                keys.extend(inner.records().list(&other).await?);
            }
        }
        keys.sort();
        Ok(keys)
    }
}

/// Keys lose what follows the last dot.
struct KeysLoseTheirEnding;

fn without_ending(key: &RecordKey) -> Result<RecordKey> {
    RecordKey::parse(key.as_str().rsplit_once('.').map_or(key.as_str(), |(stem, _)| stem))
}

#[async_trait]
impl Fault for KeysLoseTheirEnding {
    async fn create_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        inner.records().create(&without_ending(key)?, body).await
    }
    async fn read_record(&self, inner: Inner<'_>, key: &RecordKey) -> Result<Option<Bytes>> {
        inner.records().read(&without_ending(key)?).await
    }
}

/// Long keys are cut.
struct KeysAreCut;

#[async_trait]
impl Fault for KeysAreCut {
    async fn create_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        let cut: String = key.as_str().chars().take(200).collect();
        inner.records().create(&RecordKey::parse(&cut)?, body).await
    }
    async fn read_record(&self, inner: Inner<'_>, key: &RecordKey) -> Result<Option<Bytes>> {
        let cut: String = key.as_str().chars().take(200).collect();
        inner.records().read(&RecordKey::parse(&cut)?).await
    }
}

/// Records are files in a directory of their name.
struct RecordsAreFiles;

#[async_trait]
impl Fault for RecordsAreFiles {
    async fn create_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        let path = fascicle_backend::EntryPath::parse(key.as_str())?;
        if inner.stat(&path).await.is_err() && path.parent().is_some_and(|parent| !parent.is_root()) {
            let options = fascicle_backend::FileOptions::default();
            for ancestor in path.ancestors() {
                let _ = inner.create_directory(&ancestor, Bytes::from_static(b"{}\n")).await;
            }
            let mut file = inner.files().create(&path, &options, fascicle_backend::WriteMode::Create).await?;
            file.write(body.clone()).await?;
            file.finish().await?;
        }
        inner.records().create(key, body).await
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let stored =
        |name, change: fn(Bytes) -> Bytes, caught_by| Case::new(name, move || Stored(change), caught_by);
    let listed = |name, change: fn(Vec<RecordKey>) -> Vec<RecordKey>, caught_by| {
        Case::new(name, move || Listed(change), caught_by)
    };
    vec![
        stored(
            "bodies_are_cut_at_1000_bytes",
            |body| body.slice(..body.len().min(1000)),
            &["record::the_size_of_a_body_is_limited"],
        ),
        stored(
            "bodies_lose_carriage_returns",
            |body| Bytes::from(body.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<_>>()),
            &["record::a_body_can_be_anything", "record::the_size_of_a_body_is_limited"],
        ),
        stored(
            "bodies_end_with_a_line_break",
            |body| Bytes::from([&body[..], b"\n"].concat()),
            &[
                "record::a_record_comes_back",
                "record::an_existing_record_is_not_replaced_by_creating",
                "record::a_removed_record_is_gone",
                "record::records_are_apart_from_entries",
                "record::a_body_can_be_anything",
                "record::the_size_of_a_body_is_limited",
                "record::the_longest_key_works",
                "record::keys_are_apart",
                "reopen::records_stay",
            ],
        ),
        Case::new(
            "creating_a_record_replaces_it",
            || CreateReplaces(CreateOutcome::Exists),
            &["record::an_existing_record_is_not_replaced_by_creating", "reopen::records_stay"],
        ),
        Case::new(
            "every_creator_of_a_record_wins",
            || EverybodyWins,
            &[
                "record::an_existing_record_is_not_replaced_by_creating",
                "record::overwriting_replaces",
                "reopen::records_stay",
                "concurrent::one_task_creates_a_record",
                "fault::creating_a_record_is_all_or_nothing",
            ],
        ),
        Case::new(
            "overwriting_a_record_leaves_the_tail",
            || OverwriteLeavesTheTail,
            &["record::overwriting_replaces"],
        ),
        Case::new(
            "overwriting_a_missing_record_does_nothing",
            || OverwriteNeedsARecord,
            &[
                "record::overwriting_replaces",
                "reopen::records_stay",
                "fault::overwriting_a_record_is_all_or_nothing",
            ],
        ),
        Case::new(
            "a_missing_record_reads_as_empty",
            || MissingReadsAsEmpty,
            &[
                "record::a_missing_record_is_none",
                "record::a_removed_record_is_gone",
                "record::the_size_of_a_body_is_limited",
            ],
        ),
        Case::new(
            "records_are_not_removed",
            || RemovesNothing,
            &["record::a_removed_record_is_gone", "record::keys_are_listed_by_prefix"],
        ),
        listed(
            "records_are_listed_backwards",
            |mut keys| {
                keys.reverse();
                keys
            },
            &["record::keys_are_listed_by_prefix", "reopen::records_stay", "limit::many_records_are_listed"],
        ),
        listed(
            "a_long_list_of_records_loses_its_second_page",
            |mut keys| {
                keys.truncate(100);
                keys
            },
            &["limit::many_records_are_listed"],
        ),
        Case::new("records_are_listed_by_letters", || ListsByLetters, &["record::a_prefix_ends_with_a_name"]),
        Case::new(
            "keys_lose_their_ending",
            || KeysLoseTheirEnding,
            &[
                "record::a_missing_record_is_none",
                "record::keys_are_listed_by_prefix",
                "record::keys_are_apart",
                "reopen::records_stay",
            ],
        ),
        Case::new("long_keys_are_cut", || KeysAreCut, &["record::the_longest_key_works"]),
        Case::new(
            "records_show_as_files",
            || RecordsAreFiles,
            &[
                "list::what_is_reserved_is_not_listed",
                "record::records_are_apart_from_entries",
                "record::the_longest_key_works",
            ],
        ),
    ]
}
