//! Adding to what is there through handles: rows, bytes, whole directories, from one task and from many.

use super::{prelude::*, rooted::*};
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use fascicle_backend::wrap::{Faults, Moment, Operation, observed};
use fascicle_core::ArrayData;
use std::{collections::BTreeSet, time::Duration};

behaviours! { "extend"
    /// Appending to a missing array creates it; appended rows follow those that are there.
    rows_follow_the_rows_that_are_there [Write, Arrays, ArrayAppend];
    /// Rows of a narrower dtype widen without loss to the stored one.
    appended_rows_widen_without_loss [Write, Arrays, ArrayAppend];
    /// Rows whose dtype or trailing shape do not fit are refused, and the array stays as it is.
    rows_that_do_not_fit_are_refused [Write, Arrays, ArrayAppend];
    /// Rows of several axes, of text and of no length are appended as they are.
    rows_of_every_form_are_appended [Write, Arrays, ArrayAppend];
    /// Tasks that append to one missing array at once lose no row, and keep the rows of each in order.
    many_tasks_append_to_a_missing_array [Write, Arrays, ArrayAppend];
    /// Roots that were opened one by one append to one missing array at once and lose no row.
    many_handles_append_to_a_missing_array [Write, Durable, Arrays, ArrayAppend];
    /// Whoever reads while rows are appended sees a prefix of them, which never gets shorter.
    readers_see_a_prefix_of_the_rows [Write, Arrays, ArrayAppend];
    /// An appender collects rows and writes them when its limit is reached, when it is flushed, and at the end.
    an_appender_writes_at_its_limits [Write, Arrays, ArrayAppend];
    /// An appender refuses rows that do not fit, and goes on with those that do.
    an_appender_refuses_rows_that_do_not_fit [Write, Arrays, ArrayAppend];
    /// An appender without rows leaves an array without rows, and one that is dropped writes nothing of what it holds.
    an_appender_without_rows_leaves_an_empty_array [Write, Arrays, ArrayAppend];
    /// An appender whose flush failed refuses to go on, so that no row is written twice.
    an_appender_stops_after_a_failure [Write, Arrays, ArrayAppend];
    /// Rows of tables are matched by the names of the columns and widened without loss.
    table_rows_are_matched_by_name [Write, Tables, TableAppend];
    /// Table rows that do not fit are refused, saying which columns differ, and the table stays as it is.
    table_rows_that_do_not_fit_are_refused [Write, Tables, TableAppend];
    /// Tasks that append to one missing table at once lose no row.
    many_tasks_append_to_a_missing_table [Write, Tables, TableAppend];
    /// Appending to a missing file creates it; tasks that append to it at once lose no byte.
    many_tasks_append_to_a_missing_file [Write, FileAppend];
    /// Updating a directory takes what it does not have, and keeps what it has.
    update_keeps_what_is_there [Write, Arrays];
    /// Extending a directory appends arrays, tables, files and nested directories, and creates what is missing.
    extend_appends_entry_by_entry [Write, Arrays, ArrayAppend, Tables, TableAppend, FileAppend];
    /// Extending by an entry of another kind, or one that does not fit, is refused.
    extend_refuses_what_does_not_fit [Write, Arrays, ArrayAppend];
}

async fn elements(directory: &Directory, name: &str) -> Result<Vec<i64>> {
    directory.array(name).await?.read().await
}

async fn rows_follow_the_rows_that_are_there(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("a/b")?;
    ensure_eq!(directory.append("deep/x", [0i64, 1]).await?, 2, "the length of a new array");
    ensure_eq!(directory.append("deep/x", [2i64]).await?, 3, "the length of a longer one");
    ensure_eq!(elements(&directory, "deep/x").await?, [0, 1, 2], "the elements");
    directory.put("y", [7i64]).await?;
    ensure_eq!(directory.append("y", [8i64]).await?, 2, "the length of one that was stored whole");
    ensure_eq!(elements(&directory, "y").await?, [7, 8], "the elements of that one");
    Ok(())
}

