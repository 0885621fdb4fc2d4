//! Whether a change is still the one that was confirmed.

use std::collections::BTreeMap;

use domain::{replicas::ReplicaChange, service::Container, variable::Opened, workload::WorkloadFacts};

use crate::{ImageChange, VariableChange};

/// What a change comes to, with its workload as it is now.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// To be made: everything is as it was confirmed.
    Due,
    /// What it brings is there already.
    AlreadyThere,
    /// Not to be made: something is not as it was confirmed, in words.
    Changed(String),
}

/// Decides on a change.
pub fn verdict(now: &WorkloadFacts, change: &ImageChange) -> Verdict {
    if now.uid != change.uid {
        return Verdict::Changed(format!("{} was deleted and made again since the preview", now.key));
    }
    if now.deleting {
        return Verdict::Changed(format!("{} is being deleted", now.key));
    }
    let (running, from, to) = (images(&now.containers), images(&change.from), images(&change.to));
    let ours = now.deployment.as_ref() == Some(&change.deployment);
    let given = |wanted: fn(&VariableChange) -> &Opened| {
        let are = |change| now.variables.as_ref().is_some_and(|reported| reported.are(wanted(change)));
        change.variables.as_ref().is_none_or(are)
    };
    let desired = u32::try_from(now.desired).unwrap_or_default();
    let scaled =
        |wanted: fn(&ReplicaChange) -> u32| change.scale.as_ref().is_none_or(|it| desired == wanted(it));
    if running == to && given(|change| &change.to) && scaled(|scale| scale.to) && (change.back || ours) {
        return Verdict::AlreadyThere;
    }
    if ours && !change.back {
        // Even if they are the confirmed ones again: to send the change once more would fight whoever put them back.
        return Verdict::Changed(format!("{} was changed by this sync, and by someone else since", now.key));
    }
    let difference = difference(&running, &from).or_else(|| {
        let other = !given(|change| &change.from);
        other.then(|| format!("{} has other variables now than those that were confirmed", now.key))
    });
    let difference = difference.or_else(|| {
        let other = !scaled(|scale| scale.from);
        other.then(|| {
            format!("{} is to have {desired} replicas now, which is not what was confirmed", now.key)
        })
    });
    let difference = difference.or_else(|| {
        let reported = now.variables.as_ref()?;
        let name = change.variables.as_ref()?.to.0.keys().find(|name| reported.is_of_others(name))?;
        Some(format!("{name} was set in the manifest of {} by someone else since the preview", now.key))
    });
    difference.map_or(Verdict::Due, Verdict::Changed)
}

/// Images by container: whether it is an init container, and its name.
pub(crate) type Images<'a> = BTreeMap<(bool, &'a str), &'a str>;

pub(crate) fn images(containers: &[Container]) -> Images<'_> {
    containers.iter().map(|it| ((it.init, it.name.as_str()), it.image.as_str())).collect()
}

/// The first thing that is not as it was confirmed, in words.
fn difference(running: &Images<'_>, confirmed: &Images<'_>) -> Option<String> {
    for (container, image) in confirmed {
        let name = container.1;
        match running.get(container) {
            Some(runs) if runs == image => {}
            Some(runs) => return Some(format!("{name} now runs {runs}, not {image} as confirmed")),
            None => {
                return Some(format!(
                    "there is no container {name} any more, which ran {image} when confirmed"
                ));
            }
        }
    }
    let (container, image) = running.iter().find(|(container, _)| !confirmed.contains_key(*container))?;
    Some(format!("there is a new container {} with {image}, which was not there when confirmed", container.1))
}
