//! Calls of the token standards: who loses and gains what, read from the selector and the
//! arguments.
//!
//! Recognised by selector alone, whatever an interface calls it: the selector is what the contract
//! goes by. ERC-20 and ERC-721 share `transferFrom(address,address,uint256)` and
//! `approve(address,uint256)`; the interface may tell which is meant (`Kind`). If it does not,
//! the call is read as ERC-20's and said not to be clear.

use super::abi::{Abi, Type};
use crate::{AssetRef, Grant, Interface, Move};
use serde_json::Value;
use std::sync::LazyLock;
use types::Amount;

/// The calls that are known, with the names that the standards give (ERC-20, ERC-721, ERC-1155;
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

static KNOWN: LazyLock<Abi> = LazyLock::new(|| {
    // The text stands above, and every test of this crate that reads a token call reads it.
    Abi::parse(&Interface::new(STANDARDS.to_owned())).expect("the standards' interface is sound")
});

const ZERO: &str = "0x0000000000000000000000000000000000000000";

/// A call of a token standard.
#[derive(Debug, Default)]
pub(super) struct TokenCall {
    pub(super) signature: String,
    pub(super) arguments: Value,
    pub(super) moves: Vec<Move>,
    pub(super) grants: Vec<Grant>,
    /// Whether moves and grants are all that it does, by its standard; not so if it could be of
    /// two standards, if the data holds more than the arguments, or if a batch has more items
    /// of one kind than of the other.
    pub(super) clear: bool,
}

/// Which of two standards that share a selector a contract follows, as its interface tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fungible,
    Things,
    /// It has the marks of neither.
    Unknown,
    /// It has the marks of both.
    Both,
}

/// Reads a call; none if it is of no token standard, or its arguments do not decode.
pub(super) fn read(
    signer: &str,
    contract: &str,
    data: &[u8],
    given: Option<&Abi>,
) -> Option<TokenCall> {
    let (signature, arguments) = KNOWN.decode_call(data)?;
    let call = TokenCall {
        clear: KNOWN.is_canonical_call(data),
        signature,
        arguments,
        ..TokenCall::default()
    };
    call.with_effects(
        signer,
        contract,
        given.map_or(Kind::Unknown, |abi| Kind::of(abi, data)),
    )
}

impl TokenCall {
    fn with_effects(mut self, signer: &str, contract: &str, kind: Kind) -> Option<Self> {
        match self.signature.as_str() {
            "transfer(address,uint256)" => {
                // ERC-20's alone, but older contracts of things have it too.
                self.clear &= matches!(kind, Kind::Fungible | Kind::Unknown);
                self.moves.push(moved(
                    token(contract, None),
                    signer,
                    self.text("to")?,
                    self.amount("value")?,
                ));
            }
            "transferFrom(address,address,uint256)" => self.transfer_from(contract, kind)?,
            "approve(address,uint256)" => self.approve(contract, kind)?,
            "increaseAllowance(address,uint256)" => self.approve(contract, Kind::Fungible)?,
            "safeTransferFrom(address,address,uint256)"
            | "safeTransferFrom(address,address,uint256,bytes)" => {
                self.move_one(contract, self.amount("tokenId")?, Amount::from(1))?;
            }
            "safeTransferFrom(address,address,uint256,uint256,bytes)" => {
                self.move_one(contract, self.amount("id")?, self.amount("value")?)?;
            }
            "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)" => {
                self.batch(contract)?
            }
            "setApprovalForAll(address,bool)" => {
                if self.arguments["approved"] == true {
                    self.grants
                        .push(granted(token(contract, None), self.text("operator")?, None));
                }
            }
            _ => return None,
        }
        Some(self)
    }

    fn transfer_from(&mut self, contract: &str, kind: Kind) -> Option<()> {
        self.clear &= kind.is_clear();
        let value = self.amount("value")?;
        match kind {
            Kind::Things => self.move_one(contract, value, Amount::from(1)),
            _ => {
                self.moves.push(moved(
                    token(contract, None),
                    self.text("from")?,
                    self.text("to")?,
                    value,
                ));
                Some(())
            }
        }
    }

    /// An approval of nothing, or of a thing to nobody, gives no right.
    fn approve(&mut self, contract: &str, kind: Kind) -> Option<()> {
        self.clear &= kind.is_clear();
        let (spender, value) = (self.text("spender")?.to_owned(), self.amount("value")?);
        match kind {
            Kind::Things if spender == ZERO => {}
            Kind::Things => self.grants.push(granted(
                token(contract, Some(value)),
                &spender,
                Some(Amount::from(1)),
            )),
            Kind::Fungible if value.is_zero() => {}
            _ => self
                .grants
                .push(granted(token(contract, None), &spender, Some(value))),
        }
        Some(())
    }

    fn move_one(&mut self, contract: &str, id: Amount, amount: Amount) -> Option<()> {
        let one = moved(
            token(contract, Some(id)),
            self.text("from")?,
            self.text("to")?,
            amount,
        );
        self.moves.push(one);
        Some(())
    }

    fn batch(&mut self, contract: &str) -> Option<()> {
        let (ids, values) = (self.amounts("ids")?, self.amounts("values")?);
        self.clear &= ids.len() == values.len();
        ids.into_iter()
            .zip(values)
            .try_for_each(|(id, value)| self.move_one(contract, id, value))
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

impl Kind {
    /// By the other functions of the interface; where it has none of those (an interface of this
    /// one call), by the call's own names: only ERC-20's answer is a boolean, and ERC-721 calls
    /// its last argument `tokenId`.
    fn of(abi: &Abi, data: &[u8]) -> Self {
        let any = |signatures: &[&str]| signatures.iter().any(|signature| abi.has(signature));
        let fungible = any(&[
            "transfer(address,uint256)",
            "allowance(address,address)",
            "decimals()",
        ]);
        let things = any(&[
            "ownerOf(uint256)",
            "getApproved(uint256)",
            "safeTransferFrom(address,address,uint256)",
        ]);
        match (fungible, things) {
            (true, true) => Self::Both,
            (true, false) => Self::Fungible,
            (false, true) => Self::Things,
            (false, false) => Self::by_names(abi, data),
        }
    }

    fn by_names(abi: &Abi, data: &[u8]) -> Self {
        let Some((output, last)) = abi.hints(data) else {
            return Self::Unknown;
        };
        let is_thing = last.trim_matches('_').eq_ignore_ascii_case("tokenId");
        match (output == Some(&Type::Bool), is_thing) {
            (true, false) => Self::Fungible,
            (false, true) => Self::Things,
            (true, true) => Self::Both,
            (false, false) => Self::Unknown,
        }
    }

    fn is_clear(self) -> bool {
        matches!(self, Self::Fungible | Self::Things)
    }
}

pub(super) fn token(contract: &str, token_id: Option<Amount>) -> AssetRef {
    AssetRef::Token {
        contract: contract.to_owned(),
        token_id,
    }
}

pub(super) fn moved(asset: AssetRef, from: &str, to: &str, amount: Amount) -> Move {
    Move {
        asset,
        from: from.to_owned(),
        to: to.to_owned(),
        amount,
    }
}

pub(super) fn granted(asset: AssetRef, to: &str, amount: Option<Amount>) -> Grant {
    Grant {
        asset: Some(asset),
        to: to.to_owned(),
        amount,
    }
}
