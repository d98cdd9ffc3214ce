//! Calls nested in calls: who acts, and what is known of each.

use crate::scene::{
    ALICE, BOB, COIN, SAFE, SENDER, STRANGE, Scene, TOKEN, ZERO, call, hex_of, intent, lines,
    nested,
};
use intent::Standard::{self, *};
use proptest::prelude::*;
use serde_json::{Value, json};

const WORD: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

fn scene() -> Scene {
    Scene::new(&[
        (TOKEN, &[Erc20, Multicall, Ownable]),
        (COIN, &[Erc20]),
        (SAFE, &[Safe, SmartAccount]),
        (SENDER, &[MultiSend, Multicall3]),
    ])
}

fn transfer(to: &str, amount: u64) -> String {
    nested("transfer(address,uint256)", json!([to, amount]))
}

fn of(to: &str, signature: &str, arguments: Value) -> Vec<String> {
    scene().call(to, signature, arguments)
}

#[test]
fn multicall_keeps_the_caller() {
    let calls = json!([[transfer(ALICE, 5), transfer(BOB, 6)]]);
    let expected = ["move token me->alice 5", "move token me->bob 6"];
    assert_eq!(of(TOKEN, "multicall(bytes[])", calls.clone()), expected);
    let with_deadline = json!([9, calls[0]]);
    assert_eq!(
        of(TOKEN, "multicall(uint256,bytes[])", with_deadline),
        expected
    );
    let effects = scene().of(&intent(TOKEN, 0, call("multicall(bytes[])", calls)));
    let paths: Vec<&str> = effects.calls.iter().map(|call| &*call.path).collect();
    assert_eq!(paths, ["", "0", "1"]);
    let unknown = of(
        TOKEN,
        "multicall(bytes[])",
        json!([["0x01020304", transfer(BOB, 6)]]),
    );
    assert_eq!(
        unknown,
        ["move token me->bob 6", "incomplete unknown_selector at 0"]
    );
}

#[test]
fn multicall3_acts_itself() {
    let calls = json!([
        [TOKEN, false, transfer(ALICE, 5)],
        [STRANGE, true, transfer(BOB, 6)]
    ]);
    let lines = of(SENDER, "aggregate3((address,bool,bytes)[])", json!([calls]));
    let expected = [
        "move token sender->alice 5",
        "move strange sender->bob 6",
        "incomplete unknown_contract at 1",
    ];
    assert_eq!(lines, expected);
    let calls = json!([[ALICE, false, 7, "0x"], [TOKEN, false, 0, transfer(BOB, 6)]]);
    let lines = of(
        SENDER,
        "aggregate3Value((address,bool,uint256,bytes)[])",
        json!([calls]),
    );
    assert_eq!(
        lines,
        ["move native sender->alice 7", "move token sender->bob 6"]
    );
}

const EXEC: &str = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,\
                    address,bytes)";

fn exec(to: &str, value: u64, data: &str, operation: u8, gas_price: u64) -> Value {
    json!([
        to, value, data, operation, 0, 0, gas_price, ZERO, ZERO, "0x01"
    ])
}

#[test]
fn a_safe_acts_itself() {
    let lines = of(SAFE, EXEC, exec(TOKEN, 0, &transfer(ALICE, 5), 0, 0));
    assert_eq!(lines, ["move token safe->alice 5"]);
    assert_eq!(
        of(SAFE, EXEC, exec(ALICE, 7, "0x", 0, 0)),
        ["move native safe->alice 7"]
    );
    let refunded = of(SAFE, EXEC, exec(ALICE, 7, "0x", 0, 1));
    assert_eq!(refunded.last().unwrap(), "incomplete unknown_argument");
    let from_module = "execTransactionFromModule(address,uint256,bytes,uint8)";
    let lines = of(SAFE, from_module, json!([TOKEN, 0, transfer(ALICE, 5), 0]));
    assert_eq!(lines, ["move token safe->alice 5"]);
    let module = nested("enableModule(address)", json!([BOB]));
    let lines = of(SAFE, EXEC, exec(SAFE, 0, &module, 0, 0));
    assert_eq!(lines, ["power module safe by safe to bob enableModule"]);
    let approved = of(SAFE, "approveHash(bytes32)", json!([WORD]));
    assert_eq!(approved[1], "incomplete unknown_argument");
}

/// One packed transaction of MultiSend.
fn packed(operation: u8, to: &str, value: u64, data: &str) -> String {
    let data = data.trim_start_matches("0x");
    let to = to.trim_start_matches("0x");
    format!(
        "{operation:02x}{to}{value:064x}{:064x}{data}",
        data.len() / 2
    )
}

