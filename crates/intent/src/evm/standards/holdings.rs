//! What a contract keeps per account, amounts or tokens, judged by its interface.

use crate::evm::abi::{Abi, Type};

/// Functions that only contracts with amounts have.
const FUNGIBLE: [&str; 3] = [
    "transfer(address,uint256)",
    "allowance(address,address)",
    "decimals()",
];
/// Functions that only contracts with single tokens have.
const NON_FUNGIBLE: [&str; 3] = [
    "ownerOf(uint256)",
    "getApproved(uint256)",
    "safeTransferFrom(address,address,uint256)",
];

/// What a contract keeps per account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holdings {
    Fungible,
    NonFungible,
    /// The interface shows neither.
    Unknown,
    /// The interface shows both.
    Both,
}

impl Holdings {
    /// Judged by the functions of the interface. If it has none of them (an interface of this one
    /// call), judged by the call itself: only ERC-20's returns a boolean, and ERC-721 names its
    /// last argument `tokenId`.
    pub(super) fn of(abi: Option<&Abi>, data: &[u8]) -> Self {
        let Some(abi) = abi else {
            return Self::Unknown;
        };
        let has_any = |names: [&str; 3]| names.iter().any(|name| abi.has_function(name));
        match (has_any(FUNGIBLE), has_any(NON_FUNGIBLE)) {
            (false, false) => Self::by_names(abi, data),
            (fungible, non_fungible) => Self::from_signs(fungible, non_fungible),
        }
    }

    fn by_names(abi: &Abi, data: &[u8]) -> Self {
        let Some((output, last)) = abi.hints(data) else {
            return Self::Unknown;
        };
        let has_token_id = last.trim_matches('_').eq_ignore_ascii_case("tokenId");
        Self::from_signs(output == Some(&Type::Bool), has_token_id)
    }

    fn from_signs(fungible: bool, non_fungible: bool) -> Self {
        match (fungible, non_fungible) {
            (true, false) => Self::Fungible,
            (false, true) => Self::NonFungible,
            (true, true) => Self::Both,
            (false, false) => Self::Unknown,
        }
    }
}
