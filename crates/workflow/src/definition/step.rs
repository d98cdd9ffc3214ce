//! What a step is.

use crate::expression::Expression;
use serde_json::{Map, Value};

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the table in docs/tasks.md says what each does
pub(crate) enum Kind {
    JsonataTemplate,
    DataModelQuery,
    DataModelUpdate,
    HttpRequest,
    ContractDeploy,
    ContractInvoke,
    ContractQuery,
    Policy,
    InvokeTask,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Kind; 9] = [
        Kind::JsonataTemplate,
        Kind::DataModelQuery,
        Kind::DataModelUpdate,
        Kind::HttpRequest,
        Kind::ContractDeploy,
        Kind::ContractInvoke,
        Kind::ContractQuery,
        Kind::Policy,
        Kind::InvokeTask,
    ];

    /// As definitions write it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Kind::JsonataTemplate => "jsonata_template",
            Kind::DataModelQuery => "data_model_query",
            Kind::DataModelUpdate => "data_model_update",
            Kind::HttpRequest => "http_request",
            Kind::ContractDeploy => "contract_deploy",
            Kind::ContractInvoke => "contract_invoke",
            Kind::ContractQuery => "contract_query",
            Kind::Policy => "policy",
            Kind::InvokeTask => "invoke_task",
        }
    }

    /// From what a definition says.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Its key under `steps`.
    pub(crate) name: String,
    /// What it does.
    pub(crate) kind: Kind,
    /// Values taken literally.
    pub(crate) options: Map<String, Value>,
    /// Values that are evaluated and laid over.
    pub(crate) dynamic: Vec<(String, Expression)>,
    /// True: leave the step out.
    pub(crate) skip: Option<Expression>,
    /// What is asked after the step, in this order.
    pub(crate) clauses: Vec<Clause>,
    /// When it is tried again.
    pub(crate) retry: Retry,
    /// How long it may take, in milliseconds.
    pub(crate) timeout_ms: Option<u64>,
    /// What to do about an outside effect of which nobody knows whether it happened.
    pub(crate) ambiguity: Option<Ambiguity>,
}

/// What may end the run after a step.
#[derive(Debug, Clone)]
pub(crate) enum Clause {
    /// As failed.
    Fail(Fail),
    /// With a result.
    Return(Return),
    /// Successfully.
    Stop(Expression),
}

/// End as failed.
#[derive(Debug, Clone)]
pub(crate) struct Fail {
    /// When.
    pub(crate) when: Expression,
    /// The code of the error.
    pub(crate) code: String,
    /// In words.
    pub(crate) message: String,
    /// In words that are evaluated.
    pub(crate) dynamic: Option<Expression>,
}

/// End with a result.
#[derive(Debug, Clone)]
pub(crate) struct Return {
    /// When; always if it is not given.
    pub(crate) when: Option<Expression>,
    /// The result; none if it is not given.
    pub(crate) result: Option<Expression>,
}

/// When a step that failed is tried again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retry {
    /// Attempts altogether.
    pub(crate) attempts: u32,
    /// The first pause, in milliseconds.
    pub(crate) initial_ms: u64,
    /// What each pause is multiplied with, in hundredths.
    pub(crate) factor_percent: u64,
    /// The longest pause, in milliseconds.
    pub(crate) max_ms: u64,
    /// Whether the definition says so, rather than that nothing is said.
    pub(crate) declared: bool,
}

/// What to do about an outside effect of which nobody knows whether it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ambiguity {
    /// Send it again, under the same key.
    Retry,
    /// Ask the other side whether it happened.
    Query,
    /// Wait for a person.
    Park,
}

impl Step {
    /// Everything of it that is evaluated.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let asked = self.clauses.iter().flat_map(|clause| match clause {
            Clause::Fail(fail) => [Some(&fail.when), fail.dynamic.as_ref()],
            Clause::Return(ends) => [ends.when.as_ref(), ends.result.as_ref()],
            Clause::Stop(when) => [Some(when), None],
        });
        self.dynamic
            .iter()
            .map(|(_, expression)| expression)
            .chain(&self.skip)
            .chain(asked.flatten())
    }
}

impl Retry {
    /// One attempt; pauses as they are where only the number is given.
    pub(crate) const NONE: Retry = Retry {
        attempts: 1,
        initial_ms: 1_000,
        factor_percent: 200,
        max_ms: 60_000,
        declared: false,
    };

    /// The pause behind an attempt, counted from 1.
    pub(crate) fn pause_ms(&self, attempt: u32) -> i64 {
        let mut pause = u128::from(self.initial_ms);
        for _ in 1..attempt.min(64) {
            pause = (pause * u128::from(self.factor_percent) / 100).min(u128::from(self.max_ms));
        }
        i64::try_from(pause.min(u128::from(self.max_ms))).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pauses_double_up_to_their_limit() {
        let retry = Retry {
            attempts: 9,
            initial_ms: 500,
            factor_percent: 200,
            max_ms: 3_000,
            declared: true,
        };
        assert_eq!(
            (1..=5)
                .map(|attempt| retry.pause_ms(attempt))
                .collect::<Vec<_>>(),
            [500, 1_000, 2_000, 3_000, 3_000]
        );
    }

    proptest! {
        #[test]
        fn no_pause_passes_the_limit(initial_ms in 0u64..1 << 50, factor_percent in 100u64..100_000, max_ms in 0u64..1 << 40, attempt: u32) {
            let retry = Retry { attempts: 1, initial_ms, factor_percent, max_ms, declared: true };
            prop_assert!((0..=i64::try_from(max_ms).unwrap()).contains(&retry.pause_ms(attempt)));
        }
    }
}
