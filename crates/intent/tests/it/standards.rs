//! The calls of each standard: what moves, is granted, and changes power.

use crate::scene::{ALICE, BOB, COIN, SENDER, STRANGE, Scene, TOKEN, call};
use intent::Standard::{self, *};
use serde_json::{Value, json};

const ADMIN: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";
pub(crate) const ROLE: &str = "0x9f2df0fed2c77648de5860a4cc508cd0818c85b8b8a1ab4ceeef8d981c8956a6";

/// Checks calls of a token with these standards: the signature, the arguments, and the effects.
pub(crate) fn check(standards: &[Standard], cases: &[(&str, Value, &[&str])]) {
    let scene = Scene::new(&[(TOKEN, standards)]);
    for (signature, arguments, expected) in cases {
        let lines = scene.call(TOKEN, signature, arguments.clone());
        assert_eq!(&lines, expected, "{signature}");
    }
}

#[test]
fn erc20_and_its_extensions() {
    check(
        &[Erc20],
        &[
            (
                "transfer(address,uint256)",
                json!([ALICE, 5]),
                &["move token me->alice 5"],
            ),
            (
                "transferFrom(address,address,uint256)",
                json!([BOB, ALICE, 5]),
                &["move token bob->alice 5"],
            ),
            (
                "approve(address,uint256)",
                json!([BOB, 5]),
                &["grant token me->bob 5"],
            ),
            (
                "approve(address,uint256)",
                json!([BOB, 0]),
                &["power grant_revocation token by me to bob"],
            ),
            (
                "increaseAllowance(address,uint256)",
                json!([BOB, 5]),
                &["grant token me->bob 5"],
            ),
            (
                "decreaseAllowance(address,uint256)",
                json!([BOB, 5]),
                &["power grant_revocation token by me to bob"],
            ),
            (
                "mint(address,uint256)",
                json!([BOB, 5]),
                &["move token zero->bob 5", "incomplete unknown_selector"],
            ),
        ],
    );
}

#[test]
fn tokens_with_callbacks_are_complete_without_data() {
    let pay = "move token me->alice 5";
    check(
        &[Erc223],
        &[
            ("transfer(address,uint256)", json!([ALICE, 5]), &[pay]),
            (
                "transfer(address,uint256,bytes)",
                json!([ALICE, 5, "0x"]),
                &[pay],
            ),
            (
                "transfer(address,uint256,bytes)",
                json!([ALICE, 5, "0x01"]),
                &[pay, "incomplete hook_data at 0"],
            ),
        ],
    );
    check(
        &[Erc20, Erc223],
        &[
            ("transfer(address,uint256)", json!([ALICE, 5]), &[pay]),
            (
                "transfer(address,uint256)",
                json!([STRANGE, 5]),
                &["move token me->strange 5", "incomplete receiver_code at 0"],
            ),
        ],
    );
    check(
        &[Erc677],
        &[(
            "transferAndCall(address,uint256,bytes)",
            json!([ALICE, 5, "0x01"]),
            &[pay, "incomplete hook_data at 0"],
        )],
    );
    check(
        &[Erc1363],
        &[
            (
                "transferAndCall(address,uint256)",
                json!([ALICE, 5]),
                &[pay],
            ),
            (
                "transferFromAndCall(address,address,uint256,bytes)",
                json!([BOB, ALICE, 5, "0x"]),
                &["move token bob->alice 5"],
            ),
            (
                "approveAndCall(address,uint256)",
                json!([ALICE, 5]),
                &["grant token me->alice 5"],
            ),
            (
                "approveAndCall(address,uint256,bytes)",
                json!([ALICE, 5, "0x01"]),
                &["grant token me->alice 5", "incomplete hook_data at 0"],
            ),
        ],
    );
    check(
        &[Erc777],
        &[
            (
                "send(address,uint256,bytes)",
                json!([ALICE, 5, "0x"]),
                &[pay],
            ),
            (
                "burn(uint256,bytes)",
                json!([5, "0x"]),
                &["move token me->zero 5"],
            ),
            (
                "operatorSend(address,address,uint256,bytes,bytes)",
                json!([BOB, ALICE, 5, "0x", "0x"]),
                &["move token bob->alice 5"],
            ),
            (
                "operatorBurn(address,uint256,bytes,bytes)",
                json!([BOB, 5, "0x", "0x01"]),
                &["move token bob->zero 5", "incomplete hook_data"],
            ),
            (
                "authorizeOperator(address)",
                json!([BOB]),
                &["grant token me->bob all"],
            ),
            (
                "revokeOperator(address)",
                json!([BOB]),
                &["power grant_revocation token by me to bob"],
            ),
        ],
    );
}

