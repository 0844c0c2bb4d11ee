//! Many tasks and threads of one process at one place.

use super::prelude::*;
use fascicle_backend::{CreateOutcome, RecordKey};
use tokio::sync::Barrier;

behaviours! { "concurrent"
    /// Of many tasks that create one directory, one does; the others are told that it exists, and its meta is the winner's.
    one_task_creates_a_directory [Write];
    /// Of many tasks that create one file, one does; the others are told that it exists, and its bytes are the winner's.
    one_task_creates_a_file [Write];
    /// Of many tasks that create one array, one does, and its elements are the winner's.
    one_task_creates_an_array [Write, Arrays];
    /// Of many tasks that create one record, one does, and its body is the winner's.
    one_task_creates_a_record [Write];
    /// Of many tasks that update one version of a meta, one does; the others conflict.
    one_task_updates_a_version [Write];
    /// Tasks that read, add one and update until it succeeds lose no addition.
    no_update_of_a_meta_is_lost [Write];
    /// Of many tasks that move one entry, one does, and it is in one place afterwards.
    one_task_moves_an_entry [Write, Rename];
    /// Of many tasks that remove one directory, one does, and the others find nothing.
    a_directory_is_removed_once [Write];
    /// Concurrent appends to an array each arrive whole and contiguous; none is lost.
    appends_to_an_array_all_arrive [Write, Arrays, ArrayAppend];
    /// Concurrent appends to a table each arrive whole and contiguous; none is lost.
    appends_to_a_table_all_arrive [Write, Tables, TableAppend];
    /// Concurrent appends to a file each arrive whole; none is lost.
    appends_to_a_file_all_arrive [Write, FileAppend];
    /// Concurrent appends through several handles on one place all arrive.
    appends_through_several_handles_all_arrive [Write, Durable, Arrays, ArrayAppend];
    /// Concurrent appends to a table through several handles on one place all arrive.
    appends_to_a_table_through_several_handles_all_arrive [Write, Durable, Tables, TableAppend];
    /// Concurrent appends to a file through several handles on one place all arrive.
    appends_to_a_file_through_several_handles_all_arrive [Write, Durable, FileAppend];
    /// Of many handles that create the same records each record has one creator, whose body it has.
    every_record_has_one_creator_among_many_handles [Write, Durable];
    /// Of many handles that create one directory one does, and its meta is the winner's.
    one_handle_creates_a_directory [Write, Durable];
    /// Handles that read, add one and update a meta until it succeeds lose no addition.
    no_update_of_a_meta_is_lost_among_many_handles [Write, Durable];
    /// Tasks that write different entries of one directory do not disturb each other.
    writers_of_different_entries_do_not_meet [Write, Arrays];
    /// One handle serves several threads, each with a runtime of its own.
    a_handle_serves_several_runtimes [Write];
}

const TASKS: usize = 12;

/// Runs `work` in many tasks that start together and returns what each gave.
async fn together<T, W, F>(work: W) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    W: Fn(usize) -> F,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(TASKS));
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            let (start, work) = (start.clone(), work(number));
            tokio::spawn(async move {
                start.wait().await;
                work.await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await?);
    }
    Ok(answers)
}

/// Expects one task to have succeeded and the others to have been refused with `kind`; returns its number.
fn winner<T>(answers: Vec<Result<T>>, kind: ErrorKind) -> Result<usize, Failure> {
    let mut winners = Vec::new();
    for (number, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(_) => winners.push(number),
            Err(error) => {
                refused::<()>(Err(error), kind)?;
            }
        }
    }
    match winners.as_slice() {
        [one] => Ok(*one),
        others => Err(Failure::new(format!("{} of {TASKS} tasks won", others.len()))),
    }
}

/// The handles that tasks work through: one that they share, or one for each.
async fn handles(subject: &Subject, is_shared: bool) -> Result<Vec<Place>, Failure> {
    let first = subject.open().await?;
    let mut places = vec![first.clone()];
    while places.len() < TASKS {
        places.push(if is_shared { first.clone() } else { subject.open().await? });
    }
    Ok(places)
}

