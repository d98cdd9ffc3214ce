//! Static checks of an expression, and the replacement of built-in functions by bounded ones.

use super::bounded_builtins::REPLACED;
use super::exact::EXACT_INTEGER;
use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::functions::string::build_regex;

/// Regular expressions in one expression: each may take milliseconds to compile.
const MAX_REGEXES: usize = 20;
/// No hand-written expression nests this deep.
const MAX_DEPTH: usize = 200;
/// Functions that are not deterministic, or hide an expression from the check.
const FORBIDDEN: [(&str, &str); 3] = [
    (
        "eval",
        "expressions are checked at upload, and $eval would bypass the check",
    ),
    ("random", "a repeated step must give the same result"),
    ("shuffle", "a repeated step must give the same result"),
];

/// The bounded function that replaces `&`.
pub(super) const CONCAT: &str = "florin_concat";

/// The name of the bounded replacement for a built-in function.
pub(super) fn bounded_name(name: &str) -> String {
    format!("florin_{name}")
}

/// Checks a parsed expression and replaces unbounded functions. Returns the number of regular
/// expressions, or why the expression is rejected.
pub(super) fn check_and_rewrite(node: &mut AstNode) -> Result<usize, String> {
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
    check_node(node)?;
    replace_unbounded(node);
    Ok(())
}

fn check_node(node: &AstNode) -> Result<(), String> {
    match node {
        AstNode::Number(number) if number.abs() > EXACT_INTEGER as f64 => Err(format!(
            "{number} is beyond 2^53 and not exact: write it as a string of digits"
        )),
        AstNode::Regex { pattern, flags } => build_regex(pattern, flags)
            .map(drop)
            .map_err(|error| error.to_string()),
        AstNode::Function { name, .. } | AstNode::Variable(name) => check_not_forbidden(name),
        AstNode::Lambda { params, .. } => {
            params.iter().try_for_each(|name| check_not_reserved(name))
        }
        AstNode::Binary {
            op: BinaryOp::ColonEqual,
            lhs,
            ..
        } => match &**lhs {
            AstNode::Lambda { .. } => {
                Err("a built-in function of Florin cannot be redefined".to_owned())
            }
            AstNode::Variable(name) => check_not_reserved(name),
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
        .try_for_each(|name| check_not_reserved(name))
}

fn check_not_forbidden(name: &str) -> Result<(), String> {
    match FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
        Some((_, reason)) => Err(format!("${name} is not available: {reason}")),
        None if name.starts_with("florin_") => Err(format!("${name} is reserved")),
        None => Ok(()),
    }
}

fn check_not_reserved(name: &str) -> Result<(), String> {
    if is_replaced(name) || name.starts_with("florin_") || name.starts_with("amount") {
        return Err(format!(
            "${name} is the name of a function and cannot be redefined"
        ));
    }
    Ok(())
}

fn is_replaced(name: &str) -> bool {
    REPLACED.iter().any(|(replaced, _)| *replaced == name)
}

fn replace_unbounded(node: &mut AstNode) {
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
        AstNode::Function { name, args, .. } if is_replaced(name) && !has_lambda(args) => {
            let mut args = std::mem::take(args);
            if args.is_empty() {
                args.push(AstNode::Variable(String::new())); // the default argument: the context
            }
            *node = call(&bounded_name(name), args);
        }
        // The function passed as a value: wrap it in a lambda with one parameter, so that it
        // receives only one argument.
        AstNode::Variable(name) if is_replaced(name) => {
            let params = vec!["florin_it".to_owned()];
            let body = call(
                &bounded_name(name),
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

/// Whether an argument is a lambda, which only the built-in function can call: `$replace(text, /x/,
/// function($m){…})`.
fn has_lambda(args: &[AstNode]) -> bool {
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

/// Visits every direct child.
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
