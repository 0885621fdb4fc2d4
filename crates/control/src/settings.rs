//! Use cases of environments' settings, and what they demand of whoever changes what runs.

use chrono::{DateTime, Utc};
use domain::{
    id::EnvironmentId,
    settings::{Consent, Forbidden, StoredSettings},
    sync::{Preview, PreviewItem},
};

use crate::{Context, Error, environment, error::first_of, variable};

/// An environment's settings.
pub async fn get(ctx: &Context, environment: EnvironmentId) -> Result<StoredSettings, Error> {
    environment::get(ctx, environment).await?;
    Ok(ctx.store().settings(environment).await?)
}

/// Stores an environment's settings, as an edit of the version they carry.
pub async fn put(
    ctx: &Context,
    environment: EnvironmentId,
    edit: StoredSettings,
) -> Result<StoredSettings, Error> {
    let found = environment::get(ctx, environment).await?;
    let faults = edit.settings.faults();
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let new = StoredSettings { version: edit.version.saturating_add(1), ..edit };
    let mut write = ctx.store().write().await?;
    match write.update_settings(environment, &new).await {
        Err(store::Error::Stale) => {
            drop(write);
            return Err(Error::stale(&get(ctx, environment).await?));
        }
        other => other?,
    }
    let event = ctx.event("environment.changed", format!("changed the settings of {}", found.name));
    write.append(event.environment(environment)).await?;
    write.commit().await?;
    Ok(new)
}

/// Refuses a start, now or at a later time, that the target's settings do not allow. Words about a freeze that was overridden, for the events.
pub(crate) async fn permit(
    ctx: &Context,
    preview: &Preview,
    items: &[&PreviewItem],
    consent: &Consent,
    at: Option<DateTime<Utc>>,
) -> Result<Option<String>, Error> {
    let target = preview.request.target_environment_id;
    let settings = ctx.store().settings(target).await?.settings;
    let name = &preview.target_name;
    let now = at.unwrap_or_else(Utc::now);
    match settings.permit(name, consent, now) {
        Ok(()) => {}
        Err(Forbidden::Unconfirmed) => {
            let detail = format!("{name} is protected: type its name to go on.");
            return Err(Error::Conflict {
                code: "confirmation_needed",
                detail,
                field: Some("confirm"),
                current: None,
            });
        }
        Err(Forbidden::Frozen(freeze)) => {
            let detail = format!("{name} is {freeze}. Wait, or say why it cannot wait.");
            return Err(Error::Conflict {
                code: "frozen",
                detail,
                field: Some("overrideFreeze"),
                current: serde_json::to_value(freeze).ok(),
            });
        }
    }
    if preview.undo_of.is_none() {
        let variables = variable::to_come(ctx, target, preview.deploy.as_ref()).await?;
        let broken: Vec<String> = items
            .iter()
            .filter_map(|item| {
                let broken = settings.broken_by(item, &variables);
                Some(format!("{}: {}", item.name, broken.into_iter().next()?.message))
            })
            .collect();
        if !broken.is_empty() {
            return Err(Error::conflict(
                "rule_broken",
                format!("{name} does not allow this. {}", first_of(&broken)),
            ));
        }
    }
    let reason = consent.override_freeze.as_deref().map(str::trim).unwrap_or_default();
    let frozen = settings.frozen(now);
    Ok(frozen.map(|freeze| format!("in the freeze “{}”, because: {reason}", freeze.reason)))
}
