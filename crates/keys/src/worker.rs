//! The software back end's side of signature requests: load waiting requests, sign, record.

use crate::backend::{Backend, SigningTask};
use crate::blocking::blocking;
use crate::request::complete_request;
use crate::settings::family;
use crate::table::request::waiting;
use crate::table::{address, wallet};
use crate::{Error, Keys, Result, SignatureRequest};
use std::sync::Arc;
use store::Tx;
use types::{Namespace, Principal};

/// Requests per turn.
const REQUESTS_PER_TURN: u32 = 100;

/// One turn: sign the namespace's requests that wait for the software back end. A request that
/// cannot be signed keeps waiting and does not affect the others. Returns how many were signed.
pub async fn process_requests(keys: &Keys, principal: &Principal) -> Result<usize> {
    let backend = keys.software().name();
    let requests = keys.read(principal, backend, |tx, backend| {
        waiting(tx, backend, REQUESTS_PER_TURN)
    });
    let requests = requests.await?;
    let mut answered = 0;
    for request in requests {
        match process(keys, principal, &request).await {
            Ok(()) => answered += 1,
            Err(error) => {
                tracing::warn!(event = "signature_request.failed", request = %request.id, %error, "a signature request cannot be completed and keeps waiting")
            }
        }
    }
    Ok(answered)
}

async fn process(keys: &Keys, principal: &Principal, request: &SignatureRequest) -> Result<()> {
    let (namespace, pending) = (principal.namespace, request.clone());
    let read = keys.read(principal, pending, move |tx, request| {
        task(tx, &namespace, request)
    });
    let task = read.await?;
    let engine = keys.clone();
    let signatures = blocking(move || engine.software().sign(&task)).await?;
    complete_request(keys, principal, &request.id, signatures)
        .await
        .map(drop)
}

fn task(
    tx: &mut Tx<'_, '_>,
    namespace: &Namespace,
    request: &SignatureRequest,
) -> Result<SigningTask> {
    let unknown = || Error::UnknownSigner {
        chain: request.chain,
        signer: request.signer.clone(),
    };
    let rows = address::signers(tx, family(&request.chain)?, &[request.signer.as_str()])?;
    let signer = rows.into_iter().next().ok_or_else(unknown)?;
    Ok(SigningTask {
        namespace: *namespace,
        secret: Arc::new(wallet::secret(tx, &signer.wallet)?),
        wallet: signer.wallet,
        path: signer.path,
        position: signer.position,
        requests: intent::decode(&request.unsigned())?.required_signatures,
    })
}
