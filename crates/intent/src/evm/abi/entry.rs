//! The entries of an ABI: functions, events, errors and the constructor.

use super::raw::{AbiJson, RawEntry};
use super::ty::{self, Param};
use crate::{Error, Interface, Result};
use alloy_primitives::keccak256;

/// The longest interface that is parsed. The largest contracts of mainnet have some 100 kB.
const MAX_TEXT: usize = 2 << 20;

/// A function, event, error or constructor.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) inputs: Vec<Param>,
    pub(crate) outputs: Vec<Param>,
    pub(crate) anonymous: bool,
    /// Such as `transfer(address,uint256)`.
    pub(crate) signature: String,
    /// Keccak-256 of the signature: an event's topic; the first four bytes are a selector.
    pub(crate) hash: [u8; 32],
}

impl Entry {
    pub(crate) fn selector(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.hash;
        [a, b, c, d]
    }

    fn read(raw: &RawEntry) -> std::result::Result<Self, String> {
        let (inputs, outputs) = (
            Param::read_all(&raw.inputs)?,
            Param::read_all(&raw.outputs)?,
        );
        let signature = format!("{}{}", raw.name, ty::list(&inputs));
        let hash = *keccak256(&signature);
        Ok(Self {
            name: raw.name.clone(),
            inputs,
            outputs,
            anonymous: raw.anonymous,
            signature,
            hash,
        })
    }
}

/// An interface's entries by kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    pub(crate) functions: Vec<Entry>,
    pub(crate) events: Vec<Entry>,
    pub(crate) errors: Vec<Entry>,
    pub(crate) constructor: Option<Entry>,
    /// Entries with a type outside the ABI (libraries have such): their names, and the reason. They
    /// are skipped without affecting the others.
    pub(crate) unreadable: Vec<(String, String)>,
}

impl Entries {
    pub(crate) fn parse(interface: &Interface) -> Result<Self> {
        if interface.json.len() > MAX_TEXT {
            return Err(Error::abi_mismatch(
                "interface",
                format!("it is longer than {MAX_TEXT} bytes"),
            ));
        }
        let raw = match serde_json::from_str(&interface.json) {
            Ok(AbiJson::Entries(entries) | AbiJson::Artifact { abi: entries }) => entries,
            // Any object deserializes as an entry, so require a type or a name.
            Ok(AbiJson::Entry(entry)) if entry.kind.is_some() || !entry.name.is_empty() => {
                vec![entry]
            }
            _ => {
                return Err(Error::abi_mismatch(
                    "interface",
                    "it is neither the JSON ABI of a contract nor an entry of one",
                ));
            }
        };
        let mut entries = Self::default();
        raw.into_iter().for_each(|raw| entries.add(raw));
        Ok(entries)
    }

    fn add(&mut self, raw: RawEntry) {
        let kind = raw.kind.as_deref().unwrap_or("function");
        match (Entry::read(&raw), kind) {
            (Ok(entry), "function") => self.functions.push(entry),
            (Ok(entry), "event") => self.events.push(entry),
            (Ok(entry), "error") => self.errors.push(entry),
            (Ok(entry), "constructor") => self.constructor = Some(entry),
            (Err(why), _) => self.unreadable.push((raw.name, why)),
            // `fallback` and `receive` have nothing to encode; entry kinds of later compilers are
            // ignored.
            (Ok(_), _) => {}
        }
    }
}
