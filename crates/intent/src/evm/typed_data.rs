//! Typed data (EIP-712). One walk over types and values both checks each value strictly and hashes
//! it, so what is checked is what is hashed.
//!
//! Stricter than the standard where leniency would show people something that is not signed:
//! members that the type does not declare, missing members, aliases (`uint`), names that are not
//! identifiers, and a domain of another chain are rejected.

use super::abi::{Path, Token, Type, value};
use crate::{Error, Result};
use alloy_primitives::keccak256;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use types::{ChainId, canonical_json};

/// Limits on the text, the types, and the fields of one type. Standards in use need less than a
/// tenth.
const MAX_TEXT: usize = 128 << 10;
const MAX_TYPES: usize = 128;
const MAX_FIELDS: usize = 128;

const DOMAIN: &str = "EIP712Domain";
/// The fields allowed in a domain.
const DOMAIN_FIELDS: [(&str, &str); 5] = [
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
];

/// Typed data in the format of wallets (`eth_signTypedData_v4`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TypedData {
    pub(super) types: BTreeMap<String, Vec<Field>>,
    pub(super) primary_type: String,
    pub(super) domain: Value,
    pub(super) message: Value,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Field {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) ty: String,
}

/// Converts typed data to the one form that is signed: canonical JSON of `{types, primaryType,
/// domain, message}`. If the types lack `EIP712Domain`, as with some libraries, it is derived from
/// the members of the domain. Error `intent.undecodable`, or `intent.abi_mismatch` with the path.
pub fn typed_data(value: &Value) -> Result<String> {
    let mut value = value.clone();
    let fields = domain_fields(&value["domain"]);
    if let Some(types) = value.get_mut("types").and_then(Value::as_object_mut) {
        types.entry(DOMAIN).or_insert(fields);
    }
    let text = canonical_json(&value);
    let data = TypedData::parse(&text)?;
    data.digest(None)?;
    Ok(text)
}

/// [`typed_data`] whose domain must name the chain: without it, the signature would be valid on
/// every chain that has the contract.
pub(crate) fn typed_data_for(chain: &ChainId, request: &Value) -> Result<String> {
    let text = typed_data(request)?;
    let data = TypedData::parse(&text)?;
    let at = Path::Root("domain");
    let at = Path::Member(&at, "chainId");
    let chain_id = data.domain("chainId");
    let chain_id = chain_id.ok_or_else(|| at.error("it is missing"))?;
    let expected = chain.evm_number().map(Token::uint);
    if Some(value(&Type::Uint(256), chain_id, &at)?) == expected {
        Ok(text)
    } else {
        Err(at.error(format!("it is not the chain {chain}")))
    }
}

fn domain_fields(domain: &Value) -> Value {
    let fields = DOMAIN_FIELDS
        .iter()
        .filter(|(name, _)| domain.get(name).is_some());
    fields
        .map(|(name, ty)| json!({"name": name, "type": ty}))
        .collect()
}

/// The signed digest of a text in canonical form. `chain` is the only chain id that the domain may
/// name.
pub(super) fn digest(json: &str, chain: Option<u64>) -> Result<[u8; 32]> {
    TypedData::parse(json)?.digest(chain)
}

impl TypedData {
    /// Parses a text in canonical form, and checks each value by its type.
    pub(super) fn checked(json: &str, chain: Option<u64>) -> Result<Self> {
        let data = Self::parse(json)?;
        data.digest(chain)?;
        Ok(data)
    }

    /// `encodeType` of the primary type.
    pub(super) fn encoded_type(&self) -> String {
        self.full_type(&self.primary_type)
    }

    /// Whether every type is part of the primary one, or the domain.
    pub(super) fn has_no_other_types(&self) -> bool {
        let mut used = BTreeSet::from([DOMAIN]);
        self.collect_types(&self.primary_type, &mut used);
        self.types.keys().all(|name| used.contains(name.as_str()))
    }

