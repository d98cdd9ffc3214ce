//! The calls of permissioned tokens and of issuers: forced transfers, freezes, registries.

use crate::scene::{ALICE, BOB, COIN, STRANGE};
use crate::standards::{ROLE, check};
use intent::Standard::*;
use serde_json::json;

#[test]
fn erc1400_security_tokens() {
    let partition = ROLE;
    let document = format!("power configuration token by me {ROLE}");
    let transfer: &[&str] = &["move token me->alice 5"];
    let from_bob: &[&str] = &["move token bob->alice 5"];
    let mint: &[&str] = &["move token zero->alice 5"];
    let burn: &[&str] = &["move token me->zero 5"];
    let burn_bob: &[&str] = &["move token bob->zero 5"];
    let grant: &[&str] = &["grant token me->bob all"];
    let revoke: &[&str] = &["power grant_revocation token by me to bob"];
    let forced = "power forced_transfer token by me to bob 5";
    check(
        &[Erc1400],
        &[
            (
                "transferWithData(address,uint256,bytes)",
                json!([ALICE, 5, "0x"]),
                transfer,
            ),
            (
                "transferFromWithData(address,address,uint256,bytes)",
                json!([BOB, ALICE, 5, "0x"]),
                from_bob,
            ),
            (
                "transferByPartition(bytes32,address,uint256,bytes)",
                json!([partition, ALICE, 5, "0x"]),
                transfer,
            ),
            (
                "transferByPartition(bytes32,address,uint256,bytes)",
                json!([partition, ALICE, 5, "0x01"]),
                &["move token me->alice 5", "incomplete hook_data at 0"],
            ),
            (
                "operatorTransferByPartition(bytes32,address,address,uint256,bytes,bytes)",
                json!([partition, BOB, ALICE, 5, "0x", "0x"]),
                from_bob,
            ),
            (
                "issue(address,uint256,bytes)",
                json!([ALICE, 5, "0x"]),
                mint,
            ),
            (
                "issueByPartition(bytes32,address,uint256,bytes)",
                json!([partition, ALICE, 5, "0x"]),
                mint,
            ),
            ("redeem(uint256,bytes)", json!([5, "0x"]), burn),
            (
                "redeemByPartition(bytes32,uint256,bytes)",
                json!([partition, 5, "0x"]),
                burn,
            ),
            (
                "redeemFrom(address,uint256,bytes)",
                json!([BOB, 5, "0x"]),
                burn_bob,
            ),
            (
                "operatorRedeemByPartition(bytes32,address,uint256,bytes)",
                json!([partition, BOB, 5, "0x"]),
                burn_bob,
            ),
            (
                "operatorRedeemByPartition(bytes32,address,uint256,bytes,bytes)",
                json!([partition, BOB, 5, "0x", "0x"]),
                burn_bob,
            ),
            ("authorizeOperator(address)", json!([BOB]), grant),
            (
                "authorizeOperatorByPartition(bytes32,address)",
                json!([partition, BOB]),
                grant,
            ),
            ("revokeOperator(address)", json!([BOB]), revoke),
            (
                "revokeOperatorByPartition(bytes32,address)",
                json!([partition, BOB]),
                revoke,
            ),
            (
                "controllerTransfer(address,address,uint256,bytes,bytes)",
                json!([BOB, ALICE, 5, "0x", "0x"]),
                &["move token bob->alice 5", forced],
            ),
            (
                "controllerRedeem(address,uint256,bytes,bytes)",
                json!([BOB, 5, "0x", "0x"]),
                &["move token bob->zero 5", forced],
            ),
            (
                "setDocument(bytes32,string,bytes32)",
                json!([ROLE, "https://example.com", ROLE]),
                &[&document],
            ),
            ("removeDocument(bytes32)", json!([ROLE]), &[&document]),
        ],
    );
}

