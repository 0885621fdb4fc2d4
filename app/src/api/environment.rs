//! Environments.

use domain::{
    environment::{Environment, EnvironmentEdit, EnvironmentQuery, NewEnvironment},
    id::EnvironmentId,
    list::Page,
    settings::{SettingsEdit, StoredSettings},
    site::Dependents,
};
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// Every environment, from left to right.
#[server(name = CallEnvironmentList, prefix = "/rpc", endpoint = "environment/list", input = Json, output = Json)]
pub async fn list() -> Result<Vec<Environment>, ApiError> {
    let ctx = context()?;
    control::environment::list(&ctx).await.map_err(fail)
}

/// A page of environments; the first if none is named.
#[server(name = CallEnvironmentPage, prefix = "/rpc", endpoint = "environment/page", input = Json, output = Json)]
pub async fn page(query: EnvironmentQuery, page: Option<u32>) -> Result<Page<Environment>, ApiError> {
    let ctx = context()?;
    let paging = domain::list::Paging::new(page, None, domain::list::DEFAULT_PAGE_SIZE);
    control::environment::page(&ctx, query, paging).await.map_err(fail)
}

/// One environment.
#[server(name = CallEnvironmentGet, prefix = "/rpc", endpoint = "environment/get", input = Json, output = Json)]
pub async fn get(id: EnvironmentId) -> Result<Environment, ApiError> {
    let ctx = context()?;
    control::environment::get(&ctx, id).await.map_err(fail)
}

/// Makes an environment.
#[server(name = CallEnvironmentCreate, prefix = "/rpc", endpoint = "environment/create", input = Json, output = Json)]
pub async fn create(environment: NewEnvironment) -> Result<Environment, ApiError> {
    let ctx = context()?;
    control::environment::create(&ctx, environment).await.map_err(fail)
}

/// Edits an environment.
#[server(name = CallEnvironmentEdit, prefix = "/rpc", endpoint = "environment/edit", input = Json, output = Json)]
pub async fn edit(id: EnvironmentId, edit: EnvironmentEdit) -> Result<Environment, ApiError> {
    let ctx = context()?;
    control::environment::edit(&ctx, id, edit).await.map_err(fail)
}

/// What depends on an environment.
#[server(name = CallEnvironmentDependents, prefix = "/rpc", endpoint = "environment/dependents", input = Json, output = Json)]
pub async fn dependents(id: EnvironmentId) -> Result<Dependents, ApiError> {
    let ctx = context()?;
    control::environment::dependents(&ctx, id).await.map_err(fail)
}

/// Forgets an environment and its bindings.
#[server(name = CallEnvironmentDelete, prefix = "/rpc", endpoint = "environment/delete", input = Json, output = Json)]
pub async fn delete(id: EnvironmentId) -> Result<(), ApiError> {
    let ctx = context()?;
    control::environment::delete(&ctx, id, true).await.map_err(fail)
}

/// An environment's settings.
#[server(name = CallEnvironmentSettings, prefix = "/rpc", endpoint = "environment/settings", input = Json, output = Json)]
pub async fn settings(id: EnvironmentId) -> Result<StoredSettings, ApiError> {
    let ctx = context()?;
    control::settings::get(&ctx, id).await.map_err(fail)
}

/// Stores an environment's settings.
#[server(name = CallEnvironmentSet, prefix = "/rpc", endpoint = "environment/set", input = Json, output = Json)]
pub async fn set(id: EnvironmentId, edit: SettingsEdit) -> Result<StoredSettings, ApiError> {
    let ctx = context()?;
    control::settings::put(&ctx, id, edit).await.map_err(fail)
}
