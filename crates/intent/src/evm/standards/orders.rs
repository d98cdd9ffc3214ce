//! Orders that a market executes later: what the signer gives, and what it gets at least. Who it is
//! exchanged with is not known, so that side of a movement is empty.

use super::Declaration;
use super::call::{Argument, CallReader, TypedKind, ZERO_ACCOUNT, token};
use crate::{AssetRef, IncompleteCode, Standard};
use types::Amount;

pub(super) static SEAPORT: Declaration = Declaration {
    standard: Standard::Seaport,
    name: "Seaport",
    calls: &[],
    typed: &[TypedKind {
        encoded: "OrderComponents(address offerer,address zone,OfferItem[] offer,\
                  ConsiderationItem[] consideration,uint8 orderType,uint256 startTime,\
                  uint256 endTime,bytes32 zoneHash,uint256 salt,bytes32 conduitKey,\
                  uint256 counter)\
                  ConsiderationItem(uint8 itemType,address token,uint256 identifierOrCriteria,\
                  uint256 startAmount,uint256 endAmount,address recipient)\
                  OfferItem(uint8 itemType,address token,uint256 identifierOrCriteria,\
                  uint256 startAmount,uint256 endAmount)",
        signer: Some("offerer"),
        effect: seaport_order,
    }],
    events: &[],
};

pub(super) static COW_SETTLEMENT: Declaration = Declaration {
    standard: Standard::CowSettlement,
    name: "CoW Protocol",
    calls: &[],
    typed: &[TypedKind {
        encoded: "Order(address sellToken,address buyToken,address receiver,uint256 sellAmount,\
                  uint256 buyAmount,uint32 validTo,bytes32 appData,uint256 feeAmount,string kind,\
                  bool partiallyFillable,string sellTokenBalance,string buyTokenBalance)",
        signer: None,
        effect: cow_order,
    }],
    events: &[],
};

pub(super) static ZERO_EX: Declaration = Declaration {
    standard: Standard::ZeroEx,
    name: "0x",
    calls: &[],
    typed: &[
        TypedKind {
            encoded: "LimitOrder(address makerToken,address takerToken,uint128 makerAmount,\
                      uint128 takerAmount,uint128 takerTokenFeeAmount,address maker,\
                      address taker,address sender,address feeRecipient,bytes32 pool,\
                      uint64 expiry,uint256 salt)",
            signer: Some("maker"),
            effect: zero_ex_order,
        },
        TypedKind {
            encoded: "RfqOrder(address makerToken,address takerToken,uint128 makerAmount,\
                      uint128 takerAmount,address maker,address taker,address txOrigin,\
                      bytes32 pool,uint64 expiry,uint256 salt)",
            signer: Some("maker"),
            effect: zero_ex_order,
        },
    ],
    events: &[],
};

pub(super) static ONE_INCH: Declaration = Declaration {
    standard: Standard::OneInch,
    name: "1inch",
    calls: &[],
    typed: &[TypedKind {
        encoded: "Order(uint256 salt,address maker,address receiver,address makerAsset,\
                  address takerAsset,uint256 makingAmount,uint256 takingAmount,\
                  uint256 makerTraits)",
        signer: Some("maker"),
        effect: one_inch_order,
    }],
    events: &[],
};

/// Adds what the signer gives of a token, which must be registered.
fn give(call: &mut CallReader<'_>, contract: &str, amount: Amount) {
    call.require_contract(contract);
    let asset = token(contract, None);
    call.add_move_of(asset, call.sender(), String::new(), Some(amount));
}

/// Adds what a receiver gets of a token.
fn get(call: &mut CallReader<'_>, contract: &str, to: String, amount: Amount) {
    let asset = token(contract, None);
    call.add_move_of(asset, String::new(), to, Some(amount));
}

/// The signer, if the order names no other receiver.
fn receiver(call: &CallReader<'_>, name: &str) -> Option<String> {
    let receiver = call.account(name)?;
    Some(if receiver == ZERO_ACCOUNT {
        call.sender()
    } else {
        receiver
    })
}

fn seaport_order(call: &mut CallReader<'_>) -> Option<()> {
    // 0 to 3: open to all or restricted by the zone, filled in full or in parts. 4: a contract
    // decides.
    if call.amount("orderType")?.to_u64()? > 3 {
        let why = "the type of the order is not known";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    for item in call.items("offer")? {
        let (asset, start, end) = seaport_item(call, item)?;
        if let AssetRef::Token { contract, .. } = &asset {
            call.require_contract(contract);
        }
        call.add_move_of(asset, call.sender(), String::new(), Some(start.max(end)));
    }
    for item in call.items("consideration")? {
        let (asset, start, end) = seaport_item(call, item)?;
        let recipient = item.member("recipient")?.account()?;
        call.add_move_of(asset, String::new(), recipient, Some(start.min(end)));
    }
    Some(())
}

/// The asset of an item, and its first and last amount.
fn seaport_item(
    call: &mut CallReader<'_>,
    item: Argument<'_>,
) -> Option<(AssetRef, Amount, Amount)> {
    let contract = item.member("token")?.account()?;
    let id = item.member("identifierOrCriteria")?.amount()?;
    let asset = match item.member("itemType")?.amount()?.to_u64()? {
        0 => AssetRef::Native,
        1 => token(&contract, None),
        2 | 3 => token(&contract, Some(id)),
        // Any token of a list that is not in the order.
        4 | 5 => {
            let why = "which token is offered is not in the order";
            call.add_incomplete(IncompleteCode::UnknownArgument, why);
            token(&contract, None)
        }
        _ => return None,
    };
    let amount = |name: &str| item.member(name)?.amount();
    Some((asset, amount("startAmount")?, amount("endAmount")?))
}

fn cow_order(call: &mut CallReader<'_>) -> Option<()> {
    let is_erc20 = |name: &str| Some(call.bytes(name)? == b"erc20");
    if !(is_erc20("sellTokenBalance")? && is_erc20("buyTokenBalance")?) {
        let why = "the balance is kept in another contract";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    let (sold, fee) = (call.amount("sellAmount")?, call.amount("feeAmount")?);
    give(call, &call.account("sellToken")?, sold.checked_add(fee)?);
    let to = receiver(call, "receiver")?;
    get(
        call,
        &call.account("buyToken")?,
        to,
        call.amount("buyAmount")?,
    );
    Some(())
}

fn zero_ex_order(call: &mut CallReader<'_>) -> Option<()> {
    give(
        call,
        &call.account("makerToken")?,
        call.amount("makerAmount")?,
    );
    let to = call.sender();
    get(
        call,
        &call.account("takerToken")?,
        to,
        call.amount("takerAmount")?,
    );
    Some(())
}

fn one_inch_order(call: &mut CallReader<'_>) -> Option<()> {
    // Bits 247 to 255 of the traits are the flags. Those for partial and several fills (255, 254)
    // change nothing; the others mean interactions, extensions or other ways to pay.
    let flags = call.amount("makerTraits")?.to_be_bytes();
    if flags[0] & 0x3f != 0 || flags[1] & 0x80 != 0 {
        let why = "the order runs code or pays in a way that is not in it";
        call.add_incomplete(IncompleteCode::UnknownArgument, why);
    }
    give(
        call,
        &call.account("makerAsset")?,
        call.amount("makingAmount")?,
    );
    let to = receiver(call, "receiver")?;
    get(
        call,
        &call.account("takerAsset")?,
        to,
        call.amount("takingAmount")?,
    );
    Some(())
}