#[test]
fn erc3643_permissioned_tokens() {
    check(
        &[Erc3643],
        &[
            (
                "transfer(address,uint256)",
                json!([ALICE, 5]),
                &["move token me->alice 5"],
            ),
            (
                "mint(address,uint256)",
                json!([BOB, 5]),
                &["move token zero->bob 5"],
            ),
            (
                "burn(address,uint256)",
                json!([BOB, 5]),
                &[
                    "move token bob->zero 5",
                    "power forced_transfer token by me to bob 5",
                ],
            ),
            (
                "forcedTransfer(address,address,uint256)",
                json!([BOB, ALICE, 5]),
                &[
                    "move token bob->alice 5",
                    "power forced_transfer token by me to bob 5",
                ],
            ),
            (
                "recoveryAddress(address,address,address)",
                json!([BOB, ALICE, COIN]),
                &[
                    "move token bob->alice ?",
                    "power recovery token by me to alice",
                ],
            ),
            (
                "batchTransfer(address[],uint256[])",
                json!([[ALICE, BOB], [5, 6]]),
                &["move token me->alice 5", "move token me->bob 6"],
            ),
            (
                "batchMint(address[],uint256[])",
                json!([[BOB], [5]]),
                &["move token zero->bob 5"],
            ),
            (
                "batchMint(address[],uint256[])",
                json!([[BOB], [5, 6]]),
                &["move token zero->bob 5", "incomplete unknown_argument"],
            ),
            (
                "batchBurn(address[],uint256[])",
                json!([[BOB], [5]]),
                &[
                    "move token bob->zero 5",
                    "power forced_transfer token by me to bob 5",
                ],
            ),
            (
                "batchForcedTransfer(address[],address[],uint256[])",
                json!([[BOB], [ALICE], [5]]),
                &[
                    "move token bob->alice 5",
                    "power forced_transfer token by me to bob 5",
                ],
            ),
            (
                "setAddressFrozen(address,bool)",
                json!([BOB, true]),
                &["power freeze token by me to bob"],
            ),
            (
                "batchSetAddressFrozen(address[],bool[])",
                json!([[BOB, ALICE], [true, false]]),
                &[
                    "power freeze token by me to bob",
                    "power unfreeze token by me to alice",
                ],
            ),
            (
                "freezePartialTokens(address,uint256)",
                json!([BOB, 5]),
                &["power freeze token by me to bob 5"],
            ),
            (
                "unfreezePartialTokens(address,uint256)",
                json!([BOB, 5]),
                &["power unfreeze token by me to bob 5"],
            ),
            (
                "addAgent(address)",
                json!([BOB]),
                &["power role_grant token by me to bob agent"],
            ),
            (
                "removeAgent(address)",
                json!([BOB]),
                &["power role_revocation token by me to bob agent"],
            ),
            (
                "setIdentityRegistry(address)",
                json!([COIN]),
                &["power configuration token by me to coin setIdentityRegistry"],
            ),
            (
                "setCompliance(address)",
                json!([COIN]),
                &["power configuration token by me to coin setCompliance"],
            ),
            (
                "setName(string)",
                json!(["Gold"]),
                &["power configuration token by me setName"],
            ),
            ("pause()", json!([]), &["power pause token by me"]),
            (
                "transferOwnership(address)",
                json!([BOB]),
                &["power ownership token by me to bob"],
            ),
        ],
    );
    check(
        &[Erc3643Registry],
        &[
            (
                "registerIdentity(address,address,uint16)",
                json!([BOB, COIN, 49]),
                &["power configuration token by me to bob registerIdentity"],
            ),
            (
                "addTrustedIssuer(address,uint256[])",
                json!([BOB, [1]]),
                &["power configuration token by me to bob addTrustedIssuer"],
            ),
            (
                "bindIdentityRegistry(address)",
                json!([COIN]),
                &[
                    "power role_grant token by me to coin agent",
                    "power configuration token by me to coin bindIdentityRegistry",
                ],
            ),
            (
                "callModuleFunction(bytes,address)",
                json!(["0x01020304", STRANGE]),
                &[
                    "power configuration token by me to strange callModuleFunction",
                    "incomplete unknown_contract at 0",
                ],
            ),
        ],
    );
}

#[test]
fn erc7943_and_issuers_of_stablecoins() {
    check(
        &[Erc20, Erc7943],
        &[
            (
                "forcedTransfer(address,address,uint256)",
                json!([BOB, ALICE, 5]),
                &[
                    "move token bob->alice 5",
                    "power forced_transfer token by me to bob 5",
                ],
            ),
            (
                "setFrozenTokens(address,uint256)",
                json!([BOB, 5]),
                &["power freeze token by me to bob 5"],
            ),
            (
                "setFrozenTokens(address,uint256)",
                json!([BOB, 0]),
                &["power unfreeze token by me to bob 0"],
            ),
        ],
    );
    check(
        &[Erc721, Erc7943],
        &[(
            "forcedTransfer(address,address,uint256)",
            json!([BOB, ALICE, 5]),
            &[
                "move token#5 bob->alice 1",
                "power forced_transfer token by me to bob 1",
            ],
        )],
    );
    check(
        &[FiatToken],
        &[
            (
                "mint(address,uint256)",
                json!([BOB, 5]),
                &["move token zero->bob 5"],
            ),
            ("burn(uint256)", json!([5]), &["move token me->zero 5"]),
            (
                "configureMinter(address,uint256)",
                json!([BOB, 5]),
                &["power role_grant token by me to bob minter 5"],
            ),
            (
                "removeMinter(address)",
                json!([BOB]),
                &["power role_revocation token by me to bob minter"],
            ),
            (
                "updateMasterMinter(address)",
                json!([BOB]),
                &["power role_grant token by me to bob masterMinter"],
            ),
            (
                "blacklist(address)",
                json!([BOB]),
                &["power freeze token by me to bob"],
            ),
            (
                "unBlacklist(address)",
                json!([BOB]),
                &["power unfreeze token by me to bob"],
            ),
            (
                "rescueERC20(address,address,uint256)",
                json!([STRANGE, BOB, 5]),
                &[
                    "move strange token->bob 5",
                    "incomplete unknown_contract at 0",
                ],
            ),
            (
                "transferOwnership(address)",
                json!([BOB]),
                &["power ownership token by me to bob"],
            ),
        ],
    );
    check(
        &[TetherToken],
        &[
            (
                "transfer(address,uint256)",
                json!([BOB, 5]),
                &["move token me->bob 5", "incomplete unknown_argument"],
            ),
            ("issue(uint256)", json!([5]), &["move token zero->me 5"]),
            ("redeem(uint256)", json!([5]), &["move token me->zero 5"]),
            (
                "addBlackList(address)",
                json!([BOB]),
                &["power freeze token by me to bob"],
            ),
            (
                "removeBlackList(address)",
                json!([BOB]),
                &["power unfreeze token by me to bob"],
            ),
            (
                "destroyBlackFunds(address)",
                json!([BOB]),
                &[
                    "move token bob->zero ?",
                    "power forced_transfer token by me to bob",
                ],
            ),
            (
                "deprecate(address)",
                json!([COIN]),
                &["power upgrade token by me to coin"],
            ),
            ("pause()", json!([]), &["power pause token by me"]),
        ],
    );
}
