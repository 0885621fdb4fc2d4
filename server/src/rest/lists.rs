//! Lists on the wire: an array, with `X-Total-Count` and `Link` (RFC 8288) headers.

use axum::{
    Json,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use domain::list::{MAX_PAGE_SIZE, Page, Paging};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header, request::Parts};
use serde::{Deserialize, Serialize};

use crate::problem::{ProblemResponse, Query};

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");

/// A page as an array with its headers.
pub(crate) fn page<T: Serialize>(uri: &Uri, page: Page<T>) -> Response {
    let headers = headers(uri, page.total, page.page, page.pages());
    (headers, Json(page.items)).into_response()
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageQuery {
    /// From 1.
    #[serde(default)]
    pub(crate) page: Option<u32>,
    /// Rows on a page, 1,000 at most and if left out.
    #[serde(default)]
    pub(crate) page_size: Option<u32>,
}

impl PageQuery {
    /// As it is answered.
    pub(crate) fn paging(self) -> Paging {
        Paging::new(self.page, self.page_size, MAX_PAGE_SIZE)
    }
}

/// A request for a list that is read as a whole, and answered in pages.
pub(crate) struct Listing {
    uri: Uri,
    paging: Paging,
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Query(query) = Query::<PageQuery>::from_request_parts(parts, state).await?;
        Ok(Self { uri: parts.uri.clone(), paging: query.paging() })
    }
}

impl Listing {
    /// The page that was asked for.
    pub(crate) fn answer<T: Serialize>(&self, all: Vec<T>) -> Response {
        let (total, Paging { page: number, page_size }) = (all.len() as u64, self.paging);
        let items = all.into_iter().skip(self.paging.offset() as usize).take(page_size as usize);
        page(&self.uri, Page { items: items.collect(), total, page: number, page_size })
    }
}

/// The headers of one page of a list.
pub(crate) fn headers(uri: &Uri, total: u64, page: u32, pages: u32) -> HeaderMap {
    let mut links = vec![("first", 1), ("last", pages)];
    if page > 1 {
        links.push(("prev", page - 1));
    }
    if page < pages {
        links.push(("next", page + 1));
    }
    let links: Vec<String> =
        links.iter().map(|(rel, page)| format!("<{}>; rel=\"{rel}\"", at_page(uri, *page))).collect();
    let mut headers = HeaderMap::from_iter([(TOTAL, HeaderValue::from(total))]);
    if let Ok(value) = HeaderValue::from_str(&links.join(", ")) {
        headers.insert(header::LINK, value);
    }
    headers
}

fn at_page(uri: &Uri, page: u32) -> String {
    let others = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("page="));
    let query: Vec<&str> = others.collect();
    let separator = if query.is_empty() { "" } else { "&" };
    format!("{}?{}{separator}page={page}", uri.path(), query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_the_filter() {
        let uri: Uri = "/api/services?q=a%20b&page=2&pageSize=10".parse().unwrap();
        let headers = headers(&uri, 25, 2, 3);
        let links = headers[header::LINK].to_str().unwrap();
        assert!(links.contains("</api/services?q=a%20b&pageSize=10&page=3>; rel=\"next\""), "{links}");
        assert!(links.contains("page=1>; rel=\"prev\""), "{links}");
        assert_eq!(headers[TOTAL], "25");
    }
}
