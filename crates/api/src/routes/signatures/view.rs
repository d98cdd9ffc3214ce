//! How a signature is shown.

use intent::Act;
use serde::Serialize;
use std::collections::BTreeMap;
use submit::{SignedStatement, Statement, StatementKind, StatementState};
use types::{ChainId, DecisionId, StatementId, Time};
use utoipa::ToSchema;

/// The signature of a message, of typed data or of an authorization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Signature {
    id: StatementId,
    chain: ChainId,
    /// The signing account.
    signer: String,
    /// `message`, `typed_data` or `authorization`.
    #[schema(value_type = String)]
    kind: StatementKind,
    /// The state: `received`, `deciding`, `permitted`, `signing`, `signed`, `denied`, `expired`,
    /// `failed`, `withdrawn`.
    #[schema(value_type = String)]
    state: StatementState,
    /// Why it waits, was denied or failed.
    reason: Option<String>,
    /// What the key signs, as computed by Florin; 32 bytes in hexadecimal with 0x.
    digest: String,
    /// The signature: r, s and v (27 or 28), 65 bytes in hexadecimal with 0x. Only once it is
    /// `signed`, in the response for one signature, and for those who may request signatures.
    signature: Option<String>,
    /// The signed authorization, as an item of the `authorizationList` of a transaction. Present
    /// together with `signature`.
    authorization: Option<SignedAuthorization>,
    /// The policy decision. `GET /policy-decisions/{id}` shows its input and effects.
    decision: Option<DecisionId>,
    /// The principal that requested the signature.
    initiator: String,
    /// What is signed: chain, signer, and the message, typed data or authorization.
    #[schema(value_type = serde_json::Value)]
    intent: intent::Intent,
    labels: BTreeMap<String, String>,
    /// Policies evaluated in addition to the attached ones.
    policies: Vec<String>,
    idempotency_key: Option<String>,
    created: Time,
    updated: Time,
}

/// A signed authorization (EIP-7702), with numbers as JSON-RPC writes them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignedAuthorization {
    /// 0 if it is valid on every chain.
    chain_id: String,
    /// The account whose code the signer runs.
    address: String,
    nonce: String,
    y_parity: String,
    r: String,
    s: String,
}

impl From<Statement> for Signature {
    fn from(statement: Statement) -> Self {
        SignedStatement {
            statement,
            signature: None,
        }
        .into()
    }
}

impl From<SignedStatement> for Signature {
    fn from(signed: SignedStatement) -> Self {
        let SignedStatement {
            statement,
            signature,
        } = signed;
        Self {
            id: statement.id,
            chain: statement.chain,
            signer: statement.signer,
            kind: statement.kind,
            state: statement.state,
            reason: statement.reason,
            digest: statement.digest,
            signature: signature.as_ref().map(rsv),
            authorization: signature.and_then(|by| signed_authorization(&statement.intent, &by)),
            decision: statement.decision,
            initiator: statement.initiator.id,
            intent: statement.intent,
            labels: statement.labels,
            policies: statement.policies,
            idempotency_key: statement.idempotency_key,
            created: statement.created,
            updated: statement.updated,
        }
    }
}

fn rsv(signature: &intent::Signature) -> String {
    let v = 27 + signature.recovery;
    format!("0x{}{v:02x}", hex::encode(signature.rs))
}

fn signed_authorization(
    intent: &intent::Intent,
    signature: &intent::Signature,
) -> Option<SignedAuthorization> {
    let Act::Authorization(authorization) = &intent.act else {
        return None;
    };
    let chain_id = if authorization.any_chain {
        0
    } else {
        intent.chain.evm_number()?
    };
    Some(SignedAuthorization {
        chain_id: format!("{chain_id:#x}"),
        address: authorization.delegate.clone(),
        nonce: format!("{:#x}", authorization.nonce),
        y_parity: format!("{:#x}", signature.recovery),
        r: quantity(&signature.rs[..32]),
        s: quantity(&signature.rs[32..]),
    })
}

/// A number as JSON-RPC writes it: hexadecimal with 0x, without leading zeros.
fn quantity(bytes: &[u8]) -> String {
    let digits = hex::encode(bytes);
    let digits = digits.trim_start_matches('0');
    format!("0x{}", if digits.is_empty() { "0" } else { digits })
}
