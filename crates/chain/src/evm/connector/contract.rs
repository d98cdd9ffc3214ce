//! What the chain says of a contract at a block: its code, the implementation it delegates to, and
//! the constants of a token.

use super::Evm;
use super::revert;
use crate::evm::numerals::{Bytes, Hex, Word, show_bytes};
use crate::evm::rpc::{Call, Failure, Reply};
use crate::{BlockRef, ContractState, Error, Implementation, ProxyKind, Result};
use alloy_primitives::keccak256;
use serde_json::{Value, json};

/// Storage slots that hold an implementation's address, in the order of reading: EIP-1967, its
/// predecessor in ZeppelinOS (USDC), and EIP-1822.
const IMPLEMENTATION_SLOTS: [(ProxyKind, &str); 3] = [
    (
        ProxyKind::Eip1967,
        "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc",
    ),
    (
        ProxyKind::ZeppelinOs,
        "0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3",
    ),
    (
        ProxyKind::Eip1822,
        "0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7",
    ),
];
/// The storage slot that holds the address of a beacon (EIP-1967).
const BEACON_SLOT: &str = "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50";

/// Selectors of what is read by a call.
const IMPLEMENTATION: &str = "0x5c60da1b"; // implementation()
const DECIMALS: &str = "0x313ce567"; // decimals()
const SYMBOL: &str = "0x95d89b41"; // symbol()
const ASSET: &str = "0x38d52e0f"; // asset(), ERC-4626

/// The code of a minimal proxy around the address of its target (EIP-1167).
const MINIMAL_PROXY: (&[u8], &[u8]) = (
    &[0x36, 0x3d, 0x3d, 0x37, 0x3d, 0x3d, 0x3d, 0x36, 0x3d, 0x73],
    &[
        0x5a, 0xf4, 0x3d, 0x82, 0x80, 0x3e, 0x90, 0x3d, 0x91, 0x60, 0x2b, 0x57, 0xfd, 0x5b, 0xf3,
    ],
);
/// What the code of an account that delegates to a contract begins with (EIP-7702).
const DELEGATION: &[u8] = &[0xef, 0x01, 0x00];

/// The longest symbol that is kept, in bytes.
const MAX_SYMBOL: usize = 64;

impl Evm {
    /// Reads a contract at a block. `None` if the address has no code there.
    pub(super) async fn contract_at(
        &self,
        address: &str,
        at: &BlockRef,
    ) -> Result<Option<ContractState>> {
        // EIP-1898, as in `call_contract`.
        let block = json!({"blockHash": at.hash});
        let Some(contract) = self.read_contract(address, &block).await? else {
            return Ok(None);
        };
        let implementation = match contract.target {
            None => None,
            Some((kind, address)) => Some(self.implementation(kind, address, &block).await?),
        };
        Ok(Some(ContractState {
            height: at.height,
            code_hash: contract.code_hash,
            implementation,
            decimals: contract.decimals,
            symbol: contract.symbol,
            underlying: contract.underlying,
        }))
    }

    async fn read_contract(&self, address: &str, block: &Value) -> Result<Option<Contract>> {
        let slots = IMPLEMENTATION_SLOTS.iter().map(|(_, slot)| *slot);
        let slots = slots.chain([BEACON_SLOT]);
        let mut calls = vec![get_code(address, block)];
        calls.extend(slots.map(|slot| {
            let params = json!([address, slot, block]);
            Call::new("eth_getStorageAt", params)
        }));
        calls.extend([DECIMALS, SYMBOL, ASSET].map(|data| call(address, data, block)));
        let mut replies = self.request_all(calls).await?.into_iter();
        let mut next = || replies.next().ok_or_else(|| self.missing_answer());
        let Hex(code): Bytes = self.parse(next()?)?;
        let mut target = None;
        for (kind, _) in IMPLEMENTATION_SLOTS {
            let found = address_in(self.parse(next()?)?).map(|address| (kind, address));
            target = target.or(found);
        }
        let beacon = address_in(self.parse(next()?)?).map(|beacon| (ProxyKind::Beacon, beacon));
        let decimals = self.returned(next()?)?.as_deref().and_then(small_number);
        let symbol = self.returned(next()?)?.as_deref().and_then(short_text);
        let underlying = self.returned(next()?)?.as_deref().and_then(address_word);
        if code.is_empty() {
            return Ok(None);
        }
        Ok(Some(Contract {
            target: target.or(beacon).or_else(|| target_in_code(&code)),
            code_hash: hash(&code),
            decimals,
            symbol,
            underlying,
        }))
    }

