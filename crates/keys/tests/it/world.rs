//! The test world: an engine with keys, and a policy key that permits whatever a test needs.

use ed25519_dalek::{Signer, SigningKey};
use intent::evm::{self, Price, Terms};
use intent::{Envelope, Intent, Permit, PermitBody, PolicyKey, Unsigned};
use keys::{
    AnswerTime, Backend, DEFAULT_BACKEND, Keys, NewKey, NewSecret, NewWallet, Parts,
    RecordedSignature, Result, Settings, SignOutcome, Signed, SigningJob, SigningTask, Wallet,
    WalletKind, Worker,
};
use secrets::{KdfCost, Keyring, MasterKey, Secrets};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use store::{Db, Lease};
use testkit::{TestDb, namespace};
use types::{
    Amount, ChainId, Clock, DecisionId, Digest, Json, Namespace, PermitId, Principal,
    PrincipalKind, Role, Time, Ulid,
};

/// Anvil's well-known development mnemonic; never use it for money.
pub(crate) const WORDS: &str = "test test test test test test test test test test test junk";
/// The first account of [`WORDS`].
pub(crate) const FIRST: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
pub(crate) const SECOND: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

pub(crate) struct World {
    pub(crate) test: TestDb,
    pub(crate) keys: Keys,
    pub(crate) secrets: Secrets,
    keyring: Keyring,
    pub(crate) principal: Principal,
    pub(crate) policy: SigningKey,
    pub(crate) lease: Lease,
    pub(crate) scripted: Arc<Scripted>,
    settings: Settings,
    permits: AtomicU64,
}

/// What a back end does with a task.
type Script = Arc<dyn Fn(&SigningTask) -> SignOutcome + Send + Sync>;

/// A back end that answers later, with the outcomes that the test sets.
pub(crate) struct Scripted(Mutex<Script>);

impl Scripted {
    fn new() -> Self {
        Self(Mutex::new(Arc::new(|_| SignOutcome::Pending)))
    }

    pub(crate) fn answer(&self, outcome: SignOutcome) {
        self.follow(move |_| outcome.clone());
    }

    pub(crate) fn follow(
        &self,
        script: impl Fn(&SigningTask) -> SignOutcome + Send + Sync + 'static,
    ) {
        *self.0.lock().unwrap() = Arc::new(script);
    }
}

impl Backend for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn answer_time(&self) -> AnswerTime {
        AnswerTime::Later
    }

    fn sign(&self, task: &SigningTask) -> Result<SignOutcome> {
        let script = self.0.lock().unwrap().clone();
        Ok(script(task))
    }
}

/// The private key of [`FIRST`].
const FIRST_KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// Sign a task with the key of [`FIRST`], whatever it is.
pub(crate) fn sign_as_first(task: &SigningTask) -> SignOutcome {
    let key: secp256k1::SecretKey = FIRST_KEY.parse().unwrap();
    let sign = |required: &intent::RequiredSignature| {
        let digest = secp256k1::Message::from_digest(required.digest);
        let signature = secp256k1::SECP256K1.sign_ecdsa_recoverable(&digest, &key);
        let (id, rs) = signature.serialize_compact();
        intent::Signature {
            rs,
            recovery: u8::try_from(i32::from(id)).unwrap(),
        }
    };
    SignOutcome::Signed(task.required.iter().map(sign).collect())
}

pub(crate) fn chain() -> ChainId {
    ChainId::evm(31337)
}

pub(crate) fn master(text: &str) -> MasterKey {
    MasterKey::Passphrase(text.to_owned().into(), KdfCost::TEST)
}

pub(crate) fn principal(name: &str) -> Principal {
    Principal {
        id: "alice".into(),
        kind: PrincipalKind::Person,
        namespace: namespace(name),
        roles: vec![Role::Admin],
        key: None,
        chain_of: Vec::new(),
        trace: None,
    }
}

