//! The call graph of rules: recursion and deep nesting would overflow a thread's stack.

use super::DocumentError;
use regorus::Value;
use regorus::rvm::instructions::LiteralOrRegister;
use regorus::rvm::{Instruction, Program};

/// The largest nesting of rule calls. The threads' stack size is chosen for it, see
/// `evaluation_pool`.
const MAX_CALL_DEPTH: usize = 64;

/// The call graph of a program: for each rule, the rules that it calls.
struct Calls<'p> {
    program: &'p Program,
    callees: Vec<Vec<usize>>,
}

/// The state of a rule in the depth-first search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visit {
    Unvisited,
    InProgress,
    Done(usize),
}

/// Reject rules that call themselves, directly or indirectly, and rule calls nested too deep.
pub(crate) fn check(program: &Program) -> Result<(), DocumentError> {
    let calls = Calls::of(program)?;
    let mut visits = vec![Visit::Unvisited; calls.callees.len()];
    (0..calls.callees.len()).try_for_each(|rule| calls.depth(rule, &mut visits).map(|_| ()))
}

impl<'p> Calls<'p> {
    fn of(program: &'p Program) -> Result<Self, DocumentError> {
        let mut callees = vec![Vec::new(); program.rule_infos.len()];
        let mut owner = None; // the entry points precede the first rule
        for instruction in &program.instructions {
            if let Instruction::RuleInit { rule_index, .. } = instruction {
                owner = Some(usize::from(*rule_index));
            }
            let called_rules = called_rules(program, instruction)?;
            if let Some(calls) = owner.and_then(|owner| callees.get_mut(owner)) {
                calls.extend(called_rules);
            }
        }
        Ok(Self { program, callees })
    }

    /// The call depth of a rule, including itself.
    fn depth(&self, rule: usize, visits: &mut [Visit]) -> Result<usize, DocumentError> {
        match visits.get(rule) {
            None => return Ok(0),
            Some(Visit::Done(depth)) => return Ok(*depth),
            Some(Visit::InProgress) => {
                return Err(DocumentError::Recursion {
                    rule: self.name(rule),
                });
            }
            Some(Visit::Unvisited) => visits[rule] = Visit::InProgress,
        }
        let mut deepest = 0;
        for callee in &self.callees[rule] {
            deepest = deepest.max(self.depth(*callee, visits)?);
            if deepest >= MAX_CALL_DEPTH {
                return Err(DocumentError::CallDepth {
                    rule: self.name(rule),
                    limit: MAX_CALL_DEPTH,
                });
            }
        }
        visits[rule] = Visit::Done(deepest + 1);
        Ok(deepest + 1)
    }

    fn name(&self, rule: usize) -> String {
        let name = self
            .program
            .rule_infos
            .get(rule)
            .map_or("", |info| info.name.as_str());
        name.strip_prefix("data.").unwrap_or(name).to_owned()
    }
}

/// The rules that an instruction may call.
fn called_rules(program: &Program, instruction: &Instruction) -> Result<Vec<usize>, DocumentError> {
    Ok(match instruction {
        Instruction::CallRule { rule_index, .. } => vec![usize::from(*rule_index)],
        Instruction::FunctionCall { params_index } => {
            let call = program
                .instruction_data
                .get_function_call_params(*params_index);
            call.map(|call| usize::from(call.func_rule_index))
                .into_iter()
                .collect()
        }
        Instruction::VirtualDataDocumentLookup { params_index } => {
            referenced_rules(program, *params_index)?
        }
        _ => Vec::new(),
    })
}

/// The rules that a reference into `data` may call: the named rule, or all rules of the named
/// package. (Regorus evaluates an imported package as a whole, whichever rule is used.)
fn referenced_rules(program: &Program, params_index: u16) -> Result<Vec<usize>, DocumentError> {
    let params = program
        .instruction_data
        .get_virtual_data_document_lookup_params(params_index);
    let mut path = "data".to_owned();
    for component in &params
        .ok_or(DocumentError::DynamicReference)?
        .path_components
    {
        let LiteralOrRegister::Literal(literal) = component else {
            return Err(DocumentError::DynamicReference);
        };
        let Some(Value::String(part)) = program.literals.get(usize::from(*literal)) else {
            return Err(DocumentError::DynamicReference);
        };
        path = format!("{path}.{part}");
        if let Some(rule) = program.rule_infos.iter().position(|info| info.name == path) {
            return Ok(vec![rule]);
        }
    }
    let prefix = format!("{path}.");
    let rules = program
        .rule_infos
        .iter()
        .enumerate()
        .filter(|(_, info)| info.name.starts_with(&prefix));
    Ok(rules.map(|(rule, _)| rule).collect())
}
