//! Decodes a transaction from its signing payload, and from nothing else.

use super::{address, authorization, rlp::Reader};
use crate::{
    AccessEntry, Act, Authorization, Decoded, Error, FeeTerms, Intent, Output, RequiredSignature,
    Result, Scheme, Transaction, Unsigned,
};
use alloy_primitives::keccak256;
use types::{Amount, ReplayKey};

/// The fields of a signing payload.
struct Fields<'a> {
    chain: u64,
    nonce: u64,
    /// Price and tip per unit of gas.
    price: (Amount, Amount),
    gas: u64,
    to: &'a [u8],
    value: Amount,
    data: &'a [u8],
    access: Reader<'a>,
    /// `None` for a type without authorizations.
    authorizations: Option<Reader<'a>>,
}

/// Decodes a signing payload: EIP-155 legacy, EIP-2930 (type 1), EIP-1559 (2), EIP-7702 (4).
///
/// Rejects as undecodable: any other type (including EIP-4844 blobs), another chain or none (a
/// legacy payload without a chain id is valid on every chain), RLP that is not canonical, and what
/// no chain accepts (a tip above the cap, the nonce 2^64-1).
pub(super) fn transaction(unsigned: &Unsigned) -> Result<Decoded> {
    let fields = fields(&unsigned.bytes)?;
    if fields.chain == 0 || Some(fields.chain) != unsigned.chain.evm_number() {
        return Err(Error::undecodable(format!(
            "they are for chain {}, not for {}",
            fields.chain, unsigned.chain
        )));
    }
    let fee = fields.fee()?;
    let act = Act::Transaction(fields.transaction()?);
    let request = RequiredSignature {
        account: unsigned.signer.clone(),
        scheme: Scheme::EcdsaSecp256k1,
        digest: *keccak256(&unsigned.bytes),
    };
    Ok(Decoded {
        intent: Intent {
            chain: unsigned.chain,
            signer: unsigned.signer.clone(),
            act,
        },
        replay_keys: vec![ReplayKey::nonce(&unsigned.signer, fields.nonce)],
        fee,
        required_signatures: vec![request],
    })
}

fn fields(bytes: &[u8]) -> Result<Fields<'_>> {
    match bytes.first() {
        Some(0xc0..) => legacy(Reader::whole(bytes)?),
        Some(1) => eip2930(Reader::whole(&bytes[1..])?),
        Some(2) => eip1559(Reader::whole(&bytes[1..])?, false),
        Some(3) => Err(Error::undecodable(
            "blob transactions (type 3) are not signed here",
        )),
        Some(4) => eip1559(Reader::whole(&bytes[1..])?, true),
        Some(kind) => Err(Error::undecodable(format!(
            "no transaction or statement begins with {kind:#04x}"
        ))),
        None => Err(Error::undecodable("they are empty")),
    }
}

