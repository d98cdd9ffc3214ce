//! What the tests stand on: a node, a connector to it, and keys.

use chain::evm::{Evm, EvmConfig};
use chain::{Connector, Plan, Quote, Reservations, Submitted, Watch};
use intent::{FeeTerms, Intent, Interface, Signature, Signed, Unsigned};
use secp256k1::{Message, SECP256K1, SecretKey};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::SeededEntropy;
use testkit::anvil::{self, Anvil, Options};
use types::{Amount, Block, ChainId};

pub(crate) const NOBODY: &str = "0x00000000000000000000000000000000000000aa";

/// A node and a connector to it.
pub(crate) struct Stand {
    pub(crate) anvil: Anvil,
    pub(crate) evm: Evm,
}

/// A connector to whoever listens there. Fast to give up, so that tests are fast.
pub(crate) fn connect(url: &str, number: u64, settings: Value) -> Evm {
    let mut whole = json!({"preset": "anvil", "number": number, "url": url, "retry": {"attempts": 3, "first_ms": 1, "max_ms": 1000}});
    for (name, value) in settings.as_object().unwrap() {
        whole[name] = value.clone();
    }
    let config: EvmConfig = serde_json::from_value(whole).unwrap();
    Evm::new(config, Arc::new(SeededEntropy::new(1))).unwrap()
}

/// A node and a connector, or nothing and the test counted as skipped.
pub(crate) fn stand(options: &Options, settings: Value) -> Option<Stand> {
    let anvil = anvil::start(options)?;
    let evm = connect(&anvil.url(), anvil.chain_id(), settings);
    Some(Stand { anvil, evm })
}

pub(crate) fn watch_all(signers: &[&str]) -> Watch {
    Watch {
        signers: signers.iter().map(|signer| (*signer).to_owned()).collect(),
        everything: true,
        ..Watch::default()
    }
}

pub(crate) fn interface(name: &str) -> Interface {
    Interface::new(testkit::artifact(name).abi.to_string())
}

impl Stand {
    pub(crate) fn account(&self, place: usize) -> &str {
        &self.anvil.accounts()[place].address
    }

    pub(crate) fn chain(&self) -> ChainId {
        self.evm.chain().clone()
    }

    /// A payment from one of the node's accounts.
    pub(crate) fn payment(&self, from: usize, to: &str, wei: u64) -> Intent {
        Intent::call(
            self.chain(),
            self.account(from).to_owned(),
            Some(to.to_owned()),
            Amount::from(wei),
            Vec::new(),
        )
    }

    /// A call of a contract from one of the node's accounts.
    pub(crate) fn call(
        &self,
        from: usize,
        to: &str,
        contract: &str,
        method: &str,
        params: Value,
    ) -> Intent {
        let data =
            intent::encode_call(&self.chain(), &interface(contract), method, &params).unwrap();
        Intent::call(
            self.chain(),
            self.account(from).to_owned(),
            Some(to.to_owned()),
            Amount::ZERO,
            data,
        )
    }

    pub(crate) async fn quote(&self, intent: &Intent) -> Quote {
        self.evm
            .quote(std::slice::from_ref(intent))
            .await
            .remove(0)
            .unwrap()
    }

    /// The signed bytes of an intent, at a nonce and on terms.
    pub(crate) async fn signed(&self, intent: &Intent, nonce: u64, terms: FeeTerms) -> Signed {
        let reservations = Reservations {
            nonce: Some(nonce),
            ..Reservations::default()
        };
        let plan = Plan {
            intent,
            terms,
            reservations: &reservations,
            authorisations: &[],
        };
        let unsigned = self.evm.plan(&[plan]).await.remove(0).unwrap();
        assert_eq!(intent::decode(&unsigned).unwrap().intent, *intent);
        self.sign(&unsigned)
    }

    /// Quote, plan, sign and send, at the next nonce.
    pub(crate) async fn send(&self, intent: &Intent) -> (Signed, Submitted) {
        let nonce = self.evm.sequence(&intent.signer).await.unwrap().pending;
        let terms = self.quote(intent).await.terms;
        let signed = self.signed(intent, nonce, terms).await;
        let submitted = self.submit(&signed).await;
        (signed, submitted)
    }

    pub(crate) async fn submit(&self, signed: &Signed) -> Submitted {
        self.evm
            .submit(std::slice::from_ref(signed))
            .await
            .remove(0)
    }

    fn sign(&self, unsigned: &Unsigned) -> Signed {
        let account = self
            .anvil
            .accounts()
            .iter()
            .find(|account| account.address == unsigned.signer)
            .unwrap();
        let key: SecretKey = account
            .private_key
            .trim_start_matches("0x")
            .parse()
            .unwrap();
        let digest = intent::decode(unsigned).unwrap().requests[0].digest;
        let signature = SECP256K1.sign_ecdsa_recoverable(&Message::from_digest(digest), &key);
        let (recovery, rs) = signature.serialize_compact();
        let recovery = u8::try_from(i32::from(recovery)).unwrap();
        intent::assemble(unsigned, &[Signature { rs, recovery }]).unwrap()
    }

    /// The newest block, whole.
    pub(crate) async fn newest(&self, watch: &Watch) -> Block {
        let head = self.evm.head().await.unwrap();
        self.evm.block(&head.hash, watch).await.unwrap().unwrap()
    }
}
