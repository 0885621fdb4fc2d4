//! States: always an icon and a word, with colour on top.

use domain::{
    cluster::{Cluster, ClusterState, WatchState},
    deployment::{DeploymentStatus, TaskStatus},
    service::ServiceStatus,
    site::CheckStatus,
    sync::Severity,
};
use leptos::prelude::*;

use crate::components::erased::Erase;
use crate::components::icon::{Icon, icon, lu};

/// A state's colour class, icon and word.
pub(crate) struct Look {
    pub(crate) class: &'static str,
    pub(crate) icon: Icon,
    pub(crate) word: String,
}

fn look(class: &'static str, icon: Icon, word: &str) -> Look {
    Look { class, icon, word: word.to_owned() }
}

impl Look {
    /// Icon and word.
    pub(crate) fn view(&self) -> AnyView {
        view! { <span class=format!("state {}", self.class)>{icon(self.icon)}{self.word.clone()}</span> }
            .erase()
    }

    /// The icon, with the word and a reason on hover and for screen readers.
    pub(crate) fn mark(&self, reason: Option<&str>) -> AnyView {
        let words = match reason {
            Some(reason) => format!("{}: {reason}", self.word),
            None => self.word.clone(),
        };
        let on_hover = words.clone();
        view! {
            <span class=format!("state {}", self.class) title=on_hover>
                {icon(self.icon)}
                <span class="sr-only">{words}</span>
            </span>
        }
        .erase()
    }
}

/// How a service is.
pub(crate) fn service(status: &ServiceStatus) -> Look {
    match status {
        ServiceStatus::Running => look("is-success", lu::LuCircleCheck, "Running"),
        ServiceStatus::Progressing => look("is-info", lu::LuLoader, "Progressing"),
        ServiceStatus::Degraded => look("is-warning", lu::LuTriangleAlert, "Degraded"),
        ServiceStatus::Failed => look("is-error", lu::LuCircleX, "Failed"),
        ServiceStatus::Stopped => look("is-quiet", lu::LuCirclePause, "Stopped"),
        ServiceStatus::Undetermined => look("is-quiet", lu::LuCircleHelp, "Unknown"),
        ServiceStatus::Unknown(word) => look("is-quiet", lu::LuCircleHelp, word),
    }
}

/// How far a deployment is.
pub(crate) fn deployment(status: &DeploymentStatus) -> Look {
    match status {
        DeploymentStatus::Pending => look("is-quiet", lu::LuClock, "Waiting"),
        DeploymentStatus::Running => look("is-info", lu::LuLoader, "Running"),
        DeploymentStatus::Complete => look("is-success", lu::LuCircleCheck, "Complete"),
        DeploymentStatus::Failed => look("is-error", lu::LuCircleX, "Failed"),
        DeploymentStatus::Cancelled => look("is-quiet", lu::LuBan, "Cancelled"),
        DeploymentStatus::PutBack => look("is-warning", lu::LuUndo2, "Put back"),
        DeploymentStatus::Superseded => look("is-quiet", lu::LuForward, "Superseded"),
        DeploymentStatus::Unknown(word) => look("is-quiet", lu::LuCircleHelp, word),
    }
}

/// How far a task is.
pub(crate) fn task(status: &TaskStatus) -> Look {
    match status {
        TaskStatus::Pending => look("is-quiet", lu::LuClock, "Waiting"),
        TaskStatus::Applying => look("is-info", lu::LuLoader, "Applying"),
        TaskStatus::RollingOut => look("is-info", lu::LuLoader, "Rolling out"),
        TaskStatus::Success => look("is-success", lu::LuCircleCheck, "Done"),
        TaskStatus::Failed => look("is-error", lu::LuCircleX, "Failed"),
        TaskStatus::Refused => look("is-error", lu::LuBan, "Refused"),
        TaskStatus::Cancelled => look("is-quiet", lu::LuBan, "Cancelled"),
        TaskStatus::Skipped => look("is-quiet", lu::LuSkipForward, "Skipped"),
        TaskStatus::PuttingBack => look("is-warning", lu::LuUndo2, "Putting back"),
        TaskStatus::RollingBack => look("is-warning", lu::LuUndo2, "Rolling back"),
        TaskStatus::PutBack => look("is-warning", lu::LuUndo2, "Put back"),
        TaskStatus::PutBackFailed => look("is-error", lu::LuCircleAlert, "Not put back"),
        TaskStatus::Unknown(word) => look("is-quiet", lu::LuCircleHelp, word),
    }
}

/// How a check ended.
pub(crate) fn check(status: &CheckStatus) -> Look {
    match status {
        CheckStatus::Passed => look("is-success", lu::LuCircleCheck, "Passed"),
        CheckStatus::Warning => look("is-warning", lu::LuTriangleAlert, "Warning"),
        CheckStatus::Failed => look("is-error", lu::LuCircleX, "Failed"),
        CheckStatus::Skipped => look("is-quiet", lu::LuCircleSlash, "Not tried"),
        CheckStatus::Unknown(word) => look("is-quiet", lu::LuCircleHelp, word),
    }
}

/// How much a warning weighs.
pub(crate) fn severity(severity: &Severity) -> Look {
    match severity {
        Severity::Info => look("is-info", lu::LuInfo, "Note"),
        Severity::Warning => look("is-warning", lu::LuTriangleAlert, "Warning"),
        Severity::Blocking => look("is-error", lu::LuBan, "Left out"),
        Severity::Unknown(word) => look("is-quiet", lu::LuCircleHelp, word),
    }
}

/// How fresh what is shown of a cluster is.
pub(crate) fn cluster(one: &Cluster) -> Look {
    match (&one.state, &one.watch) {
        (ClusterState::Unavailable, _) => look("is-warning", lu::LuUnplug, "unavailable"),
        (_, WatchState::Stale) => look("is-warning", lu::LuUnplug, "out of contact"),
        (_, WatchState::Connecting) => look("is-info", lu::LuLoader, "connecting"),
        (_, WatchState::Live) => look("is-success", lu::LuCircleCheck, "live"),
        _ => look("is-quiet", lu::LuCirclePause, "not watched"),
    }
}

/// How many services are not well, marked where any are.
pub(crate) fn unhealthy(count: u64) -> AnyView {
    match count {
        0 => view! { <span class="muted">"0"</span> }.erase(),
        many => view! { <span class="state is-warning">{icon(lu::LuTriangleAlert)} {many}</span> }.erase(),
    }
}