/// EIP-155: `[nonce, price, gas, to, value, data, chain, 0, 0]`.
fn legacy(mut list: Reader<'_>) -> Result<Fields<'_>> {
    let (nonce, price, gas) = (list.uint()?, list.amount()?, list.uint()?);
    let (to, value, data) = (list.bytes()?, list.amount()?, list.bytes()?);
    if list.is_empty() {
        return Err(Error::undecodable(
            "a legacy transaction without a chain id (before EIP-155) is valid on every chain",
        ));
    }
    let (chain, r, s) = (list.uint()?, list.amount()?, list.amount()?);
    list.finish()?;
    if !(r.is_zero() && s.is_zero()) {
        return Err(Error::undecodable("they already carry a signature"));
    }
    let access = Reader::default();
    Ok(Fields {
        chain,
        nonce,
        price: (price, price),
        gas,
        to,
        value,
        data,
        access,
        authorizations: None,
    })
}

/// EIP-2930: `[chain, nonce, price, gas, to, value, data, access]`.
fn eip2930(mut list: Reader<'_>) -> Result<Fields<'_>> {
    let (chain, nonce, price, gas) = (list.uint()?, list.uint()?, list.amount()?, list.uint()?);
    let (to, value, data, access) = (list.bytes()?, list.amount()?, list.bytes()?, list.list()?);
    list.finish()?;
    Ok(Fields {
        chain,
        nonce,
        price: (price, price),
        gas,
        to,
        value,
        data,
        access,
        authorizations: None,
    })
}

/// EIP-1559: `[chain, nonce, tip, cap, gas, to, value, data, access]`; EIP-7702 adds a list of
/// authorizations.
fn eip1559(mut list: Reader<'_>, has_authorizations: bool) -> Result<Fields<'_>> {
    let (chain, nonce, tip, cap, gas) = (
        list.uint()?,
        list.uint()?,
        list.amount()?,
        list.amount()?,
        list.uint()?,
    );
    let (to, value, data, access) = (list.bytes()?, list.amount()?, list.bytes()?, list.list()?);
    let authorizations = if has_authorizations {
        Some(list.list()?)
    } else {
        None
    };
    list.finish()?;
    Ok(Fields {
        chain,
        nonce,
        price: (cap, tip),
        gas,
        to,
        value,
        data,
        access,
        authorizations,
    })
}

impl Fields<'_> {
    fn fee(&self) -> Result<FeeTerms> {
        let (fee_per_gas, tip) = self.price;
        let price_fits = fee_per_gas.to_u128().is_some();
        if !price_fits || tip > fee_per_gas || self.nonce == u64::MAX {
            return Err(Error::undecodable(
                "no chain accepts its price or its nonce",
            ));
        }
        let total = fee_per_gas.checked_mul(Amount::from(self.gas));
        let total_fee = total.ok_or_else(|| Error::undecodable("its fee is above 2^256-1"))?;
        Ok(FeeTerms {
            gas: self.gas,
            fee_per_gas,
            tip,
            total_fee,
            l1_fee: Amount::ZERO,
        })
    }

    fn transaction(&self) -> Result<Transaction> {
        let to = match self.to {
            [] => None,
            to if to.len() == 20 => Some(address::format(to)),
            _ => {
                return Err(Error::undecodable(
                    "the receiver is neither 20 bytes nor empty",
                ));
            }
        };
        let authorizations = self
            .authorizations
            .map(|list| self.authorizations(list))
            .transpose()?;
        if to.is_none() && authorizations.is_some() {
            return Err(Error::undecodable(
                "a transaction with authorizations cannot deploy a contract",
            ));
        }
        Ok(Transaction {
            outputs: vec![Output {
                to,
                value: self.value,
            }],
            data: self.data.to_vec(),
            access: access(self.access)?,
            authorizations: authorizations.unwrap_or_default(),
        })
    }

    fn authorizations(&self, mut list: Reader<'_>) -> Result<Vec<Authorization>> {
        if list.is_empty() {
            return Err(Error::undecodable(
                "a transaction of type 4 has no authorizations",
            ));
        }
        let mut authorizations = Vec::new();
        while !list.is_empty() {
            authorizations.push(authorization::signed(self.chain, list.list()?)?);
        }
        Ok(authorizations)
    }
}

fn access(mut list: Reader<'_>) -> Result<Vec<AccessEntry>> {
    let mut entries = Vec::new();
    while !list.is_empty() {
        let mut entry = list.list()?;
        let account = address::format(&entry.exactly::<20>()?);
        let slots = slots(entry.list()?)?;
        entry.finish()?;
        entries.push(AccessEntry { account, slots });
    }
    Ok(entries)
}

fn slots(mut list: Reader<'_>) -> Result<Vec<String>> {
    let mut slots = Vec::new();
    while !list.is_empty() {
        slots.push(format!("0x{}", hex::encode(list.exactly::<32>()?)));
    }
    Ok(slots)
}
