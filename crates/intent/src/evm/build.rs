//! Builds signing payloads of transactions with alloy's types. Shares no code with `read`, so that
//! neither hides the other's mistakes.

use super::address;
use crate::{Act, Authorization, Error, Intent, Output, Result, Signature, Transaction, Unsigned};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702,
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use types::Amount;

/// The part of a transaction that is not in its intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub nonce: u64,
    pub gas: u64,
    pub price: Price,
    /// The signatures of the intent's authorizations, in their order (EIP-7702). Each must be by
    /// its authority.
    pub authorizations: Vec<Signature>,
}

/// The gas price of a transaction, in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// A single gas price (EIP-155; EIP-2930 if the intent has an access list).
    Legacy { gas_price: Amount },
    /// A cap and a tip (EIP-1559; EIP-7702 if the intent carries authorizations).
    Eip1559 {
        /// `maxFeePerGas`.
        cap: Amount,
        /// `maxPriorityFeePerGas`.
        tip: Amount,
    },
}

/// Builds the EIP-2718 signing payload of a transaction.
///
/// The type follows from intent and price: EIP-1559 by default, EIP-7702 with authorizations; with
/// a legacy price EIP-155, or EIP-2930 with an access list. Error `intent.invalid_intent` if the
/// intent is not a transaction, does not have exactly one output, names an account in another than
/// the canonical form, or does not match the terms.
pub fn build_unsigned(intent: &Intent, terms: &Terms) -> Result<Unsigned> {
    let Act::Transaction(transaction) = &intent.act else {
        return Err(Error::invalid_intent(
            "it is not a transaction, and a statement has no nonce or fees",
        ));
    };
    account(&intent.signer)?;
    let fields = TransactionFields::new(intent, transaction)?;
    let bytes = match (terms.price, transaction.authorizations.is_empty()) {
        (Price::Legacy { .. }, false) => {
            return Err(Error::invalid_intent(
                "authorizations need an EIP-1559 price",
            ));
        }
        (Price::Legacy { gas_price }, true) => fields.legacy(terms, wei(gas_price)?),
        (Price::Eip1559 { cap, tip }, _) if tip > cap => {
            return Err(Error::invalid_intent("the tip is above the cap"));
        }
        (Price::Eip1559 { cap, tip }, true) => fields.eip1559(terms, wei(cap)?, wei(tip)?),
        (Price::Eip1559 { cap, tip }, false) => {
            fields.eip7702(terms, wei(cap)?, wei(tip)?, transaction)?
        }
    };
    Ok(Unsigned {
        chain: intent.chain,
        signer: intent.signer.clone(),
        bytes,
    })
}

/// The fields that all transaction types share, in alloy's types.
struct TransactionFields {
    chain: u64,
    to: TxKind,
    value: U256,
    input: Bytes,
    access: AccessList,
}

impl TransactionFields {
    fn new(intent: &Intent, transaction: &Transaction) -> Result<Self> {
        let [Output { to, value }] = transaction.outputs.as_slice() else {
            return Err(Error::invalid_intent(
                "a transaction of this chain has exactly one output",
            ));
        };
        let chain = intent.chain.evm_number().filter(|number| *number > 0);
        Ok(Self {
            chain: chain
                .ok_or_else(|| Error::invalid_intent("the chain has no chain id to sign for"))?,
            to: to
                .as_ref()
                .map(|to| account(to))
                .transpose()?
                .map_or(TxKind::Create, TxKind::Call),
            value: U256::from_be_bytes(value.to_be_bytes()),
            input: Bytes::copy_from_slice(&transaction.data),
            access: access_list(transaction)?,
        })
    }

    fn legacy(self, terms: &Terms, gas_price: u128) -> Vec<u8> {
        let (nonce, gas_limit) = (terms.nonce, terms.gas);
        let Self {
            chain,
            to,
            value,
            input,
            access,
        } = self;
        if access.is_empty() {
            TxLegacy {
                chain_id: Some(chain),
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                input,
            }
            .encoded_for_signing()
        } else {
            TxEip2930 {
                chain_id: chain,
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                access_list: access,
                input,
            }
            .encoded_for_signing()
        }
    }

