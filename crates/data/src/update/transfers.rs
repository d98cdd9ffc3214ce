//! Transfers of a batch: amounts in units, derived fields, and their effect on balances.

use super::resolve::{ReferenceKey, Resolution, resolve};
use super::stage::{Stage, StagedObject, key_of};
use super::value::{Change, InputValue, stored};
use super::{Input, UpdateType, derived_type, position};
use crate::balance::{self, Deltas, ExplicitChanges};
use crate::object::Object;
use crate::table::transfer::{ChangeRow, RowKey};
use crate::{Error, Result, Type, table};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::{Cell, Tx};
use types::{Amount, AmountInput, ChainId, Quantity, Unit};

/// Determine the rows of the inputs of transfers. A protocol id names the chain's row, unless the
/// item describes a transfer in another pool: that is a row of the caller's.
///
/// Error: `data.immutable_transfer` for an item that would only move the chain's row.
pub(super) fn with_rows(
    tx: &mut Tx,
    stage: &Stage,
    inputs: &[&Input],
    default_chain: &ChainId,
) -> Result<Vec<Input>> {
    let named = inputs.iter().filter(|input| input.target.is_none());
    let keys: BTreeSet<Vec<String>> = named.map(|input| key_of(input)).collect::<Result<_>>()?;
    let keys: Vec<Vec<String>> = keys.into_iter().collect();
    let rows = table::object::by_keys(tx, Type::Transfer.schema(), &keys)?;
    let (of_chain, of_callers): (Vec<Object>, Vec<Object>) = rows
        .into_iter()
        .partition(|row| row.text("source").is_some());
    let of_chain: HashMap<Vec<String>, Object> =
        of_chain.into_iter().map(|row| (row.key(), row)).collect();
    let mut of_callers: HashSet<Vec<String>> = of_callers.iter().map(Object::key).collect();
    let references: BTreeSet<ReferenceKey> =
        inputs.iter().filter_map(|input| parent(input)).collect();
    let resolved = resolve(tx, default_chain, Some(stage), &references)?;
    let mut with_rows = Vec::with_capacity(inputs.len());
    for input in inputs {
        let mut input = Input::clone(input);
        let key = key_of(&input).unwrap_or_default();
        let Some(row) = of_chain.get(&key).filter(|_| input.target.is_none()) else {
            with_rows.push(input);
            continue;
        };
        let parent = parent(&input).and_then(|parent| resolved.get(&parent));
        input.of_chain = parent.is_none_or(|parent| is_parent(parent, row));
        if !input.of_chain && of_callers.insert(key) && !describes_transfer(&input) {
            return Err(Error::ImmutableTransfer {
                field: input.field_path("parent"),
                key: row.name().to_owned(),
            });
        }
        with_rows.push(input);
    }
    Ok(with_rows)
}

/// The parent that an input names.
fn parent(input: &Input) -> Option<ReferenceKey> {
    match input.value("parent_id")? {
        InputValue::Reference { kind, text } => Some((*kind, text.clone())),
        _ => None,
    }
}

fn is_parent(reference: &Resolution, row: &Object) -> bool {
    let parent = row.text("parent_id");
    matches!(reference, Resolution::Object(id) if parent == Some(id.as_str()))
}

/// Whether an input creates a transfer with a movement of its own.
fn describes_transfer(input: &Input) -> bool {
    let movement = ["from_address", "to_address", "amount", "explicit"];
    input.mode != UpdateType::UpdateOnly
        && movement.iter().any(|column| input.value(column).is_some())
}

/// Complete the transfers of a batch. Returns its balance deltas: the previous effect of each
/// transfer is subtracted, the new one added.
pub(super) fn complete(tx: &mut Tx, stage: &mut Stage) -> Result<Deltas> {
    let units = Units::load(tx, stage)?;
    let before = transfers(stage).filter_map(|staged| staged.before.as_ref());
    let before = balance::explicit_changes(tx, before)?;
    let projected = projected_parents(tx, stage)?;
    let now = tx.now();
    let mut deltas = Deltas::default();
    for staged in stage
        .staged
        .iter_mut()
        .filter(|staged| staged.after.kind() == Type::Transfer)
    {
        convert_amount(staged, &units)?;
        derive_type(staged);
        let name_before = staged.before.as_ref().map(Object::name);
        if name_before != Some(staged.after.name()) {
            let position = position(staged.after.name(), now);
            staged.after.put_text("position", position);
        }
        check_chain(staged)?;
        if staged.after.text("source").is_none() {
            let parent = staged.after.text("parent_id").unwrap_or_default();
            let apart = projected.contains(parent);
            staged.after.put_int("apart", i64::from(apart));
        }
        apply_deltas(&mut deltas, staged, &before, &units)?;
    }
    Ok(deltas)
}

