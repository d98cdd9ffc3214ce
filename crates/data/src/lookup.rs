//! Data lookups for policies: single values in their final state.
//!
//! A lookup returns a field that callers can set, or a final balance. Values that a pending block
//! can still change, such as the owner of an NFT, are not available. The argument `chain` is the
//! chain of the object: a reference that names another chain is an error. An ambiguous reference is
//! an error too, so that a policy never decides about the wrong object.

use crate::holdings::final_holding;
use crate::names::Names;
use crate::object::{Object, normalize_address};
use crate::pending;
use crate::table::balance::Holder;
use crate::update::resolve_one;
use crate::view::{View, ViewContext, render};
use crate::{Data, Error, Result, Type, ids, table};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use store::Tx;
use types::{ChainId, Json, Namespace};

/// Bytes of an argument.
const MAX_ARGUMENT: usize = 1_024;
const CHAIN: &str = "chain";

/// A lookup for policies.
#[derive(Debug, Clone, Copy)]
pub struct LookupInfo {
    /// The name in policies, such as `address.labels`.
    pub name: &'static str,
    /// The required arguments.
    pub required: &'static [&'static str],
    /// Whether it accepts the argument `chain`.
    pub has_chain: bool,
    /// What it returns.
    pub doc: &'static str,
    source: Source,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    /// A field of the object that the argument refers to.
    Field(Type, &'static str),
    /// The definition of an asset.
    Asset,
    /// The fields of an object of any type that callers set.
    Object,
    FinalBalance,
    FinalHolding,
}

/// What callers describe an object by.
const DESCRIPTION: &[&str] = &["displayName", "description", "labels", "info"];

pub const LOOKUPS: &[LookupInfo] = &[
    LookupInfo {
        name: "address.labels",
        required: &["address"],
        has_chain: true,
        doc: "the labels of the address, as an object",
        source: Source::Field(Type::Address, "labels"),
    },
    LookupInfo {
        name: "address.info",
        required: &["address"],
        has_chain: true,
        doc: "the `info` of the address",
        source: Source::Field(Type::Address, "info"),
    },
    LookupInfo {
        name: "asset.labels",
        required: &["asset"],
        has_chain: false,
        doc: "the labels of the asset, as an object",
        source: Source::Field(Type::Asset, "labels"),
    },
    LookupInfo {
        name: "asset.info",
        required: &["asset"],
        has_chain: false,
        doc: "the `info` of the asset",
        source: Source::Field(Type::Asset, "info"),
    },
    LookupInfo {
        name: "pool.labels",
        required: &["pool"],
        has_chain: true,
        doc: "the labels of the pool, as an object",
        source: Source::Field(Type::Pool, "labels"),
    },
    LookupInfo {
        name: "pool.standard",
        required: &["pool"],
        has_chain: true,
        doc: "the token standard of the pool, such as `ERC-20`",
        source: Source::Field(Type::Pool, "standard"),
    },
    LookupInfo {
        name: "asset",
        required: &["asset"],
        has_chain: false,
        doc: "the asset, as an object: `name`, `collection`, `units` (a list of `{name, decimals}`), `labels`, `info`",
        source: Source::Asset,
    },
    LookupInfo {
        name: "object",
        required: &["type", "object"],
        has_chain: true,
        doc: "an object of the data model, such as an `nft` or a `fragment`: its `displayName`, `description`, `labels` and `info`",
        source: Source::Object,
    },
    LookupInfo {
        name: "holding.final",
        required: &["address", "asset"],
        has_chain: true,
        doc: "the final total of the address in the pools of the asset on the chain, in base units, as a decimal string; `\"0\"` if it never held any",
        source: Source::FinalHolding,
    },
    LookupInfo {
        name: "balance.final",
        required: &["address", "pool"],
        has_chain: true,
        doc: "the final balance of the address in the pool, in base units, as a decimal string; `\"0\"` if it never held any",
        source: Source::FinalBalance,
    },
];

/// Look up a value. `None` if the object does not exist or the field is not set.
///
/// Errors: `data.unknown_field` for an unknown lookup, `data.invalid_field` for unsuitable
/// arguments, `data.ambiguous_name` if several objects have the name.
pub async fn lookup(
    data: &Data,
    namespace: &Namespace,
    name: &str,
    arguments: &Value,
) -> Result<Option<Json>> {
    let info = LOOKUPS.iter().find(|info| info.name == name);
    let info = info.ok_or_else(|| Error::unknown_field(name))?;
    let arguments = Arguments::parse(info, arguments)?;
    let value = match info.source {
        Source::Field(kind, field) => {
            let field = |view: &View| view.get(field).cloned();
            read_object(data, namespace, kind, 0, arguments, field).await
        }
        Source::Asset => {
            let fields = ["name", "collection", "units", "labels", "info"];
            let part = move |view: &View| part_of(view, &fields);
            read_object(data, namespace, Type::Asset, 0, arguments, part).await
        }
        Source::Object => {
            let kind = Type::from_singular(&arguments.required[0]);
            let kind = kind.ok_or_else(|| Error::invalid("type", "there is no such type"))?;
            let part = |view: &View| part_of(view, DESCRIPTION);
            read_object(data, namespace, kind, 1, arguments, part).await
        }
        Source::FinalHolding => read_final_holding(data, namespace, arguments).await,
        Source::FinalBalance => read_final_balance(data, namespace, arguments).await,
    };
    match value {
        Err(Error::UnknownObject { .. }) => Ok(None),
        value => value,
    }
}

