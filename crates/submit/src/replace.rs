//! Taking the place of what was sent: a cancel, or the same at a better price. Always on the same
//! witness.

use crate::commit::{Planned, WAIT_MS};
use crate::price::outbid;
use crate::state::{Event, State};
use crate::submission::{Sent, Submission};
use crate::{Result, Worker, table};
use chain::{Plan, Reservations};
use intent::FeeTerms;
use std::collections::BTreeSet;
use types::{SubmissionId, Witness};

/// How long a submission whose price is above its cap waits for the price to fall.
const CAP_MS: i64 = 60_000;

/// How long bytes may wait in pools before their price is looked at again.
pub(crate) const STALE_MS: i64 = 300_000;

/// What is known of a submission that is to give its witness to another transaction.
struct Place {
    one: Option<Submission>,
    witnesses: BTreeSet<Witness>,
    sent: Vec<Sent>,
    /// What other submissions of the lane hold.
    held: BTreeSet<Witness>,
}

impl Worker {
    async fn place_of(&self, like: &Submission, id: SubmissionId) -> Result<Place> {
        let (namespace, chain, signer) = (
            like.namespace.clone(),
            like.chain.clone(),
            like.signer.clone(),
        );
        let read = self.submit.0.db.read_unbound(move |tx| {
            let witnesses: BTreeSet<Witness> = table::witnesses_of(tx, &chain, id)?
                .into_iter()
                .map(|(witness,)| witness)
                .collect();
            let held = table::held(tx, &chain, &signer)?
                .into_iter()
                .map(|(witness, _)| witness);
            let held = held
                .filter(|witness| !witnesses.contains(witness))
                .collect();
            let mut tx = tx.bound(&namespace);
            Ok::<_, store::Error>(Place {
                one: table::get(&mut tx, id)?,
                sent: table::sent(&mut tx, id)?,
                witnesses,
                held,
            })
        });
        Ok(read.await?)
    }

    /// A cancel: the same witness as the submission it cancels, at a better price than that was
    /// ever sent with.
    pub(crate) async fn counter(&self, cancel: Submission) -> Result<usize> {
        let Some(target) = cancel.supersedes else {
            return Ok(0);
        };
        let place = self.place_of(&cancel, target).await?;
        let Some(target) = place
            .one
            .filter(|target| target.transaction.is_some() && !target.state.is_terminal())
        else {
            return self.give_up(cancel, "what it cancels has ended").await;
        };
        if target.state == State::Mined {
            return self.put_off(cancel, "what it cancels is in a block").await;
        }
        let quoted = cancel.quote.unwrap_or_default();
        let highest = place
            .sent
            .iter()
            .map(|sent| sent.terms)
            .fold(quoted, |terms, sent| outbid(terms, &sent));
        let supersedes = target.permit.as_ref().map(|permit| permit.body.id);
        self.replace(cancel, highest, (place.witnesses, place.held), supersedes)
            .await
    }

    async fn give_up(&self, mut cancel: Submission, why: &str) -> Result<usize> {
        cancel.happen(Event::Impossible, self.now())?;
        cancel.explain(why);
        self.save(vec![cancel]).await
    }

    async fn put_off(&self, mut one: Submission, why: impl AsRef<str>) -> Result<usize> {
        one.wait(self.now().plus_millis(WAIT_MS), why);
        self.save(vec![one]).await
    }

    /// Sign a submission again at a better price, on the same witness, within its permit.
    pub(crate) async fn reprice(&self, one: &Submission) -> Result<usize> {
        let place = self.place_of(one, one.id).await?;
        let Some(current) = place
            .one
            .filter(|current| current.state.may_be_on_chain() && current.state != State::Mined)
        else {
            return Ok(0);
        };
        let quotes = self
            .submit
            .chain(&one.chain)?
            .quote(std::slice::from_ref(&one.intent))
            .await;
        let quoted = match (quotes.into_iter().next(), place.sent.last()) {
            (Some(Ok(quote)), _) => quote.terms,
            // Nothing can be quoted while its own coins are on their way, or its own transaction
            // has done what it would do.
            (
                Some(Err(chain::Error::Refused { .. } | chain::Error::Reverts { .. })),
                Some(last),
            ) => last.terms,
            _ => return Ok(0),
        };
        let terms = place
            .sent
            .iter()
            .fold(quoted, |terms, sent| outbid(terms, &sent.terms));
        self.replace(current, terms, (place.witnesses, place.held), None)
            .await
    }

    /// Offer more for what waits in pools for long, if the chain asks more by now. Only where
    /// nothing before it is missing: of a lane's nonces the lowest alone can be mined.
    pub(crate) async fn raise(&self, one: &Submission) -> Result<usize> {
        let place = self.place_of(one, one.id).await?;
        let Some(last) = place
            .sent
            .last()
            .filter(|last| last.signed.plus_millis(STALE_MS) < self.now())
        else {
            return Ok(0);
        };
        let connector = self.submit.chain(&one.chain)?;
        if let Some(nonce) = place.witnesses.iter().find_map(Witness::as_nonce)
            && connector.sequence(&one.signer).await?.mined != nonce
        {
            return Ok(0);
        }
        let quotes = connector.quote(std::slice::from_ref(&one.intent)).await;
        match quotes.into_iter().next() {
            Some(Ok(quote)) if quote.terms.fee_per_gas > last.terms.fee_per_gas => {
                self.reprice(one).await
            }
            _ => Ok(0),
        }
    }

    /// Plan and sign on witnesses that are taken already, and on none that others hold.
    async fn replace(
        &self,
        mut one: Submission,
        terms: FeeTerms,
        (required, held): (BTreeSet<Witness>, BTreeSet<Witness>),
        supersedes: Option<types::PermitId>,
    ) -> Result<usize> {
        if let Some(breach) = one
            .permit
            .as_ref()
            .and_then(|permit| permit.body.envelope.allows(&terms).err())
        {
            if one.state != State::Permitted {
                one.happen(Event::Paused, self.now())?;
            }
            let reason = format!(
                "fee cap: {breach}; it waits for the price to fall: cancel it, or raise the cap and send anew"
            );
            one.wait(self.now().plus_millis(CAP_MS), reason);
            return self.save(vec![one]).await;
        }
        let nonce = required.iter().find_map(Witness::as_nonce);
        let reservations = Reservations {
            nonce,
            held,
            required,
        };
        let connector = self.submit.chain(&one.chain)?.clone();
        let plan = Plan {
            intent: &one.intent,
            terms,
            reservations: &reservations,
            authorisations: &[],
        };
        let answer = connector
            .plan(std::slice::from_ref(&plan))
            .await
            .into_iter()
            .next();
        match answer {
            Some(Ok(unsigned)) => {
                self.sign_and_commit(
                    None,
                    vec![Planned {
                        submission: one,
                        unsigned,
                        terms,
                        supersedes,
                    }],
                )
                .await
            }
            Some(Err(error)) => {
                self.put_off(one, format!("cannot be planned now: {error}"))
                    .await
            }
            None => Ok(0),
        }
    }
}
