//! The graph of calls between rules: recursion, and calls nested too deep.

use super::Refusal;
use super::program::{Group, GroupId};
use std::collections::BTreeSet;

/// The largest nesting of rule calls. The threads' stack size is chosen for it, see
/// `evaluation_pool`.
const MAX_CALLS: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Open,
    InProgress,
    Done(usize),
}

/// Refuse rules that call themselves, directly or through others, and calls nested too deep.
pub(super) fn check(groups: &[Group], calls: &[BTreeSet<GroupId>]) -> Result<(), Refusal> {
    let mut visits = vec![Visit::Open; groups.len()];
    (0..groups.len()).try_for_each(|group| depth(group, 1, groups, calls, &mut visits).map(|_| ()))
}

/// The depth of calls below a rule, including itself.
fn depth(
    group: GroupId,
    above: usize,
    groups: &[Group],
    calls: &[BTreeSet<GroupId>],
    visits: &mut [Visit],
) -> Result<usize, Refusal> {
    let name = || groups[group].name.trim_start_matches("data.").to_owned();
    match visits[group] {
        Visit::Done(depth) if above + depth - 1 <= MAX_CALLS => return Ok(depth),
        Visit::InProgress => {
            let why = format!(
                "the rule {} calls itself, directly or through other rules",
                name()
            );
            return Err(Refusal::at(0, why));
        }
        Visit::Open if above <= MAX_CALLS => visits[group] = Visit::InProgress,
        _ => {
            let why = format!(
                "more than {MAX_CALLS} rule calls are nested, down to {}",
                name()
            );
            return Err(Refusal::at(0, why));
        }
    }
    let mut deepest = 0;
    for callee in &calls[group] {
        deepest = deepest.max(depth(*callee, above + 1, groups, calls, visits)?);
    }
    visits[group] = Visit::Done(deepest + 1);
    Ok(deepest + 1)
}
