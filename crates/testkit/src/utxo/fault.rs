//! What goes wrong between the node and whoever asks it.

use super::FakeCoins;
use chain::{Class, Submitted};
use std::collections::VecDeque;

/// What happens to the next transaction that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The node judges and keeps it; the answer is lost.
    LoseReply,
    /// The node never sees it, and no answer comes.
    LoseCall,
    /// The node sees it and says no, whatever it is.
    Refuse(Class, String),
}

/// What the node gets wrong when it is asked, until [`FakeCoins::be_honest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// It gives no answer to any question.
    Silence,
    /// It never heard of the block of this hash, when asked by hash.
    Forgets(String),
    /// Asked by height, it tells of the branch that ends in the block of this hash; its head stays
    /// where it is.
    HeightsOf(String),
    /// Asked for a whole block, it gives the one below, as if that had been asked for.
    OtherBlock,
    /// Blocks come without what happened in them.
    NothingHappened,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) next: VecDeque<Fault>,
    pub(super) lies: Vec<Lie>,
    /// Blocks that the node has not heard of yet.
    pub(super) lag: u64,
}

impl FakeCoins {
    /// Do so to the next transaction that is sent, and for which nothing is planned yet.
    pub fn next_submit(&self, fault: Fault) {
        self.state().faults.next.push_back(fault);
    }

    /// The node takes the next transaction, and the answer is lost.
    pub fn lose_reply_next_submit(&self) {
        self.next_submit(Fault::LoseReply);
    }

    /// The node says no to the next transaction, whatever it is.
    pub fn refuse_next(&self, class: Class, message: &str) {
        self.next_submit(Fault::Refuse(class, message.to_owned()));
    }

    /// Lie from now on, besides all other lies.
    pub fn lie(&self, lie: Lie) {
        self.state().faults.lies.push(lie);
    }

    /// Lie no more, be late no more, and do to transactions that are sent only what is right.
    pub fn be_honest(&self) {
        self.state().faults = Faults::default();
    }

    /// The node has not heard of the newest blocks; 0 for all. Transactions that are sent are
    /// judged by the true head: they travel.
    pub fn lag(&self, blocks: u64) {
        self.state().faults.lag = blocks;
    }
}

impl Faults {
    pub(super) fn tells(&self, lie: &Lie) -> bool {
        self.lies.contains(lie)
    }
}

/// The answer that comes when none does.
pub(super) fn lost() -> Submitted {
    Submitted::Unknown {
        message: "the connection was closed before an answer came".to_owned(),
    }
}
