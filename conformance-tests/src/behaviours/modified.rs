//! What counts as a change of a directory that was built, and what follows from one.

use super::{prelude::*, rooted::*};
use fascicle_core::{ArrayData, IntoArray};
use futures::{FutureExt, future::BoxFuture};
use serde_json::json;

behaviours! { "modified"
    /// A directory that was changed is passed over with a warning, is marked, and opens by its path as ever.
    a_modified_directory_is_passed_over [Write];
    /// Writing, overwriting and removing a file are changes.
    changing_files_marks [Write];
    /// Appending to a file is a change.
    appending_to_files_marks [Write, FileAppend];
    /// Writing and overwriting an array are changes.
    changing_arrays_marks [Write, Arrays];
    /// Appending rows to an array is a change.
    appending_to_arrays_marks [Write, Arrays, ArrayAppend];
    /// Writing a region of an array is a change.
    writing_regions_marks [Write, Arrays, ArrayRegionWrite];
    /// Writing and overwriting a table are changes.
    changing_tables_marks [Write, Tables];
    /// Appending rows to a table is a change.
    appending_to_tables_marks [Write, Tables, TableAppend];
    /// Writing attributes is a change.
    changing_attributes_marks [Write, Attributes];
    /// Moving an entry within the directory, into it and out of it are changes.
    moving_entries_marks [Write, Rename];
    /// Copying an entry into the directory is a change.
    copying_into_it_marks [Write];
    /// Changes within nested directories, at any depth, are changes.
    nested_changes_mark [Write];
    /// A refused write marks nothing.
    refused_writes_mark_nothing [Write];
    /// A refused write of an array marks nothing.
    refused_writes_of_arrays_mark_nothing [Write, Arrays, ArrayAppend, ArrayRegionWrite];
    /// A refused write of a table marks nothing.
    refused_writes_of_tables_mark_nothing [Write, Tables, TableAppend];
    /// Reading marks nothing.
    reading_marks_nothing [Write];
    /// The mark comes before the change: when the change fails half way the directory is never taken for what was built.
    the_mark_comes_before_the_change [Write];
}

/// Something done with a directory.
type Step = fn(Directory) -> BoxFuture<'static, Result<()>>;

/// A step, written as an asynchronous closure of the directory.
macro_rules! step {
    (|$directory:ident| $work:expr) => {{
        let step: Step = |$directory| {
            async move {
                $work.await?;
                Ok(())
            }
            .boxed()
        };
        step
    }};
}

/// Builds a directory that holds what `prepare` makes.
async fn built(root: &Root, config: &Config, prepare: Step) -> Result<Resolution> {
    let build = |directory: Directory| async move {
        directory.put_file("content", "some bytes").await?;
        directory.put_file("inner/more", "more bytes").await?;
        prepare(directory).await?;
        Ok(())
    };
    root.resolve_config(config, &IdentityRules::default(), &ResolveOptions::default(), build).await
}

/// Expects each of the changes to mark what was built, whoever makes it, and that it is then built again, once.
async fn all_mark(subject: &Subject, prepare: Step, changes: &[Step]) -> Checked {
    let [root, other] = subject.roots().await?;
    for (number, change) in changes.iter().enumerate() {
        let config = cells(number as i64);
        let directory = built(&root, &config, prepare).await?.directory;
        // Through a handle that knows nothing of the build.
        change(other.dir(directory.name())?).await?;
        let is_marked = directory.meta().await?.is_some_and(|meta| meta.modified);
        ensure!(is_marked, "change {number} did not mark the directory");
        for root in [&root, &other] {
            ensure!(found(root, &config).await?.is_none(), "it is found after change {number}");
        }
        let again = built(&other, &config, prepare).await?;
        ensure_eq!(again.outcome, Outcome::Built, "after change {number}");
        ensure!(again.directory.path() != directory.path(), "change {number} was built over");
        let third = built(&root, &config, prepare).await?;
        ensure_eq!(told(&third), (Outcome::Found, again.directory.path().as_str()), "the call after");
    }
    Ok(())
}

