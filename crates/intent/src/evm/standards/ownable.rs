//! `Ownable` and `Ownable2Step` of OpenZeppelin.

use super::Declaration;
use super::call::{CallKind, ZERO_ACCOUNT};
use crate::{PowerKind, Standard};

pub(super) static OWNABLE: Declaration = Declaration {
    standard: Standard::Ownable,
    name: "Ownable",
    calls: &[
        CallKind::new("transferOwnership(address newOwner)", |call| {
            call.add_power_for(PowerKind::Ownership, "newOwner")
        }),
        CallKind::new("renounceOwnership()", |call| {
            call.add_power(PowerKind::Ownership, Some(ZERO_ACCOUNT.to_owned()), None);
            Some(())
        }),
        CallKind::new("acceptOwnership()", |call| {
            call.add_power(PowerKind::Ownership, Some(call.sender()), None);
            Some(())
        }),
    ],
    typed: &[],
    events: &[],
};
