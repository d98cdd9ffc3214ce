//! Steps of a definition.

use crate::expression::Expression;
use serde_json::{Map, Value};

#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Becomes the key under `steps` in expressions.
    pub(crate) name: String,
    /// The name of its type.
    pub(crate) kind: &'static str,
    /// Literal options.
    pub(crate) options: Map<String, Value>,
    /// Options given as expressions; their results override the literal ones.
    pub(crate) dynamic: Vec<(String, Expression)>,
    /// The step is skipped when this is true.
    pub(crate) skip: Option<Expression>,
    /// Evaluated after the step, in this order.
    pub(crate) clauses: Vec<Clause>,
    pub(crate) retry: Retry,
    pub(crate) timeout_ms: Option<u64>,
    /// What to do when an external effect has an unknown outcome.
    pub(crate) ambiguity: Option<Ambiguity>,
}

/// A condition that can end the run after a step.
#[derive(Debug, Clone)]
pub(crate) enum Clause {
    Fail(Fail),
    Return(Return),
    Stop(Expression),
}

/// Ends the run as failed.
#[derive(Debug, Clone)]
pub(crate) struct Fail {
    pub(crate) when: Expression,
    /// The code of the failure.
    pub(crate) code: String,
    pub(crate) message: String,
    /// A computed message, which replaces `message`.
    pub(crate) dynamic: Option<Expression>,
}

/// Ends the run successfully with a result.
#[derive(Debug, Clone)]
pub(crate) struct Return {
    /// Missing means always.
    pub(crate) when: Option<Expression>,
    /// Missing means no result.
    pub(crate) result: Option<Expression>,
}

/// Automatic retries of a failed step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retry {
    /// Total number of attempts, including the first.
    pub(crate) attempts: u32,
    pub(crate) initial_ms: u64,
    /// The factor between pauses, in percent.
    pub(crate) factor_percent: u64,
    pub(crate) max_ms: u64,
    /// Whether the definition declares `retry`; false for the defaults.
    pub(crate) declared: bool,
}

/// What to do when an external effect has an unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Ambiguity {
    /// Send it again under the same idempotency key.
    Retry,
    /// Query the receiver for the outcome.
    Query,
    /// Wait for an operator's decision.
    Park,
}

impl Step {
    /// All expressions of the step.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let clause_expressions = self.clauses.iter().flat_map(|clause| match clause {
            Clause::Fail(fail) => [Some(&fail.when), fail.dynamic.as_ref()],
            Clause::Return(clause) => [clause.when.as_ref(), clause.result.as_ref()],
            Clause::Stop(when) => [Some(when), None],
        });
        self.dynamic
            .iter()
            .map(|(_, expression)| expression)
            .chain(&self.skip)
            .chain(clause_expressions.flatten())
    }
}

impl Retry {
    /// One attempt. The pauses are the defaults when only `attempts` is declared.
    pub(crate) const NONE: Retry = Retry {
        attempts: 1,
        initial_ms: 1_000,
        factor_percent: 200,
        max_ms: 60_000,
        declared: false,
    };

    /// The pause after an attempt; the first attempt is 1.
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
