//! Maintenance through the wrappers: as every other call, it is refused, counted and failed by them.

use super::observed::Observed;
use super::{Enforced, Observer, Operation, enforced::undeclared};
use crate::{
    Capability, EntryPath, Error, ErrorKind, Flaw, FlawKind, Leftover, Maintenance, Result, ResultExt,
    Version,
};
use async_trait::async_trait;

fn not_offered() -> Error {
    Error::new(ErrorKind::Unsupported, "this storage offers no maintenance")
}

impl Enforced {
    fn inner_maintenance(&self) -> Result<&dyn Maintenance> {
        self.inner.maintenance().ok_or_else(not_offered)
    }

    fn maintenance_for_writing(&self) -> Result<&dyn Maintenance> {
        if !self.inner.capabilities().has(Capability::Write) {
            return Err(undeclared(Capability::Write));
        }
        self.inner_maintenance()
    }
}

#[async_trait]
impl Maintenance for Enforced {
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let found = async { self.inner_maintenance()?.leftovers().await }.await;
        found.context(Operation::ListLeftovers.phrase(), self.inner.location())
    }

    async fn collect(&self, leftover: &Leftover) -> Result<bool> {
        let collected = async { self.maintenance_for_writing()?.collect(leftover).await }.await;
        collected.context(Operation::CollectLeftover.phrase(), &leftover.stored_as)
    }

    async fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>> {
        let found = async { self.inner_maintenance()?.flaws(path).await }.await;
        found.context(Operation::FindFlaws.phrase(), path)
    }

    async fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        let mended = async { self.maintenance_for_writing()?.mend(path, kind).await }.await;
        mended.context(Operation::Mend.phrase(), path)
    }

    async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        let removed = async {
            if path.is_root() {
                return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be removed"));
            }
            self.maintenance_for_writing()?.remove_directory_if(path, meta).await
        };
        removed.await.context(Operation::RemoveDirectoryIf.phrase(), path)
    }
}

impl<O: Observer> Observed<O> {
    fn inner_maintenance(&self) -> Result<&dyn Maintenance> {
        self.inner.maintenance().ok_or_else(not_offered)
    }

    /// Awaits a call between the observer's two looks at it.
    async fn watched<T>(
        &self,
        operation: Operation,
        path: &str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        self.observer.before(operation, path)?;
        let answer = call.await?;
        self.observer.after(operation, path)?;
        Ok(answer)
    }
}

#[async_trait]
impl<O: Observer> Maintenance for Observed<O> {
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let call = self.inner_maintenance()?.leftovers();
        self.watched(Operation::ListLeftovers, "", call).await
    }

    async fn collect(&self, leftover: &Leftover) -> Result<bool> {
        let call = self.inner_maintenance()?.collect(leftover);
        self.watched(Operation::CollectLeftover, &leftover.stored_as, call).await
    }

    async fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>> {
        let call = self.inner_maintenance()?.flaws(path);
        self.watched(Operation::FindFlaws, path.as_str(), call).await
    }

    async fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        let call = self.inner_maintenance()?.mend(path, kind);
        self.watched(Operation::Mend, path.as_str(), call).await
    }

    async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        let call = self.inner_maintenance()?.remove_directory_if(path, meta);
        self.watched(Operation::RemoveDirectoryIf, path.as_str(), call).await
    }
}
