//! Nodes of which all parts are constant are constants.

use super::Refusal;
use super::ast::{Term, TermKind};
use super::program::{Node, Pair};
use super::value::Value;

pub(super) fn check_target(target: &Term) -> Result<(), Refusal> {
    match &target.kind {
        TermKind::Var(_) => Ok(()),
        TermKind::Array(items) => items.iter().try_for_each(check_target),
        TermKind::Object(fields) => fields
            .iter()
            .try_for_each(|field| check_target(&field.value)),
        _ => Err(Refusal::at(
            target.line,
            "`:=` needs a new name on its left",
        )),
    }
}

pub(super) fn indexed(base: Node, mut keys: Vec<Node>) -> Node {
    match base {
        _ if keys.is_empty() => base,
        Node::Index(base, mut first) => {
            first.append(&mut keys);
            Node::Index(base, first)
        }
        base => Node::Index(Box::new(base), keys),
    }
}

fn constants(nodes: &[Node]) -> Option<Vec<Value>> {
    nodes.iter().map(|node| node.constant().cloned()).collect()
}

pub(super) fn constant_array(items: Vec<Node>) -> Node {
    match constants(&items) {
        Some(items) => Node::Constant(Value::array(items)),
        None => Node::Array(items),
    }
}

pub(super) fn constant_set(items: Vec<Node>) -> Node {
    match constants(&items) {
        Some(items) => Node::Constant(Value::set(items)),
        None => Node::Set(items),
    }
}

pub(super) fn constant_object(line: u32, pairs: Vec<Pair>) -> Result<Node, Refusal> {
    let fields: Option<Vec<(Value, Value)>> = pairs
        .iter()
        .map(|pair| Some((pair.key.constant()?.clone(), pair.value.constant()?.clone())))
        .collect();
    match fields.map(Value::object) {
        None => Ok(Node::Object(pairs)),
        Some(Ok(object)) => Ok(Node::Constant(object)),
        Some(Err(_)) => Err(Refusal::at(line, "an object has one key twice")),
    }
}
