//! Requests to one server: address, sign-in, deadlines and the reading of answers.

use std::{sync::Arc, time::Duration};

use domain::patience::Patience;
use futures::{Stream, TryStreamExt};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::TokioExecutor;
use kube::{
    Config,
    client::{Body, ConfigExt},
};
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;
use tokio_util::{
    codec::{FramedRead, LinesCodec, LinesCodecError},
    io::StreamReader,
};
use tower::{BoxError, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;
use url::{Host, Url};

use crate::{Connection, Error, connector, failure};

/// What a connection reads ahead, in bytes. There are thousands of them, and each keeps what it has once needed.
const READ_AHEAD: usize = 64 * 1024;
/// How long a call that is no watch may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The pauses before a read that met a passing failure is tried again.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(900)];
/// A read that took longer, or is to wait longer, is not tried again at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The longest answer that is read: a page of 500 pods is far below.
const MAX_ANSWER: usize = 128 * 1024 * 1024;
/// The longest event of a watch: an object has at most some 3 MiB.
const MAX_LINE: usize = 16 * 1024 * 1024;

/// A client of one server, or of what lies below a path of it. Cloning is cheap and shares connections.
#[derive(Clone)]
pub(crate) struct Client {
    http: kube::Client,
    base: Arc<Url>,
    prefix: String,
    /// How long the server is waited for.
    pub(crate) patience: Patience,
}

/// A body to send, with its content type.
pub(crate) struct Content {
    media_type: &'static str,
    bytes: Vec<u8>,
}

impl Content {
    /// JSON.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::of("application/json", value)
    }

    /// A strategic merge patch.
    pub(crate) fn strategic_merge(value: &impl Serialize) -> Self {
        Self::of("application/strategic-merge-patch+json", value)
    }

    fn of(media_type: &'static str, value: &impl Serialize) -> Self {
        Self {
            media_type,
            bytes: serde_json::to_vec(value).expect("what is sent is made of plain JSON values"),
        }
    }
}

/// A whole answer, of any status.
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    path: String,
}

impl Answer {
    /// Whether the cluster itself says that it does not have this.
    pub(crate) fn is_absent(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && !failure::is_ranchers(&self.body)
    }

    /// The answer if it is a success, else what it means.
    pub(crate) fn success(self) -> Result<Self, Error> {
        match self.status.is_success() {
            true => Ok(self),
            false => Err(failure::of_answer(self.status, &self.headers, &self.body, &self.path)),
        }
    }

    /// What a successful answer says.
    pub(crate) fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let answer = self.success()?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| failure::of_json(&answer.headers, &answer.body, &error))
    }
}

impl Client {
    /// A client for a connection. It must be made within a Tokio runtime.
    pub(crate) fn new(connection: &Connection) -> Result<Self, Error> {
        let url = connector::parse_address(&connection.url)?;
        let base = url.as_str().parse().map_err(|_| Error::Address("This is no address.".to_owned()))?;
        let mut config = Config::new(base);
        config.auth_info.token = token(connection)?;
        let auth = config
            .auth_layer()
            .map_err(|error| Error::SignIn(format!("The token cannot be used: {error}.")))?;
        let hyper = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .http1_max_buf_size(READ_AHEAD)
            .build::<_, Body>(connector::connector(connection.ca_certificate.as_deref())?);
        let service = ServiceBuilder::new()
            .layer(config.base_uri_layer())
            .option_layer(auth)
            .layer(DecompressionLayer::new())
            .map_err(BoxError::from)
            .service(hyper);
        Ok(Self {
            http: kube::Client::new(service, "default"),
            base: Arc::new(url),
            prefix: String::new(),
            patience: connection.patience,
        })
    }

    /// The host and its port, for people.
    pub(crate) fn host(&self) -> String {
        self.base.port().map_or(self.host_name().to_owned(), |port| format!("{}:{port}", self.host_name()))
    }

    /// The host without its port.
    pub(crate) fn host_name(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Whether TLS is spoken.
    pub(crate) fn is_secure(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.base.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }

    /// A client of what lies below a path of this server.
    pub(crate) fn below(&self, path: &str) -> Self {
        Self { prefix: format!("{}{path}", self.prefix), ..self.clone() }
    }

    /// Reads JSON, and again if it does not get through.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.again(|| async { self.call(Method::GET, path, None).await?.json() }).await
    }

