//! One service's part of a deployment.

use domain::deployment::{Task, TaskPod, TaskStatus};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::{
    icon::{icon, lu},
    status,
    tag::tag,
    variable_list,
};

/// How much of a task is done, of a hundred: while it rolls, by the replicas that serve what it brings.
fn done(status: &TaskStatus, replicas: i32, pods: &[TaskPod]) -> i32 {
    let rolled = |new: bool| {
        let there = pods.iter().filter(|pod| pod.new == new && pod.ready && !pod.deleting).count() as i32;
        if replicas > 0 { 15 + 80 * there.min(replicas) / replicas } else { 50 }
    };
    match status {
        TaskStatus::Pending => 0,
        TaskStatus::Applying | TaskStatus::PuttingBack => 10,
        TaskStatus::RollingOut => rolled(true),
        TaskStatus::RollingBack => rolled(false),
        _ => 100,
    }
}

/// A task: its versions, bar, words and pods.
pub(crate) fn view(task: &Task, pods: RwSignal<Vec<TaskPod>>) -> AnyView {
    let look = status::task(&task.status);
    let in_flight = task.status.in_flight();
    let changes = task.containers.iter().filter(|change| change.moves()).map(|change| {
        view! {
            <span class="inline-flex items-center gap-1">
                {tag(&change.from_version, &change.from)} {icon(lu::LuArrowRight)}
                <span class="sr-only">"to"</span> {tag(&change.to_version, &change.to)}
            </span>
        }
    });
    let changes = changes.collect_view();
    let words = match &task.error {
        Some(error) => error.clone(),
        None => task.words.clone(),
    };
    let facts = [
        task.original.as_ref().map(|original| format!("moves from {}", original.cluster)),
        task.scale.map(|scale| format!("{} replicas become {}", scale.from, scale.to)),
        (in_flight && task.replicas > 0)
            .then(|| format!("{} of {} available", task.available, task.replicas)),
        match task.retries {
            0 => None,
            1 => Some("tried again once".to_owned()),
            times => Some(format!("tried again {times} times")),
        },
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    let id = task.id;
    let (status, replicas) = (task.status.clone(), task.replicas);
    let mine = move || pods.get().into_iter().filter(|pod| pod.task_id == id).collect::<Vec<_>>();
    let bar = move || done(&status, replicas, &mine());
    view! {
        <li class=format!("task {}", look.class)>
            <div class="flex flex-wrap items-center gap-x-3">
                <span class="font-medium">{task.name.clone()}</span>
                <span class="muted text-xs">{format!("{} · {}", task.namespace, task.cluster)}</span>
                {changes}
                <span class="ml-auto">{look.view()}</span>
            </div>
            <progress class="task-bar" max="100" value=bar aria-label=format!("Progress of {}", task.name)></progress>
            <p class="flex flex-wrap gap-x-3 text-xs">
                <span class:text-error=task.error.is_some()>{words}</span>
                <span class="muted num">{facts.join(" · ")}</span>
            </p>
            {task.address.clone().map(open)}
            {(!task.variables.is_empty()).then(|| variable_list::view(&task.variables))}
            <ul class="pods" aria-label="Pods">
                <For each=mine key=|pod| (pod.name.clone(), pod.ready, pod.deleting, pod.words.clone()) children=pod />
            </ul>
        </li>
    }
    .erase()
}

/// Where it answers now that it is up.
fn open(address: String) -> AnyView {
    let shown = address.trim_start_matches("http://").to_owned();
    view! {
        <p class="text-xs">
            <a class="link inline-flex items-center gap-1" href=address target="_blank" rel="noopener noreferrer">
                {icon(lu::LuExternalLink)}
                "Open "
                <span class="mono">{shown}</span>
            </a>
        </p>
    }
    .erase()
}

fn pod(pod: TaskPod) -> AnyView {
    let (class, sign) = match (pod.deleting, pod.ready) {
        (true, _) => ("is-quiet", lu::LuX),
        (false, true) => ("is-success", lu::LuCheck),
        (false, false) => ("is-info", lu::LuLoader),
    };
    let words = if pod.deleting { "leaving".to_owned() } else { pod.words.clone() };
    let on_hover = format!("{} {words}", pod.name);
    view! {
        <li class=format!("pod fade-in {class}") title=on_hover>
            <span class="state">{icon(sign)}</span>
            <span class="mono">{pod.tag}</span>
            <span class="muted">{words}</span>
        </li>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_counts_only_replicas_of_the_new_version() {
        let pod = |new, ready| TaskPod {
            task_id: "00000000-0000-0000-0000-000000000001".parse().unwrap(),
            name: String::new(),
            tag: String::new(),
            new,
            ready,
            deleting: false,
            words: String::new(),
        };
        let rolling = |pods: &[TaskPod]| done(&TaskStatus::RollingOut, 2, pods);
        assert_eq!(rolling(&[pod(false, true), pod(false, true), pod(true, false)]), 15);
        assert_eq!(rolling(&[pod(false, true), pod(true, true)]), 55);
        assert_eq!(rolling(&[pod(true, true), pod(true, true)]), 95);
    }
}
