//! What a preview would do to the variables of its targets, and its start does.

use std::collections::{BTreeSet, HashMap};

use domain::{
    settings::Manages,
    sync::{Preview, PreviewItem, Severity, Warning},
    variable::{Carried, Variables, carried},
};
use store::CarriedByService;

use super::{
    preview::Asked,
    read::{Found, Object},
};
use crate::{
    Context, Error,
    variable::{
        self,
        carry::{brings, given_to, leave_alone, stored},
    },
};

/// Says of each item which variables change with `next`, where its site gives its workloads any and the environment's settings
/// say so; elsewhere, that they are not brought.
pub(super) async fn carry(
    ctx: &Context,
    asked: &Asked,
    next: &Variables,
    manages: Manages,
    items: &mut Vec<PreviewItem>,
    found: &Found,
) -> Result<CarriedByService, Error> {
    let environment = asked.request.target_environment_id;
    let active = ctx.store().active_variables(environment).await?;
    let mut all = HashMap::new();
    for item in &mut *items {
        let Some((target, Ok(object))) =
            item.target.as_ref().and_then(|target| Some((target, found.get(&target.service_id)?)))
        else {
            continue;
        };
        let service = (target.app_instance_id, &item.kind, item.name.as_str());
        let aim = asked.variables.get(&target.service_id);
        let mut wanted = given_to(next, service);
        let undoes = asked.undo_of.is_some() && aim.is_some();
        let given = object.given.as_ref().filter(|given| undoes || brings(manages, given));
        let Some(given) = given else {
            if !wanted.is_empty() && asked.undo_of.is_none() {
                item.warnings.push(Warning::new(
                    "variables_not_carried",
                    Severity::Info,
                    not_carried(object),
                ));
            }
            continue;
        };
        let left_alone = leave_alone(&mut wanted, given);
        let follows = asked.undo_of.is_some() || asked.retry_of.is_some();
        let known = given_to(&active, service);
        let aim = aim.or((!follows).then_some(&wanted));
        let now = stored(&ctx.control().vault, environment, given, &[aim.unwrap_or(&known), &known]);
        let mut found = vec![now];
        found.extend(object.coming.iter().flat_map(|coming| [coming.from.clone(), coming.to.clone()]));
        let Some(from) = found.pop() else { continue };
        let to = aim.unwrap_or(&from).clone();
        let change = Carried { from, to, alternatives: found, left_alone };
        item.variables = carried(&change);
        if !item.variables.is_empty() {
            item.warnings.retain(|warning| warning.code != "already_in_step");
        }
        item.warnings.extend(set_by_others(&change.left_alone));
        all.insert(target.service_id, change);
    }
    if asked.deploy.as_ref().is_some_and(|deploy| deploy.revision.is_some()) {
        // They were looked at for their variables alone.
        items.retain(|item| {
            let is_carried = item.target.as_ref().is_some_and(|target| all.contains_key(&target.service_id));
            !is_carried || item.differs()
        });
    }
    Ok(all)
}

/// Why variables are not brought to a target.
fn not_carried(object: &Object) -> &'static str {
    match object.given {
        Some(_) => {
            "The variables that are set for it are not brought: the environment's settings leave them to others."
        }
        None => "The variables that are set for it are not brought to this kind of site.",
    }
}

/// Tells which variables are in the hands of others.
fn set_by_others(names: &BTreeSet<String>) -> Option<Warning> {
    let listed: Vec<&str> = names.iter().map(String::as_str).collect();
    let message = || {
        format!(
            "Its manifest sets {} too, past Lockstep: that stays as it is. Take it out there to have it brought.",
            listed.join(", ")
        )
    };
    (!names.is_empty()).then(|| Warning::new("variable_of_others", Severity::Warning, message()))
}

/// What a preview would do to its targets' variables, for its start; refused where others were set since.
pub(super) async fn confirmed(
    ctx: &Context,
    preview: &Preview,
    items: &[&PreviewItem],
) -> Result<CarriedByService, Error> {
    let carried = ctx.store().carried(preview.id).await?;
    if preview.undo_of.is_some() || preview.retry_of.is_some() {
        return Ok(carried);
    }
    let environment = preview.request.target_environment_id;
    let next = variable::to_come(ctx, environment, preview.deploy.as_ref()).await?;
    let overtaken = |item: &&PreviewItem| {
        let target = item.target.as_ref()?;
        let shown = carried.get(&target.service_id)?;
        let mut wanted = given_to(&next, (target.app_instance_id, &item.kind, &item.name));
        wanted.retain(|name, _| !shown.left_alone.contains(name));
        Some(shown.to != wanted)
    };
    if items.iter().filter_map(overtaken).any(|overtaken| overtaken) {
        let words = "Other variables were set since this preview. Preview again and confirm that.";
        return Err(Error::conflict("preview_expired", words));
    }
    Ok(carried)
}
