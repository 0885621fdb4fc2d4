//! The checks of a connection, one after the other; after a failure the rest is skipped.

use chrono::{DateTime, Utc};
use domain::{
    cluster::ClusterState,
    site::{CHECKS, Check, CheckStatus, SiteTest},
};
use futures::future::try_join_all;
use http::Method;
use serde::de::IgnoredAny;

use crate::{Error, FoundCluster, Told, access, client::Client, resource::PODS, sign_in::SignedIn};

/// The checks made so far and what they found.
pub(crate) struct Checks<'a> {
    told: Told<'a>,
    made: Vec<Check>,
    server_version: Option<String>,
    signed_in_as: Option<String>,
    token_expires_at: Option<DateTime<Utc>>,
}

impl<'a> Checks<'a> {
    /// None made yet; each is told when it ends.
    pub(crate) fn begin(told: Told<'a>) -> Self {
        Self { told, made: Vec::new(), server_version: None, signed_in_as: None, token_expires_at: None }
    }

    /// The next check passed.
    pub(crate) fn passed(&mut self, name: &str, message: &str) {
        self.record(name, CheckStatus::Passed, message);
    }

    /// Address and TLS, by asking for `path`; `absent` says what is wrong where that is not served. `None` if one
    /// failed.
    pub(crate) async fn connection(&mut self, client: &Client, path: &str, absent: &str) -> Option<()> {
        let asked = client.call(Method::GET, path, None).await;
        match asked.and_then(|answer| answer.json::<IgnoredAny>()) {
            Err(Error::Tls(words)) => {
                self.passed("address", &format!("{} answers.", client.host()));
                self.record("tls", CheckStatus::Failed, &words);
                return None;
            }
            Err(Error::NotFound(_)) => {
                self.record("address", CheckStatus::Failed, absent);
                return None;
            }
            Err(error @ (Error::Address(_) | Error::Answer(_) | Error::Unavailable { .. })) => {
                self.record("address", CheckStatus::Failed, &error.to_string());
                return None;
            }
            // Whatever else is wrong is for a later check to say: something answered.
            Ok(_) | Err(_) => self.passed("address", &format!("{} answers.", client.host())),
        }
        match (client.is_secure(), client.is_loopback()) {
            (true, _) => self.passed("tls", "The connection is encrypted and the certificate is trusted."),
            (false, true) => self.passed("tls", "Not encrypted, and it does not leave this machine."),
            (false, false) => {
                let words =
                    "The connection is not encrypted: anyone on the way can read the token. Give https://.";
                self.record("tls", CheckStatus::Warning, words);
            }
        }
        Some(())
    }

    /// The sign-in. `None` if it failed.
    pub(crate) fn signed_in(&mut self, outcome: Result<SignedIn, Error>) -> Option<()> {
        let signed_in = self.unless_failed("sign_in", outcome)?;
        let name = signed_in.name.as_deref().map(|name| format!(" as {name}")).unwrap_or_default();
        let until =
            signed_in.expires_at.map(|at| format!(" The token is good until {}.", at.format("%Y-%m-%d")));
        self.passed("sign_in", &format!("Signed in{name}.{}", until.unwrap_or_default()));
        self.signed_in_as = signed_in.name;
        self.token_expires_at = signed_in.expires_at;
        Some(())
    }

    /// The server's version. `None` if it failed.
    pub(crate) fn version(&mut self, server: &str, outcome: Result<String, Error>) -> Option<()> {
        let version = self.unless_failed("version", outcome)?;
        self.passed("version", &format!("{server} {version}."));
        self.server_version = Some(version);
        Some(())
    }

    /// The clusters of a site; gives the first that can be reached. `None` if it failed or there is none.
    pub(crate) fn clusters(&mut self, outcome: Result<Vec<FoundCluster>, Error>) -> Option<FoundCluster> {
        let clusters = self.unless_failed("clusters", outcome)?;
        let (active, unavailable): (Vec<_>, Vec<_>) =
            clusters.into_iter().partition(|cluster| cluster.state == ClusterState::Active);
        let found = active.len() + unavailable.len();
        match unavailable.is_empty() {
            _ if found == 0 => {
                self.record("clusters", CheckStatus::Warning, "The token sees no cluster.");
            }
            true => self.passed("clusters", &format!("{found} found.")),
            false => {
                let names: Vec<&str> = unavailable.iter().map(|cluster| cluster.name.as_str()).collect();
                let words = format!("{found} found, {} unavailable: {}.", names.len(), names.join(", "));
                self.record("clusters", CheckStatus::Warning, &words);
            }
        }
        active.into_iter().next()
    }

