//! How front doors are told where requests go, and asked: plain HTTP over a socket of their directory.
//!
//! | request | answer |
//! |---|---|
//! | `PUT /routes` with [`Routes`] | [`Taken`](domain::front_door::Taken), once no request goes another way |
//! | `GET /drained/PORT` | once the replica that has left the port has no requests under way |
//! | `GET /counts` | [`Counts`](domain::front_door::Counts) |

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use domain::front_door::Routes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::{
    net::{UnixListener, UnixStream},
    select,
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{directory::Directory, doors::Doors};

/// Answers that are under way when this ends get so long.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// When no connection can be accepted, it is tried again so soon.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// Answers those who set routes and ask for counts.
pub(crate) struct Control {
    doors: Arc<Doors>,
    directory: Directory,
    nothing: Notify,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Control {
    pub(crate) fn new(doors: Arc<Doors>, directory: Directory) -> Self {
        let (nothing, stop, tasks) = (Notify::new(), CancellationToken::new(), TaskTracker::new());
        Self { doors, directory, nothing, stop, tasks }
    }

    /// Answers until there is nothing to serve any more.
    pub(crate) async fn serve(self: &Arc<Self>, listener: &UnixListener) {
        loop {
            select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(self.tasks.spawn(self.clone().converse(stream))),
                    Err(_) => sleep(ACCEPT_AGAIN).await,
                },
                () = self.nothing.notified() => return,
            }
        }
    }

    /// Takes no more orders: whoever has some asks the next one.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until the connections of those who ask have ended.
    pub(crate) async fn end(&self) {
        self.tasks.close();
        let _ = timeout(LAST_WORDS, self.tasks.wait()).await;
    }

    async fn converse(self: Arc<Self>, stream: UnixStream) {
        let answer = service_fn(|request| {
            let control = self.clone();
            async move { Ok::<_, Infallible>(control.answer(request).await) }
        });
        let mut connection =
            std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        select! {
            _ = connection.as_mut() => return,
            () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        // Who has asked may have gone.
        let _ = connection.await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        match (method, path.strip_prefix("/drained/").map(str::parse), &*path) {
            (Method::GET, Some(Ok(port)), _) => {
                match self.stop.run_until_cancelled(self.doors.drained(port)).await {
                    Some(()) => json(&()),
                    None => passed_on(),
                }
            }
            (Method::GET, _, "/counts") => json(&self.doors.told()),
            (Method::PUT, _, "/routes") if self.stop.is_cancelled() => passed_on(),
            (Method::PUT, _, "/routes") => match request.into_body().collect().await {
                Ok(body) => self.set(&body.to_bytes()).await,
                Err(error) => said(StatusCode::BAD_REQUEST, error.to_string()),
            },
            _ => said(StatusCode::NOT_FOUND, format!("there is no {path}")),
        }
    }

    async fn set(&self, routes: &[u8]) -> Response<Full<Bytes>> {
        let routes: Routes = match serde_json::from_slice(routes) {
            Ok(routes) => routes,
            Err(error) => return said(StatusCode::BAD_REQUEST, error.to_string()),
        };
        // A full disk stops no switch: who comes after a crash has the routes set anew.
        let _ = self.directory.keep(&routes);
        let taken = self.doors.take(&routes).await;
        if routes.routes.is_empty() {
            self.nothing.notify_one();
        }
        json(&taken)
    }
}

fn json(answer: &impl Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_vec(answer) {
        Ok(text) => Response::new(Full::from(text)),
        Err(error) => said(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn passed_on() -> Response<Full<Bytes>> {
    said(StatusCode::SERVICE_UNAVAILABLE, "another process has the front doors now".to_owned())
}

fn said(status: StatusCode, words: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(words));
    *answer.status_mut() = status;
    answer
}
