//! Lists: entries count after the cooling time, and not after their removal.

use crate::world::{BOB, World, chain, pay};
use policy::{
    EntryFilter, Error, List, ListEntry, ListKind, NewEntry, NewList, ReasonCode, add_entries,
    entries, put_list, remove_entry,
};
use store::{Cursor, facts_after};
use testkit::{TestDb, on_each_engine};
use types::{ChainId, Coded as _, Page};

const HOUR: u64 = 3_600_000;
const ALICE: &str = "0xa11ce000000000000000000000000000000a11ce";
const RECIPIENTS: &str = r#"package florin.recipients
lookups[move.to] := {"from": "list.contains", "args": {"list": "paid", "chain": input.chain.id, "address": move.to}} if {
	some move in input.effects.moves
}
default allow := false
allow if {
	count(input.effects.moves) > 0
	every move in input.effects.moves {
		input.lookups[move.to] == true
	}
}
"#;

fn cooling(cooling_ms: u64) -> NewList {
    NewList {
        kind: Some(ListKind::Account),
        cooling_ms: Some(cooling_ms),
        ..NewList::default()
    }
}

fn account(address: &str) -> NewEntry {
    NewEntry {
        chain: chain(),
        address: address.to_owned(),
        function: None,
        note: "a supplier".to_owned(),
    }
}

async fn put(world: &World, name: &str, new: NewList) -> List {
    put_list(&world.policy, &world.principal, name, new)
        .await
        .unwrap()
}

async fn refused(world: &World, name: &str, new: NewList) -> (String, Option<String>) {
    let error = put_list(&world.policy, &world.principal, name, new)
        .await
        .unwrap_err();
    (error.code().code.to_string(), error.field())
}

async fn add(world: &World, name: &str, new: NewEntry) -> ListEntry {
    let added = add_entries(&world.policy, &world.principal, name, vec![new]);
    added.await.unwrap().remove(0)
}

