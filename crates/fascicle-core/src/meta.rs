//! The meta of a directory: config, status, and what find-or-build needs beside them.

use crate::config::{Config, ConfigError, Map, Value, yaml};
use crate::{EntryPath, Error, ErrorKind, Identity, Result};
use bytes::Bytes;
use std::fmt;

/// The key of a meta under which everything stands that the Python package datamate does not know.
pub(crate) const OWN_KEY: &str = "fascicle";

/// Where a directory stands in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is being built, or its builder died.
    Running,
    /// It is complete.
    Done,
    /// Its build failed or was abandoned; what it holds is not to be used.
    Stopped,
    /// A word somebody else wrote. Such a directory is shown, and never found by its config.
    Other(String),
}

impl Status {
    /// The word in the meta.
    pub fn as_str(&self) -> &str {
        match self {
            Status::Running => "running",
            Status::Done => "done",
            Status::Stopped => "stopped",
            Status::Other(word) => word,
        }
    }
}

impl From<&str> for Status {
    fn from(word: &str) -> Self {
        match word {
            "running" => Status::Running,
            "done" => Status::Done,
            "stopped" => Status::Stopped,
            other => Status::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which attempt of which build a directory is. Lost when another program rewrites the meta, and not needed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildMark {
    /// The identity of its config.
    pub identity: Identity,
    /// What its epochs are of: the identity of the config, or that of the path for a directory with a given path.
    pub key: Identity,
    /// Which epoch.
    pub epoch: u64,
    /// What tells this attempt from every other.
    pub nonce: String,
    /// The path at which the attempt was made. A copy says the same and stands elsewhere, as what was moved does.
    pub directory: Option<String>,
    /// The declared version of the code that built it.
    pub version: Option<Value>,
    /// How far its build got when it was [interrupted](crate::Interrupted); null when it did not say.
    pub interrupted: Option<Value>,
    /// The attempt that began what this one goes on with, by its [name](BuildMark::began); `None` when this one began itself.
    pub resumes: Option<String>,
}

impl BuildMark {
    /// The mark of an attempt that is made at `path`.
    pub(crate) fn made_at(self, path: &EntryPath) -> Self {
        BuildMark { directory: Some(path.as_str().to_owned()), ..self }
    }

    /// Whether what stands at `path` is the attempt itself, and nothing that it was copied or moved to.
    pub(crate) fn is_original_at(&self, path: &EntryPath) -> bool {
        self.directory.as_deref() == Some(path.as_str())
    }

    /// The attempt that began what the directory holds: this one, or the first of those that went on with each other after an
    /// interruption. As `<epoch>-<nonce>`.
    pub fn began(&self) -> String {
        self.resumes.clone().unwrap_or_else(|| format!("{}-{}", self.epoch, self.nonce))
    }

    /// The name of the directory, within the one at a given path, into which the attempt writes; `None` for a directory with an
    /// automatic name, which no two attempts share but those that go on with each other.
    pub(crate) fn attempt_name(&self) -> Option<String> {
        (self.key != self.identity).then(|| format!("{ATTEMPT}{}", self.began()))
    }
}

/// How the names of the directories of attempts begin.
const ATTEMPT: &str = "attempt-";

/// Whether a name is that of the directory of an attempt.
pub(crate) fn is_attempt_name(name: &str) -> bool {
    attempt_epoch(name).is_some()
}

/// The epoch of an attempt by the name of its directory.
pub(crate) fn attempt_epoch(name: &str) -> Option<u64> {
    let (epoch, nonce) = name.strip_prefix(ATTEMPT)?.split_once('-')?;
    let is_nonce = nonce.len() == 32 && nonce.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let number = epoch.parse().ok()?;
    (is_nonce && epoch == format!("{number}")).then_some(number)
}

/// The meta of a directory.
///
/// Stored as `_meta.yaml`: `config` with the `type` first, `status`, `modified` when it was changed after it was done, as
/// the Python package datamate reads and writes them; everything else under the key `fascicle`.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The type and the fields it was built from.
    pub config: Config,
    /// Where it stands.
    pub status: Status,
    /// Whether anything was written after it was done.
    pub modified: bool,
    /// Which attempt it is, for directories that were built here.
    pub build: Option<BuildMark>,
}

/// The type of directories that nobody built.
pub const PLAIN_TYPE: &str = "Directory";

impl Meta {
    /// The meta of a directory that was created by writing into it. It counts as modified from the first moment, so that
    /// it is never taken for the result of a build.
    pub fn plain() -> Self {
        Meta { config: Config::new(PLAIN_TYPE), status: Status::Done, modified: true, build: None }
    }

    /// The meta of a directory whose build begins.
    pub fn running(config: Config, build: BuildMark) -> Self {
        Meta { config, status: Status::Running, modified: false, build: Some(build) }
    }

    /// Whether it is complete and unchanged, and so may be found by its config.
    pub fn is_usable(&self) -> bool {
        self.status == Status::Done && !self.modified
    }

    /// The whole meta as a value, in stored order.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("config".to_owned(), self.config.to_value());
        map.insert("status".to_owned(), Value::from(self.status.as_str()));
        if self.modified {
            map.insert("modified".to_owned(), Value::from(true));
        }
        if let Some(build) = &self.build {
            let mut own = Map::new();
            own.insert("identity".to_owned(), Value::from(build.identity.to_string()));
            own.insert("key".to_owned(), Value::from(build.key.to_string()));
            own.insert("epoch".to_owned(), Value::from(build.epoch));
            own.insert("nonce".to_owned(), Value::from(build.nonce.as_str()));
            if let Some(directory) = &build.directory {
                own.insert("directory".to_owned(), Value::from(directory.as_str()));
            }
            if let Some(version) = &build.version {
                own.insert("version".to_owned(), version.clone());
            }
            if let Some(progress) = &build.interrupted {
                own.insert("interrupted".to_owned(), progress.clone());
            }
            if let Some(began) = &build.resumes {
                own.insert("resumes".to_owned(), Value::from(began.as_str()));
            }
            map.insert(OWN_KEY.to_owned(), Value::Map(own));
        }
        Value::Map(map)
    }

    /// The stored document.
    pub fn to_bytes(&self) -> Result<Bytes> {
        Ok(Bytes::from(yaml::write_yaml(&self.to_value())?))
    }

    /// Reads a stored document. Fails with [`ErrorKind::Corrupt`] for what is no meta; an empty document is
    /// [retryable](Error::is_retryable), because other programs rewrite metas in place.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let value = yaml::read_yaml_bytes(bytes).map_err(|error| {
            let momentary = error.kind().is_momentary();
            broken(&error.to_string()).retryable(momentary).caused_by(error)
        })?;
        let map = value.as_map().ok_or_else(|| broken("it is not a mapping"))?;
        let config = map.get("config").ok_or_else(|| broken("'config' is missing"))?;
        let config = Config::from_value(config.clone())
            .map_err(|error| broken(&error.to_string()).caused_by(error))?;
        let status = map.get("status").ok_or_else(|| broken("'status' is missing"))?;
        let status = Status::from(status.as_str().ok_or_else(|| broken("'status' is not text"))?);
        let modified = match map.get("modified") {
            None | Some(Value::Null) => false,
            Some(value) => value.as_bool().ok_or_else(|| broken("'modified' is neither true nor false"))?,
        };
        Ok(Meta { config, status, modified, build: map.get(OWN_KEY).and_then(read_mark) })
    }
}