fn multi_send(transactions: &[String]) -> String {
    let packed = format!("0x{}", transactions.concat());
    nested("multiSend(bytes)", json!([packed]))
}

#[test]
fn a_safe_delegates_to_multi_send_only() {
    let batch = [
        packed(0, TOKEN, 0, &transfer(ALICE, 5)),
        packed(0, BOB, 7, "0x"),
    ];
    let lines = of(SAFE, EXEC, exec(SENDER, 0, &multi_send(&batch), 1, 0));
    assert_eq!(
        lines,
        ["move token safe->alice 5", "move native safe->bob 7"]
    );
    let strange = of(SAFE, EXEC, exec(STRANGE, 0, &multi_send(&batch), 1, 0));
    assert!(
        strange.contains(&"incomplete delegate_call at 0".to_owned()),
        "{strange:?}"
    );
    assert!(strange.contains(&"move token safe->alice 5".to_owned()));
    let aggregate = nested(
        "aggregate((address,bytes)[])",
        json!([[[TOKEN, transfer(ALICE, 5)]]]),
    );
    let other = of(SAFE, EXEC, exec(SENDER, 0, &aggregate, 1, 0));
    let expected = ["move token safe->alice 5", "incomplete delegate_call at 0"];
    assert_eq!(other, expected, "another function of MultiSend's contract");
    let inner = [packed(1, TOKEN, 0, &transfer(ALICE, 5))];
    let lines = of(SAFE, EXEC, exec(SENDER, 0, &multi_send(&inner), 1, 0));
    assert_eq!(lines.last().unwrap(), "incomplete delegate_call at 0.0");
    let rest = [packed(0, BOB, 7, "0x"), "00".to_owned()];
    let lines = of(SAFE, EXEC, exec(SENDER, 0, &multi_send(&rest), 1, 0));
    assert_eq!(lines, ["incomplete invalid_data at 0"]);
}

