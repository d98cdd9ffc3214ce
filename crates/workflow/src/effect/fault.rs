//! Why a step did not complete.

use crate::error::to_stored;
use crate::run::Failure;
use crate::{Error, Workflow};
use types::{Coded, Json, Retry};

/// Why a step did not complete.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) failure: Failure,
    /// Whether another attempt may succeed.
    pub(crate) may_retry: bool,
    /// Whether the cause is temporary: the installation or the network, not the step.
    pub(crate) transient: bool,
    /// Whether the effect may have happened.
    pub(crate) outcome_unknown: bool,
    /// Whether the effect is read-only.
    pub(crate) read_only: bool,
}

impl Fault {
    /// A failure that no retry can fix.
    pub(crate) fn fatal(failure: Failure) -> Self {
        Self {
            failure,
            may_retry: false,
            transient: false,
            outcome_unknown: false,
            read_only: false,
        }
    }
}

/// The code of an error states whether to retry.
impl<E: Coded> From<E> for Fault {
    fn from(error: E) -> Self {
        let transient = error.code().retry == Retry::Later;
        Self {
            may_retry: transient,
            transient,
            ..Self::fatal(error.into())
        }
    }
}

impl<E: Coded> From<E> for Failure {
    fn from(error: E) -> Self {
        let field = error.field().map(|field| format!("{field}: "));
        let (field, text) = (field.unwrap_or_default(), error.to_string());
        Self {
            code: error.code().code.to_owned(),
            message: if text.starts_with(&field) {
                text
            } else {
                field + &text
            },
            step: None,
        }
    }
}

/// Serializes a value.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<Json, Fault> {
    Ok(to_stored("value", value)?)
}

/// Checks the size limit of a value.
pub(crate) fn bounded(workflow: &Workflow, value: Json) -> Result<Json, Fault> {
    let limit = workflow.settings().value_bytes;
    if value.as_str().len() > limit {
        return Err(too_large(limit));
    }
    Ok(value)
}

/// The step's data exceeds the size limit.
pub(crate) fn too_large(limit: usize) -> Fault {
    Error::limit("the step's data", "bytes", limit).into()
}
