//! Balances as the API returns them: the current total of an address, and its final part.
//!
//! `balanceAfter` counts every transfer that is not reverted. `balanceFinal` leaves out blocks
//! above the chain's final height. It is computed per page from at most [`MAX_PENDING`] pending
//! transfers, and omitted if there are more.

use crate::balance::signed;
use crate::object::{Object, is_null_address};
use crate::query::{self, Comparison, Condition, Filter, Listing, Predicate, Subject};
use crate::table::balance::{BalanceKey, Holder};
use crate::update::{first_position, resolve_one};
use crate::view::{FinalHeights, View, render};
use crate::{Data, Error, Result, Type, ids, table};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Cell, Tx};
use types::{Page, Principal, Quantity, Time};

/// Pending transfers that one page of balances may read.
const MAX_PENDING: u32 = 50_000;

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
/// [`crate::list`].
pub async fn balances(
    data: &Data,
    principal: &Principal,
    of: BalanceFilter<'_>,
    params: &[(String, String)],
) -> Result<Listing> {
    let (kind, reference) = match of {
        BalanceFilter::All => return query::list(data, principal, Type::Balance, params).await,
        BalanceFilter::Address(reference) => (Type::Address, reference),
        BalanceFilter::Pool(reference) => (Type::Pool, reference),
        BalanceFilter::Asset(reference) => (Type::Asset, reference),
    };
    let default_chain = data.default_chain(&principal.namespace);
    let id = data
        .db
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
        let unknown = || Error::UnknownObject {
            kind: Type::Balance,
            key: id.clone(),
        };
        let objects = [table::balance::by_id(tx, id)?.ok_or_else(unknown)?];
        let context = snapshot.view_context(tx, &objects)?;
        let mut items = objects.each_ref().map(|object| render(object, &context));
        add_final_balances(tx, &snapshot.final_heights, &objects, &mut items)?;
        let [item] = items;
        Ok(item)
    })
    .await
}

/// Add `balanceFinal` to each balance, and `belowZero` to negative ones.
pub(crate) fn add_final_balances(
    tx: &mut Tx<'_, '_>,
    final_heights: &FinalHeights,
    objects: &[Object],
    items: &mut [View],
) -> Result<()> {
    let keys: Vec<BalanceKey> = objects.iter().map(BalanceKey::of).collect();
    let pending = Pending::load(tx, final_heights, &keys)?;
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

/// The pending part of balances.
struct Pending {
    net: HashMap<BalanceKey, Quantity>,
    /// Chains with more pending transfers than the limit.
    over_limit: Vec<String>,
}

impl Pending {
    fn load<'k>(
        tx: &mut Tx<'_, '_>,
        final_heights: &FinalHeights,
        balances: impl IntoIterator<Item = &'k BalanceKey>,
    ) -> Result<Self> {
        let mut by_chain: BTreeMap<&str, BTreeSet<(&String, &String)>> = BTreeMap::new();
        for key in balances {
            let of_chain = by_chain.entry(&key.chain).or_default();
            of_chain.insert((&key.address, &key.parent_id));
        }
        let mut pending = Self {
            net: HashMap::new(),
            over_limit: Vec::new(),
        };
        for (chain, balances) in by_chain {
            let above = final_heights.of(chain).map_or(-1, types::Height::stored);
            let balances: Vec<(&String, &String)> = balances.into_iter().collect();
            pending.add(tx, (chain, above), &balances)?;
        }
        Ok(pending)
    }

    fn add(
        &mut self,
        tx: &mut Tx<'_, '_>,
        (chain, above): (&str, i64),
        balances: &[(&String, &String)],
    ) -> Result<()> {
        use table::balance::{derived_above, explicit_above};
        let limit = MAX_PENDING + 1;
        let scope = (chain, above);
        let from = first_position(types::Height::from_stored(above + 1));
        // Derived changes never touch the null address, so only explicit changes are read for it.
        let derived: Vec<(&String, &String)> = (balances.iter().copied())
            .filter(|(address, _)| !is_null_address(address))
            .collect();
        let outgoing = derived_above(tx, "from_address", scope, &from, limit, &derived)?;
        let incoming = derived_above(tx, "to_address", scope, &from, limit, &derived)?;
        let addresses: BTreeSet<&String> = balances.iter().map(|(address, _)| *address).collect();
        let addresses: Vec<&String> = addresses.into_iter().collect();
        let explicit = explicit_above(tx, scope, limit, &addresses)?;
        if outgoing.len() + incoming.len() + explicit.len() > MAX_PENDING as usize {
            self.over_limit.push(chain.to_owned());
            return Ok(());
        }
        let outgoing = (outgoing.into_iter())
            .map(|(address, parent_id, amount)| (address, parent_id, amount.negated()));
        let explicit = explicit.into_iter().map(|change| {
            let amount = signed(change.direction, change.amount);
            (change.address, change.parent_id, amount)
        });
        for (address, parent_id, amount) in outgoing.chain(incoming).chain(explicit) {
            let key = BalanceKey {
                chain: chain.to_owned(),
                address,
                parent_id,
            };
            *self.net.entry(key).or_default() += &amount;
        }
        Ok(())
    }

    fn of(&self, key: &BalanceKey) -> Option<Quantity> {
        let is_known = !self.over_limit.contains(&key.chain);
        is_known.then(|| self.net.get(key).cloned().unwrap_or_default())
    }
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
                return Err(Error::UnknownField {
                    field: name.clone(),
                });
            }
        }
    }
    let page = Page::new(limit, skip, after)
        .map_err(|error| Error::invalid("limit", error.to_string()))?;
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
        .map(|address| crate::object::normalize_address(default_chain.as_str(), &address));
    data.read_snapshot(
        &principal.namespace,
        (asset, params),
        |tx, snapshot, (asset, params)| asset_page(tx, &snapshot.final_heights, asset, params),
    )
    .await
}

fn asset_page(
    tx: &mut Tx<'_, '_>,
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
