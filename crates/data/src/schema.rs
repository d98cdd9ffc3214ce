//! The schemas of the twelve types, with fields in display order. Column names and indexes come
//! from here; `table/` builds its SQL from them.

use crate::Type;
use crate::field::{DefaultValue, Field, FieldType, Schema, computed, input, internal};
use store::ValueKind;
use types::schema::{self as wire, Kind};

/// Free text that is not part of a key.
const TEXT: FieldType = FieldType::Text(4_096);
/// Long text: URIs, descriptions, values.
const LONG: FieldType = FieldType::Text(65_536);
/// Text with an index of its own.
const SHORT: FieldType = FieldType::Text(256);

const ID: Field = computed("id", "id", SHORT).indexed();
const NAME: Field = input("name", "name", FieldType::Name).indexed().required();
const CHAIN: Field = input("chain", "chain", FieldType::Chain)
    .default(DefaultValue::Empty)
    .doc(CHAIN_DOC);
const CHAIN_DOC: &str = "The chain. Defaults to the namespace's default chain.";
const ADDRESS: Field = input("address", "address", FieldType::Address)
    .indexed()
    .default(DefaultValue::Empty);
const FIREFLY: Field = input("firefly", "firefly", FieldType::Json).shape(&[
    text("namespace"),
    text("api"),
    text("data"),
    text("blockchainEvent"),
]);
const ASSET: Field = input("asset", "asset_id", FieldType::Ref(Type::Asset))
    .indexed()
    .doc("An asset, by name or id.");
const STANDARD: Field = input("standard", "standard", TEXT);
const HEIGHT: Field = computed("block", "height", FieldType::Int).doc("The height of the block.");
const BLOCK_HASH: Field = computed("blockHash", "block_hash", SHORT);
const REVERTED: Field = internal("reverted", ValueKind::Int).default(DefaultValue::Zero);
const STATUS: Field = computed("status", "", FieldType::Status)
    .doc("The status on the chain: `pending`, `final` or `reverted`.");
const PARENT_TYPE: Field = input("parent.type", "parent_type", FieldType::ParentType);
const PARENT_REF: Field = input("parent.ref", "parent_id", FieldType::ParentRef)
    .indexed()
    .doc("The parent object: its type, and its name or id.");
const PARENT_ASSET: Field = computed("asset", "", FieldType::ParentAsset)
    .indexed()
    .doc("The parent's asset.");
const QUALIFIED: Field = computed("qualifiedName", "", FieldType::Qualified)
    .doc("The qualified name, `<address>/<name>`.");

/// The members of `parent`.
const PARENT: &[wire::Field] = &[text("type"), text("ref")];
/// The members of an item of `balanceChanges`.
const CHANGE: &[wire::Field] = &[text("address"), text("operation"), text("amount")];

/// A text member of a JSON field.
const fn text(name: &'static str) -> wire::Field {
    wire::Field::new(name, Kind::Text, "")
}

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
            input("labels", "labels", FieldType::Labels)
                .doc("String labels by key. An update merges them; `null` removes a label."),
            input("info", "info", FieldType::Json).doc("Any JSON. Its exact text is preserved."),
        ]
    };
}

const BY_ID: &[&str] = &["id"];
const BY_NAME: &[&str] = &["name"];
const BY_QUALIFIED: &[&str] = &["chain", "address", "name"];

static COLLECTION: Schema = Schema {
    fields: fields![ID, NAME],
    ..Schema::new(Type::Collection, "collection", BY_NAME)
};

static ASSETS: Schema = Schema {
    fields: fields![
        ID,
        NAME,
        input(
            "collection",
            "collection_id",
            FieldType::Ref(Type::Collection)
        )
        .indexed()
        .doc("A collection, by name or id."),
        input("units", "units", FieldType::Units)
            .doc("Named units: `[{name, decimals, default?}]`."),
    ],
    ..Schema::new(Type::Asset, "asset", BY_NAME)
};

static ADDRESSES: Schema = Schema {
    fields: fields![
        internal("id", ValueKind::Text),
        ADDRESS
            .required()
            .doc("The address. EVM addresses are stored in lower case."),
        CHAIN,
        input("contract", "contract", FieldType::Flag).default(DefaultValue::Zero),
        input("contractManager", "contract_manager", FieldType::Json)
            .shape(&[text("service"), text("build")])
            .doc("The service and build that manage the contract."),
        FIREFLY,
        HEIGHT,
        BLOCK_HASH,
        REVERTED,
        STATUS,
    ],
    ..Schema::new(Type::Address, "address", &["chain", "address"])
};

