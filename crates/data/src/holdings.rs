//! Balances as the API returns them: the current total of an address, and its final part.
//!
//! `balanceAfter` counts every transfer that is not reverted. `balanceFinal` leaves out blocks
//! above the chain's final height, and is omitted if there are too many to read.

use crate::filter::{Comparison, Condition, Filter, Predicate, Subject};
use crate::object::normalize_address;
use crate::pending::{Pending, add_final_balances};
use crate::query::{self, Listing};
use crate::table::balance::Holder;
use crate::update::resolve_one;
use crate::view::{FinalHeights, View, render};
use crate::{Data, Error, Result, Type, ids, table};
use std::collections::HashMap;
use store::{Cell, Tx};
use types::{Page, Principal, Quantity, Time};

/// Which balances to list.
#[derive(Debug, Clone, Copy)]
pub enum BalanceFilter<'a> {
    /// Every balance of the namespace.
    All,
    /// The balances of an address, in every pool.
    Address(&'a str),
    /// The balances in a pool.
    Pool(&'a str),
    /// The balances in an asset: for each address, the sum over the asset's pools.
    Asset(&'a str),
}

/// List balances: the routes `/balances` and `/{addresses,pools,assets}/{…}/balances`.
///
/// Balances of an asset are ordered by address and accept only `limit`, `skip`, `after` and
/// `address`. Errors: `data.unknown_object` (404) for the address, pool or asset, and those of
/// [`crate::objects`].
pub async fn balances(
    data: &Data,
    principal: &Principal,
    of: BalanceFilter<'_>,
    params: &[(String, String)],
) -> Result<Listing> {
    let (kind, reference) = match of {
        BalanceFilter::All => return query::objects(data, principal, Type::Balance, params).await,
        BalanceFilter::Address(reference) => (Type::Address, reference),
        BalanceFilter::Pool(reference) => (Type::Pool, reference),
        BalanceFilter::Asset(reference) => (Type::Asset, reference),
    };
    let default_chain = data.default_chain(&principal.namespace);
    let id = data
        .db()
        .read_with(
            &principal.namespace,
            reference.to_owned(),
            move |tx, reference| resolve_one(tx, &default_chain, kind, reference),
        )
        .await?;
    if kind == Type::Asset {
        return asset_balances(data, principal, id, params).await;
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
    let listing = query::run_queries(data, principal, vec![query])
        .await?
        .pop();
    listing.ok_or(Error::Corrupt {
        kind,
        reason: "a query without a result",
    })
}

fn equal(name: &str, value: &str) -> Filter {
    let field = Type::Balance
        .schema()
        .field(name)
        .expect("balances have this field");
    let predicate = Predicate::Compare(Comparison::Eq, Cell::Text(value.to_owned()));
    Filter::Condition(Condition {
        subject: Subject::Field(field),
        predicate,
        negated: false,
        ignore_case: false,
    })
}

/// Get one balance by its id.
pub(crate) async fn balance(data: &Data, principal: &Principal, id: &str) -> Result<View> {
    data.read_snapshot(&principal.namespace, id.to_owned(), |tx, snapshot, id| {
        let unknown = || Error::unknown_object(Type::Balance, id);
        let objects = [table::balance::by_id(tx, id)?.ok_or_else(unknown)?];
        let context = snapshot.view_context(tx, &objects)?;
        let mut items = objects.each_ref().map(|object| render(object, &context));
        add_final_balances(tx, &snapshot.final_heights, &objects, &mut items)?;
        let [item] = items;
        Ok(item)
    })
    .await
}

/// The query parameters of an asset's balances.
struct AssetParams {
    page: Page,
    address: Option<String>,
}

fn asset_params(params: &[(String, String)]) -> Result<AssetParams> {
    let (mut limit, mut skip, mut after, mut address) = (None, None, None, None);
    let number = |name: &str, value: &str| {
        value
            .parse()
            .map_err(|_| Error::invalid(name, "expected a whole number"))
    };
    for (name, value) in params {
        if value.contains('\0') {
            return Err(Error::invalid(name, "must not contain NUL"));
        }
        match name.as_str() {
            "limit" => limit = Some(number(name, value)?),
            "skip" => skip = Some(number(name, value)?),
            "after" => after = Some(value.clone()),
            "address" => address = Some(value.clone()),
            _ => {
                return Err(Error::unknown_field(name));
            }
        }
    }
    let page = Page::new(limit, skip, after).map_err(|error| Error::invalid("limit", error))?;
    Ok(AssetParams { page, address })
}

async fn asset_balances(
    data: &Data,
    principal: &Principal,
    asset: String,
    params: &[(String, String)],
) -> Result<Listing> {
    let mut params = asset_params(params)?;
    let default_chain = data.default_chain(&principal.namespace);
    params.address = params
        .address
        .map(|address| normalize_address(default_chain.as_str(), &address));
    data.read_snapshot(
        &principal.namespace,
        (asset, params),
        |tx, snapshot, (asset, params)| asset_page(tx, &snapshot.final_heights, asset, params),
    )
    .await
}

fn asset_page(
    tx: &mut Tx,
    final_heights: &FinalHeights,
    asset: &str,
    params: &AssetParams,
) -> Result<Listing> {
    let after = match &params.page.after {
        Some(text) => parse_cursor(text)?,
        None => Holder::default(),
    };
    let (limit, skip) = (params.page.limit, params.page.skip);
    let mut holders = table::balance::holders_of_asset(
        tx,
        asset,
        params.address.as_deref(),
        &after,
        (limit + 1, skip),
    )?;
    let more = holders.len() > limit as usize;
    holders.truncate(limit as usize);
    let known = table::object::reference_names(tx, Type::Asset.schema(), &[asset])?;
    let name = (known.into_iter().next()).map_or_else(|| asset.to_owned(), |known| known.name);
    let parts = table::balance::in_asset(tx, asset, &holders)?;
    let pending = Pending::load(tx, final_heights, parts.iter().map(|part| &part.key))?;
    let mut sums: HashMap<Holder, Sum> = HashMap::new();
    for part in parts {
        let pending = pending.of(&part.key);
        let holder = Holder {
            chain: part.key.chain,
            address: part.key.address,
        };
        let sum = sums.entry(holder).or_insert_with(Sum::new);
        sum.add(&part.quantity, pending, part.updated);
    }
    let last = holders.last().filter(|_| more);
    let after = last.map(|holder| hex::encode(format!("{}/{}", holder.chain, holder.address)));
    let items: Vec<View> = holders
        .into_iter()
        .map(|holder| {
            let sum = sums.remove(&holder).unwrap_or_else(Sum::new);
            sum.into_view(asset, &name, &holder)
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

/// The final part of an address's total in an asset. None if there are too many pending transfers
/// to read.
pub(crate) fn final_holding(
    tx: &mut Tx,
    final_heights: &FinalHeights,
    asset: &str,
    holder: Holder,
) -> Result<Option<Quantity>> {
    let parts = table::balance::in_asset(tx, asset, &[holder])?;
    let pending = Pending::load(tx, final_heights, parts.iter().map(|part| &part.key))?;
    let mut sum = Sum::new();
    for part in parts {
        let pending = pending.of(&part.key);
        sum.add(&part.quantity, pending, part.updated);
    }
    Ok(sum.pending.map(|pending| pending.negated() + &sum.quantity))
}

fn parse_cursor(cursor: &str) -> Result<Holder> {
    let text = hex::decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| !text.contains('\0'));
    let holder = text.as_deref().and_then(|text| text.split_once('/'));
    let (chain, address) =
        holder.ok_or_else(|| Error::invalid("after", "is not a cursor of this listing"))?;
    Ok(Holder {
        chain: chain.to_owned(),
        address: address.to_owned(),
    })
}

/// The total of an address over the pools of an asset.
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

    fn into_view(self, asset: &str, name: &str, holder: &Holder) -> View {
        let Holder { chain, address } = holder;
        let mut view = View::default();
        view.put("id", &ids::of_balance(chain, address, asset));
        view.put("address", address);
        view.put("chain", chain);
        view.put("asset", &name);
        view.put("balanceAfter", &self.quantity);
        if let Some(pending) = &self.pending {
            view.put("balanceFinal", &(pending.negated() + &self.quantity));
        }
        if self.quantity.is_negative() {
            view.put("belowZero", &true);
        }
        view.put("updated", &self.updated);
        view
    }
}
