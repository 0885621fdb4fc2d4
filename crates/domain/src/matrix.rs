//! The version matrix: one row per (application, kind, workload), one column per environment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::{AppInstanceId, EnvironmentId, MatrixRowId, ServiceId, SiteId},
    service::{Container, ServiceStatus, WorkloadKind},
};

/// A page of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Matrix {
    /// The columns, from left to right.
    pub environments: Vec<Column>,
    /// The rows of this page.
    pub rows: Vec<MatrixRow>,
    /// Rows under the filter over all pages.
    pub total: u64,
    /// Rows out of step under the filter, whether or not only those are shown.
    pub out_of_step: u64,
    /// This page's number, from 1.
    pub page: u32,
    /// Rows on a full page.
    pub page_size: u32,
    /// The time at which this ran; none for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
}

/// An environment as a column's head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// The environment.
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// Its colour.
    pub color: String,
}

/// One workload across all environments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MatrixRow {
    /// The row.
    pub id: MatrixRowId,
    /// The application.
    pub application: String,
    /// The workload's kind.
    pub kind: WorkloadKind,
    /// The workload's name.
    pub name: String,
    /// Not every environment that has it runs the same version.
    pub out_of_step: bool,
    /// One cell per column, in the columns' order.
    pub cells: Vec<Cell>,
}

/// What one environment runs of a workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// Each instance; none where the environment does not have it.
    pub instances: Vec<CellInstance>,
    /// Runs another version than the nearest cell to the left that runs anything.
    pub differs: bool,
}

/// One instance in a cell. Of the past only versions are recorded: its status is `unknown` and its replicas are 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CellInstance {
    /// The service.
    pub service_id: ServiceId,
    /// Its app instance.
    pub app_instance_id: AppInstanceId,
    /// The app instance's name.
    pub app_instance_name: String,
    /// The cluster's name.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// How it is.
    pub status: ServiceStatus,
    /// Why.
    pub reason: Option<String>,
    /// Desired replicas.
    pub replicas: i32,
    /// Available replicas.
    pub available_replicas: i32,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Since when contact with its cluster is lost.
    pub stale_since: Option<DateTime<Utc>>,
}

/// Which rows. As in the query of `GET /api/matrix`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams, utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default)]
pub struct MatrixQuery {
    /// Text in the workload's or the application's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// One application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// A workload kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A site: only rows that it has a part in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    /// Only rows that are out of step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_step: Option<bool>,
    /// What ran at this time, instead of what runs now: a time with its zone, such as `2026-11-17T14:00:00+01:00`. It is
    /// known from the first observation on. A text, since the first visit's program has nothing that reads times.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// `name` or `application`; a leading `-` turns it round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Up to 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
}

/// Whether two services' containers run the same versions: paired by name, and none on one side only.
pub fn same_versions(a: &[Container], b: &[Container]) -> bool {
    a.len() == b.len()
        && a.iter().all(|left| b.iter().any(|right| left.name == right.name && left.same_version(right)))
}

/// Whether a workload is out of step: two of its instances, anywhere, run different versions.
pub fn out_of_step<'a>(instances: impl IntoIterator<Item = &'a [Container]>) -> bool {
    let mut instances = instances.into_iter();
    let Some(first) = instances.next() else { return false };
    instances.any(|other| !same_versions(first, other))
}

/// Marks the cells that differ from their nearest neighbour to the left that runs anything.
pub fn mark_differences(cells: &mut [Cell]) {
    let mut left: Option<Vec<Container>> = None;
    for cell in cells {
        let Some(first) = cell.instances.first() else { continue };
        let same_as_left = |left: &Vec<Container>| {
            cell.instances.iter().all(|instance| same_versions(left, &instance.containers))
        };
        cell.differs = left.as_ref().is_some_and(|left| !same_as_left(left));
        left = Some(first.containers.clone());
    }
}
