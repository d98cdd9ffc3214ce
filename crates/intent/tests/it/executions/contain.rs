//! Whether declared effects contain what changed.

use super::facts::{Change, What};
use alloy_primitives::U256;
use intent::{AssetRef, Effects, Grant, Move, Power, PowerKind};
use types::Amount;

/// What the effects lack for a change; `None` if they contain it. If they are not exact, more may be
/// declared than happened.
pub(crate) fn missing(effects: &Effects, change: &Change, is_exact: bool) -> Option<String> {
    let contract = &change.contract;
    let contained = match &change.what {
        What::Balance { account, id } => contains_balance(effects, change, account, *id, is_exact),
        What::Allowance {
            owner,
            spender,
            id,
            token,
        } => {
            let token = token.as_ref().unwrap_or(contract);
            contains_allowance(effects, change, token, owner, spender, *id)
        }
        What::Operator { owner, spender } => contains_operator(effects, change, owner, spender),
        What::Role { account, role } => {
            let kind = if change.after.is_zero() {
                PowerKind::RoleRevocation
            } else {
                PowerKind::RoleGrant
            };
            let names = |power: &&Power| match (role, &power.role) {
                (Some(role), Some(text)) => text.trim_start_matches("0x") == hex::encode(role),
                _ => true,
            };
            powers(effects, contract)
                .filter(names)
                .any(|power| power.kind == kind && power.to.as_ref().is_none_or(|to| to == account))
        }
        What::Power {
            kinds,
            subject,
            function,
        } => {
            // What a minter creates is taken from what he may create.
            let is_used = function == "minterAllowance(address)" && change.after < change.before;
            let is_mint = is_used && moves(effects, contract, None).next().is_some();
            is_mint || contains_power(effects, contract, kinds, subject)
        }
        What::Storage => effects.contracts().contains(contract.as_str()),
    };
    (!contained).then(|| text(change))
}

fn text(change: &Change) -> String {
    let contract = if change.contract.is_empty() {
        "native"
    } else {
        &change.contract
    };
    let (before, after) = (change.before, change.after);
    format!("{contract}: {:?} from {before} to {after}", change.what)
}

fn powers<'a>(effects: &'a Effects, contract: &str) -> impl Iterator<Item = &'a Power> {
    let contract = contract.to_owned();
    effects
        .powers
        .iter()
        .filter(move |power| power.contract == contract)
}

fn contains_power(
    effects: &Effects,
    contract: &str,
    kinds: &[PowerKind],
    subject: &Option<String>,
) -> bool {
    let is_creation = kinds.contains(&PowerKind::Deployment);
    let fits = |power: &Power| {
        // Another storage changes every identity.
        let is_of_all = power.role.as_deref() == Some("setIdentityRegistryStorage");
        let is_named = is_of_all || power.to.is_none() || subject.is_none() || power.to == *subject;
        kinds.contains(&power.kind)
            && match power.kind {
                // The identity moves in the registry, and what is frozen with the tokens.
                PowerKind::Recovery => true,
                PowerKind::ForcedTransfer => power.contract == contract,
                PowerKind::Deployment => true,
                _ => power.contract == contract && is_named,
            }
    };
    effects.powers.iter().any(fits) || (is_creation && effects.deploys.is_some())
}

/// The moves of an asset; `id` is `None` for a fungible token.
fn moves<'a>(
    effects: &'a Effects,
    contract: &str,
    id: Option<U256>,
) -> impl Iterator<Item = &'a Move> {
    let contract = contract.to_owned();
    effects
        .moves
        .iter()
        .filter(move |item| is_asset(&item.asset, &contract, id))
}

fn is_asset(asset: &AssetRef, contract: &str, id: Option<U256>) -> bool {
    match asset {
        AssetRef::Native => contract.is_empty(),
        AssetRef::Token {
            contract: token,
            token_id,
        } => {
            let named = token_id.is_none_or(|named| id.is_none_or(|id| number(named) == id));
            token == contract && named
        }
    }
}

fn number(amount: Amount) -> U256 {
    U256::from_be_bytes(amount.to_be_bytes())
}

