//! A real cluster, private to this process.

use testkit::postgres::{Cluster, Options, fresh_database};
use testkit::wait_until;

#[test]
fn each_test_gets_an_empty_database_of_one_cluster() {
    let (Some(one), Some(two)) = (fresh_database(), fresh_database()) else {
        return;
    };
    assert_ne!(one.url(), two.url());
    assert_eq!(
        one.url().rsplit_once('/').unwrap().0,
        two.url().rsplit_once('/').unwrap().0
    );
    one.psql("CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (1), (2)");
    assert_eq!(one.psql("SELECT sum(n), count(*) FROM t"), "3|2");
    assert_eq!(
        two.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        "0"
    );
}

#[test]
fn it_listens_on_loopback_only_and_does_not_sort_as_c_does() {
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
fn a_dropped_database_is_gone_from_the_cluster() {
    let (Some(kept), Some(gone)) = (fresh_database(), fresh_database()) else {
        return;
    };
    let name = gone.url().rsplit_once('/').unwrap().1.to_owned();
    let count = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(kept.psql(&count), "1");
    drop(gone);
    assert_eq!(kept.psql(&count), "0");
}

#[test]
fn a_cluster_for_benchmarks_waits_for_the_disk_and_leaves_nothing_behind() {
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
