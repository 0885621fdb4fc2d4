//! The services of the seeded shop, with their versions stage by stage.

use super::manifest::Extra;
use crate::kinds::Kind;

/// A service of the shop; the arrays are development, staging and production.
pub(super) struct Service {
    pub(super) team: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) tags: [&'static str; 3],
    pub(super) replicas: [i64; 3],
    pub(super) extra: Extra,
}

const fn deployment(
    team: &'static str,
    name: &'static str,
    tags: [&'static str; 3],
    replicas: [i64; 3],
    extra: Extra,
) -> Service {
    Service { team, name, kind: Kind::Deployment, tags, replicas, extra }
}

const fn other(kind: Kind, team: &'static str, name: &'static str, tags: [&'static str; 3]) -> Service {
    Service { team, name, kind, tags, replicas: [1, 1, 2], extra: Extra::None }
}

const ISTIO: Extra = Extra::Sidecar("registry.example.com/mesh/proxy:1.22.3");
const MIGRATE: Extra = Extra::Init("registry.example.com/payments/ledger-migrations:3.4.0");

/// Every service, in every stage.
pub(super) const SERVICES: &[Service] = &[
    deployment("shop", "storefront", ["2.31.0", "2.30.4", "2.28.1"], [2, 2, 4], Extra::None),
    deployment("shop", "cart", ["1.14.2", "1.14.0", "1.12.7"], [1, 2, 3], Extra::None),
    deployment("shop", "checkout", ["4.2.0", "4.1.3", "4.1.3"], [1, 1, 3], Extra::None),
    deployment("shop", "catalog", ["3.9.1", "3.9.1", "3.9.1"], [1, 2, 2], Extra::None),
    deployment("shop", "search", ["0.19.0", "0.18.2", "0.17.5"], [1, 1, 2], Extra::None),
    deployment("shop", "inventory", ["2.6.0-rc.1", "2.5.4", "2.5.2"], [1, 1, 2], Extra::None),
    deployment("shop", "recommendations", ["1.8.0-crash.1", "1.7.9", "1.7.4"], [1, 1, 2], Extra::None),
    deployment("shop", "media-resizer", ["1.3.0", "1.3.0", "1.2.8"], [1, 0, 1], Extra::None),
    deployment("shop", "reviews", ["5.0.2", "5.0.1", "4.9.9"], [1, 1, 2], Extra::Helm),
    deployment("shop", "wishlist", ["1.1.0", "1.1.0", "1.1.0"], [1, 1, 1], Extra::None),
    other(Kind::StatefulSet, "shop", "session-cache", ["7.2.5", "7.2.5", "7.2.4"]),
    deployment("payments", "payment-gateway", ["6.12.0", "6.11.2", "6.10.0"], [2, 2, 3], Extra::None),
    deployment("payments", "ledger", ["3.4.0", "3.3.1", "3.2.6"], [1, 1, 2], MIGRATE),
    deployment("payments", "fraud-check", ["2.2.0-missing", "2.1.4", "2.1.1"], [1, 1, 2], Extra::None),
    deployment("payments", "refunds", ["1.5.3", "1.5.3", "1.5.0"], [1, 1, 1], Extra::ArgoCd),
    deployment("payments", "payouts", ["0.9.8", "0.9.6", "0.9.6"], [1, 1, 1], Extra::None),
    deployment("payments", "webhooks", ["2.0.1", "2.0.0", "1.9.3"], [1, 1, 2], Extra::None),
    deployment("payments", "currency-rates", ["latest", "latest", "latest"], [1, 1, 1], Extra::Moving),
    other(Kind::StatefulSet, "payments", "ledger-db", ["16.4", "16.4", "16.3"]),
    other(Kind::CronJob, "payments", "invoice-cron", ["1.22.0", "1.21.5", "1.20.0"]),
    deployment("platform", "api-gateway", ["9.4.0", "9.3.2", "9.1.0"], [2, 2, 3], Extra::None),
    deployment("platform", "identity", ["4.17.1", "4.17.0", "4.15.2"], [1, 2, 3], Extra::None),
    deployment("platform", "notifications", ["1.10.0", "1.9.4", "1.9.4"], [1, 1, 2], Extra::Flux),
    deployment("platform", "mailer", ["0.7.2", "0.7.2", "0.7.2"], [1, 1, 1], Extra::None),
    deployment("platform", "audit-log", ["2.3.0", "2.2.8", "2.2.8"], [1, 1, 2], ISTIO),
    deployment("platform", "feature-flags", ["3.0.0", "2.14.1", "2.13.0"], [1, 1, 2], Extra::Fleet),
    other(Kind::CronJob, "platform", "report-cron", ["0.4.1", "0.4.1", "0.4.0"]),
    other(Kind::DaemonSet, "platform", "node-agent", ["1.6.3", "1.6.2", "1.5.9"]),
];

/// What runs in every cluster's own namespaces.
pub(super) const SYSTEM: &[(&str, Kind, &str, &str)] = &[
    ("kube-system", Kind::Deployment, "coredns", "registry.k8s.io/coredns/coredns:v1.11.1"),
    ("kube-system", Kind::DaemonSet, "kube-proxy", "registry.k8s.io/kube-proxy:v1.30.4"),
    ("cattle-system", Kind::Deployment, "cattle-cluster-agent", "rancher/rancher-agent:v2.9.3"),
];
