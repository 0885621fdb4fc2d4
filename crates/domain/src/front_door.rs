//! Front doors: stable addresses of local services, what they pass requests to, and what they have counted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::problem::FieldError;

/// Latencies below this are told to the microsecond.
const FINE: u64 = 8;
/// And those above it in so many steps for each doubling: within an eighth.
const STEPS: u64 = 8;
/// Those of over a minute are in the last step, however long they are.
pub const LATENCY_STEPS: usize = 200;

/// Everything that the front doors of a machine serve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Routes {
    /// One for each service with a front door, each at another port.
    pub routes: Vec<Route>,
}

/// Where requests for one service go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The service, as people call it.
    pub service: String,
    /// The port on loopback at which its front door listens.
    pub port: u16,
    /// Those of its versions that have ready replicas.
    pub versions: Vec<Version>,
}

/// The ready replicas of one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// What version of what it is, written like an image.
    pub image: String,
    /// Its share of the requests, against the weights of the others: none at 0, by the number of its replicas where it is not
    /// given.
    pub weight: Option<u32>,
    /// The replicas' ports on loopback.
    pub replicas: Vec<u16>,
}

/// What came of new routes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// The front doors that cannot listen; all others serve what they were given.
    pub shut: Vec<Shut>,
}

/// A front door that cannot listen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shut {
    /// Its port.
    pub port: u16,
    /// Why not.
    pub why: String,
}

/// What the front doors of a machine have counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Since when; a front door that was started again has begun anew.
    pub since: DateTime<Utc>,
    /// Each front door.
    pub services: Vec<ServiceCounts>,
}

/// What one front door has counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceCounts {
    /// The service, as people call it.
    pub service: String,
    /// The front door's port.
    pub port: u16,
    /// Requests that no replica was there for, answered 503.
    pub unserved: u64,
    /// What each version has done, the first that was served first.
    pub versions: Vec<VersionCounts>,
}

/// What one version has done behind its front door. Requests of all versions, and the unserved, add up to those that came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionCounts {
    /// What version of what it is, written like an image.
    pub image: String,
    /// Requests that it has now, connections that were upgraded among them.
    pub under_way: u64,
    /// Requests that it has answered, or that were lost with it.
    pub requests: u64,
    /// Of these, those that it answered with a status of 500 or above.
    pub failures: u64,
    /// Tries at which a replica of it gave no answer, whether or not another one answered then.
    pub unreached: u64,
    /// How long it was until an answer began.
    pub latency: Latency,
}

/// How often what took how long, in steps of at most an eighth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// The steps that something has fallen into, shortest first.
    pub steps: Vec<LatencyStep>,
}

/// One step of latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LatencyStep {
    /// The longest that belongs to it, in microseconds.
    pub up_to_us: u64,
    /// How many took that long, and longer than the step before.
    pub count: u64,
}

/// Weights of a service's versions at most, and the heaviest.
const MOST_WEIGHTS: usize = 100;
const HEAVIEST: u32 = 1_000_000;

/// How a service's requests are shared between its versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "weights": { "shop/web:1.4.0": 90, "shop/web:1.5.0": 10 }
})))]
#[serde(rename_all = "camelCase")]
pub struct Weights {
    /// Each version's share against the others, by image: none at 0. A version that is not named counts by its ready replicas.
    pub weights: BTreeMap<String, u32>,
}

impl Weights {
    /// What is wrong with them.
    pub fn fault(&self) -> Option<FieldError> {
        let fits = |(image, weight): (&String, &u32)| !image.trim().is_empty() && *weight <= HEAVIEST;
        let fine = self.weights.len() <= MOST_WEIGHTS && self.weights.iter().all(fits);
        let words = format!(
            "At most {MOST_WEIGHTS} versions, each named by its image, with weights up to {HEAVIEST}."
        );
        (!fine).then(|| FieldError::new("weights", words))
    }
}

/// What came through a service's front door, version by version. All counts only go up, from when the front doors were opened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// The front door's address.
    pub address: Option<String>,
    /// Requests that no replica was there for, answered 503.
    pub unserved: u64,
    /// The versions, those that have served before first.
    pub versions: Vec<VersionTraffic>,
}

