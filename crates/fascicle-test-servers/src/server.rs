//! The server in the test's own process.

use crate::{
    buckets::{Buckets, StoredObject},
    faults::{Fault, FaultKind},
    request::{Incoming, RequestKind, SeenRequest},
    respond::{Answer, Rules, failure, respond},
};
use futures::StreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    Request,
    body::{Body, Frame},
    service::service_fn,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};
use tokio::{net::TcpListener, sync::oneshot};

/// The S3 access key that the server knows.
pub const ACCESS_KEY: &str = "AKIATESTSERVERKEY";
/// A secret to go with it; the server looks at no signatures.
pub const SECRET_KEY: &str = "test-server-secret-access-key";
/// The token of Google Cloud Storage that the server knows.
pub const BEARER_TOKEN: &str = "test-server-bearer-token";

/// How long the half of an answer has to arrive before the connection is closed.
const PAUSE_BEFORE_CUT: Duration = Duration::from_millis(5);

/// An object store in this process that speaks the XML dialects of S3 and Google Cloud Storage, each request atomic.
#[derive(Debug)]
pub struct ObjectServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    buckets: Buckets,
    rules: Rules,
    seen: Vec<SeenRequest>,
    answered_bytes: u64,
    faults: Vec<Fault>,
    latency: Duration,
}

impl ObjectServer {
    /// Starts a server without buckets.
    pub fn start() -> ObjectServer {
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = oneshot::channel();
        let (listener, address) = listen_at_new_address();
        listener.set_nonblocking(true).expect("a listener that does not block");
        let shared = state.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime for the server");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener of the runtime's");
                tokio::select! {
                    () = serve(listener, shared) => {}
                    _ = stopped => {}
                }
            });
        });
        ObjectServer { address, state, stop: Some(stop), thread: Some(thread) }
    }

    /// Starts a server that holds an empty bucket.
    pub fn with_bucket(name: &str) -> ObjectServer {
        let server = ObjectServer::start();
        server.create_bucket(name);
        server
    }

    /// Its address as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The options by which a client of S3 reaches it, with static credentials.
    pub fn s3_options(&self) -> BTreeMap<String, String> {
        options([
            ("aws_endpoint", self.endpoint().as_str()),
            ("aws_region", "us-east-1"),
            ("aws_access_key_id", ACCESS_KEY),
            ("aws_secret_access_key", SECRET_KEY),
            ("allow_http", "true"),
        ])
    }

    /// The options by which a client of Google Cloud Storage reaches it, with a static token.
    pub fn gcs_options(&self) -> BTreeMap<String, String> {
        options([
            ("google_base_url", self.endpoint().as_str()),
            ("google_bearer_token", BEARER_TOKEN),
            ("allow_http", "true"),
        ])
    }

    /// Creates an empty bucket, unless there is one.
    pub fn create_bucket(&self, name: &str) {
        self.state().buckets.buckets.entry(name.to_owned()).or_default();
    }

    /// The object under a key.
    pub fn object(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        self.state().buckets.object(bucket, key).cloned()
    }

    /// Stores an object behind the client's back.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
        let bytes: Vec<u8> = bytes.into();
        self.state().buckets.store(bucket, key, bytes.into(), BTreeMap::new());
    }

    /// The keys in a bucket, sorted.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let state = self.state();
        state.buckets.buckets.get(bucket).map(|bucket| bucket.keys().cloned().collect()).unwrap_or_default()
    }

    /// How many multipart uploads are under way.
    pub fn uploads(&self) -> usize {
        self.state().buckets.uploads.len()
    }

    /// The requests since the last call, in order.
    pub fn take_requests(&self) -> Vec<SeenRequest> {
        std::mem::take(&mut self.state().seen)
    }

    /// The bytes of all answers since the last call, headers apart.
    pub fn take_answered_bytes(&self) -> u64 {
        std::mem::take(&mut self.state().answered_bytes)
    }

    /// How many requests of each kind came since the requests were last taken.
    pub fn request_counts(&self) -> BTreeMap<RequestKind, usize> {
        let mut counts = BTreeMap::new();
        for request in &self.state().seen {
            *counts.entry(request.kind).or_default() += 1;
        }
        counts
    }

    /// Lets every request take this long, at the least.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Lets requests go wrong. Of several faults that befall a request, the first one does.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Accepts the conditions of writes from now on without looking at them.
    pub fn ignore_conditions(&self) {
        self.state().rules.ignores_conditions = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The server may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Listens at an address at which no server of this process did before: clients remember what they found out about a service by its
/// address.
fn listen_at_new_address() -> (std::net::TcpListener, SocketAddr) {
    static USED: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());
    loop {
        let listener =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let address = listener.local_addr().expect("the address of the listener");
        if USED.lock().unwrap_or_else(PoisonError::into_inner).insert(address) {
            return (listener, address);
        }
    }
}