/// The mark of a build, or nothing if it is damaged: its loss is survivable.
fn read_mark(value: &Value) -> Option<BuildMark> {
    let map = value.as_map()?;
    let resumes = match map.get("resumes") {
        Some(began) => {
            Some(began.as_str().filter(|began| is_attempt_name(&format!("{ATTEMPT}{began}")))?.to_owned())
        }
        None => None,
    };
    Some(BuildMark {
        identity: map.get("identity")?.as_str()?.parse().ok()?,
        key: map.get("key")?.as_str()?.parse().ok()?,
        epoch: map.get("epoch")?.as_u64()?,
        nonce: map.get("nonce")?.as_str()?.to_owned(),
        directory: map.get("directory").and_then(Value::as_str).map(str::to_owned),
        version: map.get("version").cloned(),
        interrupted: map.get("interrupted").cloned(),
        resumes,
    })
}

fn broken(why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the meta of the directory cannot be used: {why}"))
        .hint("its data can still be read by path; repair or remove the file '_meta.yaml'")
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Error::new(ErrorKind::InvalidInput, error.to_string()).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_meta_is_what_datamate_writes() {
        let text = Meta::plain().to_bytes().unwrap();
        assert_eq!(text, "config:\n  type: Directory\nstatus: done\nmodified: true\n");
    }

    #[test]
    fn metas_round_trip() {
        let mark = BuildMark {
            identity: Identity::from_bytes([6; 32]),
            key: Identity::from_bytes([7; 32]),
            epoch: 3,
            nonce: "ab".to_owned(),
            directory: Some("Cells_0000".to_owned()),
            version: Some("2026-01".into()),
            interrupted: Some(Value::Null),
            resumes: Some(format!("2-{}", "0f".repeat(16))),
        };
        let meta = Meta::running(Config::new("Cells").with("seed", 0), mark);
        let read = Meta::from_bytes(&meta.to_bytes().unwrap()).unwrap();
        assert!(read.config.same_as(&meta.config));
        assert_eq!((read.status, read.modified, read.build), (meta.status, false, meta.build));
    }

    #[test]
    fn foreign_words_and_keys_are_kept_or_ignored() {
        let meta = Meta::from_bytes(b"config: {type: X}\nstatus: manually written\nextra: 1\nfascicle: 7\n")
            .unwrap();
        assert_eq!((meta.status, meta.build), (Status::Other("manually written".to_owned()), None));
    }

    #[test]
    fn broken_metas_are_errors() {
        for text in [
            "",
            "config: [",
            "a: 1",
            "config: 1\nstatus: done",
            "config: {type: X}",
            "config: {type: X}\nstatus: 3",
        ] {
            let error = Meta::from_bytes(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{text}");
        }
        assert!(Meta::from_bytes(b"").unwrap_err().is_retryable());
    }
}
