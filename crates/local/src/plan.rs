//! What to do next to a service's replicas. Pure, so every case of it can be tried.
//!
//! Rolling: one replica more than wanted may be there meanwhile, and no ready one is stopped unless as many as are wanted
//! stay ready.

/// More replicas than wanted that may be there while others replace them.
const SURGE: usize = 1;

/// A replica as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its port, by which it is known.
    pub(crate) port: u16,
    /// Runs what is wanted now.
    pub(crate) current: bool,
    /// Has a holder.
    pub(crate) held: bool,
    /// Serves.
    pub(crate) ready: bool,
    /// Is being stopped.
    pub(crate) retiring: bool,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Make and start a replica of what is wanted now.
    Create,
    /// Start a holder for one that is recorded and has none.
    Hold(u16),
    /// Stop and remove one.
    Retire(u16),
}

/// What to do now; nothing where it is as wanted, or where something is waited for.
pub(crate) fn plan(wanted: u16, seen: &[Seen]) -> Vec<Step> {
    let wanted = usize::from(wanted);
    let (current, mut old): (Vec<&Seen>, Vec<&Seen>) =
        seen.iter().filter(|replica| !replica.retiring).partition(|replica| replica.current);
    let mut steps: Vec<Step> =
        current.iter().filter(|replica| !replica.held).map(|replica| Step::Hold(replica.port)).collect();

    // Of those too many, the ones that serve nobody go first.
    let mut surplus = current.clone();
    surplus.sort_by_key(|replica| replica.ready);
    surplus.truncate(current.len().saturating_sub(wanted));
    old.sort_by_key(|replica| replica.ready);
    let mut spare =
        (current.iter().chain(&old).filter(|replica| replica.ready).count()).saturating_sub(wanted);
    let mut left = current.len() + old.len();
    for replica in old.into_iter().chain(surplus) {
        if replica.ready && spare == 0 {
            continue;
        }
        spare -= usize::from(replica.ready);
        left -= 1;
        steps.push(Step::Retire(replica.port));
    }
    let room = (wanted + SURGE).saturating_sub(left);
    let missing = wanted.saturating_sub(current.len());
    steps.extend(std::iter::repeat_n(Step::Create, room.min(missing)));
    steps
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;

    fn replica(port: u16, current: bool, ready: bool) -> Seen {
        Seen { port, current, held: true, ready, retiring: false }
    }

    #[test]
    fn as_many_as_are_wanted_are_made_at_once_where_there_is_nothing() {
        assert_eq!(plan(3, &[]), [Step::Create, Step::Create, Step::Create]);
        assert_eq!(plan(0, &[]), []);
    }

    #[test]
    fn one_more_is_made_before_one_that_is_ready_goes() {
        let old = [replica(1, false, true), replica(2, false, true)];
        assert_eq!(plan(2, &old), [Step::Create]);
        let starting = [old[0].clone(), old[1].clone(), replica(3, true, false)];
        assert_eq!(plan(2, &starting), [], "it is waited for");
        let ready = [old[0].clone(), old[1].clone(), replica(3, true, true)];
        assert_eq!(plan(2, &ready), [Step::Retire(1), Step::Create]);
    }

    #[test]
    fn what_serves_nobody_is_replaced_at_once() {
        let old = [replica(1, false, false), replica(2, false, false)];
        assert_eq!(plan(2, &old), [Step::Retire(1), Step::Retire(2), Step::Create, Step::Create]);
    }

    #[test]
    fn the_way_back_keeps_what_still_runs() {
        let back = [replica(1, true, true), replica(2, true, true), replica(3, false, false)];
        assert_eq!(plan(2, &back), [Step::Retire(3)]);
    }

    #[test]
    fn one_without_a_holder_gets_one_again() {
        let lost = Seen { held: false, ready: false, ..replica(1, true, false) };
        assert_eq!(plan(1, &[lost]), [Step::Hold(1)]);
    }

    #[test]
    fn fewer_are_wanted() {
        let three = [replica(1, true, true), replica(2, true, false), replica(3, true, true)];
        assert_eq!(plan(1, &three), [Step::Retire(2), Step::Retire(1)]);
        assert_eq!(plan(0, &three), [Step::Retire(2), Step::Retire(1), Step::Retire(3)]);
    }

    /// Carries a plan's steps out; new replicas get ports from `next` on.
    fn act(steps: &[Step], seen: &mut Vec<Seen>, next: &mut u16) {
        for step in steps {
            match step {
                Step::Create => {
                    *next += 1;
                    seen.push(replica(*next, true, false));
                }
                Step::Hold(port) => of(seen, *port).held = true,
                Step::Retire(port) => of(seen, *port).retiring = true,
            }
        }
    }

    fn of(seen: &mut [Seen], port: u16) -> &mut Seen {
        seen.iter_mut().find(|replica| replica.port == port).expect("a plan names replicas that are there")
    }

    fn serving(seen: &[Seen]) -> usize {
        seen.iter().filter(|replica| replica.ready && !replica.retiring).count()
    }

    proptest! {
        /// From whatever state, with replicas becoming ready and stopped ones going in any order.
        #[test]
        fn it_ends_as_wanted_and_never_serves_less_than_it_could(
            wanted in 0_u16..4,
            start in vec((any::<bool>(), any::<bool>(), any::<bool>()), 0..6),
            fates in vec(any::<Index>(), 300),
        ) {
            let begin = |(port, (current, held, ready)): (u16, (bool, bool, bool))| {
                Seen { port, current, held, ready: held && ready, retiring: false }
            };
            let mut seen: Vec<Seen> = (0..).zip(start).map(begin).collect();
            let mut next = 100;
            for fate in fates {
                let before = serving(&seen);
                let steps = plan(wanted, &seen);
                act(&steps, &mut seen, &mut next);
                prop_assert!(serving(&seen) >= before.min(usize::from(wanted)), "{seen:?}");
                let standing = seen.iter().filter(|replica| !replica.retiring).count();
                prop_assert!(!steps.contains(&Step::Create) || standing <= usize::from(wanted) + SURGE, "{seen:?}");
                if seen.is_empty() {
                    continue;
                }
                let one = fate.index(seen.len());
                if seen[one].retiring {
                    seen.remove(one);
                } else {
                    seen[one].ready = seen[one].held;
                }
            }
            prop_assert_eq!(seen.len(), usize::from(wanted));
            prop_assert!(seen.iter().all(|replica| replica.current && replica.ready), "{:?}", seen);
        }
    }
}
