//! The use cases' errors, and the problem documents they become.

use domain::{
    problem::{FieldError, Problem},
    site::Dependents,
};

/// What a use case answers when it cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of the request are not as they must be.
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such thing.
    #[error("there is no {noun} “{name}”")]
    NotFound {
        /// What was looked for.
        noun: &'static str,
        /// By which word.
        name: String,
    },
    /// It cannot be done in the present state.
    #[error("{detail}")]
    Conflict {
        /// Stable.
        code: &'static str,
        /// What is in the way and what to do.
        detail: String,
        /// The field of the request that is in the way, if one.
        field: Option<&'static str>,
        /// What is stored now.
        current: Option<serde_json::Value>,
    },
    /// A platform failed.
    #[error(transparent)]
    Platform(#[from] platform::Error),
    /// The database failed.
    #[error("the database failed")]
    Store(#[source] store::Error),
    /// A token cannot be opened.
    #[error(transparent)]
    Vault(#[from] crate::VaultError),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound => Error::NotFound { noun: "entry", name: String::new() },
            other => Error::Store(other),
        }
    }
}

impl Error {
    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Error::Invalid(vec![FieldError::new(field, message)])
    }

    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Error::Conflict { code, detail: detail.into(), field: None, current: None }
    }

    /// A name that another one has.
    pub(crate) fn name_taken(detail: String) -> Self {
        Error::Conflict { code: "name_taken", detail, field: Some("name"), current: None }
    }

    /// Something that others depend on, with what they are.
    pub(crate) fn in_use(code: &'static str, name: &str, dependents: &Dependents) -> Self {
        let listed = first_of(&dependents.app_instances);
        Error::Conflict {
            code,
            detail: format!("{name} is in use by {listed}. Remove those first, or repeat with ?force=true."),
            field: None,
            current: serde_json::to_value(dependents).ok(),
        }
    }

    /// A stale edit, with what is stored now.
    pub(crate) fn stale(current: &impl serde::Serialize) -> Self {
        Error::Conflict {
            code: "edit_conflict",
            detail: "Someone else has changed this meanwhile. Look at what is stored now, and save again."
                .into(),
            field: None,
            current: serde_json::to_value(current).ok(),
        }
    }

    /// Whether another server has taken the work over.
    pub(crate) fn is_lease_lost(&self) -> bool {
        matches!(self, Error::Store(store::Error::LeaseLost))
    }

    /// The document for the wire. The causes of a 500 are for the log only.
    pub fn problem(&self) -> Problem {
        match self {
            Error::Invalid(errors) => {
                let detail = errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join(" ");
                Problem { errors: errors.clone(), ..Problem::new(422, "invalid", "Not valid", detail) }
            }
            Error::NotFound { noun, name } if name.is_empty() => {
                Problem::new(404, "not_found", "Not found", format!("There is no such {noun}."))
            }
            Error::NotFound { .. } => Problem::new(404, "not_found", "Not found", format!("{self}.")),
            Error::Conflict { code, detail, field, current } => Problem {
                errors: field.iter().map(|field| FieldError::new(field, detail)).collect(),
                current: current.clone(),
                ..Problem::new(409, code, "Conflict", detail.clone())
            },
            Error::Platform(error) => platform_problem(error),
            Error::Store(error) => {
                tracing::error!(error = error as &dyn std::error::Error, "database");
                let detail = "The database does not answer as it should. Try again; if it stays so, see the server's log.";
                Problem::new(503, "database_unavailable", "Database unavailable", detail)
            }
            Error::Vault(error) => {
                Problem::new(500, "secret_key", "Secret cannot be opened", error.to_string())
            }
        }
    }
}

fn platform_problem(error: &platform::Error) -> Problem {
    use platform::Error as E;
    let (code, title) = match error {
        E::Address(_) => ("site_unreachable", "Site unreachable"),
        E::Tls(_) => ("site_tls", "Certificate not trusted"),
        E::SignIn(_) => ("site_sign_in", "Sign-in failed"),
        E::Forbidden(_) => ("site_forbidden", "Right missing"),
        E::NotFound(_) => ("site_not_found", "Not found on the site"),
        E::Rejected(_) => ("site_rejected", "Rejected by the cluster"),
        E::Unavailable { .. } => ("site_unavailable", "Cluster unavailable"),
        E::Answer(_) | E::Expired(_) => ("site_answer", "Unexpected answer"),
    };
    Problem::new(502, code, title, error.to_string())
}

/// The first few of many things, as a list in a sentence.
pub(crate) fn first_of(many: &[String]) -> String {
    let listed = many.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    match many.len().saturating_sub(5) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// Turns a unique index's refusal into a conflict at the name.
pub(crate) fn name_taken(detail: String) -> impl FnOnce(store::Error) -> Error {
    move |error| match error {
        store::Error::Duplicate(_) => Error::name_taken(detail),
        other => other.into(),
    }
}