async fn one_creates_a_directory(places: Vec<Place>) -> Checked {
    let answers = together(|number| {
        let place = places[number].clone();
        async move { place.make_dir_with("d", &format!("by: {number}\n")).await }
    })
    .await?;
    let winner = winner(answers, ErrorKind::AlreadyExists)?;
    for place in places {
        ensure_eq!(place.meta("d").await?, format!("by: {winner}\n").as_bytes(), "the meta");
    }
    Ok(())
}

async fn one_task_creates_a_directory(subject: Subject) -> Checked {
    one_creates_a_directory(handles(&subject, true).await?).await
}

async fn one_handle_creates_a_directory(subject: Subject) -> Checked {
    one_creates_a_directory(handles(&subject, false).await?).await
}

async fn one_task_creates_a_file(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let answers = together(|number| {
        let place = place.clone();
        async move { place.put_file_as("x", samples::bytes(number as u64, 10_000), WriteMode::Create).await }
    })
    .await?;
    let winner = winner(answers, ErrorKind::AlreadyExists)?;
    ensure!(
        place.file("x").await? == samples::bytes(winner as u64, 10_000),
        "the bytes are not the winner's"
    );
    Ok(())
}

async fn one_task_creates_an_array(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let answers = together(|number| {
        let place = place.clone();
        async move {
            let (values, options) = (samples::counting(100 * number as u64, 50), ArrayOptions::default());
            place.put_array_with("x", &[50], values, &options, WriteMode::Create).await
        }
    })
    .await?;
    let winner = winner(answers, ErrorKind::AlreadyExists)? as u64;
    ensure_eq!(place.array("x").await?.1, Bits(samples::counting(100 * winner, 50)), "the elements");
    Ok(())
}

async fn one_task_creates_a_record(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let key = RecordKey::parse("v1/ab/x.claim")?;
    let answers = together(|number| {
        let (place, key) = (place.clone(), key.clone());
        async move { place.records().create(&key, Bytes::from(format!("nonce {number}"))).await }
    })
    .await?;
    let outcomes = answers.into_iter().collect::<Result<Vec<_>>>()?;
    let winners: Vec<usize> =
        (0..TASKS).filter(|task| outcomes.get(*task) == Some(&CreateOutcome::Created)).collect();
    ensure_eq!(winners.len(), 1, "the number of tasks that created the record");
    let expected = winners.first().map(|winner| Bytes::from(format!("nonce {winner}")));
    ensure_eq!(place.records().read(&key).await?, expected, "the record");
    Ok(())
}

async fn one_task_updates_a_version(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let version = place.make_dir_with("d", "by: nobody\n").await?;
    let directory = at("d")?;
    let answers = together(|number| {
        let (place, directory, mode) =
            (place.clone(), directory.clone(), MetaWriteMode::UpdateIf(version.clone()));
        async move { place.write_meta(&directory, Bytes::from(format!("by: {number}\n")), mode).await }
    })
    .await?;
    let winner = winner(answers, ErrorKind::Conflict)?;
    ensure_eq!(place.meta("d").await?, format!("by: {winner}\n").as_bytes(), "the meta");
    Ok(())
}

async fn add_one(place: &Place, directory: &EntryPath) -> Result<(), Failure> {
    loop {
        let Some(meta) = place.read_meta(directory).await? else {
            return Err(Failure::new("the meta is gone"));
        };
        let number: u64 = std::str::from_utf8(&meta.bytes)?.trim().trim_start_matches("n: ").parse()?;
        let next = Bytes::from(format!("n: {}\n", number + 1));
        match place.write_meta(directory, next, MetaWriteMode::UpdateIf(meta.version)).await {
            Err(error) if error.kind() == ErrorKind::Conflict => tokio::task::yield_now().await,
            other => return other.map(|_version| ()).map_err(Failure::from),
        }
    }
}

async fn every_record_has_one_creator_among_many_handles(subject: Subject) -> Checked {
    const RECORDS: usize = 10;
    let places = handles(&subject, false).await?;
    let key = |record: usize| RecordKey::parse(&format!("v1/ab/{record}.claim"));
    let answers = together(|task| {
        let place = places[task].clone();
        async move {
            let mut created = Vec::new();
            for record in 0..RECORDS {
                let body = Bytes::from(format!("task {task}"));
                if place.records().create(&key(record)?, body).await? == CreateOutcome::Created {
                    created.push(record);
                }
            }
            Ok(created)
        }
    })
    .await?;
    let created = answers.into_iter().collect::<Result<Vec<Vec<usize>>>>()?;
    for record in 0..RECORDS {
        let creators: Vec<usize> = (0..TASKS).filter(|task| created[*task].contains(&record)).collect();
        ensure_eq!(creators.len(), 1, "the number of creators of record {record}, {creators:?}");
        let expected = Bytes::from(format!("task {}", creators[0]));
        let found = places[0].records().read(&key(record)?).await?;
        ensure_eq!(found, Some(expected), "the body of record {record}");
    }
    Ok(())
}

