//! Failures in the middle of a write: every call of it fails once before and once after its effect.

use super::prelude::*;
use fascicle_backend::{
    CreateOutcome, RecordKey,
    wrap::{Faults, Moment, observed},
};
use futures::{FutureExt, future::BoxFuture};

behaviours! { "fault"
    /// Whichever call fails while a directory is created, it is there with its meta or not at all, and trying again tells.
    creating_a_directory_is_all_or_nothing [Write];
    /// Whichever call fails while a meta is written, it is the old or the new one, and trying again works.
    writing_a_meta_is_all_or_nothing [Write];
    /// Whichever call fails while a file is created, it is there whole or not at all, and trying again tells.
    creating_a_file_is_all_or_nothing [Write];
    /// Whichever call fails while a file is overwritten, it is the old or the new one, and trying again works.
    overwriting_a_file_is_all_or_nothing [Write];
    /// Whichever call fails while bytes are appended to a file, all of them are there or none, and the rest is untouched.
    appending_to_a_file_is_all_or_nothing [Write, FileAppend];
    /// Whichever call fails while an array is created, it is there whole or not at all, and trying again tells.
    creating_an_array_is_all_or_nothing [Write, Arrays];
    /// Whichever call fails while an array is overwritten, it is the old or the new one, and trying again works.
    overwriting_an_array_is_all_or_nothing [Write, Arrays];
    /// Whichever call fails while rows are appended to an array, all of them are there or none, and the rest is untouched.
    appending_to_an_array_is_all_or_nothing [Write, Arrays, ArrayAppend];
    /// When writing a region fails, its elements are the old or the new ones, and trying again works.
    writing_a_region_is_all_or_nothing [Write, Arrays, ArrayRegionWrite];
    /// Whichever call fails while a table is created, it is there whole or not at all, and trying again tells.
    creating_a_table_is_all_or_nothing [Write, Tables];
    /// Whichever call fails while a table is overwritten, it is the old or the new one, and trying again works.
    overwriting_a_table_is_all_or_nothing [Write, Tables];
    /// Whichever call fails while rows are appended to a table, all of them are there or none, and the rest is untouched.
    appending_to_a_table_is_all_or_nothing [Write, Tables, TableAppend];
    /// Whichever call fails while a directory is replaced by a file, it is the directory or the file, and trying again works.
    replacing_a_directory_is_all_or_nothing [Write];
    /// Whichever call fails while attributes are written, they are the old or the new ones, and trying again works.
    writing_attributes_is_all_or_nothing [Write, Attributes];
    /// Whichever call fails while an entry is moved, it is in one of the two places, whole, and trying again tells.
    moving_is_all_or_nothing [Write, Rename];
    /// Whichever call fails while a file is copied, the copy is whole or not there, and trying again tells.
    copying_a_file_is_all_or_nothing [Write, Copy];
    /// Whichever call fails while a directory is removed, it is there whole or not at all, and trying again tells.
    removing_is_all_or_nothing [Write];
    /// When creating a record fails, it is there whole or not at all, and trying again tells.
    creating_a_record_is_all_or_nothing [Write];
    /// When overwriting a record fails, its body is the old or the new one, and trying again works.
    overwriting_a_record_is_all_or_nothing [Write];
}

/// Something done in a directory of the place.
type Step = fn(Place, String) -> BoxFuture<'static, Result<()>>;

/// What a directory of the place holds, and the record of the same name.
async fn look(place: &Place, dir: &str) -> Result<(Option<Node>, Option<Bytes>), Failure> {
    let record = place.records().read(&RecordKey::parse(&format!("v1/{dir}"))?).await?;
    Ok((place.entry(dir).await?, record))
}

/// What becomes of a change that is made again after it took effect and only its answer was lost.
#[derive(Clone, Copy)]
enum Again {
    /// It succeeds and changes nothing.
    SameOutcome,
    /// It is refused and changes nothing, so that whoever lost the answer learns that it was done.
    Refused(ErrorKind),
    /// It is made a second time.
    Repeated,
}

