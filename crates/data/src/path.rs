//! Paths into free JSON: `info.grade.score`. Read from the exact text, so that long numbers stay
//! exact.

use crate::field::{Field, Is, Shape};
use crate::json::Members;
use crate::object::Object;
use serde_json::value::RawValue;

/// Steps of a path.
const MAX_STEPS: usize = 16;
/// Bytes of a path.
const MAX_PATH: usize = 256;

/// A path: the field it begins with, and the steps from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) text: String,
    pub(crate) column: &'static str,
    pub(crate) steps: Vec<String>,
}

/// What stands at the end of a path, if it can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leaf {
    Text(String),
    /// A number by its exact text.
    Number(String),
    Flag(bool),
}

impl Path {
    /// A path that begins with a field of free JSON of this shape.
    pub(crate) fn parse(shape: &Shape, text: &str) -> Option<Self> {
        let mut steps = text.split('.');
        let field: &Field = shape.field(steps.next()?)?;
        let steps: Vec<String> = steps.map(str::to_owned).collect();
        let legal = field.is == Is::Json
            && text.len() <= MAX_PATH
            && (1..=MAX_STEPS).contains(&steps.len())
            && steps
                .iter()
                .all(|step| !step.is_empty() && !step.contains('\0'));
        legal.then(|| Self {
            text: text.to_owned(),
            column: field.column,
            steps,
        })
    }

    /// What an object has there.
    pub(crate) fn read(&self, object: &Object) -> Option<Leaf> {
        self.read_text(object.text(self.column)?)
    }

    /// What a JSON text has there.
    pub(crate) fn read_text(&self, json: &str) -> Option<Leaf> {
        let mut here: Box<RawValue> = serde_json::from_str(json).ok()?;
        for step in &self.steps {
            here = into(&here, step)?;
        }
        leaf(&here)
    }
}

fn into(value: &RawValue, step: &str) -> Option<Box<RawValue>> {
    if value.get().starts_with('[') {
        let mut items: Vec<Box<RawValue>> = serde_json::from_str(value.get()).ok()?;
        let place: usize = step.parse().ok()?;
        return (place < items.len()).then(|| items.swap_remove(place));
    }
    let members: Members = serde_json::from_str(value.get()).ok()?;
    members
        .0
        .into_iter()
        .find(|(name, _)| name == step)
        .map(|(_, value)| value)
}

fn leaf(value: &RawValue) -> Option<Leaf> {
    match value.get().as_bytes().first()? {
        b'"' => serde_json::from_str(value.get()).ok().map(Leaf::Text),
        b't' => Some(Leaf::Flag(true)),
        b'f' => Some(Leaf::Flag(false)),
        b'-' | b'0'..=b'9' => Some(Leaf::Number(value.get().to_owned())),
        _ => None,
    }
}
