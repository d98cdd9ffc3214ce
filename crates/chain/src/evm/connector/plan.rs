//! Plans transactions: from intent and terms to signing payloads.

use super::Evm;
use super::fees::fee_too_high;
use crate::{Error, Plan, Result};
use futures::future::join_all;
use intent::evm::Terms;
use intent::{FeeTerms, Unsigned};
use types::Amount;

impl Evm {
    pub(super) async fn plan_all(&self, plans: &[Plan<'_>]) -> Vec<Result<Unsigned>> {
        join_all(plans.iter().map(|plan| self.plan_one(plan))).await
    }

    /// The caller reserves nonces: a plan without one is an error.
    async fn plan_one(&self, plan: &Plan<'_>) -> Result<Unsigned> {
        if plan.intent.chain != self.chain {
            return Err(Error::invalid_intent("the intent is for another chain"));
        }
        let nonce = plan
            .reservations
            .nonce
            .ok_or_else(|| Error::invalid_intent("a transaction of this chain needs a nonce"))?;
        let total = Amount::from(plan.terms.gas).checked_mul(plan.terms.fee_per_gas);
        self.check_limits(&FeeTerms {
            total_fee: total.unwrap_or(Amount::MAX),
            ..plan.terms
        })?;
        let price = self.price_of(&plan.terms).await?;
        let terms = Terms {
            nonce,
            gas: plan.terms.gas,
            price,
            authorizations: plan.authorizations.to_vec(),
        };
        Ok(intent::evm::build_unsigned(plan.intent, &terms)?)
    }

    /// Every signature starts with a plan: an act, a cancel, a fill, and a higher price.
    pub(super) fn check_limits(&self, terms: &FeeTerms) -> Result<()> {
        let allowed = self.config.fees.allow(terms);
        allowed.map_err(|limit| fee_too_high(limit.field, limit.requested, limit.cap))
    }
}
