//! What the steps on the data model share: one option for each type of object.

use super::StepOption;
use crate::effect::Options;
use data::Type;

/// The object types that `data_model_update` accepts.
const WRITABLE_TYPES: [&str; 10] = names(Type::WRITABLE);
/// The object types that `data_model_query` accepts.
const QUERYABLE_TYPES: [&str; 12] = names(Type::QUERYABLE);

const fn names<const N: usize>(types: [Type; N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut index = 0;
    while index < N {
        names[index] = types[index].plural();
        index += 1;
    }
    names
}

pub(super) static WRITES: [StepOption; WRITABLE_TYPES.len()] =
    options(WRITABLE_TYPES, "objects to write, in a list");
pub(super) static QUERIES: [StepOption; QUERYABLE_TYPES.len()] =
    options(QUERYABLE_TYPES, "a query of objects of this type");

const fn options<const N: usize>(types: [&'static str; N], doc: &'static str) -> [StepOption; N] {
    let mut options = [StepOption { name: "", doc }; N];
    let mut index = 0;
    while index < N {
        options[index].name = types[index];
        index += 1;
    }
    options
}

pub(super) fn without_nulls(options: &Options) -> Options {
    options
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
