//! Off-chain statements: messages (EIP-191), typed data (EIP-712) and authorizations (EIP-7702).
//!
//! | statement | bytes | digest |
//! |---|---|---|
//! | message | `0x19 "Ethereum Signed Message:\n" <length> <message>` | Keccak-256 of the bytes |
//! | typed data | `0x80 "florin/eip712/v1\n" <canonical JSON>` | EIP-712's of the JSON |
//! | authorization | `0x05 rlp([chain, delegate, nonce])` | Keccak-256 of the bytes |
//!
//! The first byte distinguishes them from each other and from every transaction (1, 2, 4, or 0xc0
//! and above), whatever the content: a message that contains a transaction is still a message. 0x80
//! is neither a transaction type nor the head of a list.

use super::rlp::Reader;
use super::{address, authorization, typed_data};
use crate::{
    Act, Authorization, Decoded, Error, FeeTerms, Intent, RequiredSignature, Result, Scheme,
    Signature, Unsigned,
};
use alloy_primitives::keccak256;
use types::{Digest, ReplayKey};

/// The first byte of a message.
pub(super) const MESSAGE: u8 = 0x19;
/// The first byte of typed data.
pub(super) const TYPED_DATA: u8 = 0x80;

const MESSAGE_HEAD: &[u8] = b"\x19Ethereum Signed Message:\n";
const TYPED_DATA_HEAD: &[u8] = b"\x80florin/eip712/v1\n";

/// Encodes a message, typed data or an authorization.
pub fn statement(intent: &Intent) -> Result<Unsigned> {
    let bytes = match &intent.act {
        Act::Message { bytes } => {
            [MESSAGE_HEAD, bytes.len().to_string().as_bytes(), bytes].concat()
        }
        Act::TypedData { json } => [TYPED_DATA_HEAD, json.as_bytes()].concat(),
        Act::Authorization(authorization) => authorization::bytes(intent, authorization)?,
        Act::Transaction(_) => {
            return Err(Error::invalid_intent(
                "a transaction needs a nonce and a gas price",
            ));
        }
    };
    let unsigned = Unsigned {
        chain: intent.chain,
        signer: intent.signer.clone(),
        bytes,
    };
    match super::decode(&unsigned) {
        Ok(decoded) if decoded.intent == *intent => Ok(unsigned),
        Ok(_) => Err(Error::invalid_intent("it is not in canonical form")),
        Err(error) => Err(Error::invalid_intent(error.to_string())),
    }
}

/// The signature in the signed form of a statement: the 65 bytes r, s, v, or the signed tuple of an
/// authorization.
pub fn statement_signature(intent: &Intent, raw: &[u8]) -> Result<Signature> {
    if matches!(intent.act, Act::Authorization(_)) {
        return authorization::signature(Reader::whole(raw)?);
    }
    let malformed = || Error::undecodable("they are not a signature of 65 bytes");
    let (rs, v) = raw.split_first_chunk::<64>().ok_or_else(malformed)?;
    match v {
        [v @ (27 | 28)] => Ok(Signature {
            rs: *rs,
            recovery: v - 27,
        }),
        _ => Err(malformed()),
    }
}

pub(super) fn decode_message(unsigned: &Unsigned) -> Result<Decoded> {
    let rest = unsigned.bytes.strip_prefix(MESSAGE_HEAD);
    let message = rest
        .and_then(strip_length)
        .ok_or_else(|| Error::undecodable("they are not an EIP-191 message"))?;
    Ok(decoded(
        unsigned,
        Act::Message {
            bytes: message.to_vec(),
        },
        *keccak256(&unsigned.bytes),
    ))
}

/// Splits off a decimal length that matches the rest. There is only one reading: with d digits the
/// input is d + 10^(d-1) to d + 10^d - 1 bytes long, and these ranges do not overlap.
fn strip_length(rest: &[u8]) -> Option<&[u8]> {
    (1..=rest.len().min(20)).find_map(|digits| {
        let (head, message) = rest.split_at(digits);
        (message.len().to_string().as_bytes() == head).then_some(message)
    })
}

pub(super) fn decode_typed_data(unsigned: &Unsigned) -> Result<Decoded> {
    let json = unsigned
        .bytes
        .strip_prefix(TYPED_DATA_HEAD)
        .and_then(|rest| std::str::from_utf8(rest).ok());
    let json = json.ok_or_else(|| Error::undecodable("they are not typed data of this form"))?;
    let digest = typed_data::digest(json, unsigned.chain.evm_number())?;
    Ok(decoded(
        unsigned,
        Act::TypedData {
            json: json.to_owned(),
        },
        digest,
    ))
}

pub(super) fn decode_authorization(unsigned: &Unsigned) -> Result<Decoded> {
    let chain = unsigned.chain.evm_number().filter(|number| *number > 0);
    let chain = chain.ok_or_else(|| Error::undecodable("the chain has no chain id"))?;
    let authorization = authorization::read(chain, &unsigned.signer, &unsigned.bytes[1..])?;
    let Authorization {
        authority, nonce, ..
    } = &authorization;
    let replay_key = ReplayKey::nonce(authority, *nonce);
    let mut decoded = decoded(
        unsigned,
        Act::Authorization(authorization),
        *keccak256(&unsigned.bytes),
    );
    decoded.replay_keys.insert(0, replay_key);
    Ok(decoded)
}

fn decoded(unsigned: &Unsigned, act: Act, digest: [u8; 32]) -> Decoded {
    let account = unsigned.signer.clone();
    Decoded {
        intent: Intent {
            chain: unsigned.chain,
            signer: account.clone(),
            act,
        },
        replay_keys: vec![ReplayKey::message(&Digest::of(&unsigned.bytes))],
        fee: FeeTerms::default(),
        required_signatures: vec![RequiredSignature {
            account,
            scheme: Scheme::EcdsaSecp256k1,
            digest,
        }],
    }
}

/// Fails unless the signer is in canonical form.
pub(super) fn check_signer(unsigned: &Unsigned) -> Result<()> {
    let parsed = address::parse_canonical(&unsigned.signer).map(|_| ());
    parsed.ok_or_else(|| {
        Error::undecodable("their signer is not an address in lower-case hexadecimal with 0x")
    })
}
