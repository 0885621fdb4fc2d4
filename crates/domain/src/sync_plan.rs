//! Plans a sync: pairs services with their counterparts and says, container by container, what would move.

use std::{
    cmp::Ordering,
    collections::{HashMap, hash_map::Entry},
};

use crate::{
    id::{AppInstanceId, ServiceId},
    image::{ImageRef, compare_tags},
    service::{Container, Manager, Service, ServiceStatus},
    sync::{ContainerChange, PreviewItem, PreviewTarget, Severity, Warning},
};

/// A source service and, where it was chosen by hand, the app instance to bring it to.
pub struct Wanted<'a> {
    /// The service whose version is wanted.
    pub source: &'a Service,
    /// The app instance chosen by hand.
    pub target: Option<AppInstanceId>,
}

/// Pairs what is wanted with the target environment's services: by application, kind and name, or, where an app
/// instance was chosen by hand, by kind and name within it. A service without a counterpart gives one blocked item; so
/// does a second source of the same target, which one version only can come to.
pub fn pair(wanted: &[Wanted<'_>], targets: &[Service]) -> Vec<PreviewItem> {
    let mut by_name: HashMap<&str, Vec<&Service>> = HashMap::new();
    for target in targets {
        by_name.entry(&target.name).or_default().push(target);
    }
    let mut sources: HashMap<ServiceId, &str> = HashMap::new();
    let mut items = Vec::new();
    for wanted in wanted {
        let namesakes = by_name.get(wanted.source.name.as_str()).map_or(&[][..], Vec::as_slice);
        for mut item in pair_one(wanted, namesakes) {
            let target = item.target.as_ref().map(|target| target.service_id);
            if let Some(target) = target {
                match sources.entry(target) {
                    Entry::Vacant(free) => drop(free.insert(&wanted.source.namespace)),
                    Entry::Occupied(first) => {
                        let first = first.get();
                        let message =
                            format!("It comes from {first} already. Choose one source, or another target.");
                        item.warnings.push(Warning::new("target_twice", Severity::Blocking, message));
                    }
                }
            }
            items.push(item);
        }
    }
    items
}

fn pair_one(wanted: &Wanted<'_>, namesakes: &[&Service]) -> Vec<PreviewItem> {
    let source = wanted.source;
    let belongs = |target: &&Service| match wanted.target {
        Some(instance) => target.app_instance_id == instance,
        None => target.application == source.application,
    };
    let items: Vec<PreviewItem> = namesakes
        .iter()
        .copied()
        .filter(|target| target.workload_type == source.workload_type)
        .filter(belongs)
        .map(|target| compare(source, target))
        .collect();
    if items.is_empty() { vec![without_counterpart(source)] } else { items }
}

fn without_counterpart(source: &Service) -> PreviewItem {
    let message = format!(
        "The target has no {} named “{}” in application “{}”. Lockstep moves versions; it does not create workloads.",
        source.workload_type, source.name, source.application
    );
    PreviewItem {
        service_id: source.id,
        name: source.name.clone(),
        kind: source.workload_type.clone(),
        application: source.application.clone(),
        source_app_instance_id: Some(source.app_instance_id),
        target: None,
        containers: Vec::new(),
        variables: Vec::new(),
        scale: None,
        original: None,
        warnings: vec![Warning::new("no_counterpart", Severity::Blocking, message)],
    }
}

fn compare(source: &Service, target: &Service) -> PreviewItem {
    let containers: Vec<ContainerChange> =
        target.containers.iter().map(|container| change_of(container, &source.containers)).collect();
    let mut warnings = health_warnings(source, target);
    warnings.extend(image_warnings(source, target, &containers));
    PreviewItem {
        service_id: source.id,
        name: source.name.clone(),
        kind: source.workload_type.clone(),
        application: target.application.clone(),
        source_app_instance_id: Some(source.app_instance_id),
        target: Some(PreviewTarget::of(target)),
        containers,
        variables: Vec::new(),
        scale: None,
        original: None,
        warnings,
    }
}

/// What happens to one of the target's containers: the source's version in the target's repository.
fn change_of(target: &Container, sources: &[Container]) -> ContainerChange {
    let now = target.image_ref();
    let next = sources
        .iter()
        .find(|source| source.name == target.name && source.init == target.init)
        .map_or_else(|| now.clone(), |source| next_image(&now, target, source));
    ContainerChange {
        name: target.name.clone(),
        init: target.init,
        from: target.image.clone(),
        to: next.to_string(),
        from_version: version_words(&now, target.digest()),
        to_version: version_words(&next, next.digest.clone()),
    }
}

fn next_image(now: &ImageRef, target: &Container, source: &Container) -> ImageRef {
    if target.same_version(source) {
        return now.clone();
    }
    let wanted = source.image_ref();
    let mut next = now.with_version_of(&wanted);
    // A moving tag (`latest`) is already there under the same name: only its digest tells the two apart.
    if wanted.digest.is_none() && wanted.tag == now.tag {
        next.digest = source.digest();
    }
    next
}

fn version_words(image: &ImageRef, digest: Option<String>) -> String {
    match (&image.tag, image.digest.as_ref().or(digest.as_ref())) {
        (Some(tag), Some(digest)) if image.digest.is_some() || tag == "latest" => {
            format!("{tag}@{}", crate::image::short_digest(digest))
        }
        _ => image.version(),
    }
}

fn health_warnings(source: &Service, target: &Service) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !matches!(source.status, ServiceStatus::Running | ServiceStatus::Stopped) {
        let reason = source.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let message = format!("The source’s status is {}{reason}.", source.status);
        warnings.push(Warning::new("source_not_healthy", Severity::Warning, message));
    }
    if let Some(since) = source.stale_since {
        let message = format!("The source was last seen at {} UTC.", since.format("%Y-%m-%d %H:%M"));
        warnings.push(Warning::new("source_stale", Severity::Warning, message));
    }
    warnings.extend(manager_warning(target));
    warnings
}

