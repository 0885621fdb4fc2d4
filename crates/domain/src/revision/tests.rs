//! What an operator relies on: a diff that says all, and an active revision that is what was really left.

use chrono::Utc;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    deployment::{Task, TaskStatus},
    id::TaskId,
    replicas::ReplicaChange,
    variable::VariableDifference,
};

const PLACE: AppInstanceId = AppInstanceId(Uuid::from_u128(1));

fn entry(name: &str, image: &str) -> RevisionEntry {
    RevisionEntry {
        app_instance_id: PLACE,
        app_instance: "shop".into(),
        kind: WorkloadKind::Deployment,
        name: name.into(),
        images: vec![ContainerImage { container: "app".into(), image: image.into() }],
        definition: None,
        replicas: None,
    }
}

fn task(name: &str, (from, to): (&str, &str), status: TaskStatus, accepted: bool) -> Task {
    Task {
        id: TaskId(Uuid::from_u128(1)),
        service_id: ServiceId(Uuid::from_u128(1)),
        source_app_instance_id: None,
        target_service_id: ServiceId(Uuid::from_u128(1)),
        target_app_instance_id: PLACE,
        cluster_id: crate::id::ClusterId(Uuid::from_u128(1)),
        cluster: "one".into(),
        namespace: "shop".into(),
        application: "shop".into(),
        kind: WorkloadKind::Deployment,
        name: name.into(),
        previous_image_tag: String::new(),
        new_image_tag: String::new(),
        containers: vec![ContainerChange {
            name: "app".into(),
            init: false,
            from: from.into(),
            to: to.into(),
            from_version: String::new(),
            to_version: String::new(),
        }],
        variables: Vec::new(),
        scale: None,
        original: None,
        status,
        words: String::new(),
        error: None,
        retries: 0,
        accepted,
        available: 0,
        replicas: 1,
        started_at: None,
        timestamp: Some(Utc::now()),
        address: None,
    }
}

#[test]
fn a_diff_tells_what_came_what_went_and_what_moved() {
    let before = [entry("cart", "cart:1"), entry("gone", "gone:1"), entry("same", "same:1")];
    let after = [entry("cart", "cart:2"), entry("new", "new:1"), entry("same", "same:1")];
    let told: Vec<_> = diff(&before, &after)
        .into_iter()
        .map(|change| (change.name, change.change, change.images[0].versions()))
        .collect();
    let versions = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(
        told,
        [
            ("cart".into(), ChangeKind::Changed, versions("1", "2")),
            ("gone".into(), ChangeKind::Removed, versions("1", "–")),
            ("new".into(), ChangeKind::Added, versions("–", "1")),
        ]
    );
}

#[test]
fn what_succeeded_is_the_revision_and_what_was_put_back_changes_nothing() {
    let (active, target) = ([entry("cart", "cart:1")], [entry("cart", "cart:2")]);
    let settled = |status, accepted| {
        settle(Some(&active), &target, &active, &[task("cart", ("cart:1", "cart:2"), status, accepted)])
    };
    assert_eq!(settled(TaskStatus::Success, true), Settled::Reached);
    assert_eq!(settled(TaskStatus::PutBack, true), Settled::Unchanged);
    assert_eq!(settled(TaskStatus::Refused, false), Settled::Unchanged);
    assert_eq!(
        settled(TaskStatus::Failed, true),
        Settled::Reached,
        "its image is what the workload asks for"
    );
}

#[test]
fn what_was_left_half_way_is_written_down_as_it_is() {
    let active = [entry("cart", "cart:1"), entry("web", "web:1")];
    let target = [entry("cart", "cart:2"), entry("web", "web:2")];
    let tasks = [
        task("cart", ("cart:1", "cart:2"), TaskStatus::Success, true),
        task("web", ("web:1", "web:2"), TaskStatus::Cancelled, false),
    ];
    let left = vec![entry("cart", "cart:2"), entry("web", "web:1")];
    assert_eq!(settle(Some(&active), &target, &active, &tasks), Settled::Left(left.clone()));
    assert_eq!(settle(None, &target, &active, &tasks), Settled::Left(left));
}

#[test]
fn what_was_counted_on_and_did_not_come_is_not_said_to_run() {
    // Before this one another was to bring cart:2, and was cancelled.
    let active = [entry("cart", "cart:1"), entry("web", "web:1")];
    let target = [entry("cart", "cart:2"), entry("web", "web:2")];
    let tasks = [task("web", ("web:1", "web:2"), TaskStatus::Success, true)];
    let left = vec![entry("cart", "cart:1"), entry("web", "web:2")];
    assert_eq!(settle(Some(&active), &target, &active, &tasks), Settled::Left(left));
    let by_hand = [entry("cart", "cart:2"), entry("web", "web:2")];
    assert_eq!(
        settle(Some(&active), &target, &by_hand, &tasks),
        Settled::Reached,
        "it runs what was asked for"
    );
}

