//! Callers that give up: a call whose future is dropped midway has happened whole or not at all, then or a little later.

use super::prelude::*;
use futures::{FutureExt, future::BoxFuture};
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

behaviours! { "given_up"
    /// A file that was to be overwritten by a call that was given up is the old or the new one, and can be overwritten.
    overwriting_a_file_is_all_or_nothing [Write];
    /// A meta that was to be written by a call that was given up is the old or the new one, and can be written.
    writing_a_meta_is_all_or_nothing [Write];
    /// An array that was to be overwritten by a call that was given up is the old or the new one, and can be overwritten.
    overwriting_an_array_is_all_or_nothing [Write, Arrays];
    /// Rows whose appending to an array was given up are all there or none, and others are appended.
    appending_to_an_array_is_all_or_nothing [Write, Arrays, ArrayAppend];
    /// Rows whose appending to a table was given up are all there or none, and others are appended.
    appending_to_a_table_is_all_or_nothing [Write, Tables, TableAppend];
    /// Bytes whose appending to a file was given up are all there or none, and others are appended.
    appending_to_a_file_is_all_or_nothing [Write, FileAppend];
    /// A directory whose removal was given up is there whole or not at all, and can be removed.
    removing_is_all_or_nothing [Write];
}

/// After how many steps a call is given up: each way of ending is tried once.
const STEPS: std::ops::RangeInclusive<usize> = 1..=8;

/// Polls a call so often that it makes at most that many steps, and drops it. Whether it was done by then.
async fn give_up(call: impl Future<Output = Result<()>>, steps: usize) -> Result<bool> {
    let mut call = pin!(call);
    for _ in 0..steps {
        let polled = std::future::poll_fn(|context: &mut Context<'_>| {
            // Woken by whatever the call waits for; not at all when it is polled for the last time.
            Poll::Ready(call.as_mut().poll(context))
        });
        if let Poll::Ready(answer) = polled.await {
            return answer.map(|()| true);
        }
        // Lets whatever it waits for happen, or not.
        tokio::task::yield_now().await;
    }
    // Polled once more without anybody to wake, as by a caller that selects among several things.
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.map(|()| true),
        Poll::Pending => Ok(false),
    }
}

/// A change of an entry in a directory of the place.
type Change = fn(Place, String) -> BoxFuture<'static, Result<()>>;

/// Expects that after a change that was given up there is the `old` or the `new` state, and that it can be made again.
async fn old_or_new(subject: Subject, old: Change, new: Change) -> Checked {
    let place = subject.open().await?;
    place.make_dir("reference").await?;
    old(place.clone(), "reference".to_owned()).await?;
    let before = place.entry("reference").await?;
    new(place.clone(), "reference".to_owned()).await?;
    let after = place.entry("reference").await?;
    ensure!(before != after, "the change changed nothing");
    for steps in STEPS {
        let dir = format!("run{steps}");
        place.make_dir(&dir).await?;
        old(place.clone(), dir.clone()).await?;
        let is_done = give_up(new(place.clone(), dir.clone()), steps).await?;
        let found = settled(&place, &dir).await?;
        ensure!(
            found == after || !is_done && found == before,
            "given up after {steps} steps, done: {is_done}: {}",
            crate::failure::shown(&found)
        );
        // What was under way may have been done meanwhile.
        match new(place.clone(), dir.clone()).await {
            Err(error) if error.is_not_found() => {}
            answer => answer?,
        }
        ensure_eq!(place.entry(&dir).await?, after, "after trying again, given up after {steps} steps");
        if is_done {
            return Ok(());
        }
    }
    Ok(())
}

/// What a directory holds once nothing changes it any more: what was given up may still be under way.
async fn settled(place: &Place, dir: &str) -> Result<Option<Node>> {
    let mut last = place.entry(dir).await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        match (place.entry(dir).await, last) {
            (Ok(found), Ok(last)) if found == last => return Ok(found),
            (found, _) => last = found,
        }
    }
    last
}

async fn overwriting_a_file_is_all_or_nothing(subject: Subject) -> Checked {
    let old: Change = |place, dir| async move { place.put_file(&format!("{dir}/x"), "old").await }.boxed();
    let new: Change = |place, dir| {
        async move { place.put_file(&format!("{dir}/x"), samples::bytes(1, 10_000)).await }.boxed()
    };
    old_or_new(subject, old, new).await
}