#[test]
fn two_callbacks_of_one_function_agree() {
    let signature = "transferAndCall(address,uint256,bytes)";
    let pay = "move token me->alice 5";
    check(
        &[Erc677, Erc1363],
        &[
            (signature, json!([ALICE, 5, "0x"]), &[pay]),
            (
                signature,
                json!([ALICE, 5, "0x01"]),
                &[pay, "incomplete hook_data at 0"],
            ),
        ],
    );
}

/// A transfer by a function that a limit on `transfer` alone would not see.
#[test]
fn transfer_and_call_moves_what_it_says() {
    let five_million = "5000000000000000000000000";
    let arguments = json!([BOB, five_million, "0x"]);
    let signature = "transferAndCall(address,uint256,bytes)";
    let line = format!("move token me->bob {five_million}");
    let plain = Scene::new(&[(TOKEN, &[Erc20])]).call(TOKEN, signature, arguments.clone());
    assert!(plain.contains(&line) && plain.contains(&"incomplete unknown_selector".to_owned()));
    let known = Scene::new(&[(TOKEN, &[Erc1363])]).call(TOKEN, signature, arguments);
    assert_eq!(known, [line]);
}

#[test]
fn signatures_of_owners_are_allowances_and_transfers() {
    let word = ROLE;
    check(
        &[Erc2612, DaiPermit],
        &[
            (
                "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
                json!([ALICE, BOB, 5, 9, 27, word, word]),
                &["grant token alice->bob 5"],
            ),
            (
                "permit(address,address,uint256,uint256,bytes)",
                json!([ALICE, BOB, 5, 9, "0x01"]),
                &["grant token alice->bob 5"],
            ),
            (
                "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)",
                json!([ALICE, BOB, 0, 9, true, 27, word, word]),
                &["grant token alice->bob all"],
            ),
            (
                "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)",
                json!([ALICE, BOB, 0, 9, false, 27, word, word]),
                &["power grant_revocation token by me to bob"],
            ),
        ],
    );
    let transfer = json!([ALICE, BOB, 5, 0, 9, word, 27, word, word]);
    let types = "(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)";
    for name in ["transferWithAuthorization", "receiveWithAuthorization"] {
        let signature = format!("{name}{types}");
        let line: &[&str] = &["move token alice->bob 5"];
        check(&[Erc3009], &[(&signature, transfer.clone(), line)]);
    }
    let revoked = format!("power grant_revocation token by me {word}");
    check(
        &[Erc3009],
        &[(
            "cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)",
            json!([ALICE, word, 27, word, word]),
            &[&revoked],
        )],
    );
}

/// New tokens and new rights are effects although no account loses anything.
#[test]
fn a_mint_is_a_move_and_a_role_is_a_power() {
    let granted = format!("power role_grant token by me to bob {ROLE}");
    let revoked = format!("power role_revocation token by me to bob {ROLE}");
    check(
        &[Erc20, Mintable, Burnable, AccessControl],
        &[
            (
                "mint(address,uint256)",
                json!([BOB, 5]),
                &["move token zero->bob 5"],
            ),
            ("burn(uint256)", json!([5]), &["move token me->zero 5"]),
            (
                "burnFrom(address,uint256)",
                json!([BOB, 5]),
                &["move token bob->zero 5"],
            ),
            (
                "grantRole(bytes32,address)",
                json!([ROLE, BOB]),
                &[&granted],
            ),
            (
                "revokeRole(bytes32,address)",
                json!([ROLE, BOB]),
                &[&revoked],
            ),
            (
                "renounceRole(bytes32,address)",
                json!([ROLE, BOB]),
                &[&revoked],
            ),
            (
                "beginDefaultAdminTransfer(address)",
                json!([BOB]),
                &["power ownership token by me to bob"],
            ),
            (
                "acceptDefaultAdminTransfer()",
                json!([]),
                &[
                    "power ownership token by me to me",
                    &format!("power role_grant token by me to me {ADMIN}"),
                    &format!("power role_revocation token by me {ADMIN}"),
                ],
            ),
        ],
    );
}

