//! Guards around the functions that can make much of little. Regorus counts instructions and time,
//! but one call may ask for gigabytes, and a process whose memory is gone ends for everybody; so
//! these functions are told beforehand how much they may make.

use regorus::rvm::Program;
use regorus::unstable::{BUILTINS, BuiltinFcn, Expr, Ref, Span};
use regorus::{LimitError, Value};
use std::cell::Cell;

/// What one rule may have made by functions, in bytes.
pub(crate) const MOST_MADE: usize = 32 * 1024 * 1024;
/// The largest value that a rule may have, in bytes: parts that stand in it twice count twice.
pub(crate) const MOST_VALUE: usize = 1024 * 1024;
/// What a value takes besides its text.
const SLOT: usize = 32;

thread_local! {
    /// What was made on this thread since a rule was begun.
    static MADE: Cell<usize> = const { Cell::new(0) };
}

/// A rule is begun.
pub(crate) fn begin() {
    MADE.set(0);
}

/// Put the guards into a program.
pub(super) fn put(program: &mut Program) {
    for (info, resolved) in program
        .builtin_info_table
        .iter()
        .zip(&mut program.resolved_builtins)
    {
        if let Some(guard) = guard(&info.name) {
            resolved.0 = guard;
        }
    }
}

/// The value's size, counted up to a limit: one that is made of few parts, each named twice, may be
/// larger than any memory.
pub(crate) fn weight(value: &Value, limit: usize) -> usize {
    let mut sum = SLOT;
    let mut add = |one: &Value| {
        if sum < limit {
            sum += weight(one, limit - sum);
        }
    };
    match value {
        Value::Array(items) => items.iter().for_each(&mut add),
        Value::Set(items) => items.iter().for_each(&mut add),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            add(name);
            add(value);
        }),
        Value::String(text) => sum += text.len(),
        Value::Number(number) => {
            sum += number
                .as_big()
                .map_or(0, |big| usize::try_from(big.bits() / 8).unwrap_or(limit));
        }
        _ => {}
    }
    sum
}

type Function = fn(&Span, &[Ref<Expr>], &[Value], bool) -> anyhow::Result<Value>;

/// Each function that grows, with the most that it makes of its arguments.
macro_rules! guards {
    ($($($name:literal)|+ => $most:expr;)*) => {
        fn guard(name: &str) -> Option<Function> {
            match name {
                $($($name => {
                    fn guarded(span: &Span, params: &[Ref<Expr>], args: &[Value], strict: bool) -> anyhow::Result<Value> {
                        let most: fn(&[Value]) -> usize = $most;
                        admit(most(args))?;
                        original($name)?.0(span, params, args, strict)
                    }
                    Some(guarded)
                })+)*
                _ => None,
            }
        }
    };
}

guards! {
    "concat" => joined;
    "sprintf" => formatted;
    "replace" => replaced;
    "split" => |args| text(args, 0).len().saturating_mul(SLOT);
    "array.concat" | "array.slice" | "array.reverse" | "object.union" | "object.filter" | "object.remove" | "object.keys"
        | "union" | "intersection" | "__builtin_sets.union" | "__builtin_sets.intersection" | "sort" | "product" => all;
    "upper" | "lower" | "trim" | "trim_left" | "trim_right" | "trim_prefix" | "trim_suffix" | "trim_space" | "substring"
        | "strings.reverse" | "format_int" => |args| text(args, 0).len().saturating_mul(3).max(all(&args[..args.len().min(1)]));
}

/// Joined texts: each once, and the text between.
fn joined(args: &[Value]) -> usize {
    let between = text(args, 0).len();
    let one = |sum: usize, item: &Value| {
        sum.saturating_add(weight(item, MOST_MADE))
            .saturating_add(between)
    };
    match args.get(1) {
        Some(Value::Array(items)) => items.iter().fold(0, one),
        Some(Value::Set(items)) => items.iter().fold(0, one),
        _ => 0,
    }
}

/// The format, each argument with every letter escaped, and all widths.
fn formatted(args: &[Value]) -> usize {
    let format = text(args, 0);
    let widths = format
        .split(|c: char| !c.is_numeric())
        .filter(|digits| !digits.is_empty());
    let widths = widths
        .map(|digits| digits.parse().unwrap_or(MOST_MADE))
        .fold(0, usize::saturating_add);
    format
        .len()
        .saturating_add(widths)
        .saturating_add(all(args.get(1..).unwrap_or_default()).saturating_mul(6))
}

fn replaced(args: &[Value]) -> usize {
    let (text, old, new) = (text(args, 0), text(args, 1), text(args, 2));
    let places = text.len() / old.len().max(1) + 1;
    text.len().saturating_add(places.saturating_mul(new.len()))
}

fn all(args: &[Value]) -> usize {
    args.iter()
        .fold(0, |sum, arg| sum.saturating_add(weight(arg, MOST_MADE)))
}

fn text(args: &[Value], place: usize) -> &str {
    match args.get(place) {
        Some(Value::String(text)) => text,
        _ => "",
    }
}

/// Whether so much may still be made. This kind of error ends the evaluation: nothing takes it for
/// undefined.
fn admit(most: usize) -> anyhow::Result<()> {
    let made = MADE.get().saturating_add(most);
    MADE.set(made);
    if made <= MOST_MADE {
        return Ok(());
    }
    Err(LimitError::MemoryLimitExceeded {
        usage: made as u64,
        limit: MOST_MADE as u64,
    }
    .into())
}

fn original(name: &str) -> anyhow::Result<BuiltinFcn> {
    BUILTINS
        .get(name)
        .copied()
        .ok_or_else(|| anyhow::Error::msg("it was there when the document was compiled"))
}
