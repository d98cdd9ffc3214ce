//! A cross-check of regorus' two evaluators: if they differ on a document's own example, the
//! document is rejected. The interpreter also reports what the virtual machine ignores: two values
//! for one rule.

use crate::Limits;
use crate::document::{Compiled, Entry, LIBRARY};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};
use std::num::NonZeroU32;
use std::time::Duration;

/// The number of steps between two checks of the clock.
const CHECK_EVERY: NonZeroU32 = NonZeroU32::new(16).expect("16 is not 0");

/// A document, evaluated by the interpreter.
pub(crate) struct Interpreter<'d> {
    document: &'d Compiled,
    engine: Engine,
}

impl<'d> Interpreter<'d> {
    /// Create an interpreter for a document that compiles.
    pub(crate) fn new(document: &'d Compiled, text: &str, limits: &Limits) -> Result<Self, String> {
        let mut engine = Engine::new();
        engine.set_execution_timer_config(ExecutionTimerConfig {
            // The interpreter is about ten times slower.
            limit: Duration::from_millis(limits.evaluation_ms.saturating_mul(10)),
            check_interval: CHECK_EVERY,
        });
        for (name, library) in LIBRARY {
            engine
                .add_policy(name.to_owned(), library.to_owned())
                .map_err(one_line)?;
        }
        engine
            .add_policy("policy.rego".to_owned(), text.to_owned())
            .map_err(one_line)?;
        Ok(Self { document, engine })
    }

    /// The value of a rule; `None` if the document has no such rule.
    pub(crate) fn eval(&mut self, entry: Entry, input: &Value) -> Result<Option<Value>, String> {
        let Some(entry_point) = self.document.entry_point(entry) else {
            return Ok(None);
        };
        self.engine.set_input(input.clone());
        self.engine
            .eval_rule(entry_point)
            .map(Some)
            .map_err(one_line)
    }
}

/// Reduce regorus' multi-line message to one line.
fn one_line(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    text.split_once("error: ")
        .map_or(text.as_str(), |(_, why)| why)
        .trim()
        .to_owned()
}
