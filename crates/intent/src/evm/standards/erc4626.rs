//! ERC-4626: vaults. Either the shares or the assets are in the call; the others depend on the
//! price.

use super::Declaration;
use super::call::{CallKind, CallReader};
use super::call::{ZERO_ACCOUNT, token};
use crate::{AssetRef, IncompleteCode, Standard};

pub(super) static ERC4626: Declaration = Declaration {
    standard: Standard::Erc4626,
    name: "ERC-4626",
    calls: &[
        CallKind::new("deposit(uint256 assets, address receiver)", deposit),
        CallKind::new("mint(uint256 shares, address receiver)", deposit),
        CallKind::new(
            "withdraw(uint256 assets, address receiver, address owner)",
            withdraw,
        ),
        CallKind::new(
            "redeem(uint256 shares, address receiver, address owner)",
            withdraw,
        ),
    ],
    typed: &[],
    events: &[],
};

fn deposit(call: &mut CallReader<'_>) -> Option<()> {
    let receiver = call.account("receiver")?;
    let (assets, shares) = (call.amount("assets"), call.amount("shares"));
    if let Some(asset) = underlying(call) {
        let vault = call.contract.to_owned();
        call.add_move_of(asset, call.sender(), vault, assets);
    }
    let share = token(call.contract, None);
    call.add_move_of(share, ZERO_ACCOUNT.to_owned(), receiver, shares);
    Some(())
}

fn withdraw(call: &mut CallReader<'_>) -> Option<()> {
    let (receiver, owner) = (call.account("receiver")?, call.account("owner")?);
    let (assets, shares) = (call.amount("assets"), call.amount("shares"));
    let share = token(call.contract, None);
    call.add_move_of(share, owner, ZERO_ACCOUNT.to_owned(), shares);
    if let Some(asset) = underlying(call) {
        let vault = call.contract.to_owned();
        call.add_move_of(asset, vault, receiver, assets);
    }
    Some(())
}

/// The asset of the vault, which must be registered too.
fn underlying(call: &mut CallReader<'_>) -> Option<AssetRef> {
    let underlying = call.known().and_then(|known| known.underlying.as_ref());
    let Some(underlying) = underlying else {
        let why = "the asset of the vault is not known";
        call.add_incomplete(IncompleteCode::UnknownUnderlying, why);
        return None;
    };
    call.require_contract(underlying);
    Some(token(underlying, None))
}
