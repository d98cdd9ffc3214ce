//! How far a chain is final, by its rule: asked first, then decided. The decision is pure.

use chain::{BlockRef, Connector, Finality};
use types::Height;

/// What the chain itself says of settled blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// Nobody asked: the rule needs no word.
    Needless,
    /// This block is settled, and all below it.
    Block(BlockRef),
    /// The node knows no such word.
    None,
    /// The node does not answer, or has no such block now.
    Silent,
}

/// What the rule says is final now: a height, and the block's hash where the chain itself named it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Candidate {
    pub(crate) height: Option<Height>,
    pub(crate) named: Option<BlockRef>,
}

/// Ask for the chain's word, if the rule needs it. Ask before blocks are named by height: what is
/// settled now is below them then.
pub(crate) async fn ask(chain: &dyn Connector) -> Word {
    let Finality::Tag { tag, .. } = chain.finality() else {
        return Word::Needless;
    };
    match chain.tagged(tag).await {
        Ok(Some(named)) => Word::Block(named),
        Ok(None) => Word::None,
        Err(error) => {
            tracing::warn!(chain = %chain.chain(), %error, "finality unknown");
            Word::Silent
        }
    }
}

/// What is final by a rule and a word, when blocks up to `head` are known.
pub(crate) fn candidate(rule: Finality, word: Word, head: Height) -> Candidate {
    let deep = |blocks: u64| head.0.checked_sub(blocks).map(Height);
    let height = match (rule, &word) {
        (Finality::Instant, _) => Some(head),
        (Finality::Depth { blocks }, _) => deep(blocks),
        (Finality::Tag { blocks, .. }, Word::Block(named)) => {
            deep(blocks).map(|deep| deep.min(named.height))
        }
        // The node knows no tags: depth alone decides. Without a depth there is no rule left, and
        // nothing is final.
        (
            Finality::Tag {
                blocks: blocks @ 1..,
                ..
            },
            Word::None,
        ) => deep(blocks),
        (Finality::Tag { .. }, _) => None,
    };
    let named = match word {
        Word::Block(named) => Some(named),
        _ => None,
    };
    Candidate { height, named }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chain::FinalityTag;

    fn named(height: u64) -> Word {
        let (hash, parent) = ("a".to_owned(), "b".to_owned());
        Word::Block(BlockRef {
            height: Height(height),
            hash,
            parent,
            time: types::Time::EPOCH,
        })
    }

    #[test]
    fn each_rule_with_each_word() {
        let tag = |blocks| Finality::Tag {
            tag: FinalityTag::Finalized,
            blocks,
        };
        let cases = [
            (Finality::Instant, Word::Needless, Some(100)),
            (Finality::Depth { blocks: 0 }, Word::Needless, Some(100)),
            (Finality::Depth { blocks: 12 }, Word::Needless, Some(88)),
            (Finality::Depth { blocks: 101 }, Word::Needless, None),
            (tag(0), named(90), Some(90)),
            (tag(20), named(90), Some(80)),
            (tag(20), named(70), Some(70)),
            (tag(0), named(200), Some(100)),
            (tag(101), named(90), None),
            (tag(20), Word::None, Some(80)),
            (tag(0), Word::None, None),
            (tag(20), Word::Silent, None),
        ];
        for (rule, word, expected) in cases {
            let found = candidate(rule, word.clone(), Height(100));
            assert_eq!(found.height, expected.map(Height), "{rule:?} {word:?}");
            assert_eq!(found.named.is_some(), matches!(word, Word::Block(_)));
        }
    }
}