#[test]
fn a_minted_number_is_an_amount_or_an_id_by_the_standard_of_the_token() {
    check(
        &[Erc721, Mintable, Burnable],
        &[
            (
                "mint(address,uint256)",
                json!([BOB, 5]),
                &["move token#5 zero->bob 1"],
            ),
            (
                "safeMint(address,uint256)",
                json!([BOB, 5]),
                &["move token#5 zero->bob 1"],
            ),
            (
                "burn(uint256)",
                json!([5]),
                &["move token#5 unknown->zero 1"],
            ),
        ],
    );
    check(
        &[Mintable],
        &[(
            "mint(address,uint256)",
            json!([BOB, 5]),
            &[
                "move token zero->bob 5",
                "move token#5 zero->bob 1",
                "incomplete ambiguous",
            ],
        )],
    );
    check(
        &[Erc1155, Mintable, Burnable],
        &[
            (
                "mint(address,uint256,uint256,bytes)",
                json!([BOB, 7, 5, "0x"]),
                &["move token#7 zero->bob 5"],
            ),
            (
                "mintBatch(address,uint256[],uint256[],bytes)",
                json!([BOB, [7, 8], [5, 6], "0x"]),
                &["move token#7 zero->bob 5", "move token#8 zero->bob 6"],
            ),
            (
                "burnBatch(address,uint256[],uint256[])",
                json!([BOB, [7], [5]]),
                &["move token#7 bob->zero 5"],
            ),
        ],
    );
}

#[test]
fn owners_pauses_and_upgrades_are_powers() {
    check(
        &[Ownable, Pausable, Upgradeable],
        &[
            (
                "transferOwnership(address)",
                json!([BOB]),
                &["power ownership token by me to bob"],
            ),
            (
                "renounceOwnership()",
                json!([]),
                &["power ownership token by me to zero"],
            ),
            (
                "acceptOwnership()",
                json!([]),
                &["power ownership token by me to me"],
            ),
            ("pause()", json!([]), &["power pause token by me"]),
            ("unpause()", json!([]), &["power unpause token by me"]),
            (
                "upgradeTo(address)",
                json!([COIN]),
                &["power upgrade token by me to coin"],
            ),
            (
                "upgradeToAndCall(address,bytes)",
                json!([COIN, "0x"]),
                &["power upgrade token by me to coin"],
            ),
            (
                "upgradeToAndCall(address,bytes)",
                json!([COIN, "0x01"]),
                &[
                    "power upgrade token by me to coin",
                    "incomplete delegate_call",
                ],
            ),
            (
                "changeAdmin(address)",
                json!([BOB]),
                &["power ownership token by me to bob"],
            ),
        ],
    );
    check(
        &[ProxyAdmin],
        &[
            (
                "upgrade(address,address)",
                json!([COIN, ALICE]),
                &["power upgrade coin by me to alice"],
            ),
            (
                "upgradeAndCall(address,address,bytes)",
                json!([COIN, ALICE, "0x"]),
                &["power upgrade coin by me to alice"],
            ),
            (
                "changeProxyAdmin(address,address)",
                json!([COIN, BOB]),
                &["power ownership coin by me to bob"],
            ),
        ],
    );
}

