//! `Pausable` of OpenZeppelin.

use super::Declaration;
use super::call::CallKind;
use crate::{PowerKind, Standard};

pub(super) static PAUSABLE: Declaration = Declaration {
    standard: Standard::Pausable,
    name: "Pausable",
    calls: &[
        CallKind::new("pause()", |call| {
            call.add_power(PowerKind::Pause, None, None);
            Some(())
        }),
        CallKind::new("unpause()", |call| {
            call.add_power(PowerKind::Unpause, None, None);
            Some(())
        }),
    ],
    typed: &[],
    events: &[],
};
