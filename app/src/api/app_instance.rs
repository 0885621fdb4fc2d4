//! App instances.

use domain::{
    app_instance::{AppInstance, AppInstanceEdit, BindResult, NewAppInstance},
    id::{AppInstanceId, EnvironmentId},
};
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// The app instances of one environment, or of all.
#[server(name = CallAppInstanceList, prefix = "/rpc", endpoint = "app_instance/list", input = Json, output = Json)]
pub async fn list(environment: Option<EnvironmentId>) -> Result<Vec<AppInstance>, ApiError> {
    let ctx = context()?;
    control::app_instance::list(&ctx, environment).await.map_err(fail)
}

/// Binds many namespaces; each succeeds or fails on its own.
#[server(name = CallAppInstanceCreateMany, prefix = "/rpc", endpoint = "app_instance/create_many", input = Json, output = Json)]
pub async fn create_many(bindings: Vec<NewAppInstance>) -> Result<Vec<BindResult>, ApiError> {
    let ctx = context()?;
    control::app_instance::create_many(&ctx, bindings).await.map_err(fail)
}

/// Edits an app instance.
#[server(name = CallAppInstanceEdit, prefix = "/rpc", endpoint = "app_instance/edit", input = Json, output = Json)]
pub async fn edit(id: AppInstanceId, edit: AppInstanceEdit) -> Result<AppInstance, ApiError> {
    let ctx = context()?;
    control::app_instance::edit(&ctx, id, edit).await.map_err(fail)
}

/// Unbinds a namespace.
#[server(name = CallAppInstanceDelete, prefix = "/rpc", endpoint = "app_instance/delete", input = Json, output = Json)]
pub async fn delete(id: AppInstanceId) -> Result<(), ApiError> {
    let ctx = context()?;
    control::app_instance::delete(&ctx, id).await.map_err(fail)
}
