//! Rotation: a new data key, and everything sealed anew under it, in small steps. A crash between
//! any two of them loses nothing: old data keys go on opening, and the next holder of the lease
//! goes on where the last one stood.

use crate::backend::Sealed;
use crate::keyring::{NAME, load_to_change, master, put, refresh};
use crate::keys::{blocking, spread};
use crate::table::rotation as progress;
use crate::table::wallet as table;
use crate::{Error, Keys, Result};
use async_trait::async_trait;
use serde::Serialize;
use std::sync::Arc;
pub use store::secret::Resealed as Step;
use store::{Fact, Lease, secret};
use types::{Namespace, Principal, Time, WalletId};

/// Secrets sealed anew in one transaction.
const STEP: u32 = 200;

/// Where a rotation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationState {
    /// The new data key seals; what is under older ones is sealed anew.
    Sealing,
    /// Nothing is under an older data key any more: those are retired.
    Done,
    /// Everything is sealed anew but what does not open: changed by hand, or by a broken disk. The
    /// older data keys are not retired.
    Broken,
}

impl RotationState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::Done => "done",
            Self::Broken => "broken",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Sealing, Self::Done, Self::Broken]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A rotation of the data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rotation {
    /// The data key that it began.
    pub version: u32,
    /// Where it stands.
    pub state: RotationState,
    /// Secrets that were to be sealed anew; none before they are counted.
    pub total: Option<u64>,
    /// Secrets sealed anew so far.
    pub resealed: u64,
    /// Secrets that do not open, and stay as they are.
    pub broken: u64,
    /// Whose secrets are next.
    pub keeper: String,
    /// Behind which of theirs.
    #[serde(skip)]
    pub position: String,
    /// Who asked for it.
    pub begun_by: String,
    /// When.
    pub begun: Time,
    /// When it was through.
    pub ended: Option<Time>,
}

/// Others who keep secrets under the installation's keyring.
#[async_trait]
pub trait Keeper: Send + Sync {
    /// What they are called.
    fn name(&self) -> &'static str;

    /// How many of their secrets are not under the newest data key.
    async fn left(&self) -> Result<u64>;

    /// Seal some anew that stand behind a place, which they name themselves; the first is the empty
    /// one. What changes meanwhile is left alone.
    async fn step(&self, after: &str) -> Result<Step>;
}

/// Begin a new data key; from now on it seals, and the [`Rotator`] seals anew what is under older
/// ones. While a rotation is under way, that one is the answer. Errors: `keys.master` if the master
/// key cannot be read, `store.secret` if it is another by now, `store.contended` if somebody else
/// changes the keyring at the same time.
pub async fn rotate(keys: &Keys, who: &Principal) -> Result<Rotation> {
    refresh(keys).await?;
    match rotation(keys).await? {
        Some(open) if open.state == RotationState::Sealing => Ok(open),
        _ => begin(keys, who).await,
    }
}

/// The last rotation.
async fn rotation(keys: &Keys) -> Result<Option<Rotation>> {
    keys.db().read_unbound(progress::last).await
}

/// A new data key in front of the others, wrapped and stored before it seals anything.
async fn begin(keys: &Keys, who: &Principal) -> Result<Rotation> {
    let (engine, master) = (keys.clone(), master(keys).await?);
    let (loaded, read) = load_to_change(keys.db()).await?;
    let (keyring, wrapped) = blocking(move || {
        let keyring = loaded.unlock(&master)?.rotated(engine.entropy());
        let wrapped = keyring.wrap(&master, engine.entropy())?;
        Ok((keyring, wrapped))
    })
    .await?;
    let begun = Rotation::begun(keyring.version(), who, keys.now());
    let fact = Fact::new("keyring.rotated", 1)
        .about(&NAME, u64::from(begun.version))
        .by(who);
    put(
        (keys.db(), keys.lease()),
        wrapped,
        read,
        Some(begun.clone()),
        fact,
    )
    .await?;
    tracing::info!(version = begun.version, "the keyring has a new data key");
    keys.software().learn(&keyring);
    Ok(begun)
}

