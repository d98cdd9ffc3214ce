//! The fixture of the tests: a node, a connector to it, and keys.

use chain::evm::{Evm, EvmConfig};
use chain::{Connector, Plan, Quote, Reservations, SubmitOutcome, Watch};
use intent::evm::{Price, Terms, build_unsigned};
use intent::{FeeTerms, Intent, Interface, Signature, Signed, Unsigned};
use secp256k1::{Message, SECP256K1, SecretKey};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::SeededEntropy;
use testkit::anvil::{self, Anvil, Options};
use types::{Amount, Block, ChainId};

pub(crate) const UNUSED_ACCOUNT: &str = "0x00000000000000000000000000000000000000aa";

/// A node and a connector to it.
pub(crate) struct Fixture {
    pub(crate) anvil: Anvil,
    pub(crate) evm: Evm,
}

/// A connector to a URL. Gives up quickly, so that tests are fast.
pub(crate) fn connect(url: &str, number: u64, settings: Value) -> Evm {
    let mut config = json!({"preset": "anvil", "number": number, "url": url, "retry": {"attempts": 3, "first_ms": 1, "max_ms": 1000}});
    for (name, value) in settings.as_object().unwrap() {
        config[name] = value.clone();
    }
    let config: EvmConfig = serde_json::from_value(config).unwrap();
    Evm::new(config, Arc::new(SeededEntropy::new(1))).unwrap()
}

/// Starts a node and a connector. `None` if the node is missing; the test then counts as skipped.
pub(crate) fn start(options: &Options, settings: Value) -> Option<Fixture> {
    let anvil = anvil::start(options)?;
    let evm = connect(&anvil.url(), anvil.chain_id(), settings);
    Some(Fixture { anvil, evm })
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

impl Fixture {
    pub(crate) fn account(&self, index: usize) -> &str {
        &self.anvil.accounts()[index].address
    }

    pub(crate) fn chain(&self) -> ChainId {
        *self.evm.chain()
    }

    /// A payment from an account of the node.
    pub(crate) fn payment(&self, from: usize, to: &str, wei: u64) -> Intent {
        Intent::call(
            self.chain(),
            self.account(from).to_owned(),
            Some(to.to_owned()),
            Amount::from(wei),
            Vec::new(),
        )
    }

    /// A contract call from an account of the node.
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

    /// Plans and signs an intent at a nonce and with fee terms.
    pub(crate) async fn signed(&self, intent: &Intent, nonce: u64, terms: FeeTerms) -> Signed {
        let reservations = Reservations {
            nonce: Some(nonce),
            ..Reservations::default()
        };
        let plan = Plan {
            intent,
            terms,
            reservations: &reservations,
            authorizations: &[],
        };
        let unsigned = self.evm.plan(&[plan]).await.remove(0).unwrap();
        assert_eq!(intent::decode(&unsigned).unwrap().intent, *intent);
        self.sign(&unsigned)
    }

    /// Signs an intent at any price, as another sender would.
    pub(crate) fn signed_at(
        &self,
        intent: &Intent,
        nonce: u64,
        cap: Amount,
        tip: Amount,
    ) -> Signed {
        let terms = Terms {
            nonce,
            gas: 21_000,
            price: Price::Eip1559 { cap, tip },
            authorizations: Vec::new(),
        };
        self.sign(&build_unsigned(intent, &terms).unwrap())
    }

    /// Quotes, plans, signs and sends an intent at the next nonce.
    pub(crate) async fn send(&self, intent: &Intent) -> (Signed, SubmitOutcome) {
        let nonce = self.evm.sequence(&intent.signer).await.unwrap().pending;
        let terms = self.quote(intent).await.terms;
        let signed = self.signed(intent, nonce, terms).await;
        let submitted = self.submit(&signed).await;
        (signed, submitted)
    }

    pub(crate) async fn submit(&self, signed: &Signed) -> SubmitOutcome {
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
        let digest = intent::decode(unsigned).unwrap().required_signatures[0].digest;
        let signature = SECP256K1.sign_ecdsa_recoverable(&Message::from_digest(digest), &key);
        let (recovery, rs) = signature.serialize_compact();
        let recovery = u8::try_from(i32::from(recovery)).unwrap();
        intent::assemble(unsigned, &[Signature { rs, recovery }]).unwrap()
    }

    /// The newest block, with what is watched.
    pub(crate) async fn newest(&self, watch: &Watch) -> Block {
        let head = self.evm.head().await.unwrap();
        self.evm.block(&head.hash, watch).await.unwrap().unwrap()
    }
}
