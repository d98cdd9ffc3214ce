use store::Error;
use store::secrets::{self, EncryptionContext, KdfCost, Keyring, MasterKey};
use testkit::{TestDb, on_each_engine};

fn passphrase(text: &str) -> MasterKey {
    MasterKey::Passphrase(text.to_owned().into(), KdfCost::TEST)
}

async fn save_keys(test: &TestDb, keyring: &Keyring, master: &MasterKey, lease: &store::Lease) {
    let wrapped = keyring.wrap(master, test.entropy.as_ref()).unwrap();
    test.db
        .on(lease)
        .write_unscoped(move |tx| secrets::store_data_keys(tx, &wrapped))
        .await
        .unwrap();
}

async fn unlock(test: &TestDb, master: &MasterKey) -> store::Result<Keyring> {
    test.db
        .read_unscoped(|tx| secrets::load_data_keys(tx, "main"))
        .await
        .unwrap()
        .unlock(master)
}

const CONTEXT: EncryptionContext<'static> = EncryptionContext {
    table: "key",
    row: "key:1",
    column: "seed",
};

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_can_be_decrypted_in_its_context_only() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let locked = test
            .db
            .read_unscoped(|tx| secrets::load_data_keys(tx, "main"))
            .await
            .unwrap();
        assert!(locked.is_empty());
        let keyring = locked.create(test.entropy.as_ref());
        save_keys(&test, &keyring, &passphrase("correct horse"), &lease).await;
        let ciphertext = keyring
            .encrypt(&CONTEXT, b"the seed", test.entropy.as_ref())
            .unwrap();
        assert!(!ciphertext.windows(8).any(|part| part == b"the seed"));

        let again = unlock(&test, &passphrase("correct horse")).await.unwrap();
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
            assert!(matches!(
                again.decrypt(&moved, &ciphertext),
                Err(Error::Secret { .. })
            ));
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
        assert!(matches!(
            unlock(&test, &passphrase("wrong")).await,
            Err(Error::Secret { .. })
        ));
        assert!(matches!(
            unlock(&test, &MasterKey::Raw([7; 32].into())).await,
            Err(Error::Secret { .. })
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_passphrases_rotate_without_losing_a_secret() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let first = test
            .db
            .read_unscoped(|tx| secrets::load_data_keys(tx, "main"))
            .await
            .unwrap()
            .create(test.entropy.as_ref());
        save_keys(&test, &first, &passphrase("one"), &lease).await;
        let old = first
            .encrypt(&CONTEXT, b"old", test.entropy.as_ref())
            .unwrap();

        let second = first.with_new_key(test.entropy.as_ref());
        save_keys(&test, &second, &passphrase("two"), &lease).await;
        let new = second
            .encrypt(&CONTEXT, b"new", test.entropy.as_ref())
            .unwrap();
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
        let put = |keyring: &Keyring, master: &MasterKey| {
            let wrapped = keyring.wrap(master, test.entropy.as_ref()).unwrap();
            test.db
                .on(&lease)
                .write_unscoped(move |tx| secrets::store_data_keys(tx, &wrapped))
        };
        let empty = test
            .db
            .read_unscoped(|tx| secrets::load_data_keys(tx, "main"))
            .await
            .unwrap();
        let (first, second) = (
            empty.create(test.entropy.as_ref()),
            empty.create(test.entropy.as_ref()),
        );
        put(&first, &passphrase("a")).await.unwrap();
        let ciphertext = first
            .encrypt(&CONTEXT, b"kept", test.entropy.as_ref())
            .unwrap();
        assert!(matches!(
            put(&second, &passphrase("a")).await,
            Err(Error::Secret { .. })
        ));
        put(&first, &passphrase("a")).await.unwrap();

        let (left, right) = (
            first.with_new_key(test.entropy.as_ref()),
            first.with_new_key(test.entropy.as_ref()),
        );
        put(&left, &passphrase("a")).await.unwrap();
        assert!(matches!(
            put(&right, &passphrase("b")).await,
            Err(Error::Secret { .. })
        ));
        // Wrapping the keys read before the rotation again would leave two versions under two
        // passphrases.
        assert!(matches!(
            put(&first, &passphrase("b")).await,
            Err(Error::Secret { .. })
        ));
        let keyring = unlock(&test, &passphrase("a")).await.unwrap();
        assert_eq!(keyring.current_version(), 2);
        assert_eq!(
            keyring.decrypt(&CONTEXT, &ciphertext).unwrap().as_slice(),
            b"kept"
        );
    })
    .await;
}

/// A database that was tampered with cannot make this process allocate terabytes of memory.
#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_cost_is_rejected() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let keyring = test.db.read_unscoped(|tx| secrets::load_data_keys(tx, "main")).await.unwrap().create(test.entropy.as_ref());
        save_keys(&test, &keyring, &passphrase("a"), &lease).await;
        let wrapping = r#"{"by":"argon2id","salt":"00000000000000000000000000000000","cost":{"memory_kib":4294967295,"passes":1}}"#;
        test.db
            .on(&lease)
            .write_unscoped(move |tx| tx.execute("UPDATE secret_key SET wrapping = ?1", (wrapping,)))
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert!(matches!(unlock(&test, &passphrase("a")).await, Err(Error::Secret { .. })));
    })
    .await;
}