    fn eip1559(
        self,
        terms: &Terms,
        max_fee_per_gas: u128,
        max_priority_fee_per_gas: u128,
    ) -> Vec<u8> {
        TxEip1559 {
            chain_id: self.chain,
            nonce: terms.nonce,
            gas_limit: terms.gas,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: self.to,
            value: self.value,
            access_list: self.access,
            input: self.input,
        }
        .encoded_for_signing()
    }

    fn eip7702(
        self,
        terms: &Terms,
        cap: u128,
        tip: u128,
        transaction: &Transaction,
    ) -> Result<Vec<u8>> {
        let TxKind::Call(to) = self.to else {
            return Err(Error::invalid_intent(
                "a transaction with authorizations cannot deploy a contract",
            ));
        };
        let built = TxEip7702 {
            chain_id: self.chain,
            nonce: terms.nonce,
            gas_limit: terms.gas,
            max_fee_per_gas: cap,
            max_priority_fee_per_gas: tip,
            to,
            value: self.value,
            access_list: self.access,
            authorization_list: authorizations(self.chain, transaction, &terms.authorizations)?,
            input: self.input,
        };
        Ok(built.encoded_for_signing())
    }
}

fn authorizations(
    chain: u64,
    transaction: &Transaction,
    signatures: &[Signature],
) -> Result<Vec<eip7702::SignedAuthorization>> {
    if transaction.authorizations.len() != signatures.len() {
        return Err(Error::invalid_intent(
            "each authorization needs its signature",
        ));
    }
    transaction
        .authorizations
        .iter()
        .zip(signatures)
        .map(|(authorization, signature)| signed_authorization(chain, authorization, signature))
        .collect()
}

fn signed_authorization(
    chain: u64,
    authorization: &Authorization,
    signature: &Signature,
) -> Result<eip7702::SignedAuthorization> {
    let chain_id = U256::from(if authorization.any_chain { 0 } else { chain });
    let inner = eip7702::Authorization {
        chain_id,
        address: account(&authorization.delegate)?,
        nonce: authorization.nonce,
    };
    let (r, s) = (
        U256::from_be_slice(&signature.rs[..32]),
        U256::from_be_slice(&signature.rs[32..]),
    );
    let signed = eip7702::SignedAuthorization::new_unchecked(inner, signature.recovery, r, s);
    let authority = account(&authorization.authority)?;
    match signed.recover_authority() {
        Ok(signer) if signer == authority => Ok(signed),
        _ => Err(Error::WrongSignature {
            account: authorization.authority.clone(),
        }),
    }
}

fn access_list(transaction: &Transaction) -> Result<AccessList> {
    let entry = |entry: &crate::AccessEntry| {
        let storage_keys = entry
            .slots
            .iter()
            .map(|slot| self::slot(slot))
            .collect::<Result<_>>()?;
        Ok(AccessListItem {
            address: account(&entry.account)?,
            storage_keys,
        })
    };
    transaction
        .access
        .iter()
        .map(entry)
        .collect::<Result<Vec<_>>>()
        .map(AccessList)
}

fn slot(text: &str) -> Result<B256> {
    let canonical = text.len() == 66 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let slot = text
        .strip_prefix("0x")
        .filter(|_| canonical)
        .and_then(|digits| digits.parse().ok());
    slot.ok_or_else(|| {
        Error::invalid_intent("a storage slot is 32 bytes in lower-case hexadecimal with 0x")
    })
}

fn account(text: &str) -> Result<Address> {
    let account = address::parse_canonical(text).map(Address::from);
    account.ok_or_else(|| {
        Error::invalid_intent(format!(
            "{text:?} is not an address in lower-case hexadecimal with 0x"
        ))
    })
}

fn wei(amount: Amount) -> Result<u128> {
    amount
        .to_u128()
        .ok_or_else(|| Error::invalid_intent("a gas price must be below 2^128"))
}
