//! Many callers at once: one builds, all get what it built.

use super::{prelude::*, rooted::*};
use fascicle_backend::{
    Backend,
    wrap::{Observer, Operation, observed},
};
use std::{collections::BTreeSet, thread, time::Duration};
use tokio::sync::watch;

behaviours! { "race"
    /// Of many tasks on one root one builds, and all get its directory, complete.
    of_many_tasks_on_one_root_one_builds [Write];
    /// Of many tasks on roots that share nothing but the storage one builds, and all get its directory, complete.
    of_many_tasks_on_many_roots_one_builds [Write];
    /// The same holds of roots whose handles were opened one by one.
    of_many_tasks_on_many_handles_one_builds [Write, Durable];
    /// Many configs that are asked for at once are built once each, in directories of their own.
    many_configs_are_built_once_each [Write];
    /// After a directory was modified, or its build failed, one of many callers builds again.
    one_of_many_builds_again [Write];
    /// The error of a build reaches everybody who waited for it, and nobody builds meanwhile.
    waiters_get_the_error_of_the_build [Write];
    /// Whoever looks while a directory is built sees nothing, or later all of it, and never a part.
    nobody_sees_a_part [Write];
    /// Waiting ends at its deadline, and the build that was waited for goes on.
    waiting_has_a_deadline [Write];
    /// When the caller that builds gives up, another one builds, and the unfinished directory is stopped.
    a_builder_that_gives_up_is_replaced [Write];
    /// A builder that shows no sign of life for its lease is replaced; when it comes back it cannot commit, and gets what was built instead.
    a_silent_builder_is_replaced_and_cannot_commit [Write];
    /// A builder that shows signs of life is waited for, however long it takes.
    a_living_builder_is_waited_for [Write];
    /// Of many tasks that ask for one path one builds, and all get that path.
    of_many_tasks_at_one_path_one_builds [Write];
    /// Of two configs that ask for one path at once one gets it, and the other one is told the difference.
    of_two_configs_at_one_path_one_gets_it [Write];
    /// Directories that are created at once with automatic names get distinct names.
    automatic_names_are_given_once [Write];
    /// Automatic names are distinct for handles that were opened one by one.
    automatic_names_are_given_once_on_many_handles [Write, Durable];
}

/// Hesitates before something is created, so that those who found nothing meet there even where every call takes no time.
struct Hesitation;

