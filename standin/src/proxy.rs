//! Real clusters: requests are passed on with the kubeconfig's credentials.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::cluster::{Backend, Cluster};
use crate::error::Error;
use crate::json::suffix;
use crate::options::RealCluster;
use crate::status::Refusal;

/// Headers that belong to one connection, or to the caller's sign-in here.
const NOT_PASSED_ON: [http::HeaderName; 5] =
    [AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];

/// Connects to a real cluster.
pub(crate) async fn connect(real: &RealCluster) -> Result<Cluster, Error> {
    let config = config(real).await.map_err(|source| Error::Kubeconfig {
        name: real.name.clone(),
        path: real.kubeconfig.clone(),
        source,
    })?;
    let unreachable = |source| Error::Unreachable { name: real.name.clone(), source: Box::new(source) };
    let client = Client::try_from(config).map_err(unreachable)?;
    let version = client.apiserver_version().await.map_err(unreachable)?;
    Ok(Cluster {
        id: id(&real.name),
        name: real.name.clone(),
        git_version: version.git_version,
        projects: Vec::new(),
        backend: Backend::Real(client),
    })
}

async fn config(real: &RealCluster) -> Result<Config, kube::config::KubeconfigError> {
    let kubeconfig = Kubeconfig::read_from(&real.kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.connect_timeout = Some(Duration::from_secs(10));
    // A watch may be silent for as long as it likes.
    config.read_timeout = None;
    // Whether to try again is for the caller to decide.
    config.default_retry = false;
    Ok(config)
}

/// `c-m-` and eight letters and digits from the name.
fn id(name: &str) -> String {
    let plain: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let fill = suffix(name, 8_usize.saturating_sub(plain.len()));
    format!("c-m-{plain}{fill}")
}

/// Passes a request on; the answer's body streams through.
pub(crate) async fn pass_on(
    client: &Client,
    method: Method,
    path_and_query: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    let mut request = http::Request::new(kube::client::Body::from(body));
    *request.method_mut() = method;
    match path_and_query.parse() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return Refusal::bad_request("the path is not valid").into_response(),
    }
    for (name, value) in headers.iter().filter(|(name, _)| !NOT_PASSED_ON.contains(name)) {
        request.headers_mut().append(name, value.clone());
    }
    match client.send(request).await {
        Ok(response) => {
            let (mut parts, body) = response.into_parts();
            for name in [CONNECTION, TRANSFER_ENCODING] {
                parts.headers.remove(name);
            }
            Response::from_parts(parts, Body::new(body))
        }
        Err(error) => {
            tracing::warn!(%error, "the real cluster did not answer");
            Refusal::new(http::StatusCode::BAD_GATEWAY, "InternalError", error.to_string()).into_response()
        }
    }
}
