//! What an expression is allowed to be, and the functions that are exchanged for careful ones
//! before it runs.

use super::exact::EXACT_INTEGER;
use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::functions::string::build_regex;

/// Regular expressions of one expression: each may take milliseconds to build.
const MAX_REGEXES: usize = 20;
/// Nesting beyond this is no rule that a person wrote.
const MAX_DEPTH: usize = 200;
/// Built-in functions that could make a huge text of small ones, or a text of a number that lost
/// digits.
const CAREFUL: [&str; 4] = ["string", "join", "replace", "number"];
/// Functions that give something else each time, or hide an expression from the check.
const REFUSED: [(&str, &str); 3] = [
    (
        "eval",
        "an expression is checked when it is uploaded, and $eval would not be",
    ),
    ("random", "a step that is repeated must come to the same"),
    ("shuffle", "a step that is repeated must come to the same"),
];

/// The name of the careful function that stands for `&`.
pub(super) const CONCAT: &str = "florin_concat";

/// The name of the careful function that stands for a built-in one.
pub(super) fn careful(name: &str) -> String {
    format!("florin_{name}")
}

/// Check a parsed expression and exchange what needs care; how many regular expressions it has. An
/// error says why it is refused.
pub(super) fn guard(node: &mut AstNode) -> Result<usize, String> {
    let mut regexes = 0;
    visit(node, 0, &mut regexes)?;
    Ok(regexes)
}

fn visit(node: &mut AstNode, depth: usize, regexes: &mut usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("it nests deeper than {MAX_DEPTH} levels"));
    }
    children(node, &mut |child| visit(child, depth + 1, regexes))?;
    *regexes += usize::from(matches!(node, AstNode::Regex { .. }));
    if *regexes > MAX_REGEXES {
        return Err(format!(
            "it has more than {MAX_REGEXES} regular expressions"
        ));
    }
    check(node)?;
    exchange(node);
    Ok(())
}

fn check(node: &AstNode) -> Result<(), String> {
    match node {
        AstNode::Number(number) if number.abs() > EXACT_INTEGER as f64 => Err(format!(
            "{number} is a number beyond 2^53, which is not exact: write it as a text of digits"
        )),
        AstNode::Regex { pattern, flags } => build_regex(pattern, flags)
            .map(drop)
            .map_err(|error| error.to_string()),
        AstNode::Function { name, .. } | AstNode::Variable(name) => not_refused(name),
        AstNode::Lambda { params, .. } => params.iter().try_for_each(|name| not_reserved(name)),
        AstNode::Binary {
            op: BinaryOp::ColonEqual,
            lhs,
            ..
        } => match &**lhs {
            AstNode::Lambda { .. } => {
                Err("a function of Florin's own cannot be bound anew".to_owned())
            }
            AstNode::Variable(name) => not_reserved(name),
            _ => Ok(()),
        },
        AstNode::Path { steps } => steps.iter().try_for_each(check_step),
        _ => Ok(()),
    }
}

fn check_step(step: &PathStep) -> Result<(), String> {
    let stages = step.stages.iter().filter_map(|stage| match stage {
        Stage::Index(name) => Some(name),
        _ => None,
    });
    step.focus
        .iter()
        .chain(&step.index_var)
        .chain(stages)
        .try_for_each(|name| not_reserved(name))
}

fn not_refused(name: &str) -> Result<(), String> {
    match REFUSED.iter().find(|(refused, _)| *refused == name) {
        Some((_, why)) => Err(format!("${name} is not available: {why}")),
        None if name.starts_with("florin_") => Err(format!("${name} is a name of Florin's own")),
        None => Ok(()),
    }
}

fn not_reserved(name: &str) -> Result<(), String> {
    if CAREFUL.contains(&name) || name.starts_with("florin_") || name.starts_with("amount") {
        return Err(format!(
            "${name} is the name of a function and cannot be given to something else"
        ));
    }
    Ok(())
}