    /// The implementation that a contract delegates to; through its beacon if it has one.
    async fn implementation(
        &self,
        kind: ProxyKind,
        target: String,
        block: &Value,
    ) -> Result<Implementation> {
        let address = match kind {
            ProxyKind::Beacon => self.beacon_implementation(&target, block).await?,
            _ => target,
        };
        let call = get_code(&address, block);
        let reply = self.request_all(vec![call]).await?.pop();
        let Hex(code): Bytes = self.parse(reply.ok_or_else(|| self.missing_answer())?)?;
        Ok(Implementation {
            kind,
            code_hash: hash(&code),
            address,
        })
    }

    async fn beacon_implementation(&self, beacon: &str, block: &Value) -> Result<String> {
        let call = json!({"to": beacon, "data": IMPLEMENTATION});
        let returned = self.execute(call, block.clone(), None).await?;
        let none = || self.invalid_response(format!("the beacon {beacon} names no implementation"));
        address_word(&returned).ok_or_else(none)
    }

    /// What a call returned; none if the contract has no such function.
    fn returned(&self, reply: Reply) -> Result<Option<Vec<u8>>> {
        match reply {
            Err(Failure::RpcError(error)) => match revert::error(&self.chain, None, &error) {
                Error::ExecutionReverted { .. } => Ok(None),
                error => Err(error),
            },
            reply => {
                let Hex(data): Bytes = self.parse(reply)?;
                Ok(Some(data).filter(|data| !revert::is_revert_data(data)))
            }
        }
    }

    fn missing_answer(&self) -> Error {
        self.invalid_response("a call has no answer")
    }
}

/// What one round of reading shows.
struct Contract {
    code_hash: String,
    target: Option<(ProxyKind, String)>,
    decimals: Option<u8>,
    symbol: Option<String>,
    underlying: Option<String>,
}

fn get_code(address: &str, block: &Value) -> Call {
    Call::new("eth_getCode", json!([address, block]))
}

fn call(to: &str, data: &str, block: &Value) -> Call {
    Call::new("eth_call", json!([{"to": to, "data": data}, block]))
}

fn hash(code: &[u8]) -> String {
    show_bytes(keccak256(code))
}

/// The address in a storage slot. A slot that is empty, or holds something else, has none.
fn address_in(Hex(word): Word) -> Option<String> {
    address_word(&word)
}

/// One word that is an address other than zero.
fn address_word(word: &[u8]) -> Option<String> {
    let (padding, address) = word.split_at_checked(12)?;
    let is_address =
        address.len() == 20 && padding.iter().all(|byte| *byte == 0) && address != [0; 20];
    is_address.then(|| show_bytes(address))
}

/// The target that the code itself names.
fn target_in_code(code: &[u8]) -> Option<(ProxyKind, String)> {
    let (prefix, suffix) = MINIMAL_PROXY;
    let minimal = code
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_suffix(suffix))
        .map(|target| (ProxyKind::Eip1167, target));
    let delegated = code
        .strip_prefix(DELEGATION)
        .map(|target| (ProxyKind::Eip7702, target));
    let (kind, target) = minimal.or(delegated)?;
    (target.len() == 20).then(|| (kind, show_bytes(target)))
}

