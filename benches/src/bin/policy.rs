//! Policy: evaluations of `limit.rego` per second and core, decisions per second on PostgreSQL, and
//! the evaluations of an OPA server on the same document and input in the same run.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

use async_trait::async_trait;
use benches::{Options, Report, median};
use clap::Parser as _;
use intent::{FeeLimits, FeeTerms, Intent};
use policy::{
    AccountInfo, Contracts, DecisionFilter, DecisionRequest, Evaluator, LocalSigner, NewPolicy,
    NewVersion, NoApiKeys, NoLookups, Parts, Policy, Purpose, Settings, Target, Verdict, WalletRef,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Config, Db, LeaseClock};
use testkit::postgres::Cluster;
use testkit::{ManualClock, SeededEntropy};
use types::{Amount, ChainId, Namespace, Page, Principal, PrincipalKind, Role, Ulid, WalletId};
use zeroize::Zeroizing;

const DOCUMENT: &str = include_str!("../../../policies/limit.rego");
const SIGNER: &str = "0x5e1f00000000000000000000000000000000005e";
const RECEIVER: &str = "0xb0b0000000000000000000000000000000000b0b";
/// Connections to the OPA server, and callers of `decide`.
const CALLERS: usize = 8;
/// Requests decided together, as a turn of `submit` does.
const BATCH: usize = 200;

/// Knows that every account has no code.
struct Accounts;

#[async_trait]
impl Contracts for Accounts {
    async fn known(
        &self,
        _: &Namespace,
        _: &ChainId,
        addresses: &[String],
    ) -> Result<BTreeMap<String, AccountInfo>, String> {
        let known = addresses.iter().map(|a| (a.clone(), AccountInfo::NoCode));
        Ok(known.collect())
    }
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let quick = Options::parse().quick;
    let (rounds, round) = match quick {
        true => (3, Duration::from_secs(1)),
        false => (7, Duration::from_secs(3)),
    };
    let cluster = Cluster::start(&testkit::postgres::Options::durable()).unwrap();
    let policy = engine(&cluster).await;
    let input = first_input(&policy).await;
    let evaluator = Evaluator::new(DOCUMENT).unwrap();
    assert!(evaluator.permits(&input));
    let opa = testkit::opa::start();
    if let Some(opa) = &opa {
        let mut connection = opa.connect();
        // Twice, because some packages of the library use others.
        for last in [false, true] {
            for (name, text) in library() {
                let stored = connection.put(&name, &text);
                assert!(!last || stored.is_ok(), "{name}: {stored:?}");
            }
        }
        connection.put("limit", DOCUMENT).unwrap();
    }

    let mut report = Report::default();
    report.table("limit.rego", &["evaluate/s core", "decide/s", "OPA/s"]);
    let (mut evaluated, mut decided, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let evaluator = &evaluator;
        evaluated.push(rate(round, || {
            assert!(evaluator.permits(&input));
            1
        }));
        decided.push(decisions(&policy, round).await);
        if let Some(opa) = &opa {
            asked.push(opa_rate(opa, &input, round));
        }
        let last = [evaluated.last(), decided.last(), asked.last()];
        let cells = last.map(|value| value.map_or("-".to_owned(), |value| format!("{value:.0}")));
        report.row(&cells);
    }
    report.value("evaluate_per_s_core", median(&evaluated));
    report.value("decide_per_s", median(&decided));
    report.value("opa_per_s", median(&asked));
    report.value("ratio", median(&decided) / median(&asked));
    report.finish();
}

/// The library's documents by name.
fn library() -> Vec<(String, String)> {
    let folder = testkit::workspace_root().join("policies/lib");
    let files = std::fs::read_dir(folder).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let texts = paths.filter(|path| !path.to_string_lossy().ends_with("_test.rego"));
    texts
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// How many items a step makes per second.
fn rate(round: Duration, mut step: impl FnMut() -> usize) -> f64 {
    let (started, mut count) = (Instant::now(), 0);
    while started.elapsed() < round {
        for _ in 0..16 {
            count += step();
        }
    }
    count as f64 / started.elapsed().as_secs_f64()
}

fn opa_rate(opa: &testkit::opa::Opa, input: &str, round: Duration) -> f64 {
    let ask = || {
        let mut connection = opa.connect();
        rate(round, || {
            let answer = connection.value_of_text("florin/limit/allow", input);
            assert_eq!(answer, Ok(Some(true.into())));
            1
        })
    };
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(ask)).collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .sum()
    })
}

