//! Writes under way when a build function ends: nothing is written into a directory after that.

use super::options;
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_core::{
    ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, Attributes, Backend, BuildResult,
    Capabilities, Config, Directory, EntryPath, EntryStat, ErrorKind, FileStore, IdentityRules, Interrupted,
    Interruption, Listing, MetaRecord, MetaWriteMode, Outcome, RecordStore, Region, ResolveOptions, Result,
    Root, RootOptions, Status, TableStore, Values, Version, WriteMode,
};
use fascicle_memory::MemoryBackend;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A storage that does what it is told on a thread of its own, as local ones do, and appends to arrays only while it is not held.
#[derive(Debug)]
struct Slow {
    inner: Arc<dyn Backend>,
    held: Arc<watch::Sender<bool>>,
    /// How many appends have begun.
    begun: Arc<watch::Sender<usize>>,
}

impl Slow {
    fn new() -> Self {
        let (held, begun) = (watch::Sender::new(false), watch::Sender::new(0));
        Slow { inner: Arc::new(MemoryBackend::new()), held: Arc::new(held), begun: Arc::new(begun) }
    }

    fn arrays(&self) -> &dyn ArrayStore {
        self.inner.arrays().unwrap()
    }
}

#[async_trait]
impl Backend for Slow {
    fn name(&self) -> &'static str {
        self.inner.name()
    }
    fn location(&self) -> String {
        self.inner.location()
    }
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
    async fn list(&self, directory: &EntryPath) -> Result<Listing> {
        self.inner.list(directory).await
    }
    async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        self.inner.stat(path).await
    }
    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        self.inner.create_directory(path, meta).await
    }
    async fn remove(&self, path: &EntryPath) -> Result<()> {
        self.inner.remove(path).await
    }
    async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        self.inner.rename(from, to).await
    }
    async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        self.inner.copy(from, to).await
    }
    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        self.inner.read_meta(directory).await
    }
    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version> {
        self.inner.write_meta(directory, meta, mode).await
    }
    async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        self.inner.read_attributes(path).await
    }
    async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        self.inner.write_attributes(path, attributes).await
    }
    fn files(&self) -> &dyn FileStore {
        self.inner.files()
    }
    fn records(&self) -> &dyn RecordStore {
        self.inner.records()
    }
    fn arrays(&self) -> Option<&dyn ArrayStore> {
        Some(self)
    }
    fn tables(&self) -> Option<&dyn TableStore> {
        self.inner.tables()
    }
}

#[async_trait]
impl ArrayStore for Slow {
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        Slow::arrays(self).create(path, spec, options, mode).await
    }
    async fn describe(&self, path: &EntryPath) -> Result<ArrayDescription> {
        Slow::arrays(self).describe(path).await
    }
    async fn read(&self, path: &EntryPath, region: &Region, buffer: Values) -> Result<Values> {
        Slow::arrays(self).read(path, region, buffer).await
    }
    async fn write(&self, path: &EntryPath, region: &Region, values: Values) -> Result<()> {
        Slow::arrays(self).write(path, region, values).await
    }
    async fn append(&self, path: &EntryPath, rows: u64, values: Values) -> Result<u64> {
        let (inner, path, mut held) = (self.inner.clone(), path.clone(), self.held.subscribe());
        self.begun.send_modify(|begun| *begun += 1);
        // Whoever gives it up does not stop it.
        let work = tokio::spawn(async move {
            let _ = held.wait_for(|held| !held).await;
            inner.arrays().unwrap().append(&path, rows, values).await
        });
        work.await.unwrap()
    }
}

/// A storage, its hold, what it tells of appends, and a root in it.
fn place(lease: Duration) -> (Arc<watch::Sender<bool>>, Arc<watch::Sender<usize>>, Root) {
    let slow = Slow::new();
    let (held, begun) = (slow.held.clone(), slow.begun.clone());
    let poll = (Duration::from_millis(1), Duration::from_millis(10));
    let options = RootOptions { poll, lease, beat: Duration::from_millis(10), ..RootOptions::default() };
    (held, begun, Root::with_options(Arc::new(slow), options))
}

const LEASE: Duration = Duration::from_secs(60);

fn config() -> Config {
    Config::new("Run")
}

/// Frees the storage after a while, and says what the status was until then.
fn free_later(held: Arc<watch::Sender<bool>>, root: &Root) -> tokio::task::JoinHandle<Option<Status>> {
    let root = root.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let status = root.dir("Run_0000").unwrap().status().await.unwrap();
        held.send_replace(false);
        status
    })
}

async fn rows(root: &Root) -> Vec<i64> {
    root.dir("Run_0000").unwrap().array("x").await.unwrap().read().await.unwrap()
}

