//! Finding and building at a path that the caller gives.

use super::{prelude::*, rooted::*};
use std::time::Duration;

behaviours! { "given_path"
    /// A directory is built at the path that is given, and found there.
    a_directory_is_built_and_found_there [Write];
    /// A directory that was built at a given path is found by its config alone.
    it_is_found_by_its_config_too [Write];
    /// Another config at the path is refused, and the refusal shows what differs, from both sides.
    another_config_is_refused_with_the_difference [Write];
    /// Another version of the build code is another config.
    another_version_is_refused [Write];
    /// The refusal can be turned into a warning, which shows the same difference.
    the_refusal_can_be_a_warning [Write];
    /// A directory without the config, and an entry of another kind, are refused and stay as they are.
    what_was_not_built_is_refused [Write];
    /// A build that failed at the path is built again there, and nothing of the failed one is left.
    a_failed_build_is_built_again_there [Write];
    /// A failed build of another config at the path is refused with the difference.
    a_failed_build_of_another_config_is_refused [Write];
    /// A modified directory at the path is returned with a warning, for its path was asked for.
    a_modified_directory_is_returned_with_a_warning [Write];
    /// A directory at the path that was removed is built again there.
    a_removed_directory_is_built_again_there [Write];
    /// A build at the path that is under way is waited for, until the deadline.
    a_running_build_is_waited_for [Write];
    /// Changes within a directory at a nested path mark it, whichever handle they are made through.
    changes_from_above_mark_it [Write];
    /// A region that is written through a handle of the directory above marks the directory that holds the array.
    regions_written_from_above_mark_it [Write, Arrays, ArrayRegionWrite];
}

async fn a_directory_is_built_and_found_there(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    let built = builds.resolve_at(&root, &cells(0), "group/mine").await?;
    ensure_eq!(told(&built), (Outcome::Built, "group/mine"), "the first call");
    is_complete(&built.directory).await?;
    for root in [&root, &other] {
        let again = builds.resolve_at(root, &cells(0), "group/mine").await?;
        ensure_eq!(told(&again), (Outcome::Found, "group/mine"), "the next calls");
    }
    let elsewhere = builds.resolve_at(&other, &cells(0), "group/other").await?;
    ensure_eq!(told(&elsewhere), (Outcome::Built, "group/other"), "the same config at another path");
    for path in ["", "a//b", "x.h5", "_index"] {
        refused(builds.resolve_at(&root, &cells(0), path).await, ErrorKind::InvalidPath)?;
    }
    Ok(())
}

async fn it_is_found_by_its_config_too(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    builds.resolve_at(&root, &cells(0), "mine").await?;
    for root in [&root, &other] {
        let found = builds.resolve(root, &cells(0)).await?;
        ensure_eq!(found.directory.path().as_str(), "mine", "what the config finds");
    }
    root.dir("mine")?.put_file("content", "changed").await?;
    ensure!(found(&other, &cells(0)).await?.is_none(), "it is found after it was changed");
    ensure_eq!(told(&builds.resolve(&other, &cells(0)).await?), (Outcome::Built, "Cells_0000"), "after that");
    Ok(())
}

/// What [`differs`] is compared with: one field that both have, one on either side.
fn here() -> Config {
    Config::new("Cells").with("seed", 1).with("n_cells", 100)
}

fn there() -> Config {
    Config::new("Cells").with("seed", 0).with("noise", 0.5)
}

/// Whether a text shows how [`here`] differs from [`there`].
fn shows_the_difference(text: &str) -> bool {
    text.contains("passed: ≠seed: 1, +n_cells: 100, -noise")
        && text.contains("stored: ≠seed: 0, -n_cells, +noise: 0.5")
}

async fn another_config_is_refused_with_the_difference(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    builds.resolve_at(&root, &there(), "mine").await?;
    for root in [&root, &other] {
        let error = refused(builds.resolve_at(root, &here(), "mine").await, ErrorKind::Mismatch)?;
        ensure!(shows_the_difference(&error.to_string()), "the difference is not shown: {error}");
        ensure_eq!(error.path(), Some("mine"), "the path");
    }
    let of_another_type = Config::new("Tissue").with("seed", 0).with("noise", 0.5);
    let error = refused(builds.resolve_at(&root, &of_another_type, "mine").await, ErrorKind::Mismatch)?;
    ensure!(error.to_string().contains("≠type: Tissue"), "another type is not told: {error}");
    is_complete(&root.dir("mine")?).await?;
    ensure_eq!(builds.count(), 1, "how often the build function was run");
    Ok(())
}

