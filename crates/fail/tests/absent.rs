//! Without the feature a binary contains nothing of the fail points.
#![cfg(not(feature = "fail-points"))]
#![allow(clippy::unwrap_used)]

#[tokio::test]
async fn a_fail_point_does_nothing() {
    assert_eq!(fail::point("fail.absent").await, Ok(()));
    let variable = ["FLORIN", "FAIL"].join("_");
    let binary = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(
        !binary
            .windows(variable.len())
            .any(|window| window == variable.as_bytes()),
        "{variable} is in the binary"
    );
    assert_eq!(size_of::<fail::Injected>(), 0);
    if cfg!(debug_assertions) {
        return; // without optimization the name stays as an unused argument
    }
    let name = ["fail", "absent"].join(".");
    assert!(
        !binary
            .windows(name.len())
            .any(|window| window == name.as_bytes()),
        "{name} is in the binary"
    );
}
