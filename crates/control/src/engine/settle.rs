//! What an ended deployment makes of its environment's active revision.

use chrono::Utc;
use domain::{
    deployment::Deployment,
    revision::{RevisionEntry, Settled, settle},
    service::Service,
    settings::Manages,
};
use store::{NewRevision, Write};

use super::runner::ENGINE;
use crate::Error;

/// Says to which revision the environment has come, and writes one down where it is at none that there is. Words for it,
/// where there is anything to say.
pub(super) async fn settled(
    write: &mut Write,
    ended: &Deployment,
    there: &[Service],
    manages: Manages,
) -> Result<Option<String>, Error> {
    if ended.begun_at.is_none() {
        return Ok(None);
    }
    let environment = ended.target_environment_id;
    write.hold_environment(environment).await?;
    let active = match write.active_revision(environment).await {
        Err(store::Error::NotFound) => return Ok(None),
        active => active?,
    };
    let Some(target) = write.revision(environment, ended.revision).await? else { return Ok(None) };
    let before = active.as_ref().map(|active| active.entries.as_slice());
    let observed: Vec<RevisionEntry> =
        there.iter().map(|service| RevisionEntry::observed(service, manages)).collect();
    match settle(before, &target.entries, &observed, &ended.results) {
        Settled::Unchanged => Ok(None),
        Settled::Reached => {
            write.activate_revision(environment, target.number).await?;
            Ok(None)
        }
        Settled::Left(entries) => {
            let number = write
                .insert_revision(&NewRevision {
                    environment_id: environment,
                    entries,
                    variables: None,
                    settings: None,
                    deployment_id: Some(ended.id),
                    author: ENGINE.to_owned(),
                    reason: format!("what revision {} was left at", target.number),
                    created_at: Utc::now(),
                })
                .await?;
            write.activate_revision(environment, number).await?;
            Ok(Some(format!("revision {number} says what it was left at")))
        }
    }
}
