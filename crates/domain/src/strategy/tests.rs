use proptest::{collection::vec, prelude::*, sample::Index, strategy::Strategy as Generator};

use super::{Amount, Percent, Seen, Step, Strategy, rolling::margins};

fn replica(id: u16, current: bool, ready: bool) -> Seen<u16> {
    Seen { id, current, ready, retiring: false }
}

fn percent(text: &str) -> Percent {
    text.parse().expect("a share")
}

fn replace(minimum: &str) -> Strategy {
    Strategy::ReplaceAfterTerminate { minimum_healthy: percent(minimum) }
}

#[test]
fn as_many_as_are_wanted_are_made_at_once_where_there_is_nothing() {
    for strategy in [Strategy::default(), replace("50%"), Strategy::Recreate] {
        assert_eq!(strategy.plan::<u16>(2, &[]), [Step::Create, Step::Create], "{strategy:?}");
        assert_eq!(strategy.plan::<u16>(0, &[]), [], "{strategy:?}");
    }
}

#[test]
fn rolling_makes_one_more_before_a_ready_one_goes() {
    let (one, two) = (replica(1, false, true), replica(2, false, true));
    let rolling = Strategy::default();
    assert_eq!(rolling.plan(2, &[one, two]), [Step::Create]);
    assert_eq!(rolling.plan(2, &[one, two, replica(3, true, false)]), [], "it is waited for");
    assert_eq!(rolling.plan(2, &[one, two, replica(3, true, true)]), [Step::Retire(1), Step::Create]);
}

#[test]
fn what_is_not_ready_just_now_stays_while_what_is_to_come_may_never() {
    let (one, two, new) = (replica(1, false, false), replica(2, false, false), replica(3, true, false));
    let rolling = Strategy::default();
    assert_eq!(rolling.plan(2, &[one, two, new]), [], "both may come back");
    assert_eq!(rolling.plan(2, &[one, two, replica(3, true, true)]), [Step::Retire(1), Step::Create]);
    assert_eq!(rolling.plan(0, &[one, two]), [Step::Retire(1), Step::Retire(2)]);
}

#[test]
fn replace_after_terminate_starts_nothing_before_its_place_is_free() {
    let mut four = [1, 2, 3, 4].map(|id| replica(id, false, true));
    assert_eq!(replace("50%").plan(4, &four), [Step::Retire(1), Step::Retire(2)]);
    four[0].retiring = true;
    four[1].retiring = true;
    assert_eq!(replace("50%").plan(4, &four), []);
    assert_eq!(replace("50%").plan(4, &four[1..]), [Step::Create], "one is gone");
}

#[test]
fn a_minimum_of_all_still_lets_one_go() {
    assert_eq!(
        replace("100%").plan(2, &[replica(1, false, true), replica(2, false, true)]),
        [Step::Retire(1)]
    );
    assert_eq!(replace("50%").plan(1, &[replica(1, false, true)]), [Step::Retire(1)]);
}

#[test]
fn recreate_waits_until_all_old_ones_are_gone() {
    let (one, two) = (replica(1, false, true), replica(2, false, false));
    assert_eq!(Strategy::Recreate.plan(2, &[one, two]), [Step::Retire(2), Step::Retire(1)]);
    assert_eq!(Strategy::Recreate.plan(2, &[Seen { retiring: true, ..one }]), []);
}

#[test]
fn the_way_back_keeps_what_still_runs() {
    let seen = [replica(1, true, true), replica(2, true, true), replica(3, false, false)];
    for strategy in [Strategy::default(), replace("50%"), Strategy::Recreate] {
        assert_eq!(strategy.plan(2, &seen), [Step::Retire(3)], "{strategy:?}");
    }
}

#[test]
fn of_those_too_many_the_useless_go_first() {
    let three = [replica(1, true, true), replica(2, true, false), replica(3, true, true)];
    assert_eq!(Strategy::default().plan(1, &three), [Step::Retire(2), Step::Retire(1)]);
    assert_eq!(Strategy::default().plan(0, &three), [Step::Retire(2), Step::Retire(1), Step::Retire(3)]);
}

