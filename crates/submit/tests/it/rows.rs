//! Rows that Florin did not write: an unreadable column is an error that names it.

use crate::world::World;
use submit::{Error, Filter, State};
use testkit::on_each_engine;
use types::Page;

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_column_is_an_error_that_names_it() {
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        for (column, damaged) in [
            ("outcome", "'exploded'"),
            ("state", "'lost'"),
            ("context", "'[1]'"),
            ("permit", "'{}'"),
            ("version", "-1"),
        ] {
            let id = world.enqueue(world.payment(5)).await;
            world
                .execute(&format!("UPDATE submission SET {column} = {damaged}"))
                .await;
            let read = submit::get(&world.submit, &world.principal, id).await;
            let Err(Error::Store(store::Error::UnexpectedValue { column: named, .. })) = read
            else {
                panic!("{column} = {damaged} is read as {read:?}");
            };
            assert_eq!(named, column);
            world.execute("DELETE FROM submission").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_a_lane_resumes_all_its_paused_submissions() {
    const COUNT: u32 = 450;
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let payments = (0..COUNT).map(|_| world.enqueue(world.payment(1)));
        futures::future::join_all(payments).await;
        for _ in 0..3 {
            world.turn().await;
        }
        world
            .execute("UPDATE submission_lane SET paused = 'by hand'")
            .await;
        world
            .execute("UPDATE submission SET state = 'paused', paused_from = state WHERE state = 'permitted'")
            .await;
        let paused = || async {
            let filter = Filter {
                state: Some(State::Paused),
                ..Filter::default()
            };
            let page = Page {
                limit: COUNT,
                ..Page::default()
            };
            let submissions = submit::list(&world.submit, &world.principal, filter, page).await;
            submissions.unwrap().len()
        };
        assert!(paused().await > 400);
        submit::resume_lane(&world.submit, &world.principal, &world.chain(), &world.signer, "ok")
            .await
            .unwrap();
        assert_eq!(paused().await, 0);
    })
    .await;
}
