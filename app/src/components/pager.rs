//! Pages of lists, and links that keep the rest of the address as it is.

use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::components::erased::Erase;
use crate::components::icon::{icon, lu};

/// This page's address with some of its query changed; nothing removes a name.
pub(crate) fn with_query(query: &ParamsMap, changes: &[(&'static str, Option<String>)]) -> String {
    let mut query = query.clone();
    for (name, value) in changes {
        query.remove(name);
        if let Some(value) = value {
            query.insert(*name, value.clone());
        }
    }
    let text = query.to_query_string();
    if text.is_empty() { "?".to_owned() } else { text }
}

/// A number as it is read: `3,334`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something: `1 service`, `3,334 services`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// Which rows of how many (the noun is one of them), and links to the pages before and after.
pub(crate) fn pager(total: u64, page: u32, page_size: u32, noun: &'static str) -> AnyView {
    let query = use_query_map();
    let pages = total.div_ceil(u64::from(page_size.max(1))).max(1) as u32;
    let first = u64::from(page.saturating_sub(1)) * u64::from(page_size) + 1;
    let last = (first + u64::from(page_size) - 1).min(total);
    let words = match total {
        0 => format!("No {noun}s"),
        1 => format!("1 {noun}"),
        _ if pages == 1 => format!("{} {noun}s", count(total)),
        _ => format!("{}–{} of {} {noun}s", count(first), count(last), count(total)),
    };
    let step = move |to: u32, label: &'static str, sign, open: bool| {
        if open {
            let page = (to > 1).then(|| to.to_string());
            let href = query.with_untracked(|query| with_query(query, &[("page", page)]));
            view! {
                <a class="btn btn-ghost btn-sm" href=href aria-label=label data-noscroll="">
                    {icon(sign)}
                </a>
            }
            .erase()
        } else {
            view! {
                <span class="btn btn-ghost btn-sm btn-disabled" aria-hidden="true">{icon(sign)}</span>
            }
            .erase()
        }
    };
    view! {
        <nav class="pager" aria-label="Pages">
            <span>{words}</span>
            {(pages > 1)
                .then(|| {
                    view! {
                        <span class="flex items-center gap-1">
                            {step(page.saturating_sub(1), "Previous page", lu::LuChevronLeft, page > 1)}
                            <span>{format!("Page {} of {}", count(page.into()), count(pages.into()))}</span>
                            {step(page + 1, "Next page", lu::LuChevronRight, page < pages)}
                        </span>
                    }
                    .erase()
                })}
        </nav>
    }
    .erase()
}

/// A column's head that sorts by it: a link, and `aria-sort` for those who cannot see the arrow.
///
/// Like the pager it belongs to one answer, and is drawn anew with the next.
pub(crate) fn sort_head(word: &'static str, label: &'static str) -> AnyView {
    head_cell((), "", word, label)
}

/// Like [`sort_head`], for a column that is left out where there is little room.
pub(crate) fn sort_head_if_wide(word: &'static str, label: &'static str) -> AnyView {
    head_cell((), "if-wide", word, label)
}

/// Like [`sort_head`], with something before its words.
pub(crate) fn sort_head_after(before: impl IntoAny, word: &'static str, label: &'static str) -> AnyView {
    head_cell(before, "", word, label)
}

fn head_cell(before: impl IntoAny, class: &'static str, word: &'static str, label: &'static str) -> AnyView {
    let query = use_query_map().get_untracked();
    let sort = query.get("sort").unwrap_or_default();
    let (aria, sign, next) = match sort.strip_prefix('-') {
        Some(rest) if rest == word => ("descending", lu::LuArrowDown, word.to_owned()),
        None if sort == word => ("ascending", lu::LuArrowUp, format!("-{word}")),
        _ => ("none", lu::LuChevronsUpDown, word.to_owned()),
    };
    let href = with_query(&query, &[("sort", Some(next)), ("page", None)]);
    view! {
        <th scope="col" class=class aria-sort=aria>
            {before.into_any()}
            <a href=href data-noscroll="">
                {label}
                {icon(sign)}
            </a>
        </th>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let read: Vec<String> = [0, 84, 999, 1_000, 12_345, 100_000, 1_234_567].map(count).into();
        assert_eq!(read, ["0", "84", "999", "1,000", "12,345", "100,000", "1,234,567"]);
    }
}