    fn parse(json: &str) -> Result<Self> {
        if json.len() > MAX_TEXT {
            return Err(Error::undecodable(format!(
                "typed data is longer than {MAX_TEXT} bytes"
            )));
        }
        let value: Value =
            serde_json::from_str(json).map_err(|_| Error::undecodable("typed data is not JSON"))?;
        // Also detects a duplicate key, of which only the last would count.
        if canonical_json(&value) != json {
            return Err(Error::undecodable(
                "typed data is not in canonical form (RFC 8785)",
            ));
        }
        let data: Self = serde_json::from_value(value).map_err(|_| {
            Error::undecodable(
                "typed data must have exactly types, primaryType, domain and message",
            )
        })?;
        data.check_types()?;
        Ok(data)
    }

    /// Keccak-256 of `0x19 0x01`, the domain's hash and the message's hash.
    fn digest(&self, chain: Option<u64>) -> Result<[u8; 32]> {
        if self.primary_type == DOMAIN {
            return Err(Error::undecodable(
                "the primary type of typed data is EIP712Domain",
            ));
        }
        self.check_domain(chain)?;
        let hashes = self
            .types
            .keys()
            .map(|name| (name.as_str(), self.type_hash(name)))
            .collect();
        let hasher = Hasher {
            types: &self.types,
            hashes,
        };
        let domain = hasher.object(DOMAIN, &self.domain, &Path::Root("domain"))?;
        let message = hasher.object(&self.primary_type, &self.message, &Path::Root("message"))?;
        Ok(*keccak256([&[0x19, 0x01][..], &domain, &message].concat()))
    }

    /// A field of the domain.
    pub(super) fn domain(&self, name: &str) -> Option<&Value> {
        self.domain.get(name)
    }

    fn check_types(&self) -> Result<()> {
        let within_limits = self.types.len() <= MAX_TYPES
            && self.types.values().all(|fields| fields.len() <= MAX_FIELDS);
        let valid = self.types.iter().all(|(name, fields)| {
            is_identifier(name)
                && Type::simple(name).is_none()
                && fields.iter().all(|f| self.is_valid_field(f))
        });
        if within_limits && valid {
            Ok(())
        } else {
            Err(Error::undecodable(
                "typed data has too many types, or a type or field with an invalid name or type",
            ))
        }
    }

    fn is_valid_field(&self, field: &Field) -> bool {
        let mut base = field.ty.as_str();
        while let Some((item, size)) = split(base) {
            if Type::array(Type::Bool, size).is_none() {
                return false;
            }
            base = item;
        }
        is_identifier(&field.name) && (self.types.contains_key(base) || simple_type(base).is_some())
    }

    fn check_domain(&self, chain: Option<u64>) -> Result<()> {
        let fields = self.types.get(DOMAIN).map_or(&[][..], Vec::as_slice);
        let known =
            |field: &Field| DOMAIN_FIELDS.contains(&(field.name.as_str(), field.ty.as_str()));
        if fields.is_empty() || !fields.iter().all(known) {
            return Err(Error::undecodable(
                "the domain of typed data has fields that EIP-712 does not define",
            ));
        }
        let Some(chain_id) = self.domain("chainId") else {
            return Ok(());
        };
        let at = Path::Root("domain");
        let chain_id = value(&Type::Uint(256), chain_id, &Path::Member(&at, "chainId"))?;
        match chain {
            Some(chain) if chain_id != Token::uint(chain) => {
                Err(Error::undecodable("typed data is for another chain"))
            }
            _ => Ok(()),
        }
    }

    fn type_hash(&self, name: &str) -> [u8; 32] {
        *keccak256(self.full_type(name))
    }

    /// `Mail(Person from,…)Person(string name)`: the type, then the types it references, sorted by
    /// name.
    fn full_type(&self, name: &str) -> String {
        let mut referenced = BTreeSet::new();
        self.collect_types(name, &mut referenced);
        referenced.remove(name);
        std::iter::once(name)
            .chain(referenced)
            .map(|name| self.encode_type(name))
            .collect()
    }

