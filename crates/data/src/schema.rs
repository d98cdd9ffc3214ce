//! The schemas of the twelve types, with fields in display order. Column names and indexes come
//! from here; `table/` builds its SQL from them.

use crate::Type;
use crate::field::{DefaultValue, Field, FieldType, Schema, computed, input, internal};
use store::ValueKind;

/// Free text that is not part of a key.
const TEXT: FieldType = FieldType::Text(4_096);
/// Long text: URIs, descriptions, values.
const LONG: FieldType = FieldType::Text(65_536);
/// Text with an index of its own.
const SHORT: FieldType = FieldType::Text(256);

const ID: Field = computed("id", "id", SHORT).indexed();
const NAME: Field = input("name", "name", FieldType::Name).indexed();
const CHAIN: Field = input("chain", "chain", FieldType::Chain).default(DefaultValue::Empty);
const ADDRESS: Field = input("address", "address", FieldType::Address)
    .indexed()
    .default(DefaultValue::Empty);
const FIREFLY: Field = input("firefly", "firefly", FieldType::Json);
const ASSET: Field = input("asset", "asset_id", FieldType::Ref(Type::Asset)).indexed();
const HEIGHT: Field = computed("block", "height", FieldType::Int);
const BLOCK_HASH: Field = computed("blockHash", "block_hash", SHORT);
const REVERTED: Field = internal("reverted", ValueKind::Int).default(DefaultValue::Zero);
const STATUS: Field = computed("status", "", FieldType::Status);
const PARENT_TYPE: Field = input("parent.type", "parent_type", FieldType::ParentType);
const PARENT_REF: Field = input("parent.ref", "parent_id", FieldType::ParentRef).indexed();
const PARENT_ASSET: Field = computed("asset", "", FieldType::ParentAsset).indexed();
const QUALIFIED: Field = computed("qualifiedName", "", FieldType::Qualified);

/// Appends the fields that every object has.
macro_rules! fields {
    ($($field:expr),* $(,)?) => {
        &[
            $($field,)*
            internal("version", ValueKind::Int).default(DefaultValue::One),
            computed("created", "created", FieldType::Time).default(DefaultValue::Zero).indexed(),
            computed("updated", "updated", FieldType::Time).default(DefaultValue::Zero),
            input("displayName", "display_name", TEXT),
            input("description", "description", LONG),
            input("labels", "labels", FieldType::Labels),
            input("info", "info", FieldType::Json),
        ]
    };
}

const BY_ID: &[&str] = &["id"];
const BY_NAME: &[&str] = &["name"];
const BY_QUALIFIED: &[&str] = &["chain", "address", "name"];

static COLLECTION: Schema = Schema {
    kind: Type::Collection,
    table: "collection",
    fields: fields![ID, NAME],
    key: BY_NAME,
    row_key: BY_ID,
    default_sort: "created",
    tie_breakers: BY_ID,
};

static ASSETS: Schema = Schema {
    kind: Type::Asset,
    table: "asset",
    fields: fields![
        ID,
        NAME,
        input(
            "collection",
            "collection_id",
            FieldType::Ref(Type::Collection)
        )
        .indexed(),
        input("units", "units", FieldType::Units),
    ],
    key: BY_NAME,
    row_key: BY_ID,
    default_sort: "created",
    tie_breakers: BY_ID,
};

static ADDRESSES: Schema = Schema {
    kind: Type::Address,
    table: "address",
    fields: fields![
        internal("id", ValueKind::Text),
        ADDRESS,
        CHAIN,
        input("contract", "contract", FieldType::Flag).default(DefaultValue::Zero),
        input("contractManager", "contract_manager", FieldType::Json),
        FIREFLY,
        HEIGHT,
        BLOCK_HASH,
        REVERTED,
        STATUS,
    ],
    key: &["chain", "address"],
    row_key: BY_ID,
    default_sort: "created",
    tie_breakers: BY_ID,
};

static ACTIVITY: Schema = Schema {
    kind: Type::Activity,
    table: "activity",
    fields: fields![
        ID,
        NAME,
        internal("next_sequence", ValueKind::Int).default(DefaultValue::One)
    ],
    key: BY_NAME,
    row_key: BY_ID,
    default_sort: "created",
    tie_breakers: BY_ID,
};

static POOL: Schema = Schema {
    kind: Type::Pool,
    table: "pool",
    fields: fields![
        ID,
        NAME,
        ADDRESS,
        QUALIFIED,
        CHAIN,
        input("standard", "standard", TEXT),
        ASSET,
        FIREFLY,
        computed("trusted", "trusted", FieldType::Flag).default(DefaultValue::One),
        HEIGHT,
        BLOCK_HASH,
        REVERTED,
        STATUS,
    ],
    key: BY_QUALIFIED,
    row_key: BY_ID,
    default_sort: "created",
    tie_breakers: BY_ID,
};

static NFT: Schema = Schema {
    kind: Type::Nft,
    table: "nft",
    fields: fields![
        ID,
        NAME,
        ADDRESS,
        QUALIFIED,
        CHAIN,
        input("tokenIndex", "token_index", FieldType::Amount),
        input("standard", "standard", TEXT),
        input("uri", "uri", LONG),
        ASSET,
        input("active", "active", FieldType::Flag).default(DefaultValue::One),
        computed("owner", "owner", FieldType::Address).indexed(),
        FIREFLY,
        HEIGHT,
        BLOCK_HASH,
        REVERTED,
        STATUS,
    ],
    key: BY_QUALIFIED,
    row_key: BY_ID,
    default_sort: "created",
    tie_breakers: BY_ID,
};

