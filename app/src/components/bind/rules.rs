//! Choosing many namespaces at once: a pattern per environment, over all managed clusters.

use domain::{cluster::Cluster, environment::Environment, id::EnvironmentId, pattern};
use leptos::{prelude::*, task::spawn_local};

use super::draft::{Draft, Drafts};
use crate::components::erased::Erase;
use crate::{
    api,
    components::{env, problem::hint},
};

/// The pattern that an environment's name suggests.
fn suggested(name: &str) -> String {
    let name = name.to_lowercase();
    let stages = [("dev", "*-dev"), ("test", "*-test"), ("stag", "*-staging"), ("prod", "*-prod")];
    let known =
        stages.iter().find(|(start, _)| name.starts_with(start)).map(|(_, pattern)| (*pattern).to_owned());
    known.unwrap_or_else(|| format!("*-{}", name.replace(' ', "-")))
}

/// Patterns, and what they match.
#[component]
pub(crate) fn Rules(
    /// The environments, from left to right.
    environments: Vec<Environment>,
    /// The managed clusters.
    clusters: Vec<Cluster>,
    /// What has been chosen.
    drafts: Drafts,
    /// Called when the namespaces have been found.
    found: Callback<()>,
) -> impl IntoView {
    let rules: Vec<(EnvironmentId, RwSignal<String>)> =
        environments.iter().map(|one| (one.id, RwSignal::new(suggested(&one.name)))).collect();
    let busy = RwSignal::new(None::<String>);
    let troubles = RwSignal::new(Vec::<String>::new());
    let fields = environments.iter().zip(&rules).map(|(environment, (_, rule))| {
        let rule = *rule;
        view! {
            <tr>
                <th scope="row">{env::chip(&environment.name, &environment.color)}</th>
                <td>
                    <input
                        class="input input-sm mono w-64"
                        aria-label=format!("Pattern for {}", environment.name)
                        prop:value=move || rule.get()
                        on:input=move |event| rule.set(event_target_value(&event))
                    />
                </td>
            </tr>
        }
    });
    let fields = fields.collect_view();
    let look = move || {
        let rules: Vec<(EnvironmentId, String)> =
            rules.iter().map(|(id, rule)| (*id, rule.get_untracked().trim().to_owned())).collect();
        let clusters = clusters.clone();
        troubles.set(Vec::new());
        spawn_local(async move {
            let (mut matched, mut bound) = (0_usize, 0_usize);
            for cluster in clusters {
                busy.set(Some(format!("Asking {}…", cluster.name)));
                match api::cluster::namespaces(cluster.site_id, cluster.id.to_string()).await {
                    Ok(namespaces) => {
                        for namespace in namespaces {
                            let fits = |(_, rule): &&(EnvironmentId, String)| {
                                !rule.is_empty() && pattern::matches(rule, &namespace.name)
                            };
                            // One namespace is in one environment: the first pattern that fits decides.
                            let Some((environment, _)) = rules.iter().find(fits) else { continue };
                            if namespace.environment.is_some() {
                                bound += 1;
                                continue;
                            }
                            matched += 1;
                            let draft = Draft::new(&cluster, &namespace, *environment);
                            drafts.update(|drafts| {
                                drafts.insert(draft.key(), draft);
                            });
                        }
                    }
                    Err(error) => {
                        troubles.update(|troubles| troubles.push(format!("{}: {error}", cluster.name)))
                    }
                }
            }
            busy.set(None);
            if matched == 0 {
                troubles.update(|troubles| {
                    troubles
                        .push(format!("No unbound namespace matches; {bound} that match are bound already."));
                });
            } else if troubles.try_with_untracked(Vec::is_empty) == Some(true) {
                found.try_run(());
            }
        });
    };
    view! {
        <p class="muted">
            "Each namespace whose name matches is bound to the environment beside it. "
            <code class="mono">"*"</code>" stands for anything, "<code class="mono">"?"</code>
            " for one character. The first pattern that matches decides."
        </p>
        <div class="table-frame">
            <table class="data-table">
                <thead>
                    <tr><th scope="col">"Environment"</th><th scope="col">"Namespaces"</th></tr>
                </thead>
                <tbody>{fields}</tbody>
            </table>
        </div>
        <button
            type="button"
            class="btn btn-sm"
            disabled=move || busy.with(Option::is_some)
            on:click=move |_| look()
        >
            {move || busy.get().unwrap_or_else(|| "Find namespaces".to_owned())}
        </button>
        {move || troubles.get().into_iter().map(|words| hint("is-warning", words)).collect_view()}
    }
    .erase()
}
