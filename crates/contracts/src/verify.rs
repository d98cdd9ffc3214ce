//! Comparing registered contracts with the chain.

use crate::contract::change;
use crate::difference::{difference, take};
use crate::interface::{decode_interface, interfaces};
use crate::observations::Observation;
use crate::register::{changed, require_registered};
use crate::table::contract::{self as table, Contract};
use crate::{ContractChanges, Contracts, Error, Result};
use futures::StreamExt as _;
use intent::Standard;
use std::collections::{BTreeMap, BTreeSet};
use store::Tx;
use types::{ChainId, Digest, Json, Namespace, Principal};

/// Contracts that are read from chains at a time, for one caller.
const CONCURRENT: usize = 8;

/// Registered contracts and their interfaces, by address.
type Registered = BTreeMap<String, (Contract, Option<intent::Interface>)>;

/// How to verify a contract.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// Whether to trust what the chain says now, with the changes below.
    pub accept: bool,
    pub standards: Option<BTreeSet<Standard>>,
    pub interface: Option<Json>,
}

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    Registered(Box<KnownContract>),
    /// Not registered, and without code at the final block and at the newest one.
    NoCode,
    /// Not registered, and it has code.
    Unregistered,
    /// Not registered, and it could not be read whether it has code, for this reason.
    Unreadable(String),
}

/// A registered contract and whether it can be trusted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownContract {
    pub contract: Contract,
    pub interface: Option<intent::Interface>,
    /// Why it cannot be: it is not what was registered, or that could not be verified.
    pub problem: Option<String>,
}

/// Compares a registered contract with the chain at a final block, and stores what differs. With
/// `accept`, what the chain says is trusted from now on. Errors: as for [`register`](crate::register)
/// and [`update`](crate::update).
pub async fn verify(
    contracts: &Contracts,
    principal: &Principal,
    name_or_id: &str,
    verification: Verification,
) -> Result<Contract> {
    if !verification.accept
        && (verification.standards.is_some() || verification.interface.is_some())
    {
        return Err(Error::invalid("accept", "must be true with other fields"));
    }
    let name_or_id = name_or_id.to_owned();
    let read = |tx: &mut Tx, name_or_id: &String| require_registered(tx, name_or_id);
    let read = contracts
        .db()
        .read_with(&principal.namespace, name_or_id, read);
    let contract = read.await?;
    let observation = contracts
        .observe(&contract.chain, &contract.address)
        .await?;
    let args = (contract.id.to_string(), verification, observation);
    let engine = contracts.clone();
    let write = move |tx: &mut Tx, principal: &Principal, args: &(_, _, _)| {
        let (id, verification, observation): &(String, Verification, Observation) = args;
        let before = require_registered(tx, id)?;
        if verification.accept {
            accept(&engine, tx, principal, &before, verification, observation)
        } else {
            compare(&engine, tx, principal, &before, observation)
        }
    };
    contracts.on().write_as(principal, args, write).await
}

fn accept(
    contracts: &Contracts,
    tx: &mut Tx,
    principal: &Principal,
    before: &Contract,
    verification: &Verification,
    observation: &Observation,
) -> Result<Contract> {
    let Some(state) = &observation.state else {
        return Err(Error::NoCode {
            chain: before.chain,
            address: before.address.clone(),
            height: observation.block.height.0,
        });
    };
    let changes = ContractChanges {
        name: None,
        standards: verification.standards.clone(),
        interface: verification.interface.clone(),
    };
    let mut after = changed(tx, contracts.settings(), principal, before, &changes)?;
    take(&mut after, state);
    change(contracts, tx, principal, "contract.verified", before, after)
}

/// Stores that a contract is as registered, or why it is not. A contract that changed stays so
/// until it is accepted, also if it changes back.
fn compare(
    contracts: &Contracts,
    tx: &mut Tx,
    principal: &Principal,
    before: &Contract,
    observation: &Observation,
) -> Result<Contract> {
    let mut after = before.clone();
    let kind = match difference(before, observation.state.as_ref()) {
        None if before.changed.is_some() => return Ok(after),
        None => {
            after.verified = Some(observation.block.height);
            "contract.verified"
        }
        reason => {
            after.changed = reason;
            "contract.changed"
        }
    };
    if after == *before {
        return Ok(after);
    }
    change(contracts, tx, principal, kind, before, after)
}

