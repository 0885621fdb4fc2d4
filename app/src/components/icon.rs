//! Icons: Lucide's, as decoration beside a word.

pub(crate) use icondata_core::Icon;
pub(crate) use icondata_lu as lu;
use leptos::{prelude::*, svg};

/// An icon the size of the text. Screen readers pass over it: what it means stands beside it as text.
pub(crate) fn icon(icon: Icon) -> AnyView {
    svg::svg()
        .attr("viewBox", "0 0 24 24")
        .attr("width", "16")
        .attr("height", "16")
        .attr("fill", "none")
        .attr("stroke", "currentColor")
        .attr("stroke-width", "2")
        .attr("stroke-linecap", "round")
        .attr("stroke-linejoin", "round")
        .attr("aria-hidden", "true")
        .attr("focusable", "false")
        .inner_html(icon.data)
        .into_any()
}