/// Expects each of the writes to be refused, and the directory to stay what it was.
async fn all_are_refused(subject: &Subject, prepare: Step, writes: &[Step]) -> Checked {
    let [root, other] = subject.roots().await?;
    let directory = built(&root, &cells(0), prepare).await?.directory;
    let names = directory.names().await?;
    for (number, write) in writes.iter().enumerate() {
        let written = write(other.dir(directory.name())?).await;
        ensure!(written.is_err(), "write {number} was not refused");
        let is_marked = directory.meta().await?.is_none_or(|meta| meta.modified);
        ensure!(!is_marked, "the refused write {number} marked the directory: {written:?}");
        ensure_eq!(directory.names().await?, names, "the entries after the refused write {number}");
    }
    let again = built(&other, &cells(0), prepare).await?;
    ensure_eq!(told(&again), (Outcome::Found, directory.path().as_str()), "the config");
    Ok(())
}

fn nothing(_directory: Directory) -> BoxFuture<'static, Result<()>> {
    async { Ok(()) }.boxed()
}

/// An array of `rows` rows of two numbers.
fn rows(rows: u64) -> Result<ArrayData> {
    ArrayData::new(shape(&[rows, 2])?, samples::counting(0, 2 * rows))
}

fn one_array(directory: Directory) -> BoxFuture<'static, Result<()>> {
    async move { directory.put("x", rows(2)?).await }.boxed()
}

fn people(first: i64, count: i64) -> Result<arrow_array::RecordBatch> {
    samples::people(first, count)
        .map_err(|error| Error::new(ErrorKind::Internal, "a sample cannot be made").caused_by(error))
}

fn one_table(directory: Directory) -> BoxFuture<'static, Result<()>> {
    async move { directory.put_table("t", &people(0, 3)?).await }.boxed()
}

async fn a_modified_directory_is_passed_over(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    let directory = builds.resolve(&root, &cells(0)).await?.directory;
    directory.put_file("content", "changed").await?;
    directory.put_file("content", "changed again").await?;
    let meta = directory.meta().await?.ok_or_else(|| Failure::new("there is no meta"))?;
    ensure_eq!((meta.status, meta.modified), (Status::Done, true), "status and modified");
    ensure_eq!(meta.config, cells(0), "the config");
    let again = builds.resolve(&other, &cells(0)).await?;
    ensure_eq!(told(&again), (Outcome::Built, "Cells_0001"), "the next call");
    let warned =
        again.warnings.iter().any(|warning| warning.contains("Cells_0000") && warning.contains("modified"));
    ensure!(warned, "nothing is said of the modified one: {:?}", again.warnings);
    let opened = other.dir("Cells_0000")?;
    ensure_eq!(opened.file("content").await?.read().await?, "changed again".as_bytes(), "what it holds");
    Ok(())
}

async fn changing_files_marks(subject: Subject) -> Checked {
    let changes = [
        step!(|directory| directory.put_file("new", "content")),
        step!(|directory| directory.put_file("content", "changed")),
        step!(|directory| directory.remove("content")),
        step!(|directory| async move {
            let mut writer = directory.create_file("content", WriteMode::Replace).await?;
            writer.write(Bytes::from_static(b"piece")).await?;
            writer.finish().await
        }),
    ];
    all_mark(&subject, nothing, &changes).await
}

async fn appending_to_files_marks(subject: Subject) -> Checked {
    let changes = [
        step!(|directory| directory.append_file("content", "more")),
        step!(|directory| directory.append_file("new", "content")),
    ];
    all_mark(&subject, nothing, &changes).await
}

async fn changing_arrays_marks(subject: Subject) -> Checked {
    let changes = [
        step!(|directory| async move { directory.put("x", rows(3)?).await }),
        step!(|directory| directory.put("y", 1.5)),
        step!(|directory| directory.remove("x")),
        step!(|directory| directory.put("deep/er/y", [1, 2])),
    ];
    all_mark(&subject, one_array, &changes).await
}

async fn appending_to_arrays_marks(subject: Subject) -> Checked {
    let changes = [
        step!(|directory| async move { directory.append("x", rows(1)?).await }),
        step!(|directory| directory.append("new", [1, 2])),
        step!(|directory| async move {
            let mut appender = directory.appender::<i64>("x", &[2])?;
            appender.push([1i64, 2]).await?;
            appender.finish().await
        }),
    ];
    all_mark(&subject, one_array, &changes).await
}

