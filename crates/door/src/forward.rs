//! Brings one request to a replica, and its answer back.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header, request::Parts};
use http_body::Body as _;
use http_body_util::{Either, Empty, Full};
use hyper::{
    body::Incoming,
    upgrade::{self, OnUpgrade},
};
use hyper_util::rt::TokioIo;
use tokio::{io::copy_bidirectional, time::Instant};

use crate::{
    answer::{Answer, Relayed},
    headers,
    replica::{Body, Connection, Lease},
    service::Service,
};

/// When to ask again where no replica is ready, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// Why a replica gave no answer.
enum Missed {
    /// It has got nothing of the request.
    Unsent(Request<Body>),
    /// It may have got the request; here once more where it does no harm twice.
    Lost(Option<Request<Body>>),
}

/// Answers a request by one of a service's replicas.
pub(crate) async fn forward(
    service: &Arc<Service>,
    client: IpAddr,
    mut request: Request<Incoming>,
) -> Response<Answer> {
    let came = Instant::now();
    let asked = upgrade::on(&mut request);
    let Some((mut request, wants_upgrade)) = outgoing(request, client, service.passes_on()) else {
        return words(StatusCode::BAD_REQUEST, "A front door takes requests for paths only.".to_owned());
    };
    let (mut tried, mut was_lost) = (Vec::new(), false);
    loop {
        let Some(lease) = service.choose(&mut tried, came).await else {
            service.unserved();
            return no_replica(service.name());
        };
        tried.push(lease.port());
        match send(&lease, request).await {
            Ok((answer, connection)) => {
                lease.counts().answered(answer.status(), came.elapsed());
                let asked = wants_upgrade.then_some(asked);
                return relay(service, answer, lease, connection, asked);
            }
            Err(missed) => {
                lease.counts().unreached();
                request = match missed {
                    Missed::Unsent(request) => request,
                    // Once: a request that ends whoever gets it must not end them all.
                    Missed::Lost(Some(request)) if !was_lost => {
                        was_lost = true;
                        request
                    }
                    Missed::Lost(_) => {
                        lease.counts().lost();
                        let said =
                            format!("{} has ended the connection without an answer.\n", service.name());
                        return words(StatusCode::BAD_GATEWAY, said);
                    }
                }
            }
        }
    }
}

/// The request as a replica gets it, and whether it asks for an upgrade; none where it names no path.
fn outgoing(request: Request<Incoming>, client: IpAddr, passed_on: bool) -> Option<(Request<Body>, bool)> {
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return None;
    }
    // What a request is for stands in its target, or else in this header (RFC 9112, section 3.3).
    if let Some(host) = parts.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        parts.headers.insert(header::HOST, host);
    }
    parts.headers.entry(header::HOST).or_insert(HeaderValue::from_static("127.0.0.1"));
    parts.uri = Uri::from(parts.uri.path_and_query()?.clone());
    parts.version = Version::HTTP_11;
    let to = headers::strip(&mut parts.headers);
    let wants_upgrade = to.is_some();
    if let Some(to) = to {
        headers::upgrade(&mut parts.headers, to);
    }
    // The front door that it is passed on to tells by itself who asks.
    if !passed_on {
        headers::forwarded(&mut parts.headers, client);
    }
    let body = if body.is_end_stream() { Either::Right(Empty::new()) } else { Either::Left(body) };
    Some((Request::from_parts(parts, body), wants_upgrade))
}

/// Sends a request over a connection that was kept, or else over a new one. That a kept one was closed meanwhile says nothing
/// about the replica.
async fn send(lease: &Lease, mut request: Request<Body>) -> Result<(Response<Incoming>, Connection), Missed> {
    let copy = may_be_repeated(&request);
    let again =
        || copy.as_ref().map(|(parts, body)| Request::from_parts(parts.clone(), Either::Right(*body)));
    loop {
        let kept = lease.kept();
        let is_new = kept.is_none();
        let mut connection = match kept {
            Some(connection) => connection,
            None => match lease.connect().await {
                Ok(connection) => connection,
                Err(_) => return Err(Missed::Unsent(request)),
            },
        };
        let mut failed = match connection.try_send_request(request).await {
            Ok(answer) => return Ok((answer, connection)),
            Err(failed) => failed,
        };
        request = match (failed.take_message(), again()) {
            (Some(unsent), _) if is_new => return Err(Missed::Unsent(unsent)),
            (Some(unsent), _) => unsent,
            (None, Some(again)) if !is_new => again,
            (None, again) => return Err(Missed::Lost(again)),
        };
    }
}

/// The head of a request without a body that does the same done twice (RFC 9110, section 9.2.2).
fn may_be_repeated(request: &Request<Body>) -> Option<(Parts, Empty<Bytes>)> {
    let Either::Right(body) = request.body() else { return None };
    let mut copy = Request::new(());
    if !request.method().is_idempotent() {
        return None;
    }
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some((copy.into_parts().0, *body))
}

/// The answer as who asked gets it.
fn relay(
    service: &Arc<Service>,
    mut answer: Response<Incoming>,
    lease: Lease,
    connection: Connection,
    asked: Option<OnUpgrade>,
) -> Response<Answer> {
    let agreed = upgrade::on(&mut answer);
    let (mut parts, body) = answer.into_parts();
    parts.version = Version::HTTP_11;
    let to = headers::strip(&mut parts.headers);
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        let (Some(to), Some(asked)) = (to, asked) else {
            return words(
                StatusCode::BAD_GATEWAY,
                format!("{} changes its protocol unasked.\n", service.name()),
            );
        };
        headers::upgrade(&mut parts.headers, to);
        service.tasks().spawn(tunnel(asked, agreed, lease, connection));
        return Response::from_parts(parts, Either::Right(Full::default()));
    }
    if service.passes_on() {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Response::from_parts(parts, Either::Left(Relayed::new(body, lease, connection)))
}

/// Carries what both say after an upgrade, until both have ended. The replica has the request as long.
async fn tunnel(asked: OnUpgrade, agreed: OnUpgrade, _lease: Lease, _connection: Connection) {
    if let (Ok(client), Ok(replica)) = tokio::join!(asked, agreed) {
        // However it ends, it has ended.
        let _ = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(replica)).await;
    }
}

fn no_replica(service: &str) -> Response<Answer> {
    let mut answer = words(StatusCode::SERVICE_UNAVAILABLE, format!("No replica of {service} is ready.\n"));
    answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    answer
}

fn words(status: StatusCode, said: String) -> Response<Answer> {
    let mut answer = Response::new(Either::Right(Full::from(said)));
    *answer.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, text);
    answer
}
