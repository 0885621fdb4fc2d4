//! Rows of services as HTML, written on the server only.

use domain::{environment::Environment, service::Service};

use crate::components::{
    env,
    html::{Html, html},
    row_parts::{ago, differs, stale, state, tick, versions},
};

/// A page's rows; with `environments` the cell that says to which of them each belongs.
pub(crate) fn write(services: &[Service], environments: Option<&[Environment]>) -> String {
    let mut out = Html::default();
    for service in services {
        line(&mut out, service, environments);
    }
    out.into_string()
}

fn line(out: &mut Html, service: &Service, environments: Option<&[Environment]>) {
    html!(out, "<tr data-key='{}' data-env='{}'><td>", service.id, service.environment_id);
    tick(out, &format!("Select {}", service.name), [service.id]);
    html!(out, "</td><th scope='row'><span class='name' title='{}'>{}</span>", service.name, service.name);
    html!(out, "<span class='muted kind'>{}</span>", service.workload_type);
    if let Some(manager) = &service.manager {
        html!(out, "<span class='badge badge-sm' title='Another tool owns it'>{}</span>", manager.label());
    }
    html!(out, "</th>");
    if let Some(environments) = environments {
        html!(out, "<td>");
        if let Some(one) = environments.iter().find(|one| one.id == service.environment_id) {
            html!(out, "<span class='env-chip' style='{}'>{}</span>", env::style(&one.color), one.name);
        }
        html!(out, "</td>");
    }
    how_it_is(out, service);
    html!(out, "<td>");
    versions(out, &service.containers);
    if service.out_of_step {
        differs(out, "Out of step");
    }
    html!(out, "</td><td class='num'>{}/{}</td>", service.available_replicas, service.replicas);
    html!(out, "<td class='if-wide'>{}</td>", service.application);
    let place = format!("{}, application {}", service.cluster, service.application);
    html!(out, "<td title='{}'>{}</td><td>", place, service.namespace);
    ago(out, service.last_changed);
    html!(out, "</td><td>");
    match service.last_synced {
        Some(at) => ago(out, at),
        None => html!(out, "<span class='muted'>never</span>"),
    }
    html!(out, "</td></tr>");
}

fn how_it_is(out: &mut Html, service: &Service) {
    let reason = service.reason.as_deref().unwrap_or_default();
    html!(out, "<td title='{}'>", reason);
    state(out, &service.status);
    if let Some(since) = service.stale_since {
        stale(out, since);
    }
    if !reason.is_empty() {
        html!(out, "<span class='reason muted text-xs'>{}</span>", reason);
    }
    html!(out, "</td>");
}
