//! Whole lists, read page by page.

use serde::de::DeserializeOwned;
use url::form_urlencoded::Serializer;

use crate::{Error, client::Client, objects::List};

/// Objects per page.
const PAGE: &str = "500";
/// How often a list is begun anew because its pages expired before the last was read.
const MAX_RESTARTS: u32 = 3;

/// A whole list and the version it shows.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    pub(crate) version: String,
}

/// A query, encoded.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Reads a whole list, each object as `read` gives it; `selector` narrows it by labels.
pub(crate) async fn list<Object: DeserializeOwned, T>(
    client: &Client,
    path: &str,
    selector: &str,
    read: impl Fn(Object) -> T,
) -> Result<Listed<T>, Error> {
    let mut restarts = 0;
    loop {
        match list_once(client, path, selector, &read).await {
            Err(Error::Expired(_)) if restarts < MAX_RESTARTS => restarts += 1,
            outcome => return outcome,
        }
    }
}

async fn list_once<Object: DeserializeOwned, T>(
    client: &Client,
    path: &str,
    selector: &str,
    read: impl Fn(Object) -> T,
) -> Result<Listed<T>, Error> {
    let mut listed = Listed { items: Vec::new(), version: String::new() };
    let mut next = String::new();
    loop {
        let mut pairs = vec![("limit", PAGE)];
        pairs.extend((!selector.is_empty()).then_some(("labelSelector", selector)));
        pairs.extend((!next.is_empty()).then_some(("continue", next.as_str())));
        let page: List<Object> = client.get(&format!("{path}?{}", query(&pairs))).await?;
        listed.items.extend(page.items.into_iter().map(&read));
        listed.version = page.metadata.resource_version;
        next = page.metadata.next;
        if next.is_empty() {
            return Ok(listed);
        }
    }
}
