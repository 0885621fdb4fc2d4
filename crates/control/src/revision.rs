//! Use cases of revisions: what an environment should run, how that came about, and what differs from it.

use std::collections::{HashMap, HashSet};

use chrono::Utc;
use domain::{
    id::{EnvironmentId, ServiceId},
    list::{DEFAULT_PAGE_SIZE, Page, Paging},
    revision::{
        ChangeKind, Drift, NewRevision, Revision, RevisionDiff, RevisionEntry, RevisionSummary, diff,
    },
    settings, validate, variable,
};

use crate::{
    Context, Error, environment,
    sync::{
        deploy::{of_replicas, of_versions},
        revision::There,
    },
    variable::given_otherwise,
};

/// A page of an environment's revisions, newest first.
pub async fn list(
    ctx: &Context,
    environment: EnvironmentId,
    page: Option<u32>,
    page_size: Option<u32>,
) -> Result<Page<RevisionSummary>, Error> {
    environment::get(ctx, environment).await?;
    Ok(ctx.store().revisions(environment, Paging::new(page, page_size, DEFAULT_PAGE_SIZE)).await?)
}

/// One revision in full.
pub async fn get(ctx: &Context, environment: EnvironmentId, number: i64) -> Result<Revision, Error> {
    environment::get(ctx, environment).await?;
    ctx.store().revision(environment, number).await.map_err(|error| match error {
        store::Error::NotFound => Error::NotFound { noun: "revision", name: number.to_string() },
        other => other.into(),
    })
}

/// What differs from one revision to another.
pub async fn compare(
    ctx: &Context,
    environment: EnvironmentId,
    from: i64,
    to: i64,
) -> Result<RevisionDiff, Error> {
    let (before, after) = (get(ctx, environment, from).await?, get(ctx, environment, to).await?);
    let changes = diff(&before.entries, &after.entries);
    let variables = variable::diff(&before.variables, &after.variables);
    let same = after.entries.len().saturating_sub(changes.iter().filter(|change| change.is_there()).count());
    let settings = match (&before.settings, &after.settings) {
        (Some(before), Some(after)) => settings::diff(before, after),
        // What was not written down then is not known to differ.
        _ => Vec::new(),
    };
    Ok(RevisionDiff { from, to, same: same as u64, changes, variables, settings })
}

/// How what runs differs from the active revision. What a deployment is just bringing is not counted.
pub async fn drift(ctx: &Context, environment: EnvironmentId) -> Result<Drift, Error> {
    environment::get(ctx, environment).await?;
    let Some(active) = ctx.store().active_revision(environment).await? else {
        return Ok(Drift { revision: 0, workloads: 0, changes: Vec::new(), variables: Vec::new() });
    };
    let there = There::now(ctx, environment).await?;
    let ids: Vec<ServiceId> = there.observed.iter().map(|service| service.id).collect();
    let busy: HashSet<ServiceId> = ctx.store().busy(&ids).await?.into_iter().map(|(id, _)| id).collect();
    let observed: Vec<RevisionEntry> = there.observed.iter().map(|service| there.entry(service)).collect();
    let moving: Vec<_> = there
        .observed
        .iter()
        .zip(&observed)
        .filter(|(service, _)| busy.contains(&service.id))
        .map(|(_, entry)| entry.key())
        .collect();
    let meant: Vec<RevisionEntry> =
        active.entries.into_iter().filter(|entry| there.bound.contains(&entry.app_instance_id)).collect();
    let mut changes = diff(&meant, &observed);
    // What the revision leaves to others is no drift.
    for change in &mut changes {
        change.replicas = change.replicas.filter(|replicas| replicas.from.is_some());
    }
    changes.retain(|it| it.change != ChangeKind::Changed || !it.images.is_empty() || it.replicas.is_some());
    changes.retain(|change| !moving.contains(&change.key()));
    let still = there.observed.iter().filter(|service| !busy.contains(&service.id));
    let variables = given_otherwise(ctx, environment, there.manages, &active.variables, still);
    Ok(Drift { revision: active.number, workloads: observed.len() as u64, changes, variables })
}

