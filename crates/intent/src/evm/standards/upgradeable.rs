//! Proxies whose code is replaced by a call: of themselves (UUPS, transparent), or of their
//! administrator. Data for the new code is not read.

use super::Declaration;
use super::call::{CallKind, CallReader};
use crate::{IncompleteCode, PowerKind, Standard};

pub(super) static UPGRADEABLE: Declaration = Declaration {
    standard: Standard::Upgradeable,
    name: "Upgradeable",
    calls: &[
        CallKind::new("upgradeTo(address newImplementation)", upgrade),
        CallKind::new(
            "upgradeToAndCall(address newImplementation, bytes data)",
            |call| {
                upgrade(call)?;
                require_no_call(call)
            },
        ),
        CallKind::new("changeAdmin(address newAdmin)", |call| {
            call.add_power_for(PowerKind::Ownership, "newAdmin")
        }),
    ],
    typed: &[],
    events: &[],
};

pub(super) static PROXY_ADMIN: Declaration = Declaration {
    standard: Standard::ProxyAdmin,
    name: "ProxyAdmin",
    calls: &[
        CallKind::new("upgrade(address proxy, address implementation)", |call| {
            over_proxy(call, PowerKind::Upgrade, "implementation")
        }),
        CallKind::new(
            "upgradeAndCall(address proxy, address implementation, bytes data)",
            |call| {
                over_proxy(call, PowerKind::Upgrade, "implementation")?;
                require_no_call(call)
            },
        ),
        CallKind::new(
            "changeProxyAdmin(address proxy, address newAdmin)",
            |call| over_proxy(call, PowerKind::Ownership, "newAdmin"),
        ),
    ],
    typed: &[],
    events: &[],
};

fn upgrade(call: &mut CallReader<'_>) -> Option<()> {
    call.add_power_for(PowerKind::Upgrade, "newImplementation")
}

fn over_proxy(call: &mut CallReader<'_>, kind: PowerKind, to: &str) -> Option<()> {
    let (proxy, to) = (call.account("proxy")?, call.account(to)?);
    call.add_power_over(proxy, kind, Some(to), None, None);
    Some(())
}

fn require_no_call(call: &mut CallReader<'_>) -> Option<()> {
    if !call.bytes("data")?.is_empty() {
        let why = "the proxy runs the new code with the data";
        call.add_incomplete(IncompleteCode::DelegateCall, why);
    }
    Some(())
}