#[tokio::test]
async fn a_write_that_an_interrupted_build_gave_up_is_there_before_others_go_on() {
    let (held, begun, root) = place(LEASE);
    let interruption = Interruption::new();
    let build = |dir: Directory| {
        let (held, mut begun, interruption) = (&held, begun.subscribe(), interruption.clone());
        async move {
            dir.append("x", [0i64]).await?;
            held.send_replace(true);
            let stop = async {
                begun.wait_for(|begun| *begun == 2).await.unwrap();
                interruption.request();
                dir.interrupted().await;
            };
            tokio::select! {
                appended = dir.append("x", [1i64]) => Err(format!("it was held: {appended:?}").into()),
                () = stop => Err(Interrupted::at(1).into()),
            }
        }
    };
    let options = options().interruption(interruption.clone()).resume(true);
    let freed = tokio::spawn({
        let (held, root, mut begun) = (held.clone(), root.clone(), begun.subscribe());
        async move {
            begun.wait_for(|begun| *begun == 2).await.unwrap();
            free_later(held, &root).await.unwrap()
        }
    });
    root.resolve_config(&config(), &IdentityRules::default(), &options, build).await.unwrap_err();
    // It had come to its end by then, and the build with it.
    assert_eq!(rows(&root).await, [0, 1]);
    assert_eq!(freed.await.unwrap(), Some(Status::Running), "the build ends after what it wrote");
    let go_on = |dir: Directory| async move {
        assert_eq!(dir.array("x").await?.len(), 2, "nothing lands in what others go on with");
        dir.append("x", [2i64]).await?;
        Ok(()) as BuildResult
    };
    let resumes = ResolveOptions::default().resume(true);
    let built = root.resolve_config(&config(), &IdentityRules::default(), &resumes, go_on).await.unwrap();
    assert_eq!((built.outcome, rows(&root).await), (Outcome::Built, vec![0, 1, 2]));
}

#[tokio::test]
async fn a_build_is_done_after_what_its_tasks_had_begun() {
    let (held, begun, root) = place(LEASE);
    let build = |dir: Directory| {
        let (held, mut begun, root) = (held.clone(), begun.subscribe(), root.clone());
        async move {
            dir.append("x", [0i64]).await?;
            held.send_replace(true);
            let task = dir.clone();
            tokio::spawn(async move { task.append("x", [1i64]).await });
            begun.wait_for(|begun| *begun == 2).await?;
            free_later(held, &root);
            Ok(()) as BuildResult
        }
    };
    root.resolve_config(&config(), &IdentityRules::default(), &options(), build).await.unwrap();
    assert_eq!(rows(&root).await, [0, 1], "nothing lands in what is done");
    assert!(root.dir("Run_0000").unwrap().meta().await.unwrap().unwrap().is_usable());
}

#[tokio::test]
async fn a_build_with_a_write_that_does_not_end_is_neither_done_nor_gone_on_with() {
    for interrupts in [false, true] {
        let (held, begun, root) = place(Duration::from_millis(600));
        let build = |dir: Directory| {
            let (held, mut begun) = (held.clone(), begun.subscribe());
            async move {
                dir.append("x", [0i64]).await?;
                held.send_replace(true);
                let task = dir.clone();
                tokio::spawn(async move { task.append("x", [1i64]).await });
                begun.wait_for(|begun| *begun == 2).await?;
                if interrupts { Err(Interrupted::at(1).into()) } else { Ok(()) as BuildResult }
            }
        };
        let resumes = options().resume(true);
        let error = root.resolve_config(&config(), &IdentityRules::default(), &resumes, build).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BuildFailed);
        assert!(error.chain().contains("was still under way"), "{}", error.chain());
        assert_eq!(root.dir("Run_0000").unwrap().status().await.unwrap(), Some(Status::Stopped));
        held.send_replace(false);
        let anew = |dir: Directory| async move {
            assert!(dir.resumed_from().is_none());
            dir.append("x", [7i64]).await?;
            Ok(()) as BuildResult
        };
        let built = root.resolve_config(&config(), &IdentityRules::default(), &resumes, anew).await.unwrap();
        assert_eq!(built.directory.name(), "Run_0001");
        assert_eq!(built.directory.array("x").await.unwrap().read::<Vec<i64>>().await.unwrap(), [7]);
    }
}

#[tokio::test]
async fn a_build_that_is_given_up_begins_no_write_any_more() {
    let (_, _, root) = place(LEASE);
    let (kept, mut given) = tokio::sync::mpsc::unbounded_channel();
    let building = tokio::spawn({
        let root = root.clone();
        async move {
            let build = |dir: Directory| {
                kept.send(dir).unwrap();
                std::future::pending::<BuildResult>()
            };
            root.resolve_config(&config(), &IdentityRules::default(), &options(), build).await.map(|_| ())
        }
    });
    let dir = given.recv().await.unwrap();
    dir.append("x", [0i64]).await.unwrap();
    building.abort();
    assert!(building.await.unwrap_err().is_cancelled());
    assert_eq!(dir.append("x", [1i64]).await.unwrap_err().kind(), ErrorKind::LeaseLost);
}

#[tokio::test]
async fn writers_that_outlive_their_build_store_nothing() {
    let (_, _, root) = place(LEASE);
    let kept = std::sync::Mutex::new(None);
    let build = |dir: Directory| {
        let kept = &kept;
        async move {
            let spec =
                ArraySpec { shape: fascicle_core::Shape::new([2])?, dtype: fascicle_core::DType::Int64 };
            let array = dir.create_array("x", spec, &fascicle_core::PutOptions::default()).await?;
            let file = dir.create_file("f", WriteMode::Create).await?;
            *kept.lock().unwrap() = Some((array, file));
            Ok(()) as BuildResult
        }
    };
    root.resolve_config(&config(), &IdentityRules::default(), &options(), build).await.unwrap();
    let (array, mut file) = kept.lock().unwrap().take().unwrap();
    assert_eq!(array.finish().await.unwrap_err().kind(), ErrorKind::LeaseLost);
    assert_eq!(file.write("text".into()).await.unwrap_err().kind(), ErrorKind::LeaseLost);
    file.finish().await.unwrap_err();
    assert!(root.dir("Run_0000").unwrap().is_empty().await.unwrap());
}