/// Warns where another tool owns a target.
pub(crate) fn manager_warning(target: &Service) -> Option<Warning> {
    let manager = target.manager.as_ref()?;
    let message = match manager {
        Manager::Helm => "Managed by Helm: its next upgrade sets its own version again.".to_owned(),
        other => format!("Managed by {}, which will put its own version back.", other.label()),
    };
    let severity = if *manager == Manager::Helm { Severity::Info } else { Severity::Warning };
    Some(Warning::new("managed_by_other_tool", severity, message))
}

fn image_warnings(source: &Service, target: &Service, changes: &[ContainerChange]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !changes.iter().any(ContainerChange::moves) {
        warnings.push(Warning::new(
            "already_in_step",
            Severity::Info,
            "Already in step: nothing will be changed.",
        ));
    }
    let names = |containers: &[Container]| -> Vec<String> {
        let mut names: Vec<String> = containers.iter().map(|container| container.name.clone()).collect();
        names.sort();
        names
    };
    let (ours, theirs) = (names(&source.containers), names(&target.containers));
    if ours != theirs {
        let message = format!(
            "The containers differ (source: {}; target: {}). Only those with the same name move.",
            ours.join(", "),
            theirs.join(", ")
        );
        warnings.push(Warning::new("containers_differ", Severity::Warning, message));
    }
    for change in changes.iter().filter(|change| change.moves()) {
        let wanted = source.containers.iter().find(|container| container.name == change.name);
        let Some(wanted) = wanted.map(Container::image_ref) else { continue };
        let now = ImageRef::parse(&change.from);
        if wanted.repository != now.repository {
            let message = format!(
                "{}: the source pulls from {}, the target from {}; the target's repository stays.",
                change.name, wanted.repository, now.repository
            );
            warnings.push(Warning::new("different_repository", Severity::Warning, message));
        }
        if let Some(message) = older(source, target, &wanted, &now) {
            warnings.push(Warning::new(
                "older_version",
                Severity::Warning,
                format!("{}: {message}", change.name),
            ));
        }
    }
    warnings
}

