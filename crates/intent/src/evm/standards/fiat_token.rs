//! USDC and tokens like it. Also has the calls of ERC-20, Ownable and Pausable.

use super::Declaration;
use super::call::{CallKind, CallReader, account_word, encode};
use super::mintable::mint;
use crate::{PowerKind, Standard};
use types::Amount;

pub(super) static FIAT_TOKEN: Declaration = Declaration {
    standard: Standard::FiatToken,
    name: "FiatToken",
    calls: &[
        CallKind::new("mint(address to, uint256 value)", mint),
        CallKind::new("burn(uint256 value)", |call| {
            call.add_burn(call.sender(), call.amount("value")?)
        }),
        CallKind::new(
            "configureMinter(address minter, uint256 minterAllowedAmount)",
            |call| {
                let (contract, minter) = (call.contract.to_owned(), call.account("minter")?);
                let amount = call.amount("minterAllowedAmount")?;
                let role = Some("minter".to_owned());
                let kind = PowerKind::RoleGrant;
                call.add_power_over(contract, kind, Some(minter), role, Some(amount));
                Some(())
            },
        ),
        CallKind::new("removeMinter(address minter)", |call| {
            role(call, PowerKind::RoleRevocation, "minter")
        }),
        CallKind::new("updateMasterMinter(address masterMinter)", |call| {
            role(call, PowerKind::RoleGrant, "masterMinter")
        }),
        CallKind::new("updatePauser(address pauser)", |call| {
            role(call, PowerKind::RoleGrant, "pauser")
        }),
        CallKind::new("updateBlacklister(address blacklister)", |call| {
            role(call, PowerKind::RoleGrant, "blacklister")
        }),
        CallKind::new("updateRescuer(address rescuer)", |call| {
            role(call, PowerKind::RoleGrant, "rescuer")
        }),
        CallKind::new("blacklist(address account)", |call| {
            call.add_power_for(PowerKind::Freeze, "account")
        }),
        CallKind::new("unBlacklist(address account)", |call| {
            call.add_power_for(PowerKind::Unfreeze, "account")
        }),
        CallKind::new(
            "rescueERC20(address tokenContract, address to, uint256 value)",
            |call| {
                let to = account_word(&call.account("to")?)?;
                let value = call.amount("value")?.to_be_bytes();
                let data = encode("transfer(address,uint256)", &[to, value]);
                call.add_call(call.account("tokenContract")?, Amount::ZERO, data);
                Some(())
            },
        ),
    ],
    typed: &[],
    events: &[],
};

/// A role named after the argument that has its account.
fn role(call: &mut CallReader<'_>, kind: PowerKind, name: &str) -> Option<()> {
    let account = call.account(name)?;
    call.add_power(kind, Some(account), Some(name.to_owned()));
    Some(())
}
