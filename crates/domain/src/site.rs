//! Sites: connections to something that runs software.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{id::SiteId, secret::Secret};

wire_enum!(
    /// What a site is.
    SiteKind {
        /// A Rancher server with the clusters behind it.
        Rancher = "rancher",
        /// One Kubernetes API server.
        Kubernetes = "kubernetes",
        /// The machine that a server runs on: always there, never connected.
        Local = "local",
    }
);

wire_enum!(
    /// How one check of a connection ended.
    CheckStatus {
        /// Passed.
        Passed = "passed",
        /// Works, with a limitation worth knowing.
        Warning = "warning",
        /// Failed.
        Failed = "failed",
        /// Not tried, because an earlier one failed.
        Skipped = "skipped",
    }
);

/// A site as it is shown. The token is never part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// The site.
    pub id: SiteId,
    /// Unique display name.
    pub name: String,
    /// What it is.
    pub kind: SiteKind,
    /// The server's address; for a local site `local://` and the machine's name.
    pub url: String,
    /// PEM of the CA that signed the server's certificate, where it is no public one.
    pub ca_certificate: Option<String>,
    /// Whether it is watched and may be synced to.
    pub active: bool,
    /// The server's version, as of the last contact.
    pub server_version: Option<String>,
    /// Who the token belongs to, as of the last test.
    pub signed_in_as: Option<String>,
    /// When the token expires, where the server tells.
    pub token_expires_at: Option<DateTime<Utc>>,
    /// What is wrong with the connection now, if anything.
    pub problem: Option<String>,
    /// Clusters under management.
    pub managed_clusters: u64,
    /// Goes up by one with each edit; an edit carries the one it started from.
    pub version: i64,
    /// When it was connected.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// How long before a token ends its end is warned of.
const WARN: TimeDelta = TimeDelta::weeks(2);

/// How near the end of a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenEnd {
    /// It has ended.
    Past,
    /// Two weeks or less.
    Near,
    /// More.
    Far,
}

impl TokenEnd {
    /// Of a token that ends at a time.
    pub fn of(ends: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        match ends - now {
            left if left <= TimeDelta::zero() => Self::Past,
            left if left <= WARN => Self::Near,
            _ => Self::Far,
        }
    }
}

impl Site {
    /// One of which nothing is known yet but where it is.
    pub fn new(id: SiteId, name: String, kind: SiteKind, url: String) -> Self {
        let now = Utc::now();
        Self {
            id,
            name,
            kind,
            url,
            ca_certificate: None,
            active: true,
            server_version: None,
            signed_in_as: None,
            token_expires_at: None,
            problem: None,
            managed_clusters: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether anything can be found in it: a local site is there before anything is made in it.
    pub fn has_places(&self) -> bool {
        self.kind != SiteKind::Local || self.managed_clusters > 0
    }

    /// What a person should look after, if anything: a connection in trouble, a token near its end.
    pub fn trouble(&self, now: DateTime<Utc>) -> Option<String> {
        let name = &self.name;
        let end = self.token_expires_at.map(|ends| (TokenEnd::of(ends, now), ends.format("%Y-%m-%d")));
        match (&self.problem, end) {
            _ if !self.active => None,
            (_, Some((TokenEnd::Past, day))) => Some(format!("{name}: the token expired on {day}")),
            (Some(problem), _) => Some(format!("{name}: {problem}")),
            (None, Some((TokenEnd::Near, day))) => Some(format!("{name}: the token expires on {day}")),
            (None, _) => None,
        }
    }
}

/// Connects a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "name": "Our Rancher", "kind": "rancher", "url": "https://rancher.example.com", "token": "token-abcde:…"
})))]
#[serde(rename_all = "camelCase")]
pub struct NewSite {
    /// Unique display name.
    pub name: String,
    /// `rancher` if left out.
    #[serde(default = "rancher")]
    pub kind: SiteKind,
    /// The server's address, `https://…`.
    pub url: String,
    /// The API token; write-only.
    pub token: Secret,
    /// PEM of a private CA.
    #[serde(default)]
    pub ca_certificate: Option<String>,
}

fn rancher() -> SiteKind {
    SiteKind::Rancher
}

