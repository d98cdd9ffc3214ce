//! The step types. Each is one file with one entry in [`KINDS`]; the parser, the worker and the
//! reference in `docs/tasks.md` read the entries.

mod contract;
mod contract_deploy;
mod contract_invoke;
mod contract_query;
mod data_model;
mod data_model_query;
mod data_model_update;
#[cfg(test)]
mod docs;
mod http_request;
mod invoke_task;
mod jsonata_template;
mod policy;

use crate::definition::Step;
use crate::effect::{ExternalCall, Fault, Options, Plan, StepError, StepOption};
use crate::worker::context::RunContext;
use futures::future::BoxFuture;
use std::time::Duration;
use types::{Json, Time};

/// The step types, in the order in which messages and documentation list them.
pub(crate) static KINDS: [&StepKind; 9] = [
    &jsonata_template::KIND,
    &data_model_query::KIND,
    &data_model_update::KIND,
    &http_request::KIND,
    &contract_deploy::KIND,
    &contract_invoke::KIND,
    &contract_query::KIND,
    &policy::KIND,
    &invoke_task::KIND,
];

/// A step type.
pub(crate) struct StepKind {
    /// The `type` in definitions.
    pub(crate) name: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "printed in docs/tasks.md"))]
    pub(crate) doc: &'static str,
    pub(crate) options: &'static [StepOption],
    /// At least one option of each group is required, literal or dynamic.
    pub(crate) required: &'static [&'static [&'static str]],
    /// Whether unknown options are stored with a warning instead of rejected. Set for step types
    /// that definitions written for other products use.
    pub(crate) lenient: bool,
    /// The option that is itself an expression, also where it is given as a literal.
    pub(crate) template: Option<&'static str>,
    pub(crate) effect: EffectKind,
    /// Prepares the effect. May read; changes nothing.
    pub(crate) plan:
        for<'a> fn(&'a RunContext, &'a Options, Time) -> BoxFuture<'a, Result<Plan, Fault>>,
}

/// What a step does outside of its run.
#[derive(Clone, Copy)]
pub(crate) enum EffectKind {
    /// Nothing: it computes.
    Compute,
    Read,
    /// Commits with the step.
    Internal,
    /// A submission, for which the step waits as a stored row.
    Chain,
    /// A call, stored before it is sent.
    External(External),
}

/// How a stored call is continued.
#[derive(Clone, Copy)]
pub(crate) struct External {
    /// Reads the stored call.
    pub(crate) restore: fn(&Json) -> serde_json::Result<Box<dyn ExternalCall>>,
    /// Whether the call, as shown in the run, may be repeated without harm.
    pub(crate) is_repeatable: fn(&Json) -> bool,
}

/// The meaning of a step's `timeout`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeout {
    /// The step computes or writes: it has no timeout.
    Ignored,
    /// The step occupies a slot of the worker while it waits, so its timeout is bounded.
    OfCall,
    /// The step waits as a stored row, so its timeout can be long.
    OfRow,
}

impl StepKind {
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        KINDS.into_iter().find(|kind| kind.name == name)
    }

    /// The type of a parsed step.
    pub(crate) fn of(step: &Step) -> &'static Self {
        Self::find(step.kind).expect("the parser rejects unknown types")
    }

    pub(crate) fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|option| option.name == name)
    }

    pub(crate) fn option_names(&self) -> Vec<&'static str> {
        self.options.iter().map(|option| option.name).collect()
    }

    pub(crate) fn timeout(&self) -> Timeout {
        match self.effect {
            EffectKind::Compute | EffectKind::Internal => Timeout::Ignored,
            EffectKind::Read | EffectKind::External(_) => Timeout::OfCall,
            EffectKind::Chain => Timeout::OfRow,
        }
    }

    /// Whether the run shows the options. A template's result is the step's data and is not
    /// repeated.
    pub(crate) fn shows_options(&self) -> bool {
        self.template.is_none()
    }

    /// How its calls are continued, if its effect is external.
    pub(crate) fn external(&self) -> Option<External> {
        match self.effect {
            EffectKind::External(external) => Some(external),
            _ => None,
        }
    }
}

/// Prepares the effect of a step. May read, within the step's timeout; changes nothing.
pub(crate) async fn plan(run: &RunContext, options: &Options, began: Time) -> Result<Plan, Fault> {
    let kind = StepKind::of(run.step());
    let planned = (kind.plan)(run, options, began);
    let is_read = matches!(kind.effect, EffectKind::Read);
    let Some(limit) = run.step().timeout_ms.filter(|_| is_read) else {
        return planned.await;
    };
    let timed_out = |_| {
        Err(Fault {
            may_retry: true,
            read_only: true,
            ..StepError::Timeout(format!("no answer within {limit} ms")).into()
        })
    };
    tokio::time::timeout(Duration::from_millis(limit), planned)
        .await
        .unwrap_or_else(timed_out)
}
