//! Secrets appear in no fact, trace, `Debug` output or database file.

use crate::world::{World, chain, code, object, pay, unsigned};
use keys::{Exported, NewKey, NewSecret, NewWallet, Settings, SigningJob, WalletKind};
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use testkit::on_each_engine;
use types::{Principal, Role};

/// All trace output of the process, at the finest level.
fn traces() -> &'static Arc<Mutex<Vec<u8>>> {
    static TRACES: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    TRACES.get_or_init(|| {
        let buffer = Arc::new(Mutex::new(Vec::new()));
        let into = buffer.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || Writer(into.clone()))
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
        buffer
    })
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn contains_bytes(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|part| part == needle)
}

/// The secret in every form in which it could be written.
fn forms(words: &str, passphrase: &str) -> Vec<Vec<u8>> {
    let mnemonic: bip39::Mnemonic = words.parse().unwrap();
    let (entropy, seed) = (mnemonic.to_entropy(), mnemonic.to_seed(passphrase).to_vec());
    let three: Vec<&str> = words.split(' ').collect();
    let mut forms: Vec<Vec<u8>> = three
        .windows(3)
        .map(|words| words.join(" ").into_bytes())
        .collect();
    forms.extend([
        hex::encode(&entropy).into(),
        hex::encode(&seed[..32]).into(),
        entropy,
        seed[..32].to_vec(),
    ]);
    forms.push(b"correct horse".to_vec());
    forms
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_appears_only_encrypted() {
    let traces = traces();
    on_each_engine(|test| async move {
        let world = World::with(
            test,
            Settings {
                allow_export: true,
                ..Settings::default()
            },
        )
        .await;
        let wallet = world.wallet("treasury", NewSecret::Generated).await;
        let exporter = Principal {
            roles: vec![Role::KeyExporter],
            ..world.principal.clone()
        };
        let exported = keys::export(&world.keys, &exporter, &wallet.id)
            .await
            .unwrap();
        let Exported::Mnemonic { words, .. } = &exported else {
            panic!("words")
        };
        let imported = NewSecret::Mnemonic {
            words: words.clone(),
            passphrase: "correct horse".to_owned().into(),
        };
        let new = NewWallet {
            name: "copy".into(),
            kind: WalletKind::Org,
            metadata: object("{}"),
            account: 0,
            backend: keys::DEFAULT_BACKEND.into(),
            secret: imported,
        };
        let shown = format!("{new:?} {exported:?}");
        let copy = keys::create_wallet(&world.keys, &world.principal, new)
            .await
            .unwrap();
        let new = NewKey {
            name: "k".into(),
            chain: chain(),
            metadata: object("{}"),
        };
        let key = keys::create_key(&world.keys, &world.principal, &copy.id, new)
            .await
            .unwrap();
        let intent = pay(&key.address, 5);
        let job = SigningJob {
            permit: world.permit(&intent),
            unsigned: unsigned(&intent, 0),
            supersedes: None,
        };
        let signed = world.sign(job).await.unwrap();
        let shown = format!("{shown} {copy:?} {key:?} {signed:?}");
        world.record(&signed).await.unwrap();
        keys::freeze(
            &world.keys,
            &world.principal,
            keys::Scope::Wallet(copy.id),
            true,
            "drill",
        )
        .await
        .unwrap();
        let bad = words.replacen(words.split(' ').next().unwrap(), "getter", 1);
        let secret = NewSecret::Mnemonic {
            words: bad.into(),
            passphrase: String::new().into(),
        };
        let new = NewWallet {
            name: "bad".into(),
            kind: WalletKind::Org,
            metadata: object("{}"),
            account: 0,
            backend: keys::DEFAULT_BACKEND.into(),
            secret,
        };
        let refused = keys::create_wallet(&world.keys, &world.principal, new).await;
        assert_eq!(code(&refused), "keys.invalid_mnemonic");
        let shown = format!("{shown} {refused:?} {}", refused.as_ref().unwrap_err());

        let raw = hex::encode(world.bytes(*signed.permit(), signed.id()).await.unwrap());
        let facts = world.facts().await.concat().into_bytes();
        let stored = stored(&world).await;
        let traced = traces.lock().unwrap().clone();
        for (index, form) in forms(words, "correct horse").iter().enumerate() {
            assert!(
                !contains_bytes(shown.as_bytes(), form),
                "Debug and errors, form {index}"
            );
            assert!(!contains_bytes(&facts, form), "facts, form {index}");
            assert!(!contains_bytes(&traced, form), "traces, form {index}");
            assert!(!contains_bytes(&stored, form), "the database, form {index}");
        }
        assert!(
            !shown.contains(&raw[..80]) && !String::from_utf8_lossy(&facts).contains(&raw[..80]),
            "signed bytes do not appear either"
        );
        assert!(
            contains_bytes(&stored, b"treasury"),
            "the test reads the database"
        );
    })
    .await;
    assert!(
        contains_bytes(&traces.lock().unwrap(), b"signing is frozen"),
        "the test reads the traces"
    );
}

/// The raw content of the database, read from outside.
async fn stored(world: &World) -> Vec<u8> {
    match (world.test.server(), world.test.config()) {
        (Some(server), _) => {
            let tables = [
                "wallet",
                "wallet_branch",
                "wallet_key",
                "named_key",
                "signed_bytes",
                "fact",
                "permit_use",
            ];
            let rows = tables
                .iter()
                .map(|table| server.psql(&format!("SELECT * FROM {table}")));
            rows.collect::<String>().into_bytes()
        }
        (None, store::Config::Sqlite { path, .. }) => {
            let mut bytes = std::fs::read(path).unwrap();
            bytes.extend(std::fs::read(format!("{}-wal", path.display())).unwrap_or_default());
            bytes
        }
        _ => unreachable!("a test database is either SQLite or PostgreSQL"),
    }
}

/// Write access to the database is not enough to make a wallet sign with another wallet's secret,
/// or with a modified one.
#[tokio::test(flavor = "multi_thread")]
async fn a_moved_or_modified_secret_cannot_be_decrypted() {
    on_each_engine(|test| async move {
        let world = World::new(test).await;
        let (_, from) = world.signer().await;
        let other = world.wallet("other", NewSecret::Generated).await;
        let (db, lease, principal) = (&world.test.db, &world.lease, world.principal.clone());
        let stored_secrets: Vec<(String, Vec<u8>)> = db
            .read_unscoped(|tx| tx.rows("SELECT id, secret FROM wallet ORDER BY id", ()))
            .await
            .map_err(|e: store::Error| e)
            .unwrap();
        assert_eq!(stored_secrets.len(), 2);
        let [own, foreign] = [false, true].map(|of_other| {
            stored_secrets
                .iter()
                .find(|(id, _)| (*id == other.id.to_string()) == of_other)
                .unwrap()
                .clone()
        });
        let flipped = |index: usize| {
            let mut bytes = own.1.clone();
            bytes[index] ^= 1;
            bytes
        };
        let indices = [0, 4, 5, 28, 29, own.1.len() / 2, own.1.len() - 1];
        let wrong = indices.into_iter().map(flipped).chain([
            foreign.1.clone(),
            own.1[..own.1.len() - 1].to_vec(),
            Vec::new(),
        ]);
        for (nonce, bytes) in (0u64..).zip(wrong) {
            let (bytes, id) = (bytes, own.0.clone());
            let replace = move |tx: &mut store::Tx| {
                tx.execute(
                    "UPDATE wallet SET secret = ?2 WHERE namespace = ?ns AND id = ?1",
                    (&id, &bytes),
                )
                .map(drop)
            };
            db.on(lease)
                .write(&principal.namespace, replace)
                .await
                .map_err(|e: store::Error| e)
                .unwrap();
            // Lifting a freeze evicts the decrypted secrets from the cache.
            keys::freeze(
                &world.keys,
                &principal,
                keys::Scope::Namespace,
                false,
                "drill",
            )
            .await
            .unwrap();
            keys::unfreeze(&world.keys, &principal, keys::Scope::Namespace, "over")
                .await
                .unwrap();
            let intent = pay(&from, 5);
            let job = SigningJob {
                permit: world.permit(&intent),
                unsigned: unsigned(&intent, nonce),
                supersedes: None,
            };
            let refused = code(&world.sign(job).await);
            assert!(
                ["secrets.undecryptable", "keys.keyring_locked"].contains(&refused),
                "{refused}"
            );
        }
    })
    .await;
}
