//! Following what grows while it is built.

use super::{prelude::*, rooted::*};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use fascicle_core::TailOptions;
use futures::TryStreamExt;
use tokio::{sync::watch, task::JoinHandle};

behaviours! { "tail"
    /// The rows of an array come as they are appended, each once and in order, until the build is done.
    rows_of_an_array_come_until_the_build_is_done [Write, Arrays, ArrayAppend];
    /// The rows of a table come as they are appended, each once and in order, until the build is done.
    rows_of_a_table_come_until_the_build_is_done [Write, Tables, TableAppend];
    /// The bytes of a file come as they are appended, each once and in order, until the build is done.
    bytes_of_a_file_come_until_the_build_is_done [Write, FileAppend];
    /// All rows of a build that fails come, and after them an error.
    a_build_that_fails_ends_with_an_error [Write, Arrays, ArrayAppend];
    /// Rows of another attempt at the same path do not follow those of the first one: that is a conflict.
    rows_of_another_attempt_do_not_follow [Write, Arrays, ArrayAppend];
}

/// How often a build appends.
const APPENDS: i64 = 5;

/// What a build appends to.
#[derive(Clone, Copy)]
enum Grows {
    Array,
    Table,
    File,
}

impl Grows {
    async fn append(self, directory: &Directory, number: i64) -> Result<()> {
        let grown = match self {
            Grows::Array => directory.append("inner/x", [number, number]).await,
            Grows::Table => {
                let column: ArrayRef = Arc::new(Int64Array::from(vec![number; 2]));
                directory
                    .append_table("t", &RecordBatch::try_from_iter([("n", column)]).map_err(arrow)?)
                    .await
            }
            Grows::File => directory.append_file("f", format!("{number}\n")).await,
        };
        grown.map(|_| ())
    }
}

fn arrow(error: arrow_schema::ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "the rows are no batch").caused_by(error)
}

/// A build that appends; from the second time on only once somebody looks.
struct Growing {
    begun: watch::Sender<bool>,
    is_followed: watch::Sender<bool>,
}

impl Growing {
    fn new() -> Arc<Self> {
        Arc::new(Growing { begun: watch::Sender::new(false), is_followed: watch::Sender::new(false) })
    }

    fn resolve(
        self: &Arc<Self>,
        root: &Root,
        grows: Grows,
        path: Option<&str>,
        fails: bool,
    ) -> JoinHandle<Result<Resolution>> {
        let (growing, root) = (self.clone(), root.clone());
        let options = ResolveOptions { path: path.map(str::to_owned), ..ResolveOptions::default() };
        tokio::spawn(async move {
            let build = |directory: Directory| {
                let growing = growing.clone();
                async move {
                    grows.append(&directory, 0).await?;
                    growing.begun.send_replace(true);
                    growing.is_followed.subscribe().wait_for(|followed| *followed).await?;
                    for number in 1..APPENDS {
                        grows.append(&directory, number).await?;
                    }
                    if fails { Err("on purpose".into()) } else { Ok(()) }
                }
            };
            root.resolve_config(&cells(0), &IdentityRules::default(), &options, build).await
        })
    }

    async fn has_begun(&self) -> Checked {
        self.begun.subscribe().wait_for(|begun| *begun).await?;
        Ok(())
    }

    fn is_followed(&self) {
        self.is_followed.send_replace(true);
    }
}

/// Every number that is appended, twice.
fn twice() -> Vec<i64> {
    (0..APPENDS).flat_map(|number| [number, number]).collect()
}

async fn rows_of_an_array_come_until_the_build_is_done(subject: Subject) -> Checked {
    for path in [None, Some("group/mine")] {
        let ([builder, reader], growing) = (subject.roots().await?, Growing::new());
        let building = growing.resolve(&builder, Grows::Array, path, false);
        growing.has_begun().await?;
        let array = reader.dir(path.unwrap_or("Cells_0000"))?.array("inner/x").await?;
        let mut rows = array.tail(&TailOptions::default());
        let mut seen: Vec<i64> = Vec::new();
        while let Some(data) = rows.try_next().await? {
            seen.extend(data.into_vec::<i64>()?);
            growing.is_followed();
        }
        ensure_eq!(seen, twice(), "the rows that came");
        let built = building.await??.directory;
        if path.is_none() {
            built.remove_all().await?;
        }
    }
    Ok(())
}

async fn rows_of_a_table_come_until_the_build_is_done(subject: Subject) -> Checked {
    let ([builder, reader], growing) = (subject.roots().await?, Growing::new());
    let building = growing.resolve(&builder, Grows::Table, None, false);
    growing.has_begun().await?;
    let mut batches = reader.dir("Cells_0000")?.table("t").await?.tail(&TailOptions::default());
    let mut seen: Vec<i64> = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        seen.extend(batch.column(0).as_primitive::<Int64Type>().values());
        growing.is_followed();
    }
    ensure_eq!(seen, twice(), "the rows that came");
    building.await??;
    Ok(())
}

async fn bytes_of_a_file_come_until_the_build_is_done(subject: Subject) -> Checked {
    let ([builder, reader], growing) = (subject.roots().await?, Growing::new());
    let building = growing.resolve(&builder, Grows::File, None, false);
    growing.has_begun().await?;
    let mut bytes = reader.dir("Cells_0000")?.file("f").await?.tail(&TailOptions::default());
    let mut seen = Vec::new();
    while let Some(bytes) = bytes.try_next().await? {
        seen.extend_from_slice(&bytes);
        growing.is_followed();
    }
    let all: String = (0..APPENDS).map(|number| format!("{number}\n")).collect();
    ensure_eq!(Bytes::from(seen), Bytes::from(all), "the bytes that came");
    building.await??;
    Ok(())
}

async fn a_build_that_fails_ends_with_an_error(subject: Subject) -> Checked {
    let ([builder, reader], growing) = (subject.roots().await?, Growing::new());
    let building = growing.resolve(&builder, Grows::Array, None, true);
    growing.has_begun().await?;
    let mut rows = reader.dir("Cells_0000")?.array("inner/x").await?.tail(&TailOptions::default());
    let mut seen: Vec<i64> = Vec::new();
    let end = loop {
        match rows.try_next().await {
            Ok(Some(data)) => seen.extend(data.into_vec::<i64>()?),
            end => break end.map(|_| ()),
        }
        growing.is_followed();
    };
    refused(end, ErrorKind::BuildFailed)?;
    ensure_eq!(seen, twice(), "the rows that came before");
    refused(building.await?, ErrorKind::BuildFailed).map(|_| ())
}

async fn rows_of_another_attempt_do_not_follow(subject: Subject) -> Checked {
    let [builder, reader] = subject.roots().await?;
    let (first, second) = (Growing::new(), Growing::new());
    let failing = first.resolve(&builder, Grows::Array, Some("mine"), true);
    first.has_begun().await?;
    let mut rows = reader.dir("mine")?.array("inner/x").await?.tail(&TailOptions::default());
    let begun = rows.try_next().await?.map(|data| data.into_vec::<i64>()).transpose()?;
    ensure_eq!(begun, Some(vec![0, 0]), "the first rows");
    first.is_followed();
    refused(failing.await?, ErrorKind::BuildFailed)?;
    second.is_followed();
    // It is done, and has more rows than the first one had when it was looked at.
    second.resolve(&builder, Grows::Array, Some("mine"), false).await??;
    refused(rows.try_next().await, ErrorKind::Conflict).map(|_| ())
}