async fn writing_a_meta_is_all_or_nothing(subject: Subject) -> Checked {
    let old: Change = |place, dir| {
        async move {
            let meta = Bytes::from_static(b"n: 1\n");
            place.write_meta(&at(&dir)?, meta, MetaWriteMode::Overwrite).await.map(|_version| ())
        }
        .boxed()
    };
    let new: Change = |place, dir| {
        async move {
            let meta = Bytes::from_static(b"n: 2\n");
            place.write_meta(&at(&dir)?, meta, MetaWriteMode::Overwrite).await.map(|_version| ())
        }
        .boxed()
    };
    old_or_new(subject, old, new).await
}

async fn overwriting_an_array_is_all_or_nothing(subject: Subject) -> Checked {
    let old: Change = |place, dir| {
        async move { place.put_array(&format!("{dir}/x"), &[4], samples::counting(0, 4)).await }.boxed()
    };
    let new: Change = |place, dir| {
        async move { place.put_array(&format!("{dir}/x"), &[3, 2], samples::counting(10, 6)).await }.boxed()
    };
    old_or_new(subject, old, new).await
}

async fn removing_is_all_or_nothing(subject: Subject) -> Checked {
    let old: Change = |place, dir| {
        async move {
            place.make_dir(&format!("{dir}/x")).await?;
            place.put_file(&format!("{dir}/x/one"), "content").await?;
            place.put_file(&format!("{dir}/x/two"), "content").await
        }
        .boxed()
    };
    let new: Change = |place, dir| async move { place.remove(&at(&format!("{dir}/x"))?).await }.boxed();
    old_or_new(subject, old, new).await
}

/// What was appended, run by run, to an entry that begins with the rows 0, 1 and 2: expects each run of three whole, no run
/// twice, and the runs in `needed` among them.
fn whole_runs(rows: &[i64], needed: &[i64]) -> Checked {
    let mut runs: Vec<i64> = Vec::new();
    for run in rows.chunks(3) {
        let first = run.first().copied().unwrap_or(-1);
        let is_whole = run.len() == 3 && run.iter().zip(first..).all(|(row, expected)| *row == expected);
        ensure!(is_whole && !runs.contains(&first), "the rows {run:?} are not one append, in {rows:?}");
        runs.push(first);
    }
    ensure!(needed.iter().all(|first| runs.contains(first)), "not all of {needed:?} are there: {rows:?}");
    Ok(())
}

/// Appends three rows that count from a number to the entry `x`.
type Append = fn(Place, i64) -> BoxFuture<'static, Result<()>>;
/// All rows of the entry `x`.
type Rows = fn(Place) -> BoxFuture<'static, Result<Vec<i64>>>;

/// Gives up appends after ever more steps, each followed by one that is not given up.
async fn all_rows_or_none(place: Place, append: Append, rows: Rows) -> Checked {
    let mut needed = vec![0];
    for steps in STEPS {
        let first = 100 * steps as i64;
        if give_up(append(place.clone(), first), steps).await? {
            needed.push(first);
        }
        whole_runs(&rows(place.clone()).await?, &needed)?;
        append(place.clone(), first + 50).await?;
        needed.push(first + 50);
        whole_runs(&rows(place.clone()).await?, &needed)?;
    }
    Ok(())
}

async fn appending_to_an_array_is_all_or_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[3], samples::counting(0, 3)).await?;
    let append: Append = |place, first| {
        async move { place.append_rows("x", 3, samples::counting(first as u64, 3)).await.map(|_length| ()) }
            .boxed()
    };
    let rows: Rows = |place| {
        async move {
            match place.array("x").await?.1.0 {
                Values::Int64(rows) => Ok(rows),
                other => Err(Error::new(ErrorKind::Corrupt, format!("the array is of {}", other.dtype()))),
            }
        }
        .boxed()
    };
    all_rows_or_none(place, append, rows).await
}

async fn appending_to_a_table_is_all_or_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("x", &samples::people(0, 3)?).await?;
    let append: Append = |place, first| {
        async move { place.append_table("x", &samples::people(first, 3)?).await.map(|_rows| ()) }.boxed()
    };
    let rows: Rows = |place| async move { Ok(samples::ids(&place.table("x").await?)) }.boxed();
    all_rows_or_none(place, append, rows).await
}

async fn appending_to_a_file_is_all_or_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "0\n1\n2\n").await?;
    let append: Append = |place, first| {
        async move {
            let lines: String = (first..first + 3).map(|row| format!("{row}\n")).collect();
            place.append_file("x", lines).await.map(|_length| ())
        }
        .boxed()
    };
    let rows: Rows = |place| {
        async move {
            let content = place.file("x").await?;
            let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            // What is no number is no row of anybody's.
            Ok(lines.map(|line| String::from_utf8_lossy(line).parse().unwrap_or(-1)).collect())
        }
        .boxed()
    };
    all_rows_or_none(place, append, rows).await
}
