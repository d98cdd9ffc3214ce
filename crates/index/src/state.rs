//! What to do next, decided from what is stored and what the node says. Pure.

use chain::BlockRef;
use types::Height;

/// The end of what is stored as canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// How high.
    pub height: Height,
    /// Its hash.
    pub hash: String,
}

/// The next thing a follower does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing new.
    Idle,
    /// Fetch these heights and append them, if they build on the tip.
    Extend {
        /// The first.
        from: Height,
        /// The last.
        to: Height,
    },
    /// The node's head is not above the tip and not the tip: a fork, or a node that lags behind.
    Compare {
        /// The node's head.
        head: BlockRef,
    },
}

/// Decide, given the tip (none before the first block), where to start, the node's head, and how
/// many blocks to take at most.
pub fn next(tip: Option<&Tip>, first: Height, head: &BlockRef, most: u64) -> Next {
    let from = match tip {
        Some(tip) if tip.hash == head.hash => return Next::Idle,
        // A node that is still far behind: what is stored begins above its head, so nothing can be
        // compared.
        Some(_) if head.height < first => return Next::Idle,
        Some(tip) if tip.height >= head.height => return Next::Compare { head: head.clone() },
        Some(tip) => tip.height.next(),
        None => first,
    };
    if from > head.height {
        return Next::Idle; // the first block is yet to come
    }
    Next::Extend {
        from,
        to: Height(head.height.0.min(from.0 + most.max(1) - 1)),
    }
}

/// How blocks that were fetched join the tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Join {
    /// They form one chain that builds on the tip.
    Builds,
    /// They form one chain that builds on another block than the tip.
    Forks,
    /// They do not form one chain: the node changed its mind while we asked.
    Torn,
}

/// Whether fetched blocks build on the tip.
pub fn join(tip: Option<&Tip>, blocks: &[BlockRef]) -> Join {
    let torn = blocks
        .windows(2)
        .any(|pair| pair[1].parent != pair[0].hash || pair[1].height != pair[0].height.next());
    match (blocks.first(), tip) {
        _ if torn => Join::Torn,
        (None, _) => Join::Torn,
        (Some(_), None) => Join::Builds,
        (Some(first), Some(tip)) if first.parent == tip.hash => Join::Builds,
        _ => Join::Forks,
    }
}

/// The watermark after the chain was seen with this candidate: never below the one before, never
/// above the tip, never below the first block of the index.
pub fn watermark(
    before: Option<Height>,
    candidate: Option<Height>,
    first: Height,
    tip: Height,
) -> Option<Height> {
    let candidate = candidate
        .map(|candidate| candidate.min(tip))
        .filter(|candidate| *candidate >= first);
    before.max(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(height: u64, hash: &str, parent: &str) -> BlockRef {
        BlockRef {
            height: Height(height),
            hash: hash.into(),
            parent: parent.into(),
            time: types::Time::EPOCH,
        }
    }

    fn tip(height: u64, hash: &str) -> Tip {
        Tip {
            height: Height(height),
            hash: hash.into(),
        }
    }

    #[test]
    fn the_cases_of_a_new_head() {
        let first = Height(0);
        assert_eq!(
            next(Some(&tip(5, "a")), first, &block(5, "a", "z"), 10),
            Next::Idle
        );
        let fork = block(5, "b", "z");
        assert_eq!(
            next(Some(&tip(5, "a")), first, &fork, 10),
            Next::Compare { head: fork }
        );
        assert_eq!(
            next(Some(&tip(5, "a")), first, &block(6, "b", "a"), 10),
            Next::Extend {
                from: Height(6),
                to: Height(6)
            }
        );
        assert_eq!(
            next(Some(&tip(5, "a")), first, &block(60, "b", "x"), 10),
            Next::Extend {
                from: Height(6),
                to: Height(15)
            }
        );
        assert_eq!(next(None, Height(7), &block(6, "b", "a"), 10), Next::Idle);
        assert_eq!(
            next(None, Height(6), &block(6, "b", "a"), 10),
            Next::Extend {
                from: Height(6),
                to: Height(6)
            }
        );
    }

    #[test]
    fn a_node_that_has_not_come_to_the_first_block_says_nothing() {
        assert_eq!(
            next(Some(&tip(9, "a")), Height(7), &block(6, "x", "y"), 10),
            Next::Idle
        );
        let seven = block(7, "x", "y");
        assert_eq!(
            next(Some(&tip(9, "a")), Height(7), &seven, 10),
            Next::Compare { head: seven }
        );
    }

    #[test]
    fn only_a_chain_on_the_tip_builds() {
        let chain = [block(6, "b", "a"), block(7, "c", "b")];
        assert_eq!(join(Some(&tip(5, "a")), &chain), Join::Builds);
        assert_eq!(join(Some(&tip(5, "x")), &chain), Join::Forks);
        assert_eq!(
            join(
                Some(&tip(5, "a")),
                &[block(6, "b", "a"), block(7, "c", "y")]
            ),
            Join::Torn
        );
        assert_eq!(
            join(
                Some(&tip(5, "a")),
                &[block(6, "b", "a"), block(8, "c", "b")]
            ),
            Join::Torn
        );
        assert_eq!(join(None, &chain), Join::Builds);
        assert_eq!(join(None, &[]), Join::Torn);
    }

    proptest! {
        #[test]
        fn the_watermark_never_falls_and_never_passes_the_tip(
            first in 0u64..50, done in proptest::option::of(0u64..50), candidate in proptest::option::of(0u64..200), above in 0u64..100,
        ) {
            let before = done.map(|done| Height(first + done));
            let tip = Height(before.map_or(first, |before| before.0) + above);
            let after = watermark(before, candidate.map(Height), Height(first), tip);
            prop_assert!(after >= before);
            prop_assert!(after.is_none_or(|after| after <= tip && after >= Height(first)));
        }

        #[test]
        fn what_is_fetched_begins_behind_the_tip_and_is_bounded(tip_at in 0u64..50, head_at in 0u64..100, most in 1u64..20) {
            if let Next::Extend { from, to } = next(Some(&tip(tip_at, "t")), Height(0), &block(head_at, "h", "p"), most) {
                prop_assert_eq!(from, Height(tip_at + 1));
                prop_assert!(to <= Height(head_at) && to.0 - from.0 < most);
            }
        }
    }
}
