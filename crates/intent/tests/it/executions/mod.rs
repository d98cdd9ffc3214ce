//! Every call of the standards that moves value or power, executed on a real chain: the declared
//! moves, grants and powers contain every balance, allowance, role and owner that changed.

mod code;
mod contain;
mod facts;
mod issuers;
mod openzeppelin;
mod own;
mod published;
mod suites;
mod world;

use world::{Row, World};

type Scenario = (&'static str, fn(&mut World));

/// Contracts that are compiled here, or are part of the installed library.
const INSTALLED: &[Scenario] = &[
    ("native", openzeppelin::native),
    ("roles, permit, ERC-1363", openzeppelin::role_token),
    ("unknown contracts", openzeppelin::unknown),
    ("ambiguous calls", openzeppelin::ambiguous),
    ("ERC-2612", openzeppelin::permit),
    ("multicall", openzeppelin::multicall),
    ("owner in two steps", openzeppelin::owned_token),
    ("ERC-4626", openzeppelin::vault),
    ("ERC-721", openzeppelin::collectible),
    ("ERC-1155", openzeppelin::items),
    ("UUPS", openzeppelin::uups),
    ("transparent proxy, beacon", openzeppelin::transparent),
    ("timelock", openzeppelin::timelock),
    ("wrapped coin", openzeppelin::wrapped_coin),
    ("vesting wallet", openzeppelin::vesting_wallet),
    ("ERC-677, ERC-223", own::calling_token),
    ("ERC-3009", own::authorized_token),
    ("ERC-1400", own::partition_token),
    ("ERC-7943", own::restricted_token),
    ("EIP-7702, ERC-7821", own::delegate),
    ("EIP-7702, ERC-7579", own::modular_account),
    ("ERC-2771", own::forwarder),
    ("ERC-7943 collections", own::restricted_collections),
    ("administrator in two steps", issuers::guarded_token),
    ("permit of DAI", issuers::dai_token),
    ("calls of USDC", issuers::fiat_token),
    ("calls of USDT", issuers::tether_token),
    ("Multicall3", issuers::multicall3),
];

#[test]
fn effects_contain_every_change_of_calls_of_installed_contracts() {
    let Some(world) = World::start() else {
        return;
    };
    execute(world, INSTALLED);
}

#[test]
fn effects_contain_every_change_of_calls_of_published_contracts() {
    if !code::has_published() {
        testkit::skip("contracts/corpus/bytecodes.jsonl: run node contracts/corpus/collect.mjs");
        return;
    }
    let Some(world) = World::start() else {
        return;
    };
    execute(world, published::SCENARIOS);
}

fn execute(mut world: World, scenarios: &[Scenario]) {
    for (name, scenario) in scenarios {
        world.run(name, *scenario);
    }
    print(&world.rows);
    let count = world.problems.len();
    assert!(
        count == 0,
        "{count} problems:\n{}",
        world.problems.join("\n")
    );
}

/// Prints the table of calls.
#[expect(
    clippy::print_stdout,
    reason = "the table is for people who run the test"
)]
fn print(rows: &[Row]) {
    for row in rows {
        let complete = if row.complete {
            "complete"
        } else {
            "incomplete"
        };
        let (changes, undeclared) = (row.changes, row.undeclared);
        println!(
            "{:<26} {:<16} {:<76} {complete:<10} {changes:>2} changes, {undeclared} undeclared",
            row.scenario, row.contract, row.call
        );
    }
    let complete = rows.iter().filter(|row| row.complete).count();
    println!("{} calls, {complete} complete", rows.len());
}
