//! The private cluster of this process.

use testkit::postgres::{Cluster, Options, fresh_database};
use testkit::wait_until;

#[test]
fn each_test_gets_an_empty_database_in_a_shared_cluster() {
    let (Some(first), Some(second)) = (fresh_database(), fresh_database()) else {
        return;
    };
    assert_ne!(first.url(), second.url());
    assert_eq!(
        first.url().rsplit_once('/').unwrap().0,
        second.url().rsplit_once('/').unwrap().0
    );
    first.psql("CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (1), (2)");
    assert_eq!(first.psql("SELECT sum(n), count(*) FROM t"), "3|2");
    assert_eq!(
        second.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        "0"
    );
}

#[test]
fn the_cluster_listens_on_loopback_and_has_a_locale_other_than_c() {
    let Some(db) = fresh_database() else { return };
    assert_eq!(db.psql("SHOW listen_addresses"), "127.0.0.1");
    assert_eq!(db.psql("SHOW server_encoding"), "UTF8");
    assert_eq!(
        db.psql("SELECT string_agg(v, '' ORDER BY v) FROM (VALUES ('B'), ('a'), ('C')) AS x(v)"),
        "aBC"
    );
    assert_eq!(
        db.psql(r#"SELECT string_agg(v, '' ORDER BY v COLLATE "C") FROM (VALUES ('B'), ('a'), ('C')) AS x(v)"#),
        "BCa"
    );
}

#[test]
fn a_dropped_database_is_removed_from_the_cluster() {
    let (Some(remaining), Some(dropped)) = (fresh_database(), fresh_database()) else {
        return;
    };
    let name = dropped.url().rsplit_once('/').unwrap().1.to_owned();
    let count = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(remaining.psql(&count), "1");
    drop(dropped);
    assert_eq!(remaining.psql(&count), "0");
}

#[test]
fn a_durable_cluster_uses_fsync_and_is_removed_when_dropped() {
    if fresh_database().is_none() {
        return;
    }
    let settings = vec![("work_mem".to_owned(), "5MB".to_owned())];
    let cluster = Cluster::start(&Options {
        settings,
        ..Options::durable()
    })
    .unwrap();
    assert_eq!(cluster.psql("postgres", "SHOW fsync"), "on");
    assert_eq!(cluster.psql("postgres", "SHOW full_page_writes"), "on");
    assert_eq!(cluster.psql("postgres", "SHOW work_mem"), "5MB");
    let folder = cluster.psql("postgres", "SHOW data_directory");
    let pid = cluster.pid();
    drop(cluster);
    assert!(!std::path::Path::new(&folder).exists());
    assert!(wait_until(1_000, || !std::path::Path::new("/proc")
        .join(pid.to_string())
        .exists()));
}