async fn another_version_is_refused(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let version = |version: i64| IdentityRules::default().with_version(version);
    let at = ResolveOptions::default().at("mine");
    builds.resolve_with(&root, &cells(0), &version(1), &at).await?;
    let again = builds.resolve_with(&root, &cells(0), &version(1), &at).await?;
    ensure_eq!(told(&again), (Outcome::Found, "mine"), "the same version");
    for (rules, difference) in
        [(version(2), "≠version of the code: 2"), (IdentityRules::default(), "-version of the code")]
    {
        let error = refused(builds.resolve_with(&root, &cells(0), &rules, &at).await, ErrorKind::Mismatch)?;
        ensure!(error.to_string().contains(difference), "'{difference}' is not told: {error}");
    }
    Ok(())
}

async fn the_refusal_can_be_a_warning(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    builds.resolve_at(&root, &there(), "mine").await?;
    let options = ResolveOptions::default().at("mine").on_mismatch(OnMismatch::Warn);
    let found = builds.resolve_with(&root, &here(), &IdentityRules::default(), &options).await?;
    ensure_eq!(told(&found), (Outcome::Found, "mine"), "what is returned");
    ensure_eq!(found.directory.config().await?, there(), "its config");
    ensure!(
        found.warnings.iter().any(|warning| shows_the_difference(warning)),
        "warned: {:?}",
        found.warnings
    );
    let fits = builds.resolve_with(&root, &there(), &IdentityRules::default(), &options).await?;
    ensure!(fits.warnings.is_empty(), "warned of a config that fits: {:?}", fits.warnings);
    ensure_eq!(builds.count(), 1, "how often the build function was run");
    Ok(())
}

async fn what_was_not_built_is_refused(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    root.dir("plain")?.put_file("x", "content").await?;
    refused(builds.resolve_at(&root, &cells(0), "plain").await, ErrorKind::Mismatch)?;
    refused(builds.resolve_at(&root, &cells(0), "plain/x").await, ErrorKind::WrongKind)?;
    ensure!(builds.resolve_at(&root, &cells(0), "plain/x/below").await.is_err(), "it was built below a file");
    ensure_eq!(root.dir("plain")?.names().await?, ["x"], "what was there");
    ensure_eq!(root.dir("plain")?.file("x").await?.read().await?, "content".as_bytes(), "the file");
    ensure_eq!(builds.count(), 0, "how often the build function was run");
    Ok(())
}

/// Fails to build at a path, after something was written.
async fn fail_at(root: &Root, config: &Config, path: &str) -> Checked {
    let build = |directory: Directory| async move {
        directory.put_file("left/over", "half of it").await?;
        Err("on purpose".into())
    };
    let options = ResolveOptions::default().at(path);
    let failed = root.resolve_config(config, &IdentityRules::default(), &options, build).await;
    refused(failed, ErrorKind::BuildFailed)?;
    ensure_eq!(root.dir(path)?.status().await?, Some(Status::Stopped), "the status");
    Ok(())
}

async fn a_failed_build_is_built_again_there(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    fail_at(&root, &cells(0), "mine").await?;
    fail_at(&other, &cells(0), "mine").await?;
    let built = builds.resolve_at(&other, &cells(0), "mine").await?;
    ensure_eq!(told(&built), (Outcome::Built, "mine"), "the third call");
    is_complete(&built.directory).await?;
    ensure_eq!(names(&root).await?, ["mine"], "what the root holds");
    Ok(())
}

async fn a_failed_build_of_another_config_is_refused(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    fail_at(&root, &there(), "mine").await?;
    let error = refused(builds.resolve_at(&root, &here(), "mine").await, ErrorKind::Mismatch)?;
    ensure!(shows_the_difference(&error.to_string()), "the difference is not shown: {error}");
    ensure!(root.contains("mine/left/over").await?, "what the failed build left is gone");
    Ok(())
}

