//! Evaluates the expressions of a step: whether to skip it, its options, and afterwards whether the
//! run ends.

use super::load::RunContext;
use crate::Error;
use crate::definition::{Clause, Step};
use crate::effect::Fault;
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
        let context = self.evaluation_context(None, began)?;
        let (definition, index) = (
            Arc::clone(&self.definition),
            self.run.position.step as usize,
        );
        let limits = self.workflow.limits();
        self.evaluate(move || evaluate_before(&definition.steps[index], &context, &limits))
            .await
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
        let context = self.evaluation_context(data, began)?;
        let (definition, index) = (
            Arc::clone(&self.definition),
            self.run.position.step as usize,
        );
        let limits = self.workflow.limits();
        let outcome = self
            .evaluate(move || evaluate_after(&definition.steps[index].clauses, &context, &limits))
            .await?;
        Ok(StepOutcome {
            error: outcome.error.map(|failure| self.step_failure(failure)),
            ..outcome
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
        let failed = |(field, reason)| {
            self.step_failure(Fault::from_error(&Error::Expression { field, reason }).failure)
        };
        outcome
            .map_err(|reason| failed(("an expression".to_owned(), reason)))?
            .map_err(failed)
    }
}

fn evaluate_before(
    step: &Step,
    context: &EvaluationContext,
    limits: &Limits,
) -> Result<StepStart, FailedField> {
    let skip = step
        .skip
        .as_ref()
        .map(|skip| evaluate_one("skip", skip, context, limits))
        .transpose()?;
    if skip.is_some_and(|answer| answer.truthy) {
        return Ok(StepStart::Skip);
    }
    let mut options = step.options.clone();
    let expressions: Vec<&Expression> = step
        .dynamic
        .iter()
        .map(|(_, expression)| expression)
        .collect();
    let name_field = |(index, reason): (usize, String)| {
        (format!("dynamicOptions.{}", step.dynamic[index].0), reason)
    };
    let answers = context.evaluate(&expressions, limits).map_err(name_field)?;
    for ((name, _), answer) in step.dynamic.iter().zip(answers) {
        // Undefined means "not given": a literal option with the same name stays.
        if let Some(json) = answer.json {
            options.insert(name.clone(), json.to_value());
        }
    }
    Ok(StepStart::Run(options))
}

fn evaluate_after(
    clauses: &[Clause],
    context: &EvaluationContext,
    limits: &Limits,
) -> Result<StepOutcome, FailedField> {
    for clause in clauses {
        if let Some(outcome) = evaluate_clause(clause, context, limits)? {
            return Ok(outcome);
        }
    }
    Ok(StepOutcome::proceed())
}

fn evaluate_clause(
    clause: &Clause,
    context: &EvaluationContext,
    limits: &Limits,
) -> Result<Option<StepOutcome>, FailedField> {
    match clause {
        Clause::Fail(fail) if evaluate_one("fail.when", &fail.when, context, limits)?.truthy => {
            let message = fail
                .dynamic
                .as_ref()
                .map(|expression| evaluate_one("fail.dynamicMessage", expression, context, limits))
                .transpose()?;
            let message = message
                .and_then(|answer| answer.json)
                .map(|json| message_text(&json));
            let message = message.unwrap_or_else(|| fail.message.clone());
            let error = Failure {
                code: fail.code.clone(),
                message,
                step: None,
            };
            Ok(Some(StepOutcome {
                continuation: Continuation::Fail,
                result: None,
                error: Some(error),
            }))
        }
        Clause::Return(clause) => {
            let when = clause
                .when
                .as_ref()
                .map(|when| evaluate_one("return.when", when, context, limits))
                .transpose()?;
            if when.is_some_and(|answer| !answer.truthy) {
                return Ok(None);
            }
            let result = clause
                .result
                .as_ref()
                .map(|result| evaluate_one("return.result", result, context, limits))
                .transpose()?;
            let result = result.and_then(|answer| answer.json);
            Ok(Some(StepOutcome {
                continuation: Continuation::End,
                result,
                error: None,
            }))
        }
        Clause::Stop(stop) if evaluate_one("stopCondition", stop, context, limits)?.truthy => {
            Ok(Some(StepOutcome {
                continuation: Continuation::End,
                result: None,
                error: None,
            }))
        }
        Clause::Fail(_) | Clause::Stop(_) => Ok(None),
    }
}

fn evaluate_one(
    name: &str,
    expression: &Expression,
    context: &EvaluationContext,
    limits: &Limits,
) -> Result<Evaluation, FailedField> {
    let answers = context
        .evaluate(&[expression], limits)
        .map_err(|(_, reason)| (name.to_owned(), reason))?;
    Ok(answers.into_iter().next().unwrap_or(Evaluation {
        json: None,
        truthy: false,
    }))
}

fn message_text(json: &Json) -> String {
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
