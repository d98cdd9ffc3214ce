//! Which rule calls which: rules that call themselves, and calls nested too deep, would use up the
//! stack of a thread.

use super::Refusal;
use regorus::Value;
use regorus::rvm::instructions::LiteralOrRegister;
use regorus::rvm::{Instruction, Program};

/// Rules that may be nested in one another. A thread's stack is sized for it, see `threads`.
const MOST_NESTED: usize = 64;

/// The calls of a program: for each rule, the rules that it calls.
struct Calls<'p> {
    program: &'p Program,
    of: Vec<Vec<usize>>,
}

/// How far a rule has been looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    Open,
    Deep(usize),
}

/// Refuse rules that call themselves, by whatever way round, and rules that are nested too deep.
pub(crate) fn check(program: &Program) -> Result<(), Refusal> {
    let calls = Calls::of(program)?;
    let mut seen = vec![Seen::Not; calls.of.len()];
    (0..calls.of.len()).try_for_each(|rule| calls.depth(rule, &mut seen).map(|_| ()))
}

impl<'p> Calls<'p> {
    fn of(program: &'p Program) -> Result<Self, Refusal> {
        let mut of = vec![Vec::new(); program.rule_infos.len()];
        let mut owner = None; // before the first rule stand the entry points
        for instruction in &program.instructions {
            if let Instruction::RuleInit { rule_index, .. } = instruction {
                owner = Some(usize::from(*rule_index));
            }
            let called = called(program, instruction)?;
            if let Some(calls) = owner.and_then(|owner| of.get_mut(owner)) {
                calls.extend(called);
            }
        }
        Ok(Self { program, of })
    }

    /// How many rules are nested below and with this one.
    fn depth(&self, rule: usize, seen: &mut [Seen]) -> Result<usize, Refusal> {
        match seen.get(rule) {
            None => return Ok(0),
            Some(Seen::Deep(depth)) => return Ok(*depth),
            Some(Seen::Open) => {
                return Err(Refusal::Recursive {
                    rule: self.name(rule),
                });
            }
            Some(Seen::Not) => seen[rule] = Seen::Open,
        }
        let mut deepest = 0;
        for called in &self.of[rule] {
            deepest = deepest.max(self.depth(*called, seen)?);
            if deepest >= MOST_NESTED {
                return Err(Refusal::Nested {
                    rule: self.name(rule),
                    limit: MOST_NESTED,
                });
            }
        }
        seen[rule] = Seen::Deep(deepest + 1);
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
fn called(program: &Program, instruction: &Instruction) -> Result<Vec<usize>, Refusal> {
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
        Instruction::VirtualDataDocumentLookup { params_index } => named(program, *params_index)?,
        _ => Vec::new(),
    })
}

/// The rules that a reference into `data` may call: the one it names, or all of the package it
/// names. (An imported package is read as a whole, whatever is asked of it.)
fn named(program: &Program, params_index: u16) -> Result<Vec<usize>, Refusal> {
    let params = program
        .instruction_data
        .get_virtual_data_document_lookup_params(params_index);
    let mut path = "data".to_owned();
    for component in &params.ok_or(Refusal::Dynamic)?.path_components {
        let LiteralOrRegister::Literal(literal) = component else {
            return Err(Refusal::Dynamic);
        };
        let Some(Value::String(word)) = program.literals.get(usize::from(*literal)) else {
            return Err(Refusal::Dynamic);
        };
        path = format!("{path}.{word}");
        if let Some(rule) = program.rule_infos.iter().position(|info| info.name == path) {
            return Ok(vec![rule]);
        }
    }
    let below = format!("{path}.");
    let rules = program
        .rule_infos
        .iter()
        .enumerate()
        .filter(|(_, info)| info.name.starts_with(&below));
    Ok(rules.map(|(rule, _)| rule).collect())
}
