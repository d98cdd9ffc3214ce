//! Which options each kind of step has.

use super::Kind;

/// The types of the data model that can be written.
const WRITABLE: [&str; 10] = [
    "collections",
    "assets",
    "addresses",
    "activities",
    "pools",
    "nfts",
    "fragments",
    "data",
    "transfers",
    "events",
];
/// The types that can be queried.
const QUERIED: [&str; 11] = [
    "collections",
    "assets",
    "addresses",
    "activities",
    "pools",
    "nfts",
    "fragments",
    "data",
    "transfers",
    "events",
    "balanceChanges",
];

/// The options of a kind of step.
pub(super) struct Options {
    /// All there are.
    pub(super) known: &'static [&'static str],
    /// One of each group has to be given, literally or evaluated.
    pub(super) needed: &'static [&'static [&'static str]],
    /// Whether unknown ones are kept with a warning rather than refused: kinds that outside
    /// definitions use.
    pub(super) lenient: bool,
}

/// The options of a kind.
pub(super) fn of(kind: Kind) -> Options {
    let (known, needed, lenient): (&'static [_], &'static [&'static [_]], bool) = match kind {
        Kind::JsonataTemplate => (&["template"], &[&["template"]], true),
        Kind::DataModelQuery => (&QUERIED, &[], false),
        Kind::DataModelUpdate => (&WRITABLE, &[], false),
        Kind::HttpRequest => (
            &["url", "method", "headers", "body", "expect", "query"],
            &[&["url"]],
            false,
        ),
        Kind::ContractDeploy => (
            &[
                "binding", "chain", "signer", "abi", "bytecode", "params", "value", "units",
                "until", "labels", "assets",
            ],
            &[&["bytecode"], &["binding", "signer"]],
            false,
        ),
        Kind::ContractInvoke => (
            &[
                "binding", "chain", "contract", "address", "signer", "abi", "method", "params",
                "value", "units", "until", "labels", "assets",
            ],
            &[
                &["method"],
                &["binding", "contract", "address"],
                &["binding", "signer"],
            ],
            false,
        ),
        Kind::ContractQuery => (
            &[
                "binding", "chain", "contract", "address", "signer", "abi", "method", "params",
                "units",
            ],
            &[&["method"], &["binding", "contract", "address"]],
            false,
        ),
        Kind::Policy => (&["policy", "input", "onDeny"], &[&["policy"]], false),
        Kind::InvokeTask => (
            &[
                "taskName",
                "taskVersion",
                "input",
                "activity",
                "idempotencyKey",
            ],
            &[&["taskName"]],
            true,
        ),
    };
    Options {
        known,
        needed,
        lenient,
    }
}
