//! The one boundary to everything that runs workloads: the [`Platform`] trait and its drivers.
//!
//! [`connect`] gives a site's driver. Drivers speak in `domain` types and give out typed [`Error`]s whose text a
//! person can act on; they hold no state that matters, so a new one can be made for every edit of a site.

mod access;
mod apply;
mod capacity;
mod checks;
mod client;
mod cluster;
mod confirmed;
mod connector;
mod env;
mod error;
mod facts;
mod failure;
mod follow;
pub mod kubeconfig;
pub mod kubernetes;
mod list;
mod objects;
pub mod rancher;
mod resource;
mod secret;
mod sign_in;
mod told;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    capacity::Capacity,
    cluster::ClusterState,
    patience::Patience,
    relocation::Original,
    replicas::ReplicaChange,
    secret::Secret,
    service::Container,
    site::{Check, SiteKind, SiteTest},
    variable::Opened,
    workload::{PodFacts, WorkloadFacts, WorkloadKey},
};
use futures::stream::BoxStream;

pub use confirmed::{Verdict, verdict};
pub use error::Error;

/// Where a site is and how to sign in.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Rancher or Kubernetes.
    pub kind: SiteKind,
    /// The server's address, `https://…` or `http://…`.
    pub url: String,
    /// The API token.
    pub token: Secret,
    /// PEM of a private CA.
    pub ca_certificate: Option<String>,
    /// How long it is waited for.
    pub patience: Patience,
}

/// A cluster as its site lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundCluster {
    /// The site's own id of it.
    pub external_id: String,
    /// Its name.
    pub name: String,
    /// Whether the site reaches it.
    pub state: ClusterState,
    /// The site's words where it does not.
    pub message: Option<String>,
    /// Its Kubernetes version.
    pub kubernetes_version: Option<String>,
}

/// A namespace as its cluster lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundNamespace {
    /// Its name.
    pub name: String,
    /// The Rancher project's name, where there is one.
    pub project: Option<String>,
}

/// Which namespaces are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of the cluster, by one watch per kind.
    Cluster,
    /// These only, for a token that may not list the whole cluster.
    Namespaces(Vec<String>),
}

/// What a watch tells. The stream never ends by itself: it reconnects with back-off and says [`WatchEvent::Lost`] meanwhile.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// A fresh, whole list of one kind replaces what was known of that kind (in that namespace, if one is given).
    Listed {
        /// The kind listed.
        kind: domain::service::WorkloadKind,
        /// The only namespace listed, where the scope is not the whole cluster.
        namespace: Option<String>,
        /// All there are; empty also where the server does not serve the kind.
        workloads: Vec<WorkloadFacts>,
    },
    /// A fresh, whole list of pods.
    ListedPods {
        /// The only namespace listed, where the scope is not the whole cluster.
        namespace: Option<String>,
        /// All there are.
        pods: Vec<PodFacts>,
    },
    /// A workload was made or has changed.
    Changed(WorkloadFacts),
    /// A workload is gone.
    Gone(WorkloadKey),
    /// A pod was made or has changed.
    PodChanged(PodFacts),
    /// A pod is gone.
    PodGone {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The token may not list a kind, with the reason; it is tried again. Everything else goes on.
    Denied {
        /// The kind.
        kind: domain::service::WorkloadKind,
        /// The only namespace meant, where the scope is not the whole cluster.
        namespace: Option<String>,
        /// Why, and what to do.
        words: String,
    },
    /// Contact was lost, with the reason; it is tried again.
    Lost(String),
    /// The server was heard of (a bookmark, say), with nothing new; the end of a loss of contact.
    Alive,
}

/// A workload and its pods, read now.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The workload.
    pub workload: WorkloadFacts,
    /// Its pods; empty where they may not be read.
    pub pods: Vec<PodFacts>,
}

/// A change of images, and of variables where they go with them, bound to what was confirmed.
#[derive(Clone, Debug)]
pub struct ImageChange {
    /// The object that was confirmed.
    pub uid: String,
    /// All its containers as confirmed: with any other images the change is not made.
    pub from: Vec<Container>,
    /// The same containers with the images to come.
    pub to: Vec<Container>,
    /// The variables that go with it; none where they stay as they are. Only for workloads whose facts have any.
    pub variables: Option<VariableChange>,
    /// The replicas that go with it; none where they stay as they are.
    pub scale: Option<ReplicaChange>,
    /// The deployment's id, written into the annotation [`DEPLOYMENT_ANNOTATION`].
    pub deployment: String,
    /// The workload as a watch told it last: it need not be read if it is still so, which the platform checks by its
    /// version.
    pub seen: Option<WorkloadFacts>,
    /// A way back: where the images are there already, it does not matter who put them there.
    pub back: bool,
}

