//! UTXO chains.

use crate::key::{Key, high_s};
use intent::utxo::{self, Coin, build_unsigned};
use intent::{
    Act, AssetRef, Error, Intent, Knowledge, Output, PublicKey, Signature, Transaction, Unsigned,
    assemble, decode,
};
use proptest::collection::vec;
use proptest::prelude::*;
use types::{Amount, ChainId, ReplayKey};

fn chain() -> ChainId {
    "bip122:private".parse().unwrap()
}

fn account(key: &Key) -> String {
    intent::address(&chain(), &key.public()).unwrap()
}

fn coin(byte: u8, output: u32, value: u64) -> Coin {
    Coin {
        transaction: hex::encode([byte; 32]),
        output,
        value: Amount::from(value),
    }
}

fn payment(from: &Key, to: &[(&Key, u64)], memo: &[u8]) -> Intent {
    let output = |(key, value): &(&Key, u64)| Output {
        to: Some(account(key)),
        value: Amount::from(*value),
    };
    let transaction = Transaction {
        outputs: to.iter().map(output).collect(),
        data: memo.to_vec(),
        ..Transaction::default()
    };
    Intent {
        chain: chain(),
        signer: account(from),
        act: Act::Transaction(transaction),
    }
}

fn is_rejected(unsigned: &Unsigned) -> bool {
    matches!(decode(unsigned), Err(Error::Undecodable { .. }))
}

fn is_invalid(intent: &Intent, coins: &[Coin], fee: u64) -> bool {
    matches!(
        build_unsigned(intent, coins, Amount::from(fee)),
        Err(Error::InvalidIntent { .. })
    )
}

fn sign(key: &Key, built: &Unsigned) -> Vec<Signature> {
    decode(built)
        .unwrap()
        .required_signatures
        .iter()
        .map(|request| key.sign(request.digest))
        .collect()
}

