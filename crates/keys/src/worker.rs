//! The software back-end's side of requests: load what waits, sign, record.

use crate::backend::{Backend, Sealed, Task};
use crate::keys::blocking;
use crate::request::{answer, waiting};
use crate::settings::family;
use crate::table::{address, wallet};
use crate::{Error, Keys, Request, Result};
use std::sync::Arc;
use store::Tx;
use types::{Namespace, Principal};

/// Requests in one turn.
const TURN: u32 = 100;

/// One turn: answer the requests of the namespace that wait for the software back-end. One that
/// cannot be answered waits on and stops no other. How many were answered.
pub async fn serve(keys: &Keys, who: &Principal) -> Result<usize> {
    let backend = keys.software().name();
    let requests = keys
        .db()
        .read(&who.namespace, move |tx| waiting(tx, backend, TURN))
        .await?;
    let mut answered = 0;
    for request in requests {
        match serve_one(keys, who, &request).await {
            Ok(()) => answered += 1,
            Err(error) => {
                tracing::warn!(request = %request.id, %error, "a request for a signature waits on")
            }
        }
    }
    Ok(answered)
}

async fn serve_one(keys: &Keys, who: &Principal, request: &Request) -> Result<()> {
    let (namespace, wanted) = (who.namespace.clone(), request.clone());
    let task = keys
        .db()
        .read(&who.namespace, move |tx| task(tx, &namespace, &wanted))
        .await?;
    let engine = keys.clone();
    let signatures = blocking(move || engine.software().sign(&task)).await?;
    answer(keys, who, &request.id, signatures).await.map(drop)
}

fn task(tx: &mut Tx<'_, '_>, namespace: &Namespace, request: &Request) -> Result<Task> {
    let unknown = || Error::SignerUnknown {
        chain: request.chain.clone(),
        signer: request.signer.clone(),
    };
    let rows = address::signers(tx, family(&request.chain)?, &[(request.signer.as_str(),)])?;
    let (_, wallet, path, position, _) = rows.into_iter().next().ok_or_else(unknown)?;
    let (_, bytes, version) = wallet::secrets(tx, &[(wallet,)])?
        .pop()
        .ok_or_else(unknown)?;
    let requests = intent::decode(&request.unsigned())?.requests;
    let sealed = Arc::new(Sealed { bytes, version });
    Ok(Task {
        namespace: namespace.clone(),
        wallet,
        path,
        position,
        sealed,
        requests,
    })
}
