//! Maintenance: what writers that died left is told apart from what is alive, and directories are removed on a condition.

use super::prelude::*;
use fascicle_backend::{FlawKind, Maintenance, Owner};

behaviours! { "maintenance"
    /// A storage in which everything was written, replaced, renamed and removed to the end has no leftovers, and no entry
    /// with a flaw.
    a_tidy_place_has_nothing_to_tell [Write, Maintenance];
    /// Looking for leftovers and flaws changes nothing.
    looking_changes_nothing [Write, Maintenance];
    /// What a writer is writing at this moment is not told as left by one that is gone, and what is told as alive is not
    /// collected.
    what_is_being_written_is_not_taken_for_left [Write, Maintenance];
    /// A missing entry has no flaws to tell: it is not found.
    a_missing_entry_is_not_found [Maintenance];
    /// Mending what has no flaw changes nothing.
    mending_what_is_sound_changes_nothing [Write, Maintenance];
    /// A directory is removed, with everything in it, if its meta has the version that is given, and the name can be used
    /// again.
    a_directory_is_removed_if_its_meta_is_the_given_one [Write, Maintenance];
    /// A directory whose meta was changed since is not removed.
    a_changed_directory_stays [Write, Maintenance];
    /// A directory that was created anew under the name of another stays, when the other one is meant.
    a_directory_made_anew_stays [Write, Maintenance];
    /// What is missing, and what is no directory, is not removed, and that is no error.
    there_may_be_nothing_to_remove [Write, Maintenance];
    /// Of any number of concurrent conditional removals of a directory exactly one does it.
    one_of_many_removes [Write, Maintenance];
    /// Whoever creates a directory anew while others remove the old one on a condition keeps it.
    creators_beside_removers_keep_what_they_created [Write, Maintenance];
}

fn tools(place: &Place) -> Result<&dyn Maintenance> {
    place
        .maintenance()
        .ok_or_else(|| Error::new(ErrorKind::Internal, "maintenance is declared and not offered"))
}

/// Entries of every kind the backend has, some of them replaced, moved and removed.
async fn filled(place: &Place) -> Result<Vec<&'static str>> {
    let capabilities = place.capabilities();
    place.make_dir("d").await?;
    place.make_dir("d/inner").await?;
    place.put_file("d/f", "first").await?;
    place.put_file("d/f", "second").await?;
    place.put_file("d/gone", "x").await?;
    place.remove(&at("d/gone")?).await?;
    place.make_dir("removed").await?;
    place.put_file("removed/f", "x").await?;
    place.remove(&at("removed")?).await?;
    let mut names = vec!["d", "d/inner", "d/f"];
    if capabilities.has(Capability::Arrays) {
        place.put_array("d/x", &[3], samples::counting(0, 3)).await?;
        place.put_array("d/x", &[5, 2], samples::counting(0, 10)).await?;
        if capabilities.has(Capability::ArrayAppend) {
            place.append_rows("d/x", 2, samples::counting(10, 4)).await?;
        }
        names.push("d/x");
    }
    if capabilities.has(Capability::Tables) {
        place.put_table("d/t", &samples::people(0, 3)?).await?;
        if capabilities.has(Capability::TableAppend) {
            place.append_table("d/t", &samples::people(3, 2)?).await?;
        }
        names.push("d/t");
    }
    if capabilities.has(Capability::Attributes) {
        let attributes: Attributes = [("unit".to_owned(), "mV".into())].into_iter().collect();
        place.put_attributes("d/f", &attributes).await?;
    }
    Ok(names)
}

async fn a_tidy_place_has_nothing_to_tell(subject: Subject) -> Checked {
    let place = subject.open().await?;
    ensure_eq!(tools(&place)?.leftovers().await?, [], "the leftovers of an empty place");
    let names = filled(&place).await?;
    ensure_eq!(tools(&place)?.leftovers().await?, [], "the leftovers");
    for name in names {
        ensure_eq!(tools(&place)?.flaws(&at(name)?).await?, [], "the flaws of '{name}'");
    }
    ensure_eq!(tools(&place)?.flaws(&EntryPath::root()).await?, [], "the flaws of the root");
    Ok(())
}

async fn looking_changes_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let names = filled(&place).await?;
    let before = place.everything().await?;
    tools(&place)?.leftovers().await?;
    for name in names {
        tools(&place)?.flaws(&at(name)?).await?;
    }
    ensure_eq!(place.everything().await?, before, "what is stored");
    Ok(())
}

async fn what_is_being_written_is_not_taken_for_left(subject: Subject) -> Checked {
    let (place, other) = (subject.open().await?, subject.open().await?);
    place.make_dir("d").await?;
    let mut file = place.files().create(&at("d/f")?, &FileOptions::default(), WriteMode::Create).await?;
    file.write(Bytes::from(vec![7; 100_000])).await?;
    for leftover in tools(&other)?.leftovers().await? {
        ensure!(
            leftover.owner != Owner::Gone,
            "'{}' is told as left by a writer that is gone",
            leftover.stored_as
        );
        if leftover.owner == Owner::Alive {
            ensure!(!tools(&other)?.collect(&leftover).await?, "'{}' was collected", leftover.stored_as);
        }
    }
    file.write(Bytes::from_static(b"the end")).await?;
    file.finish().await?;
    ensure_eq!(place.file("d/f").await?.len(), 100_007, "the length of the file");
    ensure_eq!(tools(&other)?.leftovers().await?, [], "the leftovers afterwards");
    Ok(())
}

