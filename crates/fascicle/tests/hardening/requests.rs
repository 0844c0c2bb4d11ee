//! One request goes wrong, each in turn and in every way that requests go wrong: what was there is there, or what was to be, and
//! nothing between; and asking again mends it.

use crate::snapshot::snapshot;
use fascicle::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use fascicle::{
    Capability, CompactOptions, Config, IdentityRules, OpenOptions, PutOptions, ResolveOptions, Result, Root,
    RootOptions, config::Map,
};
use fascicle_test_servers::{Fault, FaultKind, ObjectServer, RequestKind, SeenRequest};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Rounds that are under way at once; most of their time they wait.
const AT_ONCE: usize = 8;

/// The state when there is the directory and nothing in it.
const EMPTY_DIRECTORY: &str = "done modified=true {}; ";

/// The state when there is an array without rows, which is what appending to none begins with.
const ARRAY_WITHOUT_ROWS: &str =
    "done modified=true {}; x: ArrayData { shape: Shape([0]), values: Int64([]) } {}; ";

type Step = fn(Root) -> BoxFuture<'static, Result<()>>;

/// What doing a thing a second time comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Again {
    /// The same as doing it once.
    Same,
    /// It happens again: after an error it may have happened already.
    Twice,
    /// It is refused.
    Refused,
}

struct Scenario {
    name: &'static str,
    needs: Capability,
    prepare: Step,
    act: Step,
    again: Again,
}

/// A server with a bucket, and the backend whose roots are on it.
struct Server {
    objects: ObjectServer,
    backend: &'static str,
}

/// A root whose builders are taken for dead soon. Without retries, the caller sees every single fault.
async fn open(server: &Server, place: &str, retries: i64) -> Root {
    let mut options: Map = server
        .objects
        .s3_options()
        .into_iter()
        .map(|(name, text)| (name, if text == "true" { true.into() } else { text.into() }))
        .collect();
    options.insert("max_retries".to_owned(), retries.into());
    let (beat, lease) = (Duration::from_secs(60), Duration::from_millis(60));
    let poll = (Duration::from_millis(2), Duration::from_millis(10));
    let root = RootOptions { beat, lease, poll, ..RootOptions::default() };
    let options = OpenOptions { options, ..OpenOptions::default() };
    options.with_backend(server.backend).with_root_options(root).open(place).await.unwrap()
}

fn numbers(count: i64) -> Vec<i64> {
    (0..count).collect()
}

fn rows(count: i64) -> RecordBatch {
    RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(numbers(count))) as ArrayRef)]).unwrap()
}

fn config() -> Config {
    Config::new("Faulty").with("seed", 1)
}

async fn resolve(root: &Root, options: ResolveOptions) -> Result<fascicle::Resolution> {
    root.resolve_config(&config(), &IdentityRules::default(), &options, |dir| async move {
        dir.put("x", numbers(20)).await?;
        dir.put_file("notes", "some text").await?;
        dir.dir("nested")?.put("y", numbers(3)).await?;
        dir.append("log", numbers(2)).await?;
        dir.append("log", numbers(2)).await?;
        Ok(())
    })
    .await
}

macro_rules! step {
    ($root:ident => $body:block) => {
        |$root: Root| {
            async move {
                $body;
                Ok::<(), fascicle::Error>(())
            }
            .boxed()
        }
    };
}