/// Makes `change` after `prepare`, failing each of its calls before and after its effect, each time in a directory of its
/// own. `change` takes effect with its last call: so whatever fails, what was there before is still there, unless only
/// the answer of the last call is lost.
async fn all_or_nothing(subject: Subject, prepare: Step, change: Step, again: Again) -> Checked {
    let (backend, faults) = (subject.open_bare().await?, Arc::new(Faults::default()));
    let faulty = Place::over(Arc::new(observed(backend.clone(), faults.clone())));
    let place = Place::over(backend);

    place.make_dir("reference").await?;
    prepare(place.clone(), "reference".to_owned()).await?;
    let old = look(&place, "reference").await?;
    faults.clear();
    change(faulty.clone(), "reference".to_owned()).await?;
    let calls = faults.calls();
    let new = look(&place, "reference").await?;
    ensure!(old != new, "the change changed nothing");

    for call in 1..=calls {
        for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
            let dir =
                format!("run-{call}-{}", if moment == Moment::BeforeEffect { "before" } else { "after" });
            place.make_dir(&dir).await?;
            prepare(place.clone(), dir.clone()).await?;
            faults.fail_call(call, moment);
            let answer = change(faulty.clone(), dir.clone()).await;
            let fired = faults.fired();
            faults.clear();
            let what = format!("call {call} of {calls} failing, {moment:?} {fired:?}");
            ensure!(fired.is_some() && answer.is_err(), "{what}: the failure did not reach the caller");
            let is_done = moment == Moment::AfterEffect && call == calls;
            let found = look(&place, &dir).await?;
            ensure_eq!(found, if is_done { &new } else { &old }.clone(), "what is there after {what}");
            let answer = match again {
                Again::Repeated if is_done => continue,
                _ => change(place.clone(), dir.clone()).await,
            };
            match again {
                Again::Refused(kind) if is_done => refused(answer, kind).map(|_error| ())?,
                _ => answer?,
            }
            ensure_eq!(look(&place, &dir).await?, new, "what is there after trying again, {what}");
        }
    }
    Ok(())
}

/// Nothing to prepare.
fn nothing(_place: Place, _dir: String) -> BoxFuture<'static, Result<()>> {
    async { Ok(()) }.boxed()
}

fn old_file(place: Place, dir: String) -> BoxFuture<'static, Result<()>> {
    async move { place.put_file(&format!("{dir}/x"), "the old content, which is longer").await }.boxed()
}

fn old_array(place: Place, dir: String) -> BoxFuture<'static, Result<()>> {
    async move { place.put_array(&format!("{dir}/x"), &[4], samples::counting(0, 4)).await }.boxed()
}

fn old_table(place: Place, dir: String) -> BoxFuture<'static, Result<()>> {
    async move {
        place.put_table(&format!("{dir}/x"), &samples::people(0, 4)?).await?;
        Ok(())
    }
    .boxed()
}

fn old_directory(place: Place, dir: String) -> BoxFuture<'static, Result<()>> {
    async move {
        place.make_dir_with(&format!("{dir}/x"), "old: 1\n").await?;
        place.put_file(&format!("{dir}/x/inner"), "content").await?;
        Ok(())
    }
    .boxed()
}

async fn creating_a_directory_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move {
            place.make_dir_with(&format!("{dir}/x"), "new: 1\n").await?;
            Ok(())
        }
        .boxed()
    };
    all_or_nothing(subject, nothing, change, Again::Refused(ErrorKind::AlreadyExists)).await
}

async fn writing_a_meta_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move {
            let meta = Bytes::from_static(b"new: 1\n");
            place.write_meta(&at(&dir)?, meta, MetaWriteMode::Overwrite).await?;
            Ok(())
        }
        .boxed()
    };
    all_or_nothing(subject, nothing, change, Again::SameOutcome).await
}

/// Writes a file in several pieces.
async fn write_file(place: &Place, path: &str, mode: WriteMode) -> Result<()> {
    let mut writer = place.files().create(&at(path)?, &FileOptions::default(), mode).await?;
    for piece in ["new ", "content ", "in pieces"] {
        writer.write(Bytes::from_static(piece.as_bytes())).await?;
    }
    writer.finish().await
}

async fn creating_a_file_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step =
        |place, dir| async move { write_file(&place, &format!("{dir}/x"), WriteMode::Create).await }.boxed();
    all_or_nothing(subject, nothing, change, Again::Refused(ErrorKind::AlreadyExists)).await
}

async fn overwriting_a_file_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move { write_file(&place, &format!("{dir}/x"), WriteMode::Overwrite).await }.boxed()
    };
    all_or_nothing(subject, old_file, change, Again::SameOutcome).await
}

async fn replacing_a_directory_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step =
        |place, dir| async move { write_file(&place, &format!("{dir}/x"), WriteMode::Replace).await }.boxed();
    all_or_nothing(subject, old_directory, change, Again::SameOutcome).await
}

async fn appending_to_a_file_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move {
            place.append_file(&format!("{dir}/x"), "more").await?;
            Ok(())
        }
        .boxed()
    };
    all_or_nothing(subject, old_file, change, Again::Repeated).await
}

/// Writes an array in several regions.
async fn write_array(place: &Place, path: &str, mode: WriteMode) -> Result<()> {
    let spec = spec(&[6, 2], DType::Float32)?;
    let mut writer = place.array_store()?.create(&at(path)?, &spec, &ArrayOptions::default(), mode).await?;
    for start in [0, 2, 4] {
        let values = samples::numbered(DType::Float32, 2 * start, 4);
        writer.write(&Region::rows(&spec.shape, start, 2), values).await?;
    }
    writer.finish().await
}

