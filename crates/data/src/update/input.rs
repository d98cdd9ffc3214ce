//! One item of a request: its type, mode and parsed fields.

use super::UpdateType;
use super::value::{self, InputValue, MAX_NAME};
use crate::field::FieldType;
use crate::object::normalize_address;
use crate::{Error, Result, Type, ids, json};
use serde_json::value::RawValue;
use store::Cell;
use types::ChainId;

/// A stored object that an input applies to, whatever key the input has.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) id: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Input {
    pub(crate) kind: Type,
    /// The path in the request, such as `pools[3]`; empty if the item is the whole body.
    pub(crate) path: String,
    pub(crate) mode: UpdateType,
    /// The chain that it names, or the default chain.
    pub(crate) chain: String,
    /// The stored object it applies to, if that is not found by the item's own key.
    pub(crate) target: Option<Target>,
    /// Whether it names a transfer of the chain, and not one that a caller wrote.
    pub(crate) of_chain: bool,
    /// The given values, by column.
    pub(crate) values: Vec<(&'static str, InputValue)>,
}

impl Input {
    /// Parse an item. Its chain is the one it names, or `default_chain`.
    pub(crate) fn parse(
        kind: Type,
        item: &RawValue,
        path: String,
        default_chain: &ChainId,
    ) -> Result<Self> {
        let members = json::object(item, &path)?;
        let mode = UpdateType::CreateOrUpdate;
        let mut input = Self {
            kind,
            path,
            mode,
            chain: String::new(),
            target: None,
            of_chain: false,
            values: Vec::new(),
        };
        input.chain = input.named_chain(&members, default_chain)?;
        for (name, value) in &members {
            input.member(name, value)?;
        }
        input.put_chain();
        Ok(input)
    }

    /// Override the chain, for an item whose path names one.
    pub(crate) fn set_chain(&mut self, chain: &str) {
        chain.clone_into(&mut self.chain);
        self.values.retain(|(column, _)| *column != "chain");
        for (_, value) in self
            .values
            .iter_mut()
            .filter(|(column, _)| *column == "address")
        {
            if let InputValue::Cell(Cell::Text(address)) = value {
                *address = normalize_address(chain, address);
            }
        }
        self.put_chain();
    }

    /// The path of one of its fields.
    pub(crate) fn field_path(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }

    /// The value given for a column.
    pub(crate) fn value(&self, column: &str) -> Option<&InputValue> {
        self.values
            .iter()
            .find(|(known, _)| *known == column)
            .map(|(_, value)| value)
    }

    /// The text given for a column.
    pub(crate) fn text(&self, column: &str) -> Option<&str> {
        match self.value(column)? {
            InputValue::Cell(Cell::Text(text)) => Some(text),
            InputValue::Reference { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Set a column unless it was given.
    pub(crate) fn put(&mut self, column: &'static str, value: InputValue) {
        if self.value(column).is_none() {
            self.values.push((column, value));
        }
    }

    fn named_chain(
        &self,
        members: &[(String, Box<RawValue>)],
        default_chain: &ChainId,
    ) -> Result<String> {
        match members
            .iter()
            .find(|(name, value)| name == "chain" && !json::is_null(value))
        {
            Some((_, value)) if self.kind.is_on_chain() => {
                let text = json::text(value, &self.field_path("chain"), MAX_NAME)?;
                let chain: ChainId = text.parse().map_err(|error| {
                    Error::invalid(self.field_path("chain"), format!("{error}"))
                })?;
                Ok(chain.to_string())
            }
            _ => Ok(default_chain.to_string()),
        }
    }

    fn member(&mut self, name: &str, value: &RawValue) -> Result<()> {
        let (path, chain) = (self.field_path(name), &self.chain.clone());
        match name {
            "updateType" if json::is_null(value) => return Ok(()),
            "updateType" => {
                self.mode = UpdateType::parse(&json::text(value, &path, MAX_NAME)?, &path)?;
                return Ok(());
            }
            "balanceChanges" if self.kind == Type::Transfer => {
                let read = || value::changes(value, &path, chain);
                let parsed = InputValue::unless_null(value, read)?;
                self.values.push(("explicit", parsed));
                return Ok(());
            }
            "parent" if self.kind.schema().has("parent_id") => {
                let read = || value::parent(value, &path, chain);
                let parsed = InputValue::unless_null(value, read)?;
                self.values.push(("parent_id", parsed));
                return Ok(());
            }
            _ => {}
        }
        let Some(field) = self
            .kind
            .schema()
            .field(name)
            .filter(|field| !field.name.contains('.'))
        else {
            return Err(Error::unknown_field(path));
        };
        if !field.input || field.field_type == FieldType::Chain {
            // Fields that Florin sets can be sent back and are ignored; the chain was parsed
            // before.
            return Ok(());
        }
        let parsed = InputValue::unless_null(value, || value::read(field, value, &path, chain))?;
        if let InputValue::Cell(Cell::Text(text)) = &parsed {
            check_key(self.kind, field.column, text, &path)?;
        }
        self.values.push((field.column, parsed));
        Ok(())
    }

    /// Objects under an address have the chain in their key.
    fn put_chain(&mut self) {
        let has_chain = match self.kind {
            Type::Address | Type::Transfer => true,
            kind if kind.is_qualified() => self.text("address").is_some(),
            _ => false,
        };
        if has_chain {
            let chain = InputValue::text(&self.chain);
            self.values.push(("chain", chain));
        }
    }
}

/// Check a text that is part of a key.
pub(crate) fn check_key(kind: Type, column: &str, text: &str, path: &str) -> Result<()> {
    match column {
        "name" | "address" | "protocol_id" if text.is_empty() => {
            Err(Error::invalid(path, "must not be empty"))
        }
        "name" | "address" if text.contains('/') => Err(Error::invalid(path, "must not contain /")),
        "name" if kind == Type::Pool && text == "balances" => Err(Error::invalid(
            path,
            "must not be `balances`, which is the route of a pool's balances",
        )),
        "name" | "protocol_id" if ids::is_id(text) => {
            Err(Error::invalid(path, "must not have the form of an id"))
        }
        _ => Ok(()),
    }
}