#[test]
fn after_a_change_of_a_contract_nothing_is_known_of_it() {
    let module = nested("enableModule(address)", json!([BOB]));
    let batch = [
        packed(0, SAFE, 0, &module),
        packed(0, SAFE, 0, &module),
        packed(0, TOKEN, 0, &transfer(ALICE, 5)),
    ];
    let lines = of(SAFE, EXEC, exec(SENDER, 0, &multi_send(&batch), 1, 0));
    assert_eq!(lines[3..], ["incomplete changed_in_intent at 0.1"]);
    let upgraded = Scene::new(&[(TOKEN, &[Erc20, Multicall, Upgradeable])]);
    let upgrade = nested("upgradeTo(address)", json!([COIN]));
    let calls = json!([[upgrade, transfer(ALICE, 5)]]);
    let lines = upgraded.call(TOKEN, "multicall(bytes[])", calls);
    let expected = [
        "move token me->alice 5",
        "power upgrade token by me to coin",
        "incomplete changed_in_intent at 1",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn accounts_execute_calls() {
    let expected = ["move token safe->alice 5", "move native safe->bob 7"];
    let (to_alice, empty) = (transfer(ALICE, 5), "0x");
    let single = json!([TOKEN, 0, to_alice]);
    let lines = of(SAFE, "execute(address,uint256,bytes)", single.clone());
    assert_eq!(lines, expected[..1]);
    let lists = json!([[TOKEN, BOB], [0, 7], [to_alice, empty]]);
    let lines = of(SAFE, "executeBatch(address[],uint256[],bytes[])", lists);
    assert_eq!(lines, expected);
    let lists = json!([[TOKEN], [to_alice]]);
    assert_eq!(
        of(SAFE, "executeBatch(address[],bytes[])", lists),
        expected[..1]
    );
    let uneven = json!([[TOKEN, BOB], [0], [to_alice, empty]]);
    let lines = of(SAFE, "executeBatch(address[],uint256[],bytes[])", uneven);
    assert_eq!(lines.last().unwrap(), "incomplete unknown_argument");
    let tuples = json!([[single, [BOB, 7, "0x"]]]);
    for name in ["executeBatch", "execute"] {
        let signature = format!("{name}((address,uint256,bytes)[])");
        assert_eq!(of(SAFE, &signature, tuples.clone()), expected);
    }
}

#[test]
fn modular_accounts_execute_by_mode() {
    let execute = |mode: &str, data: &str| {
        let mode = format!("{mode:0<66}");
        of(SAFE, "execute(bytes32,bytes)", json!([mode, data]))
    };
    let token = TOKEN.trim_start_matches("0x");
    let to_alice = transfer(ALICE, 5);
    let single = format!("0x{token}{:064x}{}", 0, &to_alice[2..]);
    let expected = ["move token safe->alice 5", "move native safe->bob 7"];
    assert_eq!(execute("0x00", &single), expected[..1]);
    assert_eq!(execute("0x0001", &single), expected[..1]);
    let calls = json!([[[TOKEN, 0, to_alice], [BOB, 7, "0x"]]]);
    let batch = call("f((address,uint256,bytes)[])", calls);
    let batch = hex_of(&batch[4..]);
    assert_eq!(execute("0x01", &batch), expected);
    assert_eq!(execute("0x01000000000078210001", &batch), expected);
    let longer = format!("{batch}00");
    assert_eq!(
        execute("0x01", &longer).last().unwrap(),
        "incomplete not_canonical"
    );
    for (mode, code) in [
        ("0xff", "incomplete delegate_call"),
        ("0xfe", "incomplete unknown_argument"),
        ("0x01000000000078210002", "incomplete unknown_argument"),
        ("0x0100000000000000000001", "incomplete unknown_argument"),
    ] {
        assert_eq!(execute(mode, &batch), [code], "{mode}");
    }
    let install = of(
        SAFE,
        "installModule(uint256,address,bytes)",
        json!([1, BOB, "0x"]),
    );
    assert_eq!(install, ["power module safe by me to bob installModule"]);
}

#[test]
fn the_entry_point_calls_accounts() {
    let scene = Scene::new(&[
        (SENDER, &[EntryPoint]),
        (SAFE, &[SmartAccount]),
        (TOKEN, &[Erc20]),
    ]);
    let data = nested(
        "execute(address,uint256,bytes)",
        json!([TOKEN, 0, transfer(ALICE, 5)]),
    );
    let ops = "handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],\
               address)";
    let op = |paymaster: &str| json!([SAFE, 0, "0x", data, WORD, 0, WORD, paymaster, "0x01"]);
    let lines = scene.call(SENDER, ops, json!([[op("0x")], BOB]));
    let expected = [
        "move native safe->sender ?",
        "move native sender->bob ?",
        "move token safe->alice 5",
        "power configuration sender by me to safe handleOps",
    ];
    assert_eq!(lines, expected);
    let withdrawn = scene.call(SENDER, "withdrawTo(address,uint256)", json!([BOB, 5]));
    let deposit = "power configuration sender by me to me withdrawTo 5";
    assert_eq!(withdrawn, ["move native sender->bob 5", deposit]);
    let strange = json!([STRANGE, 0, "0x", "0x", WORD, 0, WORD, "0x", "0x01"]);
    let strange = scene.call(SENDER, ops, json!([[strange], BOB]));
    assert_eq!(strange.last().unwrap(), "incomplete unknown_underlying");
    let sponsored = scene.call(SENDER, ops, json!([[op("0x01")], BOB]));
    assert_eq!(sponsored.last().unwrap(), "incomplete unknown_argument");
    let older = "handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,\
                 bytes,bytes)[],address)";
    let op = json!([SAFE, 0, "0x", data, 0, 0, 0, 0, 0, "0x", "0x01"]);
    assert_eq!(scene.call(SENDER, older, json!([[op], BOB])), expected);
}

#[test]
fn a_timelock_shows_what_it_schedules() {
    let scene = Scene::new(&[(SENDER, &[Timelock]), (TOKEN, &[Erc20, Ownable])]);
    let owner = nested("transferOwnership(address)", json!([BOB]));
    let schedule = "schedule(address,uint256,bytes,bytes32,bytes32,uint256)";
    let lines = scene.call(SENDER, schedule, json!([TOKEN, 0, owner, WORD, WORD, 9]));
    let expected = [
        "power schedule sender by me to token",
        "power ownership token by sender to bob",
    ];
    assert_eq!(lines, expected);
    let execute = "executeBatch(address[],uint256[],bytes[],bytes32,bytes32)";
    let lines = scene.call(SENDER, execute, json!([[TOKEN], [0], [owner], WORD, WORD]));
    assert_eq!(lines, expected[1..]);
}

#[test]
fn a_forwarder_acts_for_the_account_in_the_request() {
    let scene = Scene::new(&[(SENDER, &[Forwarder]), (TOKEN, &[Erc20])]);
    let execute = "execute((address,address,uint256,uint256,uint48,bytes,bytes))";
    let request = json!([[ALICE, TOKEN, 0, 9, 9, transfer(BOB, 5), "0x01"]]);
    assert_eq!(
        scene.call(SENDER, execute, request),
        ["move token alice->bob 5"]
    );
    let older = "execute((address,address,uint256,uint256,uint256,bytes),bytes)";
    let request = json!([[ALICE, TOKEN, 0, 9, 9, transfer(BOB, 5)], "0x01"]);
    let lines = scene.call(SENDER, older, request);
    assert_eq!(
        lines,
        ["move token alice->bob 5", "incomplete unknown_argument"]
    );
}

#[test]
fn depth_and_number_of_calls_are_limited() {
    let mut data = transfer(ALICE, 5);
    for depth in 1..=5 {
        data = nested("multicall(bytes[])", json!([[data]]));
        let data = hex::decode(&data[2..]).unwrap();
        let effects = scene().of(&intent(TOKEN, 0, data));
        assert_eq!(effects.complete, depth <= 4, "{depth}");
        assert_eq!(effects.moves.len(), usize::from(depth <= 4));
    }
    for (count, complete) in [(256, true), (257, false)] {
        let calls = vec![transfer(ALICE, 5); count];
        let data = call("multicall(bytes[])", json!([calls]));
        let effects = scene().of(&intent(TOKEN, 0, data));
        assert_eq!((effects.complete, effects.moves.len()), (complete, 256));
        if !complete {
            assert_eq!(lines(&effects)[256], "incomplete too_many");
        }
    }
}

/// Readings of unknown contracts multiply if each of two standards unfolds the same data; the
/// number of calls bounds them.
#[test]
fn nesting_in_nesting_takes_no_time_out_of_proportion() {
    let nested_in_nested = |levels: usize| {
        let data = (0..levels).fold(transfer(ALICE, 5), |data, _| {
            nested("multicall(bytes[])", json!([vec![data; 4]]))
        });
        let intent = intent(STRANGE, 0, hex::decode(&data[2..]).unwrap());
        let time = || {
            let started = std::time::Instant::now();
            let effects = scene().of(&intent);
            assert!(!effects.complete && effects.calls.len() <= 257);
            started.elapsed()
        };
        // The fastest of several: the others waited for a processor.
        (0..5).map(|_| time()).min().unwrap_or_default()
    };
    // A quarter of the data, and nearly the largest that is read.
    let (quarter, full) = (nested_in_nested(5), nested_in_nested(6));
    assert!(
        full < 20 * quarter,
        "{full:?} for four times the data of {quarter:?}"
    );
}

#[test]
fn larger_data_than_is_decoded_is_not_read() {
    let larger = vec![0xac; (1 << 20) + 1];
    let effects = scene().of(&intent(TOKEN, 0, larger));
    assert_eq!(lines(&effects), ["incomplete too_many"]);
}

const ALL: [(&str, &[Standard]); 3] = [
    (TOKEN, &[Erc20, Erc1400, Multicall]),
    (SAFE, &[Safe, SmartAccount, EntryPoint, Permit2, Timelock]),
    (SENDER, &[MultiSend, Multicall3]),
];

proptest! {
    /// Data with a selector that is read and hostile arguments.
    #[test]
    fn hostile_arguments_cause_no_panic(
        selector in prop::sample::select(vec![
            "ac9650d8", "82ad56cb", "6a761202", "8d80ff0a", "34fcd5be", "e9ae5c53", "765e827f",
            "1fad948c", "01d5062a", "47e1da2a", "2eb2c2d6", "a9059cbb", "0d58b1db", "30f28b7a",
        ]),
        words in prop::collection::vec(prop_oneof![
            Just(32u64), Just(64), Just(96), Just(0), Just(1), Just(u64::MAX), 0..2_000u64,
        ], 0..60),
        target in prop::sample::select(vec![TOKEN, SAFE, SENDER, STRANGE]),
    ) {
        let mut data = hex::decode(selector).unwrap();
        for word in words {
            data.extend([0; 24]);
            data.extend(word.to_be_bytes());
        }
        let effects = Scene::new(&ALL).of(&intent(target, 0, data));
        prop_assert!(!effects.complete || target != STRANGE);
        prop_assert!(effects.calls.len() <= 257);
    }

    /// Complete effects have only calls of registered contracts, and each by a standard.
    #[test]
    fn complete_means_that_every_call_is_known(
        targets in prop::collection::vec(
            (prop::sample::select(vec![TOKEN, COIN, STRANGE, SAFE]), any::<bool>(), 0..9u64),
            0..6,
        ),
    ) {
        let calls: Vec<Value> = targets.iter().map(|(target, known, value)| {
            let data = if *known { transfer(ALICE, *value) } else { "0xdeadbeef".to_owned() };
            json!([target, value, data])
        }).collect();
        let data = call("execute((address,uint256,bytes)[])", json!([calls]));
        let effects = scene().of(&intent(SAFE, 0, data));
        let known = |target: &str, known: bool| known && [TOKEN, COIN].contains(&target);
        let expected = targets.iter().all(|(target, is_known, _)| known(target, *is_known));
        prop_assert_eq!(effects.complete, expected);
        prop_assert_eq!(effects.calls.len(), targets.len() + 1);
    }
}
