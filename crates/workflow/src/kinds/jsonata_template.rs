//! `jsonata_template`: evaluates an expression.

use super::{EffectKind, StepKind};
use crate::effect::{Plan, StepOption, to_json};
use futures::FutureExt;

const TEMPLATE: &str = "template";

pub(super) static KIND: StepKind = StepKind {
    name: "jsonata_template",
    doc: "Evaluates an expression; its result is the step's data.",
    options: &[StepOption::new(TEMPLATE, "the expression")],
    required: &[&[TEMPLATE]],
    lenient: true,
    template: Some(TEMPLATE),
    effect: EffectKind::Compute,
    plan: |_, options, _| {
        async move { Ok(Plan::Value(options.get(TEMPLATE).map(to_json).transpose()?)) }.boxed()
    },
};
