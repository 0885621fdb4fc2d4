//! Use cases of deployments that exist: looking at them and cancelling them.

use std::cmp::Reverse;

use chrono::{TimeDelta, Utc};
use domain::{
    deployment::{Deployment, DeploymentStatus, HistoryDay, HistoryQuery, Task, TaskPod},
    event::Event,
    health,
    id::{DeploymentId, EnvironmentId},
    image::ImageRef,
    list::{DEFAULT_PAGE_SIZE, Page, Paging},
    metrics::Metrics,
    sync::ContainerChange,
    workload::{PodFacts, WorkloadKey},
};
use futures::{Stream, StreamExt, stream};
use tokio::sync::broadcast::{self, error::RecvError};

use local::{Observed, Place};

use crate::{
    Context, Error,
    events::{self, Told},
};

/// How many of a deployment's events are shown on its page.
const RECENT: u64 = 2_000;
/// How many of those that failed are told.
const FEW: u32 = 4;
/// How many events are read at once.
const BATCH: u64 = 500;
/// The kind of the event that cancelling was asked for.
pub(crate) const CANCELLING: &str = "deployment.cancelling";
/// The kind of a deployment's last event.
const ENDED: &str = "deployment.ended";

/// One deployment with its tasks, and the addresses of what is up.
pub async fn get(ctx: &Context, id: DeploymentId) -> Result<Deployment, Error> {
    let mut deployment = find(ctx, id).await?;
    add_addresses(ctx, &mut deployment.results).await?;
    Ok(deployment)
}

/// Says where those services answer that are this machine's and up.
async fn add_addresses(ctx: &Context, tasks: &mut [Task]) -> Result<(), Error> {
    let Ok(site) = ctx.control().local.site() else { return Ok(()) };
    let clusters = ctx.store().clusters(Some(site.id().into())).await?;
    for task in tasks {
        let Some(cluster) = clusters.iter().find(|cluster| cluster.id == task.cluster_id) else { continue };
        let place = Place::new(&cluster.external_id, &task.namespace, &task.name).ok();
        let service = place.and_then(|place| site.service(&place)).filter(Observed::is_up);
        task.address = service.and_then(|service| service.address);
    }
    Ok(())
}

async fn find(ctx: &Context, id: DeploymentId) -> Result<Deployment, Error> {
    ctx.store().deployment(id).await.map_err(|error| match error {
        store::Error::NotFound => Error::NotFound { noun: "deployment", name: id.to_string() },
        other => other.into(),
    })
}

/// Deployments under way.
pub async fn running(ctx: &Context) -> Result<Vec<Deployment>, Error> {
    Ok(ctx.store().running_deployments().await?)
}

/// A page of the history, newest first.
pub async fn history(ctx: &Context, query: HistoryQuery) -> Result<Page<Deployment>, Error> {
    let paging = Paging::new(query.page, query.page_size, DEFAULT_PAGE_SIZE);
    Ok(ctx.store().history(&query, paging).await?)
}

/// The last deployments that failed or were put back, newest first.
pub async fn failed_lately(ctx: &Context) -> Result<Vec<Deployment>, Error> {
    let mut found = Vec::new();
    for status in [DeploymentStatus::Failed, DeploymentStatus::PutBack] {
        let query = HistoryQuery { status: Some(status.to_string()), ..Default::default() };
        let paging = Paging::new(None, Some(FEW), FEW);
        found.extend(ctx.store().history(&query, paging).await?.items);
    }
    found.sort_by_key(|one| Reverse(one.start_time));
    found.truncate(FEW as usize);
    Ok(found)
}

/// The history's last days, oldest first, those without a deployment included.
pub async fn days(
    ctx: &Context,
    environment: Option<EnvironmentId>,
    days: u32,
) -> Result<Vec<HistoryDay>, Error> {
    let today = Utc::now().date_naive();
    let first = today - TimeDelta::days(i64::from(days.clamp(1, 366)) - 1);
    let found = ctx.store().history_days(environment, first.and_time(Default::default()).and_utc()).await?;
    let day_of = |date: chrono::NaiveDate| {
        let day = date.to_string();
        found
            .iter()
            .find(|found| found.day == day)
            .cloned()
            .unwrap_or(HistoryDay { day, ..Default::default() })
    };
    Ok(first.iter_days().take_while(|date| *date <= today).map(day_of).collect())
}

/// How deployments went in the last days.
pub async fn metrics(ctx: &Context, days: u32) -> Result<Metrics, Error> {
    let days = days.clamp(1, 366);
    let history = self::days(ctx, None, days).await?;
    let first = Utc::now().date_naive() - TimeDelta::days(i64::from(days) - 1);
    let ended = ctx.store().ended_since(first.and_time(Default::default()).and_utc()).await?;
    Ok(Metrics::of(days, &ended, history))
}

