//! What other people's errors say, without what must not be said.

use crate::options::{REDACTED, StoreOptions};
use std::{error::Error as StdError, fmt, sync::Arc};

/// No more of an error's text is kept.
const MOST_CHARACTERS: usize = 600;

/// Secrets shorter than this would blot out ordinary words.
const SHORTEST_SECRET: usize = 4;

/// The secrets that a store was opened with, so that they can be taken out of texts.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<[String]>);

impl Secrets {
    pub(crate) fn of(options: &StoreOptions) -> Secrets {
        let mut secrets: Vec<String> =
            options.secrets().filter(|secret| secret.len() >= SHORTEST_SECRET).flat_map(forms_of).collect();
        // A secret that contains another one goes first.
        secrets.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        secrets.dedup();
        Secrets(secrets.into())
    }

    /// `text` on one line, without these secrets, without the user and the query of any URL, without what a service
    /// echoes of a signature, and not too long. Of a document that a service answered, its code and message are kept.
    pub(crate) fn sanitise(&self, text: &str) -> String {
        let mut text = without_documents(text);
        for secret in self.0.iter() {
            text = text.replace(secret.as_str(), REDACTED);
        }
        let words: Vec<String> = text.split_whitespace().map(without_url_secrets).collect();
        let text = without_authorisation(&words.join(" "));
        match text.char_indices().nth(MOST_CHARACTERS) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
            None => text,
        }
    }

    /// An error that says the same as `error` and its causes, sanitised.
    pub(crate) fn cause(&self, error: &(dyn StdError + 'static)) -> Cause {
        Cause {
            text: self.sanitise(&error.to_string()),
            source: error.source().map(|source| Box::new(self.cause(source))),
        }
    }
}

/// The forms in which a service may repeat a secret: itself, as it stands in an address or in XML, and the signature of a signed address,
/// which is the secret in it.
fn forms_of(secret: &str) -> Vec<String> {
    let signatures = url::form_urlencoded::parse(secret.trim_start_matches('?').as_bytes())
        .filter(|(name, value)| name == "sig" && value.len() >= SHORTEST_SECRET)
        .map(|(_, value)| value.into_owned());
    let mut forms: Vec<String> = signatures.chain([secret.to_owned()]).collect();
    for form in forms.clone() {
        let encoded: String = url::form_urlencoded::byte_serialize(form.as_bytes()).collect();
        forms.push(encoded.replace('+', "%20"));
        forms.push(encoded);
        forms.push(form.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
    }
    forms
}

/// What stands before that which authorises a request: in its head, and in a signed address.
const AUTHORISATIONS: [&str; 8] = [
    "bearer ",
    "sharedkey ",
    "sig=",
    "signature=",
    "x-amz-credential=",
    "x-amz-security-token=",
    "x-amz-security-token: ",
    "access_token=",
];

/// `text` without what authorises requests, which not only options say: there are tokens that services give for a while.
fn without_authorisation(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut clean = String::with_capacity(text.len());
    let mut done = 0;
    while let Some(found) = AUTHORISATIONS
        .iter()
        .filter_map(|before| Some(done + lower.get(done..)?.find(before)? + before.len()))
        .min()
    {
        let is_end = |character: char| character.is_whitespace() || "&,;\"'<>".contains(character);
        let rest = text.get(found..).unwrap_or("");
        let end = found + rest.find(is_end).unwrap_or(rest.len());
        clean.push_str(text.get(done..found).unwrap_or(""));
        if end > found {
            clean.push_str(REDACTED);
        }
        done = end;
    }
    clean.push_str(text.get(done..).unwrap_or(""));
    clean
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} of them)", self.0.len())
    }
}

/// The sanitised text of an error, and its cause's.
#[derive(Debug)]
pub(crate) struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// The code and the message of the XML document in `text`, if there is one with both.
pub(crate) fn document_error(text: &str) -> Option<(&str, &str)> {
    let element = |name: &str| {
        let rest = text.split_once(&format!("<{name}>"))?.1;
        rest.split_once(&format!("</{name}>")).map(|(content, _)| content)
    };
    Some((element("Code")?, element("Message")?))
}

/// Cuts off XML documents, which echo what was signed, and HTML pages.
fn without_documents(text: &str) -> String {
    let start =
        ["<?xml", "<Error", "<!DOCTYPE", "<html", "\u{feff}<"].iter().filter_map(|tag| text.find(tag)).min();
    let Some(start) = start else { return text.to_owned() };
    let before = text.get(..start).unwrap_or("");
    match document_error(text.get(start..).unwrap_or("")) {
        // Azure adds request numbers and times on further lines.
        Some((code, message)) => format!("{before}{code}: {}", message.lines().next().unwrap_or("")),
        None => before.to_owned(),
    }
}

/// A word without the user and the query of the URL in it.
fn without_url_secrets(word: &str) -> String {
    let Some((before, rest)) = word.split_once("://") else { return word.to_owned() };
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split(['?', '#']).next().unwrap_or("");
    let (path, _query) = path.split_once('?').unwrap_or((path, ""));
    format!("{before}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sanitise(text: &str) -> String {
        Secrets::of(&StoreOptions::new().with("aws_secret_access_key", "s3cr3t/key")).sanitise(text)
    }

    #[test]
    fn urls_lose_users_and_queries() {
        assert_eq!(
            sanitise("GET https://user:pass@host:9000/b/k?sig=abc&se=1 in 3 ms"),
            "GET https://host:9000/b/k in 3 ms"
        );
        assert_eq!(sanitise("https://host?sig=abc"), "https://host");
        assert_eq!(sanitise("nothing to hide?yes"), "nothing to hide?yes");
    }

    #[test]
    fn documents_are_reduced_to_code_and_message() {
        let text = "status 403: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>\
                    <Message>It does not match</Message><StringToSign>AWS4 key</StringToSign></Error>";
        assert_eq!(sanitise(text), "status 403: SignatureDoesNotMatch: It does not match");
        assert_eq!(sanitise("status 502: <html><body>proxy</body></html>"), "status 502:");
    }

    #[test]
    fn known_secrets_are_blotted_out() {
        assert_eq!(sanitise("key s3cr3t/key was refused"), "key REDACTED was refused");
    }

    #[test]
    fn signatures_of_signed_addresses_are_blotted_out_wherever_they_stand() {
        let options = StoreOptions::new().with("azure_storage_sas_token", "?sv=2020&sp=rw&sig=ab%2Fcd%3D");
        let secrets = Secrets::of(&options);
        for text in [
            "GET /c?sv=2020&amp;sig=ab%2Fcd%3D HTTP/1.1",
            "it was ab/cd= and no other",
            "it was ab%2Fcd%3D and no other",
        ] {
            let told = secrets.sanitise(text);
            assert!(!told.contains("cd") && told.contains(REDACTED), "{told}");
        }
    }

    #[test]
    fn what_authorises_requests_is_blotted_out() {
        assert_eq!(sanitise("authorization: Bearer ey.J0 host: x"), "authorization: Bearer REDACTED host: x");
        assert_eq!(
            sanitise("AWS4 Credential=A, Signature=0af1 x-amz-security-token: To/ken= host: x"),
            "AWS4 Credential=A, Signature=REDACTED x-amz-security-token: REDACTED host: x"
        );
        assert_eq!(sanitise("the signature= sign"), "the signature= sign");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(sanitise(&"ü".repeat(5000)).chars().count(), MOST_CHARACTERS + 1);
    }
}
