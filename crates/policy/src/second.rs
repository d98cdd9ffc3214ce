//! A second opinion: regorus has two evaluators, and where they differ on a document's own example
//! the document is refused. The one that interprets also reports what the virtual machine passes
//! over in silence: two values for one rule.

use crate::Limits;
use crate::document::{Compiled, Entry, LIBRARY};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};
use std::num::NonZeroU32;
use std::time::Duration;

/// How many steps pass between two looks at the clock.
const CHECK_EVERY: NonZeroU32 = NonZeroU32::new(16).expect("16 is not 0");

/// The document, interpreted.
pub(crate) struct Second<'d> {
    document: &'d Compiled,
    engine: Engine,
}

impl<'d> Second<'d> {
    /// Interpret a document that compiles.
    pub(crate) fn new(document: &'d Compiled, text: &str, limits: &Limits) -> Result<Self, String> {
        let mut engine = Engine::new();
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: Duration::from_millis(limits.evaluation_ms.saturating_mul(10)), // it is slower by that much
            check_interval: CHECK_EVERY,
        });
        for (name, library) in LIBRARY {
            engine
                .add_policy(name.to_owned(), library.to_owned())
                .map_err(words)?;
        }
        engine
            .add_policy("policy.rego".to_owned(), text.to_owned())
            .map_err(words)?;
        Ok(Self { document, engine })
    }

    /// The value of a rule; none if the document has no such rule.
    pub(crate) fn ask(&mut self, entry: Entry, input: &Value) -> Result<Option<Value>, String> {
        let Some(point) = self.document.entry_point(entry) else {
            return Ok(None);
        };
        self.engine.set_input(input.clone());
        self.engine.eval_rule(point).map(Some).map_err(words)
    }
}

/// One line of what regorus draws.
fn words(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    text.split_once("error: ")
        .map_or(text.as_str(), |(_, why)| why)
        .trim()
        .to_owned()
}