impl Rotation {
    fn begun(version: u32, who: &Principal, now: Time) -> Self {
        Self {
            version,
            state: RotationState::Sealing,
            total: None,
            resealed: 0,
            broken: 0,
            keeper: String::new(),
            position: String::new(),
            begun_by: who.id.clone(),
            begun: now,
            ended: None,
        }
    }
}

/// Seals anew what is under older data keys, a step at a time. One at a time runs, by its lease.
pub struct Rotator {
    keys: Keys,
    lease: Lease,
    keepers: Vec<Arc<dyn Keeper>>,
    settle_ms: i64,
}

impl Rotator {
    /// For the wallets and these others. Nothing is retired before `settle_ms` after the beginning,
    /// within which every process has learnt the new data key and seals under no older one.
    pub fn new(keys: Keys, lease: Lease, others: Vec<Arc<dyn Keeper>>, settle_ms: i64) -> Self {
        let wallets: Arc<dyn Keeper> = Arc::new(Wallets {
            keys: keys.clone(),
            lease: lease.clone(),
        });
        let keepers = std::iter::once(wallets).chain(others).collect();
        Self {
            keys,
            lease,
            keepers,
            settle_ms,
        }
    }

    /// One turn: a step of the rotation under way. None if there is nothing to do now.
    pub async fn turn(&self) -> Result<Option<Rotation>> {
        refresh(&self.keys).await?;
        let Some(open) = rotation(&self.keys)
            .await?
            .filter(|last| last.state == RotationState::Sealing)
        else {
            return Ok(None);
        };
        if open.total.is_none() {
            let total = Some(self.left().await?);
            let keeper = self.keepers[0].name().to_owned();
            return self
                .note(
                    Rotation {
                        total,
                        keeper,
                        ..open
                    },
                    None,
                )
                .await
                .map(Some);
        }
        match self
            .keepers
            .iter()
            .position(|keeper| keeper.name() == open.keeper)
        {
            Some(place) => self.step(open, place).await.map(Some),
            None => self.conclude(open).await,
        }
    }

    /// Look whether something was sealed under an older data key after all, by a process that had
    /// been asleep: then the last rotation goes on.
    pub async fn look_again(&self) -> Result<bool> {
        let Some(last) = rotation(&self.keys)
            .await?
            .filter(|last| last.state != RotationState::Sealing)
        else {
            return Ok(false);
        };
        let left = self.left().await?;
        if left <= last.broken {
            return Ok(false);
        }
        let keeper = self.keepers[0].name().to_owned();
        let total = Some(last.resealed + left);
        let again = Rotation {
            state: RotationState::Sealing,
            total,
            broken: 0,
            keeper,
            ended: None,
            ..last
        };
        self.note(again, None).await.map(|_| true)
    }

    async fn left(&self) -> Result<u64> {
        let mut left = 0;
        for keeper in &self.keepers {
            left += keeper.left().await?;
        }
        Ok(left)
    }

    async fn step(&self, open: Rotation, place: usize) -> Result<Rotation> {
        let step = self.keepers[place].step(&open.position).await?;
        let next = self
            .keepers
            .get(place + 1)
            .map_or("", |keeper| keeper.name());
        let (keeper, position) = match step.after {
            Some(after) => (open.keeper.clone(), after),
            None => (next.to_owned(), String::new()),
        };
        let (resealed, broken) = (open.resealed + step.resealed, open.broken + step.broken);
        self.note(
            Rotation {
                resealed,
                broken,
                keeper,
                position,
                ..open
            },
            None,
        )
        .await
    }