    /// What the token may do in all namespaces of a cluster. Lacking a right limits a site and does not fail it.
    pub(crate) async fn rights(&mut self, client: &Client) {
        let may_all = async |verb| {
            let questions = access::workload_resources().into_iter().map(|it| access::may(client, verb, it));
            Ok(try_join_all(questions).await?.into_iter().all(|allowed| allowed))
        };
        let may_list = may_all("list").await;
        self.right("list_workloads", may_list, "Workloads of all namespaces may be listed.", LIST_DENIED);
        let may_patch = may_all("patch").await;
        self.right("patch_workloads", may_patch, "Workloads of all namespaces may be changed.", PATCH_DENIED);
        let may_read = access::may(client, "list", PODS).await;
        self.right("read_pods", may_read, "Pods of all namespaces may be read.", PODS_DENIED);
    }

    fn right(&mut self, name: &str, outcome: Result<bool, Error>, yes: &str, no: &str) {
        match outcome {
            Ok(true) => self.passed(name, yes),
            Ok(false) => self.record(name, CheckStatus::Warning, no),
            Err(error) => {
                self.record(name, CheckStatus::Warning, &format!("This could not be asked: {error}"))
            }
        }
    }

    fn unless_failed<T>(&mut self, name: &str, outcome: Result<T, Error>) -> Option<T> {
        match outcome {
            Ok(found) => Some(found),
            Err(error) => {
                self.record(name, CheckStatus::Failed, &error.to_string());
                None
            }
        }
    }

    fn record(&mut self, name: &str, status: CheckStatus, message: &str) {
        let title = CHECKS.iter().find(|(known, _)| *known == name).map_or(name, |(_, title)| title);
        let (name, title, message) = (name.to_owned(), title.to_owned(), message.to_owned());
        let check = Check { name, title, status, message };
        (self.told)(&check);
        self.made.push(check);
    }

    /// The outcome, with the checks that were not made as skipped.
    pub(crate) fn finish(mut self) -> SiteTest {
        let failed = self.made.iter().any(|check| check.status == CheckStatus::Failed);
        let why = if failed {
            "Not tried, because an earlier check failed."
        } else {
            "Not tried: no cluster answers."
        };
        for (name, _) in &CHECKS[self.made.len()..] {
            self.record(name, CheckStatus::Skipped, why);
        }
        SiteTest {
            server_version: self.server_version,
            signed_in_as: self.signed_in_as,
            token_expires_at: self.token_expires_at,
            ..SiteTest::from_checks(self.made)
        }
    }
}

/// The outcome for a connection that is not even tried, by what is wrong with it.
pub(crate) fn refused(error: &Error, told: Told<'_>) -> SiteTest {
    let mut checks = Checks::begin(told);
    let words = error.to_string();
    match error {
        Error::SignIn(_) => {
            let untried = "Not tried, because the token cannot be sent.";
            checks.record("address", CheckStatus::Skipped, untried);
            checks.record("tls", CheckStatus::Skipped, untried);
            checks.record("sign_in", CheckStatus::Failed, &words);
        }
        Error::Tls(_) => {
            checks.record(
                "address",
                CheckStatus::Skipped,
                "Not tried, because the CA certificate cannot be used.",
            );
            checks.record("tls", CheckStatus::Failed, &words);
        }
        _ => checks.record("address", CheckStatus::Failed, &words),
    }
    checks.finish()
}

const LIST_DENIED: &str = "The token may not list workloads of all kinds in all namespaces. It works for the namespaces \
                           that it may list them in: name them when you bind them.";
const PATCH_DENIED: &str = "The token can look and not change, at least not in all namespaces: where it may not, syncs will be refused.";
const PODS_DENIED: &str = "The token may not read pods in all namespaces: where it may not, the reason of a failed rollout \
                           and the running digests are not shown.";
