//! All old replicas go before the first new one starts, for what cannot run twice.

use super::{Replicas, Step, steps};

pub(super) fn plan<Id: Copy>(replicas: &Replicas<Id>) -> Vec<Step<Id>> {
    let retire: Vec<Id> = replicas.old.iter().chain(replicas.surplus()).map(|replica| replica.id).collect();
    let alone = replicas.old.is_empty() && replicas.retiring == 0;
    steps(retire, if alone { replicas.missing() } else { 0 })
}