/// A change of the variables that a workload is given.
#[derive(Clone, Debug, PartialEq)]
pub struct VariableChange {
    /// Those of when it was confirmed: with any others the change is not made.
    pub from: Opened,
    /// Those to come.
    pub to: Opened,
}

/// A workload that is copied to another cluster of the same site, with all that it is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// What is copied.
    pub key: WorkloadKey,
    /// Where it is, and its UID there: nothing else of its name is copied.
    pub original: Original,
    /// The cluster where it goes.
    pub to: String,
    /// The UID that the copy gets.
    pub uid: String,
    /// The deployment's id.
    pub deployment: String,
}

/// Names the deployment that last changed a workload, so that our own change is told from another's.
pub const DEPLOYMENT_ANNOTATION: &str = "lockstep.dev/deployment";

/// Names the variables that Lockstep has set in a workload's manifest, so that they are told from all others.
pub const VARIABLES_ANNOTATION: &str = "lockstep.dev/variables";

/// What came of changing images.
#[derive(Clone, Debug, PartialEq)]
pub enum SetImages {
    /// The platform accepted the change now.
    Accepted,
    /// The images are there already, by this deployment: an earlier try got through.
    AlreadyThere,
    /// The object or its images are not what was confirmed. Nothing was sent. In words, with what was found.
    Changed(String),
}

impl SetImages {
    /// There is no such workload any more.
    pub fn gone(key: &WorkloadKey) -> Self {
        Self::Changed(format!("{key} was deleted since the preview"))
    }
}

/// Is told each check of a connection as it ends.
pub type Told<'a> = &'a (dyn Fn(&Check) + Send + Sync);

/// Something that runs workloads. Every method may be called again after a crash without harm.
#[async_trait]
pub trait Platform: Send + Sync {
    /// Tries the connection, check by check, and tells each as it ends; failures are in the result.
    async fn test(&self, told: Told<'_>) -> SiteTest;

    /// The site's clusters; those it cannot reach are listed as such.
    async fn clusters(&self) -> Result<Vec<FoundCluster>, Error>;

    /// How much of a cluster there is, and how much of that is taken.
    async fn capacity(&self, cluster: &str) -> Result<Capacity, Error>;

    /// A cluster's namespaces, by name.
    async fn namespaces(&self, cluster: &str) -> Result<Vec<FoundNamespace>, Error>;

    /// A namespace's UID, by which it is known again through whatever site; `None` where there is no such namespace.
    async fn namespace_uid(&self, cluster: &str, namespace: &str) -> Result<Option<String>, Error>;

    /// Whether workloads and pods may be listed over the whole cluster, so that one watch per kind is enough.
    async fn may_list_everything(&self, cluster: &str) -> Result<bool, Error>;

    /// Follows workloads and pods.
    fn watch(&self, cluster: &str, scope: Scope) -> BoxStream<'static, WatchEvent>;

    /// Reads one workload and its pods; `None` where there is no such workload.
    async fn workload(&self, cluster: &str, key: &WorkloadKey) -> Result<Option<Snapshot>, Error>;

    /// Moves images, only if the object and its images are what was confirmed, or only tries it (`dry_run`).
    async fn set_images(
        &self,
        cluster: &str,
        key: &WorkloadKey,
        change: &ImageChange,
        dry_run: bool,
    ) -> Result<SetImages, Error>;

    /// Copies a workload, or only tries it (`dry_run`). A copy that is there by this change and still like its original is
    /// [`SetImages::AlreadyThere`]. For sites that make workloads: elsewhere it is rejected.
    async fn copy(&self, _copy: &Copy, _dry_run: bool) -> Result<SetImages, Error> {
        Err(Error::Rejected("Lockstep makes no workloads on this kind of site.".to_owned()))
    }

    /// Removes a workload, where it is still the one with this UID; it may take a while to end.
    async fn remove(&self, _cluster: &str, _key: &WorkloadKey, _uid: &str) -> Result<(), Error> {
        Err(Error::Rejected("Lockstep removes no workloads on this kind of site.".to_owned()))
    }
}

/// A site's driver. It must be made within a Tokio runtime.
pub fn connect(connection: &Connection) -> Result<Arc<dyn Platform>, Error> {
    match &connection.kind {
        SiteKind::Rancher => Ok(Arc::new(rancher::Rancher::new(connection)?)),
        SiteKind::Kubernetes => Ok(Arc::new(kubernetes::Kubernetes::new(connection)?)),
        SiteKind::Local => Err(Error::Address("A local site is not connected to from elsewhere.".to_owned())),
        SiteKind::Unknown(kind) => {
            Err(Error::Address(format!("This version does not know sites of kind “{kind}”.")))
        }
    }
}

/// Tries a connection, check by check, also one that cannot even be begun.
pub async fn test(begun: Result<Arc<dyn Platform>, Error>, told: Told<'_>) -> SiteTest {
    match begun {
        Ok(platform) => platform.test(told).await,
        Err(error) => checks::refused(&error, told),
    }
}
