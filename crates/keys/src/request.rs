//! Signatures by a back-end that takes its time: asked for in a transaction, answered by a fact
//! that names a row, never by bytes.

use crate::record::{enter, fact};
use crate::sign::signers;
use crate::state::Ask;
use crate::table::{permit, request as table};
use crate::{Checked, Error, Keys, Recorded, Result, freeze, record};
use intent::{Signature, Unsigned};
use serde::Serialize;
use store::{Fact, Tx};
use types::{ChainId, PermitId, Principal, RequestId, Time};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// The back-end has not answered.
    Waiting,
    /// Signed; the bytes are recorded.
    Answered,
    /// The back-end will not sign.
    Refused,
}

/// A request for a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// What became of it.
    pub state: RequestState,
    /// Who is asked.
    pub backend: String,
    /// Under which permit.
    pub permit: PermitId,
    /// On which chain.
    pub chain: ChainId,
    /// Whose signature.
    pub signer: String,
    /// The id of what was signed.
    pub signed_id: Option<String>,
    /// Why it was refused.
    pub note: Option<String>,
    /// Raised with each change.
    pub version: u64,
    /// Since when it waits.
    pub created_at: Time,
    /// When it was answered.
    pub updated_at: Time,
    #[serde(skip)]
    bytes: Vec<u8>,
}

/// Ask for a signature that was checked by [`check`](crate::check). It is judged as by
/// [`sign`](crate::sign); the use of the permit and its witnesses are committed here, before the
/// back-end sees anything. The same bytes under the same permit are the same request.
pub fn request(tx: &mut Tx<'_, '_>, who: &Principal, checked: &Checked) -> Result<RequestId> {
    assert!(
        checked.namespace == *tx.namespace(),
        "a signature is asked for in the namespace that it was checked in"
    );
    let ask = &checked.ask;
    if let Some(known) = table::of(tx, &ask.permit, &ask.bytes)? {
        return Ok(known);
    }
    let signer = signers(tx, std::slice::from_ref(ask))?.into_values().next();
    let (_, wallet, _, _, backend) = signer.ok_or_else(|| Error::SignerUnknown {
        chain: ask.chain.clone(),
        signer: ask.signer.clone(),
    })?;
    let entry = enter(tx, &[(ask, wallet)])?.pop();
    let (_, uses) = entry.ok_or(Error::OtherIntent { permit: ask.permit })??;
    let now = tx.now();
    let id = RequestId::new(now, tx.entropy());
    table::insert(
        tx,
        &id,
        &backend,
        &ask.permit,
        &checked.unsigned,
        &ask.bytes,
    )?;
    tx.append(fact("signature.requested", who, ask, uses, None).about(&id, 1));
    Ok(id)
}

/// A request. Error: `keys.request_unknown`.
pub fn request_of(tx: &mut Tx<'_, '_>, id: &RequestId) -> Result<Request> {
    let row = table::get(tx, id)?.ok_or_else(|| Error::RequestUnknown {
        request: id.to_string(),
    })?;
    Request::from_row(row)
}

/// Answer a request with signatures, in the order of the bytes' own requests. They must be the
/// signer's. The bytes are recorded, unless signing was frozen or the permit revoked meanwhile.
///
/// Errors: `keys.request_unknown`, `keys.request_over`, `intent.wrong_signature`, `keys.frozen`,
/// `keys.permit_revoked`.
pub async fn answer(
    keys: &Keys,
    who: &Principal,
    id: &RequestId,
    signatures: Vec<Signature>,
) -> Result<Recorded> {
    let (actor, id) = (who.clone(), *id);
    let waiting = keys
        .db()
        .read(&who.namespace, move |tx| request_of(tx, &id))
        .await?;
    let unsigned = waiting.unsigned();
    let ask = ask_of(&waiting, &unsigned)?;
    let signed = intent::assemble(&unsigned, &signatures)?;
    keys.write(&who.namespace, move |tx| {
        let (anchor, uses) = still_allowed(tx, &ask)?;
        let version = table::end(
            tx,
            &id,
            RequestState::Answered.stored(),
            Some(&signed.id),
            None,
        )?;
        let version = version.ok_or_else(|| Error::RequestOver {
            request: id.to_string(),
        })?;
        let (now, permit) = (tx.now(), ask.permit);
        let row = (
            permit,
            signed.id.clone(),
            ask.chain.clone(),
            ask.signer.clone(),
            anchor.clone(),
            ask.bytes,
            signed.raw.clone(),
            now,
        );
        permit::insert_bytes(tx, &[row])?;
        let fact = fact("signature.answered", &actor, &ask, uses, Some(&signed.id));
        tx.append(fact.about(&id, version.max(0).cast_unsigned()));
        Ok(Recorded {
            permit,
            id: signed.id.clone(),
            anchor,
            again: false,
        })
    })
    .await
}

