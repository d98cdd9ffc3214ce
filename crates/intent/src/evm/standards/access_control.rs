//! `AccessControl` of OpenZeppelin, and its rules for the default administrator.

use super::Declaration;
use super::call::{CallKind, CallReader};
use crate::{PowerKind, Standard};

/// `DEFAULT_ADMIN_ROLE`.
const DEFAULT_ADMIN: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

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
            let (admin, role) = (Some(call.sender()), Some(DEFAULT_ADMIN.to_owned()));
            call.add_power(PowerKind::Ownership, admin.clone(), None);
            call.add_power(PowerKind::RoleGrant, admin, role.clone());
            call.add_power(PowerKind::RoleRevocation, None, role);
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
