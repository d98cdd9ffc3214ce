//! Decides the worker's next step from the stored chain and the node's blocks. Pure.

use chain::BlockRef;
use types::Height;

/// The newest stored canonical block.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
pub struct Tip {
    pub height: Height,
    pub hash: String,
}

/// The next step of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// Nothing new.
    Idle,
    /// Fetch these heights (inclusive) and append them, if they extend the tip.
    Extend { from: Height, to: Height },
    /// The node's head is neither above the tip nor the tip itself: a fork, or a lagging node.
    Compare { head: BlockRef },
}

/// Decides the next step. `tip` is none before the first block, `first` is the height at which the
/// index starts, and `max_blocks` limits the blocks fetched in one step.
pub(crate) fn next_step(
    tip: Option<&Tip>,
    first: Height,
    head: &BlockRef,
    max_blocks: u64,
) -> NextStep {
    let from = match tip {
        Some(tip) if tip.hash == head.hash => return NextStep::Idle,
        // The node's head is below the first stored block, so there is nothing to compare.
        Some(_) if head.height < first => return NextStep::Idle,
        Some(tip) if tip.height >= head.height => {
            return NextStep::Compare { head: head.clone() };
        }
        Some(tip) => tip.height.next(),
        None => first,
    };
    if from > head.height {
        return NextStep::Idle; // the node has not reached the first block
    }
    NextStep::Extend {
        from,
        to: Height(head.height.0.min(from.0 + max_blocks.max(1) - 1)),
    }
}

/// How fetched blocks relate to the tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Continuity {
    /// They form one chain that extends the tip.
    Extends,
    /// They form one chain that builds on a block other than the tip.
    Forks,
    /// They do not form one chain: the node switched branches between two requests.
    Broken,
}

/// Classifies fetched blocks by how they relate to the tip.
pub(crate) fn continuity(tip: Option<&Tip>, blocks: &[BlockRef]) -> Continuity {
    let broken = blocks
        .windows(2)
        .any(|pair| pair[1].parent != pair[0].hash || pair[1].height != pair[0].height.next());
    match (blocks.first(), tip) {
        _ if broken => Continuity::Broken,
        (None, _) => Continuity::Broken,
        (Some(_), None) => Continuity::Extends,
        (Some(first), Some(tip)) if first.parent == tip.hash => Continuity::Extends,
        _ => Continuity::Forks,
    }
}

/// The watermark for a candidate: never below the one before, never above the tip, and never below
/// the first block of the index.
pub(crate) fn watermark(
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
    fn each_kind_of_new_head_has_its_step() {
        let first = Height(0);
        assert_eq!(
            next_step(Some(&tip(5, "a")), first, &block(5, "a", "z"), 10),
            NextStep::Idle
        );
        let fork = block(5, "b", "z");
        assert_eq!(
            next_step(Some(&tip(5, "a")), first, &fork, 10),
            NextStep::Compare { head: fork }
        );
        assert_eq!(
            next_step(Some(&tip(5, "a")), first, &block(6, "b", "a"), 10),
            NextStep::Extend {
                from: Height(6),
                to: Height(6)
            }
        );
        assert_eq!(
            next_step(Some(&tip(5, "a")), first, &block(60, "b", "x"), 10),
            NextStep::Extend {
                from: Height(6),
                to: Height(15)
            }
        );
        assert_eq!(
            next_step(None, Height(7), &block(6, "b", "a"), 10),
            NextStep::Idle
        );
        assert_eq!(
            next_step(None, Height(6), &block(6, "b", "a"), 10),
            NextStep::Extend {
                from: Height(6),
                to: Height(6)
            }
        );
    }

    #[test]
    fn a_node_below_the_first_block_is_not_compared() {
        assert_eq!(
            next_step(Some(&tip(9, "a")), Height(7), &block(6, "x", "y"), 10),
            NextStep::Idle
        );
        let head = block(7, "x", "y");
        assert_eq!(
            next_step(Some(&tip(9, "a")), Height(7), &head, 10),
            NextStep::Compare { head }
        );
    }

    #[test]
    fn only_one_chain_on_the_tip_extends_it() {
        let chain = [block(6, "b", "a"), block(7, "c", "b")];
        assert_eq!(continuity(Some(&tip(5, "a")), &chain), Continuity::Extends);
        assert_eq!(continuity(Some(&tip(5, "x")), &chain), Continuity::Forks);
        assert_eq!(
            continuity(
                Some(&tip(5, "a")),
                &[block(6, "b", "a"), block(7, "c", "y")]
            ),
            Continuity::Broken
        );
        assert_eq!(
            continuity(
                Some(&tip(5, "a")),
                &[block(6, "b", "a"), block(8, "c", "b")]
            ),
            Continuity::Broken
        );
        assert_eq!(continuity(None, &chain), Continuity::Extends);
        assert_eq!(continuity(None, &[]), Continuity::Broken);
    }

    proptest! {
        #[test]
        fn the_watermark_never_falls_and_never_passes_the_tip(
            first in 0u64..50, offset in proptest::option::of(0u64..50), candidate in proptest::option::of(0u64..200), above in 0u64..100,
        ) {
            let before = offset.map(|offset| Height(first + offset));
            let tip = Height(before.map_or(first, |before| before.0) + above);
            let after = watermark(before, candidate.map(Height), Height(first), tip);
            prop_assert!(after >= before);
            prop_assert!(after.is_none_or(|after| after <= tip && after >= Height(first)));
        }

        #[test]
        fn fetched_heights_start_after_the_tip_and_are_bounded(tip_at in 0u64..50, head_at in 0u64..100, max_blocks in 1u64..20) {
            if let NextStep::Extend { from, to } = next_step(Some(&tip(tip_at, "t")), Height(0), &block(head_at, "h", "p"), max_blocks) {
                prop_assert_eq!(from, Height(tip_at + 1));
                prop_assert!(to <= Height(head_at) && to.0 - from.0 < max_blocks);
            }
        }
    }
}
