//! Messages and authorisations: what is signed for its own sake, and cannot be taken for a
//! transaction.

use crate::any;
use crate::key::Key;
use alloy_primitives::{Address, U256, eip191_hash_message};
use intent::evm::{Price, Terms, unsigned};
use intent::{Act, Authorisation, Error, FeeTerms, Intent, Unsigned, assemble, decode, statement};
use proptest::prelude::*;
use types::{Amount, ChainId, Digest, Witness};

fn message(bytes: Vec<u8>) -> Intent {
    Intent {
        chain: ChainId::evm(5),
        signer: Key::new(1).account(),
        act: Act::Message { bytes },
    }
}

proptest! {
    #[test]
    fn a_message_is_read_back(intent in any::message()) {
        let built = statement(&intent).unwrap();
        let read = decode(&built).unwrap();
        prop_assert_eq!(&read.intent, &intent);
        prop_assert_eq!(read.fee, FeeTerms::default());
        prop_assert_eq!(read.witnesses, vec![Witness::bytes(&Digest::of(&built.bytes))]);
        let Act::Message { bytes } = &intent.act else { unreachable!() };
        prop_assert_eq!(read.requests[0].digest, eip191_hash_message(bytes).0);
    }

    #[test]
    fn a_message_that_spells_a_transaction_is_still_a_message((planned, terms) in any::planned()) {
        let transaction = unsigned(&planned, &terms).unwrap();
        let spelled = Intent { act: Act::Message { bytes: transaction.bytes.clone() }, ..planned.clone() };
        let built = statement(&spelled).unwrap();
        let read = decode(&built).unwrap();
        prop_assert_eq!(read.intent, spelled);
        prop_assert_ne!(read.requests[0].digest, decode(&transaction).unwrap().requests[0].digest);
    }

    #[test]
    fn an_authorisation_is_read_back(intent in any::authorisation()) {
        let built = statement(&intent).unwrap();
        let read = decode(&built).unwrap();
        prop_assert_eq!(&read.intent, &intent);
        let Act::Authorisation(Authorisation { delegate, nonce, any_chain, .. }) = &intent.act else { unreachable!() };
        let chain = if *any_chain { 0 } else { intent.chain.evm_number().unwrap() };
        let address: Address = delegate.parse().unwrap();
        let outside = alloy_eips::eip7702::Authorization { chain_id: U256::from(chain), address, nonce: *nonce };
        prop_assert_eq!(read.requests[0].digest, outside.signature_hash().0);
        let own = Witness::nonce(&intent.signer, *nonce);
        prop_assert_eq!(read.witnesses, vec![own, Witness::bytes(&Digest::of(&built.bytes))]);
    }

    #[test]
    fn a_changed_byte_is_another_statement_or_none(intent in any::authorisation(), place: prop::sample::Index, bit in 0..8u8) {
        let built = statement(&intent).unwrap();
        let mut changed = built.clone();
        let place = place.index(changed.bytes.len());
        changed.bytes[place] ^= 1 << bit;
        if let Ok(read) = decode(&changed) {
            prop_assert_ne!(read.intent, intent);
        }
    }

    #[test]
    fn the_first_byte_tells_the_kinds_apart(
        (planned, terms) in any::planned(), message in any::message(), one in any::authorisation(), typed in any::typed_data()
    ) {
        let mut heads = vec![unsigned(&planned, &terms).unwrap().bytes[0].min(0xc0)];
        for intent in [message, one, typed] {
            heads.push(statement(&intent).unwrap().bytes[0]);
        }
        heads.sort_unstable();
        heads.dedup();
        prop_assert_eq!(heads.len(), 4);
    }
}

