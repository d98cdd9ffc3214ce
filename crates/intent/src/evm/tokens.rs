//! Decodes calls of the token standards: who loses and gains what, read from the selector and the
//! arguments.
//!
//! Calls are recognised by selector alone, since the contract dispatches on nothing else; the name
//! in an interface does not matter. ERC-20 and ERC-721 share
//! `transferFrom(address,address,uint256)` and `approve(address,uint256)`; the interface may show
//! which one the contract implements (`Standard`). Otherwise the call is read as ERC-20's and
//! marked incomplete.

use super::abi::{Abi, Type};
use crate::{AssetRef, Grant, Interface, Move};
use serde_json::Value;
use std::sync::LazyLock;
use types::Amount;

/// The known calls, with the parameter names of the standards (ERC-20, ERC-721, ERC-1155;
/// `increaseAllowance` is OpenZeppelin's).
const STANDARDS: &str = r#"[
{"name":"transfer","inputs":[{"name":"to","type":"address"},{"name":"value","type":"uint256"}]},
{"name":"transferFrom","inputs":[{"name":"from","type":"address"},{"name":"to","type":"address"},{"name":"value","type":"uint256"}]},
{"name":"approve","inputs":[{"name":"spender","type":"address"},{"name":"value","type":"uint256"}]},
{"name":"increaseAllowance","inputs":[{"name":"spender","type":"address"},{"name":"value","type":"uint256"}]},
{"name":"safeTransferFrom","inputs":[{"name":"from","type":"address"},{"name":"to","type":"address"},{"name":"tokenId","type":"uint256"}]},
{"name":"safeTransferFrom","inputs":[{"name":"from","type":"address"},{"name":"to","type":"address"},{"name":"tokenId","type":"uint256"},
 {"name":"data","type":"bytes"}]},
{"name":"safeTransferFrom","inputs":[{"name":"from","type":"address"},{"name":"to","type":"address"},{"name":"id","type":"uint256"},
 {"name":"value","type":"uint256"},{"name":"data","type":"bytes"}]},
{"name":"safeBatchTransferFrom","inputs":[{"name":"from","type":"address"},{"name":"to","type":"address"},{"name":"ids","type":"uint256[]"},
 {"name":"values","type":"uint256[]"},{"name":"data","type":"bytes"}]},
{"name":"setApprovalForAll","inputs":[{"name":"operator","type":"address"},{"name":"approved","type":"bool"}]}
]"#;

static STANDARD_ABI: LazyLock<Abi> = LazyLock::new(|| {
    // The text is a constant, and every test that decodes a token call parses it.
    Abi::parse(&Interface::new(STANDARDS.to_owned())).expect("STANDARDS is a valid JSON ABI")
});

const ZERO: &str = "0x0000000000000000000000000000000000000000";

/// A call of a token standard.
#[derive(Debug, Default)]
pub(super) struct TokenCall {
    pub(super) signature: String,
    pub(super) arguments: Value,
    pub(super) moves: Vec<Move>,
    pub(super) grants: Vec<Grant>,
    /// Whether moves and grants are the whole effect by the standard. False if the call could be of
    /// two standards, if the data holds more than the arguments, or if the lists of a batch differ
    /// in length.
    pub(super) complete: bool,
}

/// Which of two standards that share a selector a contract implements, judged by its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standard {
    Fungible,
    NonFungible,
    /// The interface matches neither standard.
    Unknown,
    /// The interface matches both standards.
    Both,
}

/// Decodes a call. `None` if it is not of a token standard or its arguments do not decode.
pub(super) fn read(
    signer: &str,
    contract: &str,
    data: &[u8],
    abi: Option<&Abi>,
) -> Option<TokenCall> {
    let (signature, arguments) = STANDARD_ABI.decode_call(data)?;
    let call = TokenCall {
        complete: STANDARD_ABI.is_canonical_call(data),
        signature,
        arguments,
        ..TokenCall::default()
    };
    call.with_effects(
        signer,
        contract,
        abi.map_or(Standard::Unknown, |abi| Standard::of(abi, data)),
    )
}

impl TokenCall {
    fn with_effects(mut self, signer: &str, contract: &str, standard: Standard) -> Option<Self> {
        match self.signature.as_str() {
            "transfer(address,uint256)" => {
                // ERC-20's, but some old NFT contracts have it too.
                self.complete &= matches!(standard, Standard::Fungible | Standard::Unknown);
                self.moves.push(movement(
                    token(contract, None),
                    signer,
                    self.text("to")?,
                    self.amount("value")?,
                ));
            }
            "transferFrom(address,address,uint256)" => self.transfer_from(contract, standard)?,
            "approve(address,uint256)" => self.approve(contract, standard)?,
            "increaseAllowance(address,uint256)" => self.approve(contract, Standard::Fungible)?,
            "safeTransferFrom(address,address,uint256)"
            | "safeTransferFrom(address,address,uint256,bytes)" => {
                self.add_move(contract, self.amount("tokenId")?, Amount::from(1))?;
            }
            "safeTransferFrom(address,address,uint256,uint256,bytes)" => {
                self.add_move(contract, self.amount("id")?, self.amount("value")?)?;
            }
            "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)" => {
                self.batch(contract)?
            }
            "setApprovalForAll(address,bool)" => {
                if self.arguments["approved"] == true {
                    self.grants
                        .push(grant(token(contract, None), self.text("operator")?, None));
                }
            }
            _ => return None,
        }
        Some(self)
    }

