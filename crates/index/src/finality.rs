//! Determines how far a chain is final by its finality rule. The node is queried first; the
//! decision is pure.

use chain::{BlockRef, Connector, Finality};
use types::Height;

/// The node's answer about its finality tag (`safe` or `finalized`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TagAnswer {
    /// Not queried: the rule uses no tag.
    NotNeeded,
    /// This block is final, and all below it.
    Block(BlockRef),
    /// The node does not know the tag.
    Unsupported,
    /// The node did not respond.
    Unavailable,
}

/// The height that the rule allows to be final, and the tagged block where the node named one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Candidate {
    pub(crate) height: Option<Height>,
    pub(crate) tagged: Option<BlockRef>,
}

/// Queries the tagged block, if the rule uses a tag. Must be called before blocks are fetched by
/// height, so that the tagged block is not above them.
pub(crate) async fn query_tag(chain: &dyn Connector) -> TagAnswer {
    let Finality::Tag { tag, .. } = chain.finality() else {
        return TagAnswer::NotNeeded;
    };
    match chain.tagged(tag).await {
        Ok(Some(tagged)) => TagAnswer::Block(tagged),
        Ok(None) => TagAnswer::Unsupported,
        Err(error) => {
            tracing::warn!(
                event = "chain.finality_unknown",
                chain = %chain.chain(),
                %error,
                "the node did not return its final block"
            );
            TagAnswer::Unavailable
        }
    }
}

/// The candidate for finality by a rule and the node's answer, when blocks up to `head` are known.
pub(crate) fn candidate(rule: Finality, answer: &TagAnswer, head: Height) -> Candidate {
    let at_depth = |blocks: u64| head.0.checked_sub(blocks).map(Height);
    let height = match (rule, answer) {
        (Finality::Instant, _) => Some(head),
        (Finality::Depth { blocks }, _) => at_depth(blocks),
        (Finality::Tag { blocks, .. }, TagAnswer::Block(tagged)) => {
            at_depth(blocks).map(|height| height.min(tagged.height))
        }
        // The node does not know the tag: depth alone decides. Without a depth nothing is final.
        (
            Finality::Tag {
                blocks: blocks @ 1..,
                ..
            },
            TagAnswer::Unsupported,
        ) => at_depth(blocks),
        (Finality::Tag { .. }, _) => None,
    };
    let tagged = match answer {
        TagAnswer::Block(tagged) => Some(tagged.clone()),
        _ => None,
    };
    Candidate { height, tagged }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chain::FinalityTag;

    fn tagged(height: u64) -> TagAnswer {
        let (hash, parent) = ("a".to_owned(), "b".to_owned());
        TagAnswer::Block(BlockRef {
            height: Height(height),
            hash,
            parent,
            time: types::Time::EPOCH,
        })
    }

    #[test]
    fn every_rule_with_every_tag_answer() {
        let tag = |blocks| Finality::Tag {
            tag: FinalityTag::Finalized,
            blocks,
        };
        let cases = [
            (Finality::Instant, TagAnswer::NotNeeded, Some(100)),
            (
                Finality::Depth { blocks: 0 },
                TagAnswer::NotNeeded,
                Some(100),
            ),
            (
                Finality::Depth { blocks: 12 },
                TagAnswer::NotNeeded,
                Some(88),
            ),
            (Finality::Depth { blocks: 101 }, TagAnswer::NotNeeded, None),
            (tag(0), tagged(90), Some(90)),
            (tag(20), tagged(90), Some(80)),
            (tag(20), tagged(70), Some(70)),
            (tag(0), tagged(200), Some(100)),
            (tag(101), tagged(90), None),
            (tag(20), TagAnswer::Unsupported, Some(80)),
            (tag(0), TagAnswer::Unsupported, None),
            (tag(20), TagAnswer::Unavailable, None),
        ];
        for (rule, answer, expected) in cases {
            let candidate = candidate(rule, &answer, Height(100));
            assert_eq!(
                candidate.height,
                expected.map(Height),
                "{rule:?} {answer:?}"
            );
            assert_eq!(
                candidate.tagged.is_some(),
                matches!(answer, TagAnswer::Block(_))
            );
        }
    }
}
