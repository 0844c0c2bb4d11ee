//! Secrets in options and addresses, and services that repeat all that they are sent: whatever goes wrong, nothing that is printed,
//! logged or stored holds a secret.

use fascicle::config::Map;
use fascicle::{Config, IdentityRules, OpenOptions, ResolveOptions, Result};
use std::fmt::{Debug, Write as _};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Stands in every secret. Of letters alone, so that no encoding hides it.
const CANARY: &str = "hunterTwoCanary";
/// The same where base64 is asked for.
const CANARY_IN_BASE64: &str = "aHVudGVyVHdvQ2FuYXJ5";

/// Everything that was logged, at every level.
fn logged() -> &'static Mutex<String> {
    static LOGGED: OnceLock<Mutex<String>> = OnceLock::new();
    struct Kept;
    impl log::Log for Kept {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &log::Record<'_>) {
            let mut kept = logged().lock().unwrap_or_else(PoisonError::into_inner);
            writeln!(kept, "{} {}", record.target(), record.args()).unwrap();
        }
        fn flush(&self) {}
    }
    LOGGED.get_or_init(|| {
        log::set_logger(&Kept).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        Mutex::default()
    })
}

fn assert_no_secret(told: &str) {
    for secret in [CANARY, CANARY_IN_BASE64] {
        assert!(!told.contains(secret), "a secret is told: {told}");
    }
}

/// A service that answers every request with `status` and the request itself, head and body, as an error in XML.
struct Mirror {
    endpoint: String,
    seen: Arc<Mutex<String>>,
}

impl Mirror {
    fn start(status: &'static str) -> Mirror {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(String::new()));
        let kept = seen.clone();
        // Ends with the process: connections come until then.
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(connection);
                    while let Some(request) = read_request(&mut reader) {
                        kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&request);
                        let shown = request.replace('&', "&amp;").replace('<', "&lt;");
                        let body = format!("<Error><Code>Mirrored</Code><Message>{shown}</Message></Error>");
                        let head = format!(
                            "HTTP/1.1 {status}\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n",
                            body.len()
                        );
                        let answered = reader.get_mut().write_all(format!("{head}{body}").as_bytes());
                        if answered.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Mirror { endpoint, seen }
    }
}

fn read_request(reader: &mut BufReader<std::net::TcpStream>) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let begin = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = head.get(begin..)?.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}

/// The stores with everything secret that their clients know, each under its own name.
fn stores(endpoint: &str) -> Vec<(&'static str, Map)> {
    let common = [("allow_http", "true".into()), ("max_retries", 0.into()), ("timeout", "5s".into())];
    let with = |pairs: &[(&str, &str)]| -> Map {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        common.iter().cloned().map(|(name, value)| (name.to_owned(), value)).chain(pairs).collect()
    };
    vec![
        (
            "s3://bucket/x",
            with(&[
                ("aws_endpoint", endpoint),
                ("aws_region", "us-east-1"),
                ("aws_access_key_id", CANARY),
                ("aws_secret_access_key", CANARY),
                ("aws_session_token", CANARY),
            ]),
        ),
        ("gs://bucket/x", with(&[("google_base_url", endpoint), ("google_bearer_token", CANARY)])),
        (
            "az://container/x",
            with(&[
                ("azure_storage_endpoint", endpoint),
                ("azure_storage_account_name", "account"),
                ("azure_storage_account_key", CANARY_IN_BASE64),
            ]),
        ),
        (
            "az://container/x",
            with(&[
                ("azure_storage_endpoint", endpoint),
                ("azure_storage_account_name", "account"),
                ("azure_storage_sas_token", &format!("sv=2020-01-01&sp=rwdl&sig={CANARY}")),
            ]),
        ),
        (
            "az://container/x",
            with(&[
                ("azure_storage_endpoint", endpoint),
                ("azure_storage_account_name", "account"),
                ("azure_storage_token", CANARY),
            ]),
        ),
    ]
}

fn tell<T: Debug>(told: &mut String, result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => {
            writeln!(told, "{value:?}").unwrap();
            Some(value)
        }
        Err(error) => {
            writeln!(told, "{error}\n{error:?}\n{error:#?}\n{}", error.chain()).unwrap();
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = cause {
                writeln!(told, "{error} {error:?}").unwrap();
                cause = error.source();
            }
            None
        }
    }
}