/// What came to one version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionTraffic {
    /// What version of what it is, written like an image.
    pub image: String,
    /// Its share against the other versions' weights; none where it counts by its ready replicas.
    pub weight: Option<u32>,
    /// Its replicas that are ready, among which its requests are shared.
    pub ready: u64,
    /// Requests that it has now.
    pub under_way: u64,
    /// Requests that it has answered, or that were lost with it.
    pub requests: u64,
    /// Of these, those that it answered with a status of 500 or above.
    pub failures: u64,
    /// Tries at which a replica of it gave no answer, whether or not another one answered then.
    pub unreached: u64,
    /// How long half of its answers took at most to begin, in microseconds.
    pub p50_us: Option<u64>,
    /// The same of 95 of 100.
    pub p95_us: Option<u64>,
    /// The same of 99 of 100.
    pub p99_us: Option<u64>,
}

impl VersionTraffic {
    /// Of a version that nothing has come to yet.
    pub fn none_yet(image: &str) -> Self {
        Self { image: image.to_owned(), ..Self::default() }
    }
}

impl From<VersionCounts> for VersionTraffic {
    fn from(counts: VersionCounts) -> Self {
        let quantile = |share| counts.latency.quantile(share);
        Self {
            weight: None,
            ready: 0,
            under_way: counts.under_way,
            requests: counts.requests,
            failures: counts.failures,
            unreached: counts.unreached,
            p50_us: quantile(0.5),
            p95_us: quantile(0.95),
            p99_us: quantile(0.99),
            image: counts.image,
        }
    }
}

impl Latency {
    /// From how often each step was met, from the first step on.
    pub fn of(counts: impl IntoIterator<Item = u64>) -> Self {
        let steps = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
        let step = |(step, count)| LatencyStep { up_to_us: latency_up_to(step), count };
        Self { steps: steps.map(step).collect() }
    }

    /// How many were measured.
    pub fn count(&self) -> u64 {
        self.steps.iter().map(|step| step.count).sum()
    }

    /// What a share of them, from 0 to 1, did not exceed, in microseconds; none where none was measured.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut met = 0;
        let mut within = self.steps.iter().skip_while(|step| {
            met += step.count;
            met < wanted
        });
        within.next().map(|step| step.up_to_us)
    }
}

/// Which step a latency in microseconds belongs to.
pub fn latency_step(us: u64) -> usize {
    if us < FINE {
        return us as usize;
    }
    let doublings = u64::from(us.ilog2() - FINE.ilog2());
    let within = (us >> doublings) - FINE;
    ((FINE + doublings * STEPS + within) as usize).min(LATENCY_STEPS - 1)
}

/// The longest latency of a step, in microseconds.
fn latency_up_to(step: usize) -> u64 {
    let step = step as u64;
    if step < FINE {
        return step;
    }
    let (doublings, within) = ((step - FINE) / STEPS, (step - FINE) % STEPS);
    ((FINE + within + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_latency_is_in_a_step_that_is_at_most_an_eighth_longer() {
        let mut last = 0;
        for us in (0..5_000).chain((5_000..80_000_000).step_by(4_999)) {
            let step = latency_step(us);
            let up_to = latency_up_to(step);
            assert!(step >= last && us <= up_to && up_to - us <= us / 8, "{us} in {step}, up to {up_to}");
            last = step;
        }
        assert_eq!(latency_step(u64::MAX), LATENCY_STEPS - 1);
    }

    #[test]
    fn quantiles_are_told() {
        let mut counts = [0; LATENCY_STEPS];
        for us in 1..=1_000 {
            counts[latency_step(us)] += 1;
        }
        let latency = Latency::of(counts);
        assert_eq!(latency.count(), 1_000);
        for (share, exact) in [(0.5, 500), (0.95, 950), (0.99, 990), (1.0, 1_000)] {
            let told = latency.quantile(share).unwrap();
            assert!((exact..=exact * 9 / 8).contains(&told), "{share}: {told}");
        }
        assert_eq!(Latency::default().quantile(0.5), None);
    }
}
