//! Bindings.

use store::{Result, Tx};
use types::ContractId;

/// The name of a binding of a contract, if there is one.
pub fn binding_of(tx: &mut Tx, contract: &ContractId) -> Result<Option<String>> {
    tx.value(
        "SELECT name FROM binding WHERE namespace = ?ns AND contract = ?1 ORDER BY name LIMIT 1",
        (contract,),
    )
}