/// Advance to just before and to the time at which an entry counts, and check both.
async fn counts_after(test: &TestDb, world: &World, millis: u64) {
    test.clock.advance_millis(millis as i64 - 1);
    let reasons = world.denial(&pay("1")).await;
    assert_eq!(reasons[0].code, ReasonCode::NotAllowed);
    test.clock.advance_millis(1);
    world.permit(&pay("1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_counts_after_the_cooling_time_and_not_after_its_removal() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        put(&world, "paid", cooling(HOUR)).await;
        world.attach("recipients", RECIPIENTS).await;
        world.denial(&pay("1")).await;
        let bob = add(&world, "paid", account(BOB)).await;
        assert_eq!(bob.active_at, bob.added_at.plus_millis(HOUR as i64));
        counts_after(&test, &world, HOUR).await;
        let again = add(&world, "paid", account(BOB)).await;
        assert_eq!(again, bob, "an entry that exists keeps its time");
        world.permit(&pay("1")).await;

        remove_entry(&world.policy, &world.principal, "paid", bob.id)
            .await
            .unwrap();
        world.denial(&pay("1")).await;
        let anew = add(&world, "paid", account(BOB)).await;
        assert_ne!(anew.id, bob.id);
        counts_after(&test, &world, HOUR).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_cooling_time_applies_after_the_previous_one() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        put(&world, "paid", cooling(10 * HOUR)).await;
        world.attach("recipients", RECIPIENTS).await;
        let shortened = put(&world, "paid", cooling(0)).await;
        assert_eq!(shortened.cooling_ms, 10 * HOUR);
        test.clock.advance_millis(HOUR as i64);
        let repeated = put(&world, "paid", cooling(0)).await;
        assert_eq!(
            repeated.shorter, shortened.shorter,
            "the same change again does not start anew"
        );
        test.clock.advance_millis(9 * HOUR as i64 - 1);
        let bob = add(&world, "paid", account(BOB)).await;
        assert_eq!(bob.active_at, bob.added_at.plus_millis(10 * HOUR as i64));
        test.clock.advance_millis(1);
        let list = policy::list(&world.policy, &world.principal, "paid")
            .await
            .unwrap();
        assert_eq!((list.cooling_ms, list.shorter, list.entries), (0, None, 1));
        world.denial(&pay("1")).await;
        let alice = add(&world, "paid", account(ALICE)).await;
        assert_eq!(alice.active_at, alice.added_at);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_cooling_time_applies_at_once_to_what_does_not_count_yet() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        put(&world, "paid", cooling(HOUR)).await;
        world.attach("recipients", RECIPIENTS).await;
        add(&world, "paid", account(ALICE)).await;
        test.clock.advance_millis(HOUR as i64);
        add(&world, "paid", account(BOB)).await;
        put(&world, "paid", cooling(3 * HOUR)).await;
        let waits = EntryFilter {
            active: Some(false),
            ..EntryFilter::default()
        };
        let page = Page::default();
        let waiting = entries(&world.policy, &world.principal, "paid", waits, &page);
        let waiting: Vec<String> = (waiting.await.unwrap().into_iter())
            .map(|entry| entry.address)
            .collect();
        assert_eq!(waiting, [BOB], "an entry that counts stays so");
        counts_after(&test, &world, 3 * HOUR).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_keeps_its_name_and_kind_and_does_not_go() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let list = put(&world, "paid", cooling(HOUR)).await;
        let calls = NewList {
            kind: Some(ListKind::Call),
            ..NewList::default()
        };
        let field = |name: &str| ("policy.invalid_list".to_owned(), Some(name.to_owned()));
        assert_eq!(refused(&world, "paid", calls).await, field("kind"));
        assert_eq!(
            refused(&world, "new", NewList::default()).await,
            field("kind")
        );
        assert_eq!(refused(&world, "a b", cooling(0)).await, field("name"));
        assert_eq!(
            refused(&world, "paid", cooling(u64::MAX)).await,
            field("coolingMs")
        );
        let described = NewList {
            description: Some("suppliers".to_owned()),
            ..NewList::default()
        };
        let described = put(&world, &list.id.to_string(), described).await;
        assert_eq!(
            (
                described.name.as_str(),
                described.cooling_ms,
                described.version
            ),
            ("paid", HOUR, 2)
        );
        let elsewhere = crate::world::controller("other");
        let unknown = policy::list(&world.policy, &elsewhere, "paid").await;
        assert_eq!(
            unknown,
            Err(Error::UnknownList {
                name: "paid".to_owned()
            })
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_checked_and_belong_to_a_chain() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        put(&world, "paid", cooling(0)).await;
        let calls = NewList {
            kind: Some(ListKind::Call),
            cooling_ms: Some(0),
            ..NewList::default()
        };
        put(&world, "calls", calls).await;
        world.attach("recipients", RECIPIENTS).await;
        let other_chain = NewEntry {
            chain: ChainId::evm(1),
            ..account(BOB)
        };
        add(&world, "paid", other_chain).await;
        world.denial(&pay("1")).await;
        let upper = format!("0x{}", BOB[2..].to_uppercase());
        assert_eq!(add(&world, "paid", account(&upper)).await.address, BOB);
        world.permit(&pay("1")).await;

        let call = |function: &str| NewEntry {
            function: Some(function.to_owned()),
            ..account(BOB)
        };
        let by_signature = add(&world, "calls", call("transfer(address,uint)")).await;
        assert_eq!(by_signature.selector, "0xa9059cbb");
        let by_selector = add(&world, "calls", call("0xA9059CBB")).await;
        assert_eq!(by_selector, by_signature);
        for (list, new, field) in [
            ("paid", call("transfer()"), "entries[0]"),
            ("calls", account(BOB), "entries[0]"),
            ("calls", call("transfer"), "entries[0].selector"),
            ("paid", account("0xb0b"), "entries[0].address"),
        ] {
            let refused = add_entries(&world.policy, &world.principal, list, vec![new]).await;
            assert_eq!(refused.unwrap_err().field().as_deref(), Some(field));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_entries_are_added_at_once_and_read_in_pages() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        put(&world, "paid", cooling(0)).await;
        let many = |n: usize| (0..n).map(|i| account(&format!("0x{i:040x}"))).collect();
        let too_many = add_entries(&world.policy, &world.principal, "paid", many(10_001)).await;
        assert!(matches!(too_many, Err(Error::LimitExceeded { .. })));
        let added = add_entries(&world.policy, &world.principal, "paid", many(10_000)).await;
        assert_eq!(added.unwrap().len(), 10_000);
        let (mut seen, mut after) = (0, None);
        loop {
            let page = Page {
                limit: 1_000,
                after,
                ..Page::default()
            };
            let all = EntryFilter::default();
            let items = entries(&world.policy, &world.principal, "paid", all, &page).await;
            let items = items.unwrap();
            let Some(last) = items.last() else { break };
            (seen, after) = (seen + items.len(), Some(last.id.to_string()));
        }
        assert_eq!(seen, 10_000);
        let one = EntryFilter {
            address: Some(format!("0x{:040X}", 0xab)),
            ..EntryFilter::default()
        };
        let page = Page::default();
        let found = entries(&world.policy, &world.principal, "paid", one, &page).await;
        assert_eq!(found.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_a_fact_and_unsuitable_lookups_deny() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("recipients", RECIPIENTS).await;
        let code = world.denial(&pay("1")).await[0].code;
        assert_eq!(code, ReasonCode::Lookup, "the list does not exist");
        let calls = NewList {
            kind: Some(ListKind::Call),
            ..NewList::default()
        };
        put(&world, "paid", calls).await;
        let code = world.denial(&pay("1")).await[0].code;
        assert_eq!(code, ReasonCode::Lookup, "it is a list of calls");

        put(&world, "real", cooling(0)).await;
        let bob = add(&world, "real", account(BOB)).await;
        remove_entry(&world.policy, &world.principal, "real", bob.id)
            .await
            .unwrap();
        let start = Cursor {
            partition: "policy/0".into(),
            seq: 0,
        };
        let facts = test
            .db
            .read_unscoped(move |tx| facts_after(tx, &start, 5_000));
        let facts: Vec<String> = (facts.await.unwrap().iter())
            .map(|fact| fact.kind.clone())
            .filter(|kind| kind.starts_with("policy.list"))
            .collect();
        assert_eq!(
            facts,
            [
                "policy.list_created",
                "policy.list_created",
                "policy.list_entries_added",
                "policy.list_entry_removed"
            ]
        );
    })
    .await;
}
