//! The effects of steps, by type. Internal effects commit with the step, chain effects are
//! submissions, external effects are calls.

mod chain;
mod contract_query;
mod data_model;
mod http;
mod invoke_task;
mod options;
mod policy;
mod step_error;

pub(crate) use chain::{SubmissionRequest, outcome};
pub(crate) use http::{Call, CallStatus};
pub(crate) use options::interface;
pub(crate) use step_error::StepError;

use crate::Error;
use crate::definition::Kind;
use crate::run::Failure;
use crate::run::start::RunRequest;
use crate::work::load::RunContext;
use serde_json::{Map, Value};
use std::time::Duration;
use types::{Coded, Json, Retry, Time};

/// The prepared effect of a step, before it takes place.
pub(crate) enum Plan {
    /// No effect, only a result.
    Value(Option<Json>),
    /// Update the data model in the step's transaction.
    Update(data::PreparedUpdate),
    /// Start a run in the step's transaction.
    StartRun(Box<RunRequest>),
    Submit(Box<SubmissionRequest>),
    Call(Box<Call>),
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

/// Prepares the effect of a step. May read, within the step's timeout; changes nothing.
pub(crate) async fn plan(run: &RunContext, options: &Options, began: Time) -> Result<Plan, Fault> {
    let read_only = matches!(
        run.step().kind,
        Kind::DataModelQuery | Kind::ContractQuery | Kind::Policy
    );
    let Some(limit) = run.step().timeout_ms.filter(|_| read_only) else {
        return prepare(run, options, began).await;
    };
    let timed_out = |_| {
        let reason = StepError::Timeout(format!("no answer within {limit} ms"));
        Err(Fault {
            may_retry: true,
            read_only,
            ..Fault::from_error(&reason)
        })
    };
    tokio::time::timeout(Duration::from_millis(limit), prepare(run, options, began))
        .await
        .unwrap_or_else(timed_out)
}

async fn prepare(run: &RunContext, options: &Options, began: Time) -> Result<Plan, Fault> {
    match run.step().kind {
        Kind::JsonataTemplate => Ok(Plan::Value(
            options.get("template").map(to_json).transpose()?,
        )),
        Kind::DataModelQuery => data_model::query(run, options).await.map(Plan::Value),
        Kind::DataModelUpdate => data_model::update(run, options).map(Plan::Update),
        Kind::HttpRequest => http::plan(run, options).map(|request| Plan::Call(Box::new(request))),
        Kind::ContractDeploy => chain::deploy(run, options)
            .await
            .map(|request| Plan::Submit(Box::new(request))),
        Kind::ContractInvoke => chain::invoke(run, options)
            .await
            .map(|request| Plan::Submit(Box::new(request))),
        Kind::ContractQuery => contract_query::query(run, options).await.map(Plan::Value),
        Kind::Policy => policy::evaluate(run, options, began).await.map(Plan::Value),
        Kind::InvokeTask => {
            invoke_task::plan(run, options).map(|request| Plan::StartRun(Box::new(request)))
        }
    }
}

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
