//! Opening the keyring.

use secrets::{EncryptionContext, KdfCost, MasterKey, Parts, Secrets, Settings};
use store::{Db, Lease};
use testkit::{TestDb, on_each_engine};
use types::{Coded as _, Namespace, Principal};

const CONTEXT: EncryptionContext<'static> = EncryptionContext {
    table: "t",
    row: "r",
    column: "c",
};

fn master(text: &str) -> MasterKey {
    MasterKey::Passphrase(text.to_owned().into(), KdfCost::TEST)
}

/// Another process with its lease, or the same one on SQLite, which belongs to one process.
async fn beside(test: &TestDb) -> (Db, Lease) {
    if test.server().is_none() {
        return (test.db.clone(), test.lease("api/1").await);
    }
    let db = test.open_another().await;
    let lease = db.lease("api/1", testkit::LEASE_MS).await.unwrap().unwrap();
    (db, lease)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_start_together_create_one_keyring() {
    on_each_engine(|test| async move {
        let lease = test.lease("api/0").await;
        let (other, there) = beside(&test).await;
        let (a, b) = tokio::join!(
            secrets::open_keyring(&test.db, &lease, master("one")),
            secrets::open_keyring(&other, &there, master("one"))
        );
        let entropy = test.entropy.as_ref();
        let ciphertext = a.unwrap().encrypt(&CONTEXT, b"secret", entropy).unwrap();
        let decrypted = b.unwrap().decrypt(&CONTEXT, &ciphertext).unwrap();
        assert_eq!(decrypted.as_slice(), b"secret");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_master_key_unlocks_the_same_keyring_and_raises_the_generation() {
    on_each_engine(|test| async move {
        let (lease, principal) = (
            test.lease("api/0").await,
            Principal::system("test", Namespace::installation()),
        );
        let keyring = secrets::open_keyring(&test.db, &lease, master("one"))
            .await
            .unwrap();
        let entropy = test.entropy.as_ref();
        let ciphertext = keyring.encrypt(&CONTEXT, b"secret", entropy).unwrap();
        let change = |old, new| {
            secrets::change_master(&test.db, &lease, &principal, master(old), master(new))
        };
        let wrong = change("wrong", "two").await.unwrap_err();
        assert_eq!(wrong.code().code, "secrets.undecryptable");
        let generation = || {
            let read = test.db.read(&testkit::namespace("a"), secrets::generation);
            async move { read.await.unwrap() }
        };
        assert_eq!(generation().await, 0);
        change("one", "two").await.unwrap();
        assert_eq!(generation().await, 1);

        let old = secrets::open_keyring(&test.db, &lease, master("one")).await;
        assert_eq!(old.err().unwrap().code().code, "secrets.undecryptable");
        let reopened = secrets::open_keyring(&test.db, &lease, master("two"))
            .await
            .unwrap();
        let decrypted = reopened.decrypt(&CONTEXT, &ciphertext).unwrap();
        assert_eq!(decrypted.as_slice(), b"secret");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_needs_the_source_of_the_master_key() {
    on_each_engine(|test| async move {
        let lease = test.lease("api/0").await;
        let keyring = secrets::open_keyring(&test.db, &lease, master("one"))
            .await
            .unwrap();
        let parts = Parts {
            db: test.db.clone(),
            lease,
            keyring,
            master_source: None,
        };
        let secrets = Secrets::new(parts, Settings::default());
        let principal = Principal::system("test", Namespace::installation());
        let refused = secrets::rotate(&secrets, &principal).await.unwrap_err();
        assert_eq!(refused.code().code, "secrets.master_key_unavailable");
        assert_eq!(secrets::keyring(&secrets).await.unwrap().version, 1);
    })
    .await;
}
