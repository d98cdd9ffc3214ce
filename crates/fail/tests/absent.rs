//! Without the feature nothing of the places is in a binary.
#![cfg(not(feature = "fail-points"))]
#![allow(clippy::unwrap_used)]

#[tokio::test]
async fn a_place_is_nothing() {
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
        return; // without optimisation the name stays as an argument that nobody reads
    }
    let place = ["fail", "absent"].join(".");
    assert!(
        !binary
            .windows(place.len())
            .any(|window| window == place.as_bytes()),
        "{place} is in the binary"
    );
}
