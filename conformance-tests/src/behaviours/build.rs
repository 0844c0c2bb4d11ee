//! Building a directory: how builds end, and what is found afterwards, whatever happened to the directory or the index.

use super::{prelude::*, rooted::*};
use fascicle_backend::{
    Backend, RecordKey,
    wrap::{CallCounts, Operation, observed},
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

behaviours! { "build"
    /// Looking for a directory without building it creates nothing.
    finding_creates_nothing [Write];
    /// A build that fails leaves a stopped directory, and its error reaches the caller as the source.
    a_failed_build_is_stopped [Write];
    /// What a failed build left is never found, and the next call builds again under a new name.
    a_failed_build_is_built_again [Write];
    /// A panic in the build function is a failed build.
    a_panic_is_a_failed_build [Write];
    /// A directory that is being built is running, and is not found before it is done.
    an_unfinished_directory_is_not_found [Write];
    /// A build that asks for its own directory is refused.
    a_build_cannot_ask_for_itself [Write];
    /// A build may ask for the directories of other configs, which are built first.
    a_build_may_ask_for_others [Write];
    /// The handle that a build function was given writes nothing after the build is over.
    the_handle_of_a_build_ends_with_it [Write];
    /// A directory that was removed is built again under its old name.
    a_removed_directory_is_built_again [Write];
    /// A directory whose storage was removed behind the index is built again.
    a_directory_that_vanished_is_built_again [Write];
    /// A directory that was moved is found where it is now.
    a_moved_directory_is_found_where_it_is [Write, Rename];
    /// A name that another directory took is not mistaken for the directory that was there.
    a_name_that_was_taken_over_is_not_mistaken [Write];
    /// A copy is changed without any effect on its original, which goes on being found.
    a_changed_copy_leaves_the_original [Write, Copy];
    /// When the original is removed or changed its copy is found.
    a_copy_stands_in_for_its_original [Write, Copy];
    /// A directory that was copied into another root is found there by its config.
    a_copy_in_another_root_is_found_there [Write];
    /// When the index is lost, finished directories are found again and none is built twice.
    directories_outlive_the_index [Write];
    /// When the index is lost, modified and stopped directories stay unusable.
    unusable_directories_stay_so_without_the_index [Write];
    /// A finished directory that another program made is found by its config.
    a_directory_of_another_program_is_found [Write];
    /// A directory that another program is building is waited for.
    a_running_directory_of_another_program_is_waited_for [Write];
    /// A directory that another program left unfinished is passed over after a while.
    an_unfinished_directory_of_another_program_is_passed_over [Write];
    /// A broken meta makes its own directory unusable and no other: all others are found and built as ever.
    a_broken_meta_affects_its_own_directory_only [Write];
    /// What is found costs the same number of calls however many directories there are, and lists nothing.
    a_hit_costs_the_same_among_many_directories [Write];
}

async fn finding_creates_nothing(subject: Subject) -> Checked {
    let root = subject.root().await?;
    ensure!(found(&root, &cells(0)).await?.is_none(), "something is found in an empty place");
    ensure!(names(&root).await?.is_empty(), "there is an entry");
    ensure!(root.as_dir().meta().await?.is_none(), "the root was given a meta");
    let records = root.backend().records().list(&RecordKey::parse("v1")?).await?;
    ensure!(records.is_empty(), "there are records: {records:?}");
    Ok(())
}

async fn a_failed_build_is_stopped(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let error = refused(fail_to_build(&root, &cells(0), "no cells today").await, ErrorKind::BuildFailed)?;
    let source = std::error::Error::source(&error).map(ToString::to_string);
    ensure_eq!(source.as_deref(), Some("no cells today"), "the source of the error");
    ensure!(error.to_string().contains("Cells_0000"), "the error does not say where: {error}");
    let stopped = root.dir("Cells_0000")?;
    ensure_eq!(stopped.status().await?, Some(Status::Stopped), "the status");
    ensure_eq!(stopped.config().await?, cells(0), "the config of what failed");
    ensure_eq!(stopped.names().await?, ["content"], "what the build wrote before it failed");
    Ok(())
}

async fn a_failed_build_is_built_again(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    for _ in 0..2 {
        refused(fail_to_build(&root, &cells(0), "on purpose").await, ErrorKind::BuildFailed)?;
        ensure!(found(&root, &cells(0)).await?.is_none(), "a stopped directory is found");
    }
    let built = builds.resolve(&root, &cells(0)).await?;
    ensure_eq!(told(&built), (Outcome::Built, "Cells_0002"), "the directory after two failures");
    is_complete(&built.directory).await?;
    ensure_eq!(names(&root).await?, ["Cells_0000", "Cells_0001", "Cells_0002"], "all directories");
    Ok(())
}

async fn a_panic_is_a_failed_build(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let build = |directory: Directory| async move {
        directory.put_file("content", "half of it").await?;
        // A panic without a message on the terminal, where it would look like a failing check.
        std::panic::resume_unwind(Box::new("the cells are gone"))
    };
    let options = ResolveOptions::default();
    let failed = root.resolve_config(&cells(0), &IdentityRules::default(), &options, build).await;
    let error = refused(failed, ErrorKind::BuildFailed)?;
    ensure!(error.chain().contains("the cells are gone"), "the message is lost: {}", error.chain());
    ensure_eq!(root.dir("Cells_0000")?.status().await?, Some(Status::Stopped), "the status");
    ensure_eq!(
        told(&builds.resolve(&root, &cells(0)).await?),
        (Outcome::Built, "Cells_0001"),
        "the next call"
    );
    Ok(())
}

async fn an_unfinished_directory_is_not_found(subject: Subject) -> Checked {
    let [root, other] = subject.roots().await?;
    let build = |directory: Directory| {
        let other = &other;
        async move {
            for step in ["first", "second"] {
                directory.put_file(step, "content").await?;
                if let Some(found) = found(other, &cells(0)).await? {
                    return Err(format!("'{found}' is found while it is built").into());
                }
                let status = other.dir(directory.name())?.status().await?;
                if status != Some(Status::Running) {
                    return Err(format!("the status of what is being built is {status:?}").into());
                }
            }
            Ok(())
        }
    };
    let options = ResolveOptions::default();
    root.resolve_config(&cells(0), &IdentityRules::default(), &options, build).await?;
    ensure!(found(&other, &cells(0)).await?.is_some(), "a finished directory is not found");
    Ok(())
}

async fn a_build_cannot_ask_for_itself(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let build = |directory: Directory| async move {
        Builds::default().resolve(directory.root(), &cells(0)).await?;
        Ok(())
    };
    let options = ResolveOptions::default();
    let failed = root.resolve_config(&cells(0), &IdentityRules::default(), &options, build).await;
    let error = refused(failed, ErrorKind::BuildFailed)?;
    ensure!(error.chain().contains("asks for itself"), "the error does not say why: {}", error.chain());
    Ok(())
}

async fn a_build_may_ask_for_others(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let build = |directory: Directory| {
        let builds = &builds;
        async move {
            let cells = builds.resolve(directory.root(), &cells(0)).await?.directory;
            directory.put_file("source", cells.path().as_str().to_owned()).await?;
            Ok(())
        }
    };
    let (rules, options) = (IdentityRules::default(), ResolveOptions::default());
    for _ in 0..2 {
        let outer = root.resolve_config(&Config::new("Analysis"), &rules, &options, build).await?;
        ensure_eq!(
            outer.directory.file("source").await?.read().await?,
            "Cells_0000".as_bytes(),
            "what was used"
        );
    }
    is_complete(&root.dir("Cells_0000")?).await?;
    ensure_eq!(names(&root).await?, ["Analysis_0000", "Cells_0000"], "all directories");
    Ok(())
}

async fn the_handle_of_a_build_ends_with_it(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let kept = Mutex::new(None);
    let build = |directory: Directory| {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(directory);
        async { Ok(()) }
    };
    let options = ResolveOptions::default();
    let built = root.resolve_config(&cells(0), &IdentityRules::default(), &options, build).await?.directory;
    let late = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    let late = late.ok_or_else(|| Failure::new("the build function was not run"))?;
    refused(late.put_file("late", "content").await, ErrorKind::LeaseLost)?;
    refused(late.dir("inner")?.put_file("late", "content").await, ErrorKind::LeaseLost)?;
    ensure!(built.is_empty().await?, "something was written");
    ensure!(found(&root, &cells(0)).await?.is_some(), "the directory is no longer found");
    Ok(())
}

async fn a_removed_directory_is_built_again(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    let built = builds.resolve(&root, &cells(0)).await?.directory;
    ensure!(found(&other, &cells(0)).await?.is_some(), "it is not found by another root");
    built.remove_all().await?;
    for root in [&root, &other] {
        ensure!(found(root, &cells(0)).await?.is_none(), "a removed directory is found");
    }
    ensure_eq!(
        told(&builds.resolve(&other, &cells(0)).await?),
        (Outcome::Built, "Cells_0000"),
        "the next call"
    );
    ensure_eq!(
        told(&builds.resolve(&root, &cells(0)).await?),
        (Outcome::Found, "Cells_0000"),
        "the one after"
    );
    is_complete(&built).await
}

async fn a_directory_that_vanished_is_built_again(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    let built = builds.resolve(&root, &cells(0)).await?.directory;
    root.backend().remove(built.path()).await?;
    ensure!(found(&root, &cells(0)).await?.is_none(), "what vanished is found");
    let again = builds.resolve(&other, &cells(0)).await?;
    ensure_eq!(again.outcome, Outcome::Built, "the next call");
    is_complete(&again.directory).await
}

async fn a_moved_directory_is_found_where_it_is(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    builds.resolve(&root, &cells(0)).await?;
    root.as_dir().rename("Cells_0000", "kept").await?;
    for root in [&root, &other, &root] {
        let again = builds.resolve(root, &cells(0)).await?;
        ensure_eq!(again.directory.path().as_str(), "kept", "where it is found");
    }
    ensure_eq!(builds.count(), 1, "how often it was built");
    is_complete(&root.dir("kept")?).await?;
    root.dir("kept")?.put_file("content", "changed").await?;
    ensure_eq!(
        builds.resolve(&other, &cells(0)).await?.outcome,
        Outcome::Built,
        "after it was changed there"
    );
    Ok(())
}

async fn a_name_that_was_taken_over_is_not_mistaken(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    let first = builds.resolve(&root, &cells(0)).await?.directory;
    first.remove_all().await?;
    let second = builds.resolve(&other, &cells(1)).await?;
    ensure_eq!(told(&second), (Outcome::Built, "Cells_0000"), "another config under the free name");
    let again = builds.resolve(&root, &cells(0)).await?;
    ensure_eq!(told(&again), (Outcome::Built, "Cells_0001"), "the first config");
    for (seed, name) in [(0, "Cells_0001"), (1, "Cells_0000")] {
        ensure_eq!(root.dir(name)?.config().await?, cells(seed), "the config of '{name}'");
        ensure_eq!(told(&builds.resolve(&other, &cells(seed)).await?), (Outcome::Found, name), "seed {seed}");
    }
    Ok(())
}

async fn a_changed_copy_leaves_the_original(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    builds.resolve(&root, &cells(0)).await?;
    root.as_dir().copy("Cells_0000", "copy").await?;
    root.dir("copy")?.put_file("content", "changed").await?;
    for root in [&root, &other] {
        ensure_eq!(
            told(&builds.resolve(root, &cells(0)).await?),
            (Outcome::Found, "Cells_0000"),
            "the original"
        );
    }
    is_complete(&root.dir("Cells_0000")?).await?;
    root.dir("copy")?.remove_all().await?;
    ensure_eq!(
        told(&builds.resolve(&root, &cells(0)).await?),
        (Outcome::Found, "Cells_0000"),
        "without the copy"
    );
    Ok(())
}

async fn a_copy_stands_in_for_its_original(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    for (seed, is_removed) in [(0, true), (1, false)] {
        let built = builds.resolve(&root, &cells(seed)).await?.directory;
        let copy = format!("copy{seed}");
        root.as_dir().copy(built.name(), &copy).await?;
        if is_removed {
            built.remove_all().await?;
        } else {
            built.put_file("content", "changed").await?;
        }
        let again = builds.resolve(&root, &cells(seed)).await?;
        ensure_eq!(again.directory.name(), copy, "what is found, the original removed: {is_removed}");
        is_complete(&again.directory).await?;
    }
    ensure_eq!(builds.count(), 2, "how often the build function was run");
    Ok(())
}

async fn a_copy_in_another_root_is_found_there(subject: Subject) -> Checked {
    let (here, there) = (subject.root().await?, subject.elsewhere()?.root().await?);
    let builds = Builds::default();
    let built = builds.resolve(&here, &cells(0)).await?.directory;
    let copy = there.as_dir().copy_from(&built, "imported", WriteMode::Create).await?;
    ensure!(built.equals(&copy).await?, "the copy differs: {:?}", built.diff(&copy).await?);
    is_complete(&copy).await?;
    let found = builds.resolve(&there, &cells(0)).await?;
    ensure_eq!(told(&found), (Outcome::Adopted, "imported"), "the config in the other root");
    ensure_eq!(
        told(&builds.resolve(&there, &cells(0)).await?),
        (Outcome::Found, "imported"),
        "the second time"
    );
    // What was never finished is no more so for being copied.
    refused(fail_to_build(&here, &cells(1), "on purpose").await, ErrorKind::BuildFailed)?;
    there.as_dir().copy_from(&here.dir("Cells_0001")?, "stopped", WriteMode::Create).await?;
    ensure_eq!(builds.resolve(&there, &cells(1)).await?.outcome, Outcome::Built, "a copy of a failed build");
    Ok(())
}

async fn directories_outlive_the_index(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    let versioned = IdentityRules::default().with_version(3);
    for seed in 0..3 {
        builds.resolve(&root, &cells(seed)).await?;
    }
    builds.resolve_with(&root, &cells(0), &versioned, &ResolveOptions::default()).await?;
    lose_the_index(&root).await?;
    for root in [&root, &other] {
        for seed in 0..3 {
            let again = builds.resolve(root, &cells(seed)).await?;
            ensure_eq!(again.directory.name(), format!("Cells_{seed:04x}"), "the directory of seed {seed}");
            is_complete(&again.directory).await?;
        }
        let again = builds.resolve_with(root, &cells(0), &versioned, &ResolveOptions::default()).await?;
        ensure_eq!(again.directory.name(), "Cells_0003", "the directory of a version");
    }
    ensure_eq!(builds.count(), 4, "how often the build function was run");
    Ok(())
}

async fn unusable_directories_stay_so_without_the_index(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    let modified = builds.resolve(&root, &cells(0)).await?.directory;
    modified.put_file("content", "changed").await?;
    refused(fail_to_build(&root, &cells(1), "on purpose").await, ErrorKind::BuildFailed)?;
    lose_the_index(&root).await?;
    for (seed, name) in [(0, "Cells_0002"), (1, "Cells_0003")] {
        ensure!(found(&other, &cells(seed)).await?.is_none(), "seed {seed} is found");
        ensure_eq!(told(&builds.resolve(&other, &cells(seed)).await?), (Outcome::Built, name), "seed {seed}");
    }
    Ok(())
}

/// Makes a directory as a program does that knows nothing of the index.
async fn made_elsewhere(root: &Root, name: &str, config: &Config, status: &str) -> Checked {
    let mut meta = Meta::plain();
    meta.config = config.clone();
    meta.status = Status::from(status);
    meta.modified = false;
    let (backend, path) = (root.backend(), at(name)?);
    match backend.read_meta(&path).await {
        Ok(Some(_)) => {
            backend.write_meta(&path, meta.to_bytes()?, MetaWriteMode::Overwrite).await?;
        }
        _ => {
            backend.create_directory(&path, meta.to_bytes()?).await?;
        }
    }
    Ok(())
}

async fn a_directory_of_another_program_is_found(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    made_elsewhere(&root, "Cells_0007", &cells(0), "done").await?;
    made_elsewhere(&root, "Cells_0008", &cells(1), "stopped").await?;
    let found_by = |config: Config| {
        let (other, builds) = (&other, &builds);
        async move { builds.resolve(other, &config).await }
    };
    // Numbers are compared as ever.
    let adopted = found_by(cells(0).with("n_cells", 100.0)).await?;
    ensure_eq!(told(&adopted), (Outcome::Adopted, "Cells_0007"), "what another program finished");
    ensure_eq!(told(&found_by(cells(0)).await?), (Outcome::Found, "Cells_0007"), "the second time");
    ensure_eq!(found_by(cells(1)).await?.outcome, Outcome::Built, "what another program left stopped");
    root.dir("Cells_0007")?.put_file("x", "content").await?;
    ensure_eq!(found_by(cells(0)).await?.outcome, Outcome::Built, "after it was modified");
    Ok(())
}

async fn a_running_directory_of_another_program_is_waited_for(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    made_elsewhere(&root, "Cells_0000", &cells(0), "running").await?;
    let waiting = tokio::spawn({
        let (other, builds) = (other.clone(), builds.clone());
        async move { builds.resolve(&other, &cells(0)).await }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    ensure!(!waiting.is_finished(), "it is not waited for");
    made_elsewhere(&root, "Cells_0000", &cells(0), "done").await?;
    let waited = waiting.await??;
    ensure_eq!(told(&waited), (Outcome::Adopted, "Cells_0000"), "what was waited for");
    ensure_eq!(builds.count(), 0, "how often the build function was run");
    Ok(())
}

async fn an_unfinished_directory_of_another_program_is_passed_over(subject: Subject) -> Checked {
    let brief = RootOptions { foreign_timeout: Duration::from_millis(30), ..quick() };
    let root = Root::with_options(subject.open_bare().await?, brief);
    made_elsewhere(&root, "Cells_0000", &cells(0), "running").await?;
    let built = Builds::default().resolve(&root, &cells(0)).await?;
    ensure_eq!(told(&built), (Outcome::Built, "Cells_0001"), "after the wait");
    ensure_eq!(root.dir("Cells_0000")?.status().await?, Some(Status::Running), "what was left unfinished");
    Ok(())
}

async fn a_broken_meta_affects_its_own_directory_only(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    for seed in 0..2 {
        builds.resolve(&root, &cells(seed)).await?;
    }
    let broken = root.dir("Cells_0000")?;
    let garbage = Bytes::from_static(b"config: [\xff");
    root.backend().write_meta(broken.path(), garbage, MetaWriteMode::Overwrite).await?;
    let error = refused(broken.meta().await, ErrorKind::Corrupt)?;
    ensure_eq!(error.path(), Some("Cells_0000"), "the path that the error names");
    ensure_eq!(broken.names().await?, ["content", "inner"], "its names");
    ensure_eq!(broken.file("content").await?.read().await?, "some bytes".as_bytes(), "its data");
    for root in [&root, &other] {
        ensure_eq!(
            told(&builds.resolve(root, &cells(1)).await?),
            (Outcome::Found, "Cells_0001"),
            "another one"
        );
        refused(builds.resolve(root, &cells(0)).await, ErrorKind::Corrupt)?;
    }
    ensure_eq!(builds.resolve(&other, &cells(2)).await?.outcome, Outcome::Built, "a new one");
    Ok(())
}

async fn a_hit_costs_the_same_among_many_directories(subject: Subject) -> Checked {
    let counts = Arc::new(CallCounts::default());
    let backend: Arc<dyn Backend> = Arc::new(observed(subject.open_bare().await?, counts.clone()));
    let (root, builds) = (root_over(&backend), Builds::default());
    let mut costs = Vec::new();
    for seed in 0..12 {
        builds.resolve(&root, &cells(seed)).await?;
        if seed == 0 || seed == 11 {
            counts.reset();
            builds.resolve(&root_over(&backend), &cells(0)).await?;
            costs.push(counts.snapshot());
        }
    }
    let expected = [(Operation::ReadMeta, 1), (Operation::ReadRecord, 1)];
    ensure_eq!(costs, [expected.into(), expected.into()], "the calls of a hit among 1 and among 12");
    Ok(())
}