async fn appended_rows_widen_without_loss(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("wide", [0.5f64]).await?;
    directory.append("wide", [1.5f32]).await?;
    directory.append("wide", [2i32]).await?;
    directory.append("wide", [3u8]).await?;
    ensure_eq!(
        directory.array("wide").await?.read::<Vec<f64>>().await?,
        [0.5, 1.5, 2.0, 3.0],
        "widened to float64"
    );
    directory.put("bytes", vec![*b"abc"]).await?;
    directory.append("bytes", vec![*b"d"]).await?;
    ensure_eq!(directory.array("bytes").await?.read::<Vec<[u8; 3]>>().await?, [*b"abc", *b"d\0\0"], "bytes");
    ensure_eq!(directory.array("wide").await?.dtype(), DType::Float64, "the dtype");
    Ok(())
}

async fn rows_that_do_not_fit_are_refused(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("x", [1i32, 2]).await?;
    directory.put("scalar", 1i32).await?;
    directory.put("short", vec![*b"ab"]).await?;
    let pairs = || ArrayData::from_vec(vec![1, 2], vec![1i32, 2]);
    for refusal in [
        directory.append("x", [1.7]).await,
        directory.append("x", [1i64]).await,
        directory.append("x", [true]).await,
        directory.append("x", vec!["1".to_owned()]).await,
        directory.append("x", 3i32).await,
        directory.append("x", pairs()?).await,
        directory.append("scalar", [1i32]).await,
        directory.append("short", vec![*b"abc"]).await,
    ] {
        refused(refusal, ErrorKind::Mismatch)?;
    }
    ensure_eq!(directory.array("x").await?.read::<Vec<i32>>().await?, [1, 2], "the array");
    ensure_eq!(directory.array("short").await?.read::<Vec<[u8; 2]>>().await?, [*b"ab"], "the bytes");
    refused(directory.append("bad.name", [1]).await, ErrorKind::InvalidPath)?;
    ensure_eq!(directory.names().await?, ["scalar", "short", "x"], "the names");
    Ok(())
}

async fn rows_of_every_form_are_appended(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    for first in 0..3 {
        let block = ArrayData::new(shape(&[2, 3, 2])?, samples::counting(12 * first, 12))?;
        directory.append("blocks", block).await?;
        directory.append("words", vec![format!("word {first}"), String::new()]).await?;
        directory.append("nothing", ArrayData::new(shape(&[2, 0])?, Values::Float32(Vec::new()))?).await?;
    }
    let blocks: ArrayData = directory.array("blocks").await?.read().await?;
    ensure_eq!(
        (blocks.shape(), Bits(blocks.values().clone())),
        (&shape(&[6, 3, 2])?, Bits(samples::counting(0, 36))),
        "the blocks"
    );
    let words: Vec<String> = directory.array("words").await?.read().await?;
    ensure_eq!(words, ["word 0", "", "word 1", "", "word 2", ""], "the words");
    ensure_eq!(directory.array("nothing").await?.shape(), &shape(&[6, 0])?, "the rows of no length");
    ensure_eq!(directory.append("words", Vec::<String>::new()).await?, 6, "after no rows");
    Ok(())
}