async fn a_missing_entry_is_not_found(subject: Subject) -> Checked {
    let place = subject.open().await?;
    refused(tools(&place)?.flaws(&at("x")?).await, ErrorKind::NotFound)?;
    refused(tools(&place)?.flaws(&at("d/x")?).await, ErrorKind::NotFound)?;
    Ok(())
}

async fn mending_what_is_sound_changes_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let names = filled(&place).await?;
    let before = place.everything().await?;
    for name in names {
        for kind in [FlawKind::StaleMark, FlawKind::BeyondTheEnd, FlawKind::Stray, FlawKind::Inconsistent] {
            match tools(&place)?.mend(&at(name)?, kind).await {
                Ok(changed) => ensure!(!changed, "'{name}' was mended of '{}'", kind.name()),
                Err(error) => {
                    let is_refusal = matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::WrongKind);
                    ensure!(is_refusal, "mending '{name}' fails with {error:?}");
                }
            }
        }
    }
    ensure_eq!(place.everything().await?, before, "what is stored");
    Ok(())
}

async fn a_directory_is_removed_if_its_meta_is_the_given_one(subject: Subject) -> Checked {
    let place = subject.open().await?;
    filled(&place).await?;
    place.make_dir("kept").await?;
    let meta = place.read_meta(&at("d")?).await?;
    let version = meta.ok_or_else(|| Failure::new("the directory has no meta"))?.version;
    ensure!(tools(&place)?.remove_directory_if(&at("d")?, &version).await?, "it was not removed");
    ensure_eq!(place.names("").await?, ["kept"], "what is left");
    refused(place.stat(&at("d")?).await, ErrorKind::NotFound)?;
    refused(place.file("d/f").await, ErrorKind::NotFound)?;
    place.make_dir("d").await?;
    ensure_eq!(place.names("d").await?, [""; 0], "what is in the directory of that name");
    ensure_eq!(tools(&place)?.leftovers().await?, [], "the leftovers");
    Ok(())
}

async fn a_changed_directory_stays(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let version = place.make_dir_with("d", "first: 1\n").await?;
    place.put_file("d/f", "content").await?;
    let changed =
        place.write_meta(&at("d")?, "second: 2\n".into(), MetaWriteMode::UpdateIf(version.clone())).await?;
    ensure!(!tools(&place)?.remove_directory_if(&at("d")?, &version).await?, "it was removed");
    ensure_eq!(place.file("d/f").await?, "content", "the file in it");
    ensure_eq!(place.meta("d").await?, "second: 2\n", "its meta");
    ensure_eq!(tools(&place)?.leftovers().await?, [], "the leftovers");
    ensure!(tools(&place)?.remove_directory_if(&at("d")?, &changed).await?, "it was not removed as it is");
    Ok(())
}

async fn a_directory_made_anew_stays(subject: Subject) -> Checked {
    let place = subject.open().await?;
    // Metas of attempts are never the same; a version may be made of the content.
    let old = place.make_dir_with("d", "attempt: 1\n").await?;
    place.remove(&at("d")?).await?;
    place.make_dir_with("d", "attempt: 2\n").await?;
    place.put_file("d/f", "content").await?;
    ensure!(!tools(&place)?.remove_directory_if(&at("d")?, &old).await?, "it was removed");
    ensure_eq!(place.file("d/f").await?, "content", "the file in it");
    Ok(())
}

async fn there_may_be_nothing_to_remove(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let version = place.make_dir("d").await?;
    place.remove(&at("d")?).await?;
    ensure!(
        !tools(&place)?.remove_directory_if(&at("d")?, &version).await?,
        "a missing directory was removed"
    );
    ensure!(!tools(&place)?.remove_directory_if(&at("d/e")?, &version).await?, "one in it was removed");
    place.put_file("d", "content").await?;
    ensure!(!tools(&place)?.remove_directory_if(&at("d")?, &version).await?, "a file was removed");
    ensure_eq!(place.file("d").await?, "content", "the file");
    Ok(())
}

async fn one_of_many_removes(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for round in 0..4 {
        let version = place.make_dir_with("d", &format!("attempt: {round}\n")).await?;
        place.put_file("d/f", "content").await?;
        let removals = (0..6).map(|_| {
            let (place, version) = (place.clone(), version.clone());
            tokio::spawn(async move { tools(&place)?.remove_directory_if(&at("d")?, &version).await })
        });
        let mut removed = 0;
        for removal in removals.collect::<Vec<_>>() {
            let answer = removal.await.map_err(|error| Failure::new(format!("a task panicked: {error}")))?;
            removed += usize::from(answer?);
        }
        ensure_eq!(removed, 1, "how many were told that they removed it");
        ensure_eq!(place.names("").await?, [""; 0], "what is left");
    }
    Ok(())
}

async fn creators_beside_removers_keep_what_they_created(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for round in 0..6 {
        let old = place.make_dir_with("d", &format!("old: {round}\n")).await?;
        let removals = (0..3).map(|_| {
            let (place, old) = (place.clone(), old.clone());
            tokio::spawn(async move {
                for _ in 0..3 {
                    tools(&place)?.remove_directory_if(&at("d")?, &old).await?;
                }
                Ok::<_, Error>(())
            })
        });
        let removals: Vec<_> = removals.collect();
        let new = format!("new: {round}\n");
        loop {
            match place.make_dir_with("d", &new).await {
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        for removal in removals {
            removal.await.map_err(|error| Failure::new(format!("a task panicked: {error}")))??;
        }
        ensure_eq!(place.meta("d").await?, new.as_str(), "the meta of the directory that was created");
        place.remove(&at("d")?).await?;
    }
    Ok(())
}