    /// All were asked: retire the older data keys, unless something was sealed under them
    /// meanwhile, or does not open.
    async fn conclude(&self, open: Rotation) -> Result<Option<Rotation>> {
        let now = self.keys.now();
        if now.millis_since(open.begun) < self.settle_ms {
            return Ok(None);
        }
        let left = self.left().await?;
        if left > open.broken {
            let (keeper, total) = (
                self.keepers[0].name().to_owned(),
                Some(open.resealed + left),
            );
            return self
                .note(
                    Rotation {
                        keeper,
                        broken: 0,
                        total,
                        ..open
                    },
                    None,
                )
                .await
                .map(Some);
        }
        let (state, kind) = match left {
            0 => (RotationState::Done, "keyring.retired"),
            _ => (RotationState::Broken, "keyring.unfinished"),
        };
        let over = Rotation {
            state,
            broken: left,
            ended: Some(now),
            ..open
        };
        let said = serde_json::json!({ "version": over.version, "resealed": over.resealed, "broken": over.broken });
        let fact = Fact::new(kind, 1)
            .about(&NAME, u64::from(over.version))
            .by(&worker())
            .says(&said);
        self.note(over, Some(fact)).await.map(Some)
    }

    /// Keep where the rotation stands; with its last fact, retire what is over.
    async fn note(&self, rotation: Rotation, fact: Option<Fact>) -> Result<Rotation> {
        let noted = rotation.clone();
        let write = self.keys.db().on(&self.lease).write_unbound(move |tx| {
            progress::update(tx, &noted)?;
            if noted.state == RotationState::Done {
                secret::retire(tx, NAME, noted.version)?;
            }
            if let Some(fact) = &fact {
                tx.append(&Namespace::installation(), fact.clone());
            }
            Ok::<_, Error>(())
        });
        write.await?;
        Ok(rotation)
    }
}

fn worker() -> Principal {
    Principal::system("rotation", Namespace::installation())
}

/// The wallets' own secrets.
struct Wallets {
    keys: Keys,
    lease: Lease,
}

type Resealed = (Namespace, WalletId, u32, Vec<u8>, u32);

#[async_trait]
impl Keeper for Wallets {
    fn name(&self) -> &'static str {
        "wallets"
    }

    async fn left(&self) -> Result<u64> {
        let version = self.keys.software().version();
        Ok(self
            .keys
            .db()
            .read_unbound(move |tx| table::count_before(tx, version))
            .await?
            .max(0)
            .cast_unsigned())
    }

    async fn step(&self, after: &str) -> Result<Step> {
        let version = self.keys.software().version();
        let (namespace, wallet) = after.split_once('/').unwrap_or_default();
        let (namespace, wallet) = (namespace.to_owned(), wallet.to_owned());
        let read = self
            .keys
            .db()
            .read_unbound(move |tx| table::sealed_before(tx, version, &namespace, &wallet, STEP));
        let old = read.await?;
        let Some(after) = old.last().map(|row| format!("{}/{}", row.0, row.1)) else {
            return Ok(Step::default());
        };
        let seen = old.len() as u64;
        let engine = self.keys.clone();
        let rows: Vec<Resealed> = spread(old, move |row| seal_anew(&engine, row))
            .await?
            .into_iter()
            .flatten()
            .collect();
        let broken = seen - rows.len() as u64;
        Ok(Step {
            resealed: self.put_anew(version, rows).await?,
            broken,
            after: Some(after),
        })
    }
}

impl Wallets {
    async fn put_anew(&self, version: u32, rows: Vec<Resealed>) -> Result<u64> {
        let write = self.keys.db().on(&self.lease).write_unbound(move |tx| {
            let resealed = table::reseal(tx, &rows)?;
            if resealed > 0 {
                let says = serde_json::json!({ "version": version, "of": "wallets", "resealed": resealed });
                tx.append(&Namespace::installation(), Fact::new("keyring.resealed", 1).by(&worker()).says(&says));
            }
            Ok::<_, Error>(resealed)
        });
        write.await
    }
}

fn seal_anew(keys: &Keys, (namespace, wallet, bytes, old): table::SealedRow) -> Option<Resealed> {
    let sealed = Sealed {
        bytes,
        version: old,
    };
    match keys
        .software()
        .reseal(&namespace, &wallet, &sealed, keys.entropy())
    {
        Ok(Sealed { bytes, version }) => Some((namespace, wallet, old, bytes, version)),
        Err(error) => {
            tracing::error!(%namespace, %wallet, %error, "a wallet's secret does not open");
            None
        }
    }
}