async fn decisions(policy: &Policy, round: Duration) -> f64 {
    let batch = vec![request(); BATCH];
    let started = Instant::now();
    let callers = (0..CALLERS).map(|_| async {
        let mut count = 0;
        while started.elapsed() < round {
            let verdicts = policy::decide(policy, &batch).await.unwrap();
            let permitted = |verdict: &Verdict| matches!(verdict, Verdict::Permit { .. });
            assert!(verdicts.iter().all(permitted));
            count += verdicts.len();
        }
        count
    });
    let counts = futures::future::join_all(callers).await;
    counts.iter().sum::<usize>() as f64 / started.elapsed().as_secs_f64()
}

async fn engine(cluster: &Cluster) -> Policy {
    let config = Config::Postgres {
        url: cluster.create_database("policy"),
        writers: 8,
        readers: 4,
    };
    let (clock, entropy) = (
        Arc::new(ManualClock::default()),
        Arc::new(SeededEntropy::new(1)),
    );
    let db = Db::open(config, clock, entropy, LeaseClock::Injected)
        .await
        .unwrap();
    let lease = db.lease("policy/0", 3_600_000).await.unwrap().unwrap();
    let signer = LocalSigner::from_seed(&Zeroizing::new([7; 32])).unwrap();
    let parts = Parts {
        db,
        lease,
        signer: Arc::new(signer),
        lookups: Arc::new(NoLookups),
        contracts: Arc::new(Accounts),
        api_keys: Arc::new(NoApiKeys),
    };
    let policy = Policy::new(parts, Settings::default());
    let controller = principal(Role::Controller);
    policy::put_policy(&policy, &controller, "limit", NewPolicy::default())
        .await
        .unwrap();
    let version = NewVersion {
        description: String::new(),
        document: DOCUMENT.to_owned(),
        example_input: None,
    };
    policy::add_version(&policy, &controller, "limit", version)
        .await
        .unwrap();
    policy::attach(&policy, &controller, "limit", Target::Namespace)
        .await
        .unwrap();
    policy
}

/// The input of a decision, as it is logged.
async fn first_input(policy: &Policy) -> String {
    policy::decide(policy, &[request()]).await.unwrap();
    let controller = principal(Role::Controller);
    let (filter, page) = (DecisionFilter::default(), Page::default());
    let page = policy::decisions(policy, &controller, &filter, &page).await;
    let decision = page.unwrap().items.remove(0);
    let decision = policy::decision(policy, &controller, decision.id)
        .await
        .unwrap();
    decision.input.as_str().to_owned()
}

fn principal(role: Role) -> Principal {
    Principal {
        id: "anna".into(),
        kind: PrincipalKind::Person,
        namespace: testkit::namespace("bench"),
        roles: vec![role],
        key: None,
        chain_of: Vec::new(),
        trace: None,
    }
}

fn request() -> DecisionRequest {
    let value = "1000000000000000000".parse().unwrap();
    DecisionRequest {
        initiator: principal(Role::Operator),
        subject: "sub:1".into(),
        purpose: Purpose::Act,
        intent: Intent::call(
            ChainId::evm(1337),
            SIGNER.into(),
            Some(RECEIVER.into()),
            value,
            Vec::new(),
        ),
        interface: None,
        quote: FeeTerms {
            gas: 21_000,
            fee_per_gas: Amount::from(10),
            tip: Amount::from(1),
            total_fee: Amount::from(210_000),
            l1_fee: Amount::ZERO,
        },
        limits: FeeLimits {
            max_tip: Amount::MAX,
            max_fee_per_gas: Amount::MAX,
            max_total_fee: Amount::MAX,
            floor: Amount::ZERO,
        },
        wallet: Some(WalletRef {
            id: WalletId::from_ulid(Ulid::from_bits(1)),
            name: "treasury".into(),
            kind: "org".into(),
        }),
        key: None,
        task: None,
        assets: Vec::new(),
        policies: Vec::new(),
        labels: BTreeMap::new(),
        approvals: Vec::new(),
    }
}
