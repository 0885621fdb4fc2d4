//! What rows of services and of the matrix share, written on the server only.

use chrono::{DateTime, Utc};
use domain::{
    id::ServiceId,
    image::ImageRef,
    service::{Container, ServiceStatus},
};

use crate::components::{
    html::{Html, html},
    status, time,
};

/// What runs: the version alone where there is one container, else each with its container's name.
pub(crate) fn versions(out: &mut Html, containers: &[Container]) {
    for container in containers {
        let image = ImageRef::parse(&container.image);
        let pulled = container.digest().filter(|_| image.digest.is_none());
        if containers.len() > 1 {
            html!(out, "<div class='one-of'><span class='muted'>{} </span>", container.name);
        }
        html!(out, "<code class='mono tag' title='{}", container.image);
        if let Some(digest) = pulled {
            html!(out, "\n{}", digest);
        }
        html!(out, "'>{}</code>", image.version());
        if containers.len() > 1 {
            html!(out, "</div>");
        }
    }
}

/// How a service is, as an icon with the words on hover and for screen readers.
pub(crate) fn mark(out: &mut Html, status: &ServiceStatus, why: &str) {
    let look = status::service(status);
    let sign = sign(status);
    html!(out, "<i class='mark mark-{} {}' role='img' title='{}: {}'></i>", sign, look.class, look.word, why);
}

/// How a service is, as an icon and a word.
pub(crate) fn state(out: &mut Html, status: &ServiceStatus) {
    let look = status::service(status);
    html!(
        out,
        "<span class='state {}'><i class='mark mark-{}'></i>{}</span>",
        look.class,
        sign(status),
        look.word
    );
}

fn sign(status: &ServiceStatus) -> &str {
    match status {
        ServiceStatus::Unknown(_) => ServiceStatus::Undetermined.as_str(),
        known => known.as_str(),
    }
}

/// That versions differ.
pub(crate) fn differs(out: &mut Html, words: &str) {
    html!(out, "<i class='mark mark-differs is-warning' role='img' title='{}'></i>", words);
}

/// That what is shown is old, and since when.
pub(crate) fn stale(out: &mut Html, since: DateTime<Utc>) {
    html!(out, "<span class='state is-warning text-xs'><i class='mark mark-unplugged'></i><span>as of ");
    ago(out, since);
    html!(out, "</span></span>");
}

/// A time: exactly, until the browser says how long ago it was.
pub(crate) fn ago(out: &mut Html, at: DateTime<Utc>) {
    html!(out, "<time datetime='{}'>{}</time>", time::machine(at), time::utc(at));
}

/// A checkbox that picks a row, or one of its cells; its value are the services.
pub(crate) fn tick(out: &mut Html, label: &str, services: impl IntoIterator<Item = ServiceId>) {
    html!(
        out,
        "<input type='checkbox' class='checkbox checkbox-xs tick' autocomplete='off' aria-label='{}' value='",
        label
    );
    for (n, service) in services.into_iter().enumerate() {
        html!(out, "{}{}", if n == 0 { "" } else { " " }, service);
    }
    html!(out, "'>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::icon::{Icon, lu};

    /// What the style sheet draws is the icon that stands beside the same word elsewhere.
    #[test]
    fn marks_are_the_icons_of_their_states() {
        let style = include_str!("../../../style/state.css");
        let drawn = |name: &str, icon: Icon| {
            let rule = style.split(".mark-").find(|rule| rule.starts_with(&format!("{name} {{"))).unwrap();
            let rule = rule.replace("%3C", "<").replace("%3E", ">").replace('\'', "\"");
            assert!(rule.contains(&icon.data.replace('\n', "").replace(" />", "/>")), "{name}");
        };
        for status in ServiceStatus::ALL {
            drawn(sign(status), status::service(status).icon);
        }
        drawn("differs", lu::LuDiff);
        drawn("unplugged", lu::LuUnplug);
    }
}
