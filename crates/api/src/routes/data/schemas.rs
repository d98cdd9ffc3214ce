//! The OpenAPI schemas of the objects of the data model.

use ::data::Type as ObjectType;
use utoipa::openapi::schema::{
    AdditionalProperties, Array, Object, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{KnownFormat, Ref, RefOr};

/// The type of a field's value.
#[derive(Clone, Copy)]
enum FieldType {
    Text,
    Flag,
    Number,
    Timestamp,
    AnyJson,
    TextMap,
    ParentRef,
    Firefly,
    ContractManager,
    BalanceChanges,
}

/// Whether a field is present in inputs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    ReadOnly,
    Optional,
    Required,
}

use FieldType::{
    AnyJson, BalanceChanges, ContractManager, Firefly, Flag, Number, ParentRef, Text, TextMap,
    Timestamp,
};
use Presence::{Optional, ReadOnly, Required};

/// The name, type, presence and description of a field.
type Field = (&'static str, FieldType, Presence, &'static str);

const ID: Field = ("id", Text, ReadOnly, "");
const NAME: Field = ("name", Text, Required, "");
const QUALIFIED: Field = (
    "qualifiedName",
    Text,
    ReadOnly,
    "The qualified name, `<address>/<name>`.",
);
const CHAIN: Field = (
    "chain",
    Text,
    Optional,
    "The chain. Defaults to the namespace's default chain.",
);
const STATUS: Field = (
    "status",
    Text,
    ReadOnly,
    "The status on the chain: `pending`, `final` or `reverted`.",
);
const BLOCK: Field = ("block", Number, ReadOnly, "The height of the block.");
const BLOCK_HASH: Field = ("blockHash", Text, ReadOnly, "");
const ASSET: Field = ("asset", Text, Optional, "An asset, by name or id.");
const ASSET_OF_PARENT: Field = ("asset", Text, ReadOnly, "The parent's asset.");
const FIREFLY: Field = ("firefly", Firefly, Optional, "");
const PARENT: Field = ("parent", ParentRef, Optional, "");

/// Fields of every object type.
const COMMON: [Field; 6] = [
    ("displayName", Text, Optional, ""),
    ("description", Text, Optional, ""),
    (
        "info",
        AnyJson,
        Optional,
        "Any JSON. Its exact text is preserved.",
    ),
    (
        "labels",
        TextMap,
        Optional,
        "String labels by key. An update merges them; `null` removes a label.",
    ),
    ("created", Timestamp, ReadOnly, ""),
    ("updated", Timestamp, ReadOnly, ""),
];

/// The fields of an object type, in the order of responses.
const fn fields(object_type: ObjectType) -> &'static [Field] {
    match object_type {
        ObjectType::Collection => &[ID, NAME],
        ObjectType::Asset => &[
            ID,
            NAME,
            ("collection", Text, Optional, "A collection, by name or id."),
            UNITS,
        ],
        ObjectType::Activity => &[ID, NAME],
        ObjectType::Address => ADDRESS,
        ObjectType::Pool => POOL,
        ObjectType::Nft => NFT,
        ObjectType::Fragment => FRAGMENT,
        ObjectType::Data => DATA,
        ObjectType::Transfer => TRANSFER,
        ObjectType::Event => EVENT,
        ObjectType::Balance => BALANCE,
        ObjectType::BalanceChange => CHANGE,
    }
}

