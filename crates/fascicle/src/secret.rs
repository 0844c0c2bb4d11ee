//! What must not be written down or printed: secrets, by the names that options have, and within addresses.

use fascicle_core::config::Map;
use std::fmt;

/// Words in the name of an option that holds a secret, without the characters between its words.
const SECRET_WORDS: [&str; 16] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "credential",
    "bearer",
    "authorization",
    "accesskey",
    "accountkey",
    "apikey",
    "privatekey",
    "sharedkey",
    "customerkey",
    "encryptionkey",
    "saskey",
];

/// Whole names of options that hold a secret.
const SECRET_NAMES: [&str; 4] = ["key", "sas", "auth", "pwd"];

/// Ends of the names of options that say where a secret is kept, which is none.
const PLACES_OF_SECRETS: [&str; 2] = ["file", "path"];

/// Schemes whose addresses name a container before an `@`: `abfss://container@account/path`.
const CONTAINER_SCHEMES: [&str; 2] = ["abfs", "abfss"];

/// Whether an option of this name holds a secret, by the look of its name.
pub fn looks_secret(name: &str) -> bool {
    let letters: String =
        name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let names_a_place = PLACES_OF_SECRETS.iter().any(|end| letters.ends_with(end));
    SECRET_NAMES.contains(&letters.as_str())
        || !names_a_place && SECRET_WORDS.iter().any(|word| letters.contains(word))
}

/// Why an address may hold a secret, `None` where it cannot. What is no address is none.
pub(crate) fn address_refusal(text: &str) -> Option<&'static str> {
    let (scheme, rest) = text.split_once("://")?;
    if rest.contains(['?', '#']) {
        return Some("has a query or a fragment ('?' or '#'), which may hold a secret");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.rsplit_once('@') {
        None => authority,
        Some((container, host))
            if CONTAINER_SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known))
                && !container.contains([':', '@']) =>
        {
            host
        }
        Some(_) => return Some("names a user or a password before '@'"),
    };
    // A password with a '/' in it leaves its beginning where a port would stand.
    let after_address = host.rsplit_once(']').map_or(host, |(_, port)| port);
    match after_address.split_once(':') {
        Some((_, port)) if !port.chars().all(|digit| digit.is_ascii_digit()) => {
            Some("has a ':' that no port follows, so that it may hold a password")
        }
        _ => None,
    }
}

/// Prints the names of options and none of their values.
pub(crate) struct NamesOnly<'a>(pub(crate) &'a Map);

impl fmt::Debug for NamesOnly<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "aws_secret_access_key",
            "AWS_ACCESS_KEY_ID",
            "secretAccessKey",
            "session-token",
            "azure_storage_account_key",
            "sas_token",
            "SAS",
            "client.secret",
            "google_service_account_key",
            "password",
            "db_passwd",
            "bearer_token",
            "key",
            "aws_sse_customer_key_base64",
            "azure_storage_sas_key",
            "credentials",
        ] {
            assert!(looks_secret(name), "{name}");
        }
        for name in [
            "region",
            "endpoint",
            "skip_signature",
            "tables",
            "fsync",
            "aws_sse_kms_key_id",
            "google_service_account",
            "service_account_path",
            "aws_web_identity_token_file",
            "monkey",
            "keyboard",
            "bucket",
        ] {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn addresses_with_room_for_secrets_are_refused() {
        for text in [
            "s3://user:password@bucket/x",
            "s3://user@bucket/x",
            "s3://user:pass/word@bucket/x",
            "gs://bucket/x?token=1",
            "az://bucket/x#1",
            "abfss://container:word@account.host/x",
            "abfss://a@b@account.host/x",
            "http://[::1]:pass/x",
        ] {
            assert!(address_refusal(text).is_some(), "{text}");
        }
        for text in [
            "s3://bucket/a/b@c",
            "abfss://container@account.host/x",
            "http://localhost:9000",
            "http://[::1]:9000/x",
            "data/a?b",
            "memory:a",
        ] {
            assert_eq!(address_refusal(text), None, "{text}");
        }
    }

    #[test]
    fn values_of_options_are_not_printed() {
        let options = Map::from_iter([("region".to_owned(), "hidden".into())]);
        assert_eq!(format!("{:?}", NamesOnly(&options)), "{\"region\"}");
    }
}
