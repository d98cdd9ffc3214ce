//! What policy is asked: who wants which intent signed, from where, at what fee.

use crate::Target;
use intent::{FeeTerms, Intent, Interface};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{Canon, Digest, KeyId, Principal, Role, RunId, Time, WalletId};

/// One question. The answer holds for the initiator's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who wants it.
    pub initiator: Principal,
    /// What it belongs to, such as a submission's id: the decision can be found by it.
    pub subject: String,
    /// What the signature is for.
    pub intent: Intent,
    /// The interface by which the call is decoded; without one the known token standards are.
    pub interface: Option<Interface>,
    /// What the transaction would cost now; nothing for messages and typed data.
    pub quote: FeeTerms,
    /// The wallet of the signer's key. A cancel is allowed only for a signer whose wallet is
    /// known.
    pub wallet: Option<WalletRef>,
    /// The signer's key.
    pub key: Option<KeyId>,
    /// The task that asks, if one does.
    pub task: Option<TaskRef>,
    /// Names of the assets that are touched, for policies that are attached to assets.
    pub assets: Vec<String>,
    /// Names of policies to ask besides those that are attached: a task version's own.
    pub policies: Vec<String>,
    /// Labels of the request, as its maker set them.
    pub labels: BTreeMap<String, String>,
    /// Who has approved so far.
    pub approvals: Vec<Approval>,
}

/// A wallet, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletRef {
    /// Its id.
    pub id: WalletId,
    /// Its name.
    pub name: String,
    /// What sort of wallet, such as `org` or `user`.
    pub kind: String,
}

/// A step of a task's run, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRef {
    /// The task's name.
    pub name: String,
    /// Its version's label.
    pub version: String,
    /// The run.
    pub run: RunId,
    /// The step's name.
    pub step: String,
}

/// A person's yes to an intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// What that one may do in the namespace.
    pub roles: Vec<Role>,
    /// When.
    pub at: Time,
}

/// The hash of approvals that a permit carries: domain `approvals`, version 1; in the order they
/// were given.
pub fn approvals_hash(approvals: &[Approval]) -> Digest {
    let role = |canon: Canon, role: &Role| canon.text(word(*role));
    Canon::new("approvals", 1)
        .list(approvals, |canon, one| {
            canon
                .text(&one.by)
                .list(&one.roles, role)
                .int(one.at.micros())
        })
        .hash()
}

/// A role's word on the wire.
fn word(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Operator => "operator",
        Role::Controller => "controller",
        Role::Admin => "admin",
        Role::KeyExporter => "keyexporter",
    }
}

impl Question {
    /// Whether this is a cancel or a fill, which have a rule of their own.
    pub fn is_cancel(&self) -> bool {
        self.intent.is_cancel()
    }

    /// Where policies may be attached that are to be asked about this, but for contracts: those are
    /// read from the effects.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let (chain, account) = (self.intent.chain.clone(), self.intent.signer.clone());
        let mut targets = vec![Target::Namespace, Target::Account { chain, account }];
        targets.extend(
            self.wallet
                .as_ref()
                .map(|wallet| Target::Wallet { id: wallet.id }),
        );
        targets.extend(self.key.map(|id| Target::Key { id }));
        targets.extend(self.task.as_ref().map(|task| Target::Task {
            name: task.name.clone(),
        }));
        targets.extend(
            self.assets
                .iter()
                .map(|name| Target::Asset { name: name.clone() }),
        );
        targets
    }
}
