//! Adapters between engines: implementations of the small traits that one engine defines, on top of
//! the public functions of another.

mod chain_events;
mod contract_references;
mod default_chains;
mod known_contracts;
mod lookups;
mod opa;
mod projection;
mod rotation;

pub(crate) use chain_events::ChainEvents;
pub(crate) use contract_references::ContractReferences;
pub(crate) use default_chains::DefaultChains;
pub(crate) use known_contracts::KnownContracts;
pub(crate) use lookups::DataLookups;
pub(crate) use opa::Opa;
pub(crate) use projection::TokenProjection;
pub(crate) use rotation::{PolicyTarget, StreamsTarget, WorkflowTarget};
