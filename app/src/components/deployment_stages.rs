//! How far a deployment is, as a line of stages.

use domain::deployment::{Deployment, DeploymentStatus, TaskStatus};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::status;

/// The stages of a deployment, and whether each is reached; the last is how it ended.
fn stages(found: &Deployment) -> Vec<(String, bool)> {
    let any = |is: fn(&TaskStatus) -> bool| found.results.iter().any(|task| is(&task.status));
    let ended = found.status.ended();
    let back = any(|status| {
        matches!(
            status,
            TaskStatus::PuttingBack
                | TaskStatus::RollingBack
                | TaskStatus::PutBack
                | TaskStatus::PutBackFailed
        )
    });
    let begun = found.begun_at.is_some();
    let mut stages = vec![("Started".to_owned(), true)];
    if found.scheduled_for.is_some() {
        stages.push(("Its time".to_owned(), begun));
    }
    stages.push(("Its turn".to_owned(), begun));
    stages.push(("Rolling out".to_owned(), begun && any(|status| *status != TaskStatus::Pending)));
    if back {
        stages.push(("Putting back".to_owned(), true));
    }
    let end = if ended { status::deployment(&found.status).word.to_owned() } else { "Done".to_owned() };
    stages.push((end, ended));
    stages
}

/// The line.
pub(crate) fn line(found: &Deployment) -> AnyView {
    let class = match found.status {
        DeploymentStatus::Complete => "is-success",
        DeploymentStatus::Failed => "is-error",
        DeploymentStatus::PutBack | DeploymentStatus::Cancelled | DeploymentStatus::Superseded => {
            "is-warning"
        }
        _ => "",
    };
    let stages = stages(found);
    let now = stages.iter().rposition(|(_, reached)| *reached);
    let items = stages.into_iter().enumerate().map(|(at, (name, reached))| {
        let current = (now == Some(at)).then_some("step");
        view! { <li class:reached=reached aria-current=current>{name}</li> }
    });
    view! { <ol class=format!("stages {class}") aria-label="Stages">{items.collect_view()}</ol> }.erase()
}