#[test]
fn addresses_of_bip_173() {
    let key: [u8; 33] =
        hex::decode("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
            .unwrap()
            .try_into()
            .unwrap();
    let on = |reference: &str| format!("bip122:{reference}").parse::<ChainId>().unwrap();
    let main = on("000000000019d6689c085ae165831e93");
    let test = on("000000000933ea01ad0ee984209779ba");
    let address = |chain: &ChainId| intent::address(chain, &PublicKey(key)).unwrap();
    assert_eq!(address(&main), "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4");
    assert_eq!(address(&test), "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx");
    assert!(address(&chain()).starts_with("bcrt1q"));
    let read = |text: &str| intent::parse_recipient(&main, text).map(|recipient| recipient.account);
    assert_eq!(
        read("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4").unwrap(),
        address(&main)
    );
    let invalid = [
        "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
        "bc1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2",
        "bc1rw5uspcuh",
        "bc10w508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kw5rljs90",
        "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
        "bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du",
        "bc1gmk9yu",
        "bc1",
        "",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3tb",
        "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
    ];
    for text in invalid {
        assert!(
            matches!(read(text), Err(Error::InvalidAddress { .. })),
            "{text}"
        );
    }
}

#[test]
fn an_address_error_describes_the_fault() {
    let why = |text: &str| match intent::parse_recipient(&chain(), text) {
        Err(Error::InvalidAddress { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let valid = account(&Key::new(1));
    let changed = valid.replacen("bcrt1q", "bcrt1p", 1);
    assert_eq!(why(&changed), "its checksum is wrong");
    assert_eq!(
        why("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        "it does not have the address prefix of this chain"
    );
}

#[test]
fn two_coins_pay_and_change_returns() {
    let (me, you) = (Key::new(1), Key::new(2));
    let intent = payment(&me, &[(&you, 50_000)], b"rent");
    let coins = [coin(9, 1, 30_000), coin(8, 0, 40_000)];
    let built = build_unsigned(&intent, &coins, Amount::from(1_000)).unwrap();
    let read = decode(&built).unwrap();
    assert_eq!(read.intent, intent);
    assert_eq!(read.fee.total_fee, Amount::from(1_000));
    assert_eq!(
        read.fee.fee_per_gas,
        Amount::from(1_000u64.div_ceil(read.fee.gas))
    );
    let replay_key = |byte: u8, output| ReplayKey::outpoint(&hex::encode([byte; 32]), output);
    assert_eq!(read.replay_keys, [replay_key(8, 0), replay_key(9, 1)]);
    let signed = assemble(&built, &sign(&me, &built)).unwrap();
    let spendable = |transaction: &str, output: u32| {
        let coin = coins
            .iter()
            .find(|coin| coin.transaction == transaction && coin.output == output)?;
        Some((account(&me), coin.value))
    };
    let verified = utxo::verify(&chain(), &signed.raw, spendable).unwrap();
    assert_eq!(verified.id, signed.id);
    assert_eq!(verified.memo, b"rent");
    assert!(
        (read.fee.gas - 2..=read.fee.gas).contains(&verified.size),
        "a signature may be a byte shorter than the maximum"
    );
    let paid = [
        (Some(account(&you)), Amount::from(50_000)),
        (None, Amount::ZERO),
        (Some(account(&me)), Amount::from(19_000)),
    ];
    assert_eq!(verified.outputs, paid);
    assert!(
        signed.raw.len() as u64 * 4 >= read.fee.gas,
        "the virtual size is within a factor of four"
    );
}

#[test]
fn the_virtual_size_is_what_a_node_measures() {
    let me = Key::new(1);
    let built = build_unsigned(
        &payment(&me, &[(&Key::new(2), 1_000)], b""),
        &[coin(1, 0, 9_000)],
        Amount::from(500),
    )
    .unwrap();
    let raw = assemble(&built, &sign(&me, &built)).unwrap().raw;
    // One P2WPKH input, two such outputs: 141 virtual bytes at most, by the signature's length.
    assert_eq!(decode(&built).unwrap().fee.gas, 141);
    assert!((219..=223).contains(&raw.len()), "{}", raw.len());
}

#[test]
fn a_cancel_returns_everything() {
    let me = Key::new(1);
    let cancel = Intent::cancel(chain(), account(&me));
    let built = build_unsigned(&cancel, &[coin(1, 0, 9_000)], Amount::from(500)).unwrap();
    let read = decode(&built).unwrap();
    assert!(read.intent.is_cancel());
    assert_eq!(read.fee.total_fee, Amount::from(500));
    assert_eq!(
        intent::effects(&cancel, &Knowledge::default()).unwrap(),
        intent::Effects::none()
    );
    assert!(is_invalid(&cancel, &[coin(1, 0, 700)], 500));
}

#[test]
fn effects_are_the_payments() {
    let (me, you) = (Key::new(1), Key::new(2));
    let effects = intent::effects(
        &payment(&me, &[(&you, 5_000), (&you, 6_000)], b"x"),
        &Knowledge::default(),
    )
    .unwrap();
    assert_eq!(effects.moves.len(), 2);
    assert!(
        effects
            .moves
            .iter()
            .all(|movement| movement.asset == AssetRef::Native
                && movement.from == account(&me)
                && movement.to == account(&you))
    );
    assert!(effects.complete && effects.grants.is_empty() && effects.calls.is_empty());
}

#[test]
fn effects_of_unsupported_intents_are_rejected() {
    let (me, you) = (Key::new(1), Key::new(2));
    let valid = payment(&me, &[(&you, 5_000)], b"");
    let rejected = |intent: &Intent| {
        matches!(
            intent::effects(intent, &Knowledge::default()),
            Err(Error::InvalidIntent { .. })
        )
    };
    assert!(!rejected(&valid));
    assert!(rejected(&Intent {
        signer: me.account(),
        ..valid.clone()
    }));
    assert!(rejected(&Intent {
        signer: account(&me).to_ascii_uppercase(),
        ..valid.clone()
    }));
    assert!(rejected(&Intent {
        act: Act::Message { bytes: vec![] },
        ..valid.clone()
    }));
    let Act::Transaction(mut transaction) = valid.act.clone() else {
        unreachable!()
    };
    transaction.access = vec![intent::AccessEntry {
        account: account(&you),
        slots: vec![],
    }];
    assert!(rejected(&Intent {
        act: Act::Transaction(transaction.clone()),
        ..valid.clone()
    }));
    transaction.access.clear();
    transaction.outputs[0].to = None;
    assert!(rejected(&Intent {
        act: Act::Transaction(transaction),
        ..valid
    }));
}

#[test]
fn invalid_intents_are_not_built() {
    let (me, you) = (Key::new(1), Key::new(2));
    let enough = [coin(1, 0, 100_000)];
    assert!(is_invalid(
        &payment(&me, &[(&you, 99_500)], b""),
        &enough,
        501
    ));
    assert!(!is_invalid(
        &payment(&me, &[(&you, 99_500)], b""),
        &enough,
        500
    ));
    assert!(is_invalid(&payment(&me, &[(&you, 1_000)], b""), &[], 0));
    assert!(is_invalid(
        &payment(&me, &[(&you, 1_000)], b""),
        &[coin(1, 0, 5_000), coin(1, 0, 5_000)],
        10
    ));
    assert!(is_invalid(&payment(&me, &[(&me, 1_000)], b""), &enough, 10));
    assert!(is_invalid(&payment(&me, &[(&you, 293)], b""), &enough, 10));
    assert!(is_invalid(&payment(&me, &[], b""), &enough, 10));
    assert!(is_invalid(
        &payment(&me, &[(&you, 1_000)], &[0; 81]),
        &enough,
        10
    ));
    assert!(is_invalid(
        &payment(&me, &[(&you, 1_000)], b""),
        &[Coin {
            transaction: "AB".repeat(32),
            ..enough[0].clone()
        }],
        10
    ));
    let message = Intent {
        act: Act::Message { bytes: vec![] },
        ..payment(&me, &[], b"")
    };
    assert!(is_invalid(&message, &enough, 10));
    assert!(matches!(
        intent::statement(&message),
        Err(Error::InvalidIntent { .. })
    ));
    let foreign = Intent::call(
        chain(),
        account(&me),
        Some(Key::new(1).account()),
        Amount::from(1_000),
        vec![],
    );
    assert!(is_invalid(&foreign, &enough, 10));
}

#[test]
fn coins_of_another_owner_are_rejected() {
    let (me, you) = (Key::new(1), Key::new(2));
    let built = build_unsigned(
        &payment(&me, &[(&you, 1_000)], b""),
        &[coin(1, 0, 9_000), coin(2, 0, 9_000)],
        Amount::from(10),
    )
    .unwrap();
    assert!(is_rejected(&Unsigned {
        signer: account(&you),
        ..built.clone()
    }));
    assert!(is_rejected(&Unsigned {
        chain: "bip122:000000000019d6689c085ae165831e93".parse().unwrap(),
        ..built.clone()
    }));
    let mut mixed = built.clone();
    let last = mixed.bytes.len() - 1;
    mixed.bytes[last] ^= 1;
    assert!(is_rejected(&mixed));
}

/// Replaces every occurrence of some bytes.
fn changed(built: &Unsigned, from: &[u8], to: &[u8]) -> Unsigned {
    let text = hex::encode(&built.bytes);
    assert!(text.contains(&hex::encode(from)));
    let bytes = hex::decode(text.replace(&hex::encode(from), &hex::encode(to))).unwrap();
    Unsigned {
        bytes,
        ..built.clone()
    }
}

#[test]
fn duplicate_coins_and_other_encodings_are_rejected() {
    let (me, you) = (Key::new(1), Key::new(2));
    let coins = [coin(1, 0, 9_000), coin(2, 0, 9_000)];
    let built = build_unsigned(
        &payment(&me, &[(&you, 1_000)], b"rent"),
        &coins,
        Amount::from(10),
    )
    .unwrap();
    assert!(is_rejected(&changed(&built, &[2; 32], &[1; 32])));
    assert!(is_rejected(&Unsigned {
        bytes: [&built.bytes[..], &[0]].concat(),
        ..built.clone()
    }));
    assert!(is_rejected(&changed(
        &built,
        &0xffff_fffdu32.to_le_bytes(),
        &0xffff_ffffu32.to_le_bytes()
    )));
    assert!(is_rejected(&changed(
        &built,
        b"florin/utxo/v1",
        b"florin/utxo/v2"
    )));
    assert!(is_rejected(&changed(
        &built,
        b"\x6a\x04rent",
        b"\x6a\x03rent"
    )));
    assert!(is_rejected(&changed(
        &built,
        b"\x6a\x04rent",
        b"\x51\x04rent"
    )));
    let script = |key: &Key| [&[22, 0, 20][..], &hash(key)].concat();
    let (memo, paid) = (
        [&[0; 8][..], b"\x06\x6a\x04rent"].concat(),
        [&1_000u64.to_le_bytes()[..], &script(&you)].concat(),
    );
    let (first, last) = ([&paid[..], &memo].concat(), [&memo[..], &paid].concat());
    assert!(is_rejected(&changed(&built, &first, &last)));
    assert!(is_rejected(&changed(
        &built,
        &first,
        &[&memo[..], &memo, &[0; 16]].concat()
    )));
    // Payment and change swapped.
    let plain = build_unsigned(
        &payment(&me, &[(&you, 1_000)], b""),
        &coins,
        Amount::from(10),
    )
    .unwrap();
    let pair = |first: u64, second: u64| [first.to_le_bytes(), second.to_le_bytes()];
    let [paid, rest] = pair(1_000, 16_990);
    let own = [&paid[..], &script(&you), &rest[..], &script(&me)].concat();
    let other = [&rest[..], &script(&me), &paid[..], &script(&you)].concat();
    assert!(!is_rejected(&plain) && is_rejected(&changed(&plain, &own, &other)));
    // Two outputs to the signer.
    let two_to_self = [&paid[..], &script(&me), &rest[..], &script(&me)].concat();
    assert!(is_rejected(&changed(&plain, &own, &two_to_self)));
    // A payment of 0.
    let zero = [&pair(0, 0)[0][..], &script(&you), &rest[..], &script(&me)].concat();
    assert!(is_rejected(&changed(&plain, &own, &zero)));
    // The outputs exceed the coins.
    let more = [
        &paid[..],
        &script(&you),
        &u64::MAX.to_le_bytes()[..],
        &script(&me),
    ]
    .concat();
    assert!(is_rejected(&changed(&plain, &own, &more)));
    let more = [
        &paid[..],
        &script(&you),
        &17_001u64.to_le_bytes()[..],
        &script(&me),
    ]
    .concat();
    assert!(is_rejected(&changed(&plain, &own, &more)));
}

/// A key's hash: the last bytes of a transaction that spends its coin.
fn hash(key: &Key) -> Vec<u8> {
    let intent = payment(key, &[(&Key::new(77), 1_000)], b"");
    let bytes = build_unsigned(&intent, &[coin(1, 0, 9_000)], Amount::ZERO)
        .unwrap()
        .bytes;
    bytes[bytes.len() - 20..].to_vec()
}

#[test]
fn each_signature_is_checked() {
    let me = Key::new(1);
    let coins = [coin(1, 0, 9_000), coin(2, 0, 9_000)];
    let built = build_unsigned(
        &payment(&me, &[(&Key::new(2), 1_000)], b""),
        &coins,
        Amount::from(10),
    )
    .unwrap();
    let valid = sign(&me, &built);
    let rejected = |signatures: &[Signature]| {
        matches!(
            assemble(&built, signatures),
            Err(Error::WrongSignature { .. })
        )
    };
    assert!(!rejected(&valid));
    assert!(rejected(&valid[..1]));
    assert!(rejected(&[valid[1], valid[0]]));
    assert!(rejected(&[valid[0], high_s(valid[1])]));
    assert!(rejected(&sign(&Key::new(2), &built)));
}

#[test]
fn a_node_rejects_a_coin_of_another_value() {
    let me = Key::new(1);
    let built = build_unsigned(
        &payment(&me, &[(&Key::new(2), 1_000)], b""),
        &[coin(1, 0, 9_000)],
        Amount::from(10),
    )
    .unwrap();
    let raw = assemble(&built, &sign(&me, &built)).unwrap().raw;
    let check = |owner: &Key, value: u64| {
        utxo::verify(&chain(), &raw, |_, _| {
            Some((account(owner), Amount::from(value)))
        })
    };
    assert!(check(&me, 9_000).is_ok());
    assert!(matches!(
        check(&me, 9_001),
        Err(Error::WrongSignature { .. })
    ));
    assert!(matches!(
        check(&Key::new(2), 9_000),
        Err(Error::WrongSignature { .. })
    ));
    assert!(utxo::verify(&chain(), &raw, |_, _| None).is_err());
}

/// An intent with payments or a memo, sufficient coins, and a fee.
fn any_payment() -> impl Strategy<Value = (Intent, Vec<Coin>, u64)> {
    let to = vec((2..20u8, 294..1_000_000u64), 0..4);
    let coins = vec(
        (any::<[u8; 32]>(), any::<u32>(), 4_100_000..10_000_000u64),
        1..5,
    );
    (to, vec(any::<u8>(), 0..=80), coins, 0..90_000u64).prop_map(|(to, memo, coins, fee)| {
        let keys: Vec<(Key, u64)> = to
            .iter()
            .map(|(key, value)| (Key::new(*key), *value))
            .collect();
        let to: Vec<(&Key, u64)> = keys.iter().map(|(key, value)| (key, *value)).collect();
        let memo = if to.is_empty() && memo.is_empty() {
            vec![1]
        } else {
            memo
        };
        let coin = |(id, output, value): &([u8; 32], u32, u64)| Coin {
            transaction: hex::encode(id),
            output: *output,
            value: Amount::from(*value),
        };
        (
            payment(&Key::new(1), &to, &memo),
            coins.iter().map(coin).collect(),
            fee,
        )
    })
}

proptest! {
    #[test]
    fn built_bytes_decode_to_the_intent((intent, coins, fee) in any_payment()) {
        let built = build_unsigned(&intent, &coins, Amount::from(fee)).unwrap();
        let read = decode(&built).unwrap();
        prop_assert_eq!(&read.intent, &intent);
        prop_assert_eq!(read.fee.total_fee, Amount::from(fee));
        prop_assert_eq!((read.replay_keys.len(), read.required_signatures.len()), (coins.len(), coins.len()));
        let signed = assemble(&built, &sign(&Key::new(1), &built)).unwrap();
        let owner = account(&Key::new(1));
        let coin = |id: &str, output: u32| {
            coins.iter().find(|coin| coin.transaction == id && coin.output == output).map(|coin| (owner.clone(), coin.value))
        };
        prop_assert_eq!(utxo::verify(&chain(), &signed.raw, coin).unwrap().id, signed.id);
    }

    #[test]
    fn every_changed_byte_decodes_differently_or_not_at_all((intent, coins, fee) in any_payment(), position: prop::sample::Index, bit in 0..8u8) {
        let built = build_unsigned(&intent, &coins, Amount::from(fee)).unwrap();
        let before = decode(&built).unwrap();
        let mut changed = built.clone();
        let position = position.index(changed.bytes.len());
        changed.bytes[position] ^= 1 << bit;
        if let Ok(after) = decode(&changed) {
            let contents = |read: &intent::Decoded| (read.intent.clone(), read.fee, read.replay_keys.clone());
            prop_assert_ne!(contents(&after), contents(&before));
            prop_assert_ne!(after.required_signatures, before.required_signatures);
        }
    }

    #[test]
    fn truncated_bytes_are_rejected((intent, coins, fee) in any_payment()) {
        let built = build_unsigned(&intent, &coins, Amount::from(fee)).unwrap();
        for length in 0..built.bytes.len() {
            let cut = Unsigned { bytes: built.bytes[..length].to_vec(), ..built.clone() };
            prop_assert!(is_rejected(&cut));
        }
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes: Vec<u8>, text: String) {
        let signer = account(&Key::new(1));
        let _ = decode(&Unsigned { chain: chain(), signer: signer.clone(), bytes: bytes.clone() });
        let _ = decode(&Unsigned { chain: chain(), signer, bytes: [&b"florin/utxo/v1\n"[..], &bytes].concat() });
        let _ = utxo::verify(&chain(), &bytes, |_, _| None);
        let _ = intent::parse_recipient(&chain(), &text);
        let _ = intent::parse_recipient(&chain(), &format!("bcrt1{text}"));
    }
}