fn scenarios() -> Vec<Scenario> {
    let nothing: Step = |_| async { Ok::<(), fascicle::Error>(()) }.boxed();
    let array: Step = step!(root => { root.dir("d")?.put("x", numbers(10)).await? });
    let file: Step = step!(root => { root.dir("d")?.put_file("f", "old content").await? });
    let table: Step = step!(root => { root.dir("d")?.put_table("t", &rows(4)).await? });
    let built: Step = step!(root => { resolve(&root, ResolveOptions::default()).await? });
    let given: Step = step!(root => { resolve(&root, ResolveOptions::default().at("given")).await? });
    let scenario =
        |name, prepare, act, again| Scenario { name, needs: Capability::Write, prepare, act, again };
    let of_tables =
        |name, prepare, act, again| Scenario { name, needs: Capability::Tables, prepare, act, again };
    vec![
        scenario("put an array", nothing, array, Again::Same),
        scenario(
            "replace an array",
            array,
            step!(root => { root.dir("d")?.put("x", numbers(300)).await? }),
            Again::Same,
        ),
        scenario(
            "put an array in chunks",
            nothing,
            step!(root => {
                let mut options = PutOptions::default();
                options.array = options.array.with_chunks([7]);
                root.dir("d")?.put_with("x", numbers(30), &options).await?
            }),
            Again::Same,
        ),
        scenario(
            "append to an array",
            array,
            step!(root => { root.dir("d")?.append("x", numbers(3)).await? }),
            Again::Twice,
        ),
        scenario(
            "append to a new array",
            nothing,
            step!(root => { root.dir("d")?.append("x", numbers(3)).await? }),
            Again::Twice,
        ),
        scenario(
            "replace a file",
            file,
            step!(root => { root.dir("d")?.put_file("f", "new").await? }),
            Again::Same,
        ),
        scenario(
            "append to a file",
            file,
            step!(root => { root.dir("d")?.append_file("f", " and more").await? }),
            Again::Twice,
        ),
        scenario(
            "remove an array",
            array,
            step!(root => { root.dir("d")?.remove("x").await? }),
            Again::Refused,
        ),
        scenario(
            "set attributes",
            array,
            step!(root => {
                let attributes = [("unit".to_owned(), "mV".into())].into_iter().collect();
                root.dir("d")?.set_attributes("x", &attributes).await?
            }),
            Again::Same,
        ),
        scenario("remove a directory", array, step!(root => { root.remove("d").await? }), Again::Refused),
        scenario("find or build", nothing, built, Again::Same),
        scenario("find or build at a given path", nothing, given, Again::Same),
        scenario("find", built, built, Again::Same),
        of_tables("put a table", nothing, table, Again::Same),
        of_tables(
            "append to a table",
            table,
            step!(root => { root.dir("d")?.append_table("t", &rows(2)).await? }),
            Again::Twice,
        ),
        of_tables(
            "compact a table",
            step!(root => {
                root.dir("d")?.put_table("t", &rows(4)).await?;
                root.dir("d")?.append_table("t", &rows(2)).await?
            }),
            step!(root => { root.dir("d")?.table("t").await?.compact(&CompactOptions::default()).await? }),
            Again::Same,
        ),
    ]
}

/// The state that matters: what was put by path, and the finished directory of the config.
async fn state(root: &Root) -> Result<String> {
    let mut text = match root.contains("d").await? {
        true => snapshot(&root.dir("d")?).await?,
        false => String::new(),
    };
    let mut usable = 0;
    for name in root.as_dir().names().await? {
        let directory = root.dir(&name)?;
        if directory.meta().await?.is_some_and(|meta| meta.is_usable()) {
            usable += 1;
            text += &format!("found: {}", snapshot(&directory).await?);
        }
    }
    assert!(usable <= 1, "two finished directories of one config");
    Ok(text)
}

fn is_possible(kind: FaultKind, request: &SeenRequest) -> bool {
    let reads = matches!(request.kind, RequestKind::Get | RequestKind::Head | RequestKind::List);
    match kind {
        FaultKind::ConditionalConflict => request.is_conditional && request.kind == RequestKind::Put,
        FaultKind::CutAnswer => reads && request.kind != RequestKind::Head,
        FaultKind::Repeated => !reads,
        _ => true,
    }
}

/// Whether a request is about what lies under `prefix`.
fn concerns(request: &SeenRequest, prefix: &str) -> bool {
    request.key.starts_with(prefix) || request.prefix.starts_with(prefix)
}

/// The request that was struck: its kind of fault, number and what it was.
struct Strike {
    kind: FaultKind,
    number: usize,
    request: SeenRequest,
}

/// What the scenario comes to when nothing goes wrong: done once, and twice.
struct Expected {
    once: String,
    twice: Option<String>,
}

