//! The functions by which an interface shows the standards of a contract.

use crate::{Error, Result};
use intent::Standard;
use std::collections::BTreeSet;

/// The functions that every contract with a standard has. A standard with several rows has those of
/// at least one. A standard without a row is one that functions do not show: it is only given.
const REQUIRED: &[(Standard, &[&str])] = &[
    (
        Standard::Erc20,
        &[
            "totalSupply()",
            "balanceOf(address)",
            "transfer(address,uint256)",
            "transferFrom(address,address,uint256)",
            "approve(address,uint256)",
            "allowance(address,address)",
        ],
    ),
    (
        Standard::Erc223,
        &[
            "balanceOf(address)",
            "transfer(address,uint256)",
            "transfer(address,uint256,bytes)",
        ],
    ),
    (
        Standard::Erc677,
        &[
            "transfer(address,uint256)",
            "transferAndCall(address,uint256,bytes)",
        ],
    ),
    (
        Standard::Erc777,
        &[
            "granularity()",
            "balanceOf(address)",
            "send(address,uint256,bytes)",
            "burn(uint256,bytes)",
            "operatorSend(address,address,uint256,bytes,bytes)",
            "operatorBurn(address,uint256,bytes,bytes)",
            "authorizeOperator(address)",
            "revokeOperator(address)",
        ],
    ),
    (
        Standard::Erc1363,
        &[
            "transferAndCall(address,uint256)",
            "transferAndCall(address,uint256,bytes)",
            "transferFromAndCall(address,address,uint256)",
            "transferFromAndCall(address,address,uint256,bytes)",
            "approveAndCall(address,uint256)",
            "approveAndCall(address,uint256,bytes)",
        ],
    ),
    (
        Standard::Erc2612,
        &[
            "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
            "nonces(address)",
            "DOMAIN_SEPARATOR()",
        ],
    ),
    (
        Standard::Erc3009,
        &[
            "authorizationState(address,bytes32)",
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
        ],
    ),
    (
        Standard::Erc721,
        &[
            "balanceOf(address)",
            "ownerOf(uint256)",
            "transferFrom(address,address,uint256)",
            "safeTransferFrom(address,address,uint256)",
            "safeTransferFrom(address,address,uint256,bytes)",
            "approve(address,uint256)",
            "setApprovalForAll(address,bool)",
        ],
    ),
    (
        Standard::Erc1155,
        &[
            "balanceOf(address,uint256)",
            "safeTransferFrom(address,address,uint256,uint256,bytes)",
            "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
            "setApprovalForAll(address,bool)",
        ],
    ),
    (
        Standard::Erc1400,
        &[
            "balanceOfByPartition(bytes32,address)",
            "transferByPartition(bytes32,address,uint256,bytes)",
            "operatorTransferByPartition(bytes32,address,address,uint256,bytes,bytes)",
        ],
    ),
    (
        Standard::Erc3643,
        &[
            "identityRegistry()",
            "compliance()",
            "forcedTransfer(address,address,uint256)",
            "freezePartialTokens(address,uint256)",
            "setAddressFrozen(address,bool)",
            "recoveryAddress(address,address,address)",
        ],
    ),
    (
        Standard::Erc3643Registry,
        &[
            "registerIdentity(address,address,uint16)",
            "deleteIdentity(address)",
            "isVerified(address)",
        ],
    ),
    (
        Standard::Erc3643Registry,
        &[
            "bindToken(address)",
            "unbindToken(address)",
            "canTransfer(address,address,uint256)",
        ],
    ),
    (
        Standard::Erc4626,
        &[
            "asset()",
            "totalAssets()",
            "deposit(uint256,address)",
            "mint(uint256,address)",
            "withdraw(uint256,address,address)",
            "redeem(uint256,address,address)",
        ],
    ),
    (
        Standard::Erc7943,
        &[
            "forcedTransfer(address,address,uint256)",
            "setFrozenTokens(address,uint256)",
            "getFrozenTokens(address)",
        ],
    ),
    (
        Standard::DaiPermit,
        &["permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)"],
    ),
    (Standard::Mintable, &["mint(address,uint256)"]),
    (Standard::Burnable, &["burn(uint256)"]),
    (Standard::Burnable, &["burn(address,uint256,uint256)"]),
    (
        Standard::FiatToken,
        &[
            "masterMinter()",
            "configureMinter(address,uint256)",
            "blacklist(address)",
            "unBlacklist(address)",
        ],
    ),
    (
        Standard::TetherToken,
        &[
            "issue(uint256)",
            "redeem(uint256)",
            "addBlackList(address)",
            "destroyBlackFunds(address)",
        ],
    ),
    (
        Standard::Ownable,
        &["owner()", "transferOwnership(address)"],
    ),
    (
        Standard::AccessControl,
        &[
            "hasRole(bytes32,address)",
            "getRoleAdmin(bytes32)",
            "grantRole(bytes32,address)",
            "revokeRole(bytes32,address)",
            "renounceRole(bytes32,address)",
        ],
    ),
    (Standard::Pausable, &["paused()", "pause()", "unpause()"]),
    (Standard::Upgradeable, &["upgradeToAndCall(address,bytes)"]),
    (Standard::Upgradeable, &["upgradeTo(address)"]),
    (
        Standard::ProxyAdmin,
        &["upgradeAndCall(address,address,bytes)"],
    ),
    (Standard::Multicall, &["multicall(bytes[])"]),
    (
        Standard::Multicall3,
        &[
            "aggregate3((address,bool,bytes)[])",
            "tryAggregate(bool,(address,bytes)[])",
        ],
    ),
    (
        Standard::Safe,
        &[
            "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
            "addOwnerWithThreshold(address,uint256)",
            "enableModule(address)",
        ],
    ),
    (Standard::MultiSend, &["multiSend(bytes)"]),
    (
        Standard::EntryPoint,
        &["handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)"],
    ),
    (
        Standard::EntryPoint,
        &[
            "handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)[],address)",
        ],
    ),
    (Standard::SmartAccount, &["execute(address,uint256,bytes)"]),
    (Standard::SmartAccount, &["execute(bytes32,bytes)"]),
    (
        Standard::Timelock,
        &[
            "schedule(address,uint256,bytes,bytes32,bytes32,uint256)",
            "execute(address,uint256,bytes,bytes32,bytes32)",
            "cancel(bytes32)",
        ],
    ),
    (
        Standard::Permit2,
        &[
            "approve(address,address,uint160,uint48)",
            "transferFrom(address,address,uint160,address)",
        ],
    ),
    (
        Standard::Forwarder,
        &["execute((address,address,uint256,uint256,uint48,bytes,bytes))"],
    ),
    (
        Standard::Forwarder,
        &["execute((address,address,uint256,uint256,uint256,bytes),bytes)"],
    ),
];

