//! The effects of steps. Internal effects commit with the step, chain effects are submissions,
//! external effects are calls.

mod external;
mod options;
mod step_error;
mod submission;

pub(crate) use external::{CallStatus, ExternalCall};
pub(crate) use options::{get_option, interface, params, parse_option, required_text, text, units};
pub(crate) use step_error::StepError;
pub(crate) use submission::{ChainCall, SubmissionRequest, outcome};

use crate::Error;
use crate::run::Failure;
use crate::run::start::RunRequest;
use crate::work::load::RunContext;
use serde_json::{Map, Value};
use types::{Coded, Json, Retry};

/// The prepared effect of a step, before it takes place.
pub(crate) enum Plan {
    /// No effect, only a result.
    Value(Option<Json>),
    /// Update the data model in the step's transaction.
    Update(data::PreparedUpdate),
    /// Start a run in the step's transaction.
    StartRun(Box<RunRequest>),
    Submit(Box<SubmissionRequest>),
    Call(Box<dyn ExternalCall>),
}

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

    /// An option has an invalid value.
    pub(crate) fn option(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::from_error(&Error::invalid(
            format!("options.{name}"),
            reason.to_string(),
        ))
    }

    /// Converts an error of another engine; its code states whether to retry.
    pub(crate) fn from_error(error: &impl Coded) -> Self {
        let code = error.code();
        let transient = code.retry == Retry::Later;
        let field = error
            .field()
            .map(|field| format!("{field}: "))
            .unwrap_or_default();
        let text = error.to_string();
        let message = if text.starts_with(&field) {
            text
        } else {
            field + &text
        };
        Self {
            may_retry: transient,
            transient,
            ..Self::fatal(Failure {
                code: code.code.to_owned(),
                message,
                step: None,
            })
        }
    }
}

/// Evaluated options.
pub(crate) type Options = Map<String, Value>;

/// Serializes a value.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<Json, Fault> {
    Json::of(value).map_err(|error| Fault::from_error(&Error::corrupt("value", error.to_string())))
}

/// Checks the size limit of a value.
pub(crate) fn bounded(run: &RunContext, value: Json) -> Result<Json, Fault> {
    let limit = run.workflow.settings().value_bytes;
    if value.as_str().len() > limit {
        return Err(too_large(limit));
    }
    Ok(value)
}

/// The step's data exceeds the size limit.
pub(crate) fn too_large(limit: usize) -> Fault {
    Fault::from_error(&Error::LimitExceeded {
        field: "the step's data".to_owned(),
        unit: "bytes",
        limit,
    })
}
