//! Azurite, the emulator of Azure Blob Storage.

use crate::{
    process::{ServerProcess, workspace_path},
    server::options,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::hmac;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{Read, Write},
    net::TcpStream,
    sync::OnceLock,
};

/// The account that Azurite has by itself, and the key that its makers published for it.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Azurite, keeping everything in memory.
#[derive(Debug)]
pub struct AzuriteServer {
    process: ServerProcess,
}

impl AzuriteServer {
    /// Starts the Azurite that `tools/setup` installed.
    pub fn start() -> AzuriteServer {
        let program = workspace_path("tools/.node/node_modules/.bin/azurite-blob");
        assert!(program.exists(), "there is no '{}'; run tools/setup", program.display());
        let process = ServerProcess::start("Azurite (installed by tools/setup)", |port| {
            let mut command: Vec<OsString> = vec![program.clone().into()];
            let port = port.to_string();
            let arguments = ["--blobHost", "127.0.0.1", "--blobPort", &port, "--inMemoryPersistence"];
            command.extend(arguments.map(OsString::from));
            command.extend(["--silent", "--disableTelemetry", "--skipApiVersionCheck"].map(OsString::from));
            command
        });
        AzuriteServer { process }
    }

    /// The one that this process shares, started when it is first asked for. It ends with the process.
    pub fn shared() -> &'static AzuriteServer {
        static SHARED: OnceLock<AzuriteServer> = OnceLock::new();
        SHARED.get_or_init(AzuriteServer::start)
    }

    /// Its address as a URL, with the account.
    pub fn endpoint(&self) -> String {
        format!("{}/{ACCOUNT}", self.process.endpoint())
    }

    /// Creates an empty container; fine when there is one.
    pub fn create_container(&self, name: &str) {
        let address = self.process.endpoint().trim_start_matches("http://").to_owned();
        let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
        let headers = format!("x-ms-date:{date}\nx-ms-version:2021-08-06\n");
        // The method, eleven standard headers that are empty here, the service's headers, and what the request is about.
        let text = format!("PUT{}\n{headers}/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container", "\n".repeat(11));
        let key = BASE64_STANDARD.decode(ACCOUNT_KEY).expect("the published key");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signature = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        let mut connection = TcpStream::connect(&address).expect("a connection to Azurite");
        write!(
            connection,
            "PUT /{ACCOUNT}/{name}?restype=container HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\
             Connection: close\r\nx-ms-date: {date}\r\nx-ms-version: 2021-08-06\r\n\
             Authorization: SharedKey {ACCOUNT}:{signature}\r\n\r\n"
        )
        .expect("a request to Azurite");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer of Azurite's");
        let is_there = answer.starts_with("HTTP/1.1 201") || answer.starts_with("HTTP/1.1 409");
        assert!(is_there, "Azurite does not create the container: {answer}");
    }

    /// The options by which a client of Azure Blob Storage reaches it.
    pub fn azure_options(&self) -> BTreeMap<String, String> {
        options([
            ("azure_storage_endpoint", self.endpoint().as_str()),
            ("azure_storage_account_name", ACCOUNT),
            ("azure_storage_account_key", ACCOUNT_KEY),
            ("allow_http", "true"),
        ])
    }
}