/// The standards of tokens whose `transferFrom` and `approve` name an amount. Those of ERC-721 name
/// a token, so no contract has both.
const FUNGIBLE: &[Standard] = &[
    Standard::Erc20,
    Standard::Erc223,
    Standard::Erc677,
    Standard::Erc1363,
    Standard::Erc3643,
    Standard::Erc4626,
    Standard::Weth,
    Standard::FiatToken,
    Standard::TetherToken,
];

/// The name of a standard in requests and responses.
pub(crate) fn name(standard: Standard) -> String {
    let json = serde_json::to_value(standard).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

/// The standards whose functions are all there. Error: `contracts.invalid_field` if they contradict
/// each other.
pub(crate) fn proposed(functions: &BTreeSet<String>) -> Result<BTreeSet<Standard>> {
    let standards = shown_standards(functions);
    check_contradictions(&standards)?;
    Ok(standards)
}

/// The standards whose functions are all there, also if they contradict each other.
pub fn shown_standards(functions: &BTreeSet<String>) -> BTreeSet<Standard> {
    let has_all =
        |(_, required): &&(_, &[&str])| required.iter().all(|one| functions.contains(*one));
    let standards = REQUIRED.iter().filter(has_all);
    standards.map(|(standard, _)| *standard).collect()
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
            let name = name(*standard);
            return Err(invalid(format!(
                "{name} requires {missing}, which the interface lacks"
            )));
        }
    }
    Ok(())
}

fn check_contradictions(standards: &BTreeSet<Standard>) -> Result<()> {
    let mut fungible = FUNGIBLE.iter().filter(|one| standards.contains(one));
    match fungible.next() {
        Some(fungible) if standards.contains(&Standard::Erc721) => Err(invalid(format!(
            "{} and erc721 give transferFrom two meanings: name the right one",
            name(*fungible)
        ))),
        _ => Ok(()),
    }
}

/// A function of a standard that is not there; none if all those of a row are.
fn missing(standard: Standard, functions: &BTreeSet<String>) -> Option<&'static str> {
    let rows = REQUIRED.iter().filter(|(of, _)| *of == standard);
    let mut missing = None;
    for (_, required) in rows {
        let mut absent = required.iter().filter(|one| !functions.contains(**one));
        match absent.next() {
            None => return None,
            Some(absent) => missing = missing.or(Some(*absent)),
        }
    }
    missing
}

fn invalid(reason: String) -> Error {
    Error::invalid("standards", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions(standards: &[Standard]) -> BTreeSet<String> {
        let rows = REQUIRED.iter().filter(|(of, _)| standards.contains(of));
        let functions = rows.flat_map(|(_, required)| required.iter());
        functions.map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn each_row_shows_its_standard_and_each_function_of_it_counts() {
        for (standard, required) in REQUIRED {
            let all: BTreeSet<String> = required.iter().map(|one| (*one).to_owned()).collect();
            assert!(
                proposed(&all).is_ok_and(|shown| shown.contains(standard)),
                "{standard:?}"
            );
            let only = BTreeSet::from([*standard]);
            assert_eq!(check(&only, Some(&all)), Ok(()));
            for function in &all {
                let mut fewer = all.clone();
                fewer.remove(function);
                let shown = proposed(&fewer).unwrap();
                assert!(!shown.contains(standard), "{standard:?} without {function}");
                assert!(check(&only, Some(&fewer)).is_err());
            }
        }
    }

    #[test]
    fn every_signature_is_one_of_an_abi() {
        for (standard, required) in REQUIRED {
            for signature in *required {
                let (name, inputs) = signature.split_once('(').unwrap();
                assert!(!name.is_empty() && inputs.ends_with(')'), "{standard:?}");
                let is_canonical = !signature.contains([' ', ';']) && !inputs.contains("uint,");
                assert!(is_canonical, "{signature}");
            }
        }
    }

    #[test]
    fn an_amount_and_a_token_are_never_both_meant() {
        for fungible in FUNGIBLE {
            let both = BTreeSet::from([*fungible, Standard::Erc721]);
            assert!(check(&both, None).is_err(), "{fungible:?}");
        }
        let both = functions(&[Standard::Erc20, Standard::Erc721]);
        assert!(proposed(&both).is_err());
        let items = BTreeSet::from([Standard::Erc721, Standard::Erc1155, Standard::Ownable]);
        assert_eq!(check(&items, None), Ok(()));
    }
}
