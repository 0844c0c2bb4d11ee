//! Going on with copies that were interrupted.

use crate::{Directory, EntryKind, Error, ErrorKind, Meta, Result, Status, WriteMode};
use futures::future::BoxFuture;

impl Directory {
    /// Copies a whole directory into this one under `name`, as [`Directory::copy_from`] does, and goes on with a copy that was
    /// interrupted. Returns the copy.
    ///
    /// - Arrays, tables and files that are there already are kept when they hold the same, by their
    ///   [digests](crate::digest), and are replaced otherwise. A copy that is complete and the same is left as it is.
    /// - Cost: what is there already is read on both sides.
    /// - Errors: [`ErrorKind::AlreadyExists`] for a finished directory that holds something else, or one that no copy left;
    ///   [`ErrorKind::Mismatch`] for one of another config, or with entries that the source does not have.
    pub async fn resume_copy_from(&self, source: &Directory, name: &str) -> Result<Directory> {
        let target = self.dir(name)?;
        if !self.contains(name).await? {
            return self.copy_from(source, name, WriteMode::Create).await;
        }
        resume_directory(&target, source).await?;
        Ok(target)
    }

    /// Copies an array, table or file as [`Directory::copy_entry`] does, unless the same is there already. Tells whether it
    /// was copied.
    ///
    /// Fails with [`ErrorKind::AlreadyExists`] when something else is there.
    pub async fn resume_entry(&self, source: &Directory, source_name: &str, name: &str) -> Result<bool> {
        if !self.contains(name).await? {
            self.copy_entry(source, source_name, name, WriteMode::Create).await?;
            return Ok(true);
        }
        if self.digest_of(name).await? == source.digest_of(source_name).await? {
            return Ok(false);
        }
        Err(refused(self, ErrorKind::AlreadyExists, format!("'{name}' exists and holds something else")))
    }
}

fn resume_directory<'a>(target: &'a Directory, source: &'a Directory) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let meta = source.meta().await?.unwrap_or_else(Meta::plain);
        let Some(begun) = target.meta().await? else {
            return Err(refused(target, ErrorKind::AlreadyExists, "no copy left this directory".to_owned()));
        };
        if !begun.config.same_as(&meta.config) {
            let message = "the directory that is there has another config".to_owned();
            return Err(refused(target, ErrorKind::Mismatch, message));
        }
        if !(begun.status == Status::Running && begun.build.is_none()) {
            if target.digest().await? == source.digest().await? {
                return Ok(());
            }
            let message =
                "the directory that is there is no interrupted copy and holds something else".to_owned();
            return Err(refused(target, ErrorKind::AlreadyExists, message));
        }
        let entries = source.entries().await?;
        if let Some(other) =
            target.names().await?.iter().find(|name| entries.iter().all(|entry| entry.name != **name))
        {
            let message = format!("the copy holds '{other}', which the source does not");
            return Err(refused(target, ErrorKind::Mismatch, message));
        }
        for entry in entries {
            let name = entry.name.as_str();
            let mode = match target.kind(name).await? {
                None => WriteMode::Create,
                Some(EntryKind::Directory) if entry.kind == EntryKind::Directory => {
                    resume_directory(&target.dir(name)?, &source.dir(name)?).await?;
                    continue;
                }
                Some(kind) if kind == entry.kind => {
                    if target.digest_of(name).await? == source.digest_of(name).await? {
                        continue;
                    }
                    WriteMode::Overwrite
                }
                Some(kind) => {
                    let message =
                        format!("'{name}' is of kind '{kind}', in the source of kind '{}'", entry.kind);
                    return Err(refused(target, ErrorKind::Mismatch, message));
                }
            };
            target.stream_entry(source, name, name, entry.kind, mode).await?;
        }
        target.finish_copy(meta).await
    })
}

fn refused(target: &Directory, kind: ErrorKind, message: String) -> Error {
    Error::new(kind, message)
        .hint("remove it, or choose another name")
        .during("go on copying to")
        .at(target.path())
}

#[cfg(test)]
mod tests {
    use crate::wrap::{Faults, Moment, Operation, observed};
    use crate::{ErrorKind, Root, RootOptions, Status, WriteMode};
    use fascicle_memory::MemoryBackend;
    use std::sync::Arc;

    /// A directory of four arrays, and a root whose calls can be failed.
    async fn places() -> (crate::Directory, Root, Arc<Faults>) {
        let source = Root::new(MemoryBackend::new()).dir("cells").unwrap();
        for name in ["a", "b", "deep/c", "e"] {
            source.put(name, [1i64, 2, 3]).await.unwrap();
        }
        let faults = Arc::new(Faults::default());
        let backend = Arc::new(observed(Arc::new(MemoryBackend::new()), faults.clone()));
        (source, Root::with_options(backend, RootOptions::default()), faults)
    }

    #[tokio::test]
    async fn a_copy_interrupted_anywhere_is_completed() {
        let (source, _, _) = places().await;
        for number in 1.. {
            let (_, root, faults) = places().await;
            faults.fail_call(number, Moment::BeforeEffect);
            let interrupted = root.as_dir().copy_from(&source, "copy", WriteMode::Create).await;
            faults.clear();
            if interrupted.is_ok() {
                assert!(number > 10, "only {number} calls");
                break;
            }
            let copy = root.as_dir().resume_copy_from(&source, "copy").await.unwrap();
            assert_eq!(copy.digest().await.unwrap(), source.digest().await.unwrap(), "call {number}");
            assert_eq!(copy.meta().await.unwrap().unwrap().status, Status::Done, "call {number}");
        }
    }

    #[tokio::test]
    async fn what_no_copy_left_is_refused_and_left_as_it_is() {
        let (source, root, faults) = places().await;
        root.dir("other").unwrap().put("a", [7i64]).await.unwrap();
        let before = root.as_dir().digest().await.unwrap();
        let refused = root.as_dir().resume_copy_from(&source, "other").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        assert_eq!(root.as_dir().digest().await.unwrap(), before);
        faults.fail_call_of(Operation::FinishArray, 2, Moment::BeforeEffect);
        root.as_dir().copy_from(&source, "copy", WriteMode::Create).await.unwrap_err();
        root.dir("copy").unwrap().put("stranger", [1i64]).await.unwrap();
        let refused = root.as_dir().resume_copy_from(&source, "copy").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Mismatch);
        // What changed since is copied anew.
        root.dir("copy").unwrap().remove("stranger").await.unwrap();
        source.put("a", [4i64]).await.unwrap();
        let copy = root.as_dir().resume_copy_from(&source, "copy").await.unwrap();
        assert_eq!(copy.array("a").await.unwrap().read::<Vec<i64>>().await.unwrap(), [4]);
    }
}
