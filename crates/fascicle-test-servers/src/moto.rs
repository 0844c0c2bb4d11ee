//! moto, an S3 server in Python.

use crate::{
    process::{ServerProcess, workspace_path},
    server::options,
};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    sync::OnceLock,
};

/// moto behind one lock.
#[derive(Debug)]
pub struct MotoServer {
    process: ServerProcess,
}

impl MotoServer {
    /// Starts moto with the Python of the project's environment, which `tools/setup` makes.
    pub fn start() -> MotoServer {
        let python = python();
        assert!(python.exists(), "there is no '{}'; run tools/setup", python.display());
        let script = workspace_path("crates/fascicle-test-servers/src/moto_with_lock.py");
        let process = ServerProcess::start("moto (installed by tools/setup)", |port| {
            vec![python.clone().into(), script.clone().into(), port.to_string().into()]
        });
        MotoServer { process }
    }

    /// The one that this process shares, started when it is first asked for. It ends with the process.
    pub fn shared() -> &'static MotoServer {
        static SHARED: OnceLock<MotoServer> = OnceLock::new();
        SHARED.get_or_init(MotoServer::start)
    }

    /// Its address as a URL.
    pub fn endpoint(&self) -> String {
        self.process.endpoint()
    }

    /// Creates an empty bucket; fine when there is one.
    pub fn create_bucket(&self, name: &str) {
        let address = self.endpoint().trim_start_matches("http://").to_owned();
        let mut connection = TcpStream::connect(&address).expect("a connection to moto");
        write!(
            connection,
            "PUT /{name} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/s3/aws4_request, \
             SignedHeaders=host, Signature=0\r\n\r\n"
        )
        .expect("a request to moto");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer of moto's");
        assert!(answer.starts_with("HTTP/1.1 200"), "moto does not create the bucket: {answer}");
    }

    /// The options by which a client of S3 reaches it, with static credentials.
    pub fn s3_options(&self) -> BTreeMap<String, String> {
        options([
            ("aws_endpoint", self.endpoint().as_str()),
            ("aws_region", "us-east-1"),
            ("aws_access_key_id", "test"),
            ("aws_secret_access_key", "test-secret"),
            ("allow_http", "true"),
        ])
    }
}

fn python() -> PathBuf {
    std::env::var_os("FASCICLE_PYTHON").map_or_else(|| workspace_path(".venv/bin/python"), PathBuf::from)
}
