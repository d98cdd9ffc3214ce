//! Evaluates the expressions of a step: whether to skip it, its options, and afterwards whether the
//! run ends.

use super::context::RunContext;
use crate::Error;
use crate::definition::{Clause, Definition, Step};
use crate::expression::{
    Evaluation, EvaluationContext, Expression, Limits, long_numerals_as_texts,
};
use crate::run::Failure;
use crate::state::Continuation;
use serde_json::{Map, Value};
use std::sync::Arc;
use types::{Json, Time};

/// The result of the expressions before a step.
pub(crate) enum StepStart {
    Skip,
    /// Run the step with these options.
    Run(Map<String, Value>),
}

/// The result of the expressions after a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepOutcome {
    pub(crate) continuation: Continuation,
    pub(crate) result: Option<Json>,
    pub(crate) error: Option<Failure>,
}

impl StepOutcome {
    /// Continue with the next step.
    pub(crate) const fn proceed() -> Self {
        Self {
            continuation: Continuation::Next,
            result: None,
            error: None,
        }
    }
}

/// The failed expression's field, and the reason.
type FailedField = (String, String);

impl RunContext {
    /// Evaluates the expressions before the step.
    pub(crate) async fn evaluate_before(&self, began: Time) -> Result<StepStart, Failure> {
        let scope = self.scope(None, began)?;
        self.evaluate(move || scope.before()).await
    }

    /// Evaluates the expressions after the step, with its data.
    pub(crate) async fn evaluate_after(
        &self,
        data: Option<&Json>,
        began: Time,
    ) -> Result<StepOutcome, Failure> {
        if self.step().clauses.is_empty() {
            return Ok(StepOutcome::proceed());
        }
        let scope = self.scope(data, began)?;
        let outcome = self.evaluate(move || scope.after()).await?;
        Ok(StepOutcome {
            error: outcome.error.map(|failure| self.step_failure(failure)),
            ..outcome
        })
    }

    fn scope(&self, data: Option<&Json>, began: Time) -> Result<Scope, Failure> {
        Ok(Scope {
            definition: Arc::clone(&self.definition),
            step: self.run.position.step as usize,
            context: self.evaluation_context(data, began)?,
            limits: self.workflow.limits(),
        })
    }

    async fn evaluate<T, F>(&self, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, FailedField> + Send + 'static,
    {
        let outcome = self
            .workflow
            .evaluation_pool()
            .run(&self.namespace, work)
            .await;
        let failed = |(field, reason)| self.step_failure(Error::Expression { field, reason });
        outcome
            .map_err(|reason| failed(("an expression".to_owned(), reason)))?
            .map_err(failed)
    }
}

/// What the expressions of a step see. Owned, because they are evaluated on another thread.
struct Scope {
    definition: Arc<Definition>,
    step: usize,
    context: EvaluationContext,
    limits: Limits,
}

impl Scope {
    fn step(&self) -> &Step {
        &self.definition.steps[self.step]
    }

    fn before(&self) -> Result<StepStart, FailedField> {
        let step = self.step();
        let skip = self.optional("skip", step.skip.as_ref())?;
        if skip.is_some_and(|answer| answer.truthy) {
            return Ok(StepStart::Skip);
        }
        let mut options = step.options.clone();
        let (names, expressions): (Vec<&String>, Vec<&Expression>) = step
            .dynamic
            .iter()
            .map(|(name, expression)| (name, expression))
            .unzip();
        let answers = self.context.evaluate(&expressions, &self.limits);
        let answers = answers
            .map_err(|(index, reason)| (format!("dynamicOptions.{}", names[index]), reason))?;
        for (name, answer) in names.into_iter().zip(answers) {
            // Undefined means "not given": a literal option with the same name stays.
            if let Some(json) = answer.json {
                options.insert(name.clone(), json.to_value());
            }
        }
        Ok(StepStart::Run(options))
    }

    fn after(&self) -> Result<StepOutcome, FailedField> {
        for clause in &self.step().clauses {
            if let Some(outcome) = self.clause(clause)? {
                return Ok(outcome);
            }
        }
        Ok(StepOutcome::proceed())
    }

    fn clause(&self, clause: &Clause) -> Result<Option<StepOutcome>, FailedField> {
        let outcome = |continuation, result, error| StepOutcome {
            continuation,
            result,
            error,
        };
        Ok(match clause {
            Clause::Fail(fail) if self.one("fail.when", &fail.when)?.truthy => {
                let message = self.optional("fail.dynamicMessage", fail.dynamic.as_ref())?;
                let message = message.and_then(|answer| answer.json);
                let message = message.map_or_else(|| fail.message.clone(), |json| text_of(&json));
                let error = Failure {
                    code: fail.code.clone(),
                    message,
                    step: None,
                };
                Some(outcome(Continuation::Fail, None, Some(error)))
            }
            Clause::Return(clause) => {
                let when = self.optional("return.when", clause.when.as_ref())?;
                if when.is_some_and(|answer| !answer.truthy) {
                    return Ok(None);
                }
                let result = self.optional("return.result", clause.result.as_ref())?;
                let result = result.and_then(|answer| answer.json);
                Some(outcome(Continuation::End, result, None))
            }
            Clause::Stop(stop) if self.one("stopCondition", stop)?.truthy => {
                Some(outcome(Continuation::End, None, None))
            }
            Clause::Fail(_) | Clause::Stop(_) => None,
        })
    }

    fn optional(
        &self,
        name: &str,
        expression: Option<&Expression>,
    ) -> Result<Option<Evaluation>, FailedField> {
        let evaluate = |expression| self.one(name, expression);
        expression.map(evaluate).transpose()
    }

    fn one(&self, name: &str, expression: &Expression) -> Result<Evaluation, FailedField> {
        let answers = (self.context)
            .evaluate(&[expression], &self.limits)
            .map_err(|(_, reason)| (name.to_owned(), reason))?;
        Ok(answers.into_iter().next().unwrap_or(Evaluation {
            json: None,
            truthy: false,
        }))
    }
}

fn text_of(json: &Json) -> String {
    match json.to_value() {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Converts external JSON for expressions: long numerals become strings.
pub(crate) fn parse_exact(text: &str) -> Option<Json> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    Json::parse(&long_numerals_as_texts(text))
}
