//! The twelve types, field by field, in the order in which they are shown. The only place that
//! knows names, columns and indexes.

use crate::Type;
use crate::field::{Blank, Field, Is, Shape, give, hide, set};
use store::Kind;

/// Free text that is not part of a key.
const TEXT: Is = Is::Text(4_096);
/// Text that may be long: documents' addresses, descriptions, values.
const LONG: Is = Is::Text(65_536);
/// Text that has an index of its own.
const SHORT: Is = Is::Text(256);

const ID: Field = set("id", "id", SHORT).indexed();
const NAME: Field = give("name", "name", Is::Name).indexed();
const CHAIN: Field = give("chain", "chain", Is::Chain).or(Blank::Empty);
const ADDRESS: Field = give("address", "address", Is::Address)
    .indexed()
    .or(Blank::Empty);
const FIREFLY: Field = give("firefly", "firefly", Is::Json);
const ASSET: Field = give("asset", "asset_id", Is::Ref(Type::Asset)).indexed();
const HEIGHT: Field = set("block", "height", Is::Int);
const BLOCK_HASH: Field = set("blockHash", "block_hash", SHORT);
const REVERTED: Field = hide("reverted", Kind::Int).or(Blank::Zero);
const STATUS: Field = set("status", "", Is::Status);
const PARENT_TYPE: Field = give("parent.type", "parent_type", Is::ParentType);
const PARENT_REF: Field = give("parent.ref", "parent_id", Is::ParentRef).indexed();
const PARENT_ASSET: Field = set("asset", "", Is::ParentAsset).indexed();
const QUALIFIED: Field = set("qualifiedName", "", Is::Qualified);

/// What every object has, behind its own fields.
macro_rules! fields {
    ($($field:expr),* $(,)?) => {
        &[
            $($field,)*
            hide("version", Kind::Int).or(Blank::One),
            set("created", "created", Is::Time).or(Blank::Zero).indexed(),
            set("updated", "updated", Is::Time).or(Blank::Zero),
            give("displayName", "display_name", TEXT),
            give("description", "description", LONG),
            give("labels", "labels", Is::Labels),
            give("info", "info", Is::Json),
        ]
    };
}

const BY_ID: &[&str] = &["id"];
const BY_NAME: &[&str] = &["name"];
const BY_QUALIFIED: &[&str] = &["chain", "address", "name"];

static COLLECTION: Shape = Shape {
    kind: Type::Collection,
    table: "collection",
    fields: fields![ID, NAME],
    key: BY_NAME,
    row: BY_ID,
    newest: "created",
    tie: BY_ID,
};

static ASSETS: Shape = Shape {
    kind: Type::Asset,
    table: "asset",
    fields: fields![
        ID,
        NAME,
        give("collection", "collection_id", Is::Ref(Type::Collection)).indexed(),
        give("units", "units", Is::Units),
    ],
    key: BY_NAME,
    row: BY_ID,
    newest: "created",
    tie: BY_ID,
};

static ADDRESSES: Shape = Shape {
    kind: Type::Address,
    table: "address",
    fields: fields![
        hide("id", Kind::Text),
        ADDRESS,
        CHAIN,
        give("contract", "contract", Is::Flag).or(Blank::Zero),
        give("contractManager", "contract_manager", Is::Json),
        FIREFLY,
        HEIGHT,
        BLOCK_HASH,
        REVERTED,
        STATUS,
    ],
    key: &["chain", "address"],
    row: BY_ID,
    newest: "created",
    tie: BY_ID,
};

static ACTIVITY: Shape = Shape {
    kind: Type::Activity,
    table: "activity",
    fields: fields![ID, NAME, hide("next_sequence", Kind::Int).or(Blank::One)],
    key: BY_NAME,
    row: BY_ID,
    newest: "created",
    tie: BY_ID,
};

static POOL: Shape = Shape {
    kind: Type::Pool,
    table: "pool",
    fields: fields![
        ID,
        NAME,
        ADDRESS,
        QUALIFIED,
        CHAIN,
        give("standard", "standard", TEXT),
        ASSET,
        FIREFLY,
        set("trusted", "trusted", Is::Flag).or(Blank::One),
        HEIGHT,
        BLOCK_HASH,
        REVERTED,
        STATUS,
    ],
    key: BY_QUALIFIED,
    row: BY_ID,
    newest: "created",
    tie: BY_ID,
};

static NFT: Shape = Shape {
    kind: Type::Nft,
    table: "nft",
    fields: fields![
        ID,
        NAME,
        ADDRESS,
        QUALIFIED,
        CHAIN,
        give("tokenIndex", "token_index", Is::Amount),
        give("standard", "standard", TEXT),
        give("uri", "uri", LONG),
        ASSET,
        give("active", "active", Is::Flag).or(Blank::One),
        set("owner", "owner", Is::Address).indexed(),
        FIREFLY,
        HEIGHT,
        BLOCK_HASH,
        REVERTED,
        STATUS,
    ],
    key: BY_QUALIFIED,
    row: BY_ID,
    newest: "created",
    tie: BY_ID,
};

