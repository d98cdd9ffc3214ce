//! Signed tree heads: signs the Merkle root over the heads of all partitions, chained to the
//! previous tree head, with a key that is not in the database, and exports each one.
//!
//! `docs/facts.md` specifies the format. A hash chain without a signature proves nothing against an
//! attacker who can rewrite all of it; an exported tree head does.

use crate::table::tree_head::{self as table, NewTreeHead, PartitionHead, StoredLine};
use crate::{Db, Error, Lease, Result, UnscopedTx};
use ed25519_dalek::{Signer, SigningKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tracing::Instrument as _;
use types::{Canon, Digest, Time, merkle_root};

/// One signed tree head, serialized as one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeHead {
    /// 1, 2, 3, … without gaps.
    pub number: i64,
    pub at: Time,
    /// The heads that moved since the previous tree head.
    pub heads: Vec<PartitionHead>,
    /// The Merkle root over all heads, sorted by partition.
    pub root: Digest,
    /// The hash of the previous tree head; zeros for the first.
    pub prev: Digest,
    /// The Ed25519 public key, hexadecimal.
    pub key: String,
    /// The signature over the hash, hexadecimal.
    pub signature: String,
}

impl TreeHead {
    /// The hash that is signed and chained: canonical form, domain `tree-head`, version 1.
    pub fn hash(&self) -> Digest {
        Canon::new("tree-head", 1)
            .int(self.number)
            .int(self.at.micros())
            .list(&self.heads, |canon, head| {
                canon.text(&head.partition).int(head.seq).digest(&head.hash)
            })
            .digest(&self.root)
            .digest(&self.prev)
            .hash()
    }
}

/// Stores tree heads outside the database.
pub trait TreeHeadExport: Send + Sync {
    /// Store a line durably; ignore one whose number was stored before. After an error the same
    /// line is passed again before any later one.
    fn put(&self, number: i64, line: &str) -> std::io::Result<()>;
    /// The number of the last stored line, 0 for none.
    fn last(&self) -> std::io::Result<i64>;
}

/// The last fact of each partition and its hash.
type Leaves = BTreeMap<String, (i64, Digest)>;

/// Signs tree heads and exports them. One process at a time: it holds a lease.
pub struct TreeHeadSigner {
    db: Db,
    lease: Lease,
    key: SigningKey,
    export: Box<dyn TreeHeadExport>,
    leaves: Leaves,
    last: Option<TreeHead>,
    /// Storing a tree head failed, so the database may hold another one than `last`.
    uncertain: bool,
}

impl TreeHeadSigner {
    /// Lines exported per read.
    const EXPORT_PAGE: u32 = 100;

    /// Continue after the last tree head in the database. [`Error::TreeHeadMismatch`] if it does
    /// not match the stored leaves, or if more tree heads were exported than are stored.
    pub async fn new(
        db: Db,
        lease: Lease,
        key: [u8; 32],
        export: Box<dyn TreeHeadExport>,
    ) -> Result<Self> {
        let key = SigningKey::from_bytes(&key);
        let mut signer = Self {
            db,
            lease,
            key,
            export,
            leaves: BTreeMap::new(),
            last: None,
            uncertain: false,
        };
        signer.load().await?;
        Ok(signer)
    }

    async fn load(&mut self) -> Result<()> {
        let read = |tx: &mut UnscopedTx| Ok::<_, Error>((table::last(tx)?, table::leaves(tx)?));
        let (last, heads) = self.db.read_unscoped(read).await?;
        self.last = last.map(|last| parse(&last.line)).transpose()?;
        self.leaves = heads
            .into_iter()
            .map(|head| (head.partition, (head.seq, head.hash)))
            .collect();
        self.check()?;
        self.uncertain = false;
        Ok(())
    }

    /// Tree heads that were exported and are not in the database indicate a restore. To continue
    /// would give their numbers to other tree heads.
    fn check(&self) -> Result<()> {
        if self
            .last
            .as_ref()
            .is_some_and(|last| last.root != root(&self.leaves))
        {
            return Err(Error::TreeHeadMismatch {
                why: "the stored leaves are not those of the last tree head".to_owned(),
            });
        }
        let (stored, exported) = (
            self.last.as_ref().map_or(0, |last| last.number),
            self.exported()?,
        );
        if stored < exported {
            let why = format!(
                "tree head {exported} was exported, but the last one in the database is {stored}"
            );
            return Err(Error::TreeHeadMismatch { why });
        }
        Ok(())
    }

