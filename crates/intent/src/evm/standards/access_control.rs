//! `AccessControl` of OpenZeppelin, and its rules for the default administrator.

use super::Declaration;
use super::call::{CallKind, CallReader};
use crate::{PowerKind, Standard};

pub(super) static ACCESS_CONTROL: Declaration = Declaration {
    standard: Standard::AccessControl,
    name: "AccessControl",
    calls: &[
        CallKind::new("grantRole(bytes32 role, address account)", |call| {
            role(call, PowerKind::RoleGrant)
        }),
        CallKind::new("revokeRole(bytes32 role, address account)", |call| {
            role(call, PowerKind::RoleRevocation)
        }),
        CallKind::new("renounceRole(bytes32 role, address account)", |call| {
            role(call, PowerKind::RoleRevocation)
        }),
        CallKind::new("beginDefaultAdminTransfer(address newAdmin)", |call| {
            call.add_power_for(PowerKind::Ownership, "newAdmin")
        }),
        CallKind::new("acceptDefaultAdminTransfer()", |call| {
            call.add_power(PowerKind::Ownership, Some(call.sender()), None);
            Some(())
        }),
        CallKind::new("cancelDefaultAdminTransfer()", |call| {
            call.add_setting(None)
        }),
        CallKind::new("changeDefaultAdminDelay(uint48 newDelay)", |call| {
            call.add_setting(None)
        }),
        CallKind::new("rollbackDefaultAdminDelay()", |call| call.add_setting(None)),
    ],
    typed: &[],
    events: &[],
};

fn role(call: &mut CallReader<'_>, kind: PowerKind) -> Option<()> {
    let (role, account) = (call.word("role")?, call.account("account")?);
    call.add_power(kind, Some(account), Some(role));
    Some(())
}
