//! Balances as callers read them: what an address has now, and how much of it is final.
//!
//! `balanceAfter` counts everything that is not reverted. `balanceFinal` leaves out what stands
//! above the chain's final watermark; it is computed for the page, from at most [`MAX_PENDING`]
//! pending movements, and left out where there are more.

use crate::names::Names;
use crate::object::{Object, is_nobody};
use crate::query::{self, Check, Filter, Listing, Order, Subject, Test};
use crate::table::balance::Key;
use crate::update::{first_position, one};
use crate::view::{Finals, Shown, View, show};
use crate::{Data, Error, Result, Type, ids, table};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Cell, Tx};
use types::{Page, Principal, Quantity, Time};

/// Pending movements that a page of balances may rest on.
const MAX_PENDING: u32 = 50_000;

/// Whose balances.
#[derive(Debug, Clone, Copy)]
pub enum BalancesOf<'a> {
    /// All.
    Everyone,
    /// Of an address, in every pool.
    Address(&'a str),
    /// In a pool, by every address.
    Pool(&'a str),
    /// In an asset: for each address the sum over the asset's pools.
    Asset(&'a str),
}

/// List balances: the routes `/balances` and `/{addresses,pools,assets}/{…}/balances`.
///
/// Those of an asset are in the order of addresses and take `limit`, `skip`, `after` and `address`
/// only. Errors: `data.unknown` (404) for what they are of, and those of [`crate::list`].
pub async fn balances(
    data: &Data,
    who: &Principal,
    of: BalancesOf<'_>,
    params: &[(String, String)],
) -> Result<Listing> {
    let (kind, reference) = match of {
        BalancesOf::Everyone => return query::list(data, who, Type::Balance, params).await,
        BalancesOf::Address(reference) => (Type::Address, reference),
        BalancesOf::Pool(reference) => (Type::Pool, reference),
        BalancesOf::Asset(reference) => (Type::Asset, reference),
    };
    let (home, reference) = (data.home(&who.namespace), reference.to_owned());
    let id = data
        .db
        .read(&who.namespace, move |tx| one(tx, &home, kind, &reference))
        .await?;
    if kind == Type::Asset {
        return of_asset(data, who, id, params).await;
    }
    let mut query = query::by_params(Type::Balance, params)?;
    if kind == Type::Address {
        let (chain, address) = id.split_once('/').unwrap_or(("", &id));
        query
            .filters
            .extend([equal("chain", chain), equal("address", address)]);
    } else {
        query.filters.push(equal("pool", &id));
    }
    let listing = query::ask(data, who, vec![query]).await?.pop();
    listing.ok_or(Error::Corrupt {
        kind,
        what: "a query without an answer",
    })
}

fn equal(name: &str, value: &str) -> Filter {
    let field = Type::Balance
        .shape()
        .field(name)
        .expect("balances have this field");
    let check = Check::Compare(Order::Eq, Cell::Text(value.to_owned()));
    Filter::Test(Test {
        subject: Subject::Field(field),
        check,
        negated: false,
        folded: false,
    })
}

/// One balance by its id.
pub(crate) async fn balance(data: &Data, who: &Principal, id: &str) -> Result<View> {
    let (engine, home, id) = (data.clone(), data.home(&who.namespace), id.to_owned());
    let namespace = who.namespace.clone();
    data.db
        .read_unbound(move |tx| {
            let finals = Finals::read(&engine, tx)?;
            let tx = &mut tx.bound(&namespace);
            let unknown = || Error::Unknown {
                kind: Type::Balance,
                key: id.clone(),
            };
            let objects = [table::balance::by_id(tx, &id)?.ok_or_else(unknown)?];
            let names = Names::load(tx, &home, &objects)?;
            let mut items = vec![show(
                &objects[0],
                &Shown {
                    names,
                    finals: Some(finals.clone()),
                },
            )];
            complete(tx, &finals, &objects, &mut items)?;
            items.pop().ok_or_else(unknown)
        })
        .await
}

/// Say how much of each balance is final, and which are below zero.
pub(crate) fn complete(
    tx: &mut Tx<'_, '_>,
    finals: &Finals,
    objects: &[Object],
    items: &mut [View],
) -> Result<()> {
    let keys: Vec<Key> = objects.iter().map(key).collect();
    let pending = Pending::load(tx, finals, &keys)?;
    for ((object, key), item) in objects.iter().zip(&keys).zip(items) {
        let quantity = object.quantity("quantity").unwrap_or_default();
        if let Some(pending) = pending.of(key) {
            item.put("balanceFinal", &(quantity.clone() + &pending.negated()));
        }
        if quantity.is_negative() {
            item.put("belowZero", &true);
        }
    }
    Ok(())
}

fn key(object: &Object) -> Key {
    let text = |column: &str| object.text(column).unwrap_or_default().to_owned();
    (text("chain"), text("address"), text("parent_id"))
}

/// What of balances is pending.
struct Pending {
    net: HashMap<Key, Quantity>,
    /// Chains with more pending movements than are read.
    beyond: Vec<String>,
}

impl Pending {
    fn load(tx: &mut Tx<'_, '_>, finals: &Finals, balances: &[Key]) -> Result<Self> {
        let mut by_chain: BTreeMap<&str, BTreeSet<(String, String)>> = BTreeMap::new();
        for (chain, address, parent) in balances {
            by_chain
                .entry(chain)
                .or_default()
                .insert((address.clone(), parent.clone()));
        }
        let mut this = Self {
            net: HashMap::new(),
            beyond: Vec::new(),
        };
        for (chain, balances) in by_chain {
            let above = finals.of(chain).map_or(-1, types::Height::stored);
            this.add(
                tx,
                (chain, above),
                &balances.into_iter().collect::<Vec<_>>(),
            )?;
        }
        Ok(this)
    }

    fn add(
        &mut self,
        tx: &mut Tx<'_, '_>,
        above: (&str, i64),
        balances: &[(String, String)],
    ) -> Result<()> {
        let limit = MAX_PENDING + 1;
        let from = first_position(types::Height::from_stored(above.1 + 1));
        // What is made and destroyed does not come from, or go to, anybody; only changes that were
        // given say so.
        let of_somebody: Vec<(String, String)> = balances
            .iter()
            .filter(|(address, _)| !is_nobody(address))
            .cloned()
            .collect();
        let gone =
            table::balance::derived_above(tx, "from_address", above, &from, limit, &of_somebody)?;
        let come =
            table::balance::derived_above(tx, "to_address", above, &from, limit, &of_somebody)?;
        let addresses: BTreeSet<&String> = balances.iter().map(|(address, _)| address).collect();
        let addresses: Vec<(String,)> = addresses
            .into_iter()
            .map(|address| (address.clone(),))
            .collect();
        let given = table::balance::given_above(tx, above, limit, &addresses)?;
        if gone.len() + come.len() + given.len() > MAX_PENDING as usize {
            self.beyond.push(above.0.to_owned());
            return Ok(());
        }
        let gone = gone
            .into_iter()
            .map(|(address, parent, amount)| (address, parent, amount.negated()));
        let given = given
            .into_iter()
            .map(|(address, parent, direction, amount)| {
                (
                    address,
                    parent,
                    if direction < 0 {
                        amount.negated()
                    } else {
                        amount
                    },
                )
            });
        for (address, parent, amount) in gone.chain(come).chain(given) {
            *self
                .net
                .entry((above.0.to_owned(), address, parent))
                .or_default() += &amount;
        }
        Ok(())
    }

    fn of(&self, key: &Key) -> Option<Quantity> {
        (!self.beyond.contains(&key.0)).then(|| self.net.get(key).cloned().unwrap_or_default())
    }
}

/// The parameters of an asset's balances.
struct Asked {
    page: Page,
    address: Option<String>,
}

fn asked(params: &[(String, String)]) -> Result<Asked> {
    let (mut limit, mut skip, mut after, mut address) = (None, None, None, None);
    let number = |name: &str, value: &str| {
        value
            .parse()
            .map_err(|_| Error::invalid(name, "expected a whole number"))
    };
    for (name, value) in params {
        if value.contains('\0') {
            return Err(Error::invalid(name, "cannot contain the character NUL"));
        }
        match name.as_str() {
            "limit" => limit = Some(number(name, value)?),
            "skip" => skip = Some(number(name, value)?),
            "after" => after = Some(value.clone()),
            "address" => address = Some(value.clone()),
            _ => {
                return Err(Error::UnknownField {
                    field: name.clone(),
                });
            }
        }
    }
    let page = Page::new(limit, skip, after)
        .map_err(|error| Error::invalid("limit", error.to_string()))?;
    Ok(Asked { page, address })
}

async fn of_asset(
    data: &Data,
    who: &Principal,
    asset: String,
    params: &[(String, String)],
) -> Result<Listing> {
    let (engine, home, namespace) = (
        data.clone(),
        data.home(&who.namespace),
        who.namespace.clone(),
    );
    let mut asked = asked(params)?;
    asked.address = asked
        .address
        .map(|address| crate::object::written(home.as_str(), &address));
    data.db
        .read_unbound(move |tx| {
            let finals = Finals::read(&engine, tx)?;
            asset_page(&mut tx.bound(&namespace), &finals, &asset, &asked)
        })
        .await
}

fn asset_page(tx: &mut Tx<'_, '_>, finals: &Finals, asset: &str, asked: &Asked) -> Result<Listing> {
    let after = match &asked.page.after {
        Some(text) => holder_of(text)?,
        None => (String::new(), String::new()),
    };
    let (limit, skip) = (asked.page.limit, asked.page.skip);
    let mut holders = table::balance::addresses_in(
        tx,
        asset,
        asked.address.as_deref(),
        (&after.0, &after.1),
        (limit + 1, skip),
    )?;
    let more = holders.len() > limit as usize;
    holders.truncate(limit as usize);
    let name = table::object::shown_names(tx, Type::Asset.shape(), &[(asset.to_owned(),)])?;
    let name = match name
        .into_iter()
        .next()
        .and_then(|row| row.into_iter().nth(1))
    {
        Some(Cell::Text(name)) => name,
        _ => asset.to_owned(),
    };
    let parts = table::balance::in_asset(tx, asset, &holders)?;
    let keys: Vec<Key> = parts
        .iter()
        .map(|part| (part.0.clone(), part.1.clone(), part.2.clone()))
        .collect();
    let pending = Pending::load(tx, finals, &keys)?;
    let mut sums: HashMap<(String, String), Sum> = HashMap::new();
    for (chain, address, pool, quantity, updated) in parts {
        let sum = sums
            .entry((chain.clone(), address.clone()))
            .or_insert_with(Sum::new);
        sum.add(&quantity, pending.of(&(chain, address, pool)), updated);
    }
    let after = if more {
        holders
            .last()
            .map(|holder| hex::encode(format!("{}/{}", holder.0, holder.1)))
    } else {
        None
    };
    let items: Vec<View> = holders
        .into_iter()
        .map(|holder| {
            let sum = sums.remove(&holder).unwrap_or_else(Sum::new);
            sum.show(asset, &name, &holder)
        })
        .collect();
    let (count, all_items) = (items.len(), after.is_none());
    Ok(Listing {
        count,
        total: None,
        total_at_least: None,
        all_items,
        after,
        items,
    })
}

fn holder_of(cursor: &str) -> Result<(String, String)> {
    let text = hex::decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| !text.contains('\0'));
    let holder = text.as_deref().and_then(|text| text.split_once('/'));
    let (chain, address) =
        holder.ok_or_else(|| Error::invalid("after", "is not a cursor of this listing"))?;
    Ok((chain.to_owned(), address.to_owned()))
}

/// What an address has in all pools of an asset.
struct Sum {
    quantity: Quantity,
    pending: Option<Quantity>,
    updated: Time,
}

impl Sum {
    fn new() -> Self {
        Self {
            quantity: Quantity::zero(),
            pending: Some(Quantity::zero()),
            updated: Time::EPOCH,
        }
    }

    fn add(&mut self, quantity: &Quantity, pending: Option<Quantity>, updated: Time) {
        self.quantity += quantity;
        self.pending = self
            .pending
            .take()
            .zip(pending)
            .map(|(sum, more)| sum + &more);
        self.updated = self.updated.max(updated);
    }

    fn show(self, asset: &str, name: &str, (chain, address): &(String, String)) -> View {
        let mut view = View::default();
        view.put("id", &ids::of_balance(chain, address, asset));
        view.put("address", address);
        view.put("chain", chain);
        view.put("asset", &name);
        view.put("balanceAfter", &self.quantity);
        if let Some(pending) = &self.pending {
            view.put(
                "balanceFinal",
                &(self.quantity.clone() + &pending.negated()),
            );
        }
        if self.quantity.is_negative() {
            view.put("belowZero", &true);
        }
        view.put("updated", &self.updated);
        view
    }
}
