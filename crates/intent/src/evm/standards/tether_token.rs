//! USDT and tokens like it. Also has the calls of ERC-20, Ownable and Pausable.

use super::Declaration;
use super::call::{CallKind, CallReader, ZERO_ACCOUNT, token};
use super::erc20::{transfer, transfer_from};
use crate::{IncompleteCode, PowerKind, Standard};

pub(super) static TETHER_TOKEN: Declaration = Declaration {
    standard: Standard::TetherToken,
    name: "TetherToken",
    calls: &[
        CallKind::new("transfer(address to, uint256 value)", |call| {
            may_charge(call);
            transfer(call)
        }),
        CallKind::new(
            "transferFrom(address from, address to, uint256 value)",
            |call| {
                may_charge(call);
                transfer_from(call)
            },
        ),
        // The tokens go to the owner, who is the only caller that may issue.
        CallKind::new("issue(uint256 value)", |call| {
            call.add_mint(call.sender(), call.amount("value")?)
        }),
        CallKind::new("redeem(uint256 value)", |call| {
            call.add_burn(call.sender(), call.amount("value")?)
        }),
        CallKind::new("addBlackList(address account)", |call| {
            call.add_power_for(PowerKind::Freeze, "account")
        }),
        CallKind::new("removeBlackList(address account)", |call| {
            call.add_power_for(PowerKind::Unfreeze, "account")
        }),
        CallKind::new("destroyBlackFunds(address account)", |call| {
            let account = call.account("account")?;
            call.add_power_of(PowerKind::ForcedTransfer, account.clone(), None)?;
            let asset = token(call.contract, None);
            call.add_move_of(asset, account, ZERO_ACCOUNT.to_owned(), None);
            Some(())
        }),
        CallKind::new("deprecate(address upgradedAddress)", |call| {
            call.add_power_for(PowerKind::Upgrade, "upgradedAddress")
        }),
        CallKind::new(
            "setParams(uint256 newBasisPoints, uint256 newMaxFee)",
            |call| call.add_setting(None),
        ),
    ],
    typed: &[],
    events: &[],
};

/// Whether the token keeps a part for its owner is a setting, which is not in the call.
fn may_charge(call: &mut CallReader<'_>) {
    let why = "the token may charge a fee, which its owner gets";
    call.add_incomplete(IncompleteCode::UnknownArgument, why);
}