    fn collect_types<'s>(&'s self, name: &str, types: &mut BTreeSet<&'s str>) {
        let Some((name, fields)) = self.types.get_key_value(name) else {
            return;
        };
        if types.insert(name) {
            fields.iter().for_each(|field| {
                self.collect_types(field.ty.split('[').next().unwrap_or_default(), types)
            });
        }
    }

    fn encode_type(&self, name: &str) -> String {
        let fields = self.types.get(name).map_or(&[][..], Vec::as_slice);
        let fields: Vec<String> = fields
            .iter()
            .map(|field| format!("{} {}", field.ty, field.name))
            .collect();
        format!("{name}({})", fields.join(","))
    }
}

/// Checks and hashes values by their types.
struct Hasher<'a> {
    types: &'a BTreeMap<String, Vec<Field>>,
    hashes: BTreeMap<&'a str, [u8; 32]>,
}

impl Hasher<'_> {
    /// `hashStruct`.
    fn object(&self, name: &str, value: &Value, at: &Path<'_>) -> Result<[u8; 32]> {
        let (Some(fields), Some(hash)) = (self.types.get(name), self.hashes.get(name)) else {
            return Err(at.error(format!("there is no type {name}")));
        };
        let members = value
            .as_object()
            .ok_or_else(|| at.error("expected an object"))?;
        check_declared(fields, members, at)?;
        let mut encoded = hash.to_vec();
        for field in fields {
            let at = Path::Member(at, &field.name);
            let member = members
                .get(&field.name)
                .ok_or_else(|| at.error("it is missing"))?;
            encoded.extend(self.member(&field.ty, member, &at)?);
        }
        Ok(*keccak256(encoded))
    }

    /// `encodeData` of one value, which is one word.
    fn member(&self, ty: &str, member: &Value, at: &Path<'_>) -> Result<[u8; 32]> {
        match (split(ty), simple_type(ty)) {
            (Some((item, size)), _) => self.list(item, size, member, at),
            (None, Some(ty)) => Ok(match value(&ty, member, at)? {
                Token::Word(word) => word,
                Token::Bytes(bytes) => *keccak256(bytes),
                Token::List(_) | Token::Tuple(_) => return Err(at.error("expected a single value")),
            }),
            (None, None) => self.object(ty, member, at),
        }
    }

    fn list(&self, item: &str, size: &str, list: &Value, at: &Path<'_>) -> Result<[u8; 32]> {
        let items = list.as_array().ok_or_else(|| at.error("expected a list"))?;
        if !size.is_empty() && items.len().to_string() != size {
            return Err(at.error(format!("expected {size} items, found {}", items.len())));
        }
        let mut encoded = Vec::new();
        for (index, member) in items.iter().enumerate() {
            encoded.extend(self.member(item, member, &Path::Item(at, index))?);
        }
        Ok(*keccak256(encoded))
    }
}

fn check_declared(fields: &[Field], members: &Map<String, Value>, at: &Path<'_>) -> Result<()> {
    match members
        .keys()
        .find(|name| !fields.iter().any(|field| field.name == **name))
    {
        Some(unknown) => Err(Path::Member(at, unknown)
            .error("its type does not declare this field, so it would not be signed")),
        None => Ok(()),
    }
}

/// Splits `T[n]` into `T` and `n`.
fn split(ty: &str) -> Option<(&str, &str)> {
    ty.strip_suffix(']')?.rsplit_once('[')
}

/// A type without members. EIP-712 has neither aliases nor functions.
fn simple_type(ty: &str) -> Option<Type> {
    Type::simple(ty).filter(|_| !matches!(ty, "uint" | "int" | "function"))
}

fn is_identifier(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b'$';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|b| letter(b) || b.is_ascii_digit())
}
