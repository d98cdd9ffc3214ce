//! The rows of the benchmark: a transfer, the balance it changes, and the fact that records it.

use types::{Amount, Quantity};

/// Number of accounts: enough that a batch of a thousand touches about a hundred of them twice.
pub(crate) const ACCOUNTS: u64 = 10_000;

/// One transfer to an account.
#[derive(Debug, Clone)]
pub(crate) struct Movement {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) amount: Amount,
    pub(crate) transaction: String,
}

impl Movement {
    pub(crate) fn payload(&self) -> serde_json::Value {
        serde_json::json!({ "id": self.id, "to": self.account, "amount": self.amount, "transaction": self.transaction })
    }
}

/// An endless sequence of movements with unique ids, over accounts in a fixed pseudo-random order.
pub(crate) fn movements() -> impl Iterator<Item = Movement> {
    (0u64..).map(|n| {
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 17;
        Movement {
            id: format!("tr:{n:026}"),
            account: format!("0x{:040x}", mixed % ACCOUNTS),
            amount: Amount::from_u128(u128::from(mixed) * 1_000_000_007),
            transaction: format!("0x{n:064x}"),
        }
    })
}

/// The net change of each account in a slice.
pub(crate) fn net(slice: &[Movement]) -> std::collections::BTreeMap<&str, Quantity> {
    let mut net: std::collections::BTreeMap<&str, Quantity> = std::collections::BTreeMap::new();
    for movement in slice {
        *net.entry(movement.account.as_str()).or_default() += &Quantity::from(movement.amount);
    }
    net
}

/// The benchmark's tables, in addition to those of the store.
pub(crate) fn tables(postgres: bool) -> [String; 2] {
    let (text, blob) = if postgres {
        ("TEXT COLLATE \"C\"", "BYTEA")
    } else {
        ("TEXT", "BLOB")
    };
    let strict = if postgres { "" } else { " STRICT" };
    let int = if postgres { "BIGINT" } else { "INTEGER" };
    [
        format!(
            "CREATE TABLE bench_transfer (namespace {text} NOT NULL, id {text} NOT NULL, account {text} NOT NULL, amount {blob} NOT NULL,
               tx_id {text} NOT NULL, at {int} NOT NULL, PRIMARY KEY (namespace, id)){strict}"
        ),
        format!(
            "CREATE TABLE bench_balance (namespace {text} NOT NULL, account {text} NOT NULL, amount {blob} NOT NULL,
               PRIMARY KEY (namespace, account)){strict}"
        ),
    ]
}