#[test]
fn a_vault_moves_its_asset_and_its_shares() {
    let mut scene = Scene::new(&[(COIN, &[Erc20])]);
    scene.register(TOKEN, &[Erc4626], |vault| {
        vault.underlying = Some(COIN.into())
    });
    let deposit = scene.call(TOKEN, "deposit(uint256,address)", json!([5, ALICE]));
    assert_eq!(
        deposit,
        ["move coin me->token 5", "move token zero->alice ?"]
    );
    let mint = scene.call(TOKEN, "mint(uint256,address)", json!([5, ALICE]));
    assert_eq!(mint, ["move coin me->token ?", "move token zero->alice 5"]);
    let arguments = json!([5, ALICE, BOB]);
    let withdraw = scene.call(
        TOKEN,
        "withdraw(uint256,address,address)",
        arguments.clone(),
    );
    assert_eq!(
        withdraw,
        ["move token bob->zero ?", "move coin token->alice 5"]
    );
    let redeem = scene.call(TOKEN, "redeem(uint256,address,address)", arguments);
    assert_eq!(
        redeem,
        ["move token bob->zero 5", "move coin token->alice ?"]
    );
    check(
        &[Erc4626],
        &[(
            "deposit(uint256,address)",
            json!([5, ALICE]),
            &["move token zero->alice ?", "incomplete unknown_underlying"],
        )],
    );
    scene.register(TOKEN, &[Erc4626], |vault| {
        vault.underlying = Some(STRANGE.into())
    });
    let strange = scene.call(TOKEN, "deposit(uint256,address)", json!([5, ALICE]));
    assert_eq!(strange.last().unwrap(), "incomplete unknown_underlying");
}

#[test]
fn a_wrapped_coin_is_created_and_ended_by_payments() {
    let scene = Scene::new(&[(TOKEN, &[Weth])]);
    let wrapped = ["move native me->token 5", "move token zero->me 5"];
    assert_eq!(scene.pay(TOKEN, 5, call("deposit()", json!([]))), wrapped);
    assert_eq!(scene.pay(TOKEN, 5, vec![]), wrapped);
    let withdrawn = scene.call(TOKEN, "withdraw(uint256)", json!([5]));
    assert_eq!(
        withdrawn,
        ["move token me->zero 5", "move native token->me 5"]
    );
    let celo = "0x471ece3750da237f93b8e339c536989b8978a438";
    let scene = Scene::new(&[(celo, &[Erc20])]);
    let transfer = scene.call(celo, "transfer(address,uint256)", json!([BOB, 5]));
    assert_eq!(transfer[1], "move native me->bob 5");
}

#[test]
fn permit2_acts_on_tokens() {
    let permit2 = SENDER;
    let scene = Scene::new(&[(permit2, &[Permit2]), (TOKEN, &[Erc20])]);
    let unlimited = "1461501637330902918203684832716283019655932542975";
    let approve = "approve(address,address,uint160,uint48)";
    let of = |signature: &str, arguments: Value| scene.call(permit2, signature, arguments);
    let granted = of(approve, json!([TOKEN, BOB, 5, 9]));
    assert_eq!(granted, ["grant token me->bob 5"]);
    let granted = of(approve, json!([TOKEN, BOB, unlimited, 9]));
    assert_eq!(granted, ["grant token me->bob all"]);
    let granted = of(approve, json!([STRANGE, BOB, 5, 9]));
    assert_eq!(
        granted,
        ["grant strange me->bob 5", "incomplete unknown_underlying"]
    );
    let moved = ["move token alice->bob 5"];
    let transfer = "transferFrom(address,address,uint160,address)";
    assert_eq!(of(transfer, json!([ALICE, BOB, 5, TOKEN])), moved);
    let strange = of(transfer, json!([ALICE, BOB, 5, STRANGE]));
    assert_eq!(strange.last().unwrap(), "incomplete unknown_contract at 0");
    let batch = "transferFrom((address,address,uint160,address)[])";
    assert_eq!(of(batch, json!([[[ALICE, BOB, 5, TOKEN]]])), moved);
    let single = "permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)";
    let permit = json!([ALICE, [[TOKEN, 5, 9, 0], BOB, 9], "0x01"]);
    assert_eq!(of(single, permit), ["grant token alice->bob 5"]);
    let signed = "permitTransferFrom(((address,uint256),uint256,uint256),(address,uint256),\
                  address,bytes)";
    let arguments = json!([[[TOKEN, 9], 0, 9], [BOB, 5], ALICE, "0x01"]);
    assert_eq!(of(signed, arguments), moved);
    let lockdown = of("lockdown((address,address)[])", json!([[[TOKEN, BOB]]]));
    let revoked = format!("power grant_revocation sender by me to bob {TOKEN}");
    assert_eq!(lockdown, [revoked]);
}