pub(crate) fn options<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    loop {
        let Ok((connection, _)) = listener.accept().await else { continue };
        // Small answers go out at once; where that cannot be had the test is only slower.
        let _ = connection.set_nodelay(true);
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(state.clone(), request));
            let io = hyper_util::rt::TokioIo::new(connection);
            // A connection that ends early is the client's affair, or an injected fault.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        });
    }
}

/// Answers one request; an error closes the connection.
async fn answer(state: Arc<Mutex<State>>, request: Request<hyper::body::Incoming>) -> io::Result<Answer> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Incoming::new(parts, body);
    let (latency, fault) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.seen.push(request.seen.clone());
        let fault = take_fault(&mut state.faults, &request.seen);
        (state.latency, fault)
    };
    tokio::time::sleep(latency).await;
    match fault {
        Some(FaultKind::Unavailable) => {
            return Ok(failure(503, "SlowDown", "Please reduce your request rate"));
        }
        Some(FaultKind::ConditionalConflict) => {
            return Ok(failure(409, "ConditionalRequestConflict", "A conflicting operation is under way"));
        }
        Some(FaultKind::Delay(delay)) => tokio::time::sleep(delay).await,
        Some(
            FaultKind::LostAnswer | FaultKind::FailedAnswer | FaultKind::CutAnswer | FaultKind::Repeated,
        )
        | None => {}
    }
    let answer = match refused_access(&request) {
        Some(refusal) => refusal,
        None => {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let State { buckets, rules, answered_bytes, .. } = &mut *state;
            if fault == Some(FaultKind::Repeated) {
                respond(buckets, rules, &request);
            }
            let answer = respond(buckets, rules, &request);
            *answered_bytes += answer.body().size_hint().exact().unwrap_or(0);
            answer
        }
    };
    match fault {
        Some(FaultKind::LostAnswer) => Err(io::ErrorKind::ConnectionAborted.into()),
        Some(FaultKind::FailedAnswer) => {
            Ok(failure(500, "InternalError", "We encountered an internal error"))
        }
        Some(FaultKind::CutAnswer) => cut(answer).await,
        _ => Ok(answer),
    }
}

/// Half of an answer that says how long the whole is; after it, the connection is closed.
async fn cut(answer: Answer) -> io::Result<Answer> {
    let (mut parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    if body.is_empty() {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    parts.headers.insert("content-length", body.len().into());
    let half = body.slice(..body.len() / 2);
    // A body of unknown length that breaks off, as one of half the length would contradict the header. The pause lets the half go out
    // before the connection is closed.
    let pieces = futures::stream::once(async { Ok(Frame::data(half)) }).chain(futures::stream::once(async {
        tokio::time::sleep(PAUSE_BEFORE_CUT).await;
        Err(io::ErrorKind::ConnectionAborted.into())
    }));
    Ok(Answer::from_parts(parts, BodyExt::boxed(StreamBody::new(pieces))))
}

fn take_fault(faults: &mut Vec<Fault>, request: &SeenRequest) -> Option<FaultKind> {
    let position = faults.iter().position(|fault| (fault.befalls)(request))?;
    let fault = &mut faults[position];
    let kind = fault.kind;
    fault.times -= 1;
    if fault.times == 0 {
        faults.remove(position);
    }
    Some(kind)
}

/// The answer to a request with credentials that the server does not know.
fn refused_access(request: &Incoming) -> Option<Answer> {
    let authorization = request.header("authorization").unwrap_or("");
    if let Some(token) = authorization.strip_prefix("Bearer ") {
        return (token != BEARER_TOKEN)
            .then(|| failure(401, "AuthenticationRequired", "Invalid credentials"));
    }
    let known = authorization.contains(&format!("Credential={ACCESS_KEY}/"));
    (!known).then(|| failure(403, "InvalidAccessKeyId", "The access key does not exist in our records"))
}
