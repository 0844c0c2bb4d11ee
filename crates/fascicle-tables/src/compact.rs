//! Merging the small parts of a table.
//!
//! 1. The rows of neighbouring small parts are written to a file aside, whose name no program takes for a part of the table.
//! 2. A manifest that names it, written once under the next number, makes it count for this library. Of several that compact at once
//!    one succeeds, and the others begin again. Appends go on meanwhile: the manifest covers the parts before a number, and later ones
//!    follow it.
//! 3. When the grace is over, the file is published under a name that other programs read, the parts that it replaces are removed,
//!    and another manifest names it. Between the first two of these, other programs see its rows twice; a program that listed the
//!    folder before does not find what it listed.
//!
//! Whatever this is broken off at, readers of this library see every row once, and the next compaction goes on.

use crate::{
    PartWriter, RowsBefore, TableHead, TableSnapshot,
    file_name::{
        FileName, aside_name, first_of_generation, generation_of, generation_of_name, is_key_name,
        manifest_name, merged_name,
    },
    manifest::Manifest,
    part_list::PartList,
    parts::{CommitOutcome, PartFolder},
};
use fascicle_backend::{CompactOptions, Compaction, Error, ErrorKind, Result, TableOptions};
use std::{
    collections::BTreeSet,
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The nonces of how many of the parts that were merged a merged part notes.
const MOST_NONCES: usize = 4096;
/// How often it begins again when others compact at the same time.
const ATTEMPTS: u32 = 10;

/// Merges the small parts of the table in `folder`; `stage` gives a new staged file, whose name is free. Calls block.
///
/// - Cost: reads and writes the rows that are merged.
/// - Memory: a batch and an encoded row group.
/// - Errors: `NotFound`; `Unsupported` for a data set of another program; `Corrupt`; `Busy` when others kept compacting.
pub fn compact<F: PartFolder>(
    folder: &Arc<F>,
    options: &CompactOptions,
    stage: impl Fn() -> Result<F::Staged>,
) -> Result<Compaction> {
    let mut report = Compaction::default();
    for _ in 0..ATTEMPTS {
        let snapshot = TableSnapshot::open(Arc::clone(folder))?;
        let parts = snapshot.parts().clone();
        if parts.next().is_none() {
            return Err(TableHead::written_elsewhere());
        }
        report.parts_before = report.parts_before.max(parts.count());
        let plan = plan(&snapshot, options)?;
        let stage_of = Stage::of(&parts, options.grace);
        if options.dry_run {
            report.merged_parts = plan.iter().map(|run| run.end - run.start).sum();
            report.parts_after = parts.count() - report.merged_parts + plan.len() as u64;
            report.waiting_files = stage_of.waiting;
            return Ok(report);
        }
        let outcome = if !plan.is_empty() {
            merge(folder, &snapshot, &plan, &stage, &mut report)
        } else if stage_of.is_due() {
            publish(folder, &snapshot, &stage_of, &stage, &mut report)
        } else {
            report.parts_after = parts.count();
            report.waiting_files = stage_of.waiting;
            return Ok(report);
        };
        match outcome {
            // Others went on, and it begins again with what they made of the table.
            Err(error) if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {
                return Err(error);
            }
            _ => {}
        }
    }
    Err(Error::new(ErrorKind::Busy, "others kept compacting the table").hint("try again later"))
}

/// The runs of neighbouring parts that are worth merging, by their positions.
fn plan<F: PartFolder>(snapshot: &TableSnapshot<F>, options: &CompactOptions) -> Result<Vec<Range<u64>>> {
    let mut runs = Vec::new();
    let (mut begin, mut bytes) = (0u64, 0u64);
    for (position, part) in (0u64..).zip(snapshot.parts().iter()) {
        let size = snapshot.size_of(part)?;
        let is_large = size >= options.target_bytes / 2;
        if is_large || size.saturating_add(bytes) > options.target_bytes {
            runs.push(begin..position);
            (begin, bytes) = (if is_large { position + 1 } else { position }, 0);
        }
        if !is_large {
            bytes = bytes.saturating_add(size);
        }
    }
    runs.push(begin..snapshot.parts().count());
    runs.retain(|run| run.end.saturating_sub(run.start) > 1);
    Ok(runs)
}

/// How far the files of a table are that were merged before.
struct Stage {
    /// Whether a file of the manifest can be given its name for other programs.
    has_due_files: bool,
    /// What nobody needs any more once these are published.
    over: Vec<String>,
    /// The ranges of parts whose merged files wait, and how many files other programs read until then.
    pending: Vec<(u64, u64)>,
    waiting: u64,
}

impl Stage {
    fn of(parts: &PartList, grace: Duration) -> Stage {
        let mut stage = Stage { has_due_files: false, over: Vec::new(), pending: Vec::new(), waiting: 0 };
        let Some(manifest) = parts.manifest() else { return stage };
        for file in &manifest.files {
            if let Some(FileName::Aside { first, last, written, .. }) = FileName::parse(file) {
                match is_over(written, grace) {
                    true => stage.has_due_files = true,
                    false => stage.pending.push((first, last)),
                }
            }
        }
        let generation = generation_of(manifest.number);
        for listed in parts.remains() {
            let Some(name) = FileName::parse(&listed.name) else { continue };
            let is_over = match name {
                name if name.generation() != generation => name.generation() < generation,
                FileName::Manifest(number) => number < manifest.number,
                // Meant for a later manifest it may still be committed.
                FileName::Aside { manifest: number, .. } => number <= manifest.number,
                FileName::Part(last) | FileName::Merged { last, .. } => {
                    let is_pending = stage.pending.iter().any(|(begin, end)| (*begin..=*end).contains(&last));
                    stage.waiting += u64::from(is_pending);
                    last < manifest.next && !is_pending
                }
            };
            if is_over {
                stage.over.push(listed.name.clone());
            }
        }
        stage
    }

    fn is_due(&self) -> bool {
        self.has_due_files || !self.over.is_empty()
    }
}

fn is_over(written: u64, grace: Duration) -> bool {
    now().saturating_sub(written) >= grace.as_secs()
}

/// Writes merged files aside and commits a manifest that names them.
fn merge<F: PartFolder>(
    folder: &Arc<F>,
    snapshot: &TableSnapshot<F>,
    plan: &[Range<u64>],
    stage: &impl Fn() -> Result<F::Staged>,
    report: &mut Compaction,
) -> Result<CommitOutcome> {
    let parts = snapshot.parts();
    let number = next_manifest(parts)?;
    let mut files: Vec<String> = Vec::new();
    let mut written = Vec::new();
    let mut position = 0;
    let outcome = (|| {
        for run in plan {
            files.extend(names(parts, position..run.start));
            let name = write_merged(folder, snapshot, run.clone(), number, stage)?;
            written.push(name.clone());
            files.push(name);
            position = run.end;
        }
        files.extend(names(parts, position..parts.count()));
        let next = parts.next().unwrap_or(0);
        commit(snapshot, folder.as_ref(), &Manifest { number, next, files }, stage()?)
    })();
    match &outcome {
        Ok(CommitOutcome::Committed { .. }) => {
            report.merged_parts += plan.iter().map(|run| run.end - run.start).sum::<u64>();
        }
        // What stays behind is removed by a later compaction. What is unknown may have been committed.
        Ok(CommitOutcome::Taken) => folder.remove(&written)?,
        Err(_) => {}
    }
    outcome
}

fn names(parts: &PartList, positions: Range<u64>) -> impl Iterator<Item = String> {
    positions.filter_map(|position| parts.part(position).map(|part| part.name.clone()))
}

fn next_manifest(parts: &PartList) -> Result<u64> {
    match parts.manifest() {
        Some(manifest) => Ok(manifest.number.saturating_add(1)),
        None => first_of_generation(generation_of(parts.next().unwrap_or(0))),
    }
}

/// Writes the rows of neighbouring parts to one file aside, and returns its name.
fn write_merged<F: PartFolder>(
    folder: &Arc<F>,
    snapshot: &TableSnapshot<F>,
    run: Range<u64>,
    manifest: u64,
    stage: &impl Fn() -> Result<F::Staged>,
) -> Result<String> {
    let parts = snapshot.parts();
    let range = |position: u64| parts.part(position).and_then(|part| FileName::parse(&part.name)?.parts());
    let (Some((first, _)), Some((_, last))) = (range(run.start), range(run.end.saturating_sub(1))) else {
        return Err(Error::new(ErrorKind::Internal, "parts without numbers cannot be merged"));
    };
    let rows_before = snapshot.rows_before_part(run.start)?;
    let codec = snapshot.codec_of(run.start)?;
    let options = TableOptions { codec, ..TableOptions::default() };
    let mut writer = PartWriter::new(stage()?, snapshot.schema(), &options)?;
    let mut nonces: Vec<String> = Vec::new();
    for position in run.clone() {
        nonces.extend(snapshot.nonces_of(position)?);
    }
    nonces.drain(..nonces.len().saturating_sub(MOST_NONCES));
    for batch in snapshot.scan_parts(run)? {
        writer.write(&batch?)?;
    }
    writer.note_merged(&nonces);
    let nonce = writer.nonce().to_owned();
    let place = RowsBefore { part: first, rows: rows_before };
    let mut staged = writer.finish(Some(place), snapshot.identity(), None)?;
    let name = aside_name(manifest, (first, last), now(), &nonce);
    match folder.commit(&mut staged, &name)? {
        CommitOutcome::Committed { .. } => Ok(name),
        CommitOutcome::Taken => {
            Err(Error::new(ErrorKind::Internal, format!("the new name '{name}' is taken")))
        }
    }
}

fn commit<F: PartFolder>(
    snapshot: &TableSnapshot<F>,
    folder: &F,
    manifest: &Manifest,
    staged: F::Staged,
) -> Result<CommitOutcome> {
    let mut staged = manifest.write(staged, snapshot.schema(), snapshot.identity())?;
    folder.commit(&mut staged, &manifest_name(manifest.number))
}

/// Gives merged files their names for other programs, removes what they replace, and commits a manifest with these names.
fn publish<F: PartFolder>(
    folder: &Arc<F>,
    snapshot: &TableSnapshot<F>,
    state: &Stage,
    stage: &impl Fn() -> Result<F::Staged>,
    report: &mut Compaction,
) -> Result<CommitOutcome> {
    let Some(manifest) = snapshot.parts().manifest() else {
        return Err(Error::new(ErrorKind::Internal, "a table without a manifest has nothing to publish"));
    };
    let mut files = Vec::with_capacity(manifest.files.len());
    for file in &manifest.files {
        match FileName::parse(file) {
            Some(FileName::Aside { first, last, .. }) if !state.pending.contains(&(first, last)) => {
                let name = merged_name(first, last);
                folder.publish(file, &name)?;
                files.push(name);
            }
            _ => files.push(file.clone()),
        }
    }
    let kept: BTreeSet<&String> = files.iter().collect();
    let mut over: Vec<String> = state.over.iter().filter(|name| !kept.contains(name)).cloned().collect();
    // Other programs see rows twice until these are gone, so that they go first.
    over.sort_by_key(|name| !name.starts_with("part-"));
    folder.remove(&over)?;
    report.removed_files += over.len() as u64;
    if files == manifest.files {
        return Ok(CommitOutcome::Committed { tag: None });
    }
    let number = manifest.number.saturating_add(1);
    let outcome =
        commit(snapshot, folder.as_ref(), &Manifest { number, next: manifest.next, files }, stage()?)?;
    leave_nothing_of_a_replaced_table(folder.as_ref(), generation_of(number))?;
    Ok(outcome)
}

/// Removes what was published of a table that another one has taken the place of meanwhile: other programs would read it.
fn leave_nothing_of_a_replaced_table(folder: &impl PartFolder, generation: u64) -> Result<()> {
    let listed = folder.list()?;
    let is_later = |name: &str| is_key_name(name) && generation_of_name(name) > Some(generation);
    if !listed.iter().any(|listed| is_later(&listed.name)) {
        return Ok(());
    }
    let remains = listed.into_iter().map(|listed| listed.name);
    let remains: Vec<String> = remains.filter(|name| generation_of_name(name) == Some(generation)).collect();
    folder.remove(&remains)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
