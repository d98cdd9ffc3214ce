//! How the objects of the model look on the wire, for the OpenAPI document.

use ::data::Type as Kind;
use utoipa::openapi::schema::{
    AdditionalProperties, Array, Object, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{KnownFormat, Ref, RefOr};

/// What a value is.
#[derive(Clone, Copy)]
enum Is {
    Text,
    Flag,
    Number,
    Moment,
    Free,
    Texts,
    Parent,
    Firefly,
    Manager,
    Changes,
}

/// Whether inputs have it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    Never,
    Maybe,
    Always,
}

use Given::{Always, Maybe, Never};
use Is::{Changes, Firefly, Flag, Free, Manager, Moment, Number, Parent, Text, Texts};

type Field = (&'static str, Is, Given, &'static str);

const ID: Field = ("id", Text, Never, "");
const NAME: Field = ("name", Text, Always, "");
const QUALIFIED: Field = ("qualifiedName", Text, Never, "`<address>/<name>`");
const CHAIN: Field = (
    "chain",
    Text,
    Maybe,
    "The chain it stands on; the namespace's default chain if it is not given.",
);
const STATUS: Field = ("status", Text, Never, "`pending`, `final` or `reverted`");
const BLOCK: Field = (
    "block",
    Number,
    Never,
    "The height of the block that it is in.",
);
const BLOCK_HASH: Field = ("blockHash", Text, Never, "");
const ASSET: Field = ("asset", Text, Maybe, "An asset, by name or id.");
const ASSET_OF_PARENT: Field = ("asset", Text, Never, "The parent's asset.");
const FIREFLY: Field = ("firefly", Firefly, Maybe, "");
const PARENT: Field = ("parent", Parent, Maybe, "");

/// In every read and, but for the times, in every input.
const COMMON: [Field; 6] = [
    ("displayName", Text, Maybe, ""),
    ("description", Text, Maybe, ""),
    ("info", Free, Maybe, "Any JSON, kept as its exact text."),
    (
        "labels",
        Texts,
        Maybe,
        "Text to text. In a change merged; `null` takes one away.",
    ),
    ("created", Moment, Never, ""),
    ("updated", Moment, Never, ""),
];

/// The fields of a type, in the order of reads.
const fn fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Collection => &[ID, NAME],
        Kind::Asset => &[
            ID,
            NAME,
            ("collection", Text, Maybe, "A collection, by name or id."),
            UNITS,
        ],
        Kind::Activity => &[ID, NAME],
        Kind::Address => ADDRESS,
        Kind::Pool => POOL,
        Kind::Nft => NFT,
        Kind::Fragment => FRAGMENT,
        Kind::Data => DATA,
        Kind::Transfer => TRANSFER,
        Kind::Event => EVENT,
        Kind::Balance => BALANCE,
        Kind::BalanceChange => CHANGE,
    }
}

const UNITS: Field = (
    "units",
    Free,
    Maybe,
    "Named units: `[{name, decimals, default?}]`.",
);
const ADDRESS: &[Field] = &[
    (
        "address",
        Text,
        Always,
        "EVM addresses are kept in lower case.",
    ),
    CHAIN,
    STATUS,
    BLOCK,
    BLOCK_HASH,
    ("contract", Flag, Maybe, ""),
    ("contractManager", Manager, Maybe, "Where it is a contract."),
    FIREFLY,
];
const POOL: &[Field] = &[
    ID,
    QUALIFIED,
    NAME,
    ("address", Text, Always, "The contract."),
    CHAIN,
    STATUS,
    BLOCK,
    BLOCK_HASH,
    ("standard", Text, Maybe, "Free text, such as `ERC-20`."),
    ASSET,
    (
        "trusted",
        Flag,
        Never,
        "False once its sums ran beyond bounds.",
    ),
    FIREFLY,
];
const NFT: &[Field] = &[
    ID,
    QUALIFIED,
    NAME,
    ("address", Text, Maybe, "The contract."),
    CHAIN,
    STATUS,
    BLOCK,
    BLOCK_HASH,
    (
        "tokenIndex",
        Text,
        Maybe,
        "A decimal number of up to 256 bits.",
    ),
    ("standard", Text, Maybe, "Free text, such as `ERC-721`."),
    ("uri", Text, Maybe, ""),
    ASSET,
    ("active", Flag, Maybe, "False after it was burned."),
    ("owner", Text, Never, ""),
    FIREFLY,
];
const FRAGMENT: &[Field] = &[
    ID,
    QUALIFIED,
    NAME,
    ("address", Text, Maybe, "What it is held under."),
    CHAIN,
    STATUS,
    ASSET,
    (
        "value",
        Text,
        Maybe,
        "Withheld in reads where it is masked.",
    ),
    ("valueMasked", Flag, Maybe, ""),
    ("valueReference", Text, Maybe, "Where the value is kept."),
];
const DATA: &[Field] = &[
    ID,
    NAME,
    ("uri", Text, Maybe, ""),
    ("role", Text, Maybe, "Free text."),
    ("transactionHash", Text, Maybe, ""),
    FIREFLY,
    PARENT,
    ASSET_OF_PARENT,
];
const TRANSFER: &[Field] = &[
    ID,
    (
        "protocolId",
        Text,
        Always,
        "Its position: `block/transaction/log`.",
    ),
    CHAIN,
    STATUS,
    (
        "type",
        Text,
        Maybe,
        "`mint`, `burn` or `transfer`; from `from` and `to` where it is left out.",
    ),
    ("from", Text, Maybe, ""),
    ("to", Text, Maybe, ""),
    ("signer", Text, Maybe, ""),
    ("amount", Text, Maybe, "An integer in base units."),
    ("transactionHash", Text, Maybe, ""),
    FIREFLY,
    (
        "balanceChanges",
        Changes,
        Maybe,
        "Its effects; from `from`, `to` and `amount` where they are left out.",
    ),
    ("parent", Parent, Always, "A pool or an NFT."),
    BLOCK,
    BLOCK_HASH,
    ("blockTime", Moment, Never, ""),
    ASSET_OF_PARENT,
];
const EVENT: &[Field] = &[
    ID,
    NAME,
    (
        "activity",
        Text,
        Always,
        "The history it belongs to, by name or id.",
    ),
    PARENT,
    (
        "topic",
        Text,
        Never,
        "`<activity>/<name>`: what listeners match.",
    ),
    ("sequence", Number, Never, "Rises within its activity."),
    ASSET_OF_PARENT,
];
const BALANCE: &[Field] = &[
    ID,
    CHAIN,
    ("address", Text, Never, ""),
    ("pool", Text, Never, ""),
    ("asset", Text, Never, ""),
    (
        "balanceAfter",
        Text,
        Never,
        "All that is not reverted, in base units; may be below zero where indexing began late.",
    ),
    ("balanceFinal", Text, Never, "What of it is final."),
    ("belowZero", Flag, Never, ""),
    ("updated", Moment, Never, ""),
];

