//! The one stream of what happens in a cluster, merged from a watch per kind and namespace.

use std::collections::HashSet;

use domain::{
    service::WorkloadKind,
    workload::{PodFacts, WorkloadFacts},
};
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};

use crate::{
    Error, Scope, WatchEvent,
    client::Client,
    facts,
    follow::{Watched, follow},
    objects::{Metadata, Object, PodSpec, PodStatus, WorkloadSpec, WorkloadStatus},
    resource::{PODS, Resource},
};

/// Follows workloads and pods.
pub(crate) fn watch(client: &Client, scope: Scope) -> BoxStream<'static, WatchEvent> {
    let namespaces = match scope {
        Scope::Cluster => vec![None],
        Scope::Namespaces(names) => names.into_iter().map(Some).collect(),
    };
    let mut feeds = Vec::new();
    for namespace in namespaces {
        for kind in WorkloadKind::ALL {
            feeds.push(follow(client.clone(), Workloads(kind.clone()), namespace.clone()).boxed());
        }
        feeds.push(follow(client.clone(), Pods, namespace).boxed());
    }
    let feeds =
        feeds.into_iter().enumerate().map(|(number, feed)| feed.map(move |event| (number, event)).boxed());
    let mut contact = Contact::default();
    stream::select_all(feeds)
        .flat_map(move |(feed, event)| stream::iter(contact.pass(feed, event).into_iter().flatten()))
        // Without any namespace there is nothing to follow, and still no end.
        .chain(stream::pending())
        .boxed()
}

/// Follows nothing, for a cluster that cannot be; says why.
pub(crate) fn never(error: Error) -> BoxStream<'static, WatchEvent> {
    stream::iter([WatchEvent::Lost(error.to_string())]).chain(stream::pending()).boxed()
}

/// Which feeds have lost contact, so that one loss is told once and not by each of them.
#[derive(Default)]
struct Contact {
    lost: HashSet<usize>,
    words: String,
}

impl Contact {
    /// What is told of an event; once no feed is lost any more, also that contact is there.
    fn pass(&mut self, feed: usize, event: WatchEvent) -> [Option<WatchEvent>; 2] {
        match event {
            WatchEvent::Lost(words) => {
                let news = self.lost.is_empty() || self.words != words;
                self.lost.insert(feed);
                self.words.clone_from(&words);
                [news.then_some(WatchEvent::Lost(words)), None]
            }
            WatchEvent::Listed { .. } | WatchEvent::ListedPods { .. } | WatchEvent::Denied { .. } => {
                let found = self.lost.remove(&feed) && self.lost.is_empty();
                [Some(event), found.then_some(WatchEvent::Alive)]
            }
            WatchEvent::Alive => [self.lost.is_empty().then_some(event), None],
            other => [Some(other), None],
        }
    }
}

struct Workloads(WorkloadKind);

impl Watched for Workloads {
    type Spec = WorkloadSpec;
    type Status = WorkloadStatus;
    type Facts = WorkloadFacts;

    fn resource(&self) -> Result<Resource, Error> {
        Resource::of(&self.0)
    }

    fn dispensable(&self, error: &Error) -> bool {
        self.0 == WorkloadKind::CronJob && matches!(error, Error::NotFound(_))
    }

    fn facts(&self, object: Object<WorkloadSpec, WorkloadStatus>) -> WorkloadFacts {
        facts::workload(&self.0, object)
    }

    fn denied(&self, namespace: Option<String>, words: String) -> Option<WatchEvent> {
        Some(WatchEvent::Denied { kind: self.0.clone(), namespace, words })
    }

    fn listed(&self, namespace: Option<String>, workloads: Vec<WorkloadFacts>) -> WatchEvent {
        WatchEvent::Listed { kind: self.0.clone(), namespace, workloads }
    }

    fn changed(&self, facts: WorkloadFacts) -> WatchEvent {
        WatchEvent::Changed(facts)
    }

    fn gone(&self, metadata: Metadata) -> WatchEvent {
        WatchEvent::Gone(facts::key(&self.0, &metadata))
    }
}

struct Pods;

impl Watched for Pods {
    type Spec = PodSpec;
    type Status = PodStatus;
    type Facts = PodFacts;

    fn resource(&self) -> Result<Resource, Error> {
        Ok(PODS)
    }

    fn dispensable(&self, error: &Error) -> bool {
        matches!(error, Error::Forbidden(_))
    }

    fn facts(&self, object: Object<PodSpec, PodStatus>) -> PodFacts {
        facts::pod(object)
    }

    fn denied(&self, _namespace: Option<String>, _words: String) -> Option<WatchEvent> {
        None
    }

    fn listed(&self, namespace: Option<String>, pods: Vec<PodFacts>) -> WatchEvent {
        WatchEvent::ListedPods { namespace, pods }
    }

    fn changed(&self, facts: PodFacts) -> WatchEvent {
        WatchEvent::PodChanged(facts)
    }

    fn gone(&self, metadata: Metadata) -> WatchEvent {
        WatchEvent::PodGone { namespace: metadata.namespace, name: metadata.name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_loss_of_contact_is_told_once() {
        let mut contact = Contact::default();
        let lost = |words: &str| WatchEvent::Lost(words.to_owned());
        let listed = || WatchEvent::ListedPods { namespace: None, pods: vec![] };
        let mut told = |feed, event| contact.pass(feed, event).into_iter().flatten().count();
        assert_eq!(told(0, lost("refused")), 1);
        assert_eq!(told(1, lost("refused")), 0);
        assert_eq!(told(1, lost("timed out")), 1, "another reason is news");
        assert_eq!(told(0, listed()), 1);
        assert_eq!(told(0, WatchEvent::Alive), 0, "the other one is still lost");
        assert_eq!(told(1, listed()), 2, "and that contact is there again");
        assert_eq!(told(0, WatchEvent::Alive), 1);
        assert_eq!(told(0, lost("timed out")), 1, "a new loss is told again");
    }
}
