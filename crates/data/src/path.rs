//! Paths into free JSON, such as `info.grade.score`. Values are read from the exact text, so that
//! long numbers stay exact.

use crate::field::{Field, FieldType, Schema};
use crate::json::Members;
use crate::object::Object;
use serde_json::value::RawValue;

/// Steps of a path.
const MAX_STEPS: usize = 16;
/// Bytes of a path.
const MAX_PATH: usize = 256;

/// A path: a field of free JSON, and the steps below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) text: String,
    pub(crate) column: &'static str,
    pub(crate) steps: Vec<String>,
}

/// A comparable value at the end of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leaf {
    Text(String),
    /// The exact text of a number.
    Number(String),
    Flag(bool),
}

impl Path {
    /// Parse a path. Returns none unless it begins with a free JSON field of this schema.
    pub(crate) fn parse(schema: &Schema, text: &str) -> Option<Self> {
        let mut steps = text.split('.');
        let field: &Field = schema.field(steps.next()?)?;
        let steps: Vec<String> = steps.map(str::to_owned).collect();
        let valid = field.field_type == FieldType::Json
            && text.len() <= MAX_PATH
            && (1..=MAX_STEPS).contains(&steps.len())
            && steps
                .iter()
                .all(|step| !step.is_empty() && !step.contains('\0'));
        valid.then(|| Self {
            text: text.to_owned(),
            column: field.column,
            steps,
        })
    }

    /// The value of an object at this path.
    pub(crate) fn read(&self, object: &Object) -> Option<Leaf> {
        self.read_text(object.text(self.column)?)
    }

    /// The value of a JSON text at this path.
    pub(crate) fn read_text(&self, json: &str) -> Option<Leaf> {
        let mut value: Box<RawValue> = serde_json::from_str(json).ok()?;
        for step in &self.steps {
            value = step_into(&value, step)?;
        }
        leaf(&value)
    }
}

fn step_into(value: &RawValue, step: &str) -> Option<Box<RawValue>> {
    if value.get().starts_with('[') {
        let mut items: Vec<Box<RawValue>> = serde_json::from_str(value.get()).ok()?;
        let index: usize = step.parse().ok()?;
        return (index < items.len()).then(|| items.swap_remove(index));
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
