//! ERC-2612: an allowance by the signature of its owner.

use super::Declaration;
use super::call::{CallKind, CallReader, TypedKind};
use crate::{PowerKind, Standard};

pub(super) static ERC2612: Declaration = Declaration {
    standard: Standard::Erc2612,
    name: "ERC-2612",
    calls: &[
        CallKind::new(
            "permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, \
             bytes32 r, bytes32 s)",
            permit,
        ),
        CallKind::new(
            "permit(address owner, address spender, uint256 value, uint256 deadline, \
             bytes signature)",
            permit,
        ),
    ],
    typed: &[TypedKind {
        encoded: "Permit(address owner,address spender,uint256 value,uint256 nonce,\
                  uint256 deadline)",
        signer: Some("owner"),
        effect: permit,
    }],
    events: &[],
};

pub(super) static DAI_PERMIT: Declaration = Declaration {
    standard: Standard::DaiPermit,
    name: "DAI permit",
    calls: &[CallKind::new(
        "permit(address holder, address spender, uint256 nonce, uint256 expiry, bool allowed, \
         uint8 v, bytes32 r, bytes32 s)",
        dai_permit,
    )],
    typed: &[TypedKind {
        encoded: "Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)",
        signer: Some("holder"),
        effect: dai_permit,
    }],
    events: &[],
};

fn permit(call: &mut CallReader<'_>) -> Option<()> {
    let (owner, spender) = (call.account("owner")?, call.account("spender")?);
    call.add_allowance(owner, spender, call.amount("value")?)
}

/// All or nothing.
fn dai_permit(call: &mut CallReader<'_>) -> Option<()> {
    let (holder, spender) = (call.account("holder")?, call.account("spender")?);
    if call.flag("allowed")? {
        call.add_grant(None, holder, spender, None);
        Some(())
    } else {
        call.add_power_for(PowerKind::GrantRevocation, "spender")
    }
}
