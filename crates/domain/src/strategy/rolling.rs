//! New replicas beside old ones, a few at a time.

use super::{Amount, Replicas, Step, steps};

/// How many more than wanted may be there, and how many fewer ready. Where small shares come to nothing, one may go, as on
/// Kubernetes ("ResolveFenceposts"): otherwise nothing would ever be replaced.
pub(super) fn margins(max_surge: Amount, max_unavailable: Amount, wanted: u16) -> (usize, usize) {
    match (max_surge.rounded_up(wanted), max_unavailable.rounded_down(wanted)) {
        (0, 0) => (0, 1),
        margins => margins,
    }
}

/// No more than `surge` above what is wanted are there, and no ready one goes that would leave more than `unavailable`
/// too few.
pub(super) fn plan<Id: Copy>(replicas: &Replicas<Id>, surge: usize, unavailable: usize) -> Vec<Step<Id>> {
    let retire = replicas.retirable(replicas.wanted.saturating_sub(unavailable));
    let left = replicas.current.len() + replicas.old.len() - retire.len();
    let room = (replicas.wanted + surge).saturating_sub(left);
    steps(retire, room.min(replicas.missing()))
}
