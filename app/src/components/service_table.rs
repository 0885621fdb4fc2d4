//! Services as a table.

use leptos::prelude::*;

use crate::components::{
    erased::Erase,
    pager::{sort_head, sort_head_if_wide},
    rows::Rows,
};

/// A page of services; `with_environment` adds the column that says where each belongs.
pub(crate) fn view(rows: Rows, written: Option<String>, with_environment: bool) -> AnyView {
    let head = view! {
        <th scope="col" class="w-8">{rows.tick_all()}</th>
        {sort_head("name", "Name")}
        {with_environment.then(|| sort_head("environment", "Environment"))}
        {sort_head("status", "Status")}
        {sort_head("tag", "Version")}
        <th scope="col" class="num">"Replicas"</th>
        {sort_head_if_wide("application", "Application")}
        {sort_head("namespace", "Namespace")}
        {sort_head("changed", "Changed")}
        {sort_head("synced", "Last synced")}
    };
    rows.table("Services", "services", head.erase(), written)
}
