//! Options of object stores, which may hold secrets.

use std::{collections::BTreeMap, fmt};

/// What is printed in the place of a secret.
pub(crate) const REDACTED: &str = "REDACTED";

/// Options of an object store by the `object_store` crate's own keys, such as `aws_region`.
///
/// Neither `Debug` nor `Display` prints the value of a key that may hold a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StoreOptions(BTreeMap<String, String>);

impl StoreOptions {
    /// No options.
    pub fn new() -> Self {
        StoreOptions::default()
    }

    /// Sets an option. Keys are case-insensitive.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.0.insert(key.to_ascii_lowercase(), value.into());
    }

    /// The same options and this one.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.set(key, value);
        self
    }

    /// The value of an option.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(&key.to_ascii_lowercase()).map(String::as_str)
    }

    /// Keys and values, sorted by key. The values may be secrets.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The values that may be secrets. The path of a file that holds one is not: messages about the file name it.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let names_a_file = |key: &str| {
            ["file", "path", "application_credentials", "service_account"]
                .iter()
                .any(|word| key.ends_with(word))
        };
        self.iter().filter(move |(key, _)| is_secret(key) && !names_a_file(key)).map(|(_, value)| value)
    }
}

/// Whether the value of this key may be a secret.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // What names a secret's file, or says which key to use, is none itself, but tells more than anybody needs to know.
    ["secret", "key", "token", "password", "sas", "credential", "bearer", "signature", "proxy_url"]
        .iter()
        .any(|word| key.contains(word))
}

impl<K: AsRef<str>, V: Into<String>> FromIterator<(K, V)> for StoreOptions {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        pairs.into_iter().fold(StoreOptions::new(), |options, (key, value)| options.with(key.as_ref(), value))
    }
}

impl From<BTreeMap<String, String>> for StoreOptions {
    fn from(options: BTreeMap<String, String>) -> Self {
        options.into_iter().collect()
    }
}

impl fmt::Display for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (key, value)) in self.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            let value = if is_secret(key) { REDACTED } else { value };
            write!(f, "{separator}{key}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreOptions({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_printed() {
        let options: StoreOptions = [
            ("AWS_SECRET_ACCESS_KEY", "hidden-1"),
            ("aws_session_token", "hidden-2"),
            ("azure_storage_sas_key", "hidden-3"),
            ("google_bearer_token", "hidden-4"),
            ("google_application_credentials", "hidden-5"),
            ("password", "hidden-6"),
            ("azure_storage_client_secret", "hidden-7"),
            ("aws_region", "eu-west-1"),
        ]
        .into_iter()
        .collect();
        for text in [format!("{options}"), format!("{options:?}"), format!("{options:#?}")] {
            assert!(!text.contains("hidden"), "{text}");
            assert!(
                text.contains("aws_region=eu-west-1") && text.contains("azure_storage_sas_key"),
                "{text}"
            );
        }
        assert_eq!(options.get("aws_secret_access_key"), Some("hidden-1"), "they are there all the same");
    }
}
