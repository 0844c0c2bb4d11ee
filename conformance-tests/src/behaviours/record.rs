//! Records: small objects by which callers coordinate.

use super::prelude::*;
use fascicle_backend::{CreateOutcome, MAX_RECORD_BYTES, RecordKey};

behaviours! { "record"
    /// A created record is read back byte for byte.
    a_record_comes_back [Write];
    /// There is no record under a key that was never used.
    a_missing_record_is_none [Write];
    /// Creating a record that exists says so, and it stays as it is.
    an_existing_record_is_not_replaced_by_creating [Write];
    /// Overwriting replaces a record as a whole, and creates a missing one.
    overwriting_replaces [Write];
    /// A removed record is gone, can be created again, and removing what is missing is fine.
    a_removed_record_is_gone [Write];
    /// A listing holds the keys below a prefix, sorted, at any depth.
    keys_are_listed_by_prefix [Write];
    /// A prefix ends where a name ends: `v1` does not list what stands below `v10`.
    a_prefix_ends_with_a_name [Write];
    /// Records and entries do not meet, whatever they are called.
    records_are_apart_from_entries [Write];
    /// A record can be empty, and can hold any bytes.
    a_body_can_be_anything [Write];
    /// A body of the greatest allowed size works, one byte more is refused and nothing is stored.
    the_size_of_a_body_is_limited [Write];
    /// A key of the greatest allowed length works.
    the_longest_key_works [Write];
    /// Keys are apart, however alike.
    keys_are_apart [Write];
}

fn key(text: &str) -> Result<RecordKey> {
    RecordKey::parse(text)
}

fn body(text: &str) -> Bytes {
    Bytes::from(text.to_owned())
}

async fn a_record_comes_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let claim = key("v1/ab/abcdef.0.claim")?;
    ensure_eq!(place.records().create(&claim, body("mine")).await?, CreateOutcome::Created, "the outcome");
    ensure_eq!(place.records().read(&claim).await?, Some(body("mine")), "the record");
    Ok(())
}

async fn a_missing_record_is_none(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.records().create(&key("v1/a")?, body("x")).await?;
    for missing in ["v1/b", "v1", "v2/a", "v1/a.0", "v1/c/a"] {
        ensure_eq!(place.records().read(&key(missing)?).await?, None, "the record '{missing}'");
    }
    Ok(())
}

async fn an_existing_record_is_not_replaced_by_creating(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let claim = key("v1/claim")?;
    place.records().create(&claim, body("first")).await?;
    for second in ["second", "first", ""] {
        ensure_eq!(place.records().create(&claim, body(second)).await?, CreateOutcome::Exists, "the outcome");
        ensure_eq!(place.records().read(&claim).await?, Some(body("first")), "the record");
    }
    Ok(())
}

async fn overwriting_replaces(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let beat = key("v1/beat")?;
    for text in ["a longer first body", "short", "", "a longer one again"] {
        place.records().overwrite(&beat, body(text)).await?;
        ensure_eq!(place.records().read(&beat).await?, Some(body(text)), "the record");
    }
    ensure_eq!(place.records().create(&beat, body("x")).await?, CreateOutcome::Exists, "the outcome");
    Ok(())
}

async fn a_removed_record_is_gone(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let claim = key("v1/claim")?;
    place.records().remove(&claim).await?;
    place.records().create(&claim, body("first")).await?;
    place.records().create(&key("v1/other")?, body("other")).await?;
    place.records().remove(&claim).await?;
    place.records().remove(&claim).await?;
    ensure_eq!(place.records().read(&claim).await?, None, "the removed record");
    ensure_eq!(place.records().read(&key("v1/other")?).await?, Some(body("other")), "the other record");
    ensure_eq!(place.records().create(&claim, body("second")).await?, CreateOutcome::Created, "the outcome");
    ensure_eq!(place.records().read(&claim).await?, Some(body("second")), "the record created again");
    Ok(())
}