/// Everything that a program does with a root, and all that it is told.
async fn use_root(place: &str, options: Map) -> String {
    let mut told = String::new();
    for read_only in [false, true] {
        let options = OpenOptions { options: options.clone(), ..OpenOptions::default() };
        let options = options.with_backend("zarr").with_read_only(read_only);
        writeln!(told, "{options:?} {options:#?}").unwrap();
        tell(&mut told, options.find_root(place).await);
        tell(&mut told, options.init(place).await);
        let Some(root) = tell(&mut told, options.open(place).await) else { continue };
        let directory = root.dir("d").unwrap();
        tell(&mut told, root.as_dir().names().await);
        tell(&mut told, directory.put("x", [1.0, 2.0]).await);
        tell(&mut told, directory.append("x", [1.0]).await);
        tell(&mut told, directory.put_file("f", "text").await);
        tell(&mut told, directory.append_file("f", "text").await);
        tell(&mut told, directory.array("x").await);
        tell(&mut told, directory.tree().await);
        tell(&mut told, directory.size_bytes().await);
        tell(&mut told, root.remove("d").await);
        let build = |dir: fascicle::Directory| async move { Ok(dir.put("x", [1.0]).await?) };
        let (config, rules) = (Config::new("Cells").with("seed", 1), IdentityRules::default());
        let asked = ResolveOptions::default().timeout(std::time::Duration::from_millis(10));
        tell(&mut told, root.find_config(&config, &rules).await.map(|found| found.is_some()));
        // Asks for as long as a lease when the storage fails; here, its first error is what matters.
        let resolved = root.resolve_config(&config, &rules, &asked, build);
        if let Ok(resolved) = tokio::time::timeout(std::time::Duration::from_millis(300), resolved).await {
            tell(&mut told, resolved);
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_told_holds_a_secret() {
    logged();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let statuses = [
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "409 Conflict",
        "500 Internal Server Error",
        "200 OK",
    ];
    let mirrors: Vec<Mirror> = statuses.into_iter().map(Mirror::start).collect();
    let endpoints = mirrors.iter().map(|mirror| mirror.endpoint.as_str()).chain([nobody.as_str()]);
    let mut amount = 0;
    for endpoint in endpoints {
        for (place, options) in stores(endpoint) {
            let told = use_root(place, options).await;
            assert_no_secret(&told);
            amount += told.len();
        }
    }
    let seen: String =
        mirrors.iter().map(|mirror| mirror.seen.lock().unwrap().clone()).collect::<Vec<_>>().concat();
    assert!(seen.contains(CANARY), "the services were sent no secret that they could repeat");
    assert!(amount > 10_000, "only {amount} bytes were told");
    let logged = logged().lock().unwrap();
    println!("{amount} bytes were told, {} logged, and {} sent", logged.len(), seen.len());
    assert_no_secret(&logged);
}

#[tokio::test]
async fn addresses_with_secrets_are_refused_and_not_repeated() {
    for address in [
        format!("s3://user:{CANARY}@bucket/x"),
        format!("s3://{CANARY}:{CANARY}@bucket/x"),
        format!("s3://bucket/x?X-Amz-Signature={CANARY}"),
        format!("az://container/x?sv=1&sig={CANARY}"),
        format!("https://account.blob.core.windows.net/c/x?sig={CANARY}"),
        format!("gs://bucket/x#access_token={CANARY}"),
        format!("abfss://container:{CANARY}@account.dfs.core.windows.net/x"),
    ] {
        let mut told = String::new();
        for result in [
            OpenOptions::default().with_backend("zarr").open(&address).await,
            OpenOptions::default().with_backend("zarr").init(&address).await,
        ] {
            assert!(tell(&mut told, result).is_none(), "{address} was opened");
        }
        tell(&mut told, OpenOptions::default().open_dir(&address).await);
        tell(&mut told, OpenOptions::default().find_root(&address).await);
        assert_no_secret(&told);
    }
}

/// A service that sends its clients elsewhere, such as to addresses that only this machine can reach.
#[tokio::test]
async fn redirections_are_not_followed() {
    let elsewhere = Mirror::start("200 OK");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let target = elsewhere.endpoint.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut reader = BufReader::new(connection);
            while read_request(&mut reader).is_some() {
                let answer = format!(
                    "HTTP/1.1 307 Temporary Redirect\r\nlocation: {target}/secret\r\ncontent-length: 0\r\n\r\n"
                );
                if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    for (place, options) in stores(&endpoint) {
        let told = use_root(place, options).await;
        assert_no_secret(&told);
    }
    assert_eq!(*elsewhere.seen.lock().unwrap(), "", "a redirection was followed");
}
