//! The sealer: signs the Merkle root of all heads, chained to the seal before, with a key that is
//! not in the database, and exports it.
//!
//! `docs/facts.md` gives the form of a seal's line. An unkeyed chain proves nothing against one who
//! can rewrite all of it; a seal that left the house does.

use crate::{Db, Error, Lease, Result, Unbound, table};
use ed25519_dalek::{Signer, SigningKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{Canon, Digest, Time, merkle_root};

/// The end of a partition at the moment of a seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The partition.
    pub partition: String,
    /// Its last fact.
    pub seq: i64,
    /// That fact's hash.
    pub hash: Digest,
}

/// One seal, as its line of JSON says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// 1, 2, 3, …
    pub number: i64,
    /// When.
    pub at: Time,
    /// The heads that moved since the seal before.
    pub heads: Vec<Head>,
    /// The Merkle root over all heads, sorted by partition.
    pub root: Digest,
    /// The hash of the seal before; zeros for the first.
    pub prev: Digest,
    /// The public key, hexadecimal.
    pub key: String,
    /// The signature over the hash, hexadecimal.
    pub signature: String,
}

impl Seal {
    /// What is signed and chained: canonical form, domain `seal`, version 1.
    pub fn hash(&self) -> Digest {
        Canon::new("seal", 1)
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

/// Where seals go, outside the database.
pub trait Export: Send + Sync {
    /// Take a line, durably; one whose number was taken before is left. An error keeps it waiting:
    /// it is offered again, before any later one.
    fn put(&self, number: i64, line: &str) -> std::io::Result<()>;
    /// The last number that was taken, 0 for none.
    fn last(&self) -> std::io::Result<i64>;
}

/// Makes seals and exports them. One process at a time: it holds a lease.
pub struct Sealer {
    db: Db,
    lease: Lease,
    key: SigningKey,
    export: Box<dyn Export>,
    sealed: BTreeMap<String, (i64, Digest)>,
    last: Option<Seal>,
    /// A seal failed on its way into the database, so what stands there may be another than what
    /// is remembered here.
    unsure: bool,
}

impl Sealer {
    /// Lines exported at a time.
    const EXPORT_PAGE: u32 = 100;

    /// Begin where the seals in the database end. [`Error::Seals`] if those do not fit its heads,
    /// or fewer are there than were exported.
    pub async fn new(db: Db, lease: Lease, key: [u8; 32], export: Box<dyn Export>) -> Result<Self> {
        let key = SigningKey::from_bytes(&key);
        let mut sealer = Self {
            db,
            lease,
            key,
            export,
            sealed: BTreeMap::new(),
            last: None,
            unsure: false,
        };
        sealer.load().await?;
        Ok(sealer)
    }

    async fn load(&mut self) -> Result<()> {
        let read = |tx: &mut Unbound<'_, '_>| {
            Ok::<_, Error>((table::last_seal(tx)?, table::sealed_heads(tx)?))
        };
        let (last, heads) = self.db.read_unbound(read).await?;
        self.last = last.map(|(line,)| parse(&line)).transpose()?;
        self.sealed = heads
            .into_iter()
            .map(|(partition, seq, hash)| (partition, (seq, hash)))
            .collect();
        self.check()?;
        self.unsure = false;
        Ok(())
    }

    /// Seals that left the house and are not here tell of a restore: to go on would give their
    /// numbers to other seals.
    fn check(&self) -> Result<()> {
        if self
            .last
            .as_ref()
            .is_some_and(|last| last.root != root(&self.sealed))
        {
            return Err(Error::Seals {
                why: "the sealed heads are not those of the last seal".to_owned(),
            });
        }
        let (stored, exported) = (
            self.last.as_ref().map_or(0, |last| last.number),
            self.exported()?,
        );
        if stored < exported {
            let why =
                format!("seal {exported} was exported, and the database ends with seal {stored}");
            return Err(Error::Seals { why });
        }
        Ok(())
    }

    fn exported(&self) -> Result<i64> {
        self.export.last().map_err(export_failed)
    }

    /// One turn: seal if any head moved, then export what was not exported yet. Whether a seal was
    /// made.
    pub async fn turn(&mut self) -> Result<bool> {
        let made = self.seal().await?;
        self.export().await?;
        Ok(made)
    }

    async fn seal(&mut self) -> Result<bool> {
        if self.unsure {
            self.load().await?;
        }
        // A seal moves no head, for it is no fact: sealing comes to an end.
        let heads = self.db.read_unbound(table::heads).await?;
        let moved: Vec<Head> = heads
            .into_iter()
            .filter(|(partition, seq, _)| {
                self.sealed
                    .get(partition)
                    .is_none_or(|(sealed, _)| sealed < seq)
            })
            .map(|(partition, seq, hash)| Head {
                partition,
                seq,
                hash,
            })
            .collect();
        if moved.is_empty() {
            return Ok(false);
        }
        let seal = self.sign(moved);
        self.unsure = true;
        self.store(&seal).await?;
        self.unsure = false;
        self.take_in(seal);
        Ok(true)
    }

    async fn store(&self, seal: &Seal) -> Result<()> {
        let line = serde_json::to_string(seal).map_err(|_| Error::Database {
            why: "a seal cannot be written".to_owned(),
        })?;
        let (number, at, hash) = (seal.number, seal.at, seal.hash());
        let heads: Vec<_> = seal
            .heads
            .iter()
            .map(|head| (head.partition.clone(), head.seq, head.hash))
            .collect();
        let write = move |tx: &mut Unbound<'_, '_>| {
            table::insert_seal(tx, number, at, &line, hash)?;
            table::put_sealed_heads(tx, &heads)
        };
        self.db.on(&self.lease).write_unbound(write).await
    }

    fn sign(&self, moved: Vec<Head>) -> Seal {
        let mut all = self.sealed.clone();
        all.extend(
            moved
                .iter()
                .map(|head| (head.partition.clone(), (head.seq, head.hash))),
        );
        let mut seal = Seal {
            number: self.last.as_ref().map_or(1, |last| last.number + 1),
            at: self.db.clock().now(),
            heads: moved,
            root: root(&all),
            prev: self.last.as_ref().map_or(Digest::default(), Seal::hash),
            key: hex::encode(self.key.verifying_key().to_bytes()),
            signature: String::new(),
        };
        seal.signature = hex::encode(self.key.sign(&seal.hash().0).to_bytes());
        seal
    }

    fn take_in(&mut self, seal: Seal) {
        self.sealed.extend(
            seal.heads
                .iter()
                .map(|head| (head.partition.clone(), (head.seq, head.hash))),
        );
        self.last = Some(seal);
    }

    async fn export(&self) -> Result<()> {
        loop {
            let lines = self.lines_after(self.exported()?).await?;
            if lines.is_empty() {
                return Ok(());
            }
            for (number, line) in lines {
                self.export.put(number, &line).map_err(export_failed)?;
            }
        }
    }

    async fn lines_after(&self, number: i64) -> Result<Vec<(i64, String)>> {
        self.db
            .read_unbound(move |tx| table::seals_after(tx, number, Self::EXPORT_PAGE))
            .await
    }
}

fn export_failed(error: std::io::Error) -> Error {
    Error::Database {
        why: format!("seals cannot be exported: {error}"),
    }
}

fn parse(line: &str) -> Result<Seal> {
    serde_json::from_str(line).map_err(|_| Error::Column {
        column: 0,
        found: "other text",
        expected: "a seal",
    })
}

fn root(heads: &BTreeMap<String, (i64, Digest)>) -> Digest {
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
