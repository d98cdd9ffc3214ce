//! No secret where it does not belong: facts, traces, `Debug`, the database's files.

use crate::house::{House, chain, code, object, pay, unsigned};
use keys::{Exported, NewKey, NewSecret, NewWallet, Order, Settings, WalletKind};
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use testkit::on_each_engine;
use types::{Principal, Role};

/// All that the process traces, at the finest level.
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

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|part| part == needle)
}

/// The secret in every form in which it could be written down.
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
async fn a_seed_is_nowhere_but_sealed() {
    let traces = traces();
    on_each_engine(|test| async move {
        let house = House::with(
            test,
            Settings {
                export_allowed: true,
                ..Settings::default()
            },
        )
        .await;
        let wallet = house.wallet("treasury", NewSecret::Fresh).await;
        let exporter = Principal {
            roles: vec![Role::KeyExporter],
            ..house.who.clone()
        };
        let exported = keys::export(&house.keys, &exporter, &wallet.id)
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
            secret: imported,
        };
        let shown = format!("{new:?} {exported:?}");
        let copy = keys::create_wallet(&house.keys, &house.who, new)
            .await
            .unwrap();
        let new = NewKey {
            name: "k".into(),
            chain: chain(),
            metadata: object("{}"),
        };
        let key = keys::create_key(&house.keys, &house.who, &copy.id, new)
            .await
            .unwrap();
        let intent = pay(&key.address, 5);
        let order = Order {
            permit: house.permit(&intent),
            unsigned: unsigned(&intent, 0),
            supersedes: None,
        };
        let signed = house.sign(order).await.unwrap();
        let shown = format!("{shown} {copy:?} {key:?} {signed:?}");
        house.record(&signed).await.unwrap();
        keys::freeze(
            &house.keys,
            &house.who,
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
            secret,
        };
        let refused = keys::create_wallet(&house.keys, &house.who, new).await;
        assert_eq!(code(&refused), "keys.mnemonic");
        let shown = format!("{shown} {refused:?} {}", refused.as_ref().unwrap_err());

        let raw = hex::encode(house.bytes(*signed.permit(), signed.id()).await.unwrap());
        let facts = house.facts().await.concat().into_bytes();
        let stored = stored(&house).await;
        let traced = traces.lock().unwrap().clone();
        for (place, form) in forms(words, "correct horse").iter().enumerate() {
            assert!(
                !holds(shown.as_bytes(), form),
                "Debug and errors, form {place}"
            );
            assert!(!holds(&facts, form), "facts, form {place}");
            assert!(!holds(&traced, form), "traces, form {place}");
            assert!(!holds(&stored, form), "the database, form {place}");
        }
        assert!(
            !shown.contains(&raw[..80]) && !String::from_utf8_lossy(&facts).contains(&raw[..80]),
            "nor signed bytes"
        );
        assert!(
            holds(&stored, b"treasury"),
            "the judge can read the database"
        );
    })
    .await;
    assert!(
        holds(&traces.lock().unwrap(), b"signing is frozen"),
        "the judge can read the traces"
    );
}

/// Everything that the database holds, read from outside.
async fn stored(house: &House) -> Vec<u8> {
    match (house.test.server(), house.test.config()) {
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
        _ => unreachable!("one of the two"),
    }
}

/// Who can write the database cannot make one wallet sign with another's secret, nor with one that
/// he has changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_another_row_or_changed_by_a_bit_does_not_open() {
    on_each_engine(|test| async move {
        let house = House::new(test).await;
        let (_, from) = house.signer().await;
        let other = house.wallet("other", NewSecret::Fresh).await;
        let (db, lease, who) = (&house.test.db, &house.lease, house.who.clone());
        let sealed: Vec<(String, Vec<u8>)> = db
            .read_unbound(|tx| tx.rows("SELECT id, secret FROM wallet ORDER BY id", ()))
            .await
            .map_err(|e: store::Error| e)
            .unwrap();
        assert_eq!(sealed.len(), 2);
        let [own, foreign] = [false, true].map(|of_other| {
            sealed
                .iter()
                .find(|(id, _)| (*id == other.id.to_string()) == of_other)
                .unwrap()
                .clone()
        });
        let flipped = |place: usize| {
            let mut bytes = own.1.clone();
            bytes[place] ^= 1;
            bytes
        };
        let places = [0, 4, 5, 28, 29, own.1.len() / 2, own.1.len() - 1];
        let wrong = places.into_iter().map(flipped).chain([
            foreign.1.clone(),
            own.1[..own.1.len() - 1].to_vec(),
            Vec::new(),
        ]);
        for (nonce, bytes) in (0u64..).zip(wrong) {
            let (bytes, id) = (bytes, own.0.clone());
            let put = move |tx: &mut store::Tx<'_, '_>| {
                tx.execute(
                    "UPDATE wallet SET secret = ?2 WHERE namespace = ?ns AND id = ?1",
                    (&id, &bytes),
                )
                .map(drop)
            };
            db.on(lease)
                .write(&who.namespace, put)
                .await
                .map_err(|e: store::Error| e)
                .unwrap();
            // A freeze that is lifted makes the process forget what it has opened.
            keys::freeze(&house.keys, &who, keys::Scope::Namespace, false, "drill")
                .await
                .unwrap();
            keys::unfreeze(&house.keys, &who, keys::Scope::Namespace, "over")
                .await
                .unwrap();
            let intent = pay(&from, 5);
            let order = Order {
                permit: house.permit(&intent),
                unsigned: unsigned(&intent, nonce),
                supersedes: None,
            };
            let refused = code(&house.sign(order).await);
            assert!(
                ["store.secret", "keys.keyring"].contains(&refused),
                "{refused}"
            );
        }
    })
    .await;
}
