//! Calls: from a name and JSON to data, and back.

use super::{Abi, Path, Type, entry::Entry, input, output, token};
use crate::{Error, Result};
use serde_json::Value;

impl Abi {
    /// The data of a call. `method` is a name, or a signature such as `transfer(address,uint256)`;
    /// `params` a list, or an object by name.
    ///
    /// Error `intent.abi` with the path of what is wrong: `method` (unknown, or a name of several
    /// functions: they are listed), or a place such as `params.order.items[2].price`.
    pub fn encode_call(&self, method: &str, params: &Value) -> Result<Vec<u8>> {
        let function = self.function(method)?;
        let tokens = input::params(&function.inputs, params, &Path::Root("params"))?;
        Ok([&function.selector()[..], &token::encode(&tokens)].concat())
    }

    /// The data of a deployment: the code, then the constructor's arguments. An interface without
    /// constructor takes none.
    pub fn encode_deploy(&self, code: &[u8], params: &Value) -> Result<Vec<u8>> {
        let inputs = self
            .entries
            .constructor
            .as_ref()
            .map_or(&[][..], |constructor| &constructor.inputs);
        let tokens = input::params(inputs, params, &Path::Root("params"))?;
        Ok([code, &token::encode(&tokens)].concat())
    }

    /// What a call returned, by the outputs' names; an unnamed one is `output`, or `output1` … by
    /// its place. Null if nothing came back.
    pub fn decode_output(&self, method: &str, data: &[u8]) -> Result<Value> {
        let function = self.function(method)?;
        if data.is_empty() {
            return Ok(Value::Null);
        }
        let object = output::named(&function.outputs, data, output::OUTPUT);
        object
            .map(Value::Object)
            .map_err(|fault| Error::abi("output", format!("{}: {fault}", function.signature)))
    }

    /// A call's signature and arguments by name (an unnamed one is `arg`, or `arg1` … by its
    /// place); none if the interface has no function of this selector, or the data does not
    /// decode.
    pub fn decode_call(&self, data: &[u8]) -> Option<(String, Value)> {
        let (selector, arguments) = data.split_first_chunk::<4>()?;
        let function = self
            .entries
            .functions
            .iter()
            .find(|function| function.selector() == *selector)?;
        let object = output::named(&function.inputs, arguments, output::ARGUMENT).ok()?;
        Some((function.signature.clone(), Value::Object(object)))
    }

    /// Whether a call's data is exactly what encoding its arguments gives: nothing hidden behind,
    /// between or in unused bits.
    pub(crate) fn is_canonical_call(&self, data: &[u8]) -> bool {
        let Some((selector, arguments)) = data.split_first_chunk::<4>() else {
            return false;
        };
        let function = self
            .entries
            .functions
            .iter()
            .find(|function| function.selector() == *selector);
        let read = function.and_then(|function| {
            Some((
                function,
                output::values(output::types(&function.inputs), arguments).ok()?,
            ))
        });
        read.is_some_and(|(function, values)| {
            let again = input::params(
                &function.inputs,
                &Value::Array(values),
                &Path::Root("params"),
            );
            again.is_ok_and(|tokens| token::encode(&tokens) == arguments)
        })
    }

    /// The one output, and the name of the last input, of the function that a call's data asks for.
    pub(crate) fn hints(&self, data: &[u8]) -> Option<(Option<&Type>, &str)> {
        let selector = data.first_chunk::<4>()?;
        let function = self
            .entries
            .functions
            .iter()
            .find(|function| function.selector() == *selector)?;
        let output = if let [one] = function.outputs.as_slice() {
            Some(&one.ty)
        } else {
            None
        };
        Some((output, function.inputs.last().map_or("", |last| &last.name)))
    }

    /// Whether the interface has a function of this signature.
    pub(crate) fn has(&self, signature: &str) -> bool {
        self.entries
            .functions
            .iter()
            .any(|function| function.signature == signature)
    }

    /// A function by its signature, or by its name if only one has it.
    fn function(&self, method: &str) -> Result<&Entry> {
        let signature: String = method.chars().filter(|c| !c.is_whitespace()).collect();
        let functions = &self.entries.functions;
        if let Some(exact) = functions
            .iter()
            .find(|function| function.signature == signature)
        {
            return Ok(exact);
        }
        let named: Vec<&Entry> = functions
            .iter()
            .filter(|function| function.name == signature)
            .collect();
        match named.as_slice() {
            [one] => Ok(one),
            [] => Err(self.unknown(&signature)),
            several => Err(ambiguous(&signature, several)),
        }
    }

    fn unknown(&self, method: &str) -> Error {
        let name = method.split('(').next().unwrap_or_default();
        let unread = self
            .entries
            .unread
            .iter()
            .find(|(unread, _)| unread == name);
        let others = self
            .entries
            .functions
            .iter()
            .filter(|function| function.name == name);
        let others: Vec<&str> = others.map(|function| function.signature.as_str()).collect();
        let why = match (unread, others.is_empty()) {
            (Some((_, why)), _) => format!("{method} cannot be used: {why}"),
            (None, true) => format!("the interface has no function {method}"),
            (None, false) => format!(
                "the interface has no function {method}, but {}",
                others.join(", ")
            ),
        };
        Error::abi("method", why)
    }
}

fn ambiguous(name: &str, several: &[&Entry]) -> Error {
    let signatures: Vec<&str> = several
        .iter()
        .map(|function| function.signature.as_str())
        .collect();
    Error::abi(
        "method",
        format!(
            "several functions are called {name}; write one of {}",
            signatures.join(", ")
        ),
    )
}
