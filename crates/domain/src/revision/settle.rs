//! What an environment is at once a deployment has ended, however it ended.

use std::collections::{HashMap, HashSet};

use super::{RevisionEntry, diff};
use crate::deployment::{Task, TaskStatus};

/// What a deployment's end makes of its environment.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// The environment is at the deployment's revision.
    Reached,
    /// It is at the revision where it was before.
    Unchanged,
    /// It is at neither: this is what it was left with.
    Left(Vec<RevisionEntry>),
}

/// Says at which content an environment is. `active` is the one it was at, `target` the deployment's, `observed` what runs:
/// a workload that the deployment had no need to touch is at the target if it runs what that says.
pub fn settle(
    active: Option<&[RevisionEntry]>,
    target: &[RevisionEntry],
    observed: &[RevisionEntry],
    tasks: &[Task],
) -> Settled {
    let by_key = |entries| -> HashMap<_, &RevisionEntry> {
        Iterator::map(<[RevisionEntry]>::iter(entries), |entry| (entry.key(), entry)).collect()
    };
    let (aims, runs) = (by_key(target), by_key(observed));
    let mut left = active.unwrap_or(target).to_vec();
    // What the active revision does not know is as the target has it, unless the deployment did not bring it there.
    let known: HashSet<_> = active.unwrap_or_default().iter().map(RevisionEntry::key).collect();
    if active.is_some() {
        left.extend(target.iter().filter(|entry| !known.contains(&entry.key())).cloned());
    }
    let tasks: HashMap<_, &Task> = tasks.iter().map(|task| (task.key(), task)).collect();
    for entry in &mut left {
        let is_new = !known.contains(&entry.key());
        if let Some(task) = tasks.get(&entry.key()).copied() {
            leave(entry, task, is_new);
        } else if let (Some(aim), Some(now)) = (aims.get(&entry.key()), runs.get(&entry.key()))
            && aim.images == now.images
        {
            let replicas = if aim.replicas == now.replicas { aim.replicas } else { entry.replicas };
            entry.images.clone_from(&aim.images);
            entry.replicas = replicas;
        } else if is_new && let Some(now) = runs.get(&entry.key()) {
            let replicas = now.replicas;
            entry.images.clone_from(&now.images);
            entry.replicas = replicas;
        }
    }
    left.retain(|entry| aims.contains_key(&entry.key()) || runs.contains_key(&entry.key()));
    let same = |other: &[RevisionEntry]| diff(other, &left).is_empty();
    // Variables and clusters are not among the entries, and replicas may have got there just now: what became of them is looked
    // at by itself.
    let is_more = |task: &Task| !task.variables.is_empty() || task.scale.is_some() || task.original.is_some();
    let brings = |brought: bool| tasks.values().any(|task| is_more(task) && in_effect(task) == brought);
    if active.is_some_and(same) && !brings(true)
        || active.is_none() && !tasks.values().any(|task| in_effect(task))
    {
        Settled::Unchanged
    } else if same(target) && !brings(false) {
        Settled::Reached
    } else {
        Settled::Left(left)
    }
}

/// What the task brought is what its workload asks for now.
fn in_effect(task: &Task) -> bool {
    match task.status {
        TaskStatus::Success | TaskStatus::PutBackFailed => true,
        TaskStatus::Failed => task.accepted,
        _ => false,
    }
}

/// Writes down what a task left its workload with. What did not come about leaves the workload at what was active; where
/// that is not known, at what was there before.
fn leave(entry: &mut RevisionEntry, task: &Task, is_new: bool) {
    for change in &task.containers {
        if in_effect(task) {
            entry.set_image(&change.name, &change.to);
        } else if is_new {
            entry.set_image(&change.name, &change.from);
        }
    }
    if let Some(scale) = task.scale {
        if in_effect(task) {
            entry.replicas = Some(scale.to);
        } else if is_new {
            entry.replicas = Some(scale.from);
        }
    }
}