async fn lists(place: &Place, prefix: &str, expected: &[&str]) -> Checked {
    let keys = place.records().list(&key(prefix)?).await?;
    let keys: Vec<&str> = keys.iter().map(RecordKey::as_str).collect();
    ensure_eq!(keys, expected, "the keys below '{prefix}'");
    Ok(())
}

async fn keys_are_listed_by_prefix(subject: Subject) -> Checked {
    let place = subject.open().await?;
    lists(&place, "v1", &[]).await?;
    for text in
        ["v1/b/2.claim", "v1/a/1.end", "v1/a/1.claim", "v2/a/1.claim", "v1/a/10.claim", "v1/root.json"]
    {
        place.records().create(&key(text)?, body(text)).await?;
    }
    lists(&place, "v1/a", &["v1/a/1.claim", "v1/a/1.end", "v1/a/10.claim"]).await?;
    let all = ["v1/a/1.claim", "v1/a/1.end", "v1/a/10.claim", "v1/b/2.claim", "v1/root.json"];
    lists(&place, "v1", &all).await?;
    place.records().remove(&key("v1/a/1.end")?).await?;
    lists(&place, "v1/a", &["v1/a/1.claim", "v1/a/10.claim"]).await
}

async fn a_prefix_ends_with_a_name(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for text in ["v1/x", "v10/x", "v1.x/x", "v1-x"] {
        place.records().create(&key(text)?, body(text)).await?;
    }
    lists(&place, "v1", &["v1/x"]).await?;
    lists(&place, "v", &[]).await?;
    lists(&place, "v1/x", &[]).await
}

async fn records_are_apart_from_entries(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("v1").await?;
    place.put_file("v1/x", "a file").await?;
    place.records().create(&key("v1/x")?, body("a record")).await?;
    place.records().create(&key("v1/y")?, body("a record")).await?;
    ensure_eq!(place.file("v1/x").await?, "a file".as_bytes(), "the file");
    ensure_eq!(place.names("v1").await?, ["x"], "the entries of the directory");
    place.remove(&at("v1")?).await?;
    ensure_eq!(place.records().read(&key("v1/x")?).await?, Some(body("a record")), "the record");
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the entries of the root");
    Ok(())
}

async fn a_body_can_be_anything(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for (number, content) in
        [vec![], vec![0], b"\r\n\0\xff".to_vec(), (0..=255).collect()].into_iter().enumerate()
    {
        let key = key(&format!("v1/{number}"))?;
        let content = Bytes::from(content);
        place.records().create(&key, content.clone()).await?;
        ensure_eq!(place.records().read(&key).await?, Some(content), "the record");
    }
    Ok(())
}

async fn the_size_of_a_body_is_limited(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let largest = Bytes::from(samples::bytes(1, MAX_RECORD_BYTES));
    place.records().create(&key("v1/largest")?, largest.clone()).await?;
    ensure!(place.records().read(&key("v1/largest")?).await? == Some(largest), "the largest record differs");
    let beyond = Bytes::from(vec![0; MAX_RECORD_BYTES + 1]);
    let larger = key("v1/larger")?;
    refused(place.records().create(&larger, beyond.clone()).await, ErrorKind::LimitExceeded)?;
    refused(place.records().overwrite(&larger, beyond).await, ErrorKind::LimitExceeded)?;
    ensure_eq!(place.records().read(&larger).await?, None, "the record that is too large");
    Ok(())
}

async fn the_longest_key_works(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let longest = key(&format!("v1/ab/{}", "f".repeat(244)))?;
    place.records().create(&longest, body("x")).await?;
    ensure_eq!(place.records().read(&longest).await?, Some(body("x")), "the record");
    ensure_eq!(place.records().list(&key("v1/ab")?).await?, [longest], "the listing");
    Ok(())
}

async fn keys_are_apart(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let keys = ["v1/a", "v1/aa", "v1/a.0", "v1/a-0", "v1/a.0.claim", "v2/a", "v1/b/a"];
    for text in keys {
        place.records().create(&key(text)?, body(text)).await?;
    }
    for text in keys {
        ensure_eq!(place.records().read(&key(text)?).await?, Some(body(text)), "the record '{text}'");
    }
    Ok(())
}
