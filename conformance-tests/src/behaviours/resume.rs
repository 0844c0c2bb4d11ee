//! Builds that stop halfway, and go on later.

use super::{prelude::*, rooted::*};
use fascicle_core::{Interrupted, config::Value};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

behaviours! { "resume"
    /// A build that was interrupted is gone on with in its directory, with what it had written and the progress that it told.
    an_interrupted_build_goes_on_in_its_directory [Write];
    /// Whoever cannot go on with an interrupted build begins anew, and finds nothing of it.
    who_cannot_go_on_begins_anew [Write];
    /// Rows that an interrupted build appended are kept, and those of the builds that go on follow them.
    appended_rows_are_kept_over_interruptions [Write, Arrays, ArrayAppend];
    /// Of many who ask for an interrupted build one goes on with it, and all get that directory.
    of_many_who_ask_one_goes_on [Write];
}

/// With an automatic name, and at a path.
const PLACES: [Option<&str>; 2] = [None, Some("group/mine")];

fn options(path: Option<&str>, resume: bool) -> ResolveOptions {
    ResolveOptions { path: path.map(str::to_owned), resume, ..ResolveOptions::default() }
}

/// Builds the first half, and is interrupted.
async fn interrupt(root: &Root, config: &Config, path: Option<&str>) -> Checked {
    let build = |directory: Directory| async move {
        directory.put_file("content", "some bytes").await?;
        Err(Interrupted::at("half").into())
    };
    let answer = root.resolve_config(config, &IdentityRules::default(), &options(path, false), build).await;
    refused(answer, ErrorKind::BuildFailed).map(|_| ())
}

/// Builds the other half, which comes to what [`Builds::run`] makes.
async fn go_on(root: &Root, config: &Config, path: Option<&str>) -> Result<Resolution> {
    let build = |directory: Directory| async move {
        if directory.resumed_from() != Some(&Value::from("half")) {
            return Err(format!("it goes on from {:?}", directory.resumed_from()).into());
        }
        directory.put_file("inner/more", "more bytes").await?;
        Ok(())
    };
    root.resolve_config(config, &IdentityRules::default(), &options(path, true), build).await
}

async fn an_interrupted_build_goes_on_in_its_directory(subject: Subject) -> Checked {
    let [first, second, third] = subject.roots().await?;
    for (seed, path) in PLACES.into_iter().enumerate() {
        let (config, name) = (cells(seed as i64), path.unwrap_or("Cells_0000"));
        interrupt(&first, &config, path).await?;
        ensure_eq!(first.dir(name)?.status().await?, Some(Status::Stopped), "while nobody goes on");
        let built = go_on(&second, &config, path).await?;
        ensure_eq!(told(&built), (Outcome::Built, name), "what goes on");
        is_complete(&built.directory).await?;
        let again = go_on(&third, &config, path).await?;
        ensure_eq!(told(&again), (Outcome::Found, name), "what is found afterwards");
    }
    Ok(())
}

async fn who_cannot_go_on_begins_anew(subject: Subject) -> Checked {
    let ([first, second], builds) = (subject.roots().await?, Builds::default());
    for (seed, path) in PLACES.into_iter().enumerate() {
        let config = cells(seed as i64);
        let begun = |directory: Directory| async move {
            directory.put_file("left", "over").await?;
            Err(Interrupted::new().into())
        };
        let rules = IdentityRules::default();
        refused(
            first.resolve_config(&config, &rules, &options(path, false), begun).await,
            ErrorKind::BuildFailed,
        )?;
        let built = builds.resolve_with(&second, &config, &rules, &options(path, false)).await?;
        ensure_eq!(told(&built), (Outcome::Built, path.unwrap_or("Cells_0001")), "what is built");
        is_complete(&built.directory).await?;
    }
    ensure_eq!(first.dir("Cells_0000")?.status().await?, Some(Status::Stopped), "what was interrupted");
    ensure_eq!(builds.count(), 2, "how often the build function was run");
    Ok(())
}

async fn appended_rows_are_kept_over_interruptions(subject: Subject) -> Checked {
    let roots: [Root; 3] = subject.roots().await?;
    for (seed, path) in PLACES.into_iter().enumerate() {
        let (config, name) = (cells(seed as i64), path.unwrap_or("Cells_0000"));
        for (step, root) in roots.iter().enumerate() {
            let step = step as i64;
            let build = |directory: Directory| async move {
                let begin = directory.resumed_from().and_then(Value::as_i64).unwrap_or(0);
                directory.append("inner/x", [begin, step]).await?;
                if step < 2 { Err(Interrupted::at(step + 1).into()) } else { Ok(()) }
            };
            let answer =
                root.resolve_config(&config, &IdentityRules::default(), &options(path, true), build).await;
            match step {
                2 => ensure_eq!(told(&answer?), (Outcome::Built, name), "the last build"),
                _ => drop(refused(answer, ErrorKind::BuildFailed)?),
            }
            let rows: Vec<i64> = root.dir(name)?.array("inner/x").await?.read().await?;
            let all: Vec<i64> = (0..=step).flat_map(|step| [step, step]).collect();
            ensure_eq!(rows, all, "the rows in '{name}' after build {step}");
        }
    }
    Ok(())
}

async fn of_many_who_ask_one_goes_on(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    let runs = Arc::new(AtomicUsize::new(0));
    interrupt(&root_over(&backend), &cells(0), None).await?;
    let tasks = (0..8).map(|_| {
        let (root, runs) = (root_over(&backend), runs.clone());
        tokio::spawn(async move {
            let runs = &runs;
            let build = |directory: Directory| async move {
                runs.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                directory.put_file("inner/more", "more bytes").await?;
                Ok(())
            };
            let rules = IdentityRules::default();
            let answer = root.resolve_config(&cells(0), &rules, &options(None, true), build).await?;
            is_complete(&answer.directory).await?;
            Ok(answer.directory.path().as_str().to_owned())
        })
    });
    let answers = joined(tasks.collect()).await?;
    ensure!(answers.iter().all(|path| path == "Cells_0000"), "not all got one directory: {answers:?}");
    ensure_eq!(runs.load(Ordering::SeqCst), 1, "how often it was gone on with");
    Ok(())
}
