//! Faults that can be switched on, by cluster and by rate: which there are, and whom they hit.

mod actor;
mod answers;
mod clock;
mod line;
mod watching;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::stats::Call;
pub(crate) use actor::{hang, interfere};
pub(crate) use answers::{cut, instead, refused_after_all};
pub(crate) use clock::{shift, shifted_answer};
pub(crate) use line::{Line, LineListener, Reset};
pub(crate) use watching::disturb;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Each answer is held back for a while: 20 ms, or as long as the rule says.
    Latency,
    /// 429 with `Retry-After` of as many whole seconds as the rule says, at least one.
    TooManyRequests,
    /// 500 with a `Status`.
    InternalError,
    /// 503 with a `Status`.
    Unavailable,
    /// The connection is reset, and nothing of what was asked for is done.
    Reset,
    /// What was asked for is done, and then the connection is reset in the place of an answer.
    ResetAfter,
    /// What was asked for is done, and the connection ends in the middle of the answer.
    Cut,
    /// A web page in the place of JSON: with 200 or 502, as it happens.
    Html,
    /// A watch ends: at once, or after as long as the rule says.
    DropWatch,
    /// A watch is open, and nothing comes, not even bookmarks or its end.
    SilentWatch,
    /// Of two events in a row, a watch tells the later one first.
    OutOfOrder,
    /// A watch tells every event twice.
    Repeat,
    /// 410 for a watch, and for a list that is gone on with.
    Gone,
    /// 401: the token has expired.
    ExpiredToken,
    /// 401: there is no such token.
    RevokedToken,
    /// The cluster's agent is down.
    Dead,
    /// The cluster's clock is an hour ahead.
    Clock,
    /// A dry run is accepted, and the change itself is refused.
    DryRunOnly,
    /// Nobody rolls a change out.
    Hang,
    /// Someone else changes the same workload, right before or right after, as it happens.
    OtherActor,
}

/// Whom a fault hits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// The fault.
    pub fault: Fault,
    /// Which share of the requests it hits: all of them where absent.
    #[serde(default = "always")]
    pub rate: f64,
    /// The ids of the clusters it hits: all of them where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<Vec<String>>,
    /// How long it lasts, where it is one that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub millis: Option<u64>,
}

fn always() -> f64 {
    1.0
}

impl FaultRule {
    /// A fault that hits a share of all requests to all clusters.
    pub fn new(fault: Fault, rate: f64) -> Self {
        Self { fault, rate, clusters: None, millis: None }
    }

    /// Every fault, so that a share of all requests is hit by some fault, and of watches and changes by one of theirs too.
    pub fn mix(share: f64) -> Vec<Self> {
        let kind = |fault: Fault| [Call::Get, Call::Patch].map(|call| fault.concerns(call));
        let fellows =
            |fault: Fault| Fault::ALL.into_iter().filter(|other| kind(*other) == kind(fault)).count();
        let rate = |fault| share / f64::from(u32::try_from(fellows(fault)).unwrap_or(u32::MAX));
        Fault::ALL.into_iter().map(|fault| Self::new(fault, rate(fault))).collect()
    }

    fn is_about(&self, cluster: &str) -> bool {
        self.clusters.as_ref().is_none_or(|ids| ids.iter().any(|id| id == cluster))
    }
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 20] = [
        Self::Latency,
        Self::TooManyRequests,
        Self::InternalError,
        Self::Unavailable,
        Self::Reset,
        Self::ResetAfter,
        Self::Cut,
        Self::Html,
        Self::DropWatch,
        Self::SilentWatch,
        Self::OutOfOrder,
        Self::Repeat,
        Self::Gone,
        Self::ExpiredToken,
        Self::RevokedToken,
        Self::Dead,
        Self::Clock,
        Self::DryRunOnly,
        Self::Hang,
        Self::OtherActor,
    ];

    /// Whether it can hit a request of this kind.
    fn concerns(self, call: Call) -> bool {
        match self {
            Self::Cut => call != Call::Watch,
            Self::DropWatch | Self::SilentWatch | Self::OutOfOrder | Self::Repeat => call == Call::Watch,
            Self::Gone => matches!(call, Call::Watch | Call::List),
            Self::DryRunOnly | Self::Hang | Self::OtherActor => call == Call::Patch,
            _ => true,
        }
    }
}

/// The rules that hold at the moment, and the chance by which they hit.
#[derive(Debug)]
pub(crate) struct Faults(Mutex<Present>);

#[derive(Debug)]
struct Present {
    rules: Vec<FaultRule>,
    chance: StdRng,
    /// Ends when other rules come.
    over: CancellationToken,
}

/// What goes wrong with one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drawn {
    hits: BTreeMap<Fault, Option<Duration>>,
    /// Ends when other rules come.
    pub(crate) over: CancellationToken,
    /// For faults that come in two kinds.
    pub(crate) coin: bool,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        let chance = StdRng::seed_from_u64(seed);
        Self(Mutex::new(Present { rules: Vec::new(), chance, over: CancellationToken::new() }))
    }

    pub(crate) fn rules(&self) -> Vec<FaultRule> {
        self.present().rules.clone()
    }

    /// Puts rules in the place of those before, and lets chance begin anew where a seed is given. Watches that are open
    /// end, so that the next ones meet the new rules.
    pub(crate) fn set(&self, rules: Vec<FaultRule>, seed: Option<u64>) {
        let mut present = self.present();
        present.rules = rules;
        std::mem::take(&mut present.over).cancel();
        if let Some(seed) = seed {
            present.chance = StdRng::seed_from_u64(seed);
        }
    }

    /// Decides what goes wrong with a request.
    pub(crate) fn draw(&self, cluster: &str, call: Call) -> Drawn {
        let mut present = self.present();
        let Present { rules, chance, over } = &mut *present;
        let concerned = rules.iter().filter(|rule| rule.is_about(cluster) && rule.fault.concerns(call));
        let hit = concerned.filter(|rule| chance.random::<f64>() < rule.rate);
        let hits = hit.map(|rule| (rule.fault, rule.millis.map(Duration::from_millis))).collect();
        Drawn { hits, over: over.clone(), coin: chance.random() }
    }

    /// Whether a cluster's agent is down for good.
    pub(crate) fn is_dead(&self, cluster: &str) -> bool {
        let down = |rule: &FaultRule| rule.fault == Fault::Dead && rule.rate >= 1.0 && rule.is_about(cluster);
        self.present().rules.iter().any(down)
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drawn {
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.hits.contains_key(&fault)
    }

    /// How long a fault that was drawn lasts: as long as its rule says, else `usual`.
    pub(crate) fn lasts(&self, fault: Fault, usual: Duration) -> Option<Duration> {
        self.hits.get(&fault).map(|duration| duration.unwrap_or(usual))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_hits_its_share_of_each_kind_of_request() {
        let rules = FaultRule::mix(0.3);
        let share = |concerned: &dyn Fn(Fault) -> bool| -> f64 {
            rules.iter().filter(|rule| concerned(rule.fault)).map(|rule| rule.rate).sum()
        };
        assert_eq!(rules.len(), Fault::ALL.len());
        let every = |fault: Fault| fault.concerns(Call::Get);
        let watches = |fault: Fault| fault.concerns(Call::Watch) && !fault.concerns(Call::Get);
        let changes = |fault: Fault| fault.concerns(Call::Patch) && !fault.concerns(Call::Get);
        for share in [share(&every), share(&watches), share(&changes)] {
            assert!((share - 0.3).abs() < 1e-9, "{share}");
        }
    }
}
