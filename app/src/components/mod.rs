//! What pages share.

pub(crate) mod action_bar;
pub(crate) mod bind;
pub(crate) mod capacity;
pub(crate) mod change_list;
pub(crate) mod cluster_edit;
pub(crate) mod cluster_form;
pub(crate) mod confirm;
pub(crate) mod conflict;
pub(crate) mod deploy_form;
pub(crate) mod deployment;
mod deployment_stages;
pub(crate) mod dialog;
pub(crate) mod empty;
pub(crate) mod env;
pub(crate) mod environment_form;
pub(crate) mod erased;
pub(crate) mod field;
pub(crate) mod filters;
#[cfg(feature = "ssr")]
pub(crate) mod html;
pub(crate) mod icon;
pub(crate) mod keys;
pub(crate) mod local_service;
pub(crate) mod local_service_form;
mod log;
pub(crate) mod pager;
pub(crate) mod past;
pub(crate) mod plan_steps;
pub(crate) mod problem;
#[cfg(feature = "ssr")]
pub(crate) mod row_parts;
pub(crate) mod rows;
pub(crate) mod selection;
#[cfg(feature = "ssr")]
pub(crate) mod service_rows;
pub(crate) mod service_table;
pub(crate) mod setting_list;
pub(crate) mod site_checks;
pub(crate) mod site_clusters;
pub(crate) mod site_form;
pub(crate) mod site_wizard;
pub(crate) mod status;
pub(crate) mod sync_bar;
pub(crate) mod sync_flow;
pub(crate) mod sync_preview;
pub(crate) mod sync_sheet;
pub(crate) mod tag;
pub(crate) mod task;
pub(crate) mod time;
pub(crate) mod toast;
pub(crate) mod token;
pub(crate) mod traffic;
pub(crate) mod upload;
pub(crate) mod variable_list;

/// Provides the contexts that pages and dialogs share.
pub(crate) fn provide() {
    time::provide();
    toast::provide();
    sync_flow::provide();
    site_wizard::provide();
    bind::provide();
}
