//! Blocks by their hash, with what is watched in them. Every answer is held against the header, and
//! the header against its hash.

mod fetch;
mod included;

use super::Evm;
use crate::evm::config::BlockHash;
use crate::evm::header::{Header, shown};
use crate::evm::numerals::{Word, fixed, show};
use crate::evm::rpc::Failure;
use crate::{BlockRef, Error, FinalityTag, Result, Watch};
use serde_json::{Value, json};
use types::{Block, Height};

/// A thousand blocks a second for a hundred thousand years are fewer.
const HIGHEST: u64 = 1 << 52;

impl Evm {
    /// The header of a block by number or tag.
    pub(super) async fn header_by_number(&self, number: &str) -> Result<Option<Header>> {
        let header: Option<Header> = self
            .ask("eth_getBlockByNumber", json!([number, false]))
            .await?;
        self.sound(header)
    }

    /// The header of a block by its hash.
    pub(super) async fn header_by_hash(&self, hash: &str) -> Result<Option<Header>> {
        let Some(wanted) = fixed(hash) else {
            return Ok(None);
        };
        let header: Option<Header> = self.ask("eth_getBlockByHash", json!([hash, false])).await?;
        self.named(self.sound(header)?, &wanted)
    }

    pub(super) async fn block_ref_at(&self, height: Height) -> Result<Option<BlockRef>> {
        match self.header_by_number(&show(height.0)).await? {
            Some(header) if header.number.0 != height.0 => {
                Err(self.untrusted("it gave a block of another height"))
            }
            header => Ok(header.map(|header| header.block_ref())),
        }
    }

    /// The newest block under a tag; none if the node does not know tags. One that knows them and
    /// has no such block now is refused: it must not pass for a chain without tags, on which
    /// depth alone makes final.
    pub(super) async fn block_ref_tagged(&self, tag: FinalityTag) -> Result<Option<BlockRef>> {
        self.ready().await?;
        let name = match tag {
            FinalityTag::Safe => "safe",
            FinalityTag::Finalized => "finalized",
        };
        match self
            .rpc
            .ask::<Option<Header>>("eth_getBlockByNumber", json!([name, false]))
            .await
        {
            Ok(Some(header)) => Ok(self.sound(Some(header))?.map(|header| header.block_ref())),
            Ok(None) => {
                Err(self.untrusted(format!("it knows the tag {name} and has no such block")))
            }
            Err(Failure::Said(error)) if error.code == NO_TAGS => Ok(None),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// A block with what is watched in it. An answer that cannot be right is asked for again:
    /// behind one address may stand several nodes, and some lag.
    pub(super) async fn block_by_hash(&self, hash: &str, watch: &Watch) -> Result<Option<Block>> {
        let Some(hash) = fixed(hash) else {
            return Ok(None);
        };
        for attempt in 1.. {
            match self.fetch_block(&hash, watch).await {
                Err(Error::Untrusted { why, .. }) if self.rpc.pause(attempt).await => {
                    tracing::warn!(chain = %self.chain, block = %hash, why, "asking for a block again");
                }
                outcome => return outcome,
            }
        }
        Ok(None)
    }

    /// The header, if its fields give its hash, and its height can be counted on from.
    pub(super) fn sound(&self, header: Option<Header>) -> Result<Option<Header>> {
        match header {
            Some(header)
                if self.config.check.block_hash == BlockHash::Strict && !header.is_sound() =>
            {
                Err(self.untrusted(format!(
                    "{} does not have the hash of its header",
                    shown(&header)
                )))
            }
            Some(header) if header.number.0 > HIGHEST => {
                Err(self.untrusted(format!("{} is higher than any chain", shown(&header))))
            }
            header => Ok(header),
        }
    }

    /// The header, if it is the one that was asked for.
    fn named(&self, header: Option<Header>, wanted: &Word) -> Result<Option<Header>> {
        match header {
            Some(header) if header.hash != *wanted => {
                Err(self.untrusted("it gave another block than was asked for"))
            }
            header => Ok(header),
        }
    }
}

/// How nodes from before the tags refuse one: invalid parameters. `finalized block not found` and
/// -39001 are of nodes that know them.
const NO_TAGS: i64 = -32602;

/// How nodes say that they do not have a block.
fn has_no_block(failure: &Failure) -> bool {
    let Failure::Said(error) = failure else {
        return false;
    };
    let text = error.message.to_lowercase();
    [
        "unknown block",
        "block not found",
        "header not found",
        "header for hash not found",
        "not found",
    ]
    .iter()
    .any(|phrase| text.contains(phrase))
        && !error.is_unknown_method()
}

fn by_hash(hash: &Word, full: bool) -> Value {
    json!([hash.to_string(), full])
}