/// The pools and NFTs that the projection writes, among the parents of the batch's transfers.
fn projected_parents(tx: &mut Tx, stage: &Stage) -> Result<HashSet<String>> {
    let of_callers = transfers(stage).filter(|staged| staged.after.text("source").is_none());
    let parents: BTreeSet<(Type, String)> = of_callers.filter_map(parent_of).collect();
    let mut projected = HashSet::new();
    for kind in [Type::Pool, Type::Nft] {
        let ids: Vec<&str> = (parents.iter())
            .filter(|(parent_type, _)| *parent_type == kind)
            .map(|(_, id)| id.as_str())
            .collect();
        projected.extend(table::pool::projected_ids(tx, kind.schema(), &ids)?);
    }
    Ok(projected)
}

fn transfers(stage: &Stage) -> impl Iterator<Item = &StagedObject> {
    stage
        .staged
        .iter()
        .filter(|staged| staged.after.kind() == Type::Transfer)
}

fn apply_deltas(
    deltas: &mut Deltas,
    staged: &mut StagedObject,
    before: &ExplicitChanges,
    units: &Units,
) -> Result<()> {
    let old = staged
        .before
        .as_ref()
        .and_then(|old| before.get(&RowKey::of(old)));
    if let Some(before) = &staged.before {
        deltas.subtract(before, old);
    }
    if staged.changes.is_some() && staged.after.text("source").is_some() {
        let given = rows(staged, units)?;
        keep_chain_changes(staged, old, &given)?;
    }
    staged.rows = match &staged.changes {
        Some(_) => Some(rows(staged, units)?),
        None => old.filter(|_| staged.after.is_set("explicit")).cloned(),
    };
    deltas.add(&staged.after, staged.rows.as_ref());
    Ok(())
}

/// Balance changes of a transfer that came from a chain can be sent back, and not changed.
fn keep_chain_changes(
    staged: &mut StagedObject,
    old: Option<&Vec<ChangeRow>>,
    given: &[ChangeRow],
) -> Result<()> {
    let Some(before) = &staged.before else {
        return Ok(());
    };
    let given = given.iter().map(|row| {
        (
            row.address.clone(),
            balance::signed(row.direction, row.amount.clone()),
        )
    });
    if net(given) != net(balance::effects(before, old)) {
        let path = staged.changes.take().map(|(_, path)| path);
        return Err(Error::ImmutableTransfer {
            field: path.unwrap_or_default(),
            key: before.name().to_owned(),
        });
    }
    staged.changes = None;
    let explicit = before.get("explicit").clone();
    staged.after.put("explicit", explicit);
    Ok(())
}

/// The sum of changes by address, without those of zero.
fn net(changes: impl IntoIterator<Item = (String, Quantity)>) -> BTreeMap<String, Quantity> {
    let mut net: BTreeMap<String, Quantity> = BTreeMap::new();
    for (address, quantity) in changes {
        *net.entry(address).or_default() += &quantity;
    }
    net.retain(|_, quantity| !quantity.is_zero());
    net
}

/// The explicit changes as rows.
fn rows(staged: &StagedObject, units: &Units) -> Result<Vec<ChangeRow>> {
    let Some((changes, path)) = &staged.changes else {
        return Ok(Vec::new());
    };
    let transfer = RowKey::of(&staged.after);
    let row = |(index, change): (usize, &Change)| {
        let field = format!("{path}[{index}].amount");
        let amount = units.base(&staged.after, &change.amount, &field)?;
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        Ok(ChangeRow {
            transfer: transfer.clone(),
            change_index: index,
            address: change.address.clone(),
            direction: change.direction,
            amount: Quantity::from(amount),
        })
    };
    changes.iter().enumerate().map(row).collect()
}

/// Replace the explicit changes of the batch's transfers.
pub(super) fn store_changes(tx: &mut Tx, stage: &Stage) -> Result<()> {
    let is_replaced =
        |staged: &&StagedObject| !staged.after.is_set("explicit") || staged.changes.is_some();
    let old = transfers(stage)
        .filter(is_replaced)
        .filter_map(|staged| staged.before.as_ref());
    let old: Vec<RowKey> = old
        .filter(|before| before.is_set("explicit"))
        .map(RowKey::of)
        .collect();
    table::transfer::delete_changes(tx, &old)?;
    let new: Vec<ChangeRow> = transfers(stage)
        .filter(|staged| staged.changes.is_some())
        .flat_map(|staged| staged.rows.clone())
        .flatten()
        .collect();
    Ok(table::transfer::insert_changes(tx, &new)?)
}