/// Say that a request will not be answered, and why. Its permit and witnesses stay used: somebody
/// may have signed. Errors: `keys.request_unknown`, `keys.request_over`.
pub async fn decline(keys: &Keys, who: &Principal, id: &RequestId, note: &str) -> Result<()> {
    let (actor, id, note) = (
        who.clone(),
        *id,
        note.chars()
            .filter(|c| *c != '\0')
            .take(1_000)
            .collect::<String>(),
    );
    keys.write(&who.namespace, move |tx| {
        request_of(tx, &id)?;
        let version = table::end(tx, &id, RequestState::Refused.stored(), None, Some(&note))?;
        let version = version.ok_or_else(|| Error::RequestOver {
            request: id.to_string(),
        })?;
        let says = serde_json::json!({ "note": note });
        tx.append(
            Fact::new("signature.refused", 1)
                .about(&id, version.max(0).cast_unsigned())
                .by(&actor)
                .says(&says),
        );
        Ok(())
    })
    .await
}

/// The requests that wait for a back-end, oldest first.
pub(crate) fn waiting(tx: &mut Tx<'_, '_>, backend: &str, limit: u32) -> Result<Vec<Request>> {
    table::waiting(tx, backend, limit)?
        .into_iter()
        .map(Request::from_row)
        .collect()
}

/// What was asked, read from the bytes once more. Its permit was judged when it was asked for.
fn ask_of(request: &Request, unsigned: &Unsigned) -> Result<Ask> {
    let decoded = intent::decode(unsigned)?;
    Ok(Ask {
        permit: request.permit,
        supersedes: None,
        chain: request.chain.clone(),
        signer: request.signer.clone(),
        intent: decoded.intent.hash(),
        is_cancel: decoded.intent.is_cancel(),
        bytes: types::Digest::of(&unsigned.bytes),
        witnesses: decoded.witnesses,
        limit: 0,
        not_after: request.created_at,
    })
}

/// Whether the answer may still come out: nothing was frozen or revoked since it was asked for. The
/// anchor and the uses of its permit.
fn still_allowed(tx: &mut Tx<'_, '_>, ask: &Ask) -> Result<(types::Witness, u32)> {
    let book = record::load(tx, &[ask])?;
    if book.revoked.contains(&ask.permit) {
        return Err(Error::PermitRevoked { permit: ask.permit });
    }
    let wallet = signers(tx, std::slice::from_ref(ask))?
        .into_values()
        .next()
        .map(|signer| signer.1);
    let freezes = freeze::in_force(tx, wallet.into_iter())?;
    if let Some(freeze) = freezes.iter().find(|freeze| freeze.hard || !ask.is_cancel) {
        return Err(Error::Frozen {
            scope: freeze.scope.kind(),
        });
    }
    let used = book
        .uses
        .get(&ask.permit)
        .ok_or(Error::OtherIntent { permit: ask.permit })?;
    freeze::share_guards(tx, wallet.into_iter())?;
    permit::touch(tx, &ask.permit)?;
    Ok((used.anchor.clone(), used.uses))
}

impl Request {
    pub(crate) fn unsigned(&self) -> Unsigned {
        Unsigned {
            chain: self.chain.clone(),
            signer: self.signer.clone(),
            bytes: self.bytes.clone(),
        }
    }

    fn from_row(row: table::Row) -> Result<Self> {
        let (
            id,
            state,
            backend,
            permit,
            chain,
            signer,
            bytes,
            signed_id,
            note,
            version,
            created_at,
            updated_at,
        ) = row;
        let all = [
            RequestState::Waiting,
            RequestState::Answered,
            RequestState::Refused,
        ];
        let broken = store::Error::Column {
            column: 1,
            found: "something else",
            expected: "a state of a request",
        };
        let state = all
            .into_iter()
            .find(|known| known.stored() == state)
            .ok_or(broken)?;
        let version = version.max(0).cast_unsigned();
        Ok(Self {
            id,
            state,
            backend,
            permit,
            chain,
            signer,
            signed_id,
            note,
            version,
            created_at,
            updated_at,
            bytes,
        })
    }
}

impl RequestState {
    fn stored(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Answered => "answered",
            Self::Refused => "refused",
        }
    }
}