static ACTIVITY: Schema = Schema {
    fields: fields![
        ID,
        NAME,
        internal("next_sequence", ValueKind::Int).default(DefaultValue::One)
    ],
    ..Schema::new(Type::Activity, "activity", BY_NAME)
};

static POOL: Schema = Schema {
    fields: fields![
        ID,
        NAME,
        ADDRESS.required().doc("The contract's address."),
        QUALIFIED,
        CHAIN,
        STANDARD.doc("Free text, such as `ERC-20`."),
        ASSET,
        FIREFLY,
        computed("trusted", "trusted", FieldType::Flag)
            .default(DefaultValue::One)
            .doc("False if its balances exceeded the supported range and are unreliable."),
        internal("projected_as", ValueKind::Text),
        computed("apart", "apart", FieldType::Flag)
            .default(DefaultValue::Zero)
            .doc("True for a pool that a caller created at a contract whose transfers Florin follows: its asset does not sum it."),
        HEIGHT,
        BLOCK_HASH,
        REVERTED,
        STATUS,
    ],
    ..Schema::new(Type::Pool, "pool", BY_QUALIFIED)
};

static NFT: Schema = Schema {
    fields: fields![
        ID,
        NAME,
        ADDRESS.doc("The contract's address."),
        QUALIFIED,
        CHAIN,
        input("tokenIndex", "token_index", FieldType::Amount)
            .doc("A decimal number of up to 256 bits."),
        STANDARD.doc("Free text, such as `ERC-721`."),
        input("uri", "uri", LONG),
        ASSET,
        input("active", "active", FieldType::Flag)
            .default(DefaultValue::One)
            .doc("False if it was burned."),
        computed("owner", "owner", FieldType::Address).indexed(),
        internal("projected_as", ValueKind::Text),
        FIREFLY,
        HEIGHT,
        BLOCK_HASH,
        REVERTED,
        STATUS,
    ],
    ..Schema::new(Type::Nft, "nft", BY_QUALIFIED)
};

static FRAGMENT: Schema = Schema {
    fields: fields![
        ID,
        NAME,
        ADDRESS.doc("The address that holds the fragment."),
        QUALIFIED,
        CHAIN,
        ASSET,
        input("value", "value", FieldType::Masked(65_536))
            .doc("The value. Not returned if it is masked."),
        input("valueMasked", "value_masked", FieldType::Flag).default(DefaultValue::Zero),
        input("valueReference", "value_reference", TEXT).doc("Where the value is stored."),
    ],
    ..Schema::new(Type::Fragment, "fragment", BY_QUALIFIED)
};

static DATA: Schema = Schema {
    fields: fields![
        ID,
        NAME,
        input("uri", "uri", LONG),
        input("role", "role", TEXT).doc("Free text."),
        input("transactionHash", "transaction_hash", SHORT),
        FIREFLY,
        PARENT_TYPE,
        PARENT_REF,
        PARENT_ASSET,
    ],
    ..Schema::new(Type::Data, "data", BY_NAME)
};

