//! Who a token belongs to, and until when.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Error, access,
    client::{Client, segment},
    resource::PODS,
};

/// The versions of the API that tells who one is: from Kubernetes 1.28, 1.27 and 1.26 on.
const SELF_REVIEWS: &[&str] = &["v1", "v1beta1", "v1alpha1"];

/// A sign-in that worked.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SignedIn {
    /// Who the token belongs to, where that can be told.
    pub(crate) name: Option<String>,
    /// When the token expires, where that can be told.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Users {
    data: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    username: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    #[serde(default)]
    expired: bool,
    #[serde(default)]
    expires_at: Option<String>,
}

#[derive(Deserialize)]
struct SelfReview {
    status: SelfReviewStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SelfReviewStatus {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    username: String,
}

/// The part of a JSON web token that is read.
#[derive(Default, Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<i64>,
}

/// Signs in to Rancher.
pub(crate) async fn to_rancher(client: &Client, token_name: &str) -> Result<SignedIn, Error> {
    let users: Users = client.get("/v3/users?me=true").await?;
    let user = users.data.into_iter().next();
    let name = user.map(|user| {
        [user.name, user.username].into_iter().flatten().find(|it| !it.is_empty()).unwrap_or(user.id)
    });
    // A token may be kept from reading itself: then its end stays unknown.
    let token = match segment(token_name) {
        Ok(token_name) => client.get::<Token>(&format!("/v3/tokens/{token_name}")).await.ok(),
        Err(_) => None,
    };
    let expires_at = token.as_ref().and_then(|token| token.expires_at.as_deref()).and_then(time);
    match token.is_some_and(|token| token.expired) {
        true => Err(Error::SignIn(expired(expires_at))),
        false => Ok(SignedIn { name, expires_at }),
    }
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

fn expired(at: Option<DateTime<Utc>>) -> String {
    let when = at.map(|at| format!(" on {}", at.format("%Y-%m-%d at %H:%M UTC"))).unwrap_or_default();
    format!("The token expired{when}: make a new one and give it here.")
}

/// Signs in to a Kubernetes API server.
pub(crate) async fn to_kubernetes(client: &Client, token: &str) -> Result<SignedIn, Error> {
    let claims = claims(token);
    let expires_at = claims.exp.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let reviewed = match self_review(client).await {
        Err(Error::SignIn(_)) if expires_at.is_some_and(|at| at <= Utc::now()) => {
            return Err(Error::SignIn(expired(expires_at)));
        }
        outcome => outcome?,
    };
    Ok(SignedIn { name: reviewed.or(claims.sub), expires_at })
}

/// The name as the server tells it; `None` where it is too old to, and the token is good.
async fn self_review(client: &Client) -> Result<Option<String>, Error> {
    for version in SELF_REVIEWS {
        let group = format!("authentication.k8s.io/{version}");
        let question = json!({"apiVersion": group, "kind": "SelfSubjectReview"});
        match client.ask::<SelfReview>(&format!("/apis/{group}/selfsubjectreviews"), &question).await {
            Ok(review) => return Ok(Some(review.status.user_info.username)),
            Err(Error::NotFound(_) | Error::Forbidden(_)) => {}
            Err(error) => return Err(error),
        }
    }
    access::may(client, "list", PODS).await.map(|_| None)
}

/// What a JSON web token says; nothing for any other token. It is only shown: the server decides.
fn claims(token: &str) -> Claims {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    payload.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_token_tells_whose_it_is_and_until_when() {
        let payload =
            URL_SAFE_NO_PAD.encode(r#"{"sub":"system:serviceaccount:ops:lockstep","exp":1893456000}"#);
        let claims = claims(&format!("head.{payload}.signature"));
        assert_eq!(claims.sub.as_deref(), Some("system:serviceaccount:ops:lockstep"));
        assert_eq!(claims.exp, Some(1_893_456_000));
        assert_eq!(super::claims("token-abc:secret").sub, None);
        assert_eq!(super::claims("a.b.c").sub, None);
    }

    #[test]
    fn an_expired_token_says_since_when() {
        let words = expired(time("2026-01-31T12:30:00Z"));
        assert!(words.contains("2026-01-31 at 12:30 UTC"), "{words}");
    }
}