/// Edits a site. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({ "active": false, "version": 4 })))]
#[serde(rename_all = "camelCase")]
pub struct SiteEdit {
    /// A new display name.
    #[serde(default)]
    pub name: Option<String>,
    /// A new address.
    #[serde(default)]
    pub url: Option<String>,
    /// A new token, replacing the stored one.
    #[serde(default)]
    pub token: Option<Secret>,
    /// A new CA certificate; an empty text removes it.
    #[serde(default)]
    pub ca_certificate: Option<String>,
    /// Switches the site off or on.
    #[serde(default)]
    pub active: Option<bool>,
    /// The version this edit started from; without it the edit is not guarded.
    #[serde(default)]
    pub version: Option<i64>,
}

/// Every check of a connection, in the order in which they are made: its stable name, and what is checked.
pub const CHECKS: &[(&str, &str)] = &[
    ("address", "The address answers"),
    ("tls", "The connection is secure"),
    ("sign_in", "The token signs in"),
    ("version", "The server tells its version"),
    ("clusters", "Clusters are found"),
    ("list_workloads", "Workloads may be listed"),
    ("patch_workloads", "Workloads may be changed"),
    ("read_pods", "Pods may be read"),
];

/// One check of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Stable name: `address`, `tls`, `sign_in`, `version`, `clusters`, `list_workloads`, `patch_workloads` or
    /// `read_pods`.
    pub name: String,
    /// What is checked, for people.
    pub title: String,
    /// How it ended.
    pub status: CheckStatus,
    /// What was found, or what to do.
    pub message: String,
}

/// The outcome of testing a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SiteTest {
    /// No check failed.
    pub success: bool,
    /// The outcome in one sentence: the first failure's words, or that it works.
    pub message: String,
    /// Each check, in the order it was made.
    pub checks: Vec<Check>,
    /// The field of the request the first failure belongs to, if one: `url`, `token` or `caCertificate`.
    #[serde(default)]
    pub field: Option<String>,
    /// The server's version.
    #[serde(default)]
    pub server_version: Option<String>,
    /// Who the token belongs to.
    #[serde(default)]
    pub signed_in_as: Option<String>,
    /// When the token expires, where the server tells.
    #[serde(default)]
    pub token_expires_at: Option<DateTime<Utc>>,
}

impl SiteTest {
    /// Sums checks up.
    pub fn from_checks(checks: Vec<Check>) -> Self {
        let failed = checks.iter().find(|check| check.status == CheckStatus::Failed);
        let message = match failed {
            Some(check) => check.message.clone(),
            None => "Connection successful".to_owned(),
        };
        let field = failed.and_then(|check| match check.name.as_str() {
            "address" => Some("url"),
            "tls" => Some("caCertificate"),
            "sign_in" => Some("token"),
            _ => None,
        });
        Self {
            success: failed.is_none(),
            message,
            field: field.map(str::to_owned),
            checks,
            server_version: None,
            signed_in_as: None,
            token_expires_at: None,
        }
    }
}

/// The connection that is tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tested {
    /// One that is not stored.
    New(NewSite),
    /// A stored one; the outcome is remembered.
    Stored(SiteId),
}

/// What a test tells while it goes on: each check as it ends, and the outcome at last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TestProgress {
    /// A check has ended.
    Checked(Check),
    /// The test has ended.
    Ended(SiteTest),
}

/// What depends on a site, named before it is deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Dependents {
    /// App instances that would go, as `environment / name`.
    pub app_instances: Vec<String>,
    /// Observed services that would no longer be seen.
    pub services: u64,
    /// Deployments in progress; while there are any, deleting is refused.
    pub running_deployments: u64,
}

/// A kubeconfig taken apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KubeconfigParts {
    /// The context's name, a good name for the site.
    pub name: String,
    /// The server's address.
    pub url: String,
    /// The token.
    pub token: Secret,
    /// PEM of the server's CA.
    pub ca_certificate: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_near_two_weeks_ahead() {
        let now = Utc::now();
        assert_eq!(TokenEnd::of(now + TimeDelta::days(15), now), TokenEnd::Far);
        assert_eq!(TokenEnd::of(now + TimeDelta::days(14), now), TokenEnd::Near);
        assert_eq!(TokenEnd::of(now, now), TokenEnd::Past);
    }
}
