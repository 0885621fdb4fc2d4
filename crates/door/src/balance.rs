//! Chooses where a request goes: a version by its weight, then of its replicas the one with the least to do.

use std::sync::Arc;

use domain::front_door::{Route, VersionCounts};

use crate::{
    counts::Counts,
    replica::{Lease, Replica},
};

/// So many versions that are not served any more are still told of.
const REMEMBERED: usize = 16;

/// A version with ready replicas.
#[derive(Debug)]
struct Version {
    image: String,
    weight: i64,
    /// How far it is behind its share; the one that is furthest behind is the next. Over any stretch of requests shares are
    /// as exact as whole requests can be.
    owed: i64,
    replicas: Vec<Arc<Replica>>,
    counts: Arc<Counts>,
}

/// The ready replicas of a service.
#[derive(Debug, Default)]
pub(crate) struct Balance {
    versions: Vec<Version>,
    /// Of every version that was served, the first that was first.
    counts: Vec<(String, Arc<Counts>)>,
    /// How many were chosen.
    chosen: u64,
}

impl Balance {
    /// Takes up new replicas and weights. Those that are no longer among them are given back.
    pub(crate) fn take(&mut self, route: &Route) -> Vec<Arc<Replica>> {
        let mut before = std::mem::take(&mut self.versions);
        let mut known: Vec<Arc<Replica>> =
            before.iter_mut().flat_map(|version| version.replicas.drain(..)).collect();
        for version in &route.versions {
            let replica = |port: &u16| match known.iter().position(|known| known.port() == *port) {
                Some(at) => known.swap_remove(at),
                None => Arc::new(Replica::new(*port)),
            };
            let replicas: Vec<Arc<Replica>> = version.replicas.iter().map(replica).collect();
            let weight = version.weight.map_or(replicas.len() as i64, i64::from);
            let owed = before.iter().find(|known| known.image == version.image).map_or(0, |known| known.owed);
            let counts = self.counts_of(&version.image);
            self.versions.push(Version { image: version.image.clone(), weight, owed, replicas, counts });
        }
        self.forget();
        known
    }

    fn counts_of(&mut self, image: &str) -> Arc<Counts> {
        if let Some((_, counts)) = self.counts.iter().find(|(known, _)| known == image) {
            return counts.clone();
        }
        let counts = Arc::<Counts>::default();
        self.counts.push((image.to_owned(), counts.clone()));
        counts
    }

    /// Drops the oldest counts of what is not served any more.
    fn forget(&mut self) {
        let served = |image: &str| self.versions.iter().any(|version| version.image == image);
        let past = self.counts.iter().filter(|(image, _)| !served(image)).count();
        let mut too_many = past.saturating_sub(REMEMBERED);
        self.counts.retain(|(image, _)| {
            let drops = too_many > 0 && !self.versions.iter().any(|version| version.image == *image);
            too_many -= usize::from(drops);
            !drops
        });
    }

    /// Chooses a replica that was not tried yet; none where there is none.
    pub(crate) fn choose(&mut self, tried: &[u16]) -> Option<Lease> {
        let untried = |replica: &&Arc<Replica>| !tried.contains(&replica.port());
        let open =
            |version: &&mut Version| version.weight > 0 && version.replicas.iter().any(|it| untried(&it));
        let mut total = 0;
        for version in self.versions.iter_mut().filter(open) {
            version.owed += version.weight;
            total += version.weight;
        }
        let version = self.versions.iter_mut().filter(open).max_by_key(|version| version.owed)?;
        version.owed -= total;
        let replica = version.replicas.iter().filter(untried).min_by_key(|replica| replica.rank())?;
        self.chosen += 1;
        Some(Lease::new(replica.clone(), version.counts.clone(), self.chosen))
    }

    /// Whether any request could be served.
    pub(crate) fn is_empty(&self) -> bool {
        self.versions.iter().all(|version| version.weight == 0 || version.replicas.is_empty())
    }

    /// What was counted.
    pub(crate) fn told(&self) -> Vec<VersionCounts> {
        self.counts.iter().map(|(image, counts)| counts.told(image)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::front_door::Version;

    use super::*;

    fn version(image: &str, weight: Option<u32>, replicas: &[u16]) -> Version {
        Version { image: image.into(), weight, replicas: replicas.into() }
    }

    fn balance(versions: Vec<Version>) -> Balance {
        let mut balance = Balance::default();
        balance.take(&Route { service: "cart".into(), port: 1, versions });
        balance
    }

    /// How many of so many requests went where, each over before the next.
    fn shares(balance: &mut Balance, requests: usize) -> BTreeMap<u16, usize> {
        let mut shares = BTreeMap::new();
        for _ in 0..requests {
            *shares.entry(balance.choose(&[]).unwrap().port()).or_default() += 1;
        }
        shares
    }

    #[test]
    fn versions_share_by_weight_and_replicas_evenly() {
        let mut given = balance(vec![
            version("a:1", Some(90), &[1, 2]),
            version("a:2", Some(10), &[3]),
            version("a:3", Some(0), &[4]),
        ]);
        assert_eq!(shares(&mut given, 100), BTreeMap::from([(1, 45), (2, 45), (3, 10)]));
        let mut by_number = balance(vec![version("a:1", None, &[1, 2]), version("a:2", None, &[3])]);
        assert_eq!(shares(&mut by_number, 30), BTreeMap::from([(1, 10), (2, 10), (3, 10)]));
    }

    #[test]
    fn the_replica_with_the_least_to_do_is_next() {
        let mut balance = balance(vec![version("a:1", None, &[1, 2])]);
        let slow = balance.choose(&[]).unwrap();
        for _ in 0..3 {
            assert_ne!(balance.choose(&[]).unwrap().port(), slow.port());
        }
        drop(slow);
        assert_eq!(shares(&mut balance, 10), BTreeMap::from([(1, 5), (2, 5)]));
    }

    #[test]
    fn what_was_tried_is_not_tried_again() {
        let mut balance = balance(vec![version("a:1", Some(1), &[1]), version("a:2", Some(0), &[2])]);
        assert!(balance.choose(&[1]).is_none());
        assert_eq!(balance.choose(&[]).map(|lease| lease.port()), Some(1));
        assert!(!balance.is_empty());
        balance.take(&Route {
            service: "cart".into(),
            port: 1,
            versions: vec![version("a:2", Some(0), &[2])],
        });
        assert!(balance.is_empty());
    }

    #[test]
    fn what_left_is_given_back_with_what_it_still_does_and_counts_stay() {
        let mut balance = balance(vec![version("a:0", None, &[1, 2])]);
        let slow = balance.choose(&[]).unwrap();
        for number in 1..=40 {
            let route = Route {
                service: "cart".into(),
                port: 1,
                versions: vec![version(&format!("a:{number}"), None, &[2])],
            };
            let left = balance.take(&route);
            assert_eq!(
                left.iter().map(|replica| replica.port()).collect::<Vec<_>>(),
                if number == 1 { vec![1] } else { vec![] }
            );
        }
        drop(slow);
        assert_eq!(balance.told().len(), REMEMBERED + 1);
    }
}
