//! One item of a request: which type, what to do, which fields were given.

use super::given::{self, Given};
use super::{Target, UpdateType};
use crate::field::Is;
use crate::object::written;
use crate::{Error, Result, Type, ids, json};
use serde_json::value::RawValue;
use store::Cell;
use types::ChainId;

/// The longest part of a key.
pub(crate) const MAX_NAME: usize = 256;

/// One item.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    pub(crate) kind: Type,
    /// Where it stands in the request, such as `pools[3]`; empty if it is the whole body.
    pub(crate) path: String,
    pub(crate) mode: UpdateType,
    /// The chain it names, or that of the namespace.
    pub(crate) chain: String,
    /// The stored object it is meant for, where it is not told by its own key.
    pub(crate) target: Option<Target>,
    /// What was given, by column.
    pub(crate) given: Vec<(&'static str, Given)>,
}

impl Input {
    /// Read an item. Its chain is the one it names, or `home`.
    pub(crate) fn parse(kind: Type, item: &RawValue, path: String, home: &ChainId) -> Result<Self> {
        let members = json::object(item, &path)?;
        let mode = UpdateType::CreateOrUpdate;
        let mut input = Self {
            kind,
            path,
            mode,
            chain: String::new(),
            target: None,
            given: Vec::new(),
        };
        input.chain = input.named_chain(&members, home)?;
        for (name, value) in &members {
            input.member(name, value)?;
        }
        input.put_chain();
        Ok(input)
    }

    /// Say the chain from outside: what stands at an address stands there.
    pub(crate) fn stand_on(&mut self, chain: &str) {
        chain.clone_into(&mut self.chain);
        self.given.retain(|(column, _)| *column != "chain");
        for (_, given) in self
            .given
            .iter_mut()
            .filter(|(column, _)| *column == "address")
        {
            if let Given::Cell(Cell::Text(address)) = given {
                *address = written(chain, address);
            }
        }
        self.put_chain();
    }

    /// The path of one of its fields.
    pub(crate) fn at(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }

    /// What was given for a column.
    pub(crate) fn given(&self, column: &str) -> Option<&Given> {
        self.given
            .iter()
            .find(|(known, _)| *known == column)
            .map(|(_, given)| given)
    }

    /// The text that was given for a column.
    pub(crate) fn text(&self, column: &str) -> Option<&str> {
        match self.given(column)? {
            Given::Cell(Cell::Text(text)) => Some(text),
            Given::Name { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Say a column, unless it was given.
    pub(crate) fn put(&mut self, column: &'static str, given: Given) {
        if self.given(column).is_none() {
            self.given.push((column, given));
        }
    }

    fn named_chain(&self, members: &[(String, Box<RawValue>)], home: &ChainId) -> Result<String> {
        match members
            .iter()
            .find(|(name, value)| name == "chain" && !json::is_null(value))
        {
            Some((_, value)) if self.kind.is_on_chain() => {
                let text = json::text(value, &self.at("chain"), MAX_NAME)?;
                let chain: ChainId = text
                    .parse()
                    .map_err(|error| Error::invalid(self.at("chain"), format!("{error}")))?;
                Ok(chain.to_string())
            }
            _ => Ok(home.to_string()),
        }
    }

    fn member(&mut self, name: &str, value: &RawValue) -> Result<()> {
        let (path, chain) = (self.at(name), &self.chain.clone());
        match name {
            "updateType" if json::is_null(value) => return Ok(()),
            "updateType" => {
                self.mode = UpdateType::parse(&json::text(value, &path, MAX_NAME)?, &path)?;
                return Ok(());
            }
            "balanceChanges" if self.kind == Type::Transfer => {
                let given = if json::is_null(value) {
                    Given::Clear
                } else {
                    given::changes(value, &path, chain)?
                };
                self.given.push(("explicit", given));
                return Ok(());
            }
            "parent" if self.kind.shape().has("parent_id") => {
                return self.parent(value, &path, chain);
            }
            _ => {}
        }
        let Some(field) = self
            .kind
            .shape()
            .field(name)
            .filter(|field| !field.name.contains('.'))
        else {
            return Err(Error::UnknownField { field: path });
        };
        if !field.input || field.is == Is::Chain {
            return Ok(()); // what Florin sets itself may be sent back; the chain was read before
        }
        let given = if json::is_null(value) {
            Given::Clear
        } else {
            given::read(field, value, &path, chain)?
        };
        self.check(field.column, &given, &path)?;
        self.given.push((field.column, given));
        Ok(())
    }

    fn check(&self, column: &str, given: &Given, path: &str) -> Result<()> {
        let Given::Cell(Cell::Text(text)) = given else {
            return Ok(());
        };
        check_key(self.kind, column, text, path)
    }

    fn parent(&mut self, value: &RawValue, path: &str, chain: &str) -> Result<()> {
        let given = if json::is_null(value) {
            Given::Clear
        } else {
            given::parent(value, path, chain)?
        };
        self.given.push(("parent_id", given));
        Ok(())
    }

    /// The chain is part of the key of whatever stands at an address.
    fn put_chain(&mut self) {
        let stands = match self.kind {
            Type::Address | Type::Transfer => true,
            kind if kind.is_qualified() => self.text("address").is_some(),
            _ => false,
        };
        if stands {
            self.given
                .push(("chain", Given::Cell(Cell::Text(self.chain.clone()))));
        }
    }
}

/// What a text must be to serve as part of a key.
pub(crate) fn check_key(kind: Type, column: &str, text: &str, path: &str) -> Result<()> {
    match column {
        "name" | "address" | "protocol_id" if text.is_empty() => {
            Err(Error::invalid(path, "cannot be empty"))
        }
        "name" | "address" if text.contains('/') => Err(Error::invalid(path, "cannot contain /")),
        "name" if kind == Type::Pool && text == "balances" => Err(Error::invalid(
            path,
            "a pool cannot be called balances: that is the route of its balances",
        )),
        "name" | "protocol_id" if ids::is_id(text) => {
            Err(Error::invalid(path, "cannot have the form of an id"))
        }
        _ => Ok(()),
    }
}

/// An address as the request wrote it, as the chain writes it.
pub(crate) fn address(value: &RawValue, path: &str, chain: &str) -> Result<String> {
    Ok(written(chain, &json::text(value, path, MAX_NAME)?))
}
