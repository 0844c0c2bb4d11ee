//! Where a store is: URLs, parsed once.

use fascicle_backend::{Error, ErrorKind, Result};
use object_store::path::Path;
use std::{fmt, path::PathBuf};
use url::Url;

/// The place that a URL names. Printing it shows no user, no password and no query: these are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// A folder of the local file system.
    Local(PathBuf),
    /// The memory of this process, by name; the empty name is a store of its own each time.
    Memory(String),
    /// A bucket of S3, or of a service that speaks its language.
    S3 {
        /// The bucket.
        bucket: String,
        /// The keys begin with this.
        prefix: Path,
    },
    /// A bucket of Google Cloud Storage.
    Gcs {
        /// The bucket.
        bucket: String,
        /// The keys begin with this.
        prefix: Path,
    },
    /// A container of Azure Blob Storage.
    Azure {
        /// The container.
        container: String,
        /// The storage account, when the URL names it.
        account: Option<String>,
        /// The keys begin with this.
        prefix: Path,
    },
}

impl StorePlace {
    /// Parses `file:///folder` or a path, `memory:` or `memory:name`, `s3://bucket/prefix`, `gs://bucket/prefix`,
    /// `az://container/prefix`, and `abfs://` or `abfss://container@account.dfs.core.windows.net/prefix`.
    ///
    /// Errors: `InvalidInput` for any other scheme, for a user, a password, a query or a fragment, of which nothing is
    /// repeated; `InvalidPath` for a prefix that no key can begin with.
    pub fn parse(text: &str) -> Result<StorePlace> {
        let Some((scheme, rest)) = split_scheme(text) else {
            return match text.is_empty() {
                true => Err(invalid("the place is empty", "name a folder or a URL")),
                false => Ok(StorePlace::Local(PathBuf::from(text))),
            };
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => parse_file(text),
            "memory" => parse_memory(rest),
            "s3" | "s3a" => {
                let (bucket, prefix) = bucket_and_prefix(text)?;
                Ok(StorePlace::S3 { bucket, prefix })
            }
            "gs" => {
                let (bucket, prefix) = bucket_and_prefix(text)?;
                Ok(StorePlace::Gcs { bucket, prefix })
            }
            "az" => {
                let (container, prefix) = bucket_and_prefix(text)?;
                Ok(StorePlace::Azure { container, account: None, prefix })
            }
            "abfs" | "abfss" => parse_abfs(text),
            "http" | "https" => Err(invalid(
                "a service is not named by its address",
                "write s3://, gs:// or az:// with the bucket, and give the address as the option endpoint",
            )),
            _ => Err(invalid(
                "the scheme is none that is known",
                "a place is a folder, file://, memory:, s3://, gs://, az:// or abfs://",
            )),
        }
    }

    /// What holds the objects, for messages.
    pub(crate) fn container(&self) -> String {
        match self {
            StorePlace::Local(path) => format!("the folder '{}'", path.display()),
            StorePlace::Memory(_) => "the store in memory".to_owned(),
            StorePlace::S3 { bucket, .. } | StorePlace::Gcs { bucket, .. } => {
                format!("the bucket '{bucket}'")
            }
            StorePlace::Azure { container, .. } => format!("the container '{container}'"),
        }
    }

    /// Whose service holds them, the account included.
    pub(crate) fn service(&self) -> String {
        match self {
            StorePlace::Local(_) | StorePlace::Memory(_) => "this machine".to_owned(),
            StorePlace::S3 { .. } => "S3".to_owned(),
            StorePlace::Gcs { .. } => "Google Cloud Storage".to_owned(),
            StorePlace::Azure { account, .. } => {
                format!("Azure, account '{}'", account.as_deref().unwrap_or(""))
            }
        }
    }

    /// What the keys begin with.
    pub(crate) fn prefix(&self) -> Path {
        match self {
            StorePlace::Local(_) | StorePlace::Memory(_) => Path::default(),
            StorePlace::S3 { prefix, .. }
            | StorePlace::Gcs { prefix, .. }
            | StorePlace::Azure { prefix, .. } => prefix.clone(),
        }
    }
}

impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, container, prefix) = match self {
            StorePlace::Local(path) => return write!(f, "{}", path.display()),
            StorePlace::Memory(name) => return write!(f, "memory:{name}"),
            StorePlace::S3 { bucket, prefix } => ("s3", bucket, prefix),
            StorePlace::Gcs { bucket, prefix } => ("gs", bucket, prefix),
            StorePlace::Azure { container, account: None, prefix } => ("az", container, prefix),
            StorePlace::Azure { container, account: Some(account), prefix } => {
                return write!(f, "abfss://{container}@{account}.dfs.core.windows.net/{prefix}");
            }
        };
        match prefix.as_ref() {
            "" => write!(f, "{scheme}://{container}"),
            prefix => write!(f, "{scheme}://{container}/{prefix}"),
        }
    }
}

/// The scheme of a URL; `None` for a path, whose first letters may look like a drive.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (is_scheme && (rest.starts_with("//") || scheme.eq_ignore_ascii_case("memory"))).then_some((scheme, rest))
}

