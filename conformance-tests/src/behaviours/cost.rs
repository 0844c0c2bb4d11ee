//! What calls cost, counted in calls that reach the backend.

use super::prelude::*;
use fascicle_backend::{
    RecordKey,
    wrap::{CallCounts, Operation},
};

behaviours! { "cost"
    /// A call reaches the storage once: the checks before it ask nothing of the storage.
    one_call_is_one_call [Write];
    /// What the checks refuse does not reach the storage.
    refused_calls_do_not_reach_the_storage [Write];
}

async fn one_call_is_one_call(subject: Subject) -> Checked {
    let counts = Arc::new(CallCounts::default());
    let place = subject.open_observed(counts.clone()).await?;
    place.make_dir("d").await?;
    place.put_file("d/x", "content").await?;
    place.names("d").await?;
    place.kind("d/x").await?;
    place.meta("d").await?;
    place.file("d/x").await?;
    place.records().read(&RecordKey::parse("v1/x")?).await?;
    let expected = [
        Operation::List,
        Operation::Stat,
        Operation::CreateDirectory,
        Operation::ReadMeta,
        Operation::CreateFile,
        Operation::WriteFile,
        Operation::FinishFile,
        Operation::ReadFile,
        Operation::ReadRecord,
    ];
    ensure_eq!(counts.snapshot(), expected.map(|operation| (operation, 1)).into(), "the calls");
    Ok(())
}

async fn refused_calls_do_not_reach_the_storage(subject: Subject) -> Checked {
    let counts = Arc::new(CallCounts::default());
    let place = subject.open_observed(counts.clone()).await?;
    refused(place.put_file("x.h5", "content").await, ErrorKind::InvalidPath)?;
    refused(place.make_dir("CON").await, ErrorKind::InvalidPath)?;
    refused(place.remove(&EntryPath::root()).await, ErrorKind::InvalidInput)?;
    let too_large = Bytes::from(vec![b'#'; (1 << 20) + 1]);
    refused(place.create_directory(&at("d")?, too_large).await, ErrorKind::LimitExceeded)?;
    ensure_eq!(counts.total(), 0, "the number of calls");
    Ok(())
}