fn exchange(node: &mut AstNode) {
    match node {
        AstNode::Binary {
            op: BinaryOp::Concatenate,
            lhs,
            rhs,
        } => {
            let (lhs, rhs) = (
                std::mem::replace(&mut **lhs, AstNode::Null),
                std::mem::replace(&mut **rhs, AstNode::Null),
            );
            *node = call(CONCAT, vec![lhs, rhs]);
        }
        AstNode::Function { name, args, .. }
            if CAREFUL.contains(&name.as_str()) && !calls_back(args) =>
        {
            let mut args = std::mem::take(args);
            if args.is_empty() {
                args.push(AstNode::Variable(String::new())); // what it would take by itself: the context
            }
            *node = call(&careful(name), args);
        }
        // The function itself, handed to another: behind a lambda of one parameter, as it would
        // take no more.
        AstNode::Variable(name) if CAREFUL.contains(&name.as_str()) => {
            let params = vec!["florin_it".to_owned()];
            let body = call(
                &careful(name),
                vec![AstNode::Variable("florin_it".to_owned())],
            );
            *node = AstNode::Lambda {
                params,
                body: Box::new(body),
                signature: None,
                thunk: false,
            };
        }
        _ => {}
    }
}

/// Whether a function is among the arguments, which only the built-in can call: `$replace(text,
/// /x/, function($m){…})`.
fn calls_back(args: &[AstNode]) -> bool {
    args.iter().any(|arg| matches!(arg, AstNode::Lambda { .. }))
}

fn call(name: &str, args: Vec<AstNode>) -> AstNode {
    AstNode::Function {
        name: name.to_owned(),
        args,
        is_builtin: true,
    }
}

type Visit<'v> = &'v mut dyn FnMut(&mut AstNode) -> Result<(), String>;

/// Every node directly below.
fn children(node: &mut AstNode, visit: Visit<'_>) -> Result<(), String> {
    use AstNode as N;
    match node {
        N::Path { steps } => steps
            .iter_mut()
            .try_for_each(|step| step_children(step, visit)),
        N::Binary { lhs, rhs, .. } => visit(lhs).and_then(|()| visit(rhs)),
        N::Unary { operand, .. } => visit(operand),
        N::Function { args, .. } | N::Array(args) | N::Block(args) | N::ArrayGroup(args) => {
            args.iter_mut().try_for_each(visit)
        }
        N::Call { procedure, args } => {
            visit(procedure).and_then(|()| args.iter_mut().try_for_each(visit))
        }
        N::Lambda { body, .. } => visit(body),
        N::Object(pairs) => pairs
            .iter_mut()
            .try_for_each(|(key, value)| visit(key).and_then(|()| visit(value))),
        N::ObjectTransform { input, pattern } => {
            visit(input)?;
            pattern
                .iter_mut()
                .try_for_each(|(key, value)| visit(key).and_then(|()| visit(value)))
        }
        N::Conditional {
            condition,
            then_branch,
            else_branch,
        } => {
            visit(condition)?;
            visit(then_branch)?;
            else_branch.as_deref_mut().map_or(Ok(()), visit)
        }
        N::FunctionApplication(inner) => visit(inner),
        N::Sort { input, terms } => {
            visit(input).and_then(|()| terms.iter_mut().try_for_each(|(term, _)| visit(term)))
        }
        N::Transform {
            location,
            update,
            delete,
        } => {
            visit(location)?;
            visit(update)?;
            delete.as_deref_mut().map_or(Ok(()), visit)
        }
        N::String(_)
        | N::Name(_)
        | N::Number(_)
        | N::Boolean(_)
        | N::Null
        | N::Undefined
        | N::Placeholder => Ok(()),
        N::Regex { .. }
        | N::Variable(_)
        | N::ParentVariable(_)
        | N::Wildcard
        | N::Descendant
        | N::Parent(_) => Ok(()),
    }
}

fn step_children(step: &mut PathStep, visit: Visit<'_>) -> Result<(), String> {
    visit(&mut step.node)?;
    step.stages.iter_mut().try_for_each(|stage| match stage {
        Stage::Filter(filter) => visit(filter),
        Stage::KeepArray | Stage::Index(_) => Ok(()),
    })
}