const UNITS: Field = (
    "units",
    AnyJson,
    Optional,
    "Named units: `[{name, decimals, default?}]`.",
);
const ADDRESS: &[Field] = &[
    (
        "address",
        Text,
        Required,
        "The address. EVM addresses are stored in lower case.",
    ),
    CHAIN,
    STATUS,
    BLOCK,
    BLOCK_HASH,
    ("contract", Flag, Optional, ""),
    (
        "contractManager",
        ContractManager,
        Optional,
        "The service and build that manage the contract.",
    ),
    FIREFLY,
];
const POOL: &[Field] = &[
    ID,
    QUALIFIED,
    NAME,
    ("address", Text, Required, "The contract's address."),
    CHAIN,
    STATUS,
    BLOCK,
    BLOCK_HASH,
    ("standard", Text, Optional, "Free text, such as `ERC-20`."),
    ASSET,
    (
        "trusted",
        Flag,
        ReadOnly,
        "False if its balances exceeded the supported range and are unreliable.",
    ),
    FIREFLY,
];
const NFT: &[Field] = &[
    ID,
    QUALIFIED,
    NAME,
    ("address", Text, Optional, "The contract's address."),
    CHAIN,
    STATUS,
    BLOCK,
    BLOCK_HASH,
    (
        "tokenIndex",
        Text,
        Optional,
        "A decimal number of up to 256 bits.",
    ),
    ("standard", Text, Optional, "Free text, such as `ERC-721`."),
    ("uri", Text, Optional, ""),
    ASSET,
    ("active", Flag, Optional, "False if it was burned."),
    ("owner", Text, ReadOnly, ""),
    FIREFLY,
];
const FRAGMENT: &[Field] = &[
    ID,
    QUALIFIED,
    NAME,
    (
        "address",
        Text,
        Optional,
        "The address that holds the fragment.",
    ),
    CHAIN,
    STATUS,
    ASSET,
    (
        "value",
        Text,
        Optional,
        "The value. Not returned if it is masked.",
    ),
    ("valueMasked", Flag, Optional, ""),
    (
        "valueReference",
        Text,
        Optional,
        "Where the value is stored.",
    ),
];
const DATA: &[Field] = &[
    ID,
    NAME,
    ("uri", Text, Optional, ""),
    ("role", Text, Optional, "Free text."),
    ("transactionHash", Text, Optional, ""),
    FIREFLY,
    PARENT,
    ASSET_OF_PARENT,
];
const TRANSFER: &[Field] = &[
    ID,
    (
        "protocolId",
        Text,
        Required,
        "The position on the chain: `block/transaction/log`.",
    ),
    CHAIN,
    STATUS,
    (
        "type",
        Text,
        Optional,
        "The type: `mint`, `burn` or `transfer`. Defaults to the type that `from` and `to` imply.",
    ),
    ("from", Text, Optional, ""),
    ("to", Text, Optional, ""),
    ("signer", Text, Optional, ""),
    ("amount", Text, Optional, "An integer in base units."),
    ("transactionHash", Text, Optional, ""),
    FIREFLY,
    (
        "balanceChanges",
        BalanceChanges,
        Optional,
        "The balance changes. Default to those that `from`, `to` and `amount` imply.",
    ),
    ("parent", ParentRef, Required, "A pool or an NFT."),
    BLOCK,
    BLOCK_HASH,
    ("blockTime", Timestamp, ReadOnly, ""),
    ASSET_OF_PARENT,
];
const EVENT: &[Field] = &[
    ID,
    NAME,
    ("activity", Text, Required, "The activity, by name or id."),
    PARENT,
    (
        "topic",
        Text,
        ReadOnly,
        "The topic that listeners match: `<activity>/<name>`.",
    ),
    (
        "sequence",
        Number,
        ReadOnly,
        "A number that increases within the activity.",
    ),
    ASSET_OF_PARENT,
];
const BALANCE: &[Field] = &[
    ID,
    CHAIN,
    ("address", Text, ReadOnly, ""),
    ("pool", Text, ReadOnly, ""),
    ("asset", Text, ReadOnly, ""),
    (
        "balanceAfter",
        Text,
        ReadOnly,
        "The balance including pending changes, in base units. Negative if indexing started after the first transfer.",
    ),
    (
        "balanceFinal",
        Text,
        ReadOnly,
        "The balance of final changes only.",
    ),
    ("belowZero", Flag, ReadOnly, ""),
    ("updated", Timestamp, ReadOnly, ""),
];

const CHANGE: &[Field] = &[
    ID,
    ("transfer", Text, ReadOnly, "The id of the transfer."),
    CHAIN,
    ("address", Text, ReadOnly, ""),
    (
        "operation",
        Text,
        ReadOnly,
        "The operation: `add` or `subtract`.",
    ),
    ("amount", Text, ReadOnly, ""),
    PARENT,
    ("balanceBefore", Text, ReadOnly, ""),
    ("balanceAfter", Text, ReadOnly, ""),
];

/// The name of the response schema of an object type.
pub(super) fn read_name(object_type: ObjectType) -> String {
    format!("{}Object", capitalized(object_type))
}

