//! The effects of each intent. They depend on what is known of contracts, and which contracts those
//! are follows from the effects: they are computed again until they depend on nothing new.

use crate::{AccountInfo, DecisionRequest, Policy, Result};
use futures::StreamExt;
use intent::{Effects, Knowledge};
use std::collections::{BTreeMap, BTreeSet};
use types::{ChainId, Namespace};

/// How often effects are computed. Each step of nesting can name a contract that decides what is
/// nested further.
const MAX_ROUNDS: usize = 8;
/// The most accounts of one intent that are looked up without being registered.
const MAX_UNREGISTERED: usize = 16;
/// Lookups that run concurrently.
const CONCURRENT_LOOKUPS: usize = 16;

/// What is known of accounts, by address.
pub(crate) type Known = BTreeMap<String, AccountInfo>;

/// A request with its effects, or the reason why its intent cannot be read.
pub(crate) struct RequestEffects {
    pub(crate) request: DecisionRequest,
    pub(crate) effects: std::result::Result<Effects, String>,
    /// What the effects depend on.
    pub(crate) known: Known,
}

/// Read the effects of each intent.
pub(crate) async fn read(
    policy: &Policy,
    requests: Vec<DecisionRequest>,
) -> Result<Vec<RequestEffects>> {
    let requests = requests.into_iter().map(|request| RequestEffects {
        request,
        effects: Ok(Effects::none()),
        known: Known::new(),
    });
    let mut requests = compute(policy, requests.collect()).await?;
    for _ in 1..MAX_ROUNDS {
        let answers = look_up(policy, &requests).await;
        if answers.is_empty() {
            break;
        }
        requests
            .iter_mut()
            .for_each(|request| request.learn(&answers));
        requests = compute(policy, requests).await?;
    }
    Ok(requests)
}

async fn compute(policy: &Policy, requests: Vec<RequestEffects>) -> Result<Vec<RequestEffects>> {
    policy
        .pool
        .map(requests, |mut request| {
            request.compute();
            request
        })
        .await
}

/// The answers for all accounts that are not known yet.
async fn look_up(
    policy: &Policy,
    requests: &[RequestEffects],
) -> BTreeMap<(Namespace, ChainId), Known> {
    let mut questions: BTreeMap<(Namespace, ChainId), BTreeSet<String>> = BTreeMap::new();
    for request in requests {
        let missing = request.missing();
        if !missing.is_empty() {
            questions
                .entry(request.place())
                .or_default()
                .extend(missing);
        }
    }
    let answers = futures::stream::iter(questions)
        .map(|(place, addresses)| async move {
            let addresses: Vec<String> = addresses.into_iter().collect();
            let answer = policy
                .contracts()
                .known(&place.0, &place.1, &addresses)
                .await;
            (place, complete(addresses, answer))
        })
        .buffer_unordered(CONCURRENT_LOOKUPS);
    answers.collect().await
}

/// An answer for every address.
fn complete(addresses: Vec<String>, answer: std::result::Result<Known, String>) -> Known {
    let (mut known, why) = match answer {
        Ok(known) => (known, "there is no answer".to_owned()),
        Err(why) => (Known::new(), why),
    };
    for address in addresses {
        let unreadable = || AccountInfo::Unreadable(why.clone());
        known.entry(address).or_insert_with(unreadable);
    }
    known
}

impl RequestEffects {
    fn compute(&mut self) {
        let accounts = self.known.iter();
        let known = Knowledge {
            accounts: accounts
                .map(|(address, info)| (address.clone(), info.into()))
                .collect(),
        };
        let effects = intent::effects(&self.request.intent, &known);
        self.effects = effects.map_err(|error| error.to_string());
    }

    fn place(&self) -> (Namespace, ChainId) {
        let namespace = self.request.initiator.namespace;
        (namespace, self.request.intent.chain)
    }

    /// The accounts to look up: those that the effects depend on and that are not known, within
    /// the limit. Effects that depend on an account that is not looked up are incomplete.
    fn missing(&self) -> Vec<String> {
        let Ok(effects) = &self.effects else {
            return Vec::new();
        };
        let is_registered = |info: &&AccountInfo| matches!(info, AccountInfo::Contract(_));
        let registered = self.known.values().filter(is_registered).count();
        let unregistered = self.known.len() - registered;
        let missing = effects.touched.iter();
        let missing = missing.filter(|address| !self.known.contains_key(*address));
        let room = MAX_UNREGISTERED.saturating_sub(unregistered);
        missing.take(room).cloned().collect()
    }

    fn learn(&mut self, answers: &BTreeMap<(Namespace, ChainId), Known>) {
        let Some(answers) = answers.get(&self.place()) else {
            return;
        };
        for address in self.missing() {
            if let Some(info) = answers.get(&address) {
                self.known.insert(address, info.clone());
            }
        }
    }
}
