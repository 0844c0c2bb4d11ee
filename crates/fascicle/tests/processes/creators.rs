//! Put-if-absent: many processes create the same records, and each record has exactly one creator, whose body everybody reads.

use crate::crew::Crew;
use crate::site::{Site, Store};
use crate::worker::say;
use crate::{on_every_store, scale};
use fascicle::Root;
use fascicle::backend::{CreateOutcome, RecordKey};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CREATORS: usize = 8;
/// Records for each unit of scale; every creator tries each.
const RECORDS: usize = 250;

/// How long after each other the records are created.
const APART: Duration = Duration::from_millis(5);

on_every_store!(run);

fn run(store: Store) {
    let site = Site::new(store, Duration::from_secs(600));
    let mut crew = Crew::start(&site.address, CREATORS);
    let records = RECORDS * scale();
    let begin = (SystemTime::now() + Duration::from_millis(500)).duration_since(UNIX_EPOCH).unwrap();
    for (number, id) in crew.ids().into_iter().enumerate() {
        crew.order(id, &format!("create {number} {records} {}", begin.as_micros()));
    }
    let (mut unowned, mut creators): (BTreeSet<String>, usize) =
        ((0..records).map(|record| record.to_string()).collect(), 0);
    for _ in 0..CREATORS {
        let (id, said) = crew.hear();
        let Some(won) = said.strip_prefix("created") else { panic!("worker {id}: {said}") };
        creators += usize::from(!won.is_empty());
        for record in won.split_whitespace() {
            assert!(unowned.remove(record), "record {record} has two creators");
        }
    }
    assert!(unowned.is_empty(), "records that nobody created: {unowned:?}");
    println!("{store:?}: {records} records, {} attempts, one creator each of {creators}", records * CREATORS);
}

/// A creator's part. Everybody comes to a record at the same moment: who is early waits.
pub(crate) async fn create(root: &Root, creator: u64, records: u64, begin_micros: u64) {
    let store = root.backend().records();
    let mut won = String::new();
    for record in 0..records {
        let moment = UNIX_EPOCH + Duration::from_micros(begin_micros) + APART * record as u32;
        while SystemTime::now() < moment {
            std::thread::yield_now();
        }
        let key = RecordKey::parse(&format!("v1/race/{record}")).unwrap();
        let body = creator.to_string();
        let is_mine = store.create(&key, body.clone().into()).await.unwrap() == CreateOutcome::Created;
        let stored = store.read(&key).await.unwrap();
        let stored = stored.unwrap_or_else(|| panic!("record {record} is there for nobody to read"));
        assert_eq!(stored == body, is_mine, "record {record} of {stored:?} as creator {creator} sees it");
        if is_mine {
            won.push_str(&format!(" {record}"));
        }
    }
    say(format_args!("created{won}"));
}