async fn no_update_is_lost(places: Vec<Place>) -> Checked {
    let (place, directory) = (places[0].clone(), at("d")?);
    place.make_dir_with("d", "n: 0\n").await?;
    let answers = together(|task| {
        let (place, directory) = (places[task].clone(), directory.clone());
        async move {
            for _ in 0..3 {
                add_one(&place, &directory).await?;
            }
            Ok(())
        }
    })
    .await?;
    answers.into_iter().collect::<Checked>()?;
    ensure_eq!(place.meta("d").await?, format!("n: {}\n", 3 * TASKS).as_bytes(), "the meta");
    Ok(())
}

async fn no_update_of_a_meta_is_lost(subject: Subject) -> Checked {
    no_update_is_lost(handles(&subject, true).await?).await
}

async fn no_update_of_a_meta_is_lost_among_many_handles(subject: Subject) -> Checked {
    no_update_is_lost(handles(&subject, false).await?).await
}

async fn one_task_moves_an_entry(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    let answers = together(|number| {
        let place = place.clone();
        async move { place.rename(&at("x")?, &at(&format!("to {number}"))?).await }
    })
    .await?;
    let winner = winner(answers, ErrorKind::NotFound)?;
    ensure_eq!(place.names("").await?, [format!("to {winner}")], "the listing");
    ensure_eq!(place.file(&format!("to {winner}")).await?, "content".as_bytes(), "the file");
    Ok(())
}

async fn a_directory_is_removed_once(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    for number in 0..10 {
        place.put_file(&format!("d/{number}"), "content").await?;
    }
    let answers = together(|_| {
        let place = place.clone();
        async move { place.remove(&at("d")?).await }
    })
    .await?;
    winner(answers, ErrorKind::NotFound)?;
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
    Ok(())
}

const APPENDS: u64 = 4;
const ROWS: u64 = 3;

/// Expects the rows that [`TASKS`] tasks appended [`APPENDS`] times, [`ROWS`] at once: each run whole and contiguous, and
/// the runs of one task in order. A row is the task's number times 1000 plus its own number.
fn all_arrived(rows: &[i64]) -> Checked {
    ensure_eq!(rows.len(), TASKS * (APPENDS * ROWS) as usize, "the number of rows");
    let mut next = [0; TASKS];
    for run in rows.chunks(ROWS as usize) {
        let first = run.first().copied().unwrap_or(-1);
        let is_whole = run.iter().zip(first..).all(|(row, expected)| *row == expected);
        ensure!(is_whole, "the rows {run:?} were not appended together");
        let (task, number) = ((first / 1000) as usize, first % 1000);
        let expected = next.get_mut(task).ok_or_else(|| Failure::new(format!("nobody appended {first}")))?;
        ensure_eq!(number, *expected, "the next row of task {task}");
        *expected += ROWS as i64;
    }
    Ok(())
}

/// The rows that a task appends the `append`-th time.
fn rows_of(task: usize, append: u64) -> Vec<i64> {
    let first = task as i64 * 1000 + (append * ROWS) as i64;
    (first..first + ROWS as i64).collect()
}

async fn append_to_array(place: Place, task: usize) -> Result<()> {
    for append in 0..APPENDS {
        place.append_rows("x", ROWS, Values::Int64(rows_of(task, append))).await?;
    }
    Ok(())
}

pub(super) async fn array_rows(place: &Place) -> Result<Vec<i64>, Failure> {
    match place.array("x").await?.1.0 {
        Values::Int64(rows) => Ok(rows),
        other => Err(Failure::new(format!("the array is of {}", other.dtype()))),
    }
}

async fn appends_to_array(places: Vec<Place>) -> Checked {
    places[0].put_array("x", &[0], Values::Int64(vec![])).await?;
    let answers = together(|task| append_to_array(places[task].clone(), task)).await?;
    answers.into_iter().collect::<Result<()>>()?;
    all_arrived(&array_rows(&places[0]).await?)
}

