//! Transfers of a batch: amounts in units, what follows from what, and what they do to balances.

use super::given::{Change, Given, stored};
use super::stage::{Stage, Staged};
use super::{derived_type, position};
use crate::balance::{self, Changes, Deltas, row_key};
use crate::object::Object;
use crate::table::transfer::{Given as ChangeRow, RowKey};
use crate::{Error, Result, Type, table};
use std::collections::{BTreeSet, HashMap};
use store::{Cell, Tx};
use types::{Amount, Quantity, Unit, UnitedAmount};

/// Complete the transfers of a batch; what the batch does to balances: what they did before is
/// undone, what they do now is done.
pub(super) fn complete(tx: &mut Tx<'_, '_>, stage: &mut Stage) -> Result<Deltas> {
    let units = Units::load(tx, stage)?;
    let before: Vec<RowKey> = transfers(stage)
        .filter_map(|staged| staged.before.as_ref())
        .filter(|before| before.is_set("explicit"))
        .map(row_key)
        .collect();
    let before = balance::load(tx, &before)?;
    let now = tx.now();
    let mut deltas = Deltas::default();
    for staged in stage
        .staged
        .iter_mut()
        .filter(|staged| staged.after.kind() == Type::Transfer)
    {
        settle_amount(staged, &units)?;
        settle_type(staged);
        if staged.is_new()
            || staged
                .before
                .as_ref()
                .is_some_and(|before| before.name() != staged.after.name())
        {
            let position = position(staged.after.name(), now);
            staged.after.put_text("position", position);
        }
        check_chain(staged)?;
        count(&mut deltas, staged, &before, &units)?;
    }
    Ok(deltas)
}

fn transfers(stage: &Stage) -> impl Iterator<Item = &Staged> {
    stage
        .staged
        .iter()
        .filter(|staged| staged.after.kind() == Type::Transfer)
}

fn count(deltas: &mut Deltas, staged: &mut Staged, before: &Changes, units: &Units) -> Result<()> {
    let old = staged
        .before
        .as_ref()
        .and_then(|old| before.get(&row_key(old)));
    if let Some(before) = &staged.before {
        deltas.uncount(before, old);
    }
    staged.rows = match &staged.changes {
        Some(_) => Some(rows(staged, units)?),
        None => old.filter(|_| staged.after.is_set("explicit")).cloned(),
    };
    deltas.count(&staged.after, staged.rows.as_ref());
    Ok(())
}

/// The rows of given changes.
fn rows(staged: &Staged, units: &Units) -> Result<Vec<ChangeRow>> {
    let Some((changes, path)) = &staged.changes else {
        return Ok(Vec::new());
    };
    let (chain, transaction, line, block) = row_key(&staged.after);
    let row = |(place, change): (usize, &Change)| {
        let field = format!("{path}[{place}].amount");
        let amount = units.base(&staged.after, &change.amount, &field)?;
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let key = (
            chain.clone(),
            transaction.clone(),
            line.clone(),
            block.clone(),
        );
        Ok((
            key.0,
            key.1,
            key.2,
            key.3,
            place,
            change.address.clone(),
            change.direction,
            Quantity::from(amount),
        ))
    };
    changes.iter().enumerate().map(row).collect()
}

/// Write the given changes of the batch in the place of those before.
pub(super) fn store_changes(tx: &mut Tx<'_, '_>, stage: &Stage) -> Result<()> {
    let gone = |staged: &&Staged| !staged.after.is_set("explicit") || staged.changes.is_some();
    let old = transfers(stage)
        .filter(gone)
        .filter_map(|staged| staged.before.as_ref());
    let old: Vec<RowKey> = old
        .filter(|before| before.is_set("explicit"))
        .map(row_key)
        .collect();
    table::transfer::clear_changes(tx, &old)?;
    let new: Vec<ChangeRow> = transfers(stage)
        .filter(|staged| staged.changes.is_some())
        .flat_map(|staged| staged.rows.clone())
        .flatten()
        .collect();
    Ok(table::transfer::insert_changes(tx, &new)?)
}

