//! Standards of contracts, and the functions by which an interface shows them.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use strum::VariantArray as _;

/// A standard that a contract implements.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Standard {
    Erc20,
    Erc721,
    Erc1155,
}

/// The functions that every contract with the standard has.
fn required(standard: Standard) -> &'static [&'static str] {
    match standard {
        Standard::Erc20 => &[
            "totalSupply()",
            "balanceOf(address)",
            "transfer(address,uint256)",
            "transferFrom(address,address,uint256)",
            "approve(address,uint256)",
            "allowance(address,address)",
        ],
        Standard::Erc721 => &[
            "balanceOf(address)",
            "ownerOf(uint256)",
            "transferFrom(address,address,uint256)",
            "safeTransferFrom(address,address,uint256)",
            "safeTransferFrom(address,address,uint256,bytes)",
            "approve(address,uint256)",
            "setApprovalForAll(address,bool)",
        ],
        Standard::Erc1155 => &[
            "balanceOf(address,uint256)",
            "safeTransferFrom(address,address,uint256,uint256,bytes)",
            "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
            "setApprovalForAll(address,bool)",
        ],
    }
}

/// Standards that no contract has both: they give one selector two meanings.
const CONTRADICTIONS: &[(Standard, Standard)] = &[(Standard::Erc20, Standard::Erc721)];

/// The standards whose functions are all there. Error: `contracts.invalid_field` if they contradict
/// each other.
pub(crate) fn proposed(functions: &BTreeSet<String>) -> Result<BTreeSet<Standard>> {
    let all = Standard::VARIANTS.iter().copied();
    let standards = all
        .filter(|standard| missing(*standard, functions).is_none())
        .collect();
    check_contradictions(&standards)?;
    Ok(standards)
}

/// Checks that given standards do not contradict each other, or the interface if there is one.
/// Error: `contracts.invalid_field`.
pub(crate) fn check(
    standards: &BTreeSet<Standard>,
    functions: Option<&BTreeSet<String>>,
) -> Result<()> {
    check_contradictions(standards)?;
    let Some(functions) = functions else {
        return Ok(());
    };
    for standard in standards {
        if let Some(missing) = missing(*standard, functions) {
            let name: &str = standard.into();
            return Err(invalid(format!(
                "{name} requires {missing}, which the interface lacks"
            )));
        }
    }
    Ok(())
}

fn check_contradictions(standards: &BTreeSet<Standard>) -> Result<()> {
    let is_in = |(a, b): &&(Standard, Standard)| standards.contains(a) && standards.contains(b);
    match CONTRADICTIONS.iter().find(is_in) {
        None => Ok(()),
        Some((a, b)) => {
            let (a, b): (&str, &str) = (a.into(), b.into());
            let reason = format!("{a} and {b} give one function two meanings: name the right one");
            Err(invalid(reason))
        }
    }
}

/// The first function of a standard that is not there.
fn missing(standard: Standard, functions: &BTreeSet<String>) -> Option<&'static str> {
    let mut required = required(standard).iter().copied();
    required.find(|function| !functions.contains(*function))
}

fn invalid(reason: String) -> Error {
    Error::invalid("standards", reason)
}
