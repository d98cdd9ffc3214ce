//! Every failure is a denial, and affects only its own request.

use crate::world::{ALLOW_ALL, SELF, World, chain, new_version, pay, request};
use intent::{Act, Intent};
use policy::{Limits, NewPolicy, ReasonCode, Settings, Verdict, decide};
use testkit::on_each_engine;

fn short_timeouts() -> Settings {
    Settings {
        limits: Limits {
            lookup_ms: 50,
            ..Limits::default()
        },
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_without_an_answer_denies() {
    on_each_engine(|test| async move {
        let world = World::with(&test, short_timeouts()).await;
        let with_lookup = |from: &str| {
            format!("package florin.l\nallow := true\nlookups := {{\"x\": {{\"from\": \"{from}\", \"args\": {{}}}}}}")
        };
        for (from, message) in [
            ("broken", "l: broken failed: the connection is lost"),
            ("nowhere", "l: there is no lookup \"nowhere\""),
            ("silent", "l: silent did not answer within 50 ms"),
            ("price", "l: price answered with a number above 2^53"),
        ] {
            world.attach("l", &with_lookup(from)).await;
            let reasons = world.denial(&pay("1")).await;
            assert_eq!((reasons[0].code, reasons[0].to_string().as_str()), (ReasonCode::Lookup, message));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_exceeds_its_limits_denies() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let ten = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
        let loops = "some a in ten; some b in ten; some c in ten; some d in ten; some e in ten; some f in ten; a + b + c + d + e + f > 99";
        world.attach("loop", &format!("package florin.loop\nten := {ten}\nallow if {{ {loops} }}")).await;
        let reasons = world.denial(&pay("1")).await;
        assert_eq!(reasons[0].code, ReasonCode::NoAnswer);
        assert_eq!(reasons[0].text, "a rule took more than 100000 steps");

        let limits = Limits { instructions: usize::MAX, evaluation_ms: 20, ..Limits::default() };
        let lease = test.lease("policy/1").await;
        let settings = Settings { limits, ..Settings::default() };
        let timed = policy::Policy::new(world.parts(&test, lease), settings);
        let verdict = decide(&timed, &[pay("1")]).await.unwrap().remove(0);
        let Verdict::Denied { reasons, .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!(reasons[0].text, "a rule took longer than 20 ms");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_of_an_unknown_form_deny() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        for (rule, code) in [
            ("allow := \"true\"", ReasonCode::NotAllowed),
            ("allow := 1", ReasonCode::NotAllowed),
            ("allow if input.nothing.there", ReasonCode::NotAllowed),
            (
                "allow := true\ndeny contains {\"msg\": \"no\"}",
                ReasonCode::Denied,
            ),
            (
                "allow := true\nenvelope := {\"total_fee\": \"1e9\"}",
                ReasonCode::NoAnswer,
            ),
            (
                "allow := true\nenvelope := {\"total_fees\": \"1\"}",
                ReasonCode::NoAnswer,
            ),
            (
                "allow := true\nenvelope := {\"total_fee\": \"209999\"}",
                ReasonCode::Fee,
            ),
            ("allow := true\nlookups := [1]", ReasonCode::NoAnswer),
            (
                "allow := true\nlookups := {\"x\": \"address.labels\"}",
                ReasonCode::NoAnswer,
            ),
            // As in OPA, a failing function is undefined, so its negation is true.
            (
                "allow := true\ndeny contains \"x\" if not lower(input.labels)",
                ReasonCode::Denied,
            ),
            (
                "allow if lower(input.labels) == \"a\"",
                ReasonCode::NotAllowed,
            ),
            // Two values for one rule are an error.
            ("allow := true\nallow := false", ReasonCode::NoAnswer),
            (
                "allow := true\nenvelope := {}\nenvelope := {\"gas\": \"1\"} if input.signer",
                ReasonCode::NoAnswer,
            ),
            (
                "allow := true\nenvelope := {} if input.nothing",
                ReasonCode::NoAnswer,
            ),
            (
                "allow := true\nlookups := {} if input.nothing",
                ReasonCode::NoAnswer,
            ),
        ] {
            world
                .attach("p", &format!("package florin.p\n{rule}"))
                .await;
            let verdict = world.decide(&pay("1")).await;
            let Verdict::Denied { reasons, .. } = verdict else {
                panic!("{rule}: {verdict:?}")
            };
            assert_eq!(reasons[0].code, code, "{rule}: {reasons:?}");
        }
        world
            .attach(
                "p",
                "package florin.p\nallow := true\ndeny contains \"x\" if input.signer == \"0x\"",
            )
            .await;
        world.permit(&pay("1")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recursive_rules_deny() {
    on_each_engine(|test| async move {
        let world = World::with(
            &test,
            Settings {
                check_documents: false,
                ..Settings::default()
            },
        )
        .await;
        for rules in [
            "allow if q\nq if allow",
            "allow if f(1)\nf(x) if g(x)\ng(x) if f(x)",
            "allow if f(1)\nf(x) := y if { y := f(x + 1) }",
            "allow if data.florin.p[input.labels.rule]",
            "allow if data.florin[\"p\"].allow",
            "allow if count(data.florin.p) > 0",
        ] {
            world
                .attach("p", &format!("package florin.p\n{rules}"))
                .await;
            let mut request = pay("1");
            request.labels.insert("rule".into(), "allow".into());
            let verdict = world.decide(&request).await;
            assert!(
                matches!(verdict, Verdict::Denied { .. }),
                "{rules}: {verdict:?}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchecked_invalid_document_denies() {
    on_each_engine(|test| async move {
        let world = World::with(
            &test,
            Settings {
                check_documents: false,
                ..Settings::default()
            },
        )
        .await;
        world.attach("words", "plain words").await;
        assert_eq!(
            world.denial(&pay("1")).await[0].code,
            ReasonCode::NotCompiled
        );
        policy::put_policy(
            &world.policy,
            &world.principal,
            "empty",
            NewPolicy::default(),
        )
        .await
        .unwrap();
        policy::attach(
            &world.policy,
            &world.principal,
            "empty",
            policy::Target::Namespace,
        )
        .await
        .unwrap();
        let codes: Vec<_> = world
            .denial(&pay("1"))
            .await
            .iter()
            .map(|reason| reason.code)
            .collect();
        assert_eq!(codes, [ReasonCode::NotCompiled, ReasonCode::Missing]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_request_does_not_affect_the_others() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        let upper_case = Intent::call(chain(), SELF.to_uppercase(), None, 1u64.into(), vec![]);
        let no_json = Intent {
            chain: chain(),
            signer: SELF.into(),
            act: Act::TypedData { json: "{".into() },
        };
        let unknown = Intent::cancel("solana:mainnet".parse().unwrap(), "x".into());
        let mut nul = pay("1");
        nul.policies = vec!["\0".into()];
        nul.assets = vec!["\0".into()];
        let mut huge = pay("1");
        huge.labels.insert("a".into(), "x".repeat(2_000_000));
        let requests = [
            pay("1"),
            request(upper_case),
            request(no_json),
            request(unknown),
            nul,
            huge,
            pay("2"),
        ];
        let verdicts = decide(&world.policy, &requests).await.unwrap();
        let codes: Vec<_> = verdicts
            .iter()
            .map(|verdict| match verdict {
                Verdict::Denied { reasons, .. } => Some(reasons[0].code),
                _ => None,
            })
            .collect();
        let unreadable = Some(ReasonCode::Unreadable);
        assert_eq!(
            codes,
            [
                None,
                unreadable,
                unreadable,
                unreadable,
                Some(ReasonCode::Missing),
                unreadable,
                None
            ]
        );
        for verdict in &verdicts {
            policy::decision(&world.policy, &world.principal, verdict.decision())
                .await
                .unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verdict_is_given_after_a_lost_lease() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("yes", ALLOW_ALL).await;
        test.clock.advance_millis(testkit::LEASE_MS as i64 + 1);
        let _taken = test
            .db
            .lease("policy/0", testkit::LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        assert!(matches!(
            decide(&world.policy, &[pay("1")]).await,
            Err(policy::Error::Store(store::Error::Fenced { .. }))
        ));
        let rejected = policy::add_version(
            &world.policy,
            &world.principal,
            "yes",
            new_version(ALLOW_ALL),
        )
        .await;
        assert!(rejected.is_err());
    })
    .await;
}

/// The deepest document that compiles, with nested loops and comprehensions in each rule, fits the
/// stack of a thread.
#[tokio::test(flavor = "multi_thread")]
async fn the_deepest_document_is_evaluated() {
    on_each_engine(|test| async move {
        let limits = Limits { instructions: 10_000_000, evaluation_ms: 60_000, ..Limits::default() };
        let world = World::with(&test, Settings { limits, ..Settings::default() }).await;
        let inner = |next: &str| format!("every a in [1] {{ some b in [a]; every c in [b] {{ count([x | some d in [c]; x := count({{y | some e in [d]; y := {next}}})]) == 1 }} }}");
        let rules: Vec<String> = (0..62).map(|k| format!("r{k} := one if {{ one := 1; {} }}", inner(&format!("r{}", k + 1)))).collect();
        world.attach("deep", &format!("package florin.deep\nallow if r0 == 1\n{}\nr62 := 1", rules.join("\n"))).await;
        world.permit(&pay("1")).await;
    })
    .await;
}

/// A few lines can allocate more memory than there is, in one call or by repeated doubling.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_allocates_too_much_memory_denies() {
    on_each_engine(|test| async move {
        // Memory is the limit under test: a loaded machine must not reach the time limit first.
        let limits = Limits {
            evaluation_ms: 3_000,
            ..Limits::default()
        };
        let world = World::with(
            &test,
            Settings {
                limits,
                ..Settings::default()
            },
        )
        .await;
        let repeated = |count: u32, step: &str, end: &str| {
            let step = |n: u32| step.replace("{n}", &n.to_string()).replace("{m}", &(n - 1).to_string());
            let steps: Vec<String> = (1..count).map(step).collect();
            let first = format!("v0 := \"{}\"\n  w0 := [v0]\n  x0 := 9007199254740992", "x".repeat(900));
            format!("allow if {{\n  {first}\n  {}\n  {end}\n}}", steps.join("\n  "))
        };
        let doubled = |step: &str, end: &str| repeated(60, step, end);
        let (made, large) = ("a rule made more than 33554432 bytes", "a number is above 2^63");
        for (rules, message) in [
            ("allow if sprintf(\"%4000000000d\", [1]) != \"\"".to_owned(), made),
            (
                "allow if sprintf(\"%4000000000d\", [1])\ndeny contains 1 if not sprintf(\"%04000000000d\", [1])"
                    .to_owned(),
                made,
            ),
            ("allow if format_int(1, 10) == sprintf(\"%.4000000000f\", [1])".to_owned(), made),
            (doubled("v{n} := concat(\"\", [v{m}, v{m}])", "v9"), made),
            (doubled("v{n} := concat(v{m}, [\"x\", \"x\", \"x\"])", "v9"), made),
            (doubled("v{n} := sprintf(\"%s%s\", [v{m}, v{m}])", "v9"), made),
            (doubled("v{n} := replace(v{m}, \"x\", \"xx\")", "v9"), made),
            (doubled("v{n} := replace(v{m}, \"\", v{m})", "v9"), made),
            (doubled("w{n} := array.concat(w{m}, w{m})", "w9"), made),
            (doubled("w{n} := array.concat([w{m}], [w{m}])", "w9"), made),
            (doubled("x{n} := x{m} * x{m}", "x59 > 0"), large),
        ] {
            world.attach("bomb", &format!("package florin.bomb\n{rules}")).await;
            let reasons = world.denial(&pay("1")).await;
            assert_eq!((reasons[0].code, reasons[0].text.as_str()), (ReasonCode::NoAnswer, message), "{rules}");
        }
        for (step, last) in [("w{n} := array.concat([w{m}], [w{m}])", "w11"), ("v{n} := concat(\"\", [v0, v{m}, v{m}])", "v11")] {
            let rules = repeated(12, step, "true").replace("allow if", &format!("deny contains {last} if"));
            world.attach("bomb", &format!("package florin.bomb\nallow := true\n{rules}")).await;
            let reasons = world.denial(&pay("1")).await;
            assert!(reasons[0].text.ends_with(" has more than 1048576 bytes"), "{reasons:?}");
        }
    })
    .await;
}

/// An excessive allocation in a default or with the example input is rejected at upload.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_allocates_too_much_memory_is_rejected_with_its_example() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        policy::put_policy(
            &world.policy,
            &world.principal,
            "bomb",
            NewPolicy::default(),
        )
        .await
        .unwrap();
        for rules in [
            "default allow := sprintf(\"%4000000000d\", [1])",
            "allow if sprintf(\"%4000000000d\", [1]) != \"\"",
            "allow := true\ndeny contains sprintf(\"%4000000000d\", [1])",
            "x := sprintf(\"%4000000000d\", [1])\nallow if x != \"\"",
        ] {
            let example = Some(include_str!("../../../../policies/example.json").to_owned());
            let bomb = format!("package florin.bomb\n{rules}");
            let new = policy::NewVersion {
                description: String::new(),
                document: bomb,
                example_input: example,
            };
            assert!(
                policy::add_version(&world.policy, &world.principal, "bomb", new)
                    .await
                    .is_err(),
                "{rules}"
            );
        }
    })
    .await;
}

/// Terms, comprehensions and calls that nest as deep as they may do not overflow a thread's stack.
#[tokio::test(flavor = "multi_thread")]
async fn the_deepest_nesting_ends() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let nested = |open: &str, close: &str, times: usize| {
            let rule = |k: usize| {
                let (open, close) = (open.repeat(times), close.repeat(times));
                format!("r{k}(x) := {open}r{}(x){close}", k + 1)
            };
            let rules: Vec<String> = (0..60).map(rule).collect();
            format!(
                "package florin.deep\nallow if r0(1) != 7\n{}\nr60(x) := x",
                rules.join("\n")
            )
        };
        for document in [
            nested("object.get({\"a\": ", "}, \"a\", 1)", 6),
            nested("count([1 | 1 == ", "])", 12),
            nested("abs(0 + ", ")", 25),
            nested("[y | y := ", "][0]", 14),
        ] {
            world.attach("deep", &document).await;
            let verdict = world.decide(&pay("1")).await;
            if let Verdict::Denied { reasons, .. } = verdict {
                let why = &reasons[0].text;
                let expected = ["is nested too deep", "more than", "longer than", "allow"];
                assert!(expected.iter().any(|part| why.contains(part)), "{why}");
            }
        }
    })
    .await;
}
