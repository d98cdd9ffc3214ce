//! Registering, changing and deleting contracts.

use crate::contract::{canonical_address, change, fact, insert, mentioned};
use crate::difference::take;
use crate::standards;
use crate::table::contract::{self as table, Contract};
use crate::{Contracts, Error, Interface, References, Result, Settings, add_interface, interfaces};
use chain::ContractState;
use intent::Standard;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::Tx;
use store::named::Named as _;
use types::{ChainId, Json, Principal};

/// A contract to register.
#[derive(Debug, Clone)]
pub struct NewContract {
    pub name: String,
    pub chain: ChainId,
    pub address: String,
    /// Those that its interface shows, if absent.
    pub standards: Option<BTreeSet<Standard>>,
    /// The JSON ABI, or an artifact that contains it. For a proxy, that of its implementation.
    pub interface: Option<Json>,
}

/// What to change of a registered contract; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ContractChanges {
    pub name: Option<String>,
    pub standards: Option<BTreeSet<Standard>>,
    pub interface: Option<Json>,
}

/// A registration whose fields are checked, with what the chain says.
struct Registration {
    name: String,
    chain: ChainId,
    address: String,
    standards: BTreeSet<Standard>,
    interface: Option<Interface>,
    state: ContractState,
}

/// Registers a contract that has code at a final block. Returns whether it is new: the same
/// registration again changes nothing. Errors: `contracts.no_code`, `contracts.name_taken`,
/// `contracts.already_registered`, `contracts.invalid_field`, `contracts.limit_exceeded`,
/// `contracts.unknown_chain`, `contracts.no_final_block`, `intent.invalid_address`, and those of the
/// node.
pub async fn register(
    contracts: &Contracts,
    principal: &Principal,
    new: NewContract,
) -> Result<(Contract, bool)> {
    let registration = observed(contracts, new).await?;
    let engine = contracts.clone();
    let write = move |tx: &mut Tx, principal: &Principal, registration: &Registration| {
        register_in(&engine, tx, principal, registration)
    };
    let written = contracts.on().write_as(principal, registration, write);
    written.await
}

/// Checks the fields and reads the chain.
async fn observed(contracts: &Contracts, new: NewContract) -> Result<Registration> {
    let NewContract { name, chain, .. } = new;
    contracts.chain(&chain)?;
    Contract::check_rules(&name)?;
    let address = canonical_address(&chain, &new.address)?;
    let interface = |json| Interface::parse(contracts.settings(), &chain, json);
    let interface = new.interface.map(interface).transpose()?;
    let standards = standards_of(new.standards, interface.as_ref())?;
    let observation = contracts.observe(&chain, &address).await?;
    let no_code = || Error::NoCode {
        chain,
        address: address.clone(),
        height: observation.block.height.0,
    };
    let state = observation.state.ok_or_else(no_code)?;
    Ok(Registration {
        name,
        chain,
        address,
        standards,
        interface,
        state,
    })
}

/// The given standards, checked, or those that the interface shows.
fn standards_of(
    given: Option<BTreeSet<Standard>>,
    interface: Option<&Interface>,
) -> Result<BTreeSet<Standard>> {
    let functions = interface.map(|interface| &interface.functions);
    match (given, functions) {
        (Some(given), functions) => {
            standards::check(&given, functions)?;
            Ok(given)
        }
        (None, Some(functions)) => standards::proposed(functions),
        (None, None) => Ok(BTreeSet::new()),
    }
}