fn convert_amount(staged: &mut StagedObject, units: &Units) -> Result<()> {
    if let Some((InputValue::InUnit { value, unit }, path)) = staged.pending.remove("amount") {
        let amount = units.base(&staged.after, &AmountInput::InUnit { value, unit }, &path)?;
        staged.after.put("amount", stored(amount));
    }
    if staged.after.get("amount") == &Cell::Null
        && staged.after.text("parent_type") == Some(Type::Nft.singular())
    {
        staged.after.put_amount("amount", Amount::from(1));
    }
    Ok(())
}

/// Derive a type that was not given from sender and recipient.
fn derive_type(staged: &mut StagedObject) {
    let derived = |object: &Object| match (object.text("from_address"), object.text("to_address")) {
        (None, None) => "transfer",
        (from, to) => derived_type(from.unwrap_or_default(), to.unwrap_or_default()),
    };
    let was_derived = staged
        .before
        .as_ref()
        .is_some_and(|before| before.text("type") == Some(derived(before)));
    if staged.after.text("type").is_none() || (!staged.type_given && was_derived) {
        let kind = derived(&staged.after);
        staged.after.put_text("type", kind);
    }
}

/// Reject changes of the fields that came from a chain.
fn check_chain(staged: &StagedObject) -> Result<()> {
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
        ("protocol_id", "protocolId"),
        ("parent_id", "parent"),
    ] {
        if before.get(column) != staged.after.get(column) {
            let path = match staged.path.as_str() {
                "" => field.to_owned(),
                path => format!("{path}.{field}"),
            };
            return Err(Error::ImmutableTransfer {
                field: path,
                key: before.name().to_owned(),
            });
        }
    }
    Ok(())
}

/// The units of the assets that the batch's transfers move.
struct Units {
    /// The asset of a pool or NFT.
    asset_of: HashMap<String, String>,
    units_of: HashMap<String, Vec<Unit>>,
}

impl Units {
    /// Loads only what amounts in units need.
    fn load(tx: &mut Tx, stage: &Stage) -> Result<Self> {
        let mut units = Self {
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
                .filter(|(parent_type, _)| *parent_type == kind)
                .map(|(_, id)| id.as_str());
            for object in objects(tx, stage, kind, ids)? {
                let asset = object.text("asset_id").map(str::to_owned);
                units
                    .asset_of
                    .extend(asset.map(|asset| (object.id().to_owned(), asset)));
            }
        }
        let assets: BTreeSet<&str> = units.asset_of.values().map(String::as_str).collect();
        for object in objects(tx, stage, Type::Asset, assets.into_iter())? {
            let asset_units = object
                .text("units")
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default();
            units.units_of.insert(object.id().to_owned(), asset_units);
        }
        Ok(units)
    }

    fn base(&self, transfer: &Object, amount: &AmountInput, path: &str) -> Result<Amount> {
        let asset = transfer
            .text("parent_id")
            .and_then(|parent| self.asset_of.get(parent));
        let units = asset
            .and_then(|asset| self.units_of.get(asset))
            .map_or(&[][..], Vec::as_slice);
        amount
            .to_base(units)
            .map_err(|error| Error::invalid(path, error))
    }
}

fn needs_units(staged: &StagedObject) -> bool {
    let in_unit = |change: &Change| matches!(change.amount, AmountInput::InUnit { .. });
    staged.pending.contains_key("amount")
        || staged
            .changes
            .iter()
            .any(|(changes, _)| changes.iter().any(in_unit))
}

fn parent_of(staged: &StagedObject) -> Option<(Type, String)> {
    let kind = Type::from_singular(staged.after.text("parent_type")?)?;
    Some((kind, staged.after.text("parent_id")?.to_owned()))
}

/// Load objects, with the changes of the batch.
fn objects<'s>(
    tx: &mut Tx,
    stage: &Stage,
    kind: Type,
    ids: impl Iterator<Item = &'s str>,
) -> Result<Vec<Object>> {
    let (mut objects, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        match stage.of_id(id) {
            Some(staged) => objects.push(staged.after.clone()),
            None => missing.push(id),
        }
    }
    objects.extend(table::object::by_ids(tx, kind.schema(), &missing)?);
    Ok(objects)
}
