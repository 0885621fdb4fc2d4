//! An environment's base settings: what its deployments take where nobody says otherwise.

use serde::{Deserialize, Serialize};

use crate::{problem::FieldError, sync::OnFailure};

/// The longest time limit of a deployment, in seconds: a day.
pub const MAX_TIME_LIMIT: u32 = 86_400;

/// What a deployment to the environment takes where its request names none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Defaults {
    /// What happens on a failed task; if left out, a sync stops and a deployment is put back.
    pub on_failure: Option<OnFailure>,
    /// How long a deployment may take from its beginning, in seconds, up to a day; as long as its tasks if left out. What is
    /// undone takes none.
    pub time_limit_seconds: Option<u32>,
}

impl Defaults {
    /// What is wrong with them, each at its field.
    pub fn faults(&self) -> Vec<FieldError> {
        let policy = self.on_failure.as_ref().and_then(OnFailure::fault);
        let limit = self.time_limit_seconds.and_then(time_limit_fault);
        policy.into_iter().chain(limit).collect()
    }
}

/// What is wrong with a time limit in seconds.
pub fn time_limit_fault(seconds: u32) -> Option<FieldError> {
    let fits = (1..=MAX_TIME_LIMIT).contains(&seconds);
    (!fits).then(|| FieldError::new("timeLimitSeconds", "From a second to a day."))
}