/// Words where what would come is older than what runs: by version, else by the time of the last change.
fn older(source: &Service, target: &Service, wanted: &ImageRef, now: &ImageRef) -> Option<String> {
    match compare_tags(&wanted.version(), &now.version()) {
        Some(Ordering::Less) => {
            Some(format!("{} is older than {}, which runs.", wanted.version(), now.version()))
        }
        Some(_) => None,
        None => (source.last_changed < target.last_changed)
            .then(|| "the target changed more recently than the source.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{ClusterId, EnvironmentId, ServiceId, SiteId},
        service::WorkloadKind,
    };
    use chrono::DateTime;
    use uuid::Uuid;

    fn service(n: u128, image: &str) -> Service {
        Service {
            id: ServiceId(Uuid::from_u128(n)),
            name: "web".into(),
            app_instance_id: AppInstanceId(Uuid::from_u128(n)),
            app_instance_name: format!("shop-{n}"),
            environment_id: EnvironmentId(Uuid::from_u128(n)),
            site_id: SiteId(Uuid::from_u128(1)),
            cluster_id: ClusterId(Uuid::from_u128(1)),
            cluster: "c".into(),
            namespace: format!("shop-{n}"),
            application: "shop".into(),
            status: ServiceStatus::Running,
            reason: None,
            replicas: 2,
            available_replicas: 2,
            image_tag: ImageRef::parse(image).version(),
            workload_type: WorkloadKind::Deployment,
            containers: vec![Container {
                name: "app".into(),
                init: false,
                image: image.into(),
                running_digest: None,
            }],
            manager: None,
            out_of_step: false,
            last_changed: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            last_synced: None,
            stale_since: None,
        }
    }

    fn plan(source: &Service, targets: &[Service]) -> Vec<PreviewItem> {
        pair(&[Wanted { source, target: None }], targets)
    }

    fn codes(item: &PreviewItem) -> Vec<&str> {
        item.warnings.iter().map(|warning| warning.code.as_str()).collect()
    }

    #[test]
    fn only_the_tag_moves() {
        let items = plan(&service(1, "dev.example.com/web:2.0"), &[service(2, "prod.example.com/web:1.0")]);
        assert_eq!(items[0].containers[0].to, "prod.example.com/web:2.0");
        assert_eq!(codes(&items[0]), ["different_repository"]);
        assert!(items[0].will_change());
    }

    #[test]
    fn one_target_comes_from_one_source() {
        let (first, second) = (service(1, "web:2.0"), service(3, "web:3.0"));
        let wanted = [Wanted { source: &first, target: None }, Wanted { source: &second, target: None }];
        let items = pair(&wanted, &[service(2, "web:1.0")]);
        assert!(items[0].will_change());
        assert_eq!((codes(&items[1]), items[1].will_change()), (vec!["target_twice"], false));
    }

    #[test]
    fn an_older_version_is_pointed_out() {
        assert_eq!(codes(&plan(&service(1, "web:1.9"), &[service(2, "web:1.10")])[0]), ["older_version"]);
    }

    #[test]
    fn in_step_changes_nothing() {
        let items = plan(&service(1, "web:1"), &[service(2, "web:1")]);
        assert_eq!(codes(&items[0]), ["already_in_step"]);
        assert!(!items[0].will_change());
    }

    #[test]
    fn no_counterpart_is_blocked() {
        let mut other = service(2, "web:1");
        other.application = "payments".into();
        let items = plan(&service(1, "web:2"), &[other]);
        assert_eq!(codes(&items[0]), ["no_counterpart"]);
        assert!(!items[0].will_change());
    }

    #[test]
    fn a_pairing_by_hand_crosses_applications() {
        let mut other = service(2, "web:1");
        other.application = "payments".into();
        let source = service(1, "web:2");
        let items = pair(&[Wanted { source: &source, target: Some(other.app_instance_id) }], &[other]);
        assert!(items[0].will_change());
    }

    #[test]
    fn every_instance_of_the_target_is_brought_along() {
        assert_eq!(plan(&service(1, "web:2"), &[service(2, "web:1"), service(3, "web:1")]).len(), 2);
    }

    #[test]
    fn the_same_tag_moves_by_digest() {
        let (mut source, mut target) = (service(1, "shop/web:latest"), service(2, "shop/web:latest"));
        source.containers[0].running_digest = Some("sha256:new".into());
        target.containers[0].running_digest = Some("sha256:old".into());
        let items = plan(&source, &[target]);
        assert_eq!(items[0].containers[0].to, "shop/web:latest@sha256:new");
        assert!(items[0].will_change());
    }

    #[test]
    fn another_tool_that_owns_the_target_is_named() {
        let mut target = service(2, "web:1");
        target.manager = Some(Manager::ArgoCd);
        assert_eq!(codes(&plan(&service(1, "web:2"), &[target])[0]), ["managed_by_other_tool"]);
    }
}
