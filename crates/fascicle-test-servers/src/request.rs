//! Requests as the server understands them.

use bytes::Bytes;
use hyper::{HeaderMap, Method, http::request::Parts};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RequestKind {
    /// The bytes of an object, or some of them.
    Get,
    /// What is known of an object.
    Head,
    /// To store an object.
    Put,
    /// To copy an object within the server.
    Copy,
    /// To delete an object.
    Delete,
    /// To delete many objects.
    BulkDelete,
    /// A page of a listing.
    List,
    /// To begin a multipart upload.
    UploadBegin,
    /// To store, or to copy, a part of an upload.
    UploadPart,
    /// To make an object of an upload.
    UploadComplete,
    /// To forget an upload.
    UploadAbort,
    /// To create a bucket.
    CreateBucket,
    /// What the server does not know.
    Unknown,
}

/// A request that reached the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    /// What it asked for.
    pub kind: RequestKind,
    /// The bucket.
    pub bucket: String,
    /// The key; empty for requests about buckets.
    pub key: String,
    /// Which keys a listing is of.
    pub prefix: String,
    /// Whether it was conditional on what is stored.
    pub is_conditional: bool,
}

/// A request in full.
pub(crate) struct Incoming {
    pub(crate) seen: SeenRequest,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Incoming {
    pub(crate) fn new(parts: Parts, body: Bytes) -> Incoming {
        let path = parts.uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let (bucket, key) = (decoded(bucket), decoded(key));
        let pairs = parts.uri.query().unwrap_or("").split('&').filter(|pair| !pair.is_empty());
        let query: BTreeMap<String, String> = pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
            })
            .collect();
        let headers = parts.headers;
        let has = |name: &str| headers.contains_key(name);
        let copies = has("x-amz-copy-source") || has("x-goog-copy-source");
        let is_upload = query.contains_key("uploadId");
        let kind = match (parts.method, key.is_empty()) {
            (Method::PUT, true) => RequestKind::CreateBucket,
            (Method::GET, true) => RequestKind::List,
            (Method::POST, true) if query.contains_key("delete") => RequestKind::BulkDelete,
            (Method::GET, false) => RequestKind::Get,
            (Method::HEAD, false) => RequestKind::Head,
            (Method::PUT, false) if is_upload => RequestKind::UploadPart,
            (Method::PUT, false) if copies => RequestKind::Copy,
            (Method::PUT, false) => RequestKind::Put,
            (Method::POST, false) if query.contains_key("uploads") => RequestKind::UploadBegin,
            (Method::POST, false) if is_upload => RequestKind::UploadComplete,
            (Method::DELETE, false) if is_upload => RequestKind::UploadAbort,
            (Method::DELETE, false) => RequestKind::Delete,
            _ => RequestKind::Unknown,
        };
        let is_conditional = has("if-match") || has("if-none-match") || has("x-goog-if-generation-match");
        let prefix = query.get("prefix").cloned().unwrap_or_default();
        Incoming { seen: SeenRequest { kind, bucket, key, prefix, is_conditional }, query, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether it speaks the dialect of Google Cloud Storage.
    pub(crate) fn is_google(&self) -> bool {
        self.header("authorization").is_some_and(|value| value.starts_with("Bearer"))
    }

    /// Where a copy comes from: bucket and key.
    pub(crate) fn copy_source(&self) -> Option<(String, String)> {
        let source = self.header("x-amz-copy-source").or_else(|| self.header("x-goog-copy-source"))?;
        let source = decoded(source);
        let (bucket, key) = source.trim_start_matches('/').split_once('/')?;
        Some((bucket.to_owned(), key.to_owned()))
    }

    /// The metadata of the user's.
    pub(crate) fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::new();
        for (name, value) in &self.headers {
            let name = name.as_str();
            let name = name.strip_prefix("x-amz-meta-").or_else(|| name.strip_prefix("x-goog-meta-"));
            if let (Some(name), Ok(value)) = (name, value.to_str()) {
                metadata.insert(name.to_owned(), value.to_owned());
            }
        }
        metadata
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