fn register_in(
    contracts: &Contracts,
    tx: &mut Tx,
    principal: &Principal,
    new: &Registration,
) -> Result<(Contract, bool)> {
    let settings = contracts.settings();
    let before = table::find(tx, &new.chain, &new.address)?;
    let interface = (new.interface.as_ref())
        .map(|interface| add_interface(settings, tx, principal, interface))
        .transpose()?;
    if let Some(known) = before.as_ref().filter(|known| known.registered.is_some()) {
        let is_same = known.name.as_ref() == Some(&new.name)
            && known.standards == new.standards
            && known.interface == interface;
        return if is_same {
            Ok((known.clone(), false))
        } else {
            Err(Error::AlreadyRegistered { contract: known.id })
        };
    }
    let base = before.clone();
    let mut row = base.unwrap_or_else(|| mentioned(tx, principal, &new.chain, &new.address));
    row.name = Some(new.name.clone());
    row.standards.clone_from(&new.standards);
    row.interface = interface;
    row.registered_by = Some(principal.id.clone());
    row.registered = Some(tx.now());
    take(&mut row, &new.state);
    if let Some(before) = before {
        let row = change(
            contracts,
            tx,
            principal,
            "contract.registered",
            &before,
            row,
        )?;
        return Ok((row, true));
    }
    row.check_name(tx)?;
    insert(settings, tx, &row)?;
    contracts.references().withdraw(tx)?;
    tx.append(fact("contract.registered", principal, None, &row));
    Ok((row, true))
}

/// Changes the name, the standards or the interface of a registered contract. Errors:
/// `contracts.unknown_contract`, `contracts.not_registered`, `contracts.name_taken`,
/// `contracts.invalid_field`, `contracts.limit_exceeded`.
pub async fn update(
    contracts: &Contracts,
    principal: &Principal,
    name_or_id: &str,
    changes: ContractChanges,
) -> Result<Contract> {
    let engine = contracts.clone();
    let write = move |tx: &mut Tx, principal: &Principal, args: &(String, ContractChanges)| {
        let (name_or_id, changes) = args;
        let before = require_registered(tx, name_or_id)?;
        let after = changed(tx, engine.settings(), principal, &before, changes)?;
        if after == before {
            return Ok(before);
        }
        change(&engine, tx, principal, "contract.updated", &before, after)
    };
    let args = (name_or_id.to_owned(), changes);
    contracts.on().write_as(principal, args, write).await
}

/// A contract that is more than mentioned.
pub(crate) fn require_registered(tx: &mut Tx, name_or_id: &str) -> Result<Contract> {
    let contract = Contract::require(tx, (), name_or_id)?;
    if contract.registered.is_none() {
        let contract = contract.id;
        return Err(Error::NotRegistered { contract });
    }
    Ok(contract)
}

/// The row with the changes, whose standards and interface do not contradict each other.
pub(crate) fn changed(
    tx: &mut Tx,
    settings: &Settings,
    principal: &Principal,
    before: &Contract,
    changes: &ContractChanges,
) -> Result<Contract> {
    let mut after = before.clone();
    if let Some(name) = &changes.name {
        after.name = Some(name.clone());
    }
    if let Some(standards) = &changes.standards {
        after.standards.clone_from(standards);
    }
    let parse = |json| Interface::parse(settings, &before.chain, json);
    let interface = match (&changes.interface, before.interface) {
        (Some(json), _) => Some(parse(json.clone())?),
        (None, Some(hash)) => interfaces(tx, &[hash])?
            .remove(&hash)
            .map(parse)
            .transpose()?,
        (None, None) => None,
    };
    let functions = interface.as_ref().map(|interface| &interface.functions);
    standards::check(&after.standards, functions)?;
    if let Some(interface) = interface.filter(|_| changes.interface.is_some()) {
        after.interface = Some(add_interface(settings, tx, principal, &interface)?);
    }
    Ok(after)
}

/// Deletes a contract that nothing refers to. Errors: `contracts.unknown_contract`,
/// `contracts.referenced`.
pub async fn delete(contracts: &Contracts, principal: &Principal, name_or_id: &str) -> Result<()> {
    let args = (name_or_id.to_owned(), contracts.references().clone());
    let write = |tx: &mut Tx, principal: &Principal, args: &(String, Arc<dyn References>)| {
        let (name_or_id, references) = args;
        let before = Contract::require(tx, (), name_or_id)?;
        if let Some(by) = references.find(tx, &before.id)? {
            return Err(Error::Referenced { by });
        }
        before.delete(tx)?;
        references.withdraw(tx)?;
        let mut after = before.clone();
        after.touch(tx.now());
        tx.append(fact("contract.deleted", principal, Some(&before), &after));
        Ok(())
    };
    contracts.on().write_as(principal, args, write).await
}