static FRAGMENT: Shape = Shape {
    kind: Type::Fragment,
    table: "fragment",
    fields: fields![
        ID,
        NAME,
        ADDRESS,
        QUALIFIED,
        CHAIN,
        ASSET,
        give("value", "value", Is::Masked(65_536)),
        give("valueMasked", "value_masked", Is::Flag).or(Blank::Zero),
        give("valueReference", "value_reference", TEXT),
    ],
    key: BY_QUALIFIED,
    row: BY_ID,
    newest: "created",
    tie: BY_ID,
};

static DATA: Shape = Shape {
    kind: Type::Data,
    table: "data",
    fields: fields![
        ID,
        NAME,
        give("uri", "uri", LONG),
        give("role", "role", TEXT),
        give("transactionHash", "transaction_hash", SHORT),
        FIREFLY,
        PARENT_TYPE,
        PARENT_REF,
        PARENT_ASSET,
    ],
    key: BY_NAME,
    row: BY_ID,
    newest: "created",
    tie: BY_ID,
};

static TRANSFER: Shape = Shape {
    kind: Type::Transfer,
    table: "transfer",
    fields: fields![
        ID,
        give("protocolId", "protocol_id", Is::Name).indexed(),
        CHAIN,
        hide("transaction_id", Kind::Text).or(Blank::Empty),
        hide("path", Kind::Text).or(Blank::Empty),
        hide("position", Kind::Text).or(Blank::Empty),
        give("type", "type", SHORT),
        give("from", "from_address", Is::Address).indexed(),
        give("to", "to_address", Is::Address).indexed(),
        give("signer", "signer", Is::Address),
        give("amount", "amount", Is::Amount),
        give("transactionHash", "transaction_hash", SHORT).indexed(),
        FIREFLY,
        PARENT_TYPE,
        PARENT_REF,
        PARENT_ASSET,
        hide("source", Kind::Text),
        hide("batch", Kind::Text),
        hide("explicit", Kind::Int).or(Blank::Zero),
        HEIGHT,
        set("blockHash", "block_hash", SHORT).or(Blank::Empty),
        set("blockTime", "block_time", Is::Time),
        REVERTED,
        STATUS,
    ],
    key: &["chain", "protocol_id"],
    row: &["chain", "transaction_id", "path", "block_hash"],
    newest: "created",
    tie: &["id", "block_hash"],
};

static EVENT: Shape = Shape {
    kind: Type::Event,
    table: "event",
    fields: fields![
        ID,
        NAME,
        give("activity", "activity_id", Is::Ref(Type::Activity)).indexed(),
        set("topic", "topic", Is::Text(1_024)).indexed(),
        set("sequence", "sequence", Is::Int).or(Blank::Zero),
        PARENT_TYPE,
        PARENT_REF,
        PARENT_ASSET,
    ],
    key: &["activity_id", "name"],
    row: BY_ID,
    newest: "created",
    tie: BY_ID,
};

static BALANCE: Shape = Shape {
    kind: Type::Balance,
    table: "balance",
    fields: &[
        ID,
        set("address", "address", Is::Address).indexed(),
        set("chain", "chain", Is::Chain),
        set("asset", "", Is::ParentAsset).indexed(),
        set("parent.type", "parent_type", Is::ParentType),
        set("pool", "parent_id", Is::ParentRef).indexed(),
        set("balanceAfter", "quantity", Is::Quantity).or(Blank::Empty),
        set("balanceFinal", "", Is::Shown),
        hide("version", Kind::Int).or(Blank::One),
        set("updated", "updated", Is::Time)
            .or(Blank::Zero)
            .indexed(),
    ],
    key: &["chain", "address", "parent_id"],
    row: BY_ID,
    newest: "updated",
    tie: BY_ID,
};

static BALANCE_CHANGE: Shape = Shape {
    kind: Type::BalanceChange,
    table: "transfer_change",
    fields: &[
        set("id", "", Is::ChangeId),
        set("transfer", "transfer_id", SHORT).indexed(),
        hide("place", Kind::Int).or(Blank::Zero),
        set("address", "address", Is::Address).indexed(),
        set("chain", "chain", Is::Chain).or(Blank::Empty),
        set("operation", "direction", Is::Direction).or(Blank::Zero),
        set("amount", "amount", Is::Amount).or(Blank::Empty),
        set("parent.type", "parent_type", Is::ParentType),
        set("parent.ref", "parent_id", Is::ParentRef).indexed(),
        set("balanceBefore", "", Is::Shown),
        set("balanceAfter", "", Is::Shown),
        hide("position", Kind::Text).or(Blank::Empty),
        hide("height", Kind::Int),
    ],
    key: &["transfer_id", "place"],
    row: &["transfer_id", "place"],
    newest: "position",
    tie: &["transfer_id", "place"],
};

impl Type {
    /// Its fields and where they are.
    pub(crate) fn shape(self) -> &'static Shape {
        match self {
            Type::Collection => &COLLECTION,
            Type::Asset => &ASSETS,
            Type::Address => &ADDRESSES,
            Type::Activity => &ACTIVITY,
            Type::Pool => &POOL,
            Type::Nft => &NFT,
            Type::Fragment => &FRAGMENT,
            Type::Data => &DATA,
            Type::Transfer => &TRANSFER,
            Type::Event => &EVENT,
            Type::Balance => &BALANCE,
            Type::BalanceChange => &BALANCE_CHANGE,
        }
    }
}
