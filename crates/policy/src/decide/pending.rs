//! A decision in progress: from the request to its documents.

use super::authority::Authority;
use super::effects::{Known, RequestEffects};
use crate::document::LIBRARY;
use crate::document_cache::Document;
use crate::evaluate::LookupRequest;
use crate::input::{Input, assets};
use crate::outcome::{Reason, ReasonCode};
use crate::table::decision::DocumentSource;
use crate::{DecisionRequest, Settings, Target};
use intent::Effects;
use serde_json::json;
use std::sync::Arc;
use types::{Canon, Digest, Time, canonical_json};

/// A decision request with its input and its documents.
pub(crate) struct PendingDecision {
    pub(crate) request: DecisionRequest,
    pub(crate) now: Time,
    /// The input as canonical JSON; for an unreadable intent, an object with the error.
    pub(crate) input: String,
    /// The targets of which at least one needs a policy.
    pub(crate) targets: Vec<Target>,
    /// The targets whose policies only add: the caller names them.
    pub(crate) named_targets: Vec<Target>,
    /// Whether the effects are certainly all. If not, the intent may touch any contract and asset.
    pub(crate) is_complete: bool,
    /// The hash of the standing set, read before everything else.
    pub(crate) standing: Digest,
    /// The policy revision of the namespace at selection; `None` if no policy of the namespace is
    /// evaluated.
    pub(crate) revision: Option<u64>,
    pub(crate) documents: Vec<SelectedDocument>,
    /// Reasons to deny, whatever the documents return.
    pub(crate) problems: Vec<Reason>,
}

/// A document to evaluate, with the lookups that it requests.
#[derive(Clone)]
pub(crate) struct SelectedDocument {
    pub(crate) source: DocumentSource,
    pub(crate) document: Arc<Document>,
    pub(crate) lookups: Result<Vec<LookupRequest>, String>,
}

impl PendingDecision {
    /// Build the input and the targets from the effects.
    pub(crate) fn of(
        read: RequestEffects,
        authority: Authority,
        settings: &Settings,
        now: Time,
    ) -> Self {
        let RequestEffects {
            request,
            effects,
            known,
        } = read;
        let input = effects.and_then(|effects| {
            let input = Input::of(&request, &effects, &known, settings, now);
            Ok((input_text(&input, settings)?, effects))
        });
        let is_complete = matches!(&input, Ok((_, effects)) if effects.complete);
        let (input, targets, mut problems) = match input {
            Ok((input, effects)) => (input, targets(&request, &effects, &known), Vec::new()),
            Err(why) => (
                unreadable_input(&request, &why),
                request.targets(),
                vec![Reason::new(ReasonCode::Unreadable, None, why)],
            ),
        };
        problems.extend(authority.problems);
        Self {
            named_targets: request.named_targets(),
            request,
            now,
            input,
            targets,
            is_complete,
            standing: authority.standing,
            revision: None,
            documents: Vec::new(),
            problems,
        }
    }

    /// Whether documents can be evaluated.
    pub(crate) fn is_readable(&self) -> bool {
        self.problems
            .iter()
            .all(|problem| problem.code != ReasonCode::Unreadable)
    }
}

fn input_text(input: &Input<'_>, settings: &Settings) -> Result<String, String> {
    let value = serde_json::to_value(input).map_err(|error| error.to_string())?;
    let text = canonical_json(&value);
    let limit = settings.limits.input_bytes;
    if text.len() > limit {
        Err(format!("the input has more than {limit} bytes"))
    } else {
        Ok(text)
    }
}

/// The logged input of a request whose intent cannot be read.
fn unreadable_input(request: &DecisionRequest, why: &str) -> String {
    canonical_json(&json!({ "unreadable": why, "intent": { "hash": request.intent.hash() } }))
}

/// The targets of which at least one needs a policy: those of the signer, and every contract and
/// asset in the effects.
fn targets(request: &DecisionRequest, effects: &Effects, known: &Known) -> Vec<Target> {
    let chain = request.intent.chain;
    let receivers = effects.moves.iter().map(|item| item.to.as_str());
    let mut contracts = effects.contracts();
    contracts.extend(receivers);
    let contracts = contracts.into_iter().map(|account| Target::Contract {
        chain,
        account: account.to_owned(),
    });
    let assets = assets(effects, known)
        .into_iter()
        .map(|name| Target::Asset {
            name: name.to_owned(),
        });
    let own = request.targets().into_iter();
    own.chain(contracts).chain(assets).collect()
}

/// The hash of all evaluated documents and the library: domain `policy-bundle`, version 1.
pub(crate) fn bundle_hash(documents: &[SelectedDocument]) -> Digest {
    let mut hashes: Vec<Digest> = documents
        .iter()
        .map(|selected| selected.document.hash)
        .collect();
    hashes.sort_unstable();
    Canon::new("policy-bundle", 1)
        .list(&LIBRARY, |canon, (name, text)| {
            canon.text(name).digest(&Digest::of(text.as_bytes()))
        })
        .list(&hashes, |canon, hash| canon.digest(hash))
        .hash()
}