fn contains_balance(
    effects: &Effects,
    change: &Change,
    account: &str,
    id: Option<U256>,
    is_exact: bool,
) -> bool {
    let side = |of: fn(&Move) -> &String| {
        let moves = moves(effects, &change.contract, id);
        total(moves.filter(|item| of(item) == account || of(item).is_empty()))
    };
    let (incoming, is_incoming_known) = side(|item| &item.to);
    let (outgoing, is_outgoing_known) = side(|item| &item.from);
    let expected = change.before.wrapping_add(incoming);
    let found = change.after.wrapping_add(outgoing);
    if !is_exact {
        let most = expected >= change.after;
        return most && found >= change.before;
    }
    match (is_incoming_known, is_outgoing_known) {
        (true, true) => expected == found,
        (false, true) => found >= expected,
        (true, false) => found <= expected,
        (false, false) => true,
    }
}

/// The sum, and whether every amount is known: declared, of an account that is shown, and of a
/// token that is named.
fn total<'a>(moves: impl Iterator<Item = &'a Move>) -> (U256, bool) {
    moves.fold((U256::ZERO, true), |(sum, known), item| match item.amount {
        Some(amount) if !item.from.is_empty() && !item.to.is_empty() => {
            (sum.wrapping_add(number(amount)), known)
        }
        _ => (sum, false),
    })
}

fn grants<'a>(
    effects: &'a Effects,
    contract: &str,
    id: Option<U256>,
) -> impl Iterator<Item = &'a Grant> {
    let contract = contract.to_owned();
    let is_of = move |grant: &&Grant| {
        grant
            .asset
            .as_ref()
            .is_none_or(|asset| is_asset(asset, &contract, id))
    };
    effects.grants.iter().filter(is_of)
}

fn contains_allowance(
    effects: &Effects,
    change: &Change,
    token: &str,
    owner: &str,
    spender: &str,
    id: Option<U256>,
) -> bool {
    let granted = grants(effects, token, id).any(|grant| {
        // What is granted may add to what was granted before.
        let added = change.after.saturating_sub(change.before);
        let enough = grant
            .amount
            .is_none_or(|amount| id.is_some() || number(amount) >= added);
        let is_owner = owner.is_empty() || grant.owner == owner;
        grant.to == spender && is_owner && enough
    });
    let is_less = change.after < change.before || (id.is_some() && change.after.is_zero());
    let used = moves(effects, token, id).any(|item| owner.is_empty() || item.from == owner);
    granted || (is_less && (used || is_revoked(effects, &change.contract, spender)))
}

fn contains_operator(effects: &Effects, change: &Change, owner: &str, spender: &str) -> bool {
    let granted = grants(effects, &change.contract, None)
        .any(|grant| grant.to == spender && grant.owner == owner && grant.amount.is_none());
    match change.after.is_zero() {
        true => is_revoked(effects, &change.contract, spender),
        false => granted,
    }
}

/// A right that ends is a power.
fn is_revoked(effects: &Effects, contract: &str, spender: &str) -> bool {
    powers(effects, contract).any(|power| {
        let is_spender = power.to.as_deref().is_none_or(|to| to == spender);
        power.kind == PowerKind::GrantRevocation && is_spender
    })
}

/// Declared moves of known amounts between different accounts whose asset did not change at all.
pub(crate) fn unhappened(effects: &Effects, changes: &[Change]) -> Vec<String> {
    let happened = |item: &&Move| {
        let is_nothing = item.amount.is_none_or(Amount::is_zero) || item.from == item.to;
        // What is scheduled happens later.
        let is_later = effects
            .powers
            .iter()
            .any(|power| power.kind == PowerKind::Schedule);
        is_nothing || is_later || changes.iter().any(|change| is_balance_of(change, item))
    };
    let moves = effects.moves.iter().filter(|item| !happened(item));
    moves
        .map(|item| format!("declared and not happened: {item:?}"))
        .collect()
}

fn is_balance_of(change: &Change, item: &Move) -> bool {
    match &change.what {
        What::Balance { account, id } => {
            is_asset(&item.asset, &change.contract, *id)
                && (*account == item.from || *account == item.to || item.from.is_empty())
        }
        _ => false,
    }
}