/// Appends from several tasks to an array that is missing, and expects all rows, those of each task in order.
async fn lose_no_row(roots: &[Root]) -> Checked {
    const EACH: i64 = 12;
    let mut tasks = Vec::new();
    for (task, root) in roots.iter().cycle().take(8).enumerate() {
        let directory = root.dir("run")?;
        tasks.push(tokio::spawn(async move {
            for row in 0..EACH {
                directory.append("loss", [task as i64 * 1000 + row]).await?;
            }
            Ok::<_, Failure>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    let Some(root) = roots.first() else { return Ok(()) };
    let rows = elements(&root.dir("run")?, "loss").await?;
    for task in 0..8 {
        let of_task: Vec<i64> = rows.iter().copied().filter(|row| row / 1000 == task).collect();
        ensure_eq!(
            of_task,
            Vec::from_iter((0..EACH).map(|row| task * 1000 + row)),
            "the rows of task {task}"
        );
    }
    ensure_eq!(rows.len() as i64, 8 * EACH, "the number of rows");
    Ok(())
}

async fn many_tasks_append_to_a_missing_array(subject: Subject) -> Checked {
    lose_no_row(&subject.roots::<2>().await?).await
}

async fn many_handles_append_to_a_missing_array(subject: Subject) -> Checked {
    lose_no_row(&subject.opened_roots::<4>().await?).await
}

async fn readers_see_a_prefix_of_the_rows(subject: Subject) -> Checked {
    let [root, other] = subject.roots().await?;
    let (writing, reading) = (root.dir("run")?, other.dir("run")?);
    writing.append("loss", [0i64, 0]).await?;
    let writer = tokio::spawn(async move {
        for row in 1..40i64 {
            writing.append("loss", [row, row]).await?;
        }
        Ok::<_, Failure>(())
    });
    let mut seen = 0;
    loop {
        let is_over = writer.is_finished();
        let rows = elements(&reading, "loss").await?;
        let whole: Vec<i64> = (0..rows.len() as i64 / 2).flat_map(|row| [row, row]).collect();
        ensure_eq!(rows, whole, "what a reader sees");
        ensure!(rows.len() >= seen, "{seen} rows became {}", rows.len());
        seen = rows.len();
        if is_over {
            break;
        }
        tokio::task::yield_now().await;
    }
    writer.await??;
    ensure_eq!(seen, 80, "the rows at the end");
    Ok(())
}

async fn length(directory: &Directory, name: &str) -> Result<u64> {
    match directory.array(name).await {
        Ok(array) => Ok(array.len()),
        Err(error) if error.is_not_found() => Ok(0),
        Err(error) => Err(error),
    }
}

async fn an_appender_writes_at_its_limits(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("run")?;
    // Time plays no part but where it is meant to.
    let hour = Duration::from_secs(3600);
    let mut appender = directory.appender::<f64>("loss", &[2])?.flush_rows(4).flush_after(hour);
    for step in 0..10 {
        appender.push([f64::from(step), 0.5]).await?;
        ensure_eq!(
            length(&directory, "loss").await?,
            (step as u64 + 1) / 4 * 4,
            "the rows after push {step}"
        );
    }
    appender.flush().await?;
    ensure_eq!(length(&directory, "loss").await?, 10, "the rows after a flush");
    appender.push([10.0, 0.5]).await?;
    appender.finish().await?;
    ensure_eq!(directory.array("loss").await?.shape(), &shape(&[11, 2])?, "the rows at the end");
    let column: Vec<f64> = directory.array("loss").await?.select(":,0")?.read().await?;
    ensure_eq!(column, Vec::from_iter((0..11).map(f64::from)), "the rows in order");
    let mut by_bytes = directory.appender::<i64>("bytes", &[])?.flush_bytes(24).flush_after(hour);
    for row in 0..3i64 {
        ensure_eq!(length(&directory, "bytes").await?, 0, "the rows before 24 bytes are held");
        by_bytes.push(row).await?;
    }
    ensure_eq!(length(&directory, "bytes").await?, 3, "the rows when 24 bytes are held");
    let mut at_once = directory.appender::<i64>("time", &[])?.flush_after(Duration::ZERO);
    at_once.push(1i64).await?;
    ensure_eq!(length(&directory, "time").await?, 1, "the rows when none may wait");
    Ok(())
}

async fn an_appender_refuses_rows_that_do_not_fit(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("run")?;
    let mut appender = directory.appender::<i32>("loss", &[2])?;
    appender.push([1i32, 2]).await?;
    refused(appender.push([1i32]).await, ErrorKind::Mismatch)?;
    refused(appender.push(1i32).await, ErrorKind::Mismatch)?;
    refused(appender.push([1.5, 2.5]).await, ErrorKind::Mismatch)?;
    appender.push([3i8, 4]).await?;
    appender.finish().await?;
    let rows: ArrayData = directory.array("loss").await?.read().await?;
    ensure_eq!(rows.into_vec::<i32>()?, [1, 2, 3, 4], "the rows that fit");
    ensure!(directory.appender::<i32>("bad.name", &[]).is_err(), "a name that no array can have");
    Ok(())
}

async fn an_appender_without_rows_leaves_an_empty_array(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("run")?;
    directory.appender::<f32>("none", &[3])?.finish().await?;
    let none = directory.array("none").await?;
    ensure_eq!(
        (none.shape(), none.dtype()),
        (&shape(&[0, 3])?, DType::Float32),
        "the array of an appender without rows"
    );
    let mut dropped = directory.appender::<i64>("dropped", &[])?;
    dropped.push(1i64).await?;
    drop(dropped);
    ensure_eq!(directory.names().await?, ["none"], "the names after an appender was dropped");
    Ok(())
}

async fn an_appender_stops_after_a_failure(subject: Subject) -> Checked {
    let (backend, faults) = (subject.open_bare().await?, Arc::new(Faults::default()));
    let faulty: Arc<dyn fascicle_backend::Backend> = Arc::new(observed(backend.clone(), faults.clone()));
    let directory = root_over(&faulty).dir("run")?;
    let mut appender = directory.appender::<i64>("loss", &[])?;
    appender.push(0i64).await?;
    appender.flush().await?;
    appender.push(1i64).await?;
    faults.fail_call_of(Operation::AppendArray, 1, Moment::AfterEffect);
    ensure!(appender.flush().await.is_err(), "a flush that failed was said to have worked");
    ensure!(faults.fired().is_some(), "the flush did not reach the storage");
    faults.clear();
    refused(appender.push(2i64).await, ErrorKind::Conflict)?;
    refused(appender.flush().await, ErrorKind::Conflict)?;
    refused(appender.finish().await, ErrorKind::Conflict)?;
    ensure_eq!(elements(&root_over(&backend).dir("run")?, "loss").await?, [0, 1], "the rows");
    Ok(())
}

/// A table of two columns.
fn named(ids: &[i64], names: &[&str]) -> Result<RecordBatch, Failure> {
    let ids: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
    let names: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
    Ok(RecordBatch::try_from_iter([("id", ids), ("name", names)])?)
}

async fn table_rows_are_matched_by_name(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    ensure_eq!(
        directory.append_table("deep/t", &named(&[1, 2], &["a", "b"])?).await?,
        2,
        "the rows of a new table"
    );
    let names: ArrayRef = Arc::new(StringArray::from(vec!["c"]));
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![3]));
    let turned = RecordBatch::try_from_iter([("name", names), ("id", ids)])?;
    ensure_eq!(directory.append_table("deep/t", &turned).await?, 3, "the rows of a longer one");
    let expected = named(&[1, 2, 3], &["a", "b", "c"])?;
    let mut table = directory.table("deep/t").await?;
    ensure_eq!((table.rows(), table.read().await?), (3, expected), "the rows");
    directory.append_table("deep/t", &turned).await?;
    ensure_eq!(table.rows(), 3, "the rows known before it looks again");
    table.refresh().await?;
    ensure_eq!(table.rows(), 4, "the rows known after it looked again");
    Ok(())
}

async fn table_rows_that_do_not_fit_are_refused(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    let stored = named(&[1], &["a"])?;
    directory.put_table("t", &stored).await?;
    let text = |texts: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(texts)) };
    let numbers = |numbers: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(numbers)) };
    for (columns, difference) in [
        (vec![("id", numbers(vec![2]), false)], "-name"),
        (
            vec![
                ("id", numbers(vec![2]), false),
                ("name", text(vec![Some("b")]), false),
                ("age", numbers(vec![3]), false),
            ],
            "+age",
        ),
        (vec![("id", text(vec![Some("2")]), false), ("name", text(vec![Some("b")]), false)], "≠id"),
        (vec![("id", numbers(vec![2]), false), ("name", text(vec![None]), true)], "≠name"),
    ] {
        let rows = RecordBatch::try_from_iter_with_nullable(columns)?;
        let error = refused(directory.append_table("t", &rows).await, ErrorKind::Mismatch)?.to_string();
        ensure!(error.contains(difference), "'{difference}' is not told: {error}");
    }
    ensure_eq!(directory.table("t").await?.read().await?, stored, "the rows");
    Ok(())
}

