//! The effects of steps. Internal effects commit with the step, chain effects are submissions,
//! external effects are calls.

mod external;
mod fault;
mod options;
mod step_error;
mod submission;

pub(crate) use external::{CallStatus, ExternalCall};
pub(crate) use fault::{Fault, bounded, to_json, too_large};
pub(crate) use options::{
    PARAMS, StepOption, UNITS, get_option, params, parse_option, required_text, text, units,
};
pub(crate) use step_error::StepError;
pub(crate) use submission::{
    ASSETS, ChainCall, LABELS, SIGNER, SubmissionRequest, UNTIL, VALUE, outcome,
};

use crate::run::request::RunRequest;
use serde_json::{Map, Value};
use types::Json;

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

/// Evaluated options.
pub(crate) type Options = Map<String, Value>;
