//! Registering, mentioning and reading contracts.

use crate::table::contract::{self as table, Contract, Standard};
use crate::{Contracts, Error, Interface, Result, Settings, add_interface};
use std::collections::BTreeMap;
use store::{Fact, ScopedTable as _, Tx};
use types::{ChainId, ContractId, Json, Page, Principal};

/// A contract to register.
#[derive(Debug, Clone)]
pub struct NewContract {
    pub chain: ChainId,
    pub address: String,
    pub standard: Option<Standard>,
    /// The JSON ABI, or an artifact that contains it.
    pub interface: Option<Json>,
}

/// A registration whose fields are checked.
struct Registration {
    chain: ChainId,
    address: String,
    standard: Option<Standard>,
    interface: Option<Interface>,
}

/// Registers a contract, or changes what is registered of it; what `new` leaves out stays. Returns
/// whether it is new. Errors: `contracts.limit_exceeded`, `intent.invalid_address`,
/// `intent.abi_mismatch`.
pub async fn register(
    contracts: &Contracts,
    principal: &Principal,
    new: NewContract,
) -> Result<(Contract, bool)> {
    let interface = |json| Interface::parse(contracts.settings(), &new.chain, json);
    let registration = Registration {
        address: canonical_address(&new.chain, &new.address)?,
        standard: new.standard,
        interface: new.interface.map(interface).transpose()?,
        chain: new.chain,
    };
    let settings = *contracts.settings();
    let write = move |tx: &mut Tx, principal: &Principal, registration: &Registration| {
        register_in(tx, &settings, principal, registration)
    };
    let written = contracts.on().write_as(principal, registration, write);
    written.await
}

fn register_in(
    tx: &mut Tx,
    settings: &Settings,
    principal: &Principal,
    registration: &Registration,
) -> Result<(Contract, bool)> {
    let Registration { chain, address, .. } = registration;
    let standard = registration.standard;
    let interface = (registration.interface.as_ref())
        .map(|interface| add_interface(settings, tx, principal, interface))
        .transpose()?;
    let Some(before) = table::find(tx, chain, address)? else {
        let new = Contract {
            standard,
            interface,
            ..unknown(tx, principal, chain, address)
        };
        return insert(settings, tx, principal, new).map(|new| (new, true));
    };
    let after = Contract {
        standard: standard.or(before.standard),
        interface: interface.or(before.interface),
        ..before.clone()
    };
    if after == before {
        return Ok((before, false));
    }
    let after = Contract {
        version: before.version + 1,
        ..after
    };
    if !after.update(tx)? {
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    tx.append(fact("contract.updated", principal, &after));
    Ok((after, false))
}

/// The row of a contract, which is created if this is the first mention of its address. `address`
/// is in canonical form ([`canonical_address`]). Errors: `contracts.limit_exceeded`.
pub fn ensure(
    settings: &Settings,
    tx: &mut Tx,
    principal: &Principal,
    chain: &ChainId,
    address: &str,
) -> Result<Contract> {
    match table::find(tx, chain, address)? {
        Some(known) => Ok(known),
        None => {
            let new = unknown(tx, principal, chain, address);
            insert(settings, tx, principal, new)
        }
    }
}

/// A contract of which only the address is known.
fn unknown(tx: &mut Tx, principal: &Principal, chain: &ChainId, address: &str) -> Contract {
    let created = tx.now();
    Contract {
        id: ContractId::new(created, tx.entropy()),
        chain: *chain,
        address: address.to_owned(),
        standard: None,
        interface: None,
        created,
        created_by: principal.id.clone(),
        version: 1,
    }
}

fn insert(
    settings: &Settings,
    tx: &mut Tx,
    principal: &Principal,
    new: Contract,
) -> Result<Contract> {
    let limit = settings.contracts_per_namespace;
    if table::count(tx)? >= limit as u64 {
        return Err(Error::LimitExceeded {
            field: "contracts",
            unit: "contracts in a namespace",
            limit,
        });
    }
    if !table::insert(tx, &new)? {
        return Err(store::Error::Contended { attempts: 1 }.into());
    }
    tx.append(fact("contract.registered", principal, &new));
    Ok(new)
}

/// Reads a contract. Error: `contracts.unknown_contract`.
pub async fn contract(
    contracts: &Contracts,
    principal: &Principal,
    contract: ContractId,
) -> Result<Contract> {
    let read = |tx: &mut Tx, contract: &ContractId| {
        let contract = *contract;
        table::get(tx, &contract)?.ok_or(Error::UnknownContract { contract })
    };
    contracts
        .db()
        .read_with(&principal.namespace, contract, read)
        .await
}

/// Lists the contracts of one chain, or of all, in the order of chain and address.
pub async fn contracts(
    contracts: &Contracts,
    principal: &Principal,
    chain: Option<ChainId>,
    page: &Page,
) -> Result<Vec<Contract>> {
    let read = |tx: &mut Tx, (chain, page): &(Option<ChainId>, Page)| {
        Ok(table::list(tx, chain.as_ref(), page)?)
    };
    contracts
        .db()
        .read_with(&principal.namespace, (chain, page.clone()), read)
        .await
}

/// The addresses of contracts; those that the namespace does not have are left out.
pub fn addresses(tx: &mut Tx, ids: &[ContractId]) -> store::Result<BTreeMap<ContractId, String>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = table::addresses(tx, ids)?.into_iter();
    Ok(rows.map(|row| (row.id, row.address)).collect())
}

/// The canonical form of an address. Errors: `intent.invalid_address`, `intent.unknown_family`.
pub fn canonical_address(chain: &ChainId, address: &str) -> Result<String> {
    Ok(intent::parse_recipient(chain, address)?.account)
}

fn fact(kind: &'static str, actor: &Principal, contract: &Contract) -> Fact {
    let payload = serde_json::json!({
        "chain": contract.chain,
        "address": contract.address,
        "standard": contract.standard,
        "interface": contract.interface,
    });
    Fact::new(kind, 1)
        .subject(&contract.id, contract.version)
        .actor(actor)
        .payload(&payload)
}