/// Asks a deployment to begin nothing more; what has begun is followed to its end.
pub async fn cancel(ctx: &Context, id: DeploymentId) -> Result<Deployment, Error> {
    let deployment = find(ctx, id).await?;
    let mut write = ctx.store().write().await?;
    if !write.request_cancel(id).await? {
        let detail = format!("This deployment has ended already ({}).", deployment.status);
        return Err(Error::conflict("deployment_ended", detail));
    }
    let event = ctx.event(CANCELLING, "cancelling was asked for").deployment(id);
    write.append(event.environment(deployment.target_environment_id)).await?;
    write.commit().await?;
    // One that has not begun need not wait for its turn.
    ctx.control().observer.wake_engine();
    get(ctx, id).await
}

/// All of a deployment's events, oldest first.
pub async fn events(ctx: &Context, id: DeploymentId) -> Result<Vec<Event>, Error> {
    find(ctx, id).await?;
    Ok(ctx.store().events_of(id, None).await?)
}

/// A deployment's events as they come, from the first; ends with the deployment, or when the server stops.
pub fn follow(ctx: &Context, id: DeploymentId) -> impl Stream<Item = Event> + use<> {
    let told = ctx.control().told.subscribe();
    let begun = Follow { ctx: ctx.clone(), id, after: 0, behind: true, told };
    let told = stream::try_unfold(begun, |mut follow| async move {
        Ok::<_, Error>(follow.next().await?.map(|events| (events, follow)))
    });
    told.filter_map(|events| async move { events.ok().map(stream::iter) }).flatten()
}

/// Hears of all events and reads the database only where some may have been missed: many that follow one deployment each
/// do not cost more than the events.
struct Follow {
    ctx: Context,
    id: DeploymentId,
    after: i64,
    /// Something may have been missed: it is in the database.
    behind: bool,
    told: broadcast::Receiver<Told>,
}

impl Follow {
    /// What has happened next; nothing once the deployment has ended.
    async fn next(&mut self) -> Result<Option<Vec<Event>>, Error> {
        let stopping = self.ctx.control().stopping();
        loop {
            if self.behind {
                // Read before its events, so that the last ones are not missed.
                let ended = find(&self.ctx, self.id).await?.status.ended();
                let events = self.ctx.store().events_of_after(self.id, self.after, BATCH).await?;
                if let Some(last) = events.last().map(|event| event.seq) {
                    self.after = last;
                    return Ok(Some(events));
                }
                if ended {
                    return Ok(None);
                }
                self.behind = false;
            }
            let told = tokio::select! {
                () = stopping.cancelled() => return Ok(None),
                told = self.told.recv() => told,
            };
            match told {
                Ok(told) => {
                    let events = self.own(&told);
                    if let Some(last) = events.last() {
                        self.after = last.seq;
                        self.behind = events.iter().any(|event| event.kind == ENDED);
                        return Ok(Some(events));
                    }
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }

    /// Those of the deployment that were not read before.
    fn own(&self, told: &Told) -> Vec<Event> {
        let events = told.iter().filter_map(|message| message.event.as_deref());
        let own = |event: &&Event| event.deployment_id == Some(self.id) && event.seq > self.after;
        events.filter(own).cloned().collect()
    }
}

/// A deployment's newest events, oldest first.
pub async fn recent_events(ctx: &Context, id: DeploymentId) -> Result<Vec<Event>, Error> {
    find(ctx, id).await?;
    Ok(ctx.store().events_of(id, Some(RECENT)).await?)
}

/// The pods of a deployment's workloads, as the watches last saw them.
pub async fn pods(ctx: &Context, id: DeploymentId) -> Result<Vec<TaskPod>, Error> {
    let deployment = find(ctx, id).await?;
    let mut pods = Vec::new();
    for task in deployment.results {
        let key = WorkloadKey { namespace: task.namespace, kind: task.kind, name: task.name };
        for pod in ctx.control().pods_of(task.cluster_id, &key).await {
            pods.push(TaskPod {
                task_id: task.id,
                words: words_of(&pod),
                tag: pod.containers.first().map(|c| ImageRef::parse(&c.image).version()).unwrap_or_default(),
                new: runs(&pod, &task.containers),
                name: pod.name,
                ready: pod.ready,
                deleting: pod.deleting,
            });
        }
    }
    Ok(pods)
}

/// Whether a pod was made of the images that the changes move to.
fn runs(pod: &PodFacts, changes: &[ContainerChange]) -> bool {
    changes.iter().filter(|change| change.moves()).all(|change| pod.has(&change.name, &change.to))
}

fn words_of(pod: &PodFacts) -> String {
    match health::trouble(std::slice::from_ref(pod)) {
        _ if pod.deleting => "terminating".into(),
        Some(trouble) => trouble,
        None if pod.ready => "ready".into(),
        None => pod.phase.to_lowercase(),
    }
}

/// Waits until a deployment has ended.
pub async fn ended(ctx: &Context, id: DeploymentId) -> Result<Deployment, Error> {
    let mut told = ctx.control().told.subscribe();
    let stopping = ctx.control().stopping();
    loop {
        let deployment = get(ctx, id).await?;
        if deployment.status.ended() || stopping.is_cancelled() {
            return Ok(deployment);
        }
        tokio::select! {
            () = events::heard(&mut told, |event| event.kind == ENDED && event.deployment_id == Some(id)) => {}
            () = stopping.cancelled() => {}
        }
    }
}