fn settle_amount(staged: &mut Staged, units: &Units) -> Result<()> {
    if let Some((Given::InUnit { value, unit }, path)) = staged.pending.remove("amount") {
        let amount = units.base(&staged.after, &UnitedAmount::InUnit { value, unit }, &path)?;
        staged.after.put("amount", stored(amount));
    }
    if staged.after.get("amount") == &Cell::Null
        && staged.after.text("parent_type") == Some(Type::Nft.singular())
    {
        staged.after.put_amount("amount", Amount::from(1));
    }
    Ok(())
}

/// A type that was not given follows from who gives and who gets.
fn settle_type(staged: &mut Staged) {
    let derived = |object: &Object| match (object.text("from_address"), object.text("to_address")) {
        (None, None) => "transfer",
        (from, to) => derived_type(from.unwrap_or_default(), to.unwrap_or_default()),
    };
    let followed = staged
        .before
        .as_ref()
        .is_some_and(|before| before.text("type") == Some(derived(before)));
    if staged.after.text("type").is_none() || (!staged.typed && followed) {
        let kind = derived(&staged.after);
        staged.after.put_text("type", kind);
    }
}

/// What a chain said stays.
fn check_chain(staged: &Staged) -> Result<()> {
    let Some(before) = staged
        .before
        .as_ref()
        .filter(|before| before.text("source").is_some())
    else {
        return Ok(());
    };
    for (column, field) in [
        ("from_address", "from"),
        ("to_address", "to"),
        ("amount", "amount"),
    ] {
        if before.get(column) != staged.after.get(column) {
            return Err(Error::OnChain {
                field: format!("{}.{field}", staged.path),
                key: before.name().to_owned(),
            });
        }
    }
    Ok(())
}

/// The units of the assets that transfers of the batch move.
struct Units {
    /// The asset of a pool or NFT.
    asset_of: HashMap<String, String>,
    units_of: HashMap<String, Vec<Unit>>,
}

impl Units {
    /// Read only where some amount is given in a unit.
    fn load(tx: &mut Tx<'_, '_>, stage: &Stage) -> Result<Self> {
        let mut this = Self {
            asset_of: HashMap::new(),
            units_of: HashMap::new(),
        };
        let parents: BTreeSet<(Type, String)> = transfers(stage)
            .filter(|staged| needs_units(staged))
            .filter_map(parent_of)
            .collect();
        for kind in [Type::Pool, Type::Nft] {
            let ids = parents
                .iter()
                .filter(|(of, _)| *of == kind)
                .map(|(_, id)| id.as_str());
            for object in objects(tx, stage, kind, ids)? {
                let asset = object.text("asset_id").map(str::to_owned);
                this.asset_of
                    .extend(asset.map(|asset| (object.id().to_owned(), asset)));
            }
        }
        let assets: BTreeSet<&str> = this.asset_of.values().map(String::as_str).collect();
        for object in objects(tx, stage, Type::Asset, assets.into_iter())? {
            let units = object
                .text("units")
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default();
            this.units_of.insert(object.id().to_owned(), units);
        }
        Ok(this)
    }

    fn base(&self, transfer: &Object, amount: &UnitedAmount, path: &str) -> Result<Amount> {
        let asset = transfer
            .text("parent_id")
            .and_then(|parent| self.asset_of.get(parent));
        let units = asset
            .and_then(|asset| self.units_of.get(asset))
            .map_or(&[][..], Vec::as_slice);
        amount
            .to_base(units)
            .map_err(|error| Error::invalid(path, error.to_string()))
    }
}

fn needs_units(staged: &Staged) -> bool {
    let in_unit = |change: &Change| matches!(change.amount, UnitedAmount::InUnit { .. });
    staged.pending.contains_key("amount")
        || staged
            .changes
            .iter()
            .any(|(changes, _)| changes.iter().any(in_unit))
}

fn parent_of(staged: &Staged) -> Option<(Type, String)> {
    let kind = Type::from_singular(staged.after.text("parent_type")?)?;
    Some((kind, staged.after.text("parent_id")?.to_owned()))
}

/// Objects as the batch leaves them.
fn objects<'s>(
    tx: &mut Tx<'_, '_>,
    stage: &Stage,
    kind: Type,
    ids: impl Iterator<Item = &'s str>,
) -> Result<Vec<Object>> {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for id in ids {
        match stage.of_id(id) {
            Some(staged) => found.push(staged.after.clone()),
            None => unknown.push((id.to_owned(),)),
        }
    }
    found.extend(table::object::by_ids(tx, kind.shape(), &unknown)?);
    Ok(found)
}