const CHANGE: &[Field] = &[
    ID,
    ("transfer", Text, Never, "The id of the transfer."),
    CHAIN,
    ("address", Text, Never, ""),
    ("operation", Text, Never, "`add` or `subtract`"),
    ("amount", Text, Never, ""),
    PARENT,
    ("balanceBefore", Text, Never, ""),
    ("balanceAfter", Text, Never, ""),
];

/// The name of the schema of what is read.
pub(super) fn read_name(kind: Kind) -> String {
    format!("{}Object", capitalised(kind))
}

/// The name of the schema of what is written.
pub(super) fn input_name(kind: Kind) -> String {
    format!("{}Input", capitalised(kind))
}

fn capitalised(kind: Kind) -> String {
    let name = kind.singular();
    name[..1].to_ascii_uppercase() + &name[1..]
}

/// Every schema with its name.
pub(super) fn all() -> Vec<(String, RefOr<Schema>)> {
    let read = |kind| (read_name(kind), object(properties(kind), |_| true));
    let input = |kind| {
        (
            input_name(kind),
            object(properties(kind), |given| given != Never),
        )
    };
    let mut all: Vec<(String, Object)> = Kind::WRITABLE
        .into_iter()
        .flat_map(|kind| [read(kind), input(kind)])
        .collect();
    let computed = [Kind::Balance, Kind::BalanceChange];
    all.extend(computed.map(|kind| (read_name(kind), object(fields(kind).iter(), |_| true))));
    all.into_iter()
        .map(|(name, schema)| (name, schema.into()))
        .collect()
}

fn properties(kind: Kind) -> impl Iterator<Item = &'static Field> {
    fields(kind).iter().chain(&COMMON)
}

fn object(fields: impl Iterator<Item = &'static Field>, shown: impl Fn(Given) -> bool) -> Object {
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for (name, is, given, says) in fields.filter(|field| shown(field.2)) {
        object = object.property(*name, schema(*is, says));
        if *given == Always {
            object = object.required(*name);
        }
    }
    object.build()
}

/// A page of a listing.
pub(super) fn listing(kind: Kind) -> Object {
    let number = || plain(Type::Integer, "");
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("count", plain(Type::Integer, "How many are on this page."))
        .property(
            "total",
            plain(
                Type::Integer,
                "How many match in all, if it was asked for, up to 10,000.",
            ),
        )
        .property("totalAtLeast", number())
        .property(
            "allItems",
            plain(Type::Boolean, "Whether nothing matched beyond this page."),
        )
        .property(
            "after",
            plain(
                Type::String,
                "Where the next page continues; absent at the end.",
            ),
        )
        .property("items", Array::new(Ref::from_schema_name(read_name(kind))))
        .required("count")
        .required("allItems")
        .required("items")
        .build()
}

/// A value of a JSON type.
pub(super) fn plain(of: Type, says: &str) -> Object {
    let says = (!says.is_empty()).then(|| says.to_owned());
    ObjectBuilder::new()
        .schema_type(of)
        .description(says)
        .build()
}

/// An object with texts as members.
fn texts(names: &[&str], says: &str) -> Object {
    let says = (!says.is_empty()).then(|| says.to_owned());
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(says);
    names
        .iter()
        .fold(object, |object, name| {
            object.property(*name, plain(Type::String, ""))
        })
        .build()
}

fn schema(is: Is, says: &str) -> RefOr<Schema> {
    let moment = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
    match is {
        Text => plain(Type::String, says).into(),
        Flag => plain(Type::Boolean, says).into(),
        Number => plain(Type::Integer, says).into(),
        Moment => ObjectBuilder::new()
            .schema_type(Type::String)
            .format(moment)
            .into(),
        Free => ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
            .description(Some(says))
            .into(),
        Texts => {
            let values = AdditionalProperties::from(Schema::from(plain(Type::String, "")));
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .additional_properties(Some(values))
                .description(Some(says))
                .into()
        }
        Parent => texts(
            &["type", "ref"],
            if says.is_empty() {
                "What it belongs to: a type, and a name or id."
            } else {
                says
            },
        )
        .into(),
        Firefly => texts(&["namespace", "api", "data", "blockchainEvent"], says).into(),
        Manager => texts(&["service", "build"], says).into(),
        Changes => Array::new(texts(&["address", "operation", "amount"], says)).into(),
    }
}
