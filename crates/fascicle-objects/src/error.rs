//! What object stores refuse, as typed errors.

use crate::sanitise::{Secrets, document_error};
use fascicle_backend::{Error, ErrorKind};
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error as StdError;

/// Turns errors of one place into typed ones that name it and hold no secrets.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorContext {
    pub(crate) secrets: Secrets,
    /// What holds the objects, for people: `the bucket 'x'`.
    pub(crate) container: String,
}

/// What can be told of a failed request.
struct Failure {
    kind: ErrorKind,
    why: String,
    hint: Option<String>,
}

impl ErrorContext {
    /// The error of a request about `key`; `doing` is a gerund, such as `reading`.
    pub(crate) fn error(&self, doing: &str, key: &str, error: object_store::Error) -> Error {
        if let object_store::Error::Generic { source, store } = error {
            // Our own stores say it themselves.
            match source.downcast::<Error>() {
                Ok(error) => return *error,
                Err(source) => {
                    return self.convert(doing, key, object_store::Error::Generic { store, source });
                }
            }
        }
        self.convert(doing, key, error)
    }

    fn convert(&self, doing: &str, key: &str, error: object_store::Error) -> Error {
        let Failure { kind, why, hint } = self.classify(&error);
        let typed = Error::new(kind, format!("{doing} '{key}' failed: {why}"))
            .retryable(matches!(kind, ErrorKind::Unavailable | ErrorKind::TimedOut))
            .caused_by(self.secrets.cause(&error));
        match hint {
            Some(hint) => typed.hint(hint),
            None => typed,
        }
    }

    fn classify(&self, error: &object_store::Error) -> Failure {
        use object_store::Error as E;
        let text = full_text(error);
        let failure = |kind, why: &str, hint: Option<&str>| Failure {
            kind,
            why: why.to_owned(),
            hint: hint.map(str::to_owned),
        };
        if is_missing_container(&text) {
            return Failure {
                kind: ErrorKind::NotFound,
                why: format!("{} does not exist", self.container),
                hint: Some("create it first, or check its name, the region and the endpoint".to_owned()),
            };
        }
        if asks_metadata_service(&text) {
            return failure(
                ErrorKind::PermissionDenied,
                "no credentials were found",
                Some("set them in the environment or in the cloud's usual files, or pass them as options"),
            );
        }
        let answered = document_error(&text).map(|(code, message)| format!("{code}, {message}"));
        let answered = answered.map(|answer| self.secrets.sanitise(&answer));
        match error {
            E::NotFound { .. } => failure(ErrorKind::NotFound, "there is no such object", None),
            E::AlreadyExists { .. } => {
                failure(ErrorKind::AlreadyExists, "there is such an object already", None)
            }
            E::Precondition { .. } | E::NotModified { .. } => {
                failure(ErrorKind::Conflict, "the object was changed meanwhile", None)
            }
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => Failure {
                kind: ErrorKind::PermissionDenied,
                why: format!("access was refused ({})", answered.as_deref().unwrap_or("without a reason")),
                hint: Some("check the credentials, and what they allow".to_owned()),
            },
            E::NotSupported { .. } | E::NotImplemented { .. } => Failure {
                kind: ErrorKind::Unsupported,
                why: self.secrets.sanitise(&error.to_string()),
                hint: None,
            },
            E::InvalidPath { .. } => failure(ErrorKind::InvalidPath, "no object can have this key", None),
            E::UnknownConfigurationKey { key, .. } => Failure {
                kind: ErrorKind::InvalidInput,
                why: format!("there is no option '{key}'"),
                hint: None,
            },
            _ => self.classify_request(error, &text, answered),
        }
    }

    /// Requests that got no answer, or an answer that is no refusal.
    fn classify_request(&self, error: &object_store::Error, text: &str, answered: Option<String>) -> Failure {
        let unreachable = |why: &str| Failure {
            kind: ErrorKind::Unavailable,
            why: why.to_owned(),
            hint: Some(
                "check the network and the endpoint; what was written may or may not have arrived".to_owned(),
            ),
        };
        match http_error_kind(error) {
            Some(HttpErrorKind::Connect) => return unreachable("the service cannot be reached"),
            Some(HttpErrorKind::Timeout) if text.contains("connect") => {
                return unreachable("the service cannot be reached in time");
            }
            Some(HttpErrorKind::Timeout) => {
                return Failure {
                    kind: ErrorKind::TimedOut,
                    why: "the service did not answer in time".to_owned(),
                    hint: Some("try again, or allow more time with the option timeout".to_owned()),
                };
            }
            Some(HttpErrorKind::Request | HttpErrorKind::Interrupted) => {
                return unreachable("the connection to the service broke");
            }
            _ => {}
        }
        let status = if text.contains("redirect without LOCATION") { Some(301) } else { status_in(text) };
        let why = answered.unwrap_or_else(|| self.secrets.sanitise(&error.to_string()));
        match status {
            // Listings come without a variant of their own for this.
            Some(401 | 403) => Failure {
                kind: ErrorKind::PermissionDenied,
                why: format!("access was refused ({why})"),
                hint: Some("check the credentials, and what they allow".to_owned()),
            },
            Some(429 | 500 | 502 | 503 | 504) => Failure {
                kind: ErrorKind::Unavailable,
                why: format!("the service is not able to answer ({why})"),
                hint: None,
            },
            // Followed, it could lead anywhere, and what authorises the request with it.
            Some(300..=399) => Failure {
                kind: ErrorKind::Storage,
                why: "the service redirects requests to another address, which is not followed".to_owned(),
                hint: Some(
                    "check the endpoint and the region, and name those of the place itself".to_owned(),
                ),
            },
            Some(507) => {
                Failure { kind: ErrorKind::Unavailable, why: "the storage is full".to_owned(), hint: None }
            }
            _ => Failure { kind: ErrorKind::Storage, why, hint: None },
        }
    }
}

/// Whether a write that failed like this may still have happened.
pub(crate) fn is_ambiguous(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    match error {
        E::AlreadyExists { .. } | E::Precondition { .. } => true,
        E::Generic { source, .. } => !source.is::<Error>(),
        _ => false,
    }
}

/// The error and all its causes as one text.
fn full_text(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push('\n');
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn http_error_kind(error: &(dyn StdError + 'static)) -> Option<HttpErrorKind> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

/// The codes of S3, Google Cloud Storage and Azure for a bucket or container that is not there.
fn is_missing_container(text: &str) -> bool {
    ["<Code>NoSuchBucket</Code>", "<Code>ContainerNotFound</Code>"].iter().any(|code| text.contains(code))
}

/// Whether credentials were asked from the service that virtual machines find at a fixed address, which is what happens when
/// none were given.
fn asks_metadata_service(text: &str) -> bool {
    ["169.254.169.254", "169.254.170.2", "metadata.google.internal"].iter().any(|host| text.contains(host))
}

/// The HTTP status in the text of an error.
fn status_in(text: &str) -> Option<u16> {
    let rest = text.split_once("status code: ")?.1;
    rest.get(..3)?.parse().ok()
}
