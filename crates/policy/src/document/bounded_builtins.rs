//! Size bounds on builtin functions whose result can be much larger than their arguments. Regorus
//! limits instructions and time, but a single call may allocate gigabytes, and an out-of-memory
//! process ends for everyone. So each such call is checked against a budget before it runs.

use regorus::rvm::Program;
use regorus::unstable::{BUILTINS, BuiltinFcn, Expr, Ref, Span};
use regorus::{LimitError, Value};
use std::cell::Cell;

/// The budget of one rule for results of functions, in bytes.
pub(crate) const MAX_ALLOCATED_BYTES: usize = 32 * 1024 * 1024;
/// The largest value of a rule, in bytes; shared parts count each time.
pub(crate) const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// The fixed size counted per value.
const VALUE_OVERHEAD: usize = 32;

thread_local! {
    /// The bytes counted on this thread since the current rule was started.
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

/// Reset the budget for a new rule.
pub(crate) fn reset() {
    ALLOCATED.set(0);
}

/// Install the bounded versions of the functions in a program.
pub(super) fn install(program: &mut Program) {
    for (info, resolved) in program
        .builtin_info_table
        .iter()
        .zip(&mut program.resolved_builtins)
    {
        if let Some(bounded) = bounded(&info.name) {
            resolved.0 = bounded;
        }
    }
}

/// The size of a value, counted up to a limit: a value built from shared parts may be larger than
/// any memory.
pub(crate) fn value_size(value: &Value, limit: usize) -> usize {
    let mut total = VALUE_OVERHEAD;
    let mut add = |item: &Value| {
        if total < limit {
            total += value_size(item, limit - total);
        }
    };
    match value {
        Value::Array(items) => items.iter().for_each(&mut add),
        Value::Set(items) => items.iter().for_each(&mut add),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            add(name);
            add(value);
        }),
        Value::String(text) => total += text.len(),
        Value::Number(number) => {
            total += number
                .as_big()
                .map_or(0, |big| usize::try_from(big.bits() / 8).unwrap_or(limit));
        }
        _ => {}
    }
    total
}

type Function = fn(&Span, &[Ref<Expr>], &[Value], bool) -> anyhow::Result<Value>;

/// The bounded functions, with the upper bound of their result's size.
macro_rules! bounds {
    ($($($name:literal)|+ => $bound:expr;)*) => {
        fn bounded(name: &str) -> Option<Function> {
            match name {
                $($($name => {
                    fn bounded_call(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> anyhow::Result<Value> {
                        let bound: fn(&[Value]) -> usize = $bound;
                        charge(bound(args))?;
                        builtin($name)?.0(span, params, args, strict)
                    }
                    Some(bounded_call)
                })+)*
                _ => None,
            }
        }
    };
}

bounds! {
    "concat" => concat_bound;
    "sprintf" => sprintf_bound;
    "replace" => replace_bound;
    "split" => |args| text(args, 0).len().saturating_mul(VALUE_OVERHEAD);
    "array.concat" | "array.slice" | "array.reverse" | "object.union" | "object.filter" | "object.remove" | "object.keys"
        | "union" | "intersection" | "__builtin_sets.union" | "__builtin_sets.intersection" | "sort" | "product" => total_size;
    "upper" | "lower" | "trim" | "trim_left" | "trim_right" | "trim_prefix" | "trim_suffix" | "trim_space" | "substring"
        | "strings.reverse" | "format_int" => |args| text(args, 0).len().saturating_mul(3).max(total_size(&args[..args.len().min(1)]));
}

/// `concat`: each text once, and the separator between.
fn concat_bound(args: &[Value]) -> usize {
    let between = text(args, 0).len();
    let add_item = |total: usize, item: &Value| {
        total
            .saturating_add(value_size(item, MAX_ALLOCATED_BYTES))
            .saturating_add(between)
    };
    match args.get(1) {
        Some(Value::Array(items)) => items.iter().fold(0, add_item),
        Some(Value::Set(items)) => items.iter().fold(0, add_item),
        _ => 0,
    }
}

/// `sprintf`: the format, each argument with every letter escaped, and all widths.
fn sprintf_bound(args: &[Value]) -> usize {
    let format = text(args, 0);
    let widths = format
        .split(|c: char| !c.is_numeric())
        .filter(|digits| !digits.is_empty());
    let widths = widths
        .map(|digits| digits.parse().unwrap_or(MAX_ALLOCATED_BYTES))
        .fold(0, usize::saturating_add);
    format
        .len()
        .saturating_add(widths)
        .saturating_add(total_size(args.get(1..).unwrap_or_default()).saturating_mul(6))
}

fn replace_bound(args: &[Value]) -> usize {
    let (text, old, new) = (text(args, 0), text(args, 1), text(args, 2));
    let matches = text.len() / old.len().max(1) + 1;
    text.len().saturating_add(matches.saturating_mul(new.len()))
}

fn total_size(args: &[Value]) -> usize {
    args.iter().fold(0, |total, arg| {
        total.saturating_add(value_size(arg, MAX_ALLOCATED_BYTES))
    })
}

fn text(args: &[Value], index: usize) -> &str {
    match args.get(index) {
        Some(Value::String(text)) => text,
        _ => "",
    }
}

/// Charge a call to the budget. This kind of error ends the evaluation instead of making the call
/// undefined.
fn charge(bound: usize) -> anyhow::Result<()> {
    let allocated = ALLOCATED.get().saturating_add(bound);
    ALLOCATED.set(allocated);
    if allocated <= MAX_ALLOCATED_BYTES {
        return Ok(());
    }
    Err(LimitError::MemoryLimitExceeded {
        usage: allocated as u64,
        limit: MAX_ALLOCATED_BYTES as u64,
    }
    .into())
}

fn builtin(name: &str) -> anyhow::Result<BuiltinFcn> {
    BUILTINS.get(name).copied().ok_or_else(|| {
        anyhow::Error::msg("the function was available when the document was compiled")
    })
}
