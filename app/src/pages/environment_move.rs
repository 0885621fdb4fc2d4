//! Choosing where an app instance of the server's own machine goes.

use domain::{app_instance::AppInstance, cluster::Cluster, deploy::DeployRequest, relocation::Relocation};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::{
    icon::{icon, lu},
    sync_flow::SyncFlow,
};

/// The clusters that an app instance could be moved to, of those made by Lockstep: the others of its machine.
pub(super) fn ways(instance: &AppInstance, local: &[Cluster]) -> Vec<Cluster> {
    let is_way =
        |found: &&Cluster| found.site_id == instance.rancher_site_id && found.id != instance.cluster_id;
    local.iter().filter(is_way).cloned().collect()
}

/// Asks for the cluster; what would happen is previewed then.
pub(super) fn form(instance: &AppInstance, ways: Vec<Cluster>, open: RwSignal<bool>) -> AnyView {
    let flow = expect_context::<SyncFlow>();
    let first = ways.iter().find(|way| !way.cordoned).or(ways.first());
    let chosen = RwSignal::new(first.map(|way| way.id.to_string()).unwrap_or_default());
    let (environment, app_instance_id) = (instance.environment_id, instance.id);
    let words = format!(
        "Every service of {} is copied to another cluster of this machine. Once all copies serve, they take over, and \
         what runs in {} is stopped. Front doors get new addresses.",
        instance.namespace, instance.cluster
    );
    let options = ways.into_iter().map(|cluster| {
        let state = if cluster.cordoned { " (cordoned)" } else { "" };
        let id = cluster.id.to_string();
        let of = id.clone();
        view! {
            <option value=id prop:selected=move || chosen.get() == of disabled=cluster.cordoned>
                {cluster.name + state}
            </option>
        }
    });
    let options = options.collect_view();
    let go = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        open.set(false);
        let relocation = Relocation { app_instance_id, cluster: chosen.get_untracked() };
        flow.deploy(DeployRequest::of_relocation(environment, relocation));
    };
    view! {
        <form class="contents" on:submit=go>
            <div class="dialog-body space-y-3">
                <p>{words}</p>
                <div class="field">
                    <label for="move-cluster">"To cluster"</label>
                    <select
                        id="move-cluster"
                        class="select w-full"
                        autofocus
                        on:change=move |event| chosen.set(event_target_value(&event))
                    >
                        {options}
                    </select>
                </div>
            </div>
            <div class="dialog-foot">
                <button type="button" class="btn" on:click=move |_| open.set(false)>"Cancel"</button>
                <button type="submit" class="btn btn-primary">{icon(lu::LuArrowRight)} "Preview the move"</button>
            </div>
        </form>
    }
    .erase()
}