    fn exported(&self) -> Result<i64> {
        self.export.last().map_err(export_error)
    }

    /// One turn: sign a tree head if any partition head moved, then export what is not exported
    /// yet. Returns whether a tree head was signed.
    pub async fn turn(&mut self) -> Result<bool> {
        let signed = self.sign_next().await?;
        self.export().await?;
        Ok(signed)
    }

    async fn sign_next(&mut self) -> Result<bool> {
        if self.uncertain {
            self.load().await?;
        }
        // A tree head is not a fact and moves no partition head, so an idle database signs nothing.
        let heads = self.db.read_unscoped(table::heads).await?;
        let moved: Vec<PartitionHead> = heads
            .into_iter()
            .filter(|head| {
                let leaf = self.leaves.get(&head.partition);
                leaf.is_none_or(|(signed, _)| *signed < head.seq)
            })
            .collect();
        if moved.is_empty() {
            return Ok(false);
        }
        let span = tracing::info_span!("job", kind = "tree_head", partitions = moved.len());
        let (tree_head, leaves) = self.sign(moved);
        self.uncertain = true;
        self.store(tree_head.clone()).instrument(span).await?;
        self.uncertain = false;
        (self.last, self.leaves) = (Some(tree_head), leaves);
        Ok(true)
    }

    async fn store(&self, tree_head: TreeHead) -> Result<()> {
        let line = serde_json::to_string(&tree_head).map_err(|_| Error::Database {
            why: "a tree head cannot be serialized".to_owned(),
        })?;
        let write = move |tx: &mut UnscopedTx| {
            let row = NewTreeHead {
                number: tree_head.number,
                at: tree_head.at,
                line: &line,
                hash: tree_head.hash(),
            };
            table::insert(tx, row)?;
            table::put_leaves(tx, &tree_head.heads)
        };
        self.db.on(&self.lease).write_unscoped(write).await
    }

    /// The next tree head, and all leaves as of it.
    fn sign(&self, moved: Vec<PartitionHead>) -> (TreeHead, Leaves) {
        let mut leaves = self.leaves.clone();
        let changed = moved.iter();
        leaves.extend(changed.map(|head| (head.partition.clone(), (head.seq, head.hash))));
        let mut tree_head = TreeHead {
            number: self.last.as_ref().map_or(1, |last| last.number + 1),
            at: self.db.clock().now(),
            heads: moved,
            root: root(&leaves),
            prev: self.last.as_ref().map_or(Digest::default(), TreeHead::hash),
            key: hex::encode(self.key.verifying_key().to_bytes()),
            signature: String::new(),
        };
        tree_head.signature = hex::encode(self.key.sign(&tree_head.hash().0).to_bytes());
        (tree_head, leaves)
    }

    async fn export(&self) -> Result<()> {
        loop {
            let lines = self.lines_after(self.exported()?).await?;
            if lines.is_empty() {
                return Ok(());
            }
            for StoredLine { number, line } in lines {
                self.export.put(number, &line).map_err(export_error)?;
            }
        }
    }

    async fn lines_after(&self, number: i64) -> Result<Vec<StoredLine>> {
        self.db
            .read_unscoped(move |tx| table::lines_after(tx, number, Self::EXPORT_PAGE))
            .await
    }
}

fn export_error(error: std::io::Error) -> Error {
    Error::Database {
        why: format!("tree heads cannot be exported: {error}"),
    }
}

fn parse(line: &str) -> Result<TreeHead> {
    serde_json::from_str(line).map_err(|_| Error::UnexpectedValue {
        column: "line",
        found: "other text",
        expected: "a signed tree head",
    })
}

fn root(heads: &Leaves) -> Digest {
    let leaves: Vec<Vec<u8>> = heads
        .iter()
        .map(|(partition, (seq, hash))| {
            Canon::new("head", 1)
                .text(partition)
                .int(*seq)
                .digest(hash)
                .finish()
        })
        .collect();
    merkle_root(&leaves)
}
