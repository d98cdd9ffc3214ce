use store::Error;
use store::secret::{self, Cost, Keyring, Master, Place};
use testkit::{TestDb, on_each_engine};

fn passphrase(text: &str) -> Master {
    Master::Passphrase(text.to_owned().into(), Cost::TEST)
}

async fn keep(test: &TestDb, keyring: &Keyring, master: &Master, lease: &store::Lease) {
    let wrapped = keyring.wrap(master, test.entropy.as_ref()).unwrap();
    test.db
        .on(lease)
        .write_unbound(move |tx| secret::store(tx, &wrapped))
        .await
        .unwrap();
}

async fn unlock(test: &TestDb, master: &Master) -> store::Result<Keyring> {
    test.db
        .read_unbound(|tx| secret::load(tx, "main"))
        .await
        .unwrap()
        .unlock(master)
}

const HERE: Place<'static> = Place {
    table: "key",
    row: "key:1",
    column: "seed",
};

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_opens_at_its_place_and_nowhere_else() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let loaded = test
            .db
            .read_unbound(|tx| secret::load(tx, "main"))
            .await
            .unwrap();
        assert!(loaded.is_empty());
        let keyring = loaded.begin(test.entropy.as_ref());
        keep(&test, &keyring, &passphrase("correct horse"), &lease).await;
        let sealed = keyring
            .seal(&HERE, b"the seed", test.entropy.as_ref())
            .unwrap();
        assert!(!sealed.windows(8).any(|part| part == b"the seed"));

        let again = unlock(&test, &passphrase("correct horse")).await.unwrap();
        assert_eq!(again.open(&HERE, &sealed).unwrap().as_slice(), b"the seed");
        for moved in [
            Place {
                table: "other",
                ..HERE
            },
            Place {
                row: "key:2",
                ..HERE
            },
            Place {
                column: "other",
                ..HERE
            },
        ] {
            assert!(matches!(
                again.open(&moved, &sealed),
                Err(Error::Secret { .. })
            ));
        }
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(again.open(&HERE, &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(
                again.open(&HERE, &sealed[..length]).is_err(),
                "cut to {length}"
            );
        }
        assert!(matches!(
            unlock(&test, &passphrase("wrong")).await,
            Err(Error::Secret { .. })
        ));
        assert!(matches!(
            unlock(&test, &Master::Key([7; 32].into())).await,
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
            .read_unbound(|tx| secret::load(tx, "main"))
            .await
            .unwrap()
            .begin(test.entropy.as_ref());
        keep(&test, &first, &passphrase("one"), &lease).await;
        let old = first.seal(&HERE, b"old", test.entropy.as_ref()).unwrap();

        let second = first.rotated(test.entropy.as_ref());
        keep(&test, &second, &passphrase("two"), &lease).await;
        let new = second.seal(&HERE, b"new", test.entropy.as_ref()).unwrap();
        assert!(second.is_current(&new) && !second.is_current(&old));

        assert!(
            unlock(&test, &passphrase("one")).await.is_err(),
            "every data key was wrapped anew"
        );
        let opened = unlock(&test, &passphrase("two")).await.unwrap();
        assert_eq!(opened.version(), 2);
        assert_eq!(opened.open(&HERE, &old).unwrap().as_slice(), b"old");
        assert_eq!(opened.open(&HERE, &new).unwrap().as_slice(), b"new");
    })
    .await;
}

/// Two processes begin, or rotate, at the same time: one of them hears that it came second; no data
/// key is ever overwritten.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_make_a_data_key_one_comes_second() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let put = |keyring: &Keyring, master: &Master| {
            let wrapped = keyring.wrap(master, test.entropy.as_ref()).unwrap();
            test.db
                .on(&lease)
                .write_unbound(move |tx| secret::store(tx, &wrapped))
        };
        let empty = test
            .db
            .read_unbound(|tx| secret::load(tx, "main"))
            .await
            .unwrap();
        let (one, two) = (
            empty.begin(test.entropy.as_ref()),
            empty.begin(test.entropy.as_ref()),
        );
        put(&one, &passphrase("a")).await.unwrap();
        let sealed = one.seal(&HERE, b"kept", test.entropy.as_ref()).unwrap();
        assert!(matches!(
            put(&two, &passphrase("a")).await,
            Err(Error::Secret { .. })
        ));
        put(&one, &passphrase("a")).await.unwrap();

        let (left, right) = (
            one.rotated(test.entropy.as_ref()),
            one.rotated(test.entropy.as_ref()),
        );
        put(&left, &passphrase("a")).await.unwrap();
        assert!(matches!(
            put(&right, &passphrase("b")).await,
            Err(Error::Secret { .. })
        ));
        // Wrapping anew what was read before the rotation would leave two versions under two
        // passphrases.
        assert!(matches!(
            put(&one, &passphrase("b")).await,
            Err(Error::Secret { .. })
        ));
        let ring = unlock(&test, &passphrase("a")).await.unwrap();
        assert_eq!(ring.version(), 2);
        assert_eq!(ring.open(&HERE, &sealed).unwrap().as_slice(), b"kept");
    })
    .await;
}

/// A database that was tampered with cannot make this process ask for terabytes of memory.
#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_cost_is_refused() {
    on_each_engine(|test| async move {
        let lease = test.lease("p/0").await;
        let ring = test.db.read_unbound(|tx| secret::load(tx, "main")).await.unwrap().begin(test.entropy.as_ref());
        keep(&test, &ring, &passphrase("a"), &lease).await;
        let wrapping = r#"{"by":"argon2id","salt":"00000000000000000000000000000000","cost":{"memory_kib":4294967295,"passes":1}}"#;
        test.db
            .on(&lease)
            .write_unbound(move |tx| tx.execute("UPDATE secret_key SET wrapping = ?1", (wrapping,)))
            .await
            .map_err(|e: Error| e)
            .unwrap();
        assert!(matches!(unlock(&test, &passphrase("a")).await, Err(Error::Secret { .. })));
    })
    .await;
}
