//! Typed data (EIP-712). What is read is what is hashed: one walk over types and values checks each
//! value strictly and hashes it.
//!
//! Stricter than the standard where laxness would show people something that is not signed: members
//! that the type does not have, members that are missing, aliases (`uint`), names that are no
//! identifiers, and a domain of another chain are refused.

use super::abi::{Path, Token, Type, value};
use crate::{Error, Result};
use alloy_primitives::keccak256;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use types::canonical_json;

/// The longest text, the most types, and the most fields of one: no standard in use has a tenth of
/// it.
const MAX_TEXT: usize = 128 << 10;
const MAX_TYPES: usize = 128;
const MAX_FIELDS: usize = 128;

const DOMAIN: &str = "EIP712Domain";
/// The fields that a domain may have.
const DOMAIN_FIELDS: [(&str, &str); 5] = [
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
];

/// The parts of typed data, as wallets take them (`eth_signTypedData_v4`).
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

/// Typed data in the one form that is signed here: canonical JSON of `{types, primaryType, domain,
/// message}`. Where the types leave out `EIP712Domain`, as some libraries do, it follows from the
/// domain's members. Error `intent.undecodable`, or `intent.abi` with the path.
pub fn typed_data(given: &Value) -> Result<String> {
    let mut given = given.clone();
    let fields = domain_fields(&given["domain"]);
    if let Some(types) = given.get_mut("types").and_then(Value::as_object_mut) {
        types.entry(DOMAIN).or_insert(fields);
    }
    let text = canonical_json(&given);
    let data = TypedData::parse(&text)?;
    data.digest(None)?;
    Ok(text)
}

fn domain_fields(domain: &Value) -> Value {
    let fields = DOMAIN_FIELDS
        .iter()
        .filter(|(name, _)| domain.get(name).is_some());
    fields
        .map(|(name, ty)| json!({"name": name, "type": ty}))
        .collect()
}

/// The digest that is signed, of text in canonical form; `chain` is the only one that its domain
/// may name.
pub(super) fn digest(json: &str, chain: Option<u64>) -> Result<[u8; 32]> {
    TypedData::parse(json)?.digest(chain)
}

impl TypedData {
    pub(super) fn parse(json: &str) -> Result<Self> {
        if json.len() > MAX_TEXT {
            return Err(Error::undecodable(format!(
                "typed data is longer than {MAX_TEXT} bytes"
            )));
        }
        let value: Value =
            serde_json::from_str(json).map_err(|_| Error::undecodable("typed data is no JSON"))?;
        // Also what finds a key that is written twice, of which only the last would count.
        if canonical_json(&value) != json {
            return Err(Error::undecodable(
                "typed data is not in canonical form (RFC 8785)",
            ));
        }
        let data: Self = serde_json::from_value(value).map_err(|_| {
            Error::undecodable("typed data has exactly types, primaryType, domain and message")
        })?;
        data.check_types()?;
        Ok(data)
    }

    /// Keccak-256 of `0x19 0x01`, the domain's hash and the message's.
    fn digest(&self, chain: Option<u64>) -> Result<[u8; 32]> {
        if self.primary_type == DOMAIN {
            return Err(Error::undecodable("typed data whose message is a domain"));
        }
        self.check_domain(chain)?;
        let hashes = self
            .types
            .keys()
            .map(|name| (name.as_str(), self.type_hash(name)))
            .collect();
        let walk = Walk {
            types: &self.types,
            hashes,
        };
        let domain = walk.object(DOMAIN, &self.domain, &Path::Root("domain"))?;
        let message = walk.object(&self.primary_type, &self.message, &Path::Root("message"))?;
        Ok(keccak256([&[0x19, 0x01][..], &domain, &message].concat()).0)
    }

    /// What the domain says of a field; none if it has none of this name.
    pub(super) fn domain(&self, name: &str) -> Option<&Value> {
        self.domain.get(name)
    }

    fn check_types(&self) -> Result<()> {
        let small = self.types.len() <= MAX_TYPES
            && self.types.values().all(|fields| fields.len() <= MAX_FIELDS);
        let named = self.types.iter().all(|(name, fields)| {
            is_identifier(name)
                && Type::simple(name).is_none()
                && fields.iter().all(|f| self.is_sound(f))
        });
        if small && named {
            Ok(())
        } else {
            Err(Error::undecodable(
                "typed data has a type or a field of no sound name",
            ))
        }
    }

    fn is_sound(&self, field: &Field) -> bool {
        let mut base = field.ty.as_str();
        while let Some((item, size)) = split(base) {
            if Type::array(Type::Bool, size).is_none() {
                return false;
            }
            base = item;
        }
        is_identifier(&field.name) && (self.types.contains_key(base) || simple(base).is_some())
    }

