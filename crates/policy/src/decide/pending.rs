//! A decision in progress: from the request to its documents.

use crate::document::LIBRARY;
use crate::document_cache::Document;
use crate::evaluate::LookupRequest;
use crate::input::Input;
use crate::outcome::{Reason, ReasonCode};
use crate::table::decision::DocumentSource;
use crate::{DecisionRequest, Settings, Target};
use intent::{AssetRef, Effects};
use serde_json::json;
use std::sync::Arc;
use types::{Canon, Digest, Time, canonical_json};

/// A decision request with its input and its documents.
pub(crate) struct PendingDecision {
    pub(crate) request: DecisionRequest,
    pub(crate) now: Time,
    /// The input as canonical JSON; for an unreadable intent, an object with the error.
    pub(crate) input: String,
    pub(crate) targets: Vec<Target>,
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
    /// Read the effects of the intent.
    pub(crate) fn read(request: DecisionRequest, settings: &Settings, now: Time) -> Self {
        let read = intent::effects(&request.intent, request.interface.as_ref())
            .map_err(|error| error.to_string());
        let input =
            read.and_then(|effects| Ok((input_text(&request, &effects, settings, now)?, effects)));
        let (input, targets, problems) = match input {
            Ok((input, effects)) => (input, targets(&request, &effects), Vec::new()),
            Err(why) => (
                unreadable_input(&request, &why),
                request.targets(),
                vec![Reason::new(ReasonCode::Unreadable, None, why)],
            ),
        };
        Self {
            request,
            now,
            input,
            targets,
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

fn input_text(
    request: &DecisionRequest,
    effects: &Effects,
    settings: &Settings,
    now: Time,
) -> Result<String, String> {
    let value = serde_json::to_value(Input::of(request, effects, settings, now))
        .map_err(|error| error.to_string())?;
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

/// The targets whose policies are evaluated: those that the request names, and every contract in
/// its effects.
fn targets(request: &DecisionRequest, effects: &Effects) -> Vec<Target> {
    let token = |asset: &AssetRef| match asset {
        AssetRef::Token { contract, .. } => Some(contract.clone()),
        AssetRef::Native => None,
    };
    let called = effects.calls.iter().map(|call| call.contract.clone());
    let moved = effects
        .moves
        .iter()
        .flat_map(|item| token(&item.asset).into_iter().chain([item.to.clone()]));
    let granted = effects
        .grants
        .iter()
        .filter_map(|item| item.asset.as_ref().and_then(token));
    let chain = &request.intent.chain;
    let mut contracts: Vec<String> = called.chain(moved).chain(granted).collect();
    contracts.sort_unstable();
    contracts.dedup();
    let contracts = contracts.into_iter().map(|account| Target::Contract {
        chain: *chain,
        account,
    });
    request.targets().into_iter().chain(contracts).collect()
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
