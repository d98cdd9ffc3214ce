//! Functions declared in the source, as Solidity writes them.

use super::entry::Entry;
use super::ty::{self, Param, Type};
use alloy_primitives::keccak256;

impl Entry {
    /// Parses a declaration such as `transfer(address to, uint256 value)`; a tuple is the list of
    /// its members in parentheses. Every parameter has a name.
    pub(crate) fn declared(text: &str) -> Option<Self> {
        let (name, rest) = text.split_at(text.find('(')?);
        let (inputs, "") = members(rest)? else {
            return None;
        };
        let signature = format!("{name}{}", ty::list(&inputs));
        Some(Self {
            name: name.to_owned(),
            outputs: Vec::new(),
            anonymous: false,
            hash: *keccak256(&signature),
            inputs,
            signature,
        })
    }
}

impl Entry {
    /// Parses `encodeType` of EIP-712: the primary type, then the structs in it. The fields become
    /// parameters, and structs tuples.
    pub(crate) fn typed(encoded: &str) -> Option<Self> {
        let structs: Vec<(&str, &str)> = encoded
            .split_terminator(')')
            .map(|text| text.split_once('('))
            .collect::<Option<_>>()?;
        let (name, fields) = *structs.first()?;
        let inputs = self::fields(fields, &structs, 0)?;
        Some(Self {
            name: name.to_owned(),
            outputs: Vec::new(),
            anonymous: false,
            hash: *keccak256(encoded),
            signature: encoded.to_owned(),
            inputs,
        })
    }
}

fn fields(text: &str, structs: &[(&str, &str)], depth: usize) -> Option<Vec<Param>> {
    // No struct of a constant is nested as deep; a recursive one would never end.
    if depth > 4 {
        return None;
    }
    let field = |text: &str| {
        let (ty, name) = text.split_once(' ')?;
        Some(Param {
            name: name.to_owned(),
            ty: field_type(ty, structs, depth)?,
            indexed: false,
        })
    };
    text.split(',').map(field).collect()
}

fn field_type(text: &str, structs: &[(&str, &str)], depth: usize) -> Option<Type> {
    if let Some((item, size)) = text
        .strip_suffix(']')
        .and_then(|text| text.rsplit_once('['))
    {
        return Type::array(field_type(item, structs, depth)?, size);
    }
    let members = structs.iter().find(|(name, _)| *name == text);
    match members {
        Some((_, members)) => fields(members, structs, depth + 1).map(Type::Tuple),
        None => Type::simple(text),
    }
}

/// Parses `(…)`, and returns what follows it.
fn members(text: &str) -> Option<(Vec<Param>, &str)> {
    let mut rest = text.strip_prefix('(')?;
    let mut members = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(')') {
            return Some((members, after));
        }
        let (member, after) = member(rest)?;
        members.push(member);
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
    }
}

fn member(text: &str) -> Option<(Param, &str)> {
    let (mut ty, mut rest) = if text.starts_with('(') {
        let (members, rest) = members(text)?;
        (Type::Tuple(members), rest)
    } else {
        let (word, rest) = text.split_at(text.find(['[', ' '])?);
        (Type::simple(word)?, rest)
    };
    while let Some(after) = rest.strip_prefix('[') {
        let (size, after) = after.split_once(']')?;
        ty = Type::array(ty, size)?;
        rest = after;
    }
    let rest = rest.strip_prefix(' ')?;
    let (name, rest) = rest.split_at(rest.find([',', ')'])?);
    let param = Param {
        name: name.to_owned(),
        ty,
        indexed: false,
    };
    Some((param, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_has_names_and_the_canonical_signature() {
        let text = "execute((address to, (uint256[2] pair) inner)[] calls, bytes data)";
        let entry = Entry::declared(text).unwrap();
        assert_eq!(entry.signature, "execute((address,(uint256[2]))[],bytes)");
        let names: Vec<&str> = entry.inputs.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["calls", "data"]);
        assert_eq!(
            Entry::declared("pause()").unwrap().selector(),
            [0x84, 0x56, 0xcb, 0x59]
        );
    }

    #[test]
    fn structs_of_typed_data_become_tuples() {
        let text = "Order(address maker,Item[] items)Item(uint256 amount,bytes32 id)";
        let entry = Entry::typed(text).unwrap();
        assert_eq!(ty::list(&entry.inputs), "(address,(uint256,bytes32)[])");
        assert_eq!(entry.hash, *keccak256(text));
        for bad in ["", "A", "A(B b)B(A a)", "A(nothing x)"] {
            assert!(Entry::typed(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_declaration_is_none() {
        for text in [
            "",
            "f",
            "f(",
            "f(uint256)",
            "f(nonsense x)",
            "f(uint256 x",
            "f(uint256 x) y",
        ] {
            assert!(Entry::declared(text).is_none(), "{text}");
        }
    }
}
