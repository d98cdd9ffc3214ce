//! What a submission is, and the command that makes one.

use crate::state::{Event, State, step};
use crate::{Error, Result};
use intent::{FeeTerms, Intent, Permit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{
    Amount, Canon, ChainId, DecisionId, Digest, Height, Principal, Status, SubmissionId, Time,
};

/// What the caller wants signed and sent.
#[derive(Debug, Clone)]
pub struct Enqueue {
    /// The caller's idempotency key, at most 256 bytes.
    pub key: Option<String>,
    /// What the signature does.
    pub intent: Intent,
    /// The interface of the contract that is called, so that policy can read the call.
    pub interface: Option<String>,
    /// Policies that the task or workflow asks for besides those attached.
    pub policies: Vec<String>,
    /// What it belongs to, as policy and explanations show it.
    pub context: Context,
}

/// At most so many texts of at most so many bytes, none with a NUL.
fn text<'t>(
    field: &'static str,
    texts: impl IntoIterator<Item = &'t String>,
    most: usize,
    longest: usize,
) -> Result<()> {
    let invalid = |why: String| Err(Error::Invalid { field, why });
    for (place, text) in texts.into_iter().enumerate() {
        if place >= most {
            return invalid(format!("are more than {most}"));
        }
        if text.len() > longest {
            return invalid(format!("is longer than {longest} bytes"));
        }
        if text.contains('\0') {
            return invalid("holds a NUL character".to_owned());
        }
    }
    Ok(())
}

/// What a submission belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The step of a task that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<policy::TaskRef>,
    /// Labels, as the caller set them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Names of the assets it touches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<String>,
}

impl Enqueue {
    /// What two commands must share to be the same.
    pub fn hash(&self) -> Digest {
        Canon::new("submit-enqueue", 1)
            .bytes(&self.intent.canon().finish())
            .option(self.interface.as_ref(), |canon, text| canon.text(text))
            .list(&self.policies, |canon, name| canon.text(name))
            .text(&serde_json::to_string(&self.context).expect("plain data always serializes"))
            .hash()
    }

    /// Whether it keeps the limits, and a database takes its text. Error `submit.invalid`.
    pub(crate) fn check(&self) -> Result<()> {
        let labels = self
            .context
            .labels
            .iter()
            .flat_map(|(name, value)| [name, value]);
        text("Idempotency-Key", self.key.as_slice(), 1, 256)?;
        text("interface", self.interface.as_slice(), 1, 1 << 20)?;
        text("policies", &self.policies, 64, 256)?;
        text("assets", &self.context.assets, 64, 256)?;
        text("labels", labels, 128, 1_024)
    }
}

/// A chain transaction in our care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Submission {
    /// Its id.
    pub id: SubmissionId,
    /// The namespace.
    #[serde(skip)]
    pub namespace: types::Namespace,
    /// The chain.
    pub chain: ChainId,
    /// Who signs.
    pub signer: String,
    /// The idempotency key it was made under.
    pub idempotency_key: Option<String>,
    /// Who asked for it.
    pub initiator: Principal,
    /// What the signature does.
    pub intent: Intent,
    /// The contract's interface, as given.
    #[serde(skip)]
    pub interface: Option<String>,
    /// Policies asked for besides those attached.
    pub policies: Vec<String>,
    /// What it belongs to.
    pub context: Context,
    /// Where it stands.
    pub state: State,
    /// Where it goes on, if it is paused.
    pub paused_from: Option<State>,
    /// Why it waits, was denied or failed, in words.
    pub reason: Option<String>,
    /// What it would buy and cost, as quoted for the decision.
    pub quote: Option<FeeTerms>,
    /// The decision of policy.
    pub decision: Option<DecisionId>,
    /// The permit.
    #[serde(skip)]
    pub permit: Option<Permit>,
    /// Its order within the lane.
    #[serde(skip)]
    pub place: Option<i64>,
    /// The submission whose witness it takes, if it is a cancel.
    pub supersedes: Option<SubmissionId>,
    /// The transaction: the one that is mined, or the one signed last.
    pub transaction: Option<String>,
    /// The block it is in.
    pub block_hash: Option<String>,
    /// How high that stands.
    pub block_height: Option<Height>,
    /// How it ended on the chain.
    pub outcome: Option<Status>,
    /// What it cost.
    pub fee: Option<Amount>,
    /// The contract it made.
    pub created_contract: Option<String>,
    /// How often its bytes were sent since the last good news.
    pub attempts: u32,
    /// When the worker looks at it again.
    pub next_at: Time,
    /// Its place in the order of arrival.
    #[serde(skip)]
    pub arrival: i64,
    /// When it was received.
    pub created: Time,
    /// When it last changed.
    pub updated: Time,
    /// Raised with each change.
    pub version: u64,
}

impl Submission {
    /// Let something happen to it. A transition that must not happen is a mistake in Florin and
    /// changes nothing.
    pub(crate) fn happen(&mut self, event: Event, now: Time) -> Result<()> {
        let next = step(self.state, event, self.paused_from).map_err(Error::from)?;
        if next == State::Paused && self.state != State::Paused {
            self.paused_from = Some(self.state);
        } else if next != State::Paused {
            self.paused_from = None;
        }
        self.state = next;
        self.updated = now;
        Ok(())
    }

    /// Put it off, and say why.
    pub(crate) fn wait(&mut self, until: Time, reason: impl AsRef<str>) {
        self.next_at = until;
        self.explain(reason);
    }

    /// Say why. Nodes and contracts are quoted here: their words are cut, and a database takes
    /// them.
    pub(crate) fn explain(&mut self, reason: impl AsRef<str>) {
        self.reason = Some(words(reason.as_ref()));
    }

    /// Where the answer of an idempotent command lives.
    pub(crate) const VERB: &'static str = "submit";
}

/// Text of strangers as it is kept: without NUL, at most a thousand characters.
pub(crate) fn words(text: &str) -> String {
    const LONGEST: usize = 1_000;
    let clean = types::hostile_text(text.as_bytes());
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// Which submissions to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Filter {
    /// Only in this state.
    pub state: Option<State>,
    /// Only by this signer.
    pub signer: Option<String>,
    /// Only on this chain.
    pub chain: Option<ChainId>,
}

/// One transaction that was signed for a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Its hash.
    pub transaction: String,
    /// When it was signed.
    pub signed: Time,
    /// What it may cost.
    pub terms: FeeTerms,
    /// What the node last said of it.
    pub answer: Option<String>,
}