static FRAGMENT: Schema = Schema {
    kind: Type::Fragment,
    table: "fragment",
    fields: fields![
        ID,
        NAME,
        ADDRESS,
        QUALIFIED,
        CHAIN,
        ASSET,
        input("value", "value", FieldType::Masked(65_536)),
        input("valueMasked", "value_masked", FieldType::Flag).default(DefaultValue::Zero),
        input("valueReference", "value_reference", TEXT),
    ],
    key: BY_QUALIFIED,
    row_key: BY_ID,
    default_sort: "created",
    tie_breakers: BY_ID,
};

static DATA: Schema = Schema {
    kind: Type::Data,
    table: "data",
    fields: fields![
        ID,
        NAME,
        input("uri", "uri", LONG),
        input("role", "role", TEXT),
        input("transactionHash", "transaction_hash", SHORT),
        FIREFLY,
        PARENT_TYPE,
        PARENT_REF,
        PARENT_ASSET,
    ],
    key: BY_NAME,
    row_key: BY_ID,
    default_sort: "created",
    tie_breakers: BY_ID,
};

static TRANSFER: Schema = Schema {
    kind: Type::Transfer,
    table: "transfer",
    fields: fields![
        ID,
        input("protocolId", "protocol_id", FieldType::Name).indexed(),
        CHAIN,
        internal("transaction_id", ValueKind::Text).default(DefaultValue::Empty),
        internal("path", ValueKind::Text).default(DefaultValue::Empty),
        internal("position", ValueKind::Text).default(DefaultValue::Empty),
        input("type", "type", SHORT),
        input("from", "from_address", FieldType::Address).indexed(),
        input("to", "to_address", FieldType::Address).indexed(),
        input("signer", "signer", FieldType::Address),
        input("amount", "amount", FieldType::Amount),
        input("transactionHash", "transaction_hash", SHORT).indexed(),
        FIREFLY,
        PARENT_TYPE,
        PARENT_REF,
        PARENT_ASSET,
        internal("source", ValueKind::Text),
        internal("batch", ValueKind::Text),
        internal("explicit", ValueKind::Int).default(DefaultValue::Zero),
        HEIGHT,
        computed("blockHash", "block_hash", SHORT).default(DefaultValue::Empty),
        computed("blockTime", "block_time", FieldType::Time),
        REVERTED,
        STATUS,
    ],
    key: &["chain", "protocol_id"],
    row_key: &["chain", "transaction_id", "path", "block_hash"],
    default_sort: "created",
    tie_breakers: &["id", "block_hash"],
};

static EVENT: Schema = Schema {
    kind: Type::Event,
    table: "event",
    fields: fields![
        ID,
        NAME,
        input("activity", "activity_id", FieldType::Ref(Type::Activity)).indexed(),
        computed("topic", "topic", FieldType::Text(1_024)).indexed(),
        computed("sequence", "sequence", FieldType::Int).default(DefaultValue::Zero),
        PARENT_TYPE,
        PARENT_REF,
        PARENT_ASSET,
    ],
    key: &["activity_id", "name"],
    row_key: BY_ID,
    default_sort: "created",
    tie_breakers: BY_ID,
};

static BALANCE: Schema = Schema {
    kind: Type::Balance,
    table: "balance",
    fields: &[
        ID,
        computed("address", "address", FieldType::Address).indexed(),
        computed("chain", "chain", FieldType::Chain),
        computed("asset", "", FieldType::ParentAsset).indexed(),
        computed("parent.type", "parent_type", FieldType::ParentType),
        computed("pool", "parent_id", FieldType::ParentRef).indexed(),
        computed("balanceAfter", "quantity", FieldType::Quantity).default(DefaultValue::Empty),
        computed("balanceFinal", "", FieldType::DisplayOnly),
        internal("version", ValueKind::Int).default(DefaultValue::One),
        computed("updated", "updated", FieldType::Time)
            .default(DefaultValue::Zero)
            .indexed(),
    ],
    key: &["chain", "address", "parent_id"],
    row_key: BY_ID,
    default_sort: "updated",
    tie_breakers: BY_ID,
};

static BALANCE_CHANGE: Schema = Schema {
    kind: Type::BalanceChange,
    table: "transfer_change",
    fields: &[
        computed("id", "", FieldType::ChangeId),
        computed("transfer", "transfer_id", SHORT).indexed(),
        internal("change_index", ValueKind::Int).default(DefaultValue::Zero),
        computed("address", "address", FieldType::Address).indexed(),
        computed("chain", "chain", FieldType::Chain).default(DefaultValue::Empty),
        computed("operation", "direction", FieldType::Direction).default(DefaultValue::Zero),
        computed("amount", "amount", FieldType::Amount).default(DefaultValue::Empty),
        computed("parent.type", "parent_type", FieldType::ParentType),
        computed("parent.ref", "parent_id", FieldType::ParentRef).indexed(),
        computed("balanceBefore", "", FieldType::DisplayOnly),
        computed("balanceAfter", "", FieldType::DisplayOnly),
        internal("position", ValueKind::Text).default(DefaultValue::Empty),
        internal("height", ValueKind::Int),
    ],
    key: &["transfer_id", "change_index"],
    row_key: &["transfer_id", "change_index"],
    default_sort: "position",
    tie_breakers: &["transfer_id", "change_index"],
};

impl Type {
    /// The type's fields, table and keys.
    pub(crate) fn schema(self) -> &'static Schema {
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
