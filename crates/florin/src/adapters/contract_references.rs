//! `contracts::References` over the engines that name contracts.

use contracts::References;
use store::Tx;
use types::ContractId;

/// The bindings and tracked sources of a namespace.
pub(crate) struct ContractReferences;

impl References for ContractReferences {
    fn find(&self, tx: &mut Tx, contract: &ContractId) -> store::Result<Option<String>> {
        if let Some(name) = workflow::binding_of(tx, contract)? {
            return Ok(Some(format!("the binding {name}")));
        }
        let source = index::source_of(tx, contract)?;
        Ok(source.map(|source| format!("the tracked source {source}")))
    }

    fn withdraw(&self, tx: &mut Tx) -> store::Result<()> {
        policy::withdraw_standing(tx)
    }
}
