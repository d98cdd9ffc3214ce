use super::{LockedKeyring, WrappedKeyring};
use crate::{EncryptionContext, Error, KdfCost, Keyring, MasterKey, Result};
use store::Lease;
use testkit::{TestDb, on_each_engine};

const CONTEXT: EncryptionContext<'static> = EncryptionContext {
    table: "key",
    row: "key:1",
    column: "seed",
};

/// "the seed", encrypted for [`CONTEXT`] under version 3 of a data key of 32 bytes 7.
const CIPHERTEXT: &str = "0100000003fa96999efb2d090b62b3a0e377596e57d2c9e428e89021da978c2fb2254bc3bedfec58e8fe67d51f74eb31910334d047";

fn passphrase(text: &str) -> MasterKey {
    MasterKey::Passphrase(text.to_owned().into(), KdfCost::TEST)
}

fn create(test: &TestDb) -> Keyring {
    Keyring::create("main", test.entropy.as_ref())
}

/// Wrap the data keys of a keyring and store them.
async fn put(test: &TestDb, lease: &Lease, keyring: &Keyring, master: &MasterKey) -> Result<()> {
    let wrapped = WrappedKeyring::wrap(keyring, master, test.entropy.as_ref()).unwrap();
    let write = test
        .db
        .on(lease)
        .write_unscoped(move |tx| wrapped.store(tx));
    write.await
}

async fn load(test: &TestDb) -> LockedKeyring {
    let read = test.db.read_unscoped(|tx| LockedKeyring::load(tx, "main"));
    read.await.unwrap()
}

async fn unlock(test: &TestDb, master: &MasterKey) -> Result<Keyring> {
    load(test).await.unlock(master)
}

fn is_undecryptable<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::Undecryptable { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_can_be_decrypted_in_its_context_only() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        assert!(load(&test).await.is_empty());
        let keyring = create(&test);
        let master = passphrase("correct horse");
        put(&test, &lease, &keyring, &master).await.unwrap();
        let ciphertext = keyring
            .encrypt(&CONTEXT, b"the seed", test.entropy.as_ref())
            .unwrap();
        assert!(!ciphertext.windows(8).any(|part| part == b"the seed"));

        let again = unlock(&test, &master).await.unwrap();
        assert_eq!(
            again.decrypt(&CONTEXT, &ciphertext).unwrap().as_slice(),
            b"the seed"
        );
        for moved in [
            EncryptionContext {
                table: "other",
                ..CONTEXT
            },
            EncryptionContext {
                row: "key:2",
                ..CONTEXT
            },
            EncryptionContext {
                column: "other",
                ..CONTEXT
            },
        ] {
            assert!(is_undecryptable(&again.decrypt(&moved, &ciphertext)));
        }
        for bit in 0..ciphertext.len() * 8 {
            let mut changed = ciphertext.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(again.decrypt(&CONTEXT, &changed).is_err(), "bit {bit}");
        }
        for length in 0..ciphertext.len() {
            assert!(
                again.decrypt(&CONTEXT, &ciphertext[..length]).is_err(),
                "truncated to {length}"
            );
        }
        for wrong in [passphrase("wrong"), MasterKey::Raw([7; 32].into())] {
            assert!(is_undecryptable(&unlock(&test, &wrong).await));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_passphrases_rotate_without_losing_a_secret() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let (entropy, first) = (test.entropy.as_ref(), create(&test));
        put(&test, &lease, &first, &passphrase("one"))
            .await
            .unwrap();
        let old = first.encrypt(&CONTEXT, b"old", entropy).unwrap();

        let second = first.with_new_key(entropy);
        put(&test, &lease, &second, &passphrase("two"))
            .await
            .unwrap();
        let new = second.encrypt(&CONTEXT, b"new", entropy).unwrap();
        assert!(second.is_current(&new) && !second.is_current(&old));

        assert!(
            unlock(&test, &passphrase("one")).await.is_err(),
            "every data key was wrapped again"
        );
        let unlocked = unlock(&test, &passphrase("two")).await.unwrap();
        assert_eq!(unlocked.current_version(), 2);
        assert_eq!(unlocked.decrypt(&CONTEXT, &old).unwrap().as_slice(), b"old");
        assert_eq!(unlocked.decrypt(&CONTEXT, &new).unwrap().as_slice(), b"new");
    })
    .await;
}

/// Two processes create or rotate data keys at the same time: the second gets an error, and no data
/// key is ever overwritten.
#[tokio::test(flavor = "multi_thread")]
async fn when_two_processes_create_a_data_key_the_second_fails() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let (entropy, a, b) = (test.entropy.as_ref(), passphrase("a"), passphrase("b"));
        let (first, second) = (create(&test), create(&test));
        put(&test, &lease, &first, &a).await.unwrap();
        let ciphertext = first.encrypt(&CONTEXT, b"kept", entropy).unwrap();
        assert!(is_undecryptable(&put(&test, &lease, &second, &a).await));
        put(&test, &lease, &first, &a).await.unwrap();

        let (left, right) = (first.with_new_key(entropy), first.with_new_key(entropy));
        put(&test, &lease, &left, &a).await.unwrap();
        assert!(is_undecryptable(&put(&test, &lease, &right, &b).await));
        // Wrapping the keys read before the rotation again would leave two versions under two
        // passphrases.
        assert!(is_undecryptable(&put(&test, &lease, &first, &b).await));
        let keyring = unlock(&test, &a).await.unwrap();
        assert_eq!(keyring.current_version(), 2);
        assert_eq!(
            keyring.decrypt(&CONTEXT, &ciphertext).unwrap().as_slice(),
            b"kept"
        );
    })
    .await;
}

/// The bytes are those of every earlier release: a keyring with a known data key decrypts a known
/// ciphertext.
#[test]
fn the_format_of_a_ciphertext_does_not_change() {
    let keyring = Keyring::new("keys", [(3, [7; 32].into())].into());
    let entropy = testkit::SeededEntropy::new(1);
    let ciphertext = keyring.encrypt(&CONTEXT, b"the seed", &entropy).unwrap();
    assert_eq!(hex::encode(&ciphertext), CIPHERTEXT);
    assert_eq!(crate::data_key_version(&ciphertext).unwrap(), 3);
    assert_eq!(keyring.current_prefix(), ciphertext[..5]);
}

/// A database that was tampered with cannot make this process allocate terabytes of memory.
#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_cost_is_rejected() {
    on_each_engine(|test| async move {
        let (lease, master) = (test.lease("p/0").await, passphrase("a"));
        put(&test, &lease, &create(&test), &master).await.unwrap();
        let wrapping = r#"{"by":"argon2id","salt":"00000000000000000000000000000000","cost":{"memory_kib":4294967295,"passes":1}}"#;
        let edit = test.db.on(&lease).write_unscoped(move |tx| {
            tx.execute("UPDATE data_key SET wrapping = ?1", (wrapping,))
        });
        edit.await.map_err(|e: store::Error| e).unwrap();
        assert!(is_undecryptable(&unlock(&test, &master).await));
    })
    .await;
}
