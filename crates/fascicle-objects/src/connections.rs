//! Connections to services, shared by all stores of this process.
//!
//! A connection is driven by the runtime on which it was made: it breaks when that one ends, and stands still while that one does.
//! A store may be used from several runtimes, of which some do just that: that of a thread which beats every ten seconds, or of a test.
//! So all connections are made on one runtime of their own, which ends with the process.
//!
//! Stores that are reached in the same way share a client, and so its idle connections and the certificates that it has read.

use crate::{http_client, sends::Sends};
use async_trait::async_trait;
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use object_store::{
    ClientOptions, Result,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
        HttpService,
    },
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    thread::available_parallelism,
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// So many clients are kept for stores to come.
const MOST_CLIENTS: usize = 64;

/// So many pieces of an answer, of some kilobytes each, wait for a slow reader. Then the service waits.
const PIECES_AHEAD: usize = 32;

/// More threads than this have no more to do.
const MOST_THREADS: usize = 4;

/// The runtime of all connections, and the process it belongs to: a fork does not take threads along.
static RUNTIME: Mutex<Option<(u32, Runtime)>> = Mutex::new(None);

/// The clients of this process by its number and their settings, which may hold secrets and are never printed.
static CLIENTS: Mutex<Option<HashMap<(u32, String), HttpClient>>> = Mutex::new(None);

/// Makes clients whose connections live on the runtime of all connections.
#[derive(Debug)]
pub(crate) struct SharedConnector;

impl HttpConnector for SharedConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = clients.get_or_insert_default();
        let settings = (std::process::id(), format!("{options:?}"));
        if let Some(client) = clients.get(&settings) {
            return Ok(client.clone());
        }
        let client = HttpClient::new(http_client::new(options)?);
        let client = HttpClient::new(Elsewhere { client, runtime: runtime()? });
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        clients.insert(settings, client.clone());
        Ok(client)
    }
}

fn runtime() -> Result<Handle> {
    let process = std::process::id();
    let mut current = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((owner, runtime)) = current.as_ref()
        && *owner == process
    {
        return Ok(runtime.handle().clone());
    }
    let made = Builder::new_multi_thread()
        .worker_threads(available_parallelism().map_or(1, usize::from).min(MOST_THREADS))
        .thread_name("fascicle-connections")
        .enable_all()
        .build();
    let made =
        made.map_err(|error| object_store::Error::Generic { store: "connections", source: Box::new(error) })?;
    let handle = made.handle().clone();
    // That of a parent process has no threads here, for which its end would wait.
    std::mem::forget(current.replace((process, made)));
    Ok(handle)
}

/// A client that is used on another runtime than the caller's.
#[derive(Debug)]
struct Elsewhere {
    client: HttpClient,
    runtime: Handle,
}

#[async_trait]
impl HttpService for Elsewhere {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        if let Some(sends) = request.extensions().get::<Sends>() {
            sends.count();
        }
        let client = self.client.clone();
        let (answer, answered) = oneshot::channel();
        let (pieces, mut arriving) = mpsc::channel(PIECES_AHEAD);
        let work = Abandoned(self.runtime.spawn(async move {
            let mut body = match client.execute(request).await {
                Err(error) => return drop(answer.send(Err(error))),
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    if answer.send(Ok(head)).is_err() {
                        return;
                    }
                    body
                }
            };
            while let Some(piece) = body.frame().await {
                if pieces.send(piece).await.is_err() {
                    return;
                }
            }
        }));
        let head = answered.await.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))??;
        let body = StreamBody::new(stream::poll_fn(move |context| {
            // The work goes on for as long as somebody may ask for more.
            let _work = &work;
            arriving.poll_recv(context)
        }));
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

/// Work that ends when nobody waits for it any more.
struct Abandoned(JoinHandle<()>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reached_alike_shares_a_client() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let kept = || CLIENTS.lock().unwrap().as_ref().map_or(0, HashMap::len);
        let usual = ClientOptions::new();
        SharedConnector.connect(&usual).unwrap();
        let one = kept();
        SharedConnector.connect(&usual).unwrap();
        assert_eq!(kept(), one);
        SharedConnector.connect(&usual.with_timeout(std::time::Duration::from_secs(1))).unwrap();
        assert_eq!(kept(), one + 1);
    }
}