async fn many_tasks_append_to_a_missing_table(subject: Subject) -> Checked {
    let roots = subject.roots::<2>().await?;
    let mut tasks = Vec::new();
    for (task, root) in roots.iter().cycle().take(6).enumerate() {
        let directory = root.dir("run")?;
        tasks.push(tokio::spawn(async move {
            for row in 0..3 {
                let id = (task * 10 + row) as i64;
                directory.append_table("t", &named(&[id, id], &["a", "b"])?).await?;
            }
            Ok::<_, Failure>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    let rows = roots[1].dir("run")?.table("t").await?.read().await?;
    let ids = samples::ids(&rows);
    let distinct: BTreeSet<i64> = ids.iter().copied().collect();
    ensure_eq!((ids.len(), distinct.len()), (36, 18), "the rows, {ids:?}");
    let pairs = ids.chunks(2).all(|pair| pair.first() == pair.last());
    ensure!(pairs, "the rows of one call were taken apart: {ids:?}");
    Ok(())
}

async fn many_tasks_append_to_a_missing_file(subject: Subject) -> Checked {
    let roots = subject.roots::<2>().await?;
    let mut tasks = Vec::new();
    for (task, root) in roots.iter().cycle().take(8).enumerate() {
        let directory = root.dir("run")?;
        tasks.push(tokio::spawn(async move {
            for line in 0..8 {
                directory.append_file("log.txt", format!("task {task} line {line}\n")).await?;
            }
            Ok::<_, Failure>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    let text = roots[1].dir("run")?.file("log.txt").await?.read().await?;
    let text = String::from_utf8_lossy(&text).into_owned();
    for task in 0..8 {
        let prefix = format!("task {task} ");
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(&prefix)).collect();
        let expected: Vec<String> = (0..8).map(|line| format!("task {task} line {line}")).collect();
        ensure_eq!(lines, expected, "the lines of task {task}");
    }
    ensure_eq!(text.lines().count(), 64, "the number of lines");
    Ok(())
}

async fn update_keeps_what_is_there(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let (this, other) = (root.dir("this")?, root.dir("other")?);
    for (directory, value) in [(&this, 1i64), (&other, 2)] {
        directory.put("x", [value]).await?;
        directory.put_file("sub/f", vec![value as u8]).await?;
    }
    other.put("only", [3i64]).await?;
    other.put_file("sub/g", "new").await?;
    other.put_file("more/h", "new").await?;
    this.update(&other).await?;
    ensure_eq!(this.names().await?, ["more", "only", "sub", "x"], "the names");
    ensure_eq!(elements(&this, "x").await?, [1], "what was there");
    ensure_eq!(this.dir("sub")?.names().await?, ["f"], "a directory that was there");
    ensure_eq!(elements(&this, "only").await?, [3], "what was not there");
    ensure!(this.contains("more/h").await?, "a directory that was not there");
    ensure_eq!(elements(&other, "x").await?, [2], "the other one");
    Ok(())
}

async fn extend_appends_entry_by_entry(subject: Subject) -> Checked {
    let (root, elsewhere) = (subject.root().await?, subject.elsewhere()?.root().await?);
    // Within a root, and from another one.
    for (this, other) in
        [(root.dir("this")?, root.dir("other")?), (root.dir("that")?, elsewhere.dir("other")?)]
    {
        for (directory, value) in [(&this, 1i64), (&other, 2)] {
            directory.put("x", [value, value]).await?;
            directory.put_table("t", &named(&[value], &["n"])?).await?;
            directory.put_file("sub/f", vec![value as u8]).await?;
        }
        other.put("only", [3i64]).await?;
        this.extend(&other).await?;
        ensure_eq!(elements(&this, "x").await?, [1, 1, 2, 2], "the rows of an array");
        ensure_eq!(samples::ids(&this.table("t").await?.read().await?), [1, 2], "the rows of a table");
        ensure_eq!(this.file("sub/f").await?.read().await?, [1u8, 2].as_slice(), "the bytes of a file");
        ensure_eq!(elements(&this, "only").await?, [3], "what was missing");
        ensure_eq!(elements(&other, "x").await?, [2, 2], "the other one");
    }
    Ok(())
}

async fn extend_refuses_what_does_not_fit(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let this = root.dir("this")?;
    this.put("x", [1i64]).await?;
    let (of_another_kind, of_another_dtype) = (root.dir("kind")?, root.dir("dtype")?);
    of_another_kind.put_file("x", "bytes").await?;
    of_another_dtype.put("x", [1.5]).await?;
    let error = refused(this.extend(&of_another_kind).await, ErrorKind::WrongKind)?;
    ensure_eq!(error.path(), Some("this/x"), "the path that the error names");
    refused(this.extend(&of_another_dtype).await, ErrorKind::Mismatch)?;
    ensure_eq!(elements(&this, "x").await?, [1], "the array");
    Ok(())
}