#[test]
fn a_strategy_is_written_as_in_kubernetes() {
    let rolling: Strategy =
        serde_json::from_str(r#"{"type":"rolling","maxSurge":"25%","maxUnavailable":0}"#).expect("valid");
    assert_eq!(
        rolling,
        Strategy::Rolling { max_surge: Amount::Share(percent("25%")), max_unavailable: Amount::Count(0) }
    );
    assert_eq!(rolling.fault(), None);
    let none: Strategy =
        serde_json::from_str(r#"{"type":"rolling","maxSurge":0,"maxUnavailable":"0%"}"#).expect("valid");
    assert!(none.fault().is_some());
    for bad in ["101%", "-1%", "5", "%", "1.5%"] {
        assert!(bad.parse::<Percent>().is_err(), "{bad}");
    }
}

fn strategies() -> impl Generator<Value = Strategy> {
    let amount = prop_oneof![
        (0_u16..3).prop_map(Amount::Count),
        (0_u8..=100).prop_map(|share| Amount::Share(percent(&format!("{share}%")))),
    ];
    let rolling = (amount.clone(), amount)
        .prop_map(|(max_surge, max_unavailable)| Strategy::Rolling { max_surge, max_unavailable })
        .prop_filter("replaces nothing", |strategy| strategy.fault().is_none());
    prop_oneof![
        rolling,
        (0_u8..=100).prop_map(|share| replace(&format!("{share}%"))),
        Just(Strategy::Recreate)
    ]
}

fn serving(seen: &[Seen<u16>]) -> usize {
    seen.iter().filter(|replica| replica.ready && !replica.retiring).count()
}

/// Carries steps out; new replicas are numbered from `next` on.
fn act(steps: &[Step<u16>], seen: &mut Vec<Seen<u16>>, next: &mut u16) {
    for step in steps {
        match step {
            Step::Create => {
                *next += 1;
                seen.push(replica(*next, true, false));
            }
            Step::Retire(id) => {
                let replica = seen.iter_mut().find(|replica| replica.id == *id);
                replica.expect("a plan names replicas that are there").retiring = true;
            }
        }
    }
}

/// What a strategy promises, before and after its steps.
fn kept(
    strategy: &Strategy,
    wanted: u16,
    before: &[Seen<u16>],
    after: &[Seen<u16>],
) -> Result<(), TestCaseError> {
    let made = after.len() - before.len();
    let standing = after.iter().filter(|replica| !replica.retiring).count();
    let least = match strategy {
        Strategy::Rolling { max_surge, max_unavailable } => {
            let (surge, unavailable) = margins(*max_surge, *max_unavailable, wanted);
            prop_assert!(made == 0 || standing <= usize::from(wanted) + surge, "too many");
            usize::from(wanted).saturating_sub(unavailable)
        }
        Strategy::ReplaceAfterTerminate { minimum_healthy } => {
            prop_assert!(made == 0 || after.len() <= usize::from(wanted), "two in one place");
            minimum_healthy.rounded_up(wanted).min(usize::from(wanted).saturating_sub(1))
        }
        Strategy::Recreate => {
            prop_assert!(
                made == 0 || after.iter().all(|replica| replica.current && !replica.retiring),
                "two versions"
            );
            0
        }
    };
    prop_assert!(serving(after) >= serving(before).min(least), "too few serve");
    Ok(())
}

proptest! {
    /// From whatever state, with new ones becoming ready, ready ones failing for a while, and stopped ones going, in any
    /// order.
    #[test]
    fn it_ends_as_wanted_and_keeps_its_promises_on_the_way(
        strategy in strategies(),
        wanted in 0_u16..6,
        start in vec((any::<bool>(), any::<bool>(), any::<bool>()), 0..8),
        fates in vec((any::<Index>(), 0_u8..10), 60),
    ) {
        let begin = |(id, (current, ready, retiring)): (u16, (bool, bool, bool))| Seen { id, current, ready, retiring };
        let mut seen: Vec<Seen<u16>> = (0..).zip(start).map(begin).collect();
        let mut next = 100;
        for (which, fate) in fates {
            let before = seen.clone();
            act(&strategy.plan(wanted, &seen), &mut seen, &mut next);
            kept(&strategy, wanted, &before, &seen)?;
            if seen.is_empty() {
                continue;
            }
            let one = which.index(seen.len());
            match seen[one] {
                Seen { retiring: true, .. } => _ = seen.remove(one),
                _ => seen[one].ready = fate > 0,
            }
        }
        // From here on nothing fails, and everything has its turn.
        for _ in 0..40 {
            let before = seen.clone();
            act(&strategy.plan(wanted, &seen), &mut seen, &mut next);
            kept(&strategy, wanted, &before, &seen)?;
            seen.retain(|replica| !replica.retiring);
            seen.iter_mut().for_each(|replica| replica.ready = true);
        }
        prop_assert_eq!(seen.len(), usize::from(wanted));
        prop_assert!(seen.iter().all(|replica| replica.current), "{:?}", seen);
    }
}
