//! Evaluation: on a blocking thread, with a share of threads for each namespace.

use super::amount::FUNCTIONS;
use super::apart::{Evaluators, Failed};
use super::{Expression, careful, guard, long_numerals_as_texts, output};
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions, HostFn};
use jsonata_core::functions::{boolean, encoding};
use jsonata_core::value::JValue;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use types::{Json, Namespace, Time};

/// What one evaluation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// Time, in milliseconds.
    pub(crate) time_ms: u64,
    /// Memory of a process that evaluates, in mebibytes.
    pub(crate) memory_mb: u64,
    /// Bytes of a result as JSON.
    pub(crate) result_bytes: usize,
}

/// Items of a list that an expression may build.
const MAX_ITEMS: usize = 100_000;
/// Nesting of evaluation: some three levels for a call.
const MAX_STACK: usize = 3_000;

/// What expressions see: the members of the context, and the moment that `$now()` gives.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    /// `input`, `steps`, `variables`, `run`: JSON texts by name.
    pub(crate) members: Vec<(&'static str, Json)>,
    /// When the step began.
    pub(crate) now: Time,
    /// Where it is done.
    pub(crate) by: Evaluators,
}

/// What an expression gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The value; none if it is undefined.
    pub(crate) json: Option<Json>,
    /// Whether it counts as true.
    pub(crate) truth: bool,
}

impl Scene {
    /// Evaluate expressions one after the other; the first that fails is told by its place in the
    /// list. Blocking.
    pub(crate) fn evaluate(
        &self,
        expressions: &[&Expression],
        limits: &Limits,
    ) -> Result<Vec<Answer>, Failed> {
        let members = self
            .members
            .iter()
            .map(|(name, json)| format!("\"{name}\":{}", json.as_str()));
        let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        if let Some(outcome) = self.by.evaluate(&text, self.now, expressions, limits) {
            return outcome;
        }
        let context = context(&text).map_err(|why| (0, why))?;
        let one = |(place, expression): (usize, &&Expression)| {
            evaluate(expression, &context, self.now, limits).map_err(|why| (place, why))
        };
        expressions.iter().enumerate().map(one).collect()
    }
}

/// What expressions see, from its JSON.
pub(super) fn context(json: &str) -> Result<JValue, String> {
    JValue::from_json_str(&long_numerals_as_texts(json))
        .map_err(|error| format!("the context cannot be read: {error}"))
}

/// Evaluate one expression in this process.
pub(super) fn evaluate(
    expression: &Expression,
    context: &JValue,
    now: Time,
    limits: &Limits,
) -> Result<Answer, String> {
    let options = EvaluatorOptions {
        timeout_ms: Some(limits.time_ms),
        max_stack_depth: Some(MAX_STACK),
        max_sequence_length: Some(MAX_ITEMS),
        ..EvaluatorOptions::default()
    };
    let mut evaluator = Evaluator::with_options(Context::new(), options);
    equip(&mut evaluator, now).map_err(|error| error.to_string())?;
    let value = evaluator
        .evaluate(&expression.node, context)
        .map_err(|error| error.message().to_owned())?;
    let json = output::json(&value, limits.result_bytes)?.and_then(|text| Json::parse(&text));
    let truth = boolean::boolean(&value)
        .ok()
        .and_then(|truth| truth.as_bool())
        .unwrap_or(false);
    Ok(Answer { json, truth })
}

/// The functions of ours, and those that take the place of built-in ones.
fn equip(evaluator: &mut Evaluator, now: Time) -> Result<(), EvaluatorError> {
    for (name, function) in FUNCTIONS {
        evaluator.register_fn(name, host(function))?;
    }
    evaluator.register_fn(guard::CONCAT, host(careful::concat))?;
    evaluator.register_fn(guard::careful("string"), host(careful::to_text))?;
    evaluator.register_fn(guard::careful("join"), host(careful::join))?;
    evaluator.register_fn(guard::careful("replace"), host(careful::replace))?;
    evaluator.register_fn(guard::careful("number"), host(careful::number))?;
    evaluator.register_fn_override("pad", host(careful::pad))?;
    evaluator.register_fn_override(
        "base64encode",
        host(|args| careful::encoded(args, encoding::base64encode)),
    )?;
    evaluator.register_fn_override(
        "encodeUrl",
        host(|args| careful::encoded(args, encoding::encode_url)),
    )?;
    evaluator.register_fn_override(
        "encodeUrlComponent",
        host(|args| careful::encoded(args, encoding::encode_url_component)),
    )?;
    evaluator.register_fn_override("now", host(move |_| Ok(JValue::string(now.to_string()))))?;
    evaluator.register_fn_override("millis", host(move |_| Ok(JValue::from(now.millis()))))
}

fn host(function: impl Fn(&[JValue]) -> Result<JValue, String>) -> impl HostFn {
    move |args: &[JValue]| function(args).map_err(EvaluatorError::EvaluationError)
}

/// The threads on which expressions are evaluated: so many at a time, and so many of one namespace.
#[derive(Clone)]
pub(crate) struct Threads {
    all: Arc<Semaphore>,
    each: usize,
    shares: Arc<Mutex<HashMap<Namespace, Arc<Semaphore>>>>,
}

impl Threads {
    /// So many at a time, and so many of one namespace.
    pub(crate) fn new(all: usize, each: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all.max(1))),
            each: each.max(1),
            shares: Arc::default(),
        }
    }

    /// Do something slow for a namespace. An error is a panic on the thread, told in words.
    pub(crate) async fn run<T, F>(&self, namespace: &Namespace, work: F) -> Result<T, String>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let share = self.share(namespace);
        let closed = |error: tokio::sync::AcquireError| error.to_string();
        let own = share.acquire_owned().await.map_err(closed)?;
        let one = self.all.clone().acquire_owned().await.map_err(closed)?;
        let work = move || {
            let _held = (own, one); // by the thread: whoever gives up waiting frees nothing too early
            work()
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| "the evaluation broke off".to_owned())
    }

    fn share(&self, namespace: &Namespace) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares
            .entry(namespace.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(self.each)))
            .clone()
    }
}