async fn appends_to_an_array_all_arrive(subject: Subject) -> Checked {
    appends_to_array(handles(&subject, true).await?).await
}

async fn appends_through_several_handles_all_arrive(subject: Subject) -> Checked {
    appends_to_array(handles(&subject, false).await?).await
}

async fn appends_to_table(places: Vec<Place>) -> Checked {
    let place = &places[0];
    place.put_table("t", &samples::people(0, 0)?).await?;
    let answers = together(|task| {
        let place = places[task].clone();
        async move {
            for append in 0..APPENDS {
                let first = rows_of(task, append).first().copied().unwrap_or_default();
                place.append_table("t", &samples::people(first, ROWS as i64)?).await?;
            }
            Ok::<_, Failure>(())
        }
    })
    .await?;
    answers.into_iter().collect::<Checked>()?;
    all_arrived(&samples::ids(&place.table("t").await?))
}

async fn appends_to_a_table_all_arrive(subject: Subject) -> Checked {
    appends_to_table(handles(&subject, true).await?).await
}

async fn appends_to_a_table_through_several_handles_all_arrive(subject: Subject) -> Checked {
    appends_to_table(handles(&subject, false).await?).await
}

async fn appends_to_file(places: Vec<Place>) -> Checked {
    let place = &places[0];
    place.put_file("log", "").await?;
    let answers = together(|task| {
        let place = places[task].clone();
        async move {
            for append in 0..APPENDS {
                let lines: String = rows_of(task, append).iter().map(|row| format!("{row}\n")).collect();
                place.append_file("log", lines).await?;
            }
            Ok(())
        }
    })
    .await?;
    answers.into_iter().collect::<Result<()>>()?;
    let content = place.file("log").await?;
    let rows: Result<Vec<i64>, _> = std::str::from_utf8(&content)?.lines().map(str::parse).collect();
    all_arrived(&rows?)
}

async fn appends_to_a_file_all_arrive(subject: Subject) -> Checked {
    appends_to_file(handles(&subject, true).await?).await
}

async fn appends_to_a_file_through_several_handles_all_arrive(subject: Subject) -> Checked {
    appends_to_file(handles(&subject, false).await?).await
}

async fn writers_of_different_entries_do_not_meet(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    let answers = together(|task| {
        let place = place.clone();
        async move {
            let first = 1000 * task as u64;
            place.put_array(&format!("d/a{task}"), &[20], samples::counting(first, 20)).await?;
            place.put_file(&format!("d/f{task}"), samples::bytes(first, 1000)).await?;
            place.make_dir(&format!("d/d{task}")).await?;
            place.put_file(&format!("d/d{task}/x"), format!("{task}")).await
        }
    })
    .await?;
    answers.into_iter().collect::<Result<()>>()?;
    ensure_eq!(place.names("d").await?.len(), 3 * TASKS, "the number of entries");
    for task in 0..TASKS {
        let first = 1000 * task as u64;
        let found = place.array(&format!("d/a{task}")).await?.1;
        ensure_eq!(found, Bits(samples::counting(first, 20)), "the array of task {task}");
        let found = place.file(&format!("d/f{task}")).await?;
        ensure!(found == samples::bytes(first, 1000), "the file of task {task} differs");
        ensure_eq!(
            place.file(&format!("d/d{task}/x")).await?,
            format!("{task}").as_bytes(),
            "the inner file"
        );
    }
    Ok(())
}

async fn a_handle_serves_several_runtimes(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let on_thread = |number: usize| {
        let place = place.clone();
        std::thread::spawn(move || -> Checked {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let path = format!("of thread {number}");
                for round in 0..5 {
                    place.put_file(&path, format!("{number}, {round}")).await?;
                    ensure_eq!(place.file(&path).await?, format!("{number}, {round}").as_bytes(), "the file");
                }
                Ok(())
            })
        })
    };
    let threads: Vec<_> = (0..4).map(on_thread).collect();
    for thread in
        tokio::task::spawn_blocking(|| threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>())
            .await?
    {
        thread.map_err(|_| Failure::new("a thread panicked"))??;
    }
    ensure_eq!(place.names("").await?.len(), 4, "the number of files");
    Ok(())
}