/// One word that is a number of at most 8 bits.
fn small_number(word: &[u8]) -> Option<u8> {
    let (last, padding) = word.split_last()?;
    let fits = word.len() == 32 && padding.iter().all(|byte| *byte == 0);
    fits.then_some(*last)
}

/// A text as the ABI encodes it, or 32 bytes padded with zeros, as early tokens return it (MKR).
fn short_text(data: &[u8]) -> Option<String> {
    let bytes = if data.len() == 32 {
        data
    } else {
        let length = usize::from(small_number(data.get(32..64)?)?);
        data.get(64..64 + length)?
    };
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
    let is_shown = !text.is_empty() && text.len() <= MAX_SYMBOL && !text.contains(char::is_control);
    is_shown.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Vec<u8> {
        hex::decode(format!("{text:0>64}")).unwrap()
    }

    #[test]
    fn the_slots_are_the_hashes_of_their_names() {
        let minus_one = |mut hash: [u8; 32]| {
            hash[31] -= 1; // the last byte of neither is zero
            hash
        };
        let eip1967 = minus_one(*keccak256("eip1967.proxy.implementation"));
        let zeppelin = *keccak256("org.zeppelinos.proxy.implementation");
        let proxiable = *keccak256("PROXIABLE");
        let slots = [eip1967, zeppelin, proxiable].map(show_bytes);
        assert_eq!(slots, IMPLEMENTATION_SLOTS.map(|(_, slot)| slot.to_owned()));
        let beacon = show_bytes(minus_one(*keccak256("eip1967.proxy.beacon")));
        assert_eq!(beacon, BEACON_SLOT);
        for (selector, name) in [
            (IMPLEMENTATION, "implementation()"),
            (DECIMALS, "decimals()"),
            (SYMBOL, "symbol()"),
            (ASSET, "asset()"),
        ] {
            assert_eq!(selector, show_bytes(&keccak256(name)[..4]));
        }
    }

    #[test]
    fn a_word_is_an_address_only_if_the_rest_is_zero() {
        let address = "ab".repeat(20);
        assert_eq!(address_word(&word(&address)), Some(format!("0x{address}")));
        assert_eq!(address_word(&word(&format!("01{address}"))), None);
        assert_eq!(address_word(&word("0")), None);
        assert_eq!(address_word(&[0xab; 20]), None);
    }

    #[test]
    fn the_target_is_read_from_the_code_of_minimal_proxies_and_delegations() {
        let target = [0xab; 20];
        let minimal = [MINIMAL_PROXY.0, &target, MINIMAL_PROXY.1].concat();
        let shown = show_bytes(target);
        assert_eq!(
            target_in_code(&minimal),
            Some((ProxyKind::Eip1167, shown.clone()))
        );
        let delegated = [DELEGATION, &target].concat();
        assert_eq!(
            target_in_code(&delegated),
            Some((ProxyKind::Eip7702, shown))
        );
        assert_eq!(target_in_code(&delegated[..22]), None);
        assert_eq!(target_in_code(&minimal[1..]), None);
    }

    #[test]
    fn symbols_are_texts_or_padded_bytes() {
        let mut padded = [0; 32];
        padded[..3].copy_from_slice(b"MKR");
        assert_eq!(short_text(&padded).as_deref(), Some("MKR"));
        let text = [word("20"), word("4"), b"USDC".to_vec(), vec![0; 28]].concat();
        assert_eq!(short_text(&text).as_deref(), Some("USDC"));
        padded.fill(0);
        assert_eq!(short_text(&padded), None);
        assert_eq!(short_text(&word("20")[..31]), None);
        assert_eq!(short_text(&[word("20"), word("ff")].concat()), None);
    }

    #[test]
    fn decimals_are_at_most_eight_bits() {
        assert_eq!(small_number(&word("12")), Some(18));
        assert_eq!(small_number(&word("0100")), None);
        assert_eq!(small_number(&[]), None);
    }
}