pub(crate) fn object(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// Fee terms of a plain transfer, well within the envelope of [`World::permit`].
pub(crate) fn terms(nonce: u64) -> Terms {
    let price = Price::Eip1559 {
        cap: Amount::from(100),
        tip: Amount::from(10),
    };
    Terms {
        nonce,
        gas: 21_000,
        price,
        authorizations: Vec::new(),
    }
}

pub(crate) fn unsigned(intent: &Intent, nonce: u64) -> Unsigned {
    evm::build_unsigned(intent, &terms(nonce)).unwrap()
}

/// The same transaction at another fee cap.
pub(crate) fn priced(intent: &Intent, nonce: u64, cap: u64) -> Unsigned {
    let price = Price::Eip1559 {
        cap: Amount::from(cap),
        tip: Amount::from(10),
    };
    evm::build_unsigned(
        intent,
        &Terms {
            price,
            ..terms(nonce)
        },
    )
    .unwrap()
}

pub(crate) fn pay(from: &str, wei: u64) -> Intent {
    Intent::call(
        chain(),
        from.to_owned(),
        Some(SECOND.to_owned()),
        Amount::from(wei),
        Vec::new(),
    )
}

fn mnemonic(words: &str) -> NewSecret {
    NewSecret::Mnemonic {
        words: words.to_owned().into(),
        passphrase: String::new().into(),
    }
}

pub(crate) fn envelope() -> Envelope {
    let cap = Amount::from(1_000);
    Envelope {
        gas: 30_000,
        fee_per_gas: cap,
        tip: cap,
        total_fee: Amount::from(30_000_000),
        signatures: 3,
    }
}

/// The engines of a process.
pub(crate) struct Engines {
    pub(crate) keys: Keys,
    pub(crate) secrets: Secrets,
    keyring: Keyring,
}

fn secrets_engine(db: &Db, lease: &Lease, keyring: &Keyring, retire_delay_ms: i64) -> Secrets {
    let parts = secrets::Parts {
        db: db.clone(),
        lease: lease.clone(),
        keyring: keyring.clone(),
        master_source: Some(Arc::new(|| Ok(master("one")))),
    };
    Secrets::new(parts, secrets::Settings { retire_delay_ms })
}

async fn engines(
    db: &Db,
    lease: &Lease,
    policy: &SigningKey,
    settings: &Settings,
    scripted: &Arc<Scripted>,
) -> Engines {
    let keyring = secrets::open_keyring(db, lease, master("one"))
        .await
        .unwrap();
    let policy_key = PolicyKey::from_bytes(&policy.verifying_key().to_bytes()).unwrap();
    let parts = Parts {
        db: db.clone(),
        lease: lease.clone(),
        keyring: keyring.clone(),
        policy_key,
        backends: vec![scripted.clone()],
    };
    let keys = Keys::new(parts, settings.clone());
    Engines {
        keys,
        secrets: secrets_engine(db, lease, &keyring, 0),
        keyring,
    }
}

impl World {
    pub(crate) async fn new(test: TestDb) -> Self {
        Self::with(test, Settings::default()).await
    }

    pub(crate) async fn with(test: TestDb, settings: Settings) -> Self {
        let policy = SigningKey::from_bytes(&[9; 32]);
        let lease = test.lease("keys/0").await;
        let scripted = Arc::new(Scripted::new());
        let engines = engines(&test.db, &lease, &policy, &settings, &scripted).await;
        Self {
            test,
            keys: engines.keys,
            secrets: engines.secrets,
            keyring: engines.keyring,
            principal: principal("ns"),
            policy,
            lease,
            scripted,
            settings,
            permits: AtomicU64::new(1),
        }
    }

    /// Restart as after a crash: a new process on the same database.
    pub(crate) async fn restart(self) -> Self {
        let Self {
            test,
            keys,
            secrets,
            keyring: _,
            principal,
            policy,
            lease,
            scripted,
            settings,
            permits,
        } = self;
        drop((keys, secrets, lease));
        let test = test.reopen().await;
        let lease = test.lease("keys/0").await;
        let engines = engines(&test.db, &lease, &policy, &settings, &scripted).await;
        Self {
            test,
            keys: engines.keys,
            secrets: engines.secrets,
            keyring: engines.keyring,
            principal,
            policy,
            lease,
            scripted,
            settings,
            permits,
        }
    }

    /// A second process on the same database. PostgreSQL only.
    pub(crate) async fn beside(&self) -> (Db, Lease, Keys) {
        let (db, lease, engines) = self.engines_beside().await;
        (db, lease, engines.keys)
    }

    /// Another handle of the secrets, which retires data keys later.
    pub(crate) fn secrets_with_retire_delay(&self, retire_delay_ms: i64) -> Secrets {
        secrets_engine(&self.test.db, &self.lease, &self.keyring, retire_delay_ms)
    }

    /// As [`World::beside`], with all engines.
    pub(crate) async fn engines_beside(&self) -> (Db, Lease, Engines) {
        let db = self.test.open_another().await;
        let lease = db
            .lease("keys/1", testkit::LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        let engines = engines(&db, &lease, &self.policy, &self.settings, &self.scripted).await;
        (db, lease, engines)
    }

    pub(crate) fn ns(&self) -> &Namespace {
        &self.principal.namespace
    }

    pub(crate) async fn import(&self, words: &str) -> Wallet {
        self.wallet("treasury", mnemonic(words)).await
    }

    pub(crate) async fn wallet(&self, name: &str, secret: NewSecret) -> Wallet {
        self.wallet_on(&self.principal, name, secret, DEFAULT_BACKEND)
            .await
    }

    pub(crate) async fn wallet_on(
        &self,
        principal: &Principal,
        name: &str,
        secret: NewSecret,
        backend: &str,
    ) -> Wallet {
        let new = NewWallet {
            name: name.into(),
            kind: WalletKind::Org,
            metadata: object("{}"),
            account: 0,
            backend: backend.into(),
            secret,
        };
        keys::create_wallet(&self.keys, principal, new)
            .await
            .unwrap()
    }

    /// A wallet with one key on the test chain, and the key's account.
    pub(crate) async fn signer(&self) -> (Wallet, String) {
        self.signer_on(&self.principal, DEFAULT_BACKEND).await
    }

    /// A wallet of a back end with one key on the test chain, and the key's account.
    pub(crate) async fn signer_on(&self, principal: &Principal, backend: &str) -> (Wallet, String) {
        let secret = mnemonic(WORDS);
        let wallet = self.wallet_on(principal, "treasury", secret, backend).await;
        let new = NewKey {
            name: "main".into(),
            chain: chain(),
            metadata: object("{}"),
        };
        let key = keys::create_key(&self.keys, principal, &wallet.id, new)
            .await
            .unwrap();
        (wallet, key.address)
    }

    /// One turn of the worker of signature requests, which has just started. Returns how many
    /// requests it closed.
    pub(crate) async fn worker_turn(&self) -> usize {
        let lease = self.test.lease(Worker::PARTITION).await;
        let mut worker = Worker::new(self.keys.clone(), lease.clone());
        let closed = worker.turn().await.unwrap().closed;
        self.test.db.release(&lease).await.unwrap();
        closed
    }

    /// Change rows without the engine.
    pub(crate) async fn execute(&self, sql: &'static str) {
        let db = self.test.db.on(&self.lease);
        db.write_unscoped(move |tx| tx.execute(sql, ()))
            .await
            .unwrap();
    }

    /// Change rows without the engine, with parameters.
    pub(crate) async fn tamper<P>(&self, sql: &'static str, params: P) -> u64
    where
        P: store::Params + Send + 'static,
    {
        let db = self.test.db.on(&self.lease);
        db.write_unscoped(move |tx| tx.execute(sql, &params))
            .await
            .unwrap()
    }

    pub(crate) fn body(&self, intent: &Intent) -> PermitBody {
        let number = u128::from(self.permits.fetch_add(1, Ordering::SeqCst));
        PermitBody {
            id: PermitId::from_ulid(Ulid::from_bits(number)),
            namespace: *self.ns(),
            decision: DecisionId::from_ulid(Ulid::from_bits(number)),
            bundle_hash: Digest([1; 32]),
            intent_hash: intent.hash(),
            envelope: envelope(),
            not_after: self.test.clock.now().plus_millis(60_000),
            approvals_hash: Digest([2; 32]),
            supersedes: None,
        }
    }

    pub(crate) fn sign_permit(&self, body: PermitBody) -> Permit {
        let signature = self
            .policy
            .sign(&body.canonical_bytes())
            .to_bytes()
            .to_vec();
        Permit { body, signature }
    }

    /// The same permit as policy would sign it for a signature that supersedes another permit's.
    pub(crate) fn superseding(&self, permit: &Permit, supersedes: Option<PermitId>) -> Permit {
        self.sign_permit(PermitBody {
            supersedes,
            ..permit.body.clone()
        })
    }

    pub(crate) fn permit(&self, intent: &Intent) -> Permit {
        self.sign_permit(self.body(intent))
    }

    pub(crate) async fn sign(&self, job: SigningJob) -> Result<Signed> {
        keys::sign(&self.keys, &self.principal, vec![job])
            .await
            .pop()
            .unwrap()
    }

    pub(crate) async fn record(&self, signed: &Signed) -> Result<RecordedSignature> {
        record_in(
            &self.test.db,
            &self.lease,
            &self.principal,
            vec![signed.clone()],
        )
        .await
        .pop()
        .unwrap()
    }

    /// Sign and record.
    pub(crate) async fn send(
        &self,
        permit: &Permit,
        unsigned: &Unsigned,
    ) -> Result<RecordedSignature> {
        let job = SigningJob {
            permit: permit.clone(),
            unsigned: unsigned.clone(),
            supersedes: None,
        };
        let signed = self.sign(job).await?;
        self.record(&signed).await
    }

    /// Sign and record under the same permit as policy would sign it for a signature that
    /// supersedes another permit's.
    pub(crate) async fn send_superseding(
        &self,
        permit: &Permit,
        unsigned: &Unsigned,
        supersedes: Option<PermitId>,
    ) -> Result<RecordedSignature> {
        self.send(&self.superseding(permit, supersedes), unsigned)
            .await
    }

    pub(crate) async fn bytes(&self, permit: PermitId, id: &str) -> Option<Vec<u8>> {
        let id = id.to_owned();
        let read = self.test.db.read(self.ns(), move |tx| {
            keys::bytes(tx, &[(permit, id.as_str())])
        });
        read.await.unwrap().pop().unwrap()
    }

    /// Every fact in the database, as text.
    pub(crate) async fn facts(&self) -> Vec<String> {
        let read = self.test.db.read_unscoped(|tx| {
            let mut all = Vec::new();
            for partition in store::partitions(tx)? {
                all.extend(store::facts_after(
                    tx,
                    &store::Cursor {
                        seq: 0,
                        ..partition
                    },
                    10_000,
                )?);
            }
            Ok::<_, store::Error>(all)
        });
        read.await
            .unwrap()
            .iter()
            .map(|fact| serde_json::to_string(fact).unwrap())
            .collect()
    }

    pub(crate) async fn facts_of(&self, kind: &str) -> usize {
        let kind = format!("\"type\":\"{kind}\"");
        self.facts()
            .await
            .iter()
            .filter(|fact| fact.contains(&kind))
            .count()
    }

    pub(crate) fn later(&self, millis: i64) -> Time {
        self.test.clock.advance_millis(millis)
    }
}

pub(crate) async fn record_in(
    db: &Db,
    lease: &Lease,
    principal: &Principal,
    signed: Vec<Signed>,
) -> Vec<Result<RecordedSignature>> {
    let principal = principal.clone();
    let count = signed.len();
    let write = db.on(lease).write(&principal.namespace.clone(), move |tx| {
        keys::record(tx, &principal, &signed.iter().collect::<Vec<_>>())
    });
    match write.await {
        Ok(results) => results,
        Err(error) => std::iter::repeat_with(|| Err(error.clone()))
            .take(count)
            .collect(),
    }
}

/// The error code of a rejected call.
pub(crate) fn code<T, E: types::Coded>(result: &std::result::Result<T, E>) -> &'static str {
    result.as_ref().err().unwrap().code().code
}