async fn creating_an_array_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step =
        |place, dir| async move { write_array(&place, &format!("{dir}/x"), WriteMode::Create).await }.boxed();
    all_or_nothing(subject, nothing, change, Again::Refused(ErrorKind::AlreadyExists)).await
}

async fn overwriting_an_array_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move { write_array(&place, &format!("{dir}/x"), WriteMode::Overwrite).await }.boxed()
    };
    all_or_nothing(subject, old_array, change, Again::SameOutcome).await
}

async fn appending_to_an_array_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move {
            place.append_rows(&format!("{dir}/x"), 3, samples::counting(4, 3)).await?;
            Ok(())
        }
        .boxed()
    };
    all_or_nothing(subject, old_array, change, Again::Repeated).await
}

async fn writing_a_region_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move {
            let region = Region::rows(&shape(&[4])?, 1, 2);
            place.write_region(&format!("{dir}/x"), &region, samples::counting(100, 2)).await
        }
        .boxed()
    };
    all_or_nothing(subject, old_array, change, Again::SameOutcome).await
}

/// Writes a table in several batches.
async fn write_table(place: &Place, path: &str, mode: WriteMode) -> Result<()> {
    let (schema, options) = (samples::people(0, 0)?.schema(), TableOptions::default());
    let mut writer = place.table_store()?.create(&at(path)?, schema, &options, mode).await?;
    for first in [10, 13] {
        writer.write(samples::people(first, 3)?).await?;
    }
    writer.finish().await?;
    Ok(())
}

async fn creating_a_table_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step =
        |place, dir| async move { write_table(&place, &format!("{dir}/x"), WriteMode::Create).await }.boxed();
    all_or_nothing(subject, nothing, change, Again::Refused(ErrorKind::AlreadyExists)).await
}

async fn overwriting_a_table_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move { write_table(&place, &format!("{dir}/x"), WriteMode::Overwrite).await }.boxed()
    };
    all_or_nothing(subject, old_table, change, Again::SameOutcome).await
}

async fn appending_to_a_table_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move {
            let schema = samples::people(0, 0)?.schema();
            let mut writer = place.table_store()?.append(&at(&format!("{dir}/x"))?, schema).await?;
            for first in [4, 6] {
                writer.write(samples::people(first, 2)?).await?;
            }
            writer.finish().await?;
            Ok(())
        }
        .boxed()
    };
    all_or_nothing(subject, old_table, change, Again::Repeated).await
}

async fn writing_attributes_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move {
            let attributes = [("a".to_owned(), 1.into())].into_iter().collect();
            place.put_attributes(&format!("{dir}/x"), &attributes).await
        }
        .boxed()
    };
    all_or_nothing(subject, old_file, change, Again::SameOutcome).await
}

async fn moving_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move { place.rename(&at(&format!("{dir}/x"))?, &at(&format!("{dir}/y"))?).await }.boxed()
    };
    all_or_nothing(subject, old_directory, change, Again::Refused(ErrorKind::NotFound)).await
}

async fn copying_a_file_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move { place.copy(&at(&format!("{dir}/x"))?, &at(&format!("{dir}/y"))?).await }.boxed()
    };
    all_or_nothing(subject, old_file, change, Again::Refused(ErrorKind::AlreadyExists)).await
}

async fn removing_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| async move { place.remove(&at(&format!("{dir}/x"))?).await }.boxed();
    all_or_nothing(subject, old_directory, change, Again::Refused(ErrorKind::NotFound)).await
}

async fn creating_a_record_is_all_or_nothing(subject: Subject) -> Checked {
    let change: Step = |place, dir| {
        async move {
            let key = RecordKey::parse(&format!("v1/{dir}"))?;
            match place.records().create(&key, Bytes::from_static(b"mine")).await? {
                CreateOutcome::Created => Ok(()),
                CreateOutcome::Exists => Err(Error::new(ErrorKind::AlreadyExists, "there is such a record")),
            }
        }
        .boxed()
    };
    all_or_nothing(subject, nothing, change, Again::Refused(ErrorKind::AlreadyExists)).await
}

async fn overwriting_a_record_is_all_or_nothing(subject: Subject) -> Checked {
    let old: Step = |place, dir| {
        async move {
            let key = RecordKey::parse(&format!("v1/{dir}"))?;
            place.records().overwrite(&key, Bytes::from_static(b"the old body")).await
        }
        .boxed()
    };
    let change: Step = |place, dir| {
        async move {
            let key = RecordKey::parse(&format!("v1/{dir}"))?;
            place.records().overwrite(&key, Bytes::from_static(b"new")).await
        }
        .boxed()
    };
    all_or_nothing(subject, old, change, Again::SameOutcome).await
}
