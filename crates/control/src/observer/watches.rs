//! Which clusters this server watches: those whose lease it has.

use std::{collections::HashMap, sync::Arc};

use chrono::Utc;
use domain::{cluster::WatchState, id::ClusterId, site::SiteKind};
use store::{ClusterTarget, WatchLease};
use tokio_util::sync::CancellationToken;

use super::watcher;
use crate::{Control, Error, events::Observed, mutex::lock};

/// What could be watched from here, and what is.
#[derive(Default)]
pub(super) struct Watches {
    wanted: HashMap<ClusterId, ClusterTarget>,
    running: HashMap<ClusterId, Watch>,
}

struct Watch {
    target: ClusterTarget,
    lease: WatchLease,
    stop: CancellationToken,
}

impl Watches {
    /// Renews this server's leases, takes what nobody watches, and starts and stops watchers accordingly; with `read`, what
    /// there is to watch is read again before.
    pub(super) async fn bring_about(
        &mut self,
        control: &Arc<Control>,
        stop: &CancellationToken,
        read: bool,
    ) -> Result<(), Error> {
        if read {
            self.read(control).await?;
            self.leave(control).await?;
        }
        let mut leases = self.leases(control).await?;
        let goes_on = |id: &ClusterId, watch: &Watch| {
            leases.get(id) == Some(&watch.lease) && self.wanted.get(id) == Some(&watch.target)
        };
        let ended = self.running.extract_if(|id, watch| !goes_on(id, watch));
        for (id, watch) in ended {
            watch.stop.cancel();
            if leases.get(&id) != Some(&watch.lease) {
                control.observer.lose(id);
            }
        }
        for (id, target) in &self.wanted {
            if !self.running.contains_key(id)
                && let Some(lease) = leases.remove(id)
            {
                self.running.insert(*id, begin(control, stop, target.clone(), lease));
            }
        }
        Ok(())
    }

    async fn read(&mut self, control: &Control) -> Result<(), Error> {
        let ours = |target: &ClusterTarget| {
            // Another server's own machine is watched by that server.
            target.site_kind != SiteKind::Local || control.local.id() == Some(target.site_id)
        };
        let targets = control.store.cluster_targets().await?.into_iter().filter(ours);
        self.wanted = targets.map(|target| (target.id, target)).collect();
        Ok(())
    }

    /// Stops watching what is not to be watched any more. What is shown of it is as of now, until it is watched again.
    async fn leave(&mut self, control: &Control) -> Result<(), Error> {
        let unwanted: Vec<_> = self.running.extract_if(|id, _| !self.wanted.contains_key(id)).collect();
        for (id, watch) in &unwanted {
            watch.stop.cancel();
            control.observer.lose(*id);
        }
        for (id, watch) in unwanted {
            let mut write = control.store.write().await?;
            match write.hold_watches(&[&watch.lease]).await {
                // It is another server's to say so.
                Err(store::Error::LeaseLost) => continue,
                held => held?,
            }
            write.set_watch(id, WatchState::Idle, Some(Utc::now()), None).await?;
            write.commit().await?;
            let _ = control.observed.send(Observed::default());
        }
        Ok(())
    }

    /// The leases that this server has now.
    async fn leases(&self, control: &Control) -> Result<HashMap<ClusterId, WatchLease>, Error> {
        let wanted: Vec<ClusterId> = self.wanted.keys().copied().collect();
        let leases = match control.store.is_sqlite() {
            true => wanted.into_iter().map(WatchLease::alone).collect(),
            false => {
                let now = control.store.now().await?;
                let mut write = control.store.write().await?;
                let time = control.lease_time();
                let leases = write.share_watches(&control.server_name, &wanted, now, time).await?;
                write.commit().await?;
                leases
            }
        };
        Ok(leases.into_iter().map(|lease| (lease.cluster, lease)).collect())
    }

    /// Stores when clusters were heard of: all at once, and not at every event. So exact is the time of a lost contact after
    /// a crash.
    pub(super) async fn store_contacts(&self, control: &Control) -> Result<(), Error> {
        let mut heard: Vec<_> = std::mem::take(&mut *lock(&control.observer.heard)).into_iter().collect();
        heard.retain(|(id, _)| self.running.contains_key(id));
        if heard.is_empty() {
            return Ok(());
        }
        let leases: Vec<_> = heard.iter().filter_map(|(id, _)| Some(&self.running.get(id)?.lease)).collect();
        let mut write = control.store.write().await?;
        write.hold_watches(&leases).await?;
        write.set_contacts(&heard).await?;
        Ok(write.commit().await?)
    }
}

fn begin(
    control: &Arc<Control>,
    stop: &CancellationToken,
    target: ClusterTarget,
    lease: WatchLease,
) -> Watch {
    let token = stop.child_token();
    let watch = Watch { target: target.clone(), lease: lease.clone(), stop: token.clone() };
    let view = control.observer.view(target.id);
    let watcher = watcher::run(control.clone(), target, lease, view);
    control.spawn(async move {
        token.run_until_cancelled(watcher).await;
    });
    watch
}
