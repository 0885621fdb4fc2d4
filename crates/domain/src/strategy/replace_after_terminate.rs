//! An old replica goes before the new one starts in its place: there are never more than wanted, those on their way out
//! counted. What Blox did, with the minimum that it lacked.

use super::{Replicas, Step, steps};

/// At least `minimum` stay ready, but one may always go.
pub(super) fn plan<Id: Copy>(replicas: &Replicas<Id>, minimum: usize) -> Vec<Step<Id>> {
    let minimum = minimum.min(replicas.wanted.saturating_sub(1));
    let retire = replicas.retirable(minimum);
    // What goes now is in its place until it is gone.
    let taken = replicas.current.len() + replicas.old.len() + replicas.retiring;
    steps(retire, replicas.wanted.saturating_sub(taken).min(replicas.missing()))
}