async fn writing_regions_marks(subject: Subject) -> Checked {
    let changes = [step!(|directory| async move {
        let x = directory.array("x").await?;
        x.select("0,:")?.write([7i64, 8]).await
    })];
    all_mark(&subject, one_array, &changes).await
}

async fn changing_tables_marks(subject: Subject) -> Checked {
    let changes = [
        step!(|directory| async move { directory.put_table("t", &people(5, 1)?).await }),
        step!(|directory| async move { directory.put_table("u", &people(5, 1)?).await }),
        step!(|directory| directory.remove("t")),
    ];
    all_mark(&subject, one_table, &changes).await
}

async fn appending_to_tables_marks(subject: Subject) -> Checked {
    let changes = [
        step!(|directory| async move { directory.append_table("t", &people(5, 1)?).await }),
        step!(|directory| async move { directory.append_table("u", &people(5, 1)?).await }),
    ];
    all_mark(&subject, one_table, &changes).await
}

async fn changing_attributes_marks(subject: Subject) -> Checked {
    fn attributes() -> Attributes {
        [("unit".to_owned(), json!("mV"))].into_iter().collect()
    }
    let changes = [
        step!(|directory| async move { directory.set_attributes("content", &attributes()).await }),
        step!(|directory| async move { directory.set_attributes("inner", &attributes()).await }),
        step!(|directory| async move { directory.set_attributes("inner/more", &attributes()).await }),
    ];
    all_mark(&subject, nothing, &changes).await
}

async fn moving_entries_marks(subject: Subject) -> Checked {
    let changes = [
        step!(|directory| directory.rename("content", "renamed")),
        step!(|directory| directory.rename("content", "inner/renamed")),
        step!(|directory| directory.rename("inner/more", "more")),
        step!(|directory| async move {
            let (root, inside) = (directory.root().as_dir(), format!("{}/inner", directory.name()));
            root.rename(&inside, &format!("taken_out_of_{}", directory.name())).await
        }),
        step!(|directory| async move {
            let outside = format!("into_{}", directory.name());
            directory.root().dir(&outside)?.put_file("x", "content").await?;
            directory.root().as_dir().rename(&outside, &format!("{}/moved_in", directory.name())).await
        }),
    ];
    all_mark(&subject, nothing, &changes).await
}

async fn copying_into_it_marks(subject: Subject) -> Checked {
    let changes = [
        step!(|directory| async move {
            let source = directory.root().dir("source")?;
            source.put_file("x", "content").await?;
            directory.copy_from(&source, "copied", WriteMode::Create).await
        }),
        step!(|directory| async move {
            let source = directory.root().dir("source")?;
            source.put_file("x", "content").await?;
            directory.copy_entry(&source, "x", "copied", WriteMode::Create).await
        }),
        step!(|directory| async move {
            let source = directory.root().dir("source")?;
            source.put_file("x", "content").await?;
            directory.update(&source).await
        }),
    ];
    all_mark(&subject, nothing, &changes).await
}

async fn nested_changes_mark(subject: Subject) -> Checked {
    let changes = [
        step!(|directory| directory.put_file("inner/more", "changed")),
        step!(|directory| async move { directory.dir("inner")?.put_file("more", "changed").await }),
        step!(|directory| directory.remove("inner/more")),
        step!(|directory| directory.remove("inner")),
        step!(|directory| async move { directory.dir("new/and/deep")?.put_file("x", "content").await }),
        step!(|directory| async move { directory.dir("inner")?.remove_all().await }),
    ];
    all_mark(&subject, nothing, &changes).await
}

async fn refused_writes_mark_nothing(subject: Subject) -> Checked {
    let writes = [
        step!(|directory| directory.remove("nothing")),
        step!(|directory| directory.remove("inner/nothing")),
        step!(|directory| directory.rename("nothing", "something")),
        step!(|directory| directory.put_file("content.h5", "bytes")),
        step!(|directory| directory.put_file("", "bytes")),
        step!(|directory| directory.put_file("inner", "bytes")),
        step!(|directory| directory.put_file("content/below", "bytes")),
        step!(|directory| directory.create_file("content", WriteMode::Create)),
        step!(|directory| async move { directory.dir("content")?.put_file("x", "bytes").await }),
        step!(|directory| async move { directory.set_attributes("nothing", &Attributes::new()).await }),
        step!(|directory| async move {
            directory.copy_from(&directory.dir("nothing")?, "new", WriteMode::Create).await
        }),
        step!(|directory| directory.copy("content", "inner/more")),
    ];
    all_are_refused(&subject, nothing, &writes).await
}

