//! Tokens: who a request comes from, and what it may do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

/// May do everything.
pub const ADMIN_TOKEN: &str = "token-admin:stand-in-secret";
/// May only read.
pub const VIEW_TOKEN: &str = "token-view:stand-in-secret";
/// Belongs to one cluster, and is refused under `/v3`.
pub const SCOPED_TOKEN: &str = "token-scoped:stand-in-secret";
/// May do everything but with cron jobs.
pub const NO_CRON_JOBS_TOKEN: &str = "token-apps:stand-in-secret";
/// May do everything but with secrets.
pub const NO_SECRETS_TOKEN: &str = "token-plain:stand-in-secret";
/// May do everything but with nodes.
pub const NO_NODES_TOKEN: &str = "token-nodeless:stand-in-secret";
/// Expires ten days after the start.
pub const EXPIRING_TOKEN: &str = "token-soon:stand-in-secret";
/// Has expired.
pub const EXPIRED_TOKEN: &str = "token-old:stand-in-secret";

/// A token that the stand-in issued.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) name: &'static str,
    secret: &'static str,
    pub(crate) user: &'static str,
    pub(crate) full_name: &'static str,
    expires: Option<DateTime<Utc>>,
    /// The cluster that the token belongs to.
    pub(crate) cluster: Option<String>,
    pub(crate) read_only: bool,
    /// A kind of object that it may not even look at, by its plural.
    hidden: Option<&'static str>,
}

/// Why a request is not let in.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Denied {
    #[error("must authenticate")]
    Unknown,
    #[error("must authenticate: the token {0} is expired")]
    Expired(&'static str),
    #[error("must authenticate: the token is scoped to cluster {0}")]
    Scoped(String),
}

/// The tokens of a stand-in.
#[derive(Clone, Debug)]
pub(crate) struct Tokens(Vec<Token>);

impl Tokens {
    /// The seeded tokens; the scoped one belongs to `cluster`.
    pub(crate) fn seeded(cluster: Option<&str>, now: DateTime<Utc>) -> Self {
        let admin = token(ADMIN_TOKEN, "admin", "Default Admin");
        Self(vec![
            admin.clone(),
            Token { read_only: true, ..token(VIEW_TOKEN, "viewer", "Vera Viewer") },
            Token { hidden: Some("cronjobs"), ..token(NO_CRON_JOBS_TOKEN, "deployer", "Dora Deployer") },
            Token { hidden: Some("secrets"), ..token(NO_SECRETS_TOKEN, "deployer", "Dora Deployer") },
            Token { hidden: Some("nodes"), ..token(NO_NODES_TOKEN, "tenant", "Tina Tenant") },
            Token { cluster: cluster.map(str::to_owned), ..token(SCOPED_TOKEN, "admin", "Default Admin") },
            Token {
                expires: Some(now + TimeDelta::days(10)),
                ..token(EXPIRING_TOKEN, "admin", "Default Admin")
            },
            Token {
                expires: Some(now - TimeDelta::days(1)),
                ..token(EXPIRED_TOKEN, "admin", "Default Admin")
            },
        ])
    }

    /// Finds whose request this is.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<&Token, Denied> {
        let presented = presented(headers).ok_or(Denied::Unknown)?;
        let (name, secret) = presented.split_once(':').ok_or(Denied::Unknown)?;
        let name = name.trim_start_matches("ext/");
        let token = self.0.iter().find(|token| token.name == name && token.secret == secret);
        let token = token.ok_or(Denied::Unknown)?;
        if token.expired() { Err(Denied::Expired(token.name)) } else { Ok(token) }
    }

    /// The tokens of a user, as `/v3/tokens` shows them to the bearer of `current`.
    pub(crate) fn resources(&self, current: &Token) -> Vec<Value> {
        let own = self.0.iter().filter(|token| token.user == current.user);
        own.map(|token| token.resource(token.name == current.name)).collect()
    }
}

impl Token {
    fn expired(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= Utc::now())
    }

    /// The user's id.
    pub(crate) fn user_id(&self) -> String {
        format!("user-{}", self.user)
    }

    /// Whether the bearer may use the Kubernetes API of a cluster at all.
    pub(crate) fn check_cluster(&self, cluster: &str) -> Result<(), Denied> {
        match &self.cluster {
            Some(own) if own != cluster => Err(Denied::Scoped(own.clone())),
            _ => Ok(()),
        }
    }

    /// Whether the bearer may use the management API.
    pub(crate) fn check_management(&self) -> Result<(), Denied> {
        self.cluster.as_ref().map_or(Ok(()), |own| Err(Denied::Scoped(own.clone())))
    }

    /// Whether the bearer may do this to objects of a kind, given by its plural.
    pub(crate) fn may(&self, verb: &str, plural: &str) -> bool {
        let readable = self.hidden != Some(plural);
        readable && (!self.read_only || matches!(verb, "get" | "list" | "watch"))
    }

    fn resource(&self, current: bool) -> Value {
        let expires = self.expires.map(|expires| expires.to_rfc3339_opts(SecondsFormat::Secs, true));
        json!({
            "type": "token", "id": self.name, "name": self.name, "userId": self.user_id(),
            "expiresAt": expires.unwrap_or_default(), "expired": self.expired(), "current": current,
            "enabled": true, "isDerived": true, "clusterId": self.cluster,
        })
    }
}

fn token(text: &'static str, user: &'static str, full_name: &'static str) -> Token {
    let (name, secret) = text.split_once(':').unwrap_or((text, ""));
    Token { name, secret, user, full_name, expires: None, cluster: None, read_only: false, hidden: None }
}

/// What stands behind `Bearer`, or inside `Basic`.
fn presented(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Some(value.trim().to_owned())
    } else if scheme.eq_ignore_ascii_case("basic") {
        String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()
    } else {
        None
    }
}