/// What is known of addresses in canonical form. Registered contracts are compared with what the
/// chain says, or said within the configured age; what differs is stored. Errors: the database.
pub async fn known(
    contracts: &Contracts,
    namespace: &Namespace,
    chain: &ChainId,
    addresses: &[String],
) -> Result<BTreeMap<String, Known>> {
    let mut registered = registered(contracts, namespace, chain, addresses).await?;
    let known = addresses.iter().map(|address| {
        let registered = registered.remove(address);
        async move {
            let known = match registered {
                Some((contract, interface)) => {
                    let (contract, problem) = check(contracts, namespace, contract).await?;
                    Known::Registered(Box::new(KnownContract {
                        contract,
                        interface,
                        problem,
                    }))
                }
                None => unregistered(contracts, chain, address).await,
            };
            Ok((address.clone(), known))
        }
    });
    let known: Vec<_> = known.collect();
    let known = futures::stream::iter(known).buffer_unordered(CONCURRENT);
    known
        .collect::<Vec<Result<_>>>()
        .await
        .into_iter()
        .collect()
}

/// The registered contracts among the addresses, with their interfaces.
async fn registered(
    contracts: &Contracts,
    namespace: &Namespace,
    chain: &ChainId,
    addresses: &[String],
) -> Result<Registered> {
    if addresses.is_empty() {
        return Ok(Registered::new());
    }
    let args = (*chain, addresses.to_vec());
    let read = |tx: &mut Tx, (chain, addresses): &(ChainId, Vec<String>)| {
        let rows = table::registered(tx, chain, addresses)?;
        let hashes: Vec<Digest> = rows.iter().filter_map(|row| row.interface).collect();
        let texts = interfaces(tx, &hashes)?;
        let with_text = |row: Contract| {
            let text = row.interface.and_then(|hash| texts.get(&hash));
            let interface = text.map(decode_interface);
            (row.address.clone(), (row, interface))
        };
        Ok(rows.into_iter().map(with_text).collect())
    };
    contracts.db().read_with(namespace, args, read).await
}

/// Whether an address that is not registered has code.
async fn unregistered(contracts: &Contracts, chain: &ChainId, address: &str) -> Known {
    match contracts.observed(chain, address).await {
        Ok(observation) if observation.state.is_some() || observation.newest.is_some() => {
            Known::Unregistered
        }
        Ok(_) => Known::NoCode,
        Err(error) => Known::Unreadable(error.to_string()),
    }
}

/// A contract as it is stored after the comparison, and why it cannot be trusted.
async fn check(
    contracts: &Contracts,
    namespace: &Namespace,
    contract: Contract,
) -> Result<(Contract, Option<String>)> {
    if let Some(changed) = contract.changed.clone() {
        return Ok((contract, Some(changed)));
    }
    let observation = contracts.observed(&contract.chain, &contract.address);
    let observation = match observation.await {
        Ok(observation) => observation,
        Err(error) => return Ok((contract, Some(format!("it cannot be verified: {error}")))),
    };
    if difference(&contract, observation.state.as_ref()).is_some() {
        let contract = store_difference(contracts, namespace, contract, observation).await?;
        let problem = contract.changed.clone();
        return Ok((contract, problem));
    }
    let pending = difference(&contract, observation.newest.as_ref())
        .map(|reason| format!("in a block that is not final yet, {reason}"));
    Ok((contract, pending))
}

/// Stores what differs, unless the contract was changed or accepted meanwhile.
async fn store_difference(
    contracts: &Contracts,
    namespace: &Namespace,
    contract: Contract,
    observation: Observation,
) -> Result<Contract> {
    let system = Principal::system("contracts", *namespace);
    let engine = contracts.clone();
    let write = move |tx: &mut Tx, system: &Principal, args: &(Contract, Observation)| {
        let (read, observation) = args;
        match table::find(tx, &read.chain, &read.address)? {
            Some(now) if now.version == read.version => {
                compare(&engine, tx, system, &now, observation)
            }
            Some(now) => Ok(now),
            None => Err(Error::UnknownContract {
                contract: read.address.clone(),
            }),
        }
    };
    let args = (contract, observation);
    contracts.on().write_as(&system, args, write).await
}
