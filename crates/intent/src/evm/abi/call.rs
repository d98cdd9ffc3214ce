//! Encodes and decodes calls.

use super::{Abi, Path, entry::Entry, input, output, token, token::Token};
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

    /// The signature of the function that a call selects.
    pub(crate) fn signature_of(&self, data: &[u8]) -> Option<&str> {
        let selector = data.first_chunk::<4>()?;
        let mut functions = self.entries.functions.iter();
        let function = functions.find(|function| function.selector() == *selector)?;
        Some(&function.signature)
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

impl Entry {
    /// Decodes the arguments of a call, which follow its selector. The second result is whether
    /// they are exactly their encoding, with nothing after, between or in unused bits.
    pub(crate) fn decode_arguments(&self, arguments: &[u8]) -> Option<(Vec<Token>, bool)> {
        let tokens = output::tokens(output::types(&self.inputs), arguments).ok()?;
        let is_canonical = token::encode(&tokens) == arguments;
        Some((tokens, is_canonical))
    }

    /// Arguments as JSON by name.
    pub(crate) fn arguments_json(&self, tokens: &[Token]) -> Value {
        let values = output::types(&self.inputs).zip(tokens);
        let values = values.map(|(ty, token)| output::json(ty, token)).collect();
        Value::Object(output::by_name(&self.inputs, values, output::ARGUMENT))
    }
}