async fn a_modified_directory_is_returned_with_a_warning(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let built = builds.resolve_at(&root, &cells(0), "mine").await?.directory;
    built.put_file("content", "changed").await?;
    let again = builds.resolve_at(&root, &cells(0), "mine").await?;
    ensure_eq!(told(&again), (Outcome::Found, "mine"), "what is returned");
    ensure!(
        again.warnings.iter().any(|warning| warning.contains("modified")),
        "warned: {:?}",
        again.warnings
    );
    ensure_eq!(again.directory.file("content").await?.read().await?, "changed".as_bytes(), "what it holds");
    Ok(())
}

async fn a_removed_directory_is_built_again_there(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::default());
    for _ in 0..3 {
        let built = builds.resolve_at(&root, &cells(0), "group/mine").await?;
        ensure_eq!(told(&built), (Outcome::Built, "group/mine"), "where nothing is");
        is_complete(&built.directory).await?;
        other.remove("group/mine").await?;
    }
    // Another config may take the place.
    let built = builds.resolve_at(&root, &cells(1), "group/mine").await?;
    ensure_eq!(told(&built), (Outcome::Built, "group/mine"), "another config");
    let error = refused(builds.resolve_at(&other, &cells(0), "group/mine").await, ErrorKind::Mismatch)?;
    ensure!(error.to_string().contains("≠seed"), "the difference is not shown: {error}");
    Ok(())
}

async fn a_running_build_is_waited_for(subject: Subject) -> Checked {
    let ([root, other], builds) = (subject.roots().await?, Builds::slow(Duration::from_millis(80)));
    let builder = tokio::spawn({
        let (root, builds) = (root.clone(), builds.clone());
        async move { builds.resolve_at(&root, &cells(0), "mine").await }
    });
    while !other.contains("mine/content").await? {
        ensure!(!builder.is_finished(), "the build is over");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let brief = ResolveOptions::default().at("mine").timeout(Duration::from_millis(5));
    let waited = builds.resolve_with(&other, &cells(0), &IdentityRules::default(), &brief).await;
    refused(waited, ErrorKind::TimedOut)?;
    let waited = builds.resolve_at(&other, &cells(0), "mine").await?;
    ensure_eq!(told(&waited), (Outcome::Waited, "mine"), "without a deadline");
    is_complete(&waited.directory).await?;
    ensure_eq!(told(&builder.await??), (Outcome::Built, "mine"), "the build");
    ensure_eq!(builds.count(), 1, "how often the build function was run");
    Ok(())
}

async fn changes_from_above_mark_it(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    for (number, path) in ["group/a", "group/b", "group/c", "group/d"].into_iter().enumerate() {
        let built = builds.resolve_at(&root, &cells(number as i64), path).await?.directory;
        let name = built.name();
        match number {
            0 => root.dir("group")?.put_file(&format!("{name}/content"), "changed").await?,
            1 => root.as_dir().put_file(&format!("group/{name}/inner/more"), "changed").await?,
            2 => root.as_dir().remove(&format!("group/{name}/content")).await?,
            _ => root.dir("group")?.dir(name)?.dir("inner")?.put_file("new", "content").await?,
        }
        let meta = built.meta().await?;
        ensure!(meta.is_some_and(|meta| meta.modified), "change {number} did not mark '{path}'");
    }
    Ok(())
}

async fn regions_written_from_above_mark_it(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let build = |directory: Directory| async move { Ok(directory.put("inner/x", [1i64, 2, 3]).await?) };
    let (rules, options) = (IdentityRules::default(), ResolveOptions::default().at("group/mine"));
    let built = root.resolve_config(&cells(0), &rules, &options, build).await?.directory;
    let x = root.dir("group")?.array("mine/inner/x").await?;
    ensure!(built.meta().await?.is_some_and(|meta| meta.is_usable()), "opening an array marked it");
    x.select("0")?.write(7i64).await?;
    ensure!(built.meta().await?.is_some_and(|meta| meta.modified), "it was not marked");
    Ok(())
}