    fn transfer_from(&mut self, contract: &str, standard: Standard) -> Option<()> {
        self.complete &= standard.is_determined();
        let value = self.amount("value")?;
        match standard {
            Standard::NonFungible => self.add_move(contract, value, Amount::from(1)),
            _ => {
                self.moves.push(movement(
                    token(contract, None),
                    self.text("from")?,
                    self.text("to")?,
                    value,
                ));
                Some(())
            }
        }
    }

    /// An approval of amount 0, or of an NFT to the zero address, grants nothing.
    fn approve(&mut self, contract: &str, standard: Standard) -> Option<()> {
        self.complete &= standard.is_determined();
        let (spender, value) = (self.text("spender")?.to_owned(), self.amount("value")?);
        match standard {
            Standard::NonFungible if spender == ZERO => {}
            Standard::NonFungible => self.grants.push(grant(
                token(contract, Some(value)),
                &spender,
                Some(Amount::from(1)),
            )),
            Standard::Fungible if value.is_zero() => {}
            _ => self
                .grants
                .push(grant(token(contract, None), &spender, Some(value))),
        }
        Some(())
    }

    fn add_move(&mut self, contract: &str, id: Amount, amount: Amount) -> Option<()> {
        let movement = movement(
            token(contract, Some(id)),
            self.text("from")?,
            self.text("to")?,
            amount,
        );
        self.moves.push(movement);
        Some(())
    }

    fn batch(&mut self, contract: &str) -> Option<()> {
        let (ids, values) = (self.amounts("ids")?, self.amounts("values")?);
        self.complete &= ids.len() == values.len();
        ids.into_iter()
            .zip(values)
            .try_for_each(|(id, value)| self.add_move(contract, id, value))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.arguments.get(name)?.as_str()
    }

    fn amount(&self, name: &str) -> Option<Amount> {
        self.text(name)?.parse().ok()
    }

    fn amounts(&self, name: &str) -> Option<Vec<Amount>> {
        self.arguments
            .get(name)?
            .as_array()?
            .iter()
            .map(|item| item.as_str()?.parse().ok())
            .collect()
    }
}

impl Standard {
    /// Judged by the other functions of the interface. If it has none of them (an interface of this
    /// one call), judged by the call itself: only ERC-20's returns a boolean, and ERC-721 names its
    /// last argument `tokenId`.
    fn of(abi: &Abi, data: &[u8]) -> Self {
        let any = |signatures: &[&str]| {
            signatures
                .iter()
                .any(|signature| abi.has_function(signature))
        };
        let fungible = any(&[
            "transfer(address,uint256)",
            "allowance(address,address)",
            "decimals()",
        ]);
        let non_fungible = any(&[
            "ownerOf(uint256)",
            "getApproved(uint256)",
            "safeTransferFrom(address,address,uint256)",
        ]);
        match (fungible, non_fungible) {
            (true, true) => Self::Both,
            (true, false) => Self::Fungible,
            (false, true) => Self::NonFungible,
            (false, false) => Self::by_names(abi, data),
        }
    }

    fn by_names(abi: &Abi, data: &[u8]) -> Self {
        let Some((output, last)) = abi.hints(data) else {
            return Self::Unknown;
        };
        let has_token_id = last.trim_matches('_').eq_ignore_ascii_case("tokenId");
        match (output == Some(&Type::Bool), has_token_id) {
            (true, false) => Self::Fungible,
            (false, true) => Self::NonFungible,
            (true, true) => Self::Both,
            (false, false) => Self::Unknown,
        }
    }

    fn is_determined(self) -> bool {
        matches!(self, Self::Fungible | Self::NonFungible)
    }
}

pub(super) fn token(contract: &str, token_id: Option<Amount>) -> AssetRef {
    AssetRef::Token {
        contract: contract.to_owned(),
        token_id,
    }
}

pub(super) fn movement(asset: AssetRef, from: &str, to: &str, amount: Amount) -> Move {
    Move {
        asset,
        from: from.to_owned(),
        to: to.to_owned(),
        amount,
    }
}

pub(super) fn grant(asset: AssetRef, to: &str, amount: Option<Amount>) -> Grant {
    Grant {
        asset: Some(asset),
        to: to.to_owned(),
        amount,
    }
}