    /// Reads JSON, and again if it does not get through; `None` where the cluster says that it does not have it.
    pub(crate) async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Error> {
        let once = || async {
            let answer = self.call(Method::GET, path, None).await?;
            if answer.is_absent() { Ok(None) } else { answer.json().map(Some) }
        };
        self.again(once).await
    }

    /// Asks a question that is JSON, and again if it does not get through.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        question: &impl Serialize,
    ) -> Result<T, Error> {
        let once = || async { self.call(Method::POST, path, Some(Content::json(question))).await?.json() };
        self.again(once).await
    }

    /// Does again at once what changes nothing and met a passing failure: a list of a hundred pages would never come
    /// through otherwise. What takes long, or is to wait for long, is left to those who asked.
    async fn again<T, F: Future<Output = Result<T, Error>>>(&self, once: impl Fn() -> F) -> Result<T, Error> {
        for pause in PAUSES {
            let began = Instant::now();
            let error = match once().await {
                Err(error @ (Error::Unavailable { .. } | Error::Answer(_))) => error,
                outcome => return outcome,
            };
            let asked = error.retry_after().unwrap_or_default();
            if asked > LONGEST_PAUSE || began.elapsed() > LONGEST_PAUSE {
                return Err(error);
            }
            tokio::time::sleep(self.patience.of(pause).max(asked)).await;
        }
        once().await
    }

    /// Makes a call and reads the whole answer, of any status; an error means that there was none.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        content: Option<Content>,
    ) -> Result<Answer, Error> {
        let whole = async {
            let response = self.send(method, path, content).await?;
            self.read(response, path).await
        };
        self.within(whole).await
    }

    /// Opens a stream of lines; its beginning has the same deadline as a call, its end has none.
    pub(crate) async fn lines(
        &self,
        path: &str,
    ) -> Result<impl Stream<Item = Result<String, Error>> + Send + 'static, Error> {
        let opened = async {
            let response = self.send(Method::GET, path, None).await?;
            match response.status() {
                StatusCode::OK => Ok(response.into_body()),
                _ => Err(match self.read(response, path).await?.success() {
                    Ok(answer) => {
                        Error::Answer(format!("The server did not open a watch ({}).", answer.status))
                    }
                    Err(error) => error,
                }),
            }
        };
        let body = self.within(opened).await?;
        let reader = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
        let host = self.host();
        Ok(FramedRead::new(reader, LinesCodec::new_with_max_length(MAX_LINE)).map_err(
            move |error| match error {
                LinesCodecError::Io(error) => failure::of_transport(&error, &host),
                LinesCodecError::MaxLineLengthExceeded => {
                    Error::Answer(format!("An event of {host} is too long."))
                }
            },
        ))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        content: Option<Content>,
    ) -> Result<Response<Body>, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(header::ACCEPT, "application/json");
        if let Some(content) = &content {
            request = request.header(header::CONTENT_TYPE, content.media_type);
        }
        let request = request
            .body(Body::from(content.map(|content| content.bytes).unwrap_or_default()))
            .map_err(|error| Error::Address(format!("This cannot be asked for: {error}.")))?;
        self.http.send(request).await.map_err(|error| failure::of_transport(&error, &self.host()))
    }

    async fn read(&self, response: Response<Body>, path: &str) -> Result<Answer, Error> {
        let (parts, body) = response.into_parts();
        let cut = |error: BoxError| failure::of_transport(&*error, &self.host());
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(cut)?.to_bytes().to_vec();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
            path: format!("{}{path}", self.prefix),
        })
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match tokio::time::timeout(CALL_TIMEOUT, call).await {
            Ok(result) => result,
            Err(_) => Err(failure::timed_out(&self.host(), CALL_TIMEOUT)),
        }
    }
}

/// The token, if one is given, as it can stand in a header.
fn token(connection: &Connection) -> Result<Option<SecretString>, Error> {
    let token = connection.token.expose().trim();
    if token.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(Error::SignIn(
            "The token holds a space or a line break: copy it again as a whole.".to_owned(),
        ));
    }
    Ok((!token.is_empty()).then(|| SecretString::from(token.to_owned())))
}

/// A name as one segment of a path. No name of a cluster or an object needs any other characters.
pub(crate) fn segment(name: &str) -> Result<&str, Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    match !name.is_empty() && name.chars().all(fits) && !matches!(name, "." | "..") {
        true => Ok(name),
        false => Err(Error::NotFound(format!("There is nothing by the name “{name}”."))),
    }
}
