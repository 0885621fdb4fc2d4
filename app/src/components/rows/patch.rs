//! Puts rows in the place of those that stand there. What has not changed is not touched, so that the focus, the
//! pointer and marked text stay where they are.

use std::collections::HashMap;

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// The elements below one that match.
pub(super) fn each(root: &Element, selector: &str) -> impl Iterator<Item = Element> + use<> {
    let found = root.query_selector_all(selector).ok();
    let count = found.as_ref().map_or(0, |found| found.length());
    (0..count).filter_map(move |n| found.as_ref()?.get(n)?.dyn_into().ok())
}

/// The elements right under one.
pub(super) fn children(of: &Element) -> impl Iterator<Item = Element> + use<> {
    let found = of.children();
    (0..found.length()).filter_map(move |n| found.item(n))
}

/// A row's key.
pub(super) fn key(row: &Element) -> String {
    row.get_attribute("data-key").unwrap_or_default()
}

/// Shows the rows of `fresh` in `body`.
pub(super) fn put(body: &Element, fresh: &Element) {
    let focus = Focus::held(body);
    let standing: Vec<Element> = children(body).collect();
    let by_key: HashMap<String, &Element> = standing.iter().map(|row| (key(row), row)).collect();
    let fading = body.query_selector(".fade-in").ok().flatten().is_some();
    let rows: Vec<Element> = children(fresh)
        .map(|row| match by_key.get(&key(&row)) {
            Some(old) => renewed(old, row, fading),
            None => row,
        })
        .collect();
    if rows != standing {
        body.replace_children_with_node(&rows.iter().collect());
    }
    if let Some(focus) = focus {
        focus.give_back(body);
    }
}

/// A row with the cells of a newer one; where they do not pair, the newer one.
fn renewed(old: &Element, new: Element, fading: bool) -> Element {
    let pairs: Vec<(Element, Element)> = children(old).zip(children(&new)).collect();
    if old.child_element_count() != new.child_element_count() {
        return new;
    }
    for (old, new) in pairs {
        let pairs = || each(&old, ".tag").zip(each(&new, ".tag"));
        let same = |(old, new): &(Element, Element)| old.text_content() == new.text_content();
        if fading {
            for (_, new) in pairs().filter(same).filter(|(old, _)| old.class_list().contains("fade-in")) {
                fade_in(&new);
            }
        }
        if !old.is_equal_node(Some(&new)) {
            for (_, new) in pairs().filter(|pair| !same(pair)) {
                fade_in(&new);
            }
            let _ = old.replace_with_with_node_1(&new);
        }
    }
    old.clone()
}

fn fade_in(tag: &Element) {
    let _ = tag.class_list().add_1("fade-in");
}

/// What has the focus in a table: an element of a row's cell.
struct Focus {
    row: String,
    cell: usize,
    tag: String,
}

impl Focus {
    fn held(body: &Element) -> Option<Self> {
        let element = document().active_element().filter(|element| body.contains(Some(element)))?;
        let cell = element.closest("td, th").ok()??;
        let row = cell.parent_element()?;
        let at = children(&row).position(|other| other == cell)?;
        Some(Self { row: key(&row), cell: at, tag: element.tag_name() })
    }

    /// If what had it is gone, what stands in its place gets it.
    fn give_back(self, body: &Element) {
        if document().active_element().is_some_and(|element| body.contains(Some(&element))) {
            return;
        }
        let Some(row) = children(body).find(|row| key(row) == self.row) else { return };
        let cell = children(&row).nth(self.cell);
        let element = cell.and_then(|cell| cell.query_selector(&self.tag).ok().flatten());
        if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            let _ = element.focus();
        }
    }
}