#[test]
fn a_workload_that_is_new_is_at_what_it_was_left_with() {
    let active = [entry("cart", "cart:1")];
    let target = [entry("cart", "cart:1"), entry("web", "web:2")];
    let observed = [entry("cart", "cart:1"), entry("web", "web:1")];
    let refused = [task("web", ("web:1", "web:2"), TaskStatus::Refused, false)];
    let left = vec![entry("cart", "cart:1"), entry("web", "web:1")];
    assert_eq!(settle(Some(&active), &target, &observed, &refused), Settled::Left(left));
}

#[test]
fn drift_is_not_accepted_by_a_deployment_that_changed_nothing() {
    // Somebody set cart:1 by hand, and taking that back was refused.
    let (active, observed) = ([entry("cart", "cart:2")], [entry("cart", "cart:1")]);
    let refused = [task("cart", ("cart:1", "cart:2"), TaskStatus::Refused, false)];
    assert_eq!(settle(Some(&active), &active, &observed, &refused), Settled::Unchanged);
}

#[test]
fn a_revision_of_other_variables_is_reached_by_bringing_them() {
    let (active, target) = ([entry("cart", "cart:1")], [entry("cart", "cart:1")]);
    let settled = |statuses: &[TaskStatus]| {
        let of = |(n, status): (usize, &TaskStatus)| {
            let mut task = task(["cart", "web"][n], ("cart:1", "cart:1"), status.clone(), true);
            task.variables = vec![VariableDifference {
                name: "LEVEL".into(),
                change: ChangeKind::Added,
                secret: false,
                from: None,
                to: Some("debug".into()),
            }];
            task
        };
        let tasks: Vec<Task> = statuses.iter().enumerate().map(of).collect();
        settle(Some(&active), &target, &active, &tasks)
    };
    let (brought, put_back) = (TaskStatus::Success, TaskStatus::PutBack);
    assert_eq!(settled(std::slice::from_ref(&brought)), Settled::Reached);
    assert_eq!(settled(std::slice::from_ref(&put_back)), Settled::Unchanged);
    assert_eq!(settled(&[brought, put_back]), Settled::Left(active.to_vec()), "only a part has come");
}

proptest! {
    /// Whatever became of each task, the active revision says afterwards what each workload was left with.
    #[test]
    fn the_active_revision_is_what_was_left(fates in prop::collection::vec((0_u8..6, any::<bool>()), 1..8)) {
        let name = |n: usize| format!("s{n}");
        let content = |version: &str| -> Vec<RevisionEntry> {
            (0..fates.len()).map(|n| entry(&name(n), &format!("i:{version}"))).collect()
        };
        let (active, target) = (content("1"), content("2"));
        let tasks: Vec<Task> = fates.iter().enumerate().map(|(n, (fate, accepted))| {
            let (status, accepted) = match fate {
                0 => (TaskStatus::Success, true),
                1 => (TaskStatus::Failed, *accepted),
                2 => (TaskStatus::Refused, false),
                3 => (TaskStatus::Cancelled, false),
                4 => (TaskStatus::PutBack, true),
                _ => (TaskStatus::PutBackFailed, true),
            };
            task(&name(n), ("i:1", "i:2"), status, accepted)
        }).collect();
        let now = match settle(Some(&active), &target, &active, &tasks) {
            Settled::Reached => target,
            Settled::Unchanged => active,
            Settled::Left(left) => left,
        };
        for (entry, task) in now.iter().zip(&tasks) {
            let brought = match task.status {
                TaskStatus::Success | TaskStatus::PutBackFailed => true,
                TaskStatus::Failed => task.accepted,
                _ => false,
            };
            prop_assert_eq!(&entry.images[0].image, if brought { "i:2" } else { "i:1" });
        }
    }
}

#[test]
fn replicas_differ_where_the_second_says_another_number_and_are_what_a_task_has_brought() {
    let with = |replicas: Option<u32>| RevisionEntry { replicas, ..entry("cart", "cart:1") };
    let said = diff(&[with(None)], &[with(Some(3))]);
    assert_eq!(said[0].replicas, Some(ReplicaDifference { from: None, to: 3 }));
    assert_eq!(diff(&[with(Some(3))], &[with(None)]), [], "the second leaves it to others");
    let scale = ReplicaChange { from: 3, to: 5 };
    let changes = diff(&[with(Some(3))], &[with(Some(5))]);
    assert_eq!(
        (changes[0].replicas, changes[0].images.len()),
        (Some(ReplicaDifference { from: Some(3), to: 5 }), 0)
    );

    let settled = |before: Option<u32>, status: TaskStatus| {
        let task = Task { scale: Some(scale), ..task("cart", ("cart:1", "cart:1"), status, true) };
        settle(Some(&[with(before)]), &[with(Some(5))], &[with(Some(5))], &[task])
    };
    assert_eq!(settled(Some(3), TaskStatus::Success), Settled::Reached);
    assert_eq!(settled(None, TaskStatus::Success), Settled::Reached, "also where nobody had said it");
    assert_eq!(settled(Some(3), TaskStatus::PutBack), Settled::Unchanged);
}
