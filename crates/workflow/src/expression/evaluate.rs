//! Evaluation on blocking threads, with a share of the threads for each namespace.

use super::amount::FUNCTIONS;
use super::sandbox::{Evaluators, FailedExpression};
use super::{Evaluation, Expression, Limits};
use super::{bounded_builtins, long_numerals_as_texts, output, static_check};
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions, HostFn};
use jsonata_core::functions::boolean;
use jsonata_core::value::JValue;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use types::{Json, Namespace, Time};

/// Items in a list that an expression builds.
const MAX_ITEMS: usize = 100_000;
/// Nesting of evaluation: about three levels for each function call.
const MAX_STACK: usize = 3_000;

/// The values visible to expressions and the time that `$now()` returns.
#[derive(Debug, Clone)]
pub(crate) struct EvaluationContext {
    /// `input`, `steps`, `variables`, `run`: JSON by name.
    pub(crate) members: Vec<(&'static str, Json)>,
    /// When the step began.
    pub(crate) now: Time,
    pub(crate) evaluators: Evaluators,
}

impl EvaluationContext {
    /// Evaluates expressions in order. The error contains the index of the first that failed.
    /// Blocking.
    pub(crate) fn evaluate(
        &self,
        expressions: &[&Expression],
        limits: &Limits,
    ) -> Result<Vec<Evaluation>, FailedExpression> {
        let members = self
            .members
            .iter()
            .map(|(name, json)| format!("\"{name}\":{}", json.as_str()));
        let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        if let Some(outcome) = self
            .evaluators
            .evaluate(&text, self.now, expressions, limits)
        {
            return outcome;
        }
        let context = context(&text).map_err(|reason| (0, reason))?;
        let evaluate_at = |(index, expression): (usize, &&Expression)| {
            evaluate(expression, &context, self.now, limits).map_err(|reason| (index, reason))
        };
        expressions.iter().enumerate().map(evaluate_at).collect()
    }
}

/// Parses the context.
pub(super) fn context(json: &str) -> Result<JValue, String> {
    JValue::from_json_str(&long_numerals_as_texts(json))
        .map_err(|error| format!("the context cannot be read: {error}"))
}

/// Evaluates one expression in this process.
pub(super) fn evaluate(
    expression: &Expression,
    context: &JValue,
    now: Time,
    limits: &Limits,
) -> Result<Evaluation, String> {
    let options = EvaluatorOptions {
        timeout_ms: Some(limits.time_ms),
        max_stack_depth: Some(MAX_STACK),
        max_sequence_length: Some(MAX_ITEMS),
        ..EvaluatorOptions::default()
    };
    let mut evaluator = Evaluator::with_options(Context::new(), options);
    register_functions(&mut evaluator, now).map_err(|error| error.to_string())?;
    let value = evaluator
        .evaluate(&expression.node, context)
        .map_err(|error| error.message().to_owned())?;
    let json = output::json(&value, limits.result_bytes)?.and_then(|text| Json::parse(&text));
    let truthy = boolean::boolean(&value)
        .ok()
        .and_then(|truthy| truthy.as_bool())
        .unwrap_or(false);
    Ok(Evaluation { json, truthy })
}

/// Registers Florin's functions and the replacements for built-in ones.
fn register_functions(evaluator: &mut Evaluator, now: Time) -> Result<(), EvaluatorError> {
    for (name, function) in FUNCTIONS {
        evaluator.register_fn(name, host_fn(function))?;
    }
    evaluator.register_fn(static_check::CONCAT, host_fn(bounded_builtins::concat))?;
    for (name, function) in bounded_builtins::REPLACED {
        evaluator.register_fn(static_check::bounded_name(name), host_fn(function))?;
    }
    for (name, function) in bounded_builtins::OVERRIDDEN {
        evaluator.register_fn_override(name, host_fn(function))?;
    }
    evaluator.register_fn_override("now", host_fn(move |_| Ok(JValue::string(now.to_string()))))?;
    evaluator.register_fn_override("millis", host_fn(move |_| Ok(JValue::from(now.millis()))))
}

fn host_fn(function: impl Fn(&[JValue]) -> Result<JValue, String>) -> impl HostFn {
    move |args: &[JValue]| function(args).map_err(EvaluatorError::EvaluationError)
}

/// The evaluation threads: bounded in total and for each namespace.
#[derive(Clone)]
pub(crate) struct EvaluationPool {
    total: Arc<Semaphore>,
    per_namespace: usize,
    shares: Arc<Mutex<HashMap<Namespace, Arc<Semaphore>>>>,
}

impl EvaluationPool {
    pub(crate) fn new(total: usize, per_namespace: usize) -> Self {
        Self {
            total: Arc::new(Semaphore::new(total.max(1))),
            per_namespace: per_namespace.max(1),
            shares: Arc::default(),
        }
    }

    /// Runs blocking work for a namespace. The error is the message of a panic.
    pub(crate) async fn run<T, F>(&self, namespace: &Namespace, work: F) -> Result<T, String>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let share = self.share(namespace);
        let closed = |error: tokio::sync::AcquireError| error.to_string();
        let namespace_permit = share.acquire_owned().await.map_err(closed)?;
        let global_permit = self.total.clone().acquire_owned().await.map_err(closed)?;
        let work = move || {
            // Held by the thread: a caller that stops waiting must not free the permits early.
            let _held = (namespace_permit, global_permit);
            work()
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| "the evaluation panicked".to_owned())
    }

    fn share(&self, namespace: &Namespace) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares
            .entry(*namespace)
            .or_insert_with(|| Arc::new(Semaphore::new(self.per_namespace)))
            .clone()
    }
}
