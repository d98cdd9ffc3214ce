//! Fetches blocks. Every answer is checked against the header, and the header against its hash.

mod fetch;
mod inclusion;

use super::Evm;
use crate::evm::config::BlockHash;
use crate::evm::header::{Header, describe};
use crate::evm::numerals::{FromHex, Hex, Word, show};
use crate::evm::rpc::Failure;
use crate::{BlockRef, Error, FinalityTag, Result, Watch};
use serde_json::{Value, json};
use types::{Block, Height};

/// The highest plausible height: a thousand blocks per second for a hundred thousand years.
const MAX_HEIGHT: u64 = 1 << 52;

impl Evm {
    /// Returns the header of a block by number or tag.
    pub(super) async fn header_by_number(&self, number: &str) -> Result<Option<Header>> {
        let header: Option<Header> = self
            .request("eth_getBlockByNumber", json!([number, false]))
            .await?;
        self.check_header(header)
    }

    /// Returns the header of a block by hash.
    pub(super) async fn header_by_hash(&self, hash: &str) -> Result<Option<Header>> {
        let Some(requested) = FromHex::from_hex(hash).map(Hex) else {
            return Ok(None);
        };
        let header: Option<Header> = self
            .request("eth_getBlockByHash", json!([hash, false]))
            .await?;
        self.check_hash(self.check_header(header)?, &requested)
    }

    pub(super) async fn block_ref_at(&self, height: Height) -> Result<Option<BlockRef>> {
        match self.header_by_number(&show(height.0)).await? {
            Some(header) if *header.number != height.0 => {
                Err(self.invalid_response("it returned a block of another height"))
            }
            header => Ok(header.map(|header| header.block_ref())),
        }
    }

    /// Returns the newest block with a tag. `None` if the node does not support tags. A node that
    /// supports tags but has no such block is an error: treating it as a node without tags would
    /// make blocks final by depth alone.
    pub(super) async fn block_ref_tagged(&self, tag: FinalityTag) -> Result<Option<BlockRef>> {
        self.ready().await?;
        let name = match tag {
            FinalityTag::Safe => "safe",
            FinalityTag::Finalized => "finalized",
        };
        match self
            .rpc
            .request::<Option<Header>>("eth_getBlockByNumber", json!([name, false]))
            .await
        {
            Ok(Some(header)) => Ok(self
                .check_header(Some(header))?
                .map(|header| header.block_ref())),
            Ok(None) => {
                Err(self
                    .invalid_response(format!("it supports the tag {name} but has no such block")))
            }
            Err(Failure::RpcError(error)) if error.code == TAGS_UNSUPPORTED => Ok(None),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// Returns a block with what is watched in it. Retries after an invalid answer: one URL may
    /// serve several nodes, some of which lag.
    pub(super) async fn block_by_hash(&self, hash: &str, watch: &Watch) -> Result<Option<Block>> {
        let Some(hash) = FromHex::from_hex(hash).map(Hex) else {
            return Ok(None);
        };
        for attempt in 1.. {
            match self.fetch_block(&hash, watch).await {
                Err(Error::InvalidResponse { why, .. })
                    if self.rpc.wait_before_retry(attempt).await =>
                {
                    tracing::warn!(
                        event = "block.refetched",
                        chain = %self.chain,
                        block = %hash,
                        why,
                        "invalid block data: fetching the block again"
                    );
                }
                outcome => return outcome,
            }
        }
        Ok(None)
    }

    /// Checks that the header matches its hash and has a plausible height.
    pub(super) fn check_header(&self, header: Option<Header>) -> Result<Option<Header>> {
        match header {
            Some(header)
                if self.config.check.block_hash == BlockHash::Strict && !header.hash_matches() =>
            {
                Err(self.invalid_response(format!(
                    "{} does not match the hash of its header",
                    describe(&header)
                )))
            }
            Some(header) if *header.number > MAX_HEIGHT => Err(self.invalid_response(format!(
                "the height of {} is not plausible",
                describe(&header)
            ))),
            header => Ok(header),
        }
    }

    /// Checks that the header is the requested one.
    fn check_hash(&self, header: Option<Header>, requested: &Word) -> Result<Option<Header>> {
        match header {
            Some(header) if header.hash != *requested => {
                Err(self.invalid_response("it returned another block than the requested one"))
            }
            header => Ok(header),
        }
    }
}

/// The error of nodes that do not support tags: invalid parameters. `finalized block not found` and
/// -39001 come from nodes that support them.
const TAGS_UNSUPPORTED: i64 = -32602;

/// Whether the error means that the node does not have the block.
fn is_block_not_found(failure: &Failure) -> bool {
    let Failure::RpcError(error) = failure else {
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
