//! Pages of lists.

use serde::{Deserialize, Serialize};

/// Rows a list shows in the browser when nothing else is asked for.
pub const DEFAULT_PAGE_SIZE: u32 = 50;
/// Rows the REST API answers at most, and when no page size is asked for.
pub const MAX_PAGE_SIZE: u32 = 1000;

/// One page of a list and the true total under the same filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// How many rows the filter matches over all pages.
    pub total: u64,
    /// This page's number, from 1.
    pub page: u32,
    /// Rows on a full page.
    pub page_size: u32,
}

impl<T> Page<T> {
    /// How many pages there are; at least 1.
    pub fn pages(&self) -> u32 {
        (self.total.div_ceil(u64::from(self.page_size.max(1)))).max(1) as u32
    }
}

/// Which page is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// From 1.
    pub page: u32,
    /// 1 to [`MAX_PAGE_SIZE`].
    pub page_size: u32,
}

impl Paging {
    /// Brings what was asked for into bounds.
    pub fn new(page: Option<u32>, page_size: Option<u32>, default_size: u32) -> Self {
        Self {
            page: page.unwrap_or(1).max(1),
            page_size: page_size.unwrap_or(default_size).clamp(1, MAX_PAGE_SIZE),
        }
    }

    /// Rows before this page.
    pub fn offset(&self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.page_size)
    }
}
