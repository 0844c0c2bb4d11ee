//! Pages of listings, as both dialects write them.

use crate::{
    buckets::Bucket,
    respond::{Answer, escaped, xml},
};
use std::collections::BTreeMap;

/// How many entries a page holds unless fewer are asked for.
const PAGE: usize = 1000;

/// The page of a listing that `query` asks for. Keys and common prefixes come in one order, that of their bytes.
pub(crate) fn list(name: &str, bucket: &Bucket, query: &BTreeMap<String, String>) -> Answer {
    let value = |name: &str| query.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let prefix = value("prefix").unwrap_or("");
    let delimiter = value("delimiter");
    let after = value("continuation-token").or(value("start-after")).unwrap_or("");
    let most = value("max-keys").and_then(|most| most.parse().ok()).unwrap_or(PAGE).min(PAGE);

    let mut last = String::new();
    let mut body = String::new();
    let (mut count, mut is_truncated) = (0, false);
    for (key, object) in bucket.range(prefix.to_owned()..) {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        let common = delimiter.and_then(|delimiter| {
            rest.find(delimiter).map(|at| format!("{prefix}{}", &rest[..at + delimiter.len()]))
        });
        let entry = common.as_ref().unwrap_or(key);
        if entry.as_str() <= after || *entry == last {
            continue;
        }
        if count == most {
            is_truncated = true;
            break;
        }
        count += 1;
        last.clone_from(entry);
        match common {
            Some(common) => {
                body += &format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escaped(&common));
            }
            None => {
                body += &format!(
                    "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
                    escaped(key),
                    object.modified.format("%Y-%m-%dT%H:%M:%S%.3fZ"),
                    escaped(&object.etag()),
                    object.bytes.len(),
                );
            }
        }
    }
    if is_truncated {
        body += &format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(&last));
    }
    xml(
        200,
        format!(
            "<ListBucketResult><Name>{}</Name><Prefix>{}</Prefix><KeyCount>{count}</KeyCount>\
             <MaxKeys>{most}</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>{body}</ListBucketResult>",
            escaped(name),
            escaped(prefix),
        ),
    )
}
