//! Plans a deployment within one environment: what moves so that services run what is wanted.

use std::cmp::Ordering;

use uuid::Uuid;

use crate::{
    id::ServiceId,
    image::{ImageRef, compare_tags},
    replicas::{self, ReplicaChange},
    revision::{ContainerImage, RevisionEntry},
    service::Service,
    sync::{ContainerChange, PreviewItem, PreviewTarget, Severity, Warning},
    sync_plan::manager_warning,
};

/// What would happen to one service; containers that nothing is wanted of stay. On the way back, older is what is meant.
pub fn item(
    target: &Service,
    wanted: &[ContainerImage],
    wanted_replicas: Option<u32>,
    back: bool,
) -> PreviewItem {
    let scale = ReplicaChange::between(replicas::of(target), wanted_replicas);
    let change = |container: &crate::service::Container| {
        let wanted = wanted.iter().find(|wanted| wanted.container == container.name);
        ContainerChange::to(container, wanted.map_or(&container.image, |wanted| &wanted.image))
    };
    let containers: Vec<ContainerChange> = target.containers.iter().map(change).collect();
    let mut warnings: Vec<Warning> = manager_warning(target).into_iter().collect();
    if !back {
        warnings.extend(containers.iter().filter_map(older));
    }
    for wanted in wanted.iter().filter(|wanted| containers.iter().all(|now| now.name != wanted.container)) {
        let message = format!("It has no container “{}” any more: that one is left out.", wanted.container);
        warnings.push(Warning::new("container_gone", Severity::Warning, message));
    }
    if scale.is_none() && !containers.iter().any(ContainerChange::moves) {
        let message = "It runs this version already: nothing will be changed.";
        warnings.push(Warning::new("already_in_step", Severity::Info, message));
    }
    PreviewItem {
        service_id: target.id,
        name: target.name.clone(),
        kind: target.workload_type.clone(),
        application: target.application.clone(),
        source_app_instance_id: None,
        target: Some(PreviewTarget::of(target)),
        containers,
        variables: Vec::new(),
        scale,
        original: None,
        warnings,
    }
}

/// A workload of a revision that is not there any more.
pub fn gone(entry: &RevisionEntry) -> PreviewItem {
    let message = format!(
        "{} has no such workload any more. Lockstep moves versions; it does not create workloads.",
        entry.app_instance
    );
    PreviewItem {
        service_id: ServiceId(Uuid::nil()),
        name: entry.name.clone(),
        kind: entry.kind.clone(),
        application: entry.app_instance.clone(),
        source_app_instance_id: None,
        target: None,
        containers: Vec::new(),
        variables: Vec::new(),
        scale: None,
        original: None,
        warnings: vec![Warning::new("no_counterpart", Severity::Blocking, message)],
    }
}

fn older(change: &ContainerChange) -> Option<Warning> {
    let [from, to] = [&change.from, &change.to].map(|image| ImageRef::parse(image).version());
    let older = change.moves() && compare_tags(&to, &from) == Some(Ordering::Less);
    let message = || format!("{}: {to} is older than {from}, which runs.", change.name);
    older.then(|| Warning::new("older_version", Severity::Warning, message()))
}
