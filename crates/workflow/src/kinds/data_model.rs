//! What the steps on the data model share: one option for each type of object.

use crate::effect::StepOption;
use data::Type;

pub(super) static WRITES: [StepOption; Type::WRITABLE.len()] =
    options(Type::WRITABLE, "objects to write, in a list");
pub(super) static QUERIES: [StepOption; Type::QUERYABLE.len()] =
    options(Type::QUERYABLE, "a query of objects of this type");

const fn options<const N: usize>(types: [Type; N], doc: &'static str) -> [StepOption; N] {
    let mut options = [StepOption::new("", doc); N];
    let mut index = 0;
    while index < N {
        options[index].name = types[index].plural();
        index += 1;
    }
    options
}