static TRANSFER: Schema = Schema {
    kind: Type::Transfer,
    table: "transfer",
    fields: fields![
        ID,
        input("protocolId", "protocol_id", FieldType::Name).indexed().required().doc("The position on the chain: `block/transaction/log`."),
        CHAIN,
        internal("transaction_id", ValueKind::Text).default(DefaultValue::Empty),
        internal("path", ValueKind::Text).default(DefaultValue::Empty),
        internal("position", ValueKind::Text).default(DefaultValue::Empty),
        input("type", "type", SHORT).doc("The type: `mint`, `burn` or `transfer`. Defaults to the type that `from` and `to` imply."),
        input("from", "from_address", FieldType::Address).indexed(),
        input("to", "to_address", FieldType::Address).indexed(),
        input("signer", "signer", FieldType::Address),
        input("amount", "amount", FieldType::Amount).doc("An integer in base units."),
        input("transactionHash", "transaction_hash", SHORT).indexed(),
        FIREFLY,
        input("balanceChanges", "", FieldType::Changes).doc("The balance changes. Default to those that `from`, `to` and `amount` imply."),
        PARENT_TYPE,
        PARENT_REF.required().doc("A pool or an NFT."),
        PARENT_ASSET,
        internal("source", ValueKind::Text),
        internal("batch", ValueKind::Text),
        internal("explicit", ValueKind::Int).default(DefaultValue::Zero),
        computed("apart", "apart", FieldType::Flag)
            .default(DefaultValue::Zero)
            .doc("True for a transfer that a caller wrote into a pool or NFT whose transfers Florin follows: it does not count in balances."),
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
    fields: fields![
        ID,
        NAME,
        input("activity", "activity_id", FieldType::Ref(Type::Activity))
            .indexed()
            .required()
            .doc("The activity, by name or id."),
        computed("topic", "topic", FieldType::Text(1_024))
            .indexed()
            .doc("The topic that listeners match: `<activity>/<name>`."),
        computed("sequence", "sequence", FieldType::Int)
            .default(DefaultValue::Zero)
            .doc("A number that increases within the activity."),
        PARENT_TYPE,
        PARENT_REF,
        PARENT_ASSET,
    ],
    ..Schema::new(Type::Event, "event", &["activity_id", "name"])
};

static BALANCE: Schema = Schema {
    kind: Type::Balance,
    table: "balance",
    fields: &[
        ID,
        computed("address", "address", FieldType::Address).indexed(),
        computed("chain", "chain", FieldType::Chain).doc(CHAIN_DOC),
        computed("asset", "", FieldType::ParentAsset).indexed(),
        computed("parent.type", "parent_type", FieldType::ParentType),
        computed("pool", "parent_id", FieldType::ParentRef).indexed(),
        computed("balanceAfter", "quantity", FieldType::Quantity).default(DefaultValue::Empty).doc("The balance including pending changes, in base units. Negative if indexing started after the first transfer."),
        computed("balanceFinal", "", FieldType::DisplayOnly).doc("The balance of final changes only."),
        computed("belowZero", "", FieldType::BelowZero),
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
        computed("transfer", "transfer_id", SHORT)
            .indexed()
            .doc("The id of the transfer."),
        internal("change_index", ValueKind::Int).default(DefaultValue::Zero),
        computed("address", "address", FieldType::Address).indexed(),
        computed("chain", "chain", FieldType::Chain)
            .default(DefaultValue::Empty)
            .doc(CHAIN_DOC),
        computed("operation", "direction", FieldType::Direction)
            .default(DefaultValue::Zero)
            .doc("The operation: `add` or `subtract`."),
        computed("amount", "amount", FieldType::Amount).default(DefaultValue::Empty),
        computed("parent.type", "parent_type", FieldType::ParentType),
        computed("parent.ref", "parent_id", FieldType::ParentRef)
            .indexed()
            .doc("The parent object: its type, and its name or id."),
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

/// The fields of a type on the wire, in the order of responses.
pub fn schema(kind: Type) -> Vec<wire::Field> {
    let fields = kind.schema().fields.iter();
    let shown =
        fields.filter(|field| !field.is_internal() && field.field_type != FieldType::ParentType);
    let mut fields = Vec::new();
    for field in shown {
        let field = on_wire(field);
        fields.push(field);
        // The balance of an NFT names the NFT instead of the pool.
        if kind == Type::Balance && field.name == "pool" {
            fields.push(wire::Field {
                name: "nft",
                doc: "The NFT; present instead of `pool` in the balance of an NFT.",
                ..field
            });
        }
    }
    fields
}

fn on_wire(field: &Field) -> wire::Field {
    let is_parent = field.name == "parent.ref";
    wire::Field {
        name: if is_parent { "parent" } else { field.name },
        kind: if is_parent {
            Kind::Object(PARENT)
        } else {
            kind_of(field)
        },
        required: field.required,
        read_only: !field.input,
        doc: field.doc,
    }
}

fn kind_of(field: &Field) -> Kind {
    match field.field_type {
        FieldType::Flag | FieldType::BelowZero => Kind::Flag,
        FieldType::Int => Kind::Integer,
        FieldType::Time => Kind::Time,
        FieldType::Json if !field.shape.is_empty() => Kind::Object(field.shape),
        FieldType::Json | FieldType::Units => Kind::Json,
        FieldType::Labels => Kind::Texts,
        FieldType::Changes => Kind::List(&Kind::Object(CHANGE)),
        _ => Kind::Text,
    }
}

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