/// Makes a revision. One of what is observed is active at once, since it runs; one of chosen versions waits to be deployed.
pub async fn create(
    ctx: &Context,
    environment: EnvironmentId,
    new: NewRevision,
) -> Result<RevisionSummary, Error> {
    let found = environment::get(ctx, environment).await?;
    let reason = validate::text("reason", &new.reason).map_err(|error| Error::Invalid(vec![error]))?;
    if new.capture != (new.versions.is_empty() && new.replicas.is_empty()) {
        let words = "Take over what runs, or choose versions and replicas: one of the two.";
        return Err(Error::invalid("capture", words));
    }
    let there = There::now(ctx, environment).await?;
    let mut write = ctx.store().write().await?;
    write.hold_environment(environment).await?;
    let latest = write.latest_revision(environment).await?;
    if new.base != latest.as_ref().map_or(0, |latest| latest.number) {
        return Err(latest.as_ref().map_or_else(no_base, Error::stale));
    }
    let entries = if new.capture {
        let active = write.active_revision(environment).await?.map(|active| active.entries);
        captured(active, &there, &new.services)?
    } else {
        let wanted = match new.versions.is_empty() {
            true => HashMap::new(),
            false => of_versions(&new.versions, &found, &there.observed)?,
        };
        let replicas = of_replicas(&new.replicas, &there.observed, there.manages)?;
        let mut entries = there.carried_on(latest.as_ref().map(|it| it.entries.clone()));
        for service in &there.observed {
            let (images, replicas) = (wanted.get(&service.id), replicas.get(&service.id));
            if images.is_none() && replicas.is_none() {
                continue;
            }
            let now = RevisionEntry::of(service);
            if let Some(entry) = entries.iter_mut().find(|entry| entry.key() == now.key()) {
                images.into_iter().for_each(|images| entry.set_images(images));
                entry.replicas = replicas.copied().or(entry.replicas);
            }
        }
        entries
    };
    let same = latest.as_ref().is_some_and(|latest| diff(&latest.entries, &entries).is_empty());
    // What runs may stand in a revision that is not active yet, such as one that settings made before there was any.
    if same
        && (!new.capture
            || write.active_revision(environment).await?.map(|active| active.number) == Some(new.base))
    {
        return Err(no_change(new.base));
    }
    let number = write.insert_revision(&row(ctx, environment, entries, reason)).await?;
    if new.capture {
        write.activate_revision(environment, number).await?;
    }
    let message = format!("{} made revision {number} of {}", ctx.actor(), found.name);
    write.append(ctx.event("revision.created", message).environment(environment)).await?;
    write.commit().await?;
    let page = ctx.store().revisions(environment, Paging { page: 1, page_size: 1 }).await?;
    page.items.into_iter().next().ok_or(Error::NotFound { noun: "revision", name: number.to_string() })
}

/// An edit that names the revision it started from, where there is none.
pub(crate) fn no_base() -> Error {
    Error::invalid("base", "There is no revision yet: leave it out.")
}

/// An edit after which everything is as before.
pub(crate) fn no_change(number: i64) -> Error {
    Error::conflict("no_change", format!("Revision {number} says exactly this already."))
}

pub(crate) fn row(
    ctx: &Context,
    environment: EnvironmentId,
    entries: Vec<RevisionEntry>,
    reason: String,
) -> store::NewRevision {
    store::NewRevision {
        environment_id: environment,
        entries,
        variables: None,
        settings: None,
        deployment_id: None,
        author: ctx.actor().to_owned(),
        reason,
        created_at: Utc::now(),
    }
}

/// What runs; where services are named, only theirs, and the rest as the active revision has it.
fn captured(
    active: Option<Vec<RevisionEntry>>,
    there: &There,
    services: &[ServiceId],
) -> Result<Vec<RevisionEntry>, Error> {
    if services.is_empty() {
        return Ok(there.observed.iter().map(|service| there.entry(service)).collect());
    }
    let mut entries = there.carried_on(active);
    for id in services {
        let service = there.observed.iter().find(|service| service.id == *id);
        let now = service.map(|service| there.entry(service));
        let now = now.ok_or_else(|| Error::invalid("services", format!("There is no service {id} here.")))?;
        if let Some(entry) = entries.iter_mut().find(|entry| entry.key() == now.key()) {
            *entry = now;
        }
    }
    Ok(entries)
}

/// Refuses an older revision that was not asked for as a rollback.
pub(crate) fn older(number: i64, active: i64) -> Error {
    Error::conflict(
        "older_revision",
        format!(
            "Revision {number} is older than {active}, which is active. Roll back to it if that is meant."
        ),
    )
}
