//! ERC-3643 (T-REX): permissioned tokens, and their registries and compliance rules.

use super::Declaration;
use super::call::{CallKind, CallReader, token};
use super::erc7943::forced_transfer;
use super::mintable::mint;
use crate::{IncompleteCode, PowerKind, Standard};
use types::Amount;

pub(super) static ERC3643: Declaration = Declaration {
    standard: Standard::Erc3643,
    name: "ERC-3643",
    calls: &[
        CallKind::new("mint(address to, uint256 value)", mint),
        CallKind::new("burn(address account, uint256 value)", |call| {
            let (from, value) = (call.account("account")?, call.amount("value")?);
            call.add_power_of(PowerKind::ForcedTransfer, from.clone(), Some(value))?;
            call.add_burn(from, value)
        }),
        CallKind::new(
            "forcedTransfer(address from, address to, uint256 value)",
            forced_transfer,
        ),
        CallKind::new(
            "recoveryAddress(address lostWallet, address newWallet, address investorOnchainID)",
            |call| {
                let (from, to) = (call.account("lostWallet")?, call.account("newWallet")?);
                call.add_power_of(PowerKind::Recovery, to.clone(), None)?;
                call.add_move_of(token(call.contract, None), from, to, None);
                Some(())
            },
        ),
        CallKind::new("batchTransfer(address[] tos, uint256[] values)", |call| {
            each(call, "tos", |call, to, value| call.add_payment(to, value))
        }),
        CallKind::new("batchMint(address[] tos, uint256[] values)", |call| {
            each(call, "tos", |call, to, value| call.add_mint(to, value))
        }),
        CallKind::new("batchBurn(address[] accounts, uint256[] values)", |call| {
            each(call, "accounts", |call, from, value| {
                call.add_power_of(PowerKind::ForcedTransfer, from.clone(), Some(value))?;
                call.add_burn(from, value)
            })
        }),
        CallKind::new(
            "batchForcedTransfer(address[] froms, address[] tos, uint256[] values)",
            batch_forced_transfer,
        ),
        CallKind::new("setAddressFrozen(address account, bool frozen)", |call| {
            let (account, frozen) = (call.account("account")?, call.flag("frozen")?);
            call.add_power_of(freeze_kind(frozen), account, None)
        }),
        CallKind::new(
            "batchSetAddressFrozen(address[] accounts, bool[] values)",
            |call| {
                each(call, "accounts", |call, account, frozen| {
                    call.add_power_of(freeze_kind(!frozen.is_zero()), account, None)
                })
            },
        ),
        CallKind::new(
            "freezePartialTokens(address account, uint256 value)",
            |call| {
                let (account, value) = (call.account("account")?, call.amount("value")?);
                call.add_power_of(PowerKind::Freeze, account, Some(value))
            },
        ),
        CallKind::new(
            "unfreezePartialTokens(address account, uint256 value)",
            |call| {
                let (account, value) = (call.account("account")?, call.amount("value")?);
                call.add_power_of(PowerKind::Unfreeze, account, Some(value))
            },
        ),
        CallKind::new(
            "batchFreezePartialTokens(address[] accounts, uint256[] values)",
            |call| {
                each(call, "accounts", |call, account, value| {
                    call.add_power_of(PowerKind::Freeze, account, Some(value))
                })
            },
        ),
        CallKind::new(
            "batchUnfreezePartialTokens(address[] accounts, uint256[] values)",
            |call| {
                each(call, "accounts", |call, account, value| {
                    call.add_power_of(PowerKind::Unfreeze, account, Some(value))
                })
            },
        ),
        CallKind::new("addAgent(address agent)", |call| {
            agent(call, PowerKind::RoleGrant)
        }),
        CallKind::new("removeAgent(address agent)", |call| {
            agent(call, PowerKind::RoleRevocation)
        }),
        CallKind::new("setName(string name)", |call| call.add_setting(None)),
        CallKind::new("setSymbol(string symbol)", |call| call.add_setting(None)),
        CallKind::new("setOnchainID(address onchainID)", |call| {
            call.add_setting(Some("onchainID"))
        }),
        CallKind::new("setIdentityRegistry(address identityRegistry)", |call| {
            call.add_setting(Some("identityRegistry"))
        }),
        CallKind::new("setCompliance(address compliance)", |call| {
            call.add_setting(Some("compliance"))
        }),
    ],
    typed: &[],
    events: &[],
};

