//! Control of the node: mining, reorgs, snapshots, transactions.

use std::path::Path;

use serde_json::{Value, json};

use super::Anvil;
use crate::wait_until;

/// Automatic mining takes milliseconds, at most the block time.
const MINED_MS: u64 = 30_000;

/// An account that is funded in the genesis block. Its key is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `0x` and 40 hexadecimal digits, lower case.
    pub address: String,
    /// `0x` and 64 hexadecimal digits.
    pub private_key: String,
}

impl Anvil {
    /// Mine blocks.
    pub fn mine(&self, blocks: u64) {
        self.rpc("anvil_mine", json!([format!("{blocks:#x}")]));
    }

    /// Replace the last `depth` blocks by as many new ones. Their transactions are lost and do not
    /// return to the pool, except the raw transactions given here, each with the index of its new
    /// block (0 is the first).
    pub fn reorg(&self, depth: u64, transactions: &[(String, u64)]) {
        let pairs: Vec<Value> = transactions
            .iter()
            .map(|(raw, offset)| json!([raw, offset]))
            .collect();
        self.rpc("anvil_reorg", json!([depth, pairs]));
    }

    /// Turn immediate mining of each transaction on or off.
    pub fn set_automine(&self, on: bool) {
        self.rpc("evm_setAutomine", json!([on]));
    }

    /// Take a snapshot of the state; returns its id for one [`Anvil::revert`].
    pub fn snapshot(&self) -> Value {
        self.rpc("evm_snapshot", json!([]))
    }

    /// Revert to a snapshot.
    ///
    /// # Panics
    /// If the snapshot does not exist or was used.
    pub fn revert(&self, snapshot: &Value) {
        assert_eq!(
            self.rpc("evm_revert", json!([snapshot])),
            json!(true),
            "no snapshot {snapshot}"
        );
    }

    /// The height of the head.
    pub fn height(&self) -> u64 {
        number(&self.rpc("eth_blockNumber", json!([])))
    }

    /// The hash of the block at a height; `None` above the head.
    pub fn block_hash(&self, height: u64) -> Option<String> {
        let block = self.rpc(
            "eth_getBlockByNumber",
            json!([format!("{height:#x}"), false]),
        );
        block["hash"].as_str().map(str::to_owned)
    }

    /// The next nonce of an address.
    pub fn nonce(&self, address: &str) -> u64 {
        number(&self.rpc("eth_getTransactionCount", json!([address, "latest"])))
    }

    /// The receipt of a mined transaction.
    pub fn receipt(&self, hash: &str) -> Option<Value> {
        Some(self.rpc("eth_getTransactionReceipt", json!([hash])))
            .filter(|receipt| !receipt.is_null())
    }

    /// `eth_call` at the head; returns `0x`-prefixed bytes.
    ///
    /// # Panics
    /// If the call reverts.
    pub fn call(&self, to: &str, data: &str) -> String {
        let result = self.rpc("eth_call", json!([{"to": to, "data": data}, "latest"]));
        result
            .as_str()
            .expect("the result of eth_call is a string")
            .to_owned()
    }

    /// Send a transaction from one of [`Anvil::accounts`], signed by the node; returns its hash.
    /// Without `to` it deploys a contract.
    pub fn send(&self, from: &str, to: Option<&str>, data: &str) -> String {
        let mut transaction = json!({"from": from, "data": data});
        if let Some(to) = to {
            transaction["to"] = json!(to);
        }
        let hash = self.rpc("eth_sendTransaction", json!([transaction]));
        hash.as_str().expect("a hash").to_owned()
    }

    /// Calldata of a function whose arguments are one word each, such as `balanceOf(address)`. The
    /// node computes the selector. Arguments are hexadecimal and are padded on the left.
    pub fn calldata(&self, signature: &str, words: &[&str]) -> String {
        let hash = self.rpc(
            "web3_sha3",
            json!([format!("0x{}", hex::encode(signature))]),
        );
        let selector = hash
            .as_str()
            .and_then(|hash| hash.get(..10))
            .expect("a hash");
        words.iter().fold(selector.to_owned(), |data, word| {
            data + &format!("{:0>64}", word.trim_start_matches("0x"))
        })
    }

    /// [`Anvil::send`], then wait for the receipt: automatic mining follows the response.
    ///
    /// # Panics
    /// If the transaction is not mined, or fails.
    pub fn transact(&self, from: &str, to: Option<&str>, data: &str) -> Value {
        let hash = self.send(from, to, data);
        assert!(
            wait_until(MINED_MS, || self.receipt(&hash).is_some()),
            "{hash} is not mined"
        );
        let receipt = self.receipt(&hash).unwrap_or_default();
        assert_eq!(receipt["status"], "0x1", "{hash} failed: {receipt}");
        receipt
    }

    /// Deploy bytecode from the first account; returns the contract address. Requires automatic
    /// mining.
    pub fn deploy(&self, bytecode: &str) -> String {
        let receipt = self.transact(&self.accounts()[0].address, None, bytecode);
        receipt["contractAddress"]
            .as_str()
            .expect("an address")
            .to_owned()
    }
}

fn number(quantity: &Value) -> u64 {
    let digits = quantity
        .as_str()
        .and_then(|text| text.strip_prefix("0x"))
        .expect("a JSON-RPC quantity");
    u64::from_str_radix(digits, 16).expect("a JSON-RPC quantity")
}

/// Read the accounts from anvil's configuration file.
pub(super) fn read_accounts(config: &Path) -> Vec<Account> {
    let text = std::fs::read_to_string(config).expect("anvil's configuration");
    let config: Value = serde_json::from_str(&text).expect("anvil's configuration is JSON");
    let texts = |field: &str| -> Vec<String> {
        let list = config[field]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        list.iter()
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let pairs = texts("available_accounts")
        .into_iter()
        .zip(texts("private_keys"));
    pairs
        .map(|(address, private_key)| Account {
            address,
            private_key,
        })
        .collect()
}
