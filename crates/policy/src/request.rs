//! The decision request: who wants which intent signed, from where, at what fee.

use crate::Target;
use intent::{FeeLimits, FeeTerms, Intent, Interface};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{Canon, Digest, KeyId, PermitId, Principal, Role, RunId, Time, WalletId};

/// A request for a decision. It is decided in the initiator's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRequest {
    pub initiator: Principal,
    /// What the decision is about, such as a submission's id: decisions can be listed by it.
    pub subject: String,
    /// What the signature is for.
    pub purpose: Purpose,
    /// The intent to sign.
    pub intent: Intent,
    /// The interface that the call was encoded with. It changes nothing that is decided.
    pub interface: Option<Interface>,
    /// The estimated cost of the transaction; zero for messages and typed data.
    pub quote: FeeTerms,
    /// The limits on fees that the configuration of the chain sets. No permit is wider.
    pub limits: FeeLimits,
    /// The wallet of the signer's key. A cancel is permitted only if the signer's wallet is known.
    pub wallet: Option<WalletRef>,
    pub key: Option<KeyId>,
    /// The task that requests the signature, if any.
    pub task: Option<TaskRef>,
    /// Names of assets, whose policies are evaluated in addition.
    pub assets: Vec<String>,
    /// Names of policies to evaluate in addition to the attached ones: those of a task version.
    pub policies: Vec<String>,
    /// Labels of the request, as set by the caller.
    pub labels: BTreeMap<String, String>,
    /// The approvals given so far.
    pub approvals: Vec<Approval>,
}

/// What a signature is for. It follows from what was signed before, never from what the intent
/// looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The first signature of an intent.
    Act,
    /// The same intent at another price, on the replay keys of what was signed, or requested, under
    /// a permit.
    Reprice { supersedes: PermitId },
    /// Nothing but using up these replay keys: a cancel or a fill, which the shipped document
    /// decides alone.
    Cancel { supersedes: PermitId },
}

impl Purpose {
    /// The permit whose replay keys are used again.
    pub fn supersedes(self) -> Option<PermitId> {
        match self {
            Self::Act => None,
            Self::Reprice { supersedes } | Self::Cancel { supersedes } => Some(supersedes),
        }
    }

    /// The name in the input of documents.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Act | Self::Reprice { .. } => "act",
            Self::Cancel { .. } => "cancel",
        }
    }
}

/// A wallet, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletRef {
    pub id: WalletId,
    pub name: String,
    /// The kind of wallet, such as `org` or `user`.
    pub kind: String,
}

/// A step of a task's run, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRef {
    pub name: String,
    /// The label of the task's version.
    pub version: String,
    pub run: RunId,
    pub step: String,
}

/// A person's approval of an intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The id of the person.
    pub by: String,
    /// The person's roles in the namespace.
    pub roles: Vec<Role>,
    pub at: Time,
}

/// The hash of the approvals in a permit: domain `approvals`, version 1; in the order in which they
/// were given.
pub fn approvals_hash(approvals: &[Approval]) -> Digest {
    let role = |canon: Canon, role: &Role| canon.text(role.as_str());
    Canon::new("approvals", 1)
        .list(approvals, |canon, approval| {
            canon
                .text(&approval.by)
                .list(&approval.roles, role)
                .int(approval.at.micros())
        })
        .hash()
}

impl DecisionRequest {
    /// Whether this is a cancel or a fill, which the shipped document decides.
    pub(crate) fn is_cancel(&self) -> bool {
        matches!(self.purpose, Purpose::Cancel { .. })
    }

    /// The targets of the signer.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let (chain, account) = (self.intent.chain, self.intent.signer.clone());
        let mut targets = vec![Target::Namespace, Target::Account { chain, account }];
        targets.extend(
            self.wallet
                .as_ref()
                .map(|wallet| Target::Wallet { id: wallet.id }),
        );
        targets.extend(self.key.map(|id| Target::Key { id }));
        targets
    }

    /// The targets that the caller names: their policies only add to those of other targets.
    pub(crate) fn named_targets(&self) -> Vec<Target> {
        let task = self.task.iter().map(|task| Target::Task {
            name: task.name.clone(),
        });
        let assets = self
            .assets
            .iter()
            .map(|name| Target::Asset { name: name.clone() });
        task.chain(assets).collect()
    }
}