#[test]
fn a_message_has_one_reading() {
    let read = |text: &[u8]| {
        let bytes = [b"\x19Ethereum Signed Message:\n", text].concat();
        decode(&Unsigned {
            bytes,
            ..statement(&message(vec![])).unwrap()
        })
        .map(|read| read.intent)
    };
    assert_eq!(read(b"0").unwrap(), message(vec![]));
    assert_eq!(read(b"11").unwrap(), message(b"1".to_vec()));
    assert_eq!(
        read(b"101234567890").unwrap(),
        message(b"1234567890".to_vec())
    );
    for wrong in [&b""[..], b"1", b"00", b"2a", b"011", b"+1a", b"3ab"] {
        assert!(
            matches!(read(wrong), Err(Error::Undecodable { .. })),
            "{wrong:?}"
        );
    }
}

#[test]
fn a_signed_message_is_what_wallets_give() {
    let key = Key::new(1);
    let built = statement(&message(b"hello".to_vec())).unwrap();
    let signed = assemble(
        &built,
        &[key.sign(decode(&built).unwrap().requests[0].digest)],
    )
    .unwrap();
    let outside = alloy_primitives::Signature::from_raw(&signed.raw).unwrap();
    let by = outside.recover_address_from_msg("hello").unwrap();
    assert_eq!(format!("{by:#x}"), key.account());
    assert!(matches!(signed.raw[64], 27 | 28));
}

#[test]
fn a_signed_authorisation_is_the_tuple_that_transactions_carry() {
    let key = Key::new(1);
    let (one, signature) = any::authorised(&ChainId::evm(5), &key, [7; 20], 3, false);
    let intent = Intent {
        chain: ChainId::evm(5),
        signer: key.account(),
        act: Act::Authorisation(one),
    };
    let signed = assemble(&statement(&intent).unwrap(), &[signature]).unwrap();
    let outside = <alloy_eips::eip7702::SignedAuthorization as alloy_rlp::Decodable>::decode(
        &mut &signed.raw[..],
    )
    .unwrap();
    assert_eq!(
        format!("{:#x}", outside.recover_authority().unwrap()),
        key.account()
    );
    assert_eq!(
        (outside.nonce, outside.address),
        (3, Address::repeat_byte(7))
    );
}

#[test]
fn an_authorisation_is_signed_by_its_authority_only() {
    let (one, _) = any::authorised(&ChainId::evm(5), &Key::new(1), [7; 20], 3, false);
    let by_other = Intent {
        chain: ChainId::evm(5),
        signer: Key::new(2).account(),
        act: Act::Authorisation(one),
    };
    assert!(matches!(
        statement(&by_other),
        Err(Error::Unsuitable { .. })
    ));
}

#[test]
fn an_authorisation_at_the_last_nonce_is_refused() {
    let (mut one, _) =
        any::authorised(&ChainId::evm(5), &Key::new(1), [7; 20], u64::MAX - 1, false);
    one.nonce = u64::MAX;
    let intent = Intent {
        chain: ChainId::evm(5),
        signer: Key::new(1).account(),
        act: Act::Authorisation(one),
    };
    assert!(matches!(statement(&intent), Err(Error::Unsuitable { .. })));
}

#[test]
fn an_authorisation_for_another_chain_is_refused() {
    let (one, _) = any::authorised(&ChainId::evm(5), &Key::new(1), [7; 20], 3, false);
    let intent = Intent {
        chain: ChainId::evm(5),
        signer: Key::new(1).account(),
        act: Act::Authorisation(one),
    };
    let built = statement(&intent).unwrap();
    let elsewhere = decode(&Unsigned {
        chain: ChainId::evm(6),
        ..built
    });
    assert!(matches!(elsewhere, Err(Error::Undecodable { .. })));
}

#[test]
fn a_transaction_is_no_statement_and_a_statement_no_transaction() {
    let signer = Key::new(1).account();
    assert!(matches!(
        statement(&Intent::cancel(ChainId::evm(5), signer)),
        Err(Error::Unsuitable { .. })
    ));
    let price = Price::Legacy {
        gas_price: Amount::ZERO,
    };
    let terms = Terms {
        nonce: 0,
        gas: 0,
        price,
        authorisations: vec![],
    };
    assert!(matches!(
        unsigned(&message(vec![]), &terms),
        Err(Error::Unsuitable { .. })
    ));
}
