//! Encodes and decodes calls.

use super::{Abi, Path, Type, entry::Entry, input, output, token};
use crate::{Error, Result};
use serde_json::Value;

impl Abi {
    /// Encodes a call. `method` is a name, or a signature such as `transfer(address,uint256)`;
    /// `params` is a list, or an object by name.
    ///
    /// Error `intent.abi_mismatch` with the path of the fault: `method` (unknown or overloaded,
    /// with the candidates listed), or a path such as `params.order.items[2].price`.
    pub fn encode_call(&self, method: &str, params: &Value) -> Result<Vec<u8>> {
        let function = self.function(method)?;
        let tokens = input::params(&function.inputs, params, &Path::Root("params"))?;
        Ok([&function.selector()[..], &token::encode(&tokens)].concat())
    }

    /// Encodes a deployment: the code, then the constructor's arguments. An interface without a
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

    /// Decodes what a call returned, by output name; an unnamed output is `output`, or `output1` …
    /// by index. Null if the data is empty.
    pub fn decode_output(&self, method: &str, data: &[u8]) -> Result<Value> {
        let function = self.function(method)?;
        if data.is_empty() {
            return Ok(Value::Null);
        }
        let object = output::named(&function.outputs, data, output::OUTPUT);
        object.map(Value::Object).map_err(|error| {
            Error::abi_mismatch("output", format!("{}: {error}", function.signature))
        })
    }

    /// Decodes a call into its signature and arguments by name (an unnamed one is `arg`, or `arg1`
    /// … by index). `None` if the interface has no function with this selector, or the data does
    /// not decode.
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

    /// Whether a call's data is exactly the encoding of its arguments, with nothing after, between
    /// or in unused bits.
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
            let reencoded = input::params(
                &function.inputs,
                &Value::Array(values),
                &Path::Root("params"),
            );
            reencoded.is_ok_and(|tokens| token::encode(&tokens) == arguments)
        })
    }

    /// The only output (if there is exactly one) and the name of the last input of the called
    /// function.
    pub(crate) fn hints(&self, data: &[u8]) -> Option<(Option<&Type>, &str)> {
        let selector = data.first_chunk::<4>()?;
        let function = self
            .entries
            .functions
            .iter()
            .find(|function| function.selector() == *selector)?;
        let output = if let [output] = function.outputs.as_slice() {
            Some(&output.ty)
        } else {
            None
        };
        Some((output, function.inputs.last().map_or("", |last| &last.name)))
    }

    /// Whether the interface has a function of this signature.
    pub(crate) fn has_function(&self, signature: &str) -> bool {
        self.entries
            .functions
            .iter()
            .any(|function| function.signature == signature)
    }

    /// Finds a function by its signature, or by its name if the name is not overloaded.
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
            [function] => Ok(function),
            [] => Err(self.unknown(&signature)),
            several => Err(ambiguous(&signature, several)),
        }
    }

    fn unknown(&self, method: &str) -> Error {
        let name = method.split('(').next().unwrap_or_default();
        let unreadable = self
            .entries
            .unreadable
            .iter()
            .find(|(unreadable, _)| unreadable == name);
        let others = self
            .entries
            .functions
            .iter()
            .filter(|function| function.name == name);
        let others: Vec<&str> = others.map(|function| function.signature.as_str()).collect();
        let why = match (unreadable, others.is_empty()) {
            (Some((_, why)), _) => format!("{method} cannot be used: {why}"),
            (None, true) => format!("the interface has no function {method}"),
            (None, false) => format!(
                "the interface has no function {method}, but {}",
                others.join(", ")
            ),
        };
        Error::abi_mismatch("method", why)
    }
}

fn ambiguous(name: &str, several: &[&Entry]) -> Error {
    let signatures: Vec<&str> = several
        .iter()
        .map(|function| function.signature.as_str())
        .collect();
    Error::abi_mismatch(
        "method",
        format!(
            "several functions are named {name}; write one of {}",
            signatures.join(", ")
        ),
    )
}
