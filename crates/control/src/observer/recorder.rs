//! Stores what the watches tell: of all clusters that have news at the same moment in one transaction.

use store::{ObservedService, ServiceKey, Store, WatchLease};
use tokio::sync::{mpsc, oneshot};

use crate::Error;

/// How many clusters may wait for their turn without being held up.
const WAITING: usize = 64;
/// How many services a transaction takes on before it is committed, so that others get to write.
const AT_ONCE: usize = 500;

/// What was found out about one cluster.
pub(super) struct Findings {
    /// The right to say so.
    pub(super) lease: WatchLease,
    /// Services as they are now.
    pub(super) changed: Vec<ObservedService>,
    /// Services that are no more.
    pub(super) gone: Vec<ServiceKey>,
}

/// Findings, and who waits until they are stored.
struct Waiting {
    findings: Findings,
    stored: oneshot::Sender<Result<Findings, Error>>,
}

/// Takes findings to be stored.
pub(super) struct Recorder(mpsc::Sender<Waiting>);

/// Findings on their way to the database.
pub(crate) struct Inbox(mpsc::Receiver<Waiting>);

impl Recorder {
    /// A recorder, and what [`run`] stores for it.
    pub(super) fn new() -> (Self, Inbox) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Inbox(receiver))
    }

    /// Gives findings back once they are stored; never, when the server stops before.
    pub(super) async fn store(&self, findings: Findings) -> Result<Findings, Error> {
        let (stored, answer) = oneshot::channel();
        let _ = self.0.send(Waiting { findings, stored }).await;
        match answer.await {
            Ok(outcome) => outcome,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Stores findings for ever.
pub(super) async fn run(store: Store, mut inbox: Inbox) {
    while let Some(first) = inbox.0.recv().await {
        let mut waiting = vec![first];
        let services = |one: &Waiting| one.findings.changed.len() + one.findings.gone.len();
        while waiting.iter().map(services).sum::<usize>() < AT_ONCE
            && let Ok(next) = inbox.0.try_recv()
        {
            waiting.push(next);
        }
        let together = waiting.len() > 1 && write(&store, &waiting).await.is_ok();
        for one in waiting {
            // What one cluster's findings break is not the others' fault.
            let outcome = if together { Ok(()) } else { write(&store, std::slice::from_ref(&one)).await };
            let _ = one.stored.send(outcome.map(|()| one.findings));
        }
    }
}

async fn write(store: &Store, waiting: &[Waiting]) -> Result<(), Error> {
    let mut write = store.write().await?;
    let leases: Vec<_> = waiting.iter().map(|one| &one.findings.lease).collect();
    write.hold_watches(&leases).await?;
    let changed: Vec<_> = waiting.iter().flat_map(|one| &one.findings.changed).collect();
    write.upsert_services(&changed).await?;
    for Waiting { findings: Findings { lease, gone, .. }, .. } in waiting {
        write.delete_services(lease.cluster, gone).await?;
    }
    Ok(write.commit().await?)
}