async fn refused_writes_of_arrays_mark_nothing(subject: Subject) -> Checked {
    let writes = [
        step!(|directory| directory.append("x", [1.5, 2.5])),
        step!(|directory| async move {
            directory.append("x", ArrayData::new(shape(&[1, 2])?, Values::Float64(vec![1.5; 2]))?).await
        }),
        step!(|directory| directory.append("x", 1i64)),
        step!(|directory| directory.append("content", [1i64])),
        step!(|directory| directory.put("bad.name", [1])),
        step!(|directory| directory.put("content", [1])),
        step!(|directory| directory.put("x/below", [1])),
        step!(|directory| async move {
            let options = PutOptions { mode: WriteMode::Create, ..PutOptions::default() };
            directory.put_with("x", [1i64].into_array()?, &options).await
        }),
        step!(
            |directory| async move { directory.array("x").await?.select("0,:")?.write([1i64, 2, 3]).await }
        ),
        step!(|directory| async move { directory.array("x").await?.select("0,:")?.write([1.5, 2.5]).await }),
        step!(|directory| async move { directory.array("x").await?.select("5")?.write([1i64, 2]).await }),
    ];
    all_are_refused(&subject, one_array, &writes).await
}

async fn refused_writes_of_tables_mark_nothing(subject: Subject) -> Checked {
    let writes = [
        step!(|directory| async move {
            let other = people(0, 1)?.project(&[0, 1]).map_err(|error| {
                Error::new(ErrorKind::Internal, "a sample cannot be made").caused_by(error)
            })?;
            directory.append_table("t", &other).await
        }),
        step!(|directory| async move { directory.append_table("content", &people(0, 1)?).await }),
        step!(|directory| async move { directory.put_table("content", &people(0, 1)?).await }),
        step!(|directory| async move { directory.put_table("bad.name", &people(0, 1)?).await }),
        step!(|directory| async move {
            let (schema, options) = (people(0, 0)?.schema(), TableOptions::default());
            directory.create_table("t", schema, &options, WriteMode::Create).await
        }),
    ];
    all_are_refused(&subject, one_table, &writes).await
}

async fn reading_marks_nothing(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    let directory = builds.resolve(&root, &cells(0)).await?.directory;
    let opened = other.dir(directory.name())?;
    opened.tree().await?;
    opened.usage().await?;
    opened.get("content").await?;
    opened.contains("nothing").await?;
    opened.dir("nothing")?.names().await?;
    refused(opened.file("nothing").await, ErrorKind::NotFound)?;
    ensure!(opened.equals(&directory).await?, "it is not equal to itself");
    is_complete(&opened).await?;
    ensure_eq!(told(&builds.resolve(&other, &cells(0)).await?), (Outcome::Found, "Cells_0000"), "the config");
    Ok(())
}

async fn the_mark_comes_before_the_change(subject: Subject) -> Checked {
    use fascicle_backend::wrap::{Faults, Moment, Operation, observed};
    let (backend, faults) = (subject.open_bare().await?, Arc::new(Faults::default()));
    let faulty = root_over(
        &(Arc::new(observed(backend.clone(), faults.clone())) as Arc<dyn fascicle_backend::Backend>),
    );
    let (root, builds) = (root_over(&backend), Builds::default());
    for (seed, operation, moment) in [
        (0, Operation::CreateFile, Moment::BeforeEffect),
        (1, Operation::WriteFile, Moment::AfterEffect),
        (2, Operation::FinishFile, Moment::BeforeEffect),
        (3, Operation::FinishFile, Moment::AfterEffect),
    ] {
        let directory = builds.resolve(&root, &cells(seed)).await?.directory;
        faults.fail_call_of(operation, 1, moment);
        let written = faulty.dir(directory.name())?.put_file("content", "changed").await;
        let fired = faults.fired();
        faults.clear();
        ensure!(fired.is_some() && written.is_err(), "the failure of {operation:?} did not reach the caller");
        let found = found(&root, &cells(seed)).await?;
        ensure!(found.is_none(), "it is found though a write may have changed it, {moment:?} {operation:?}");
    }
    Ok(())
}
