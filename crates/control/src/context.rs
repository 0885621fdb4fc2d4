//! What every use case is given: the acting user, and the running server's parts.

use std::sync::Arc;

use domain::{event::NewEvent, patience::Patience};
use store::Store;
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Error, Vault, capacity::Capacities, cluster, engine, events, local_site::LocalSite, observer::Observer,
    platforms::Platforms,
};

/// What a server is made of.
pub struct Options {
    /// The database.
    pub store: Store,
    /// Seals and opens tokens.
    pub vault: Vault,
    /// Names this server among those that share a database, and no other that ever did.
    pub server_name: String,
    /// How long clusters are waited for.
    pub patience: Patience,
    /// This machine's site; none where nothing may run on it.
    pub local: Option<local::Options>,
}

/// A running server's parts: the database, the connections, and the work in the background.
pub struct Control {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) platforms: Platforms,
    pub(crate) local: LocalSite,
    pub(crate) observer: Observer,
    pub(crate) capacities: Capacities,
    /// What is observed, for [`events::tell`] to gather.
    pub(crate) observed: broadcast::Sender<events::Observed>,
    /// What all event streams are told.
    pub(crate) told: broadcast::Sender<events::Told>,
    pub(crate) server_name: String,
    pub(crate) patience: Patience,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Who acts, and on what.
#[derive(Clone)]
pub struct Context {
    control: Arc<Control>,
    actor: Arc<str>,
}

impl Control {
    /// Starts the watches and the engine.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn start(options: Options) -> Result<Arc<Self>, Error> {
        if options.store.is_sqlite() {
            // Nobody else can hold a lease on a database that this server alone owns: what it left is taken up at once.
            let mut write = options.store.write().await?;
            write.release_all_leases().await?;
            write.commit().await?;
        }
        let local = LocalSite::open(&options.store, &options.vault, options.local).await?;
        let (observer, inbox) = Observer::new();
        let control = Arc::new(Self {
            store: options.store,
            vault: options.vault,
            platforms: Platforms::default(),
            local,
            observer,
            capacities: Capacities::default(),
            observed: broadcast::Sender::new(1024),
            told: broadcast::Sender::new(events::TOLD),
            server_name: options.server_name,
            patience: options.patience,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        control.tasks.spawn(crate::observer::run(control.clone(), inbox, control.stop.clone()));
        control.tasks.spawn(events::tell(control.clone(), control.stop.clone()));
        control.tasks.spawn(engine::run(control.clone(), control.stop.clone()));
        if let Some(site) = control.local.id() {
            // Its clusters may have been made with another database.
            cluster::discover(&Context::new(control.clone(), "lockstep"), site).await?;
        }
        Ok(control)
    }

    /// Ends the work in the background. What it was doing goes on at the next start.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Err(error) = self.release().await {
            // Others wait until it runs out.
            tracing::warn!(error = &error as &dyn std::error::Error, "what this server had is not given up");
        }
        self.local.close().await;
    }

    /// Lets other servers go on at once with what this one had. On SQLite there are none.
    async fn release(&self) -> Result<(), Error> {
        if self.store.is_sqlite() {
            return Ok(());
        }
        let mut write = self.store.write().await?;
        write.release_watches(&self.server_name).await?;
        write.release_leases(&self.server_name).await?;
        Ok(write.commit().await?)
    }

    /// Ends when the server stops.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs something until it ends or the server stops.
    pub(crate) fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(work));
    }
}

impl Context {
    /// The context of a user's request.
    pub fn new(control: Arc<Control>, actor: &str) -> Self {
        Self { control, actor: actor.into() }
    }

    /// Who acts.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The running server.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    pub(crate) fn store(&self) -> &Store {
        &self.control.store
    }

    /// An event of this user's doing.
    pub(crate) fn event(&self, kind: &'static str, message: impl Into<String>) -> NewEvent {
        NewEvent::new(kind, &self.actor, message)
    }
}
