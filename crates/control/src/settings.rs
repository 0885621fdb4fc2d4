//! Use cases of environments' settings, and what they demand of whoever changes what runs.

use chrono::{DateTime, Utc};
use domain::{
    id::EnvironmentId,
    settings::{Consent, Forbidden, SettingsEdit, StoredSettings, diff},
    sync::{Preview, PreviewItem},
    validate,
};
use store::Write;

use crate::{Context, Error, environment, error::first_of, revision::row, sync::revision::There, variable};

/// An environment's settings.
pub async fn get(ctx: &Context, environment: EnvironmentId) -> Result<StoredSettings, Error> {
    environment::get(ctx, environment).await?;
    Ok(ctx.store().settings(environment).await?)
}

/// Replaces an environment's settings by a new revision, which is active at once where the one before it is: settings hold
/// from now on, and nothing is deployed by them. Settings that demand what the stored ones do change nothing.
pub async fn put(
    ctx: &Context,
    environment: EnvironmentId,
    edit: SettingsEdit,
) -> Result<StoredSettings, Error> {
    let found = environment::get(ctx, environment).await?;
    let mut faults = edit.settings.faults();
    let reason =
        validate::text("reason", &edit.reason).map_err(|fault| faults.push(fault)).unwrap_or_default();
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let there = There::now(ctx, environment).await?;
    let mut write = ctx.store().write().await?;
    write.hold_environment(environment).await?;
    let stored = write.settings(environment).await?;
    let changes = diff(&stored.settings, &edit.settings);
    if changes.is_empty() {
        return Ok(stored);
    }
    if !is_current(&mut write, environment, &edit, &stored).await? {
        return Err(Error::stale(&stored));
    }
    let entries = match write.latest_revision(environment).await? {
        Some(latest) => latest.entries,
        None => there.carried_on(None),
    };
    let new = store::NewRevision {
        settings: Some(edit.settings.clone()),
        ..row(ctx, environment, entries, reason)
    };
    let revision = write.insert_revision(&new).await?;
    let new = StoredSettings { settings: edit.settings, version: stored.version.saturating_add(1), revision };
    write.update_settings(environment, &new).await?;
    write.pass_over_settings(environment).await?;
    let told: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let message = format!(
        "{} changed the settings of {} by revision {revision}: {}",
        ctx.actor(),
        found.name,
        first_of(&told)
    );
    write.append(ctx.event("environment.changed", message).environment(environment)).await?;
    write.commit().await?;
    Ok(new)
}

/// The settings are still those that the author saw. What else became of the environment meanwhile does not matter to them.
async fn is_current(
    write: &mut Write,
    environment: EnvironmentId,
    edit: &SettingsEdit,
    stored: &StoredSettings,
) -> Result<bool, Error> {
    Ok(match edit.base {
        None => edit.version == stored.version,
        Some(base) if base == stored.revision => true,
        Some(base) => {
            let seen = write.revision(environment, base).await?.and_then(|base| base.settings);
            seen.is_some_and(|seen| diff(&seen, &stored.settings).is_empty())
        }
    })
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