pub(super) static ERC3643_REGISTRY: Declaration = Declaration {
    standard: Standard::Erc3643Registry,
    name: "ERC-3643 registry",
    calls: &[
        CallKind::new(
            "registerIdentity(address account, address identity, uint16 country)",
            |call| call.add_setting(Some("account")),
        ),
        CallKind::new(
            "updateIdentity(address account, address identity)",
            |call| call.add_setting(Some("account")),
        ),
        CallKind::new("updateCountry(address account, uint16 country)", |call| {
            call.add_setting(Some("account"))
        }),
        CallKind::new("deleteIdentity(address account)", |call| {
            call.add_setting(Some("account"))
        }),
        CallKind::new(
            "setIdentityRegistryStorage(address registryStorage)",
            |call| call.add_setting(Some("registryStorage")),
        ),
        CallKind::new("setClaimTopicsRegistry(address registry)", |call| {
            call.add_setting(Some("registry"))
        }),
        CallKind::new("setTrustedIssuersRegistry(address registry)", |call| {
            call.add_setting(Some("registry"))
        }),
        CallKind::new(
            "addTrustedIssuer(address issuer, uint256[] claimTopics)",
            |call| call.add_setting(Some("issuer")),
        ),
        CallKind::new("removeTrustedIssuer(address issuer)", |call| {
            call.add_setting(Some("issuer"))
        }),
        CallKind::new(
            "updateIssuerClaimTopics(address issuer, uint256[] claimTopics)",
            |call| call.add_setting(Some("issuer")),
        ),
        CallKind::new("addClaimTopic(uint256 claimTopic)", |call| {
            call.add_setting(None)
        }),
        CallKind::new("removeClaimTopic(uint256 claimTopic)", |call| {
            call.add_setting(None)
        }),
        CallKind::new("bindToken(address token)", |call| {
            call.add_setting(Some("token"))
        }),
        CallKind::new("unbindToken(address token)", |call| {
            call.add_setting(Some("token"))
        }),
        CallKind::new("bindIdentityRegistry(address registry)", |call| {
            let (registry, role) = (call.account("registry")?, "agent".to_owned());
            call.add_power(PowerKind::RoleGrant, Some(registry), Some(role));
            call.add_setting(Some("registry"))
        }),
        CallKind::new("unbindIdentityRegistry(address registry)", |call| {
            let (registry, role) = (call.account("registry")?, "agent".to_owned());
            call.add_power(PowerKind::RoleRevocation, Some(registry), Some(role));
            call.add_setting(Some("registry"))
        }),
        CallKind::new("addModule(address module)", |call| {
            call.add_setting(Some("module"))
        }),
        CallKind::new("removeModule(address module)", |call| {
            call.add_setting(Some("module"))
        }),
        CallKind::new(
            "batchRegisterIdentity(address[] accounts, address[] identities, uint16[] countries)",
            |call| {
                for account in call.accounts("accounts")? {
                    let role = Some(call.entry.name.clone());
                    call.add_power(PowerKind::Configuration, Some(account), role);
                }
                Some(())
            },
        ),
        CallKind::new(
            "callModuleFunction(bytes callData, address module)",
            |call| {
                let data = call.bytes("callData")?.to_vec();
                call.add_call(call.account("module")?, Amount::ZERO, data);
                call.add_setting(Some("module"))
            },
        ),
        CallKind::new("addAgent(address agent)", |call| {
            agent(call, PowerKind::RoleGrant)
        }),
        CallKind::new("removeAgent(address agent)", |call| {
            agent(call, PowerKind::RoleRevocation)
        }),
    ],
    typed: &[],
    events: &[],
};

/// What a batch does for one account and its value.
type Each = fn(&mut CallReader<'_>, String, Amount) -> Option<()>;

/// Does the same for each account and its value in `values`.
fn each(call: &mut CallReader<'_>, accounts: &str, effect: Each) -> Option<()> {
    let (accounts, values) = (call.accounts(accounts)?, call.amounts("values")?);
    if accounts.len() != values.len() {
        let why = "the lists differ in length";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    let mut pairs = accounts.into_iter().zip(values);
    pairs.try_for_each(|(account, value)| effect(call, account, value))
}

fn batch_forced_transfer(call: &mut CallReader<'_>) -> Option<()> {
    let (froms, tos) = (call.accounts("froms")?, call.accounts("tos")?);
    let values = call.amounts("values")?;
    if froms.len() != tos.len() || tos.len() != values.len() {
        let why = "the lists differ in length";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    for (from, (to, value)) in froms.into_iter().zip(tos.into_iter().zip(values)) {
        call.add_power_of(PowerKind::ForcedTransfer, from.clone(), Some(value))?;
        call.add_move(None, from, to, value)?;
    }
    Some(())
}

fn freeze_kind(frozen: bool) -> PowerKind {
    if frozen {
        PowerKind::Freeze
    } else {
        PowerKind::Unfreeze
    }
}

fn agent(call: &mut CallReader<'_>, kind: PowerKind) -> Option<()> {
    let account = call.account("agent")?;
    call.add_power(kind, Some(account), Some("agent".to_owned()));
    Some(())
}