/// The name of the input schema of an object type.
pub(super) fn input_name(object_type: ObjectType) -> String {
    format!("{}Input", capitalized(object_type))
}

fn capitalized(object_type: ObjectType) -> String {
    let name = object_type.singular();
    name[..1].to_ascii_uppercase() + &name[1..]
}

/// All schemas with their names.
pub(super) fn all() -> Vec<(String, RefOr<Schema>)> {
    let read = |object_type| {
        (
            read_name(object_type),
            object(properties(object_type), |_| true),
        )
    };
    let input = |object_type| {
        (
            input_name(object_type),
            object(properties(object_type), |presence| presence != ReadOnly),
        )
    };
    let mut schemas: Vec<(String, Object)> = ObjectType::WRITABLE
        .into_iter()
        .flat_map(|object_type| [read(object_type), input(object_type)])
        .collect();
    let computed = [ObjectType::Balance, ObjectType::BalanceChange];
    schemas.extend(computed.map(|object_type| {
        (
            read_name(object_type),
            object(fields(object_type).iter(), |_| true),
        )
    }));
    schemas
        .into_iter()
        .map(|(name, schema)| (name, schema.into()))
        .collect()
}

fn properties(object_type: ObjectType) -> impl Iterator<Item = &'static Field> {
    fields(object_type).iter().chain(&COMMON)
}

fn object(
    fields: impl Iterator<Item = &'static Field>,
    includes: impl Fn(Presence) -> bool,
) -> Object {
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for (name, field_type, presence, description) in fields.filter(|field| includes(field.2)) {
        object = object.property(*name, schema(*field_type, description));
        if *presence == Required {
            object = object.required(*name);
        }
    }
    object.build()
}

/// A page of a list.
pub(super) fn listing(object_type: ObjectType) -> Object {
    let number = || plain(Type::Integer, "");
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property(
            "count",
            plain(Type::Integer, "The number of items on this page."),
        )
        .property(
            "total",
            plain(
                Type::Integer,
                "The total number of matching items, if `count` was requested, up to 10,000.",
            ),
        )
        .property("totalAtLeast", number())
        .property(
            "allItems",
            plain(
                Type::Boolean,
                "Whether this page contains all matching items.",
            ),
        )
        .property(
            "after",
            plain(
                Type::String,
                "The cursor of the next page. Absent on the last page.",
            ),
        )
        .property(
            "items",
            Array::new(Ref::from_schema_name(read_name(object_type))),
        )
        .required("count")
        .required("allItems")
        .required("items")
        .build()
}

/// A schema of a JSON type.
pub(super) fn plain(json_type: Type, description: &str) -> Object {
    let description = (!description.is_empty()).then(|| description.to_owned());
    ObjectBuilder::new()
        .schema_type(json_type)
        .description(description)
        .build()
}

/// A schema of an object with string members.
fn text_members(names: &[&str], description: &str) -> Object {
    let description = (!description.is_empty()).then(|| description.to_owned());
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(description);
    names
        .iter()
        .fold(object, |object, name| {
            object.property(*name, plain(Type::String, ""))
        })
        .build()
}

fn schema(field_type: FieldType, description: &str) -> RefOr<Schema> {
    let date_time = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
    match field_type {
        Text => plain(Type::String, description).into(),
        Flag => plain(Type::Boolean, description).into(),
        Number => plain(Type::Integer, description).into(),
        Timestamp => ObjectBuilder::new()
            .schema_type(Type::String)
            .format(date_time)
            .into(),
        AnyJson => ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some(description))
            .into(),
        TextMap => {
            let values = AdditionalProperties::from(Schema::from(plain(Type::String, "")));
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .additional_properties(Some(values))
                .description(Some(description))
                .into()
        }
        ParentRef => text_members(
            &["type", "ref"],
            if description.is_empty() {
                "The parent object: its type, and its name or id."
            } else {
                description
            },
        )
        .into(),
        Firefly => text_members(
            &["namespace", "api", "data", "blockchainEvent"],
            description,
        )
        .into(),
        ContractManager => text_members(&["service", "build"], description).into(),
        BalanceChanges => Array::new(text_members(
            &["address", "operation", "amount"],
            description,
        ))
        .into(),
    }
}
