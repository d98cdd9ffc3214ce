//! Rows that Florin did not write: an unreadable column is an error that names it.

use crate::world::World;
use submit::{Error, State};
use testkit::on_each_engine;

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
            let read = submit::submission(&world.submit, &world.principal, id).await;
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

/// Copies each paused submission. The copy differs in one place from the end of the id.
async fn double(world: &World, place: u32) {
    let id = format!(
        "substr(id, 1, length(id) - {place})
           || CASE substr(id, length(id) - {place} + 1, 1) WHEN 'Z' THEN 'Y' ELSE 'Z' END
           || substr(id, length(id) - {place} + 2)"
    );
    for statement in [
        "CREATE TABLE copied AS SELECT * FROM submission WHERE state = 'paused'",
        &format!("UPDATE copied SET id = {id}, lane_index = lane_index + 10000 * (1 << {place})"),
        "INSERT INTO submission SELECT * FROM copied",
        "DROP TABLE copied",
    ] {
        world.execute(statement).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_a_lane_resumes_all_its_paused_submissions() {
    const ENQUEUED: u32 = 24;
    /// More than one transaction may have statements.
    const COUNT: u32 = (ENQUEUED - 4) << 8;
    on_each_engine(|test| async move {
        let Some(world) = World::new(test).await else {
            return;
        };
        let payments = (0..ENQUEUED).map(|_| world.enqueue(world.payment(1)));
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
        for place in 1..=8 {
            double(&world, place).await;
        }
        let paused = || async {
            let metrics = submit::metrics(&world.submit).await.unwrap();
            let states = metrics.states.into_iter();
            let paused = states.filter(|(_, state, _)| *state == State::Paused);
            paused.map(|(_, _, count)| count).sum::<i64>()
        };
        assert_eq!(paused().await, i64::from(COUNT));
        submit::resume_lane(&world.submit, &world.principal, &world.chain(), &world.signer, "ok")
            .await
            .unwrap();
        assert_eq!(paused().await, 0);
    })
    .await;
}
