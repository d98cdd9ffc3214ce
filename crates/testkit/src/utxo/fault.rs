//! Faults between the node and its clients.

use super::FakeUtxoChain;
use chain::{RefusalClass, SubmitOutcome};
use std::collections::VecDeque;

/// A fault of the next submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The node processes it; the response is lost.
    LoseReply,
    /// The node does not get it; there is no response.
    LoseCall,
    /// The node gets it and rejects it, even if it is valid.
    Refuse(RefusalClass, String),
}

/// Wrong behavior of the node in queries, until [`FakeUtxoChain::clear_faults`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// No query gets a response.
    NoResponse,
    /// Queries by hash do not find the block with this hash.
    MissingBlock(String),
    /// Queries by height return the branch that ends in the block with this hash; the head does not
    /// change.
    ForkHeights(String),
    /// Queries for a full block return its parent.
    ParentBlock,
    /// Blocks are returned without events and transactions.
    EmptyBlocks,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) next: VecDeque<Fault>,
    pub(super) lies: Vec<Lie>,
    /// The number of newest blocks that the node does not know yet.
    pub(super) lag: u64,
}

impl FakeUtxoChain {
    /// Inject a fault into the next submission; repeated calls queue faults for later submissions.
    pub fn next_submit(&self, fault: Fault) {
        self.state().faults.next.push_back(fault);
    }

    /// The node processes the next submission, and the response is lost.
    pub fn lose_reply_next_submit(&self) {
        self.next_submit(Fault::LoseReply);
    }

    /// The node rejects the next submission, even if it is valid.
    pub fn refuse_next(&self, class: RefusalClass, message: &str) {
        self.next_submit(Fault::Refuse(class, message.to_owned()));
    }

    /// Add a wrong behavior.
    pub fn lie(&self, lie: Lie) {
        self.state().faults.lies.push(lie);
    }

    /// Remove all faults, lies and lag.
    pub fn clear_faults(&self) {
        self.state().faults = Faults::default();
    }

    /// Hide the newest blocks in queries; 0 shows all. Submissions are still checked against the
    /// true head.
    pub fn set_lag(&self, blocks: u64) {
        self.state().faults.lag = blocks;
    }
}

impl Faults {
    pub(super) fn has(&self, lie: &Lie) -> bool {
        self.lies.contains(lie)
    }
}

/// The result of a submission without a response.
pub(super) fn lost() -> SubmitOutcome {
    SubmitOutcome::Unknown {
        message: "the connection was closed before a response was received".to_owned(),
    }
}
