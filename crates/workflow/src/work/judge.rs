//! What is asked around a step: whether to leave it out, what to do, and, once it is done, whether
//! the run ends there.

use super::load::Loaded;
use crate::Error;
use crate::definition::{Clause, Step};
use crate::effect::Fault;
use crate::expression::{Answer, Expression, Limits, Scene, long_numerals_as_texts};
use crate::run::Failure;
use crate::state::Then;
use serde_json::{Map, Value};
use std::sync::Arc;
use types::{Json, Time};

/// What the expressions before a step come to.
pub(crate) enum Before {
    /// Leave it out.
    Skip,
    /// Do it with these options.
    Do(Map<String, Value>),
}

/// What the expressions after a step come to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) then: Then,
    pub(crate) result: Option<Json>,
    pub(crate) error: Option<Failure>,
}

impl Verdict {
    /// Go on with the next step.
    pub(crate) const fn on() -> Self {
        Self {
            then: Then::Next,
            result: None,
            error: None,
        }
    }
}

/// An expression that failed: which one, and why.
type Failed = (String, String);

impl Loaded {
    /// Evaluate what stands before the step.
    pub(crate) async fn before(&self, began: Time) -> Result<Before, Failure> {
        let scene = self.scene(None, began)?;
        let (definition, place) = (
            Arc::clone(&self.definition),
            self.run.position.step as usize,
        );
        let limits = self.workflow.limits();
        self.evaluate(move || before(&definition.steps[place], &scene, &limits))
            .await
    }

    /// Evaluate what stands after the step, with its data.
    pub(crate) async fn after(&self, data: Option<&Json>, began: Time) -> Result<Verdict, Failure> {
        if self.step().clauses.is_empty() {
            return Ok(Verdict::on());
        }
        let scene = self.scene(data, began)?;
        let (definition, place) = (
            Arc::clone(&self.definition),
            self.run.position.step as usize,
        );
        let limits = self.workflow.limits();
        let verdict = self
            .evaluate(move || after(&definition.steps[place].clauses, &scene, &limits))
            .await?;
        Ok(Verdict {
            error: verdict.error.map(|failure| self.named(failure)),
            ..verdict
        })
    }

    async fn evaluate<T, F>(&self, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Failed> + Send + 'static,
    {
        let outcome = self.workflow.threads().run(&self.namespace, work).await;
        let failed =
            |(field, why)| self.named(Fault::of(&Error::Expression { field, why }).failure);
        outcome
            .map_err(|why| failed(("an expression".to_owned(), why)))?
            .map_err(failed)
    }
}

fn before(step: &Step, scene: &Scene, limits: &Limits) -> Result<Before, Failed> {
    let skip = step
        .skip
        .as_ref()
        .map(|skip| one("skip", skip, scene, limits))
        .transpose()?;
    if skip.is_some_and(|answer| answer.truth) {
        return Ok(Before::Skip);
    }
    let mut options = step.options.clone();
    let expressions: Vec<&Expression> = step
        .dynamic
        .iter()
        .map(|(_, expression)| expression)
        .collect();
    let named =
        |(place, why): (usize, String)| (format!("dynamicOptions.{}", step.dynamic[place].0), why);
    let answers = scene.evaluate(&expressions, limits).map_err(named)?;
    for ((name, _), answer) in step.dynamic.iter().zip(answers) {
        // Nothing means "not given": a literal option of the same name stays.
        if let Some(json) = answer.json {
            options.insert(name.clone(), json.to_value());
        }
    }
    Ok(Before::Do(options))
}

fn after(clauses: &[Clause], scene: &Scene, limits: &Limits) -> Result<Verdict, Failed> {
    for clause in clauses {
        if let Some(verdict) = judge(clause, scene, limits)? {
            return Ok(verdict);
        }
    }
    Ok(Verdict::on())
}

fn judge(clause: &Clause, scene: &Scene, limits: &Limits) -> Result<Option<Verdict>, Failed> {
    match clause {
        Clause::Fail(fail) if one("fail.when", &fail.when, scene, limits)?.truth => {
            let said = fail
                .dynamic
                .as_ref()
                .map(|words| one("fail.dynamicMessage", words, scene, limits))
                .transpose()?;
            let said = said
                .and_then(|answer| answer.json)
                .map(|json| in_words(&json));
            let message = said.unwrap_or_else(|| fail.message.clone());
            let error = Failure {
                code: fail.code.clone(),
                message,
                step: None,
            };
            Ok(Some(Verdict {
                then: Then::Fail,
                result: None,
                error: Some(error),
            }))
        }
        Clause::Return(clause) => {
            let when = clause
                .when
                .as_ref()
                .map(|when| one("return.when", when, scene, limits))
                .transpose()?;
            if when.is_some_and(|answer| !answer.truth) {
                return Ok(None);
            }
            let result = clause
                .result
                .as_ref()
                .map(|result| one("return.result", result, scene, limits))
                .transpose()?;
            let result = result.and_then(|answer| answer.json);
            Ok(Some(Verdict {
                then: Then::End,
                result,
                error: None,
            }))
        }
        Clause::Stop(stop) if one("stopCondition", stop, scene, limits)?.truth => {
            Ok(Some(Verdict {
                then: Then::End,
                result: None,
                error: None,
            }))
        }
        Clause::Fail(_) | Clause::Stop(_) => Ok(None),
    }
}

fn one(
    name: &str,
    expression: &Expression,
    scene: &Scene,
    limits: &Limits,
) -> Result<Answer, Failed> {
    let answers = scene
        .evaluate(&[expression], limits)
        .map_err(|(_, why)| (name.to_owned(), why))?;
    Ok(answers.into_iter().next().unwrap_or(Answer {
        json: None,
        truth: false,
    }))
}

fn in_words(json: &Json) -> String {
    match json.to_value() {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// JSON from elsewhere as expressions can take it: long numerals as texts.
pub(crate) fn exact(text: &str) -> Option<Json> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    Json::parse(&long_numerals_as_texts(text))
}
