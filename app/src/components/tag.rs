//! Versions as people read them.

use leptos::prelude::*;

use crate::components::erased::Erase;

/// A version: monospaced, the full image on hover, and in full for a digest.
pub(crate) fn tag(version: &str, image: &str) -> AnyView {
    view! { <code class="mono tag" title=image.to_owned()>{version.to_owned()}</code> }.erase()
}
