//! Services as a table.

use domain::{environment::Environment, service::Service};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::{
    env,
    icon::{icon, lu},
    pager::{sort_head, sort_head_if_wide},
    selection::{Pick, PickCell, Selection, tick, tick_all},
    status, tag, time,
};

/// A page of services; `with_environment` adds the column that says where each belongs.
pub(crate) fn view(
    services: &[Service],
    environments: &[Environment],
    selection: Selection,
    with_environment: bool,
) -> AnyView {
    let rows = services
        .iter()
        .map(|service| {
            let environment = environments.iter().find(|one| one.id == service.environment_id);
            row(service, environment.filter(|_| with_environment), with_environment, selection)
        })
        .collect_view();
    let picks = services.iter().map(|service| (service.id.to_string(), pick(service)));
    view! {
        <div class="table-frame" tabindex="0" role="group" aria-label="Services">
            <table class="data-table">
                <thead>
                    <tr>
                        <th scope="col" class="w-8">{tick_all(selection, picks.collect())}</th>
                        {sort_head("name", "Name")}
                        {with_environment.then(|| sort_head("environment", "Environment"))}
                        {sort_head("status", "Status")}
                        {sort_head("tag", "Version")}
                        <th scope="col" class="num">"Replicas"</th>
                        {sort_head_if_wide("application", "Application")}
                        {sort_head("namespace", "Namespace")}
                        {sort_head("changed", "Changed")}
                        {sort_head("synced", "Last synced")}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .erase()
}

fn pick(service: &Service) -> Pick {
    let cell = PickCell { environment: service.environment_id, services: vec![service.id], differs: false };
    Pick { cells: vec![cell], from: Some(service.environment_id) }
}

fn row(
    service: &Service,
    environment: Option<&Environment>,
    with_environment: bool,
    selection: Selection,
) -> AnyView {
    let key = service.id.to_string();
    let (picked, of_row, from) = (pick(service), key.clone(), Some(service.environment_id));
    let look = status::service(&service.status);
    let reason = service.reason.clone();
    let on_hover = reason.clone();
    let place = format!("{}, application {}", service.cluster, service.application);
    let manager = service.manager.as_ref().map(|manager| {
        view! { <span class="badge badge-sm" title="Another tool owns it">{manager.label().to_owned()}</span> }
    });
    let out_of_step = service.out_of_step.then(|| {
        view! {
            <span class="state is-warning" title="Out of step">
                {icon(lu::LuDiff)} <span class="sr-only">"out of step"</span>
            </span>
        }
    });
    let stale = service.stale_since.map(|since| {
        view! { <span class="state is-warning text-xs">{icon(lu::LuUnplug)} <span>"as of " {time::ago(since)}</span></span> }
    });
    view! {
        <tr aria-selected=move || selection.has(&of_row, from).then_some("true")>
            <td>
                {tick(selection, key, picked, format!("Select {}", service.name))}
            </td>
            <th scope="row">
                <span class="flex items-center gap-2">
                    <span class="truncate-cell" title=service.name.clone()>{service.name.clone()}</span>
                    <span class="muted text-xs font-normal">{service.workload_type.to_string()}</span>
                    {manager}
                </span>
            </th>
            {with_environment
                .then(|| view! { <td>{environment.map(|environment| env::chip(&environment.name, &environment.color))}</td> })}
            <td>
                <span class="flex items-center gap-2" title=on_hover>
                    {look.view()} {stale}
                </span>
                {reason.map(|reason| view! { <span class="reason muted text-xs">{reason}</span> })}
            </td>
            <td>
                <span class="flex items-center gap-2">
                    <span>{tag::containers(&service.containers, false)}</span> {out_of_step}
                </span>
            </td>
            <td class="num">{format!("{}/{}", service.available_replicas, service.replicas)}</td>
            <td class="if-wide">{service.application.clone()}</td>
            <td title=place>{service.namespace.clone()}</td>
            <td>{time::ago(service.last_changed)}</td>
            <td>{time::ago_or(service.last_synced, "never")}</td>
        </tr>
    }
    .erase()
}
