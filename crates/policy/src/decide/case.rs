//! A question on its way to a verdict.

use crate::decision::Source;
use crate::document::LIBRARY;
use crate::evaluate::Ask;
use crate::input::Input;
use crate::outcome::{Reason, Why};
use crate::shelf::Document;
use crate::{Config, Question, Target};
use intent::{AssetRef, Effects};
use serde_json::json;
use std::sync::Arc;
use types::{Canon, Digest, Time, canonical_json};

/// A question, what it does, and who is asked about it.
pub(crate) struct Case {
    pub(crate) question: Question,
    pub(crate) now: Time,
    /// The input as canonical JSON; of what cannot be judged, what is known of it.
    pub(crate) input: String,
    pub(crate) targets: Vec<Target>,
    /// Which state of the namespace's policies it was given; none where no policy of the namespace
    /// is asked.
    pub(crate) standing: Option<i64>,
    pub(crate) documents: Vec<Asked>,
    /// Reasons to deny, whatever documents say.
    pub(crate) problems: Vec<Reason>,
}

/// A document that is asked, and what it wants to know before.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) source: Source,
    pub(crate) document: Arc<Document>,
    pub(crate) asks: Result<Vec<Ask>, String>,
}

impl Case {
    /// Read what the intent does.
    pub(crate) fn read(question: Question, config: &Config, now: Time) -> Self {
        let read = intent::effects(&question.intent, question.interface.as_ref())
            .map_err(|error| error.to_string());
        let input =
            read.and_then(|effects| Ok((written(&question, &effects, config, now)?, effects)));
        let (input, targets, problems) = match input {
            Ok((input, effects)) => (input, targets(&question, &effects), Vec::new()),
            Err(why) => (
                unreadable(&question, &why),
                question.targets(),
                vec![Reason::new(Why::Unreadable, None, why)],
            ),
        };
        Self {
            question,
            now,
            input,
            targets,
            standing: None,
            documents: Vec::new(),
            problems,
        }
    }

    /// Whether documents are asked at all.
    pub(crate) fn is_readable(&self) -> bool {
        self.problems
            .iter()
            .all(|problem| problem.code != Why::Unreadable)
    }
}

fn written(
    question: &Question,
    effects: &Effects,
    config: &Config,
    now: Time,
) -> Result<String, String> {
    let value = serde_json::to_value(Input::of(question, effects, config, now))
        .map_err(|error| error.to_string())?;
    let text = canonical_json(&value);
    let limit = config.limits.input_bytes;
    if text.len() > limit {
        Err(format!("its input has more than {limit} bytes"))
    } else {
        Ok(text)
    }
}

/// What the log keeps of a question that no document can be asked about.
fn unreadable(question: &Question, why: &str) -> String {
    canonical_json(&json!({ "unreadable": why, "intent": { "hash": question.intent.hash() } }))
}

/// Where policies may be attached: what the question names, and every contract that its effects
/// name.
fn targets(question: &Question, effects: &Effects) -> Vec<Target> {
    let token = |asset: &AssetRef| match asset {
        AssetRef::Token { contract, .. } => Some(contract.clone()),
        AssetRef::Native => None,
    };
    let called = effects.calls.iter().map(|call| call.contract.clone());
    let moved = effects
        .moves
        .iter()
        .flat_map(|one| token(&one.asset).into_iter().chain([one.to.clone()]));
    let granted = effects
        .grants
        .iter()
        .filter_map(|one| one.asset.as_ref().and_then(token));
    let chain = &question.intent.chain;
    let mut contracts: Vec<String> = called.chain(moved).chain(granted).collect();
    contracts.sort_unstable();
    contracts.dedup();
    let contracts = contracts.into_iter().map(|account| Target::Contract {
        chain: chain.clone(),
        account,
    });
    question.targets().into_iter().chain(contracts).collect()
}

/// The hash of all documents that take part, the library among them: domain `policy-bundle`,
/// version 1.
pub(crate) fn bundle_hash(documents: &[Asked]) -> Digest {
    let mut hashes: Vec<Digest> = documents.iter().map(|asked| asked.document.hash).collect();
    hashes.sort_unstable();
    Canon::new("policy-bundle", 1)
        .list(&LIBRARY, |canon, (name, text)| {
            canon.text(name).digest(&Digest::of(text.as_bytes()))
        })
        .list(&hashes, |canon, hash| canon.digest(hash))
        .hash()
}
