//! Lookups of registered contracts.

use crate::world::{BOB, World, pay};
use intent::Standard;
use policy::ReasonCode;
use testkit::on_each_engine;

const TOKEN: &str = "0x70c0000000000000000000000000000000000070";

/// A document that asks for an account, and allows under a condition on the answer.
fn asking(address: &str, condition: &str) -> String {
    format!(
        "package florin.asking\n\
         lookups := {{\"it\": {{\"from\": \"contract\", \"args\": {{\"chain\": input.chain.id, \"address\": \"{address}\"}}}}}}\n\
         default allow := false\n\
         allow if {{ {condition} }}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_looked_up_in_the_registry() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        let token = "input.lookups.it.decimals == 6; \"erc20\" in input.lookups.it.standards";
        world.attach("asking", &asking(TOKEN, token)).await;
        let code = world.denial(&pay("1")).await[0].code;
        assert_eq!(code, ReasonCode::NotAllowed);
        world.contracts.register(TOKEN, Standard::Erc20, None);
        world.permit(&pay("1")).await;
        let upper = TOKEN.to_uppercase().replace('X', "x");
        world.upload("asking", &asking(&upper, token)).await;
        world.permit(&pay("1")).await;
        world
            .upload("asking", &asking(BOB, "input.lookups.it == null"))
            .await;
        world.permit(&pay("1")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_cannot_be_looked_up_denies() {
    on_each_engine(|test| async move {
        let world = World::new(&test).await;
        world.attach("asking", &asking("0x70c", "true")).await;
        assert_eq!(world.denial(&pay("1")).await[0].code, ReasonCode::Lookup);
        world.upload("asking", &asking(TOKEN, "true")).await;
        world.permit(&pay("1")).await;
        let failure = Some("the database is gone".to_owned());
        *world.contracts.failure.lock().unwrap() = failure;
        let reasons = world.denial(&pay("1")).await;
        assert!(
            reasons
                .iter()
                .any(|reason| reason.code == ReasonCode::Lookup)
        );
    })
    .await;
}
