//! The clusters that the driver is tried on, and the hands of others in them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{
    secret::Secret,
    service::{Container, WorkloadKind},
    site::SiteKind,
    workload::WorkloadKey,
};
use futures::{StreamExt, stream::BoxStream};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{EnvVar, Namespace, Secret as KubeSecret},
};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use platform::{Connection, ImageChange, Platform, WatchEvent};
use secrecy::ExposeSecret;
use serde_json::json;

/// How long an event that must come may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster with a namespace of the test's own, in which `web` runs.
pub(crate) struct Target {
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) cluster: String,
    pub(crate) namespace: String,
    others: Client,
}

impl Target {
    /// A simulated cluster behind a stand-in Rancher.
    pub(crate) async fn stand_in(server: &standin::Server) -> Self {
        let connection = rancher(&server.url(), standin::ADMIN_TOKEN);
        let cluster = "c-m-stage001";
        let url = format!("{}/k8s/clusters/{cluster}", server.url());
        let mut config = Config::new(url.parse().unwrap());
        config.auth_info.token = Some(standin::ADMIN_TOKEN.to_owned().into());
        Self::new(&connection, cluster, config).await
    }

    /// The cluster that `KUBECONFIG` names, if it does.
    pub(crate) async fn real() -> Option<Self> {
        let path = std::env::var_os("KUBECONFIG")?;
        let kubeconfig = Kubeconfig::read_from(path).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let token = config.auth_info.token.as_ref().expect("the kubeconfig signs in with a token");
        let connection = Connection {
            kind: SiteKind::Kubernetes,
            url: config.cluster_url.to_string(),
            token: Secret::new(token.expose_secret()),
            ca_certificate: config.root_cert.as_deref().map(pem),
            patience: Default::default(),
        };
        Some(Self::new(&connection, "default", config).await)
    }

    async fn new(connection: &Connection, cluster: &str, others: Config) -> Self {
        let platform = platform::connect(connection).unwrap();
        let others = Client::try_from(others).unwrap();
        let namespace = format!("driver-{}-{:08x}", std::process::id(), rand::random::<u32>());
        let target = Self { platform, cluster: cluster.to_owned(), namespace, others };
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": target.namespace}});
        let namespaces: Api<Namespace> = Api::all(target.others.clone());
        namespaces.create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()).await.unwrap();
        target.create_web().await;
        target
    }

    /// Which workload the tests are about.
    pub(crate) fn web(&self) -> WorkloadKey {
        WorkloadKey { namespace: self.namespace.clone(), kind: WorkloadKind::Deployment, name: "web".into() }
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.others.clone(), &self.namespace)
    }

    async fn create_web(&self) {
        let labels = json!({"app": "web"});
        let web = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": self.namespace},
            "spec": {
                "replicas": 1, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                    {"name": "app", "image": "web:v1", "env": [{"name": "KEPT", "value": "yes"}]},
                    {"name": "sidecar", "image": "sidecar:v1"},
                ]}},
            },
        });
        self.deployments()
            .create(&PostParams::default(), &serde_json::from_value(web).unwrap())
            .await
            .unwrap();
    }

    /// The deployment's object, as others see it.
    pub(crate) async fn object(&self) -> Deployment {
        self.deployments().get("web").await.unwrap()
    }

    /// The entries of the app's environment, by name.
    pub(crate) async fn env(&self) -> BTreeMap<String, EnvVar> {
        let containers = self.object().await.spec.unwrap().template.spec.unwrap().containers;
        let app = containers.into_iter().find(|container| container.name == "app").unwrap();
        app.env.unwrap_or_default().into_iter().map(|var| (var.name.clone(), var)).collect()
    }

    /// The values in the Secret of the deployment; none where there is none.
    pub(crate) async fn secret_values(&self) -> Option<BTreeMap<String, Vec<u8>>> {
        let secrets: Api<KubeSecret> = Api::namespaced(self.others.clone(), &self.namespace);
        let secret = secrets.get_opt("lockstep-deployment-web").await.unwrap()?;
        assert_eq!(secret.metadata.owner_references.unwrap()[0].name, "web");
        Some(secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect())
    }

    /// Someone else moves the app's image.
    pub(crate) async fn others_move_to(&self, image: &str) {
        let containers = json!([{"name": "app", "image": image}]);
        let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        self.deployments().patch("web", &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
    }

    /// Someone else deletes the deployment.
    pub(crate) async fn others_delete(&self) {
        self.deployments().delete("web", &DeleteParams::default()).await.unwrap();
    }

    /// Removes what the test made.
    pub(crate) async fn clean_up(&self) {
        let namespaces: Api<Namespace> = Api::all(self.others.clone());
        namespaces.delete(&self.namespace, &DeleteParams::default()).await.unwrap();
    }

    /// A change of the app's image, from what runs now, in the name of `deployment`.
    pub(crate) async fn change_to(&self, image: &str, deployment: &str) -> ImageChange {
        let snapshot = self.platform.workload(&self.cluster, &self.web()).await.unwrap().unwrap();
        let from = snapshot.workload.containers;
        let moved = |container: &Container| match container.name.as_str() {
            "app" => Container { image: image.to_owned(), ..container.clone() },
            _ => container.clone(),
        };
        ImageChange {
            uid: snapshot.workload.uid,
            to: from.iter().map(moved).collect(),
            from,
            variables: None,
            scale: None,
            deployment: deployment.to_owned(),
            seen: None,
            back: false,
        }
    }
}

/// A connection to a Rancher.
pub(crate) fn rancher(url: &str, token: &str) -> Connection {
    Connection {
        kind: SiteKind::Rancher,
        url: url.to_owned(),
        token: Secret::new(token),
        ca_certificate: None,
        patience: Default::default(),
    }
}

/// Waits for the event that `pick` picks.
pub(crate) async fn wait_for<T>(
    events: &mut BoxStream<'static, WatchEvent>,
    mut pick: impl FnMut(WatchEvent) -> Option<T>,
) -> T {
    let picked = async {
        loop {
            let event = events.next().await.expect("a watch never ends");
            if let Some(picked) = pick(event) {
                return picked;
            }
        }
    };
    tokio::time::timeout(PATIENCE, picked).await.expect("the event comes")
}

fn pem(certificates: &[Vec<u8>]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let one = |der: &Vec<u8>| {
        let lines: Vec<String> = STANDARD
            .encode(der)
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    certificates.iter().map(one).collect()
}