    fn check_domain(&self, chain: Option<u64>) -> Result<()> {
        let fields = self.types.get(DOMAIN).map_or(&[][..], Vec::as_slice);
        let known =
            |field: &Field| DOMAIN_FIELDS.contains(&(field.name.as_str(), field.ty.as_str()));
        if fields.is_empty() || !fields.iter().all(known) {
            return Err(Error::undecodable(
                "typed data has a domain of another form than EIP-712's",
            ));
        }
        let Some(named) = self.domain("chainId") else {
            return Ok(());
        };
        let at = Path::Root("domain");
        let named = value(&Type::Uint(256), named, &Path::Member(&at, "chainId"))?;
        match chain {
            Some(chain) if named != Token::uint(chain) => {
                Err(Error::undecodable("typed data is for another chain"))
            }
            _ => Ok(()),
        }
    }

    /// `Mail(Person from,…)Person(string name)`: the type, then those that it needs, by name.
    fn type_hash(&self, name: &str) -> [u8; 32] {
        let mut needed = BTreeSet::new();
        self.collect(name, &mut needed);
        needed.remove(name);
        let text: String = std::iter::once(name)
            .chain(needed)
            .map(|name| self.show(name))
            .collect();
        keccak256(text.as_bytes()).0
    }

    fn collect<'s>(&'s self, name: &str, into: &mut BTreeSet<&'s str>) {
        let Some((name, fields)) = self.types.get_key_value(name) else {
            return;
        };
        if into.insert(name) {
            fields.iter().for_each(|field| {
                self.collect(field.ty.split('[').next().unwrap_or_default(), into)
            });
        }
    }

    fn show(&self, name: &str) -> String {
        let fields = self.types.get(name).map_or(&[][..], Vec::as_slice);
        let fields: Vec<String> = fields
            .iter()
            .map(|field| format!("{} {}", field.ty, field.name))
            .collect();
        format!("{name}({})", fields.join(","))
    }
}

/// One walk over types and values.
struct Walk<'a> {
    types: &'a BTreeMap<String, Vec<Field>>,
    hashes: BTreeMap<&'a str, [u8; 32]>,
}

impl Walk<'_> {
    /// `hashStruct`.
    fn object(&self, name: &str, given: &Value, at: &Path<'_>) -> Result<[u8; 32]> {
        let (Some(fields), Some(hash)) = (self.types.get(name), self.hashes.get(name)) else {
            return Err(at.wrong(format!("there is no type {name}")));
        };
        let members = given
            .as_object()
            .ok_or_else(|| at.wrong("expected an object by name"))?;
        check_names(fields, members, at)?;
        let mut encoded = hash.to_vec();
        for field in fields {
            let at = Path::Member(at, &field.name);
            let member = members
                .get(&field.name)
                .ok_or_else(|| at.wrong("it is missing"))?;
            encoded.extend(self.member(&field.ty, member, &at)?);
        }
        Ok(keccak256(encoded).0)
    }

    /// `encodeData` of one value: a word.
    fn member(&self, ty: &str, given: &Value, at: &Path<'_>) -> Result<[u8; 32]> {
        match (split(ty), simple(ty)) {
            (Some((item, size)), _) => self.list(item, size, given, at),
            (None, Some(ty)) => Ok(match value(&ty, given, at)? {
                Token::Word(word) => word,
                Token::Bytes(bytes) => keccak256(bytes).0,
                Token::List(_) | Token::Row(_) => return Err(at.wrong("expected a single value")),
            }),
            (None, None) => self.object(ty, given, at),
        }
    }

    fn list(&self, item: &str, size: &str, given: &Value, at: &Path<'_>) -> Result<[u8; 32]> {
        let items = given
            .as_array()
            .ok_or_else(|| at.wrong("expected a list"))?;
        if !size.is_empty() && items.len().to_string() != size {
            return Err(at.wrong(format!("expected {size} items, found {}", items.len())));
        }
        let mut encoded = Vec::new();
        for (place, given) in items.iter().enumerate() {
            encoded.extend(self.member(item, given, &Path::Item(at, place))?);
        }
        Ok(keccak256(encoded).0)
    }
}

fn check_names(fields: &[Field], members: &Map<String, Value>, at: &Path<'_>) -> Result<()> {
    match members
        .keys()
        .find(|name| !fields.iter().any(|field| field.name == **name))
    {
        Some(unknown) => Err(Path::Member(at, unknown)
            .wrong("its type has no such field, so it would not be signed")),
        None => Ok(()),
    }
}

/// `T[n]` as `T` and `n`.
fn split(ty: &str) -> Option<(&str, &str)> {
    ty.strip_suffix(']')?.rsplit_once('[')
}

/// A type without members; EIP-712 knows neither aliases nor functions.
fn simple(ty: &str) -> Option<Type> {
    Type::simple(ty).filter(|_| !matches!(ty, "uint" | "int" | "function"))
}

fn is_identifier(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b'$';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|b| letter(b) || b.is_ascii_digit())
}