/// Does the scenario with one fault, in a place of its own.
async fn round(
    server: &Server,
    scenario: &Scenario,
    expected: &Expected,
    place: &str,
    strike: &Strike,
    retries: i64,
) {
    let context = format!(
        "{}: request {} ({:?} {} conditional={}) met {:?} with {retries} retries",
        scenario.name,
        strike.number,
        strike.request.kind,
        strike.request.key,
        strike.request.is_conditional,
        strike.kind
    );
    (scenario.prepare)(open(server, place, 3).await).await.unwrap();
    let old = state(&open(server, place, 3).await).await.unwrap();
    // Opened before the fault, and used by nobody before: opening is another matter.
    let faulty = open(server, place, retries).await;
    let prefix = format!("{}/", place.strip_prefix("s3://bucket/").unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let (counted, number) = (seen.clone(), strike.number);
    server.objects.inject(Fault::once(strike.kind, move |request| {
        concerns(request, &prefix) && counted.fetch_add(1, Ordering::Relaxed) + 1 == number
    }));
    let done = (scenario.act)(faulty).await;
    let sound = open(server, place, 3).await;
    let now = state(&sound).await.unwrap();
    let again = (scenario.act)(sound).await;
    let after = state(&open(server, place, 3).await).await.unwrap();
    let new = &expected.once;
    // The directory on the way to a new entry is made first, and is whole by itself.
    let is_only_made = old.is_empty()
        && (now == EMPTY_DIRECTORY || scenario.again == Again::Twice && now == ARRAY_WITHOUT_ROWS);
    if done.is_ok() {
        assert_eq!(now, *new, "{context}: it succeeded");
    } else {
        assert!(
            now == old || now == *new || is_only_made,
            "{context}: {done:?} left\n{now}\nwhere there was\n{old}\nand was to be\n{new}"
        );
    }
    match scenario.again {
        Again::Same => {
            again.unwrap_or_else(|error| panic!("{context}: asking again: {}", error.chain()));
            assert_eq!(after, *new, "{context}: after it was asked for again");
        }
        Again::Twice => {
            again.unwrap_or_else(|error| panic!("{context}: asking again: {}", error.chain()));
            let wanted = if now == old || is_only_made { Some(new) } else { expected.twice.as_ref() };
            assert_eq!(Some(&after), wanted, "{context}: after it was done again");
        }
        Again::Refused => assert_eq!(after, *new, "{context}: {again:?}"),
    }
}

/// The state after the scenario was done `times` times without faults.
async fn undisturbed(server: &Server, scenario: &Scenario, place: &str, times: usize) -> String {
    let root = open(server, place, 3).await;
    (scenario.prepare)(root.clone()).await.unwrap();
    for _ in 0..times {
        (scenario.act)(root.clone()).await.unwrap();
    }
    state(&open(server, place, 3).await).await.unwrap()
}

/// The requests that the scenario makes.
async fn requests_of(server: &Server, scenario: &Scenario) -> Vec<SeenRequest> {
    let place = "s3://bucket/counted";
    (scenario.prepare)(open(server, place, 3).await).await.unwrap();
    let root = open(server, place, 0).await;
    server.objects.take_requests();
    (scenario.act)(root).await.unwrap();
    server.objects.take_requests().into_iter().filter(|request| concerns(request, "counted/")).collect()
}

async fn every_request_goes_wrong(backend: &'static str, kinds: &[FaultKind], retries: i64) -> usize {
    let mut rounds = 0;
    for scenario in &scenarios() {
        let server = Server { objects: ObjectServer::with_bucket("bucket"), backend };
        if !open(&server, "s3://bucket/asked", 3).await.backend().capabilities().has(scenario.needs) {
            continue;
        }
        let requests = requests_of(&server, scenario).await;
        assert!(!requests.is_empty(), "{}", scenario.name);
        let mut strikes = Vec::new();
        for (index, request) in requests.into_iter().enumerate() {
            for kind in kinds.iter().copied().filter(|kind| is_possible(*kind, &request)) {
                strikes.push(Strike { kind, number: index + 1, request: request.clone() });
            }
        }
        rounds += strikes.len();
        let twice = match scenario.again {
            Again::Twice => Some(undisturbed(&server, scenario, "s3://bucket/twice", 2).await),
            Again::Same | Again::Refused => None,
        };
        let expected = Expected { once: undisturbed(&server, scenario, "s3://bucket/once", 1).await, twice };
        stream::iter(strikes.iter().enumerate())
            .for_each_concurrent(AT_ONCE, |(index, strike)| {
                let (server, expected, place) = (&server, &expected, format!("s3://bucket/round-{index}"));
                async move { round(server, scenario, expected, &place, strike, retries).await }
            })
            .await;
    }
    rounds
}

const EVERY_KIND: [FaultKind; 6] = [
    FaultKind::Unavailable,
    FaultKind::LostAnswer,
    FaultKind::FailedAnswer,
    FaultKind::ConditionalConflict,
    FaultKind::CutAnswer,
    FaultKind::Repeated,
];

#[tokio::test]
async fn callers_of_zarr_see_each_fault_and_nothing_is_half_done() {
    let rounds = every_request_goes_wrong("zarr", &EVERY_KIND, 0).await;
    println!("{rounds} requests went wrong, one at a time");
    assert!(rounds > 200, "only {rounds}");
}

#[tokio::test]
async fn callers_of_parquet_see_each_fault_and_nothing_is_half_done() {
    let rounds = every_request_goes_wrong("parquet", &EVERY_KIND, 0).await;
    println!("{rounds} requests went wrong, one at a time");
    assert!(rounds > 200, "only {rounds}");
}

#[tokio::test]
async fn requests_of_zarr_that_are_sent_again_happen_once() {
    let rounds = every_request_goes_wrong("zarr", &[FaultKind::LostAnswer], 3).await;
    println!("{rounds} requests were sent again after their answers were lost");
    assert!(rounds > 50, "only {rounds}");
}

#[tokio::test]
async fn requests_of_parquet_that_are_sent_again_happen_once() {
    let rounds = every_request_goes_wrong("parquet", &[FaultKind::LostAnswer], 3).await;
    println!("{rounds} requests were sent again after their answers were lost");
    assert!(rounds > 50, "only {rounds}");
}
