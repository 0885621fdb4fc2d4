//! Versions as people read them.

use domain::{image::ImageRef, service::Container};
use leptos::prelude::*;

use crate::components::erased::Erase;

/// A version: monospaced, the full image on hover, and in full for a digest.
pub(crate) fn tag(version: &str, image: &str) -> AnyView {
    view! { <code class="mono tag" title=image.to_owned()>{version.to_owned()}</code> }.erase()
}

/// What a service's containers run: the version alone where there is one, else each with its name.
pub(crate) fn containers(containers: &[Container], fresh: bool) -> AnyView {
    let named = containers.len() > 1;
    containers
        .iter()
        .map(|container| {
            let image = ImageRef::parse(&container.image);
            let full = match container.digest() {
                Some(digest) if image.digest.is_none() => format!("{}\n{digest}", container.image),
                _ => container.image.clone(),
            };
            let name =
                named.then(|| view! { <span class="muted">{format!("{} ", container.name)}</span> }.erase());
            view! { <span class="block" class:fade-in=fresh>{name}{tag(&image.version(), &full)}</span> }
                .erase()
        })
        .collect_view()
        .into_any()
}
