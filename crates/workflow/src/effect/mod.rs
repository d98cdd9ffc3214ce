//! What steps do, by kind: internal effects commit with the step, chain effects are submissions,
//! external ones are calls.

mod call;
mod chain;
mod http;
mod invoke;
mod model;
mod options;
mod policy;
mod why;

pub(crate) use chain::{Sending, outcome};
pub(crate) use http::{Call, Found};
pub(crate) use options::interface;
pub(crate) use why::Why;

use crate::Error;
use crate::definition::Kind;
use crate::run::Failure;
use crate::run::start::Order;
use crate::work::load::Loaded;
use serde_json::{Map, Value};
use std::time::Duration;
use types::{Coded, Json, Retry, Time};

/// What a step is to do, worked out and not yet begun.
pub(crate) enum Plan {
    /// Nothing but this value.
    Value(Option<Json>),
    /// Change the data model, with the step.
    Update(data::Prepared),
    /// Begin a run, with the step.
    Begin(Box<Order>),
    /// Enqueue a submission.
    Send(Box<Sending>),
    /// Call somebody outside.
    Call(Box<Call>),
}

/// Why a step did not come to an end.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// Code and words.
    pub(crate) failure: Failure,
    /// Whether another attempt may come to something.
    pub(crate) may_retry: bool,
    /// Whether it is of the installation or the network rather than of the step, so that it passes
    /// by itself.
    pub(crate) passing: bool,
    /// Whether the effect may have happened.
    pub(crate) unknown: bool,
    /// Whether the effect only reads.
    pub(crate) reads: bool,
}

impl Fault {
    /// It cannot be done, however often it is tried.
    pub(crate) fn fatal(failure: Failure) -> Self {
        Self {
            failure,
            may_retry: false,
            passing: false,
            unknown: false,
            reads: false,
        }
    }

    /// An option has a value that it cannot have.
    pub(crate) fn option(name: &str, why: impl std::fmt::Display) -> Self {
        Self::of(&Error::invalid(format!("options.{name}"), why.to_string()))
    }

    /// An error of another engine: it says itself whether to try again.
    pub(crate) fn of(error: &impl Coded) -> Self {
        let code = error.code();
        let passing = code.retry == Retry::Later;
        let field = error
            .field()
            .map(|field| format!("{field}: "))
            .unwrap_or_default();
        let words = error.to_string();
        let message = if words.starts_with(&field) {
            words
        } else {
            field + &words
        };
        Self {
            may_retry: passing,
            passing,
            ..Self::fatal(Failure {
                code: code.code.to_owned(),
                message,
                step: None,
            })
        }
    }
}

/// Options as they are evaluated.
pub(crate) type Options = Map<String, Value>;

/// Work out what a step is to do. Reads may be made here, in the time that the step gives them;
/// nothing is changed.
pub(crate) async fn plan(run: &Loaded, options: &Options, began: Time) -> Result<Plan, Fault> {
    let reads = matches!(
        run.step().kind,
        Kind::DataModelQuery | Kind::ContractQuery | Kind::Policy
    );
    let Some(limit) = run.step().timeout_ms.filter(|_| reads) else {
        return work_out(run, options, began).await;
    };
    let late = |_| {
        let why = Why::Timeout(format!("there was no answer within {limit} ms"));
        Err(Fault {
            may_retry: true,
            reads,
            ..Fault::of(&why)
        })
    };
    tokio::time::timeout(Duration::from_millis(limit), work_out(run, options, began))
        .await
        .unwrap_or_else(late)
}

async fn work_out(run: &Loaded, options: &Options, began: Time) -> Result<Plan, Fault> {
    match run.step().kind {
        Kind::JsonataTemplate => Ok(Plan::Value(
            options.get("template").map(written).transpose()?,
        )),
        Kind::DataModelQuery => model::query(run, options).await.map(Plan::Value),
        Kind::DataModelUpdate => model::update(run, options).map(Plan::Update),
        Kind::HttpRequest => http::plan(run, options).map(|call| Plan::Call(Box::new(call))),
        Kind::ContractDeploy => chain::deploy(run, options)
            .await
            .map(|sending| Plan::Send(Box::new(sending))),
        Kind::ContractInvoke => chain::invoke(run, options)
            .await
            .map(|sending| Plan::Send(Box::new(sending))),
        Kind::ContractQuery => call::query(run, options).await.map(Plan::Value),
        Kind::Policy => policy::evaluate(run, options, began).await.map(Plan::Value),
        Kind::InvokeTask => invoke::plan(run, options).map(|order| Plan::Begin(Box::new(order))),
    }
}

/// A value as JSON.
pub(crate) fn written(value: &impl serde::Serialize) -> Result<Json, Fault> {
    Json::of(value).map_err(|error| Fault::of(&Error::corrupt("value", error.to_string())))
}

/// A value within bounds.
pub(crate) fn bounded(run: &Loaded, value: Json) -> Result<Json, Fault> {
    let most = run.workflow.settings().value_bytes;
    if value.as_str().len() > most {
        return Err(too_large(most));
    }
    Ok(value)
}

/// What the step gives is larger than may be kept.
pub(crate) fn too_large(limit: usize) -> Fault {
    Fault::of(&Error::TooMuch {
        field: "the step's data".to_owned(),
        of: "bytes",
        limit,
    })
}