impl Observer for Hesitation {
    fn before(&self, operation: Operation, _path: &str) -> Result<()> {
        if matches!(operation, Operation::CreateRecord | Operation::CreateDirectory) {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Roots that know nothing of each other and share one handle, which hesitates.
async fn hesitant_roots<const N: usize>(subject: &Subject) -> Result<[Root; N], Failure> {
    let backend: Arc<dyn Backend> = Arc::new(observed(subject.open_bare().await?, Arc::new(Hesitation)));
    Ok(std::array::from_fn(|_| root_over(&backend)))
}

/// The same, each on a handle that was opened for it.
async fn opened_hesitant_roots<const N: usize>(subject: &Subject) -> Result<Vec<Root>, Failure> {
    let mut roots = Vec::with_capacity(N);
    for _ in 0..N {
        roots.extend(hesitant_roots::<1>(subject).await?);
    }
    Ok(roots)
}

/// Asks for a config on every root from several tasks, and returns how and where each of them came by it.
async fn ask_from_everywhere(
    roots: &[Root],
    tasks_each: usize,
    builds: &Builds,
    config: &Config,
) -> Result<Vec<(Outcome, String)>, Failure> {
    let mut tasks = Vec::new();
    for _ in 0..tasks_each {
        for root in roots {
            let (root, builds, config) = (root.clone(), builds.clone(), config.clone());
            tasks.push(tokio::spawn(async move {
                let resolution = builds.resolve(&root, &config).await?;
                is_complete(&resolution.directory).await?;
                Ok::<_, Failure>((resolution.outcome, resolution.directory.path().as_str().to_owned()))
            }));
        }
    }
    joined(tasks).await
}

/// Expects that one of 32 tasks builds and that all get `name`.
async fn one_builds(roots: &[Root]) -> Checked {
    let builds = Builds::slow(Duration::from_millis(10));
    let answers = ask_from_everywhere(roots, 32 / roots.len(), &builds, &cells(0)).await?;
    ensure_eq!(builds.count(), 1, "how often the build function was run");
    ensure_eq!(answers.len(), 32, "the number of answers");
    let built = answers.iter().filter(|(outcome, _)| *outcome == Outcome::Built).count();
    ensure_eq!(built, 1, "how many were told that they built it");
    ensure!(answers.iter().all(|(_, path)| path == "Cells_0000"), "not all got one directory: {answers:?}");
    ensure_eq!(names(&roots[0]).await?, ["Cells_0000"], "all directories");
    Ok(())
}

async fn of_many_tasks_on_one_root_one_builds(subject: Subject) -> Checked {
    one_builds(&hesitant_roots::<1>(&subject).await?).await
}

async fn of_many_tasks_on_many_roots_one_builds(subject: Subject) -> Checked {
    one_builds(&hesitant_roots::<8>(&subject).await?).await
}

async fn of_many_tasks_on_many_handles_one_builds(subject: Subject) -> Checked {
    one_builds(&opened_hesitant_roots::<8>(&subject).await?).await
}

async fn many_configs_are_built_once_each(subject: Subject) -> Checked {
    let (roots, builds) = (hesitant_roots::<4>(&subject).await?, Builds::default());
    let mut tasks = Vec::new();
    for task in 0..32 {
        let (root, builds) = (roots[task % 4].clone(), builds.clone());
        tasks.push(tokio::spawn(async move {
            let seed = (task / 4) as i64;
            let directory = builds.resolve(&root, &cells(seed)).await?.directory;
            is_complete(&directory).await?;
            ensure_eq!(directory.config().await?, cells(seed), "the config of '{directory}'");
            Ok((seed, directory.name().to_owned()))
        }));
    }
    let answers: BTreeSet<(i64, String)> = joined(tasks).await?.into_iter().collect();
    ensure_eq!(answers.len(), 8, "the pairs of config and directory, {answers:?}");
    let distinct: BTreeSet<&String> = answers.iter().map(|(_, name)| name).collect();
    ensure_eq!(distinct.len(), 8, "the directories, {answers:?}");
    ensure_eq!(builds.count(), 8, "how often the build function was run");
    Ok(())
}

async fn one_of_many_builds_again(subject: Subject) -> Checked {
    let roots = hesitant_roots::<4>(&subject).await?;
    refused(fail_to_build(&roots[0], &cells(0), "on purpose").await, ErrorKind::BuildFailed)?;
    for name in ["Cells_0001", "Cells_0002"] {
        let builds = Builds::slow(Duration::from_millis(5));
        let answers = ask_from_everywhere(&roots, 4, &builds, &cells(0)).await?;
        ensure_eq!(builds.count(), 1, "how often the build function was run for '{name}'");
        ensure!(answers.iter().all(|(_, path)| path == name), "not all got '{name}': {answers:?}");
        roots[3].dir(name)?.put_file("content", "changed").await?;
    }
    Ok(())
}

async fn waiters_get_the_error_of_the_build(subject: Subject) -> Checked {
    let roots = subject.roots::<3>().await?;
    let (begun, go_on) = (Arc::new(watch::Sender::new(false)), Arc::new(watch::Sender::new(false)));
    let builder = tokio::spawn({
        let (root, begun, go_on) = (roots[0].clone(), begun.clone(), go_on.clone());
        async move {
            let build = |directory: Directory| {
                let (begun, go_on) = (begun.clone(), go_on.clone());
                async move {
                    directory.put_file("content", "half of it").await?;
                    begun.send_replace(true);
                    go_on.subscribe().wait_for(|go_on| *go_on).await?;
                    Err("the reagents ran out".into())
                }
            };
            root.resolve_config(&cells(0), &IdentityRules::default(), &ResolveOptions::default(), build).await
        }
    });
    begun.subscribe().wait_for(|begun| *begun).await?;
    let builds = Builds::default();
    let waiters: Vec<_> = (0..6)
        .map(|task| {
            let (root, builds) = (roots[task % 3].clone(), builds.clone());
            tokio::spawn(async move { builds.resolve(&root, &cells(0)).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(30)).await;
    go_on.send_replace(true);
    let error = refused(builder.await?, ErrorKind::BuildFailed)?;
    ensure!(error.chain().contains("the reagents ran out"), "the builder is told {}", error.chain());
    for waiter in waiters {
        let error = refused(waiter.await?, ErrorKind::BuildFailed)?;
        ensure!(error.chain().contains("the reagents ran out"), "a waiter is told {}", error.chain());
    }
    ensure_eq!(builds.count(), 0, "how many of the waiters built");
    ensure_eq!(
        told(&builds.resolve(&roots[1], &cells(0)).await?),
        (Outcome::Built, "Cells_0001"),
        "the next call"
    );
    Ok(())
}

async fn nobody_sees_a_part(subject: Subject) -> Checked {
    let [root, other] = subject.roots().await?;
    let held = Held::new();
    let builder = held.resolve(&root, &cells(0));
    held.has_begun().await?;
    for root in [&root, &other] {
        ensure!(found(root, &cells(0)).await?.is_none(), "an unfinished directory is found");
    }
    let looking = tokio::spawn({
        let other = other.clone();
        async move {
            loop {
                if let Some(directory) = found(&other, &cells(0)).await? {
                    return is_complete(&directory).await;
                }
                tokio::task::yield_now().await;
            }
        }
    });
    held.go_on();
    looking.await??;
    ensure_eq!(told(&builder.await??), (Outcome::Built, "Cells_0000"), "the build");
    Ok(())
}

async fn waiting_has_a_deadline(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    let held = Held::new();
    let builder = held.resolve(&root, &cells(0));
    held.has_begun().await?;
    let options = ResolveOptions::default().timeout(Duration::from_millis(30));
    for root in [&root, &other] {
        let waited = builds.resolve_with(root, &cells(0), &IdentityRules::default(), &options).await;
        refused(waited, ErrorKind::TimedOut)?;
    }
    // What nobody builds is not waited for, whatever the deadline.
    let none = ResolveOptions::default().timeout(Duration::ZERO);
    let another = builds.resolve_with(&other, &cells(1), &IdentityRules::default(), &none).await?;
    ensure_eq!(another.outcome, Outcome::Built, "another config");
    held.go_on();
    ensure_eq!(told(&builder.await??), (Outcome::Built, "Cells_0000"), "the build that was waited for");
    ensure_eq!(told(&builds.resolve(&other, &cells(0)).await?), (Outcome::Found, "Cells_0000"), "afterwards");
    Ok(())
}

async fn a_builder_that_gives_up_is_replaced(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    let held = Held::new();
    let builder = held.resolve(&root, &cells(0));
    held.has_begun().await?;
    builder.abort();
    ensure!(builder.await.is_err_and(|error| error.is_cancelled()), "the builder did not give up");
    // Who asks before the end of that build is known is told that it failed.
    let built = loop {
        match builds.resolve(&other, &cells(0)).await {
            Err(error) if error.kind() == ErrorKind::BuildFailed => {}
            answer => break answer?,
        }
    };
    ensure_eq!(built.directory.name(), "Cells_0001", "what is built instead");
    is_complete(&built.directory).await?;
    ensure_eq!(builds.count(), 1, "how often the build function was run");
    let given_up = other.dir("Cells_0000")?;
    for _ in 0..500 {
        if given_up.status().await? == Some(Status::Stopped) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Err(Failure::new(format!("what was given up stays {:?}", given_up.status().await?)))
}

async fn a_silent_builder_is_replaced_and_cannot_commit(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    let silent = silent_root(&backend).await?;
    let other = Root::with_options(backend, quick());
    let held = Held::new();
    let late = held.resolve(&silent, &cells(0));
    held.has_begun().await?;
    let builds = Builds::default();
    let instead = builds.resolve(&other, &cells(0)).await?;
    ensure_eq!(told(&instead), (Outcome::TookOver, "Cells_0001"), "what is built instead");
    is_complete(&instead.directory).await?;
    held.go_on();
    let late = late.await??;
    ensure_eq!(late.directory.name(), "Cells_0001", "what the late builder gets");
    is_complete(&late.directory).await?;
    ensure_eq!(
        other.dir("Cells_0000")?.status().await?,
        Some(Status::Stopped),
        "what the late builder wrote"
    );
    for root in [&silent, &other] {
        ensure_eq!(
            told(&builds.resolve(root, &cells(0)).await?),
            (Outcome::Found, "Cells_0001"),
            "afterwards"
        );
    }
    Ok(())
}

async fn a_living_builder_is_waited_for(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    let lease = short_lease(&backend).await? * 10;
    let living = Root::with_options(backend.clone(), alive(lease / 30, lease));
    let other = Root::with_options(backend, quick());
    let held = Held::new();
    let builder = held.resolve(&living, &cells(0));
    held.has_begun().await?;
    let builds = Builds::default();
    let waiter = tokio::spawn({
        let (other, builds) = (other.clone(), builds.clone());
        async move { builds.resolve(&other, &cells(0)).await }
    });
    tokio::time::sleep(lease * 3 / 2).await;
    ensure!(!waiter.is_finished(), "a builder that shows signs of life was not waited for");
    held.go_on();
    ensure_eq!(told(&builder.await??), (Outcome::Built, "Cells_0000"), "the build");
    ensure_eq!(told(&waiter.await??), (Outcome::Waited, "Cells_0000"), "what was waited for");
    ensure_eq!(builds.count(), 0, "how many of the waiters built");
    Ok(())
}

async fn of_many_tasks_at_one_path_one_builds(subject: Subject) -> Checked {
    let (roots, builds) = (hesitant_roots::<4>(&subject).await?, Builds::slow(Duration::from_millis(5)));
    let mut tasks = Vec::new();
    for task in 0..16 {
        let (root, builds) = (roots[task % 4].clone(), builds.clone());
        tasks.push(tokio::spawn(async move {
            let directory = builds.resolve_at(&root, &cells(0), "group/mine").await?.directory;
            is_complete(&directory).await?;
            Ok(directory.path().as_str().to_owned())
        }));
    }
    let paths: BTreeSet<String> = joined(tasks).await?.into_iter().collect();
    ensure_eq!(paths, ["group/mine".to_owned()].into(), "the directories that were got");
    ensure_eq!(builds.count(), 1, "how often the build function was run");
    Ok(())
}

async fn of_two_configs_at_one_path_one_gets_it(subject: Subject) -> Checked {
    let roots = hesitant_roots::<2>(&subject).await?;
    for round in 0..4 {
        let builds = Builds::default();
        let path = format!("mine{round}");
        let tasks: Vec<_> = (0..2usize)
            .map(|seed| {
                let (root, builds, path) = (roots[(seed * round) % 2].clone(), builds.clone(), path.clone());
                tokio::spawn(async move { builds.resolve_at(&root, &cells(seed as i64), &path).await })
            })
            .collect();
        let mut winner = None;
        for (seed, task) in tasks.into_iter().enumerate() {
            match task.await? {
                Ok(_) if winner.is_some() => return Err(Failure::new("both configs got the path")),
                Ok(_) => winner = Some(seed as i64),
                Err(error) if error.kind() == ErrorKind::Mismatch => {
                    ensure!(error.to_string().contains("≠seed"), "the difference is not told: {error}");
                }
                Err(error) => return Err(error.into()),
            }
        }
        let winner = winner.ok_or_else(|| Failure::new("neither config got the path"))?;
        is_complete(&roots[0].dir(&path)?).await?;
        ensure_eq!(roots[0].dir(&path)?.config().await?, cells(winner), "the config of what is there");
        ensure_eq!(builds.count(), 1, "how often the build function was run");
    }
    Ok(())
}

async fn are_distinct(roots: &[Root]) -> Checked {
    let mut tasks = Vec::new();
    for _ in 0..24 / roots.len() {
        for root in roots {
            let root = root.clone();
            tasks
                .push(tokio::spawn(async move { Ok(root.create_dir("Directory").await?.name().to_owned()) }));
        }
    }
    let given: BTreeSet<String> = joined(tasks).await?.into_iter().collect();
    ensure_eq!(given.len(), 24, "the number of distinct names, {given:?}");
    ensure_eq!(names(&roots[0]).await?, Vec::from_iter(given), "the directories that exist");
    Ok(())
}

async fn automatic_names_are_given_once(subject: Subject) -> Checked {
    are_distinct(&hesitant_roots::<4>(&subject).await?).await
}

async fn automatic_names_are_given_once_on_many_handles(subject: Subject) -> Checked {
    are_distinct(&opened_hesitant_roots::<4>(&subject).await?).await
}
