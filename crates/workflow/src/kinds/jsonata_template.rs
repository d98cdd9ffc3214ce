//! `jsonata_template`: evaluates an expression.

use super::{EffectKind, PlanFuture, StepKind, StepOption};
use crate::effect::{Options, Plan, to_json};
use crate::worker::context::RunContext;
use futures::FutureExt;
use types::Time;

const TEMPLATE: &str = "template";

pub(super) static KIND: StepKind = StepKind {
    name: "jsonata_template",
    doc: "Evaluates an expression; its result is the step's data.",
    options: &[StepOption {
        name: TEMPLATE,
        doc: "the expression",
    }],
    required: &[&[TEMPLATE]],
    lenient: true,
    template: Some(TEMPLATE),
    effect: EffectKind::Compute,
    plan,
};

fn plan<'a>(_: &'a RunContext, options: &'a Options, _: Time) -> PlanFuture<'a> {
    let data = options.get(TEMPLATE).map(to_json).transpose();
    std::future::ready(data.map(Plan::Value)).boxed()
}
