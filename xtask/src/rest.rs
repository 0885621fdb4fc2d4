//! A small client of Lockstep's REST API, for the commands that need a running server to have something in it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Response;

/// The largest answer that is read: the truth about a hundred thousand workloads.
const LARGEST: u64 = 200_000_000;

/// One server to speak to.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
}

impl Client {
    /// Speaks to the server at this address.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self { agent: config.into(), base: format!("http://{address}") }
    }

    /// Whether the server can do its work.
    pub(crate) fn is_ready(&self) -> bool {
        self.agent
            .get(format!("{}/readyz", self.base))
            .call()
            .is_ok_and(|answer| answer.status().is_success())
    }

    /// The text of a page, after its redirects.
    pub(crate) fn page(&self, path: &str) -> Result<String> {
        let mut answer =
            self.agent.get(format!("{}{path}", self.base)).header("accept", "text/html").call()?;
        if !answer.status().is_success() {
            bail!("GET {path} answered {}", answer.status());
        }
        Ok(answer.body_mut().read_to_string()?)
    }

    /// Reads something.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let answer = self.agent.get(format!("{}{path}", self.base)).call();
        read(answer.with_context(|| format!("GET {path}"))?, &format!("GET {path}"))
    }

    /// Puts something in the place of what is there.
    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.agent.put(format!("{}{path}", self.base)).send_json(body);
        read(answer.with_context(|| format!("PUT {path}"))?, &format!("PUT {path}"))
    }

    /// Makes something.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.agent.post(format!("{}{path}", self.base)).send_json(body);
        read(answer.with_context(|| format!("POST {path}"))?, &format!("POST {path}"))
    }
}

/// The answer's JSON, or the sentence of its problem document.
fn read(mut answer: Response<ureq::Body>, what: &str) -> Result<Value> {
    let status = answer.status();
    let text =
        answer.body_mut().with_config().limit(LARGEST).read_to_string().with_context(|| what.to_owned())?;
    let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if !status.is_success() {
        let sentence = value["detail"].as_str().or(value["title"].as_str()).unwrap_or(&text);
        bail!("{what} answered {status}: {sentence}");
    }
    Ok(value)
}

/// The stand-in's clusters, the stage each plays, and the end of its namespaces' names.
const STAGES: [(&str, &str, &str); 3] = [
    ("Development", "local", "dev"),
    ("Staging", "c-m-stage001", "staging"),
    ("Production", "c-m-prod0001", "prod"),
];

/// Connects the stand-in as a site and binds its namespaces to three environments, so that the matrix is full. Does
/// nothing when one is connected already.
pub(crate) fn connect(client: &Client, standin: &str, token: &str) -> Result<()> {
    let sites = client.get("/api/sites")?;
    if sites.as_array().into_iter().flatten().any(|site| site["kind"] != "local") {
        return Ok(());
    }
    let site = json!({ "name": "Stand-in Rancher", "url": standin, "token": token, "kind": "rancher" });
    let site = client.post("/api/sites", &site)?;
    for (name, cluster, suffix) in STAGES {
        let environment = client.post("/api/environments", &json!({ "name": name }))?;
        let bind = |application: &str| {
            json!({
                "rancherSiteId": site["id"],
                "cluster": cluster,
                "namespace": format!("{application}-{suffix}"),
                "environmentId": environment["id"],
            })
        };
        client.post("/api/app-instances/batch", &json!(["shop", "payments", "platform"].map(bind)))?;
    }
    Ok(())
}
