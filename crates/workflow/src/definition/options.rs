//! The options of each step type.

use super::Kind;
use data::Type;

/// The object types that `data_model_update` accepts.
const WRITABLE_TYPES: [&str; 10] = names(Type::WRITABLE);
/// The object types that `data_model_query` accepts.
const QUERYABLE_TYPES: [&str; 12] = names(Type::QUERYABLE);

const fn names<const N: usize>(types: [Type; N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut index = 0;
    while index < N {
        names[index] = types[index].plural();
        index += 1;
    }
    names
}

/// The options of one step type.
pub(super) struct Options {
    pub(super) known: &'static [&'static str],
    /// At least one option of each group is required, literal or dynamic.
    pub(super) required: &'static [&'static [&'static str]],
    /// Whether unknown options are stored with a warning instead of rejected. Set for step types
    /// that definitions written for other products use.
    pub(super) lenient: bool,
}

/// Returns the options of a step type.
pub(super) fn for_kind(kind: Kind) -> Options {
    let (known, required, lenient): (&'static [_], &'static [&'static [_]], bool) = match kind {
        Kind::JsonataTemplate => (&["template"], &[&["template"]], true),
        Kind::DataModelQuery => (&QUERYABLE_TYPES, &[], false),
        Kind::DataModelUpdate => (&WRITABLE_TYPES, &[], false),
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
        required,
        lenient,
    }
}