/// The arguments of a lookup: every required one, and possibly a chain.
struct Arguments {
    required: Vec<String>,
    chain: Option<ChainId>,
}

impl Arguments {
    fn parse(info: &LookupInfo, arguments: &Value) -> Result<Self> {
        let members = arguments
            .as_object()
            .ok_or_else(|| Error::invalid("args", "expected an object"))?;
        let is_known =
            |name: &str| info.required.contains(&name) || info.has_chain && name == CHAIN;
        if let Some(unknown) = members.keys().find(|name| !is_known(name)) {
            let reason = format!("{} has no such argument", info.name);
            return Err(Error::invalid(unknown, reason));
        }
        let required = info.required.iter().map(|name| {
            let value = text(members, name)?;
            value.ok_or_else(|| Error::invalid(*name, "is required"))
        });
        let chain = text(members, CHAIN)?.map(|chain| chain.parse::<ChainId>());
        Ok(Self {
            required: required.collect::<Result<_>>()?,
            chain: chain
                .transpose()
                .map_err(|error| Error::invalid(CHAIN, error))?,
        })
    }

    /// Load the object that a reference resolves to, which must be on the chain.
    fn load(
        &self,
        tx: &mut Tx,
        default_chain: ChainId,
        kind: Type,
        reference: &str,
    ) -> Result<Object> {
        let id = resolve_one(tx, &self.chain.unwrap_or(default_chain), kind, reference)?;
        let object = table::object::by_ids(tx, kind.schema(), &[id])?.pop();
        let object = object.ok_or_else(|| Error::unknown_object(kind, reference))?;
        match &self.chain {
            Some(chain) if object.text("chain") != Some(chain.as_str()) => {
                let reason = format!("{kind} {reference:?} is on another chain");
                Err(Error::invalid(CHAIN, reason))
            }
            _ => Ok(object),
        }
    }
}

fn text(members: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= MAX_ARGUMENT && !text.contains('\0') => {
            Ok(Some(text.clone()))
        }
        Some(Value::String(_)) => Err(Error::invalid(name, "is too long or contains NUL")),
        Some(_) => Err(Error::invalid(name, "expected a text")),
    }
}

/// A part of the object that the argument at `index` refers to.
async fn read_object(
    data: &Data,
    namespace: &Namespace,
    kind: Type,
    index: usize,
    arguments: Arguments,
    part: impl Fn(&View) -> Option<Json> + Send + 'static,
) -> Result<Option<Json>> {
    let default_chain = data.default_chain(namespace);
    data.db()
        .read_with(namespace, arguments, move |tx, arguments| {
            let object = arguments.load(tx, default_chain, kind, &arguments.required[index])?;
            let context = ViewContext {
                names: Names::load(tx, &default_chain, [&object])?,
                final_heights: None,
            };
            Ok(part(&render(&object, &context)))
        })
        .await
}

/// Some fields of an object, as an object. A field that is not set is null.
fn part_of(view: &View, fields: &[&str]) -> Option<Json> {
    let member = |name: &&str| ((*name).to_owned(), view.get(name).cloned());
    let members: BTreeMap<String, Option<Json>> = fields.iter().map(member).collect();
    Json::of(&members).ok()
}

async fn read_final_holding(
    data: &Data,
    namespace: &Namespace,
    arguments: Arguments,
) -> Result<Option<Json>> {
    data.read_snapshot(namespace, arguments, |tx, snapshot, arguments| {
        let (address, asset) = (&arguments.required[0], &arguments.required[1]);
        let chain = arguments.chain.unwrap_or(snapshot.default_chain);
        let asset = resolve_one(tx, &chain, Type::Asset, asset)?;
        let holder = Holder {
            address: normalize_address(chain.as_str(), address),
            chain: chain.to_string(),
        };
        let holding = final_holding(tx, &snapshot.final_heights, &asset, holder)?;
        Ok(holding.and_then(|quantity| Json::of(&quantity).ok()))
    })
    .await
}

async fn read_final_balance(
    data: &Data,
    namespace: &Namespace,
    arguments: Arguments,
) -> Result<Option<Json>> {
    data.read_snapshot(namespace, arguments, |tx, snapshot, arguments| {
        let (address, pool) = (&arguments.required[0], &arguments.required[1]);
        let pool = arguments.load(tx, snapshot.default_chain, Type::Pool, pool)?;
        let chain = pool.text("chain").unwrap_or_default();
        let address = normalize_address(chain, address);
        let id = ids::of_balance(chain, &address, pool.id());
        let Some(balance) = table::balance::by_id(tx, &id)? else {
            return Ok(Json::parse("\"0\""));
        };
        let mut items = [render(&balance, &ViewContext::default())];
        pending::add_final_balances(tx, &snapshot.final_heights, &[balance], &mut items)?;
        Ok(items[0].get("balanceFinal").cloned())
    })
    .await
}
