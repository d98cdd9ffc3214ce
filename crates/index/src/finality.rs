//! How far a chain is final, by its rule.

use chain::{BlockRef, Connector, Finality};
use types::Height;

/// What the rule says is final now, seen with this head: a height, and the block's hash where the chain itself named it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Candidate {
    pub(crate) height: Option<Height>,
    pub(crate) named: Option<BlockRef>,
}

/// Ask the rule. A node that does not answer about tags makes nothing final.
pub(crate) async fn candidate(chain: &dyn Connector, head: Height) -> Candidate {
    let deep = |blocks: u64| head.0.checked_sub(blocks).map(Height);
    match chain.finality() {
        Finality::Instant => Candidate { height: Some(head), named: None },
        Finality::Depth { blocks } => Candidate { height: deep(blocks), named: None },
        Finality::Tag { tag, blocks } => match chain.tagged(tag).await {
            Ok(Some(named)) => {
                Candidate { height: deep(blocks).map(|deep| deep.min(named.height)), named: Some(named) }
            }
            // The node knows no tags: depth alone decides.
            Ok(None) => Candidate { height: deep(blocks), named: None },
            Err(error) => {
                tracing::warn!(chain = %chain.chain(), %error, "finality unknown");
                Candidate::default()
            }
        },
    }
}
