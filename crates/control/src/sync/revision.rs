//! The revision that a deployment leads to.

use std::collections::HashSet;

use chrono::Utc;
use domain::{
    deploy::DeployRequest,
    id::{AppInstanceId, EnvironmentId},
    image::ImageRef,
    revision::{RevisionEntry, carried_on},
    service::Service,
    settings::{self, Manages},
    sync::Preview,
};
use store::{NewDeployment, NewRevision, ToCome, Write};

use crate::{
    Context, Error,
    error::first_of,
    local_service::{Definitions, definitions},
    revision::older,
};

/// What there is in an environment.
pub(crate) struct There {
    pub(crate) observed: Vec<Service>,
    pub(crate) bound: HashSet<AppInstanceId>,
    /// What its revisions own.
    pub(crate) manages: Manages,
    definitions: Definitions,
}

impl There {
    /// As it is now.
    pub(crate) async fn now(ctx: &Context, environment: EnvironmentId) -> Result<Self, Error> {
        let bound = ctx.store().app_instances(Some(environment)).await?;
        Ok(Self {
            observed: ctx.store().services_of(environment).await?,
            definitions: definitions(ctx, &bound).await?,
            bound: bound.into_iter().map(|instance| instance.id).collect(),
            manages: ctx.store().settings(environment).await?.settings.manages,
        })
    }

    /// What a service runs, and what it is.
    pub(crate) fn entry(&self, service: &Service) -> RevisionEntry {
        let mut entry = RevisionEntry::observed(service, self.manages);
        self.define(&mut entry);
        entry
    }

    /// What should run, brought up to what there is: see [`carried_on`].
    pub(crate) fn carried_on(&self, active: Option<Vec<RevisionEntry>>) -> Vec<RevisionEntry> {
        let mut entries = carried_on(active, &self.observed, &self.bound, self.manages);
        entries.iter_mut().filter(|entry| entry.definition.is_none()).for_each(|entry| self.define(entry));
        entries
    }

    fn define(&self, entry: &mut RevisionEntry) {
        let key = (entry.app_instance_id, entry.name.clone());
        entry.definition = self.definitions.get(&key).cloned();
    }
}

/// The number of the revision that a deployment leads to: the one it was asked for, or a new one, which is what the
/// environment should run with this deployment's images.
pub(super) async fn revision_of(
    ctx: &Context,
    write: &mut Write,
    there: There,
    new: &NewDeployment,
    preview: &Preview,
) -> Result<i64, Error> {
    let environment = new.deployment.target_environment_id;
    let moving = write.images_to_come(environment).await?;
    let active = write.active_revision(environment).await?;
    let asked = preview.deploy.as_ref().filter(|deploy| !deploy.rollback).and_then(|deploy| deploy.revision);
    if let Some(number) = asked {
        return match &active {
            Some(active) if number < active.number => Err(older(number, active.number)),
            _ => Ok(number),
        };
    }
    let older = match &preview.deploy {
        Some(DeployRequest { revision: Some(older), .. }) => write.revision(environment, *older).await?,
        _ => None,
    };
    let mut reason = reason(new, preview);
    if let Some(older) = older.as_ref().and_then(|older| older.settings.as_ref())
        && !settings::diff(older, &write.settings(environment).await?.settings).is_empty()
    {
        // An older revision must not lift a protection by the way.
        reason.push_str(", without its settings");
    }
    let mut entries = there.carried_on(active.map(|active| active.entries));
    for entry in &mut entries {
        expect(entry, &moving, new);
    }
    let revision = NewRevision {
        environment_id: environment,
        entries,
        variables: older.map(|older| older.variables),
        settings: None,
        deployment_id: Some(new.deployment.id),
        author: ctx.actor().to_owned(),
        reason,
        created_at: Utc::now(),
    };
    Ok(write.insert_revision(&revision).await?)
}

/// What this deployment brings, or another one is still bringing, is what should run.
fn expect(entry: &mut RevisionEntry, moving: &[ToCome], new: &NewDeployment) {
    let ours = new.tasks.iter().map(|new| &new.task).find(|task| task.key() == entry.key());
    match ours {
        Some(task) => {
            entry.take(&task.containers);
            entry.replicas = task.scale.map(|scale| scale.to).or(entry.replicas);
        }
        None => {
            for coming in moving {
                if coming.key() == entry.key() {
                    entry.take(&coming.changes);
                    entry.replicas = coming.scale.map(|scale| scale.to).or(entry.replicas);
                }
            }
        }
    }
}

fn reason(new: &NewDeployment, preview: &Preview) -> String {
    if let Some(id) = preview.undo_of {
        return format!("undo of {id}");
    }
    if let Some(id) = preview.retry_of {
        return format!("rest of {id}");
    }
    let moved = new.tasks.iter().find_map(|new| Some((&new.task, new.task.original.as_ref()?)));
    if let Some((task, original)) = moved {
        return format!("{} moves from {} to {}", task.namespace, original.cluster, task.cluster);
    }
    match &preview.deploy {
        Some(deploy) => match deploy.revision {
            Some(number) => format!("rollback to revision {number}"),
            None => first_of(&versions(new)),
        },
        None => format!("sync from {}", preview.source_name),
    }
}

/// What is deployed, service by service.
fn versions(new: &NewDeployment) -> Vec<String> {
    let version = |new: &store::NewTask| {
        let moved = new.task.containers.iter().find(|change| change.moves());
        let version = moved.map(|moved| ImageRef::parse(&moved.to).version());
        let other = if new.task.scale.is_some() { "replicas" } else { "variables" };
        format!("{} {}", new.task.name, version.as_deref().unwrap_or(other))
    };
    new.tasks.iter().map(version).collect()
}