fn parse_file(text: &str) -> Result<StorePlace> {
    let url = parse_url(text)?;
    refuse_secrets(&url)?;
    match url.to_file_path() {
        Ok(path) => Ok(StorePlace::Local(path)),
        Err(()) => Err(invalid("the URL names no folder of this machine", "write file:///folder/folder")),
    }
}

fn parse_memory(rest: &str) -> Result<StorePlace> {
    let name = rest.strip_prefix("//").unwrap_or(rest).trim_end_matches('/');
    let good = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.chars().all(good) {
        return Ok(StorePlace::Memory(name.to_owned()));
    }
    Err(invalid("the name after memory: is not one", "it is made of letters, digits, '-', '_' and '.'"))
}

fn parse_abfs(text: &str) -> Result<StorePlace> {
    let url = parse_url(text)?;
    let hint = "write abfs://container/folder or abfss://container@account.dfs.core.windows.net/folder";
    if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(secrets_in_url());
    }
    let host = url.host_str().unwrap_or("");
    let (container, account) = match url.username() {
        "" => (host, None),
        container => {
            let account = host
                .strip_suffix(".dfs.core.windows.net")
                .or_else(|| host.strip_suffix(".blob.core.windows.net"))
                .ok_or_else(|| invalid("the URL does not name a storage account", hint))?;
            (container, Some(account.to_owned()))
        }
    };
    if container.is_empty() {
        return Err(invalid("the URL names no container", hint));
    }
    Ok(StorePlace::Azure { container: container.to_owned(), account, prefix: prefix_of(text)? })
}

fn bucket_and_prefix(text: &str) -> Result<(String, Path)> {
    let url = parse_url(text)?;
    refuse_secrets(&url)?;
    match url.host_str() {
        Some(bucket) if !bucket.is_empty() && url.port().is_none() => {
            Ok((bucket.to_owned(), prefix_of(text)?))
        }
        _ => Err(invalid("the URL names no bucket", "write the bucket behind '//', and no port")),
    }
}

/// The prefix as it is written: nothing in a URL of an object store is encoded.
fn prefix_of(text: &str) -> Result<Path> {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let prefix = rest.split_once('/').map_or("", |(_, prefix)| prefix);
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if prefix.contains('\\') || prefix.chars().any(char::is_control) {
        return Err(Error::new(
            ErrorKind::InvalidPath,
            "the prefix holds a backslash or a control character",
        ));
    }
    Path::parse(prefix).map_err(|_| {
        Error::new(ErrorKind::InvalidPath, "the prefix holds an empty name, '.' or '..', which no key has")
    })
}

fn parse_url(text: &str) -> Result<Url> {
    // The parser's own error may hold parts of the text.
    Url::parse(text).map_err(|_| invalid("the URL is malformed", "write for example s3://bucket/folder"))
}

fn refuse_secrets(url: &Url) -> Result<()> {
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() { Err(secrets_in_url()) } else { Ok(()) }
}

fn secrets_in_url() -> Error {
    invalid(
        "the URL holds a user, a password, a query or a fragment",
        "give credentials by the environment, by the cloud's usual files or as options, never in a URL",
    )
}

fn invalid(why: &str, hint: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, why).during("open the place").hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_parsed_and_printed() {
        for (text, printed) in [
            ("./data", "./data"),
            ("/data/a:b", "/data/a:b"),
            ("file:///data/x", "/data/x"),
            ("memory:", "memory:"),
            ("memory:shared", "memory:shared"),
            ("memory://shared", "memory:shared"),
            ("s3://bucket", "s3://bucket"),
            ("s3://bucket/", "s3://bucket"),
            ("s3://lab/a/ü b", "s3://lab/a/ü b"),
            ("gs://bucket/x/", "gs://bucket/x"),
            ("az://container/x", "az://container/x"),
            ("abfs://container/x", "az://container/x"),
            ("abfss://c@account.dfs.core.windows.net/x", "abfss://c@account.dfs.core.windows.net/x"),
        ] {
            assert_eq!(StorePlace::parse(text).unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused_without_repeating_it() {
        for text in [
            "",
            "http://host/secret-x",
            "https://user:secret-x@host/",
            "ftp://secret-x",
            "s3://",
            "s3:///x",
            "s3://user:secret-x@bucket/p",
            "s3://secret-x@bucket/p",
            "s3://bucket/p?X-Amz-Signature=secret-x",
            "s3://bucket/p#secret-x",
            "s3://bucket:80/p",
            "gs://bucket/a//b",
            "gs://bucket/../x",
            "gs://bucket/./x",
            "gs://bucket/a\\b",
            "az://container/x?sig=secret-x",
            "abfss://c:secret-x@account.dfs.core.windows.net/x",
            "abfss://c@elsewhere.example/x",
            "file://elsewhere/x",
            "file:///x?secret-x",
            "memory:a/b",
        ] {
            let error = StorePlace::parse(text).unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidPath),
                "{text}: {error}"
            );
            assert!(!format!("{error:?}").contains("secret-x"), "{text}: {error:?}");
        }
    }
}
