//! A service of the server's own machine in full: its replicas, what keeps their limits, and what they write.

use std::time::Duration;

use domain::{
    id::ClusterId,
    limits::{LimitKept, LimitedBy},
    local_service::{LocalReplica, LocalService},
    output::OutputLine,
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::{
    api,
    components::{
        icon::{icon, lu},
        log::{Line, Log},
        problem::hint,
        tag::tag,
        time,
    },
    request::{answer, ready},
};

/// How often what processes do is asked for anew.
const AGAIN: Duration = Duration::from_secs(2);

/// Everything about a service that its row has no room for.
pub(crate) fn details(service: Memo<Option<LocalService>>) -> AnyView {
    let replicas = move || {
        let service = service.get()?;
        let problem = service.problem.clone().map(|words| hint("is-error", words));
        let rows = service.running.iter().map(row).collect_view();
        let none = service.running.is_empty().then(|| view! { <p class="muted p-3">"No replica runs."</p> });
        Some(
            view! {
                {problem}
                <div class="surface">
                    <div class="table-frame" tabindex="0" role="group" aria-label="Replicas">
                        <table class="data-table">
                            <thead>
                                <tr>
                                    <th scope="col">"Port"</th>
                                    <th scope="col">"Version"</th>
                                    <th scope="col">"State"</th>
                                    <th scope="col" class="num">"Restarts"</th>
                                    <th scope="col">"Limits"</th>
                                    <th scope="col">"Since"</th>
                                </tr>
                            </thead>
                            <tbody>{rows}</tbody>
                        </table>
                    </div>
                    {none}
                </div>
            }
            .erase(),
        )
    };
    replicas.into_any()
}

fn row(replica: &LocalReplica) -> AnyView {
    let (class, sign, word) = match (replica.ready, replica.pid) {
        (true, _) => ("is-success", lu::LuCircleCheck, "serves"),
        (false, Some(_)) => ("is-info", lu::LuLoader, "not ready"),
        (false, None) => ("is-warning", lu::LuTriangleAlert, "does not run"),
    };
    let why = replica.fault.clone().or_else(|| replica.last_exit.clone().filter(|_| !replica.ready));
    let limits = [("CPU", &replica.limits.cpu), ("memory", &replica.limits.memory)];
    let limits = limits.into_iter().filter_map(|(what, kept)| Some(limit(what, kept.as_ref()?)));
    view! {
        <tr>
            <th scope="row" class="mono">{replica.port}</th>
            <td>{tag(&version(&replica.image), &replica.image)}</td>
            <td class="wrap">
                <span class=format!("state {class}")>{icon(sign)} {word}</span>
                {why.map(|why| view! { <span class="muted block text-xs">{why}</span> })}
            </td>
            <td class="num">{replica.restarts}</td>
            <td class="wrap">{limits.collect_view()}</td>
            <td>{time::ago(replica.created_at)}</td>
        </tr>
    }
    .erase()
}

fn version(image: &str) -> String {
    domain::image::ImageRef::parse(image).version()
}

/// What keeps a limit, in words.
fn limit(what: &'static str, kept: &LimitKept) -> AnyView {
    let by = match &kept.by {
        LimitedBy::CgroupV2 | LimitedBy::CgroupV1 => "kept by a control group",
        LimitedBy::Rlimits => "kept for each process by itself",
        LimitedBy::Nothing => "not kept",
        LimitedBy::Unknown(word) => word,
    };
    let words = format!("{what}: {by}");
    view! { <span class="block text-xs" class:muted=kept.by != LimitedBy::Nothing title=kept.reason.clone()>{words}</span> }
        .erase()
}

/// A number that goes up every two seconds: processes of this machine make no events.
pub(crate) fn again() -> RwSignal<u32> {
    time::every(AGAIN, RwSignal::new(0))
}

/// What the replicas of a service write, as it comes.
#[component]
pub(crate) fn Output(
    /// The local cluster.
    cluster: ClusterId,
    /// The namespace and the service in it.
    place: (String, String),
) -> impl IntoView {
    let output = answer(
        move || place.clone(),
        again(),
        move |(namespace, name)| api::local_service::output(cluster, namespace, name),
    );
    let lines = Memo::new(move |_| numbered(ready(output).unwrap_or_default()));
    view! { <Transition fallback=|| ()>
        <Log title="Output" lines=Signal::derive(move || lines.get()) none="It has written nothing yet." />
    </Transition> }
    .erase()
}

/// Lines with numbers that stay theirs: by their time, and by their order among those of the same one.
fn numbered(lines: Vec<OutputLine>) -> Vec<Line> {
    let mut last = 0;
    let number = |line: OutputLine| {
        let at = line.at.and_then(|at| at.timestamp_nanos_opt()).unwrap_or_default();
        last = at.max(last + 1);
        Line { number: last, at: line.at, origin: line.port.to_string(), text: line.text }
    };
    lines.into_iter().map(number).collect()
}
