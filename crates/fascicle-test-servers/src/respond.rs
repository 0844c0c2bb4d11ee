//! What a request does to the buckets, and its answer.

use crate::{
    buckets::{Buckets, StoredObject, Upload},
    listing,
    request::{Incoming, RequestKind},
};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{Response, header::HeaderName};
use serde::Deserialize;
use std::io;

pub(crate) type Answer = Response<BoxBody<Bytes, io::Error>>;

fn whole(bytes: Bytes) -> BoxBody<Bytes, io::Error> {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// How a server judges requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Conditions of writes are accepted and then ignored, as some services do.
    pub(crate) ignores_conditions: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CompleteUpload {
    #[serde(default)]
    part: Vec<CompletePart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CompletePart {
    part_number: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BulkDelete {
    #[serde(default)]
    object: Vec<BulkDeleteObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BulkDeleteObject {
    key: String,
}

/// Applies a request to the buckets and answers it.
pub(crate) fn respond(buckets: &mut Buckets, rules: &Rules, request: &Incoming) -> Answer {
    let (bucket, key) = (request.seen.bucket.as_str(), request.seen.key.as_str());
    if request.seen.kind == RequestKind::CreateBucket {
        buckets.buckets.entry(bucket.to_owned()).or_default();
        return xml(200, String::new());
    }
    let Some(content) = buckets.buckets.get(bucket) else {
        return failure(404, "NoSuchBucket", "The specified bucket does not exist");
    };
    match request.seen.kind {
        RequestKind::List => listing::list(bucket, content, &request.query),
        RequestKind::Get | RequestKind::Head => read(content.get(key), request),
        RequestKind::Put => {
            if let Some(refusal) = refused(rules, request, content.get(key)) {
                return refusal;
            }
            let object = buckets.store(bucket, key, request.body.clone(), request.metadata());
            stored(&object, String::new())
        }
        RequestKind::Copy => copy(buckets, rules, request),
        RequestKind::Delete => {
            let found = buckets.buckets.get_mut(bucket).and_then(|content| content.remove(key));
            if found.is_none() && request.is_google() { no_such_key() } else { xml(204, String::new()) }
        }
        RequestKind::BulkDelete => bulk_delete(buckets, request),
        RequestKind::UploadBegin => {
            let id = format!("upload-{}", buckets.next_number());
            buckets.uploads.insert(id.clone(), Upload { metadata: request.metadata(), ..Upload::default() });
            xml(
                200,
                format!(
                    "<InitiateMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId>\
                     </InitiateMultipartUploadResult>",
                    escaped(bucket),
                    escaped(key),
                ),
            )
        }
        RequestKind::UploadPart => upload_part(buckets, request),
        RequestKind::UploadComplete => complete_upload(buckets, rules, request),
        RequestKind::UploadAbort => {
            buckets.uploads.remove(upload_id(request));
            xml(204, String::new())
        }
        RequestKind::CreateBucket | RequestKind::Unknown => {
            failure(405, "MethodNotAllowed", "This server does not know the request")
        }
    }
}

/// The answer to a conditional write whose condition does not hold.
fn refused(rules: &Rules, request: &Incoming, current: Option<&StoredObject>) -> Option<Answer> {
    if rules.ignores_conditions {
        return None;
    }
    let failed = || failure(412, "PreconditionFailed", "At least one of the preconditions did not hold");
    if request.header("if-none-match") == Some("*") && current.is_some() {
        return Some(failed());
    }
    if let Some(expected) = request.header("if-match") {
        match current {
            None => return Some(no_such_key()),
            Some(object) if object.etag() != expected => return Some(failed()),
            Some(_) => {}
        }
    }
    let generation = current.map_or(0, |object| object.generation).to_string();
    let expected = request.header("x-goog-if-generation-match");
    expected.filter(|expected| *expected != generation).map(|_| failed())
}

fn read(object: Option<&StoredObject>, request: &Incoming) -> Answer {
    let Some(object) = object else { return no_such_key() };
    let matches = |tags: &str| tags == "*" || tags == object.etag();
    if request.header("if-none-match").is_some_and(matches) {
        return xml(304, String::new());
    }
    if request.header("if-match").is_some_and(|tags| !matches(tags)) {
        return failure(412, "PreconditionFailed", "The object has another entity tag");
    }
    let length = object.bytes.len();
    let range = request.header("range").and_then(|range| range.strip_prefix("bytes="));
    let (start, end) = match range.and_then(|range| range.split_once('-')) {
        None => (0, length),
        Some(("", last)) => (length.saturating_sub(last.parse().unwrap_or(0)), length),
        Some((start, last)) => {
            let end = last.parse().map_or(length, |last: usize| length.min(last + 1));
            (start.parse().unwrap_or(0), end)
        }
    };
    if range.is_some() && start >= length.max(1) {
        return failure(416, "InvalidRange", "The range begins beyond the end");
    }
    let is_head = request.seen.kind == RequestKind::Head;
    let mut answer = Response::builder()
        .status(if range.is_some() { 206 } else { 200 })
        .header("etag", object.etag())
        .header("x-goog-generation", object.generation)
        .header("last-modified", object.modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .header("content-type", "application/octet-stream")
        .header("accept-ranges", "bytes");
    if range.is_some() {
        answer = answer.header("content-range", format!("bytes {start}-{}/{length}", end.max(1) - 1));
    }
    if is_head {
        answer = answer.header("content-length", end - start);
    }
    let prefix = if request.is_google() { "x-goog-meta-" } else { "x-amz-meta-" };
    for (name, value) in &object.metadata {
        answer = answer.header(HeaderName::try_from(format!("{prefix}{name}")).unwrap(), value);
    }
    let body = if is_head { Bytes::new() } else { object.bytes.slice(start..end) };
    answer.body(whole(body)).unwrap()
}

fn source_of(buckets: &Buckets, request: &Incoming) -> Option<StoredObject> {
    let (bucket, key) = request.copy_source()?;
    buckets.object(&bucket, &key).cloned()
}

fn copy(buckets: &mut Buckets, rules: &Rules, request: &Incoming) -> Answer {
    let (bucket, key) = (request.seen.bucket.as_str(), request.seen.key.as_str());
    let Some(source) = source_of(buckets, request) else { return no_such_key() };
    if let Some(refusal) = refused(rules, request, buckets.object(bucket, key)) {
        return refusal;
    }
    let object = buckets.store(bucket, key, source.bytes, source.metadata);
    let body = format!("<CopyObjectResult><ETag>{}</ETag></CopyObjectResult>", escaped(&object.etag()));
    stored(&object, body)
}

fn bulk_delete(buckets: &mut Buckets, request: &Incoming) -> Answer {
    let Ok(delete) = quick_xml::de::from_reader::<_, BulkDelete>(&request.body[..]) else {
        return malformed();
    };
    let mut body = String::from("<DeleteResult>");
    for object in delete.object {
        if let Some(content) = buckets.buckets.get_mut(&request.seen.bucket) {
            content.remove(&object.key);
        }
        body += &format!("<Deleted><Key>{}</Key></Deleted>", escaped(&object.key));
    }
    xml(200, body + "</DeleteResult>")
}

fn upload_part(buckets: &mut Buckets, request: &Incoming) -> Answer {
    let source = source_of(buckets, request);
    let bytes = match request.copy_source() {
        None => request.body.clone(),
        Some(_) => match source {
            Some(source) => source.bytes,
            None => return no_such_key(),
        },
    };
    let Some(number) = request.query.get("partNumber").and_then(|number| number.parse().ok()) else {
        return failure(400, "InvalidArgument", "A part has a number");
    };
    let Some(upload) = buckets.uploads.get_mut(upload_id(request)) else { return no_such_upload() };
    upload.parts.insert(number, bytes);
    let etag = format!("\"part-{number}\"");
    let body = match request.copy_source() {
        Some(_) => format!("<CopyPartResult><ETag>{}</ETag></CopyPartResult>", escaped(&etag)),
        None => String::new(),
    };
    let mut answer = xml(200, body);
    answer.headers_mut().insert("etag", etag.parse().unwrap());
    answer
}

fn complete_upload(buckets: &mut Buckets, rules: &Rules, request: &Incoming) -> Answer {
    let (bucket, key) = (request.seen.bucket.as_str(), request.seen.key.as_str());
    let Ok(complete) = quick_xml::de::from_reader::<_, CompleteUpload>(&request.body[..]) else {
        return malformed();
    };
    if let Some(refusal) = refused(rules, request, buckets.object(bucket, key)) {
        return refusal;
    }
    let Some(upload) = buckets.uploads.remove(upload_id(request)) else { return no_such_upload() };
    let mut bytes = BytesMut::new();
    for part in complete.part {
        match upload.parts.get(&part.part_number) {
            Some(part) => bytes.extend_from_slice(part),
            None => return failure(400, "InvalidPart", "A part was not uploaded"),
        }
    }
    let object = buckets.store(bucket, key, bytes.freeze(), upload.metadata);
    let body = format!(
        "<CompleteMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><ETag>{}</ETag>\
         </CompleteMultipartUploadResult>",
        escaped(bucket),
        escaped(key),
        escaped(&object.etag()),
    );
    stored(&object, body)
}

fn upload_id(request: &Incoming) -> &str {
    request.query.get("uploadId").map_or("", String::as_str)
}

fn stored(object: &StoredObject, body: String) -> Answer {
    let mut answer = xml(200, body);
    answer.headers_mut().insert("etag", object.etag().parse().unwrap());
    answer.headers_mut().insert("x-goog-generation", object.generation.into());
    answer
}

fn no_such_key() -> Answer {
    failure(404, "NoSuchKey", "The specified key does not exist")
}

fn no_such_upload() -> Answer {
    failure(404, "NoSuchUpload", "The specified upload does not exist")
}

fn malformed() -> Answer {
    failure(400, "MalformedXML", "The body is not the XML that was expected")
}

/// An error as both dialects write it.
pub(crate) fn failure(status: u16, code: &str, message: &str) -> Answer {
    xml(status, format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
}

/// An answer with an XML document, or with no body when that is empty.
pub(crate) fn xml(status: u16, document: String) -> Answer {
    let body = if document.is_empty() {
        document
    } else {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{document}")
    };
    Response::builder()
        .status(status)
        .header("content-type", "application/xml")
        .body(whole(body.into()))
        .unwrap()
}

/// Text as it may stand in XML.
pub(crate) fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}
