//! A binary built without the fail-point feature contains no fail points.

#[test]
fn a_build_without_the_feature_has_no_fail_points() {
    // Joined at run time, so that the name is not in this binary because of this test.
    let variable = ["FLORIN", "FAIL"].join("_");
    let binary = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let has = binary
        .windows(variable.len())
        .any(|window| window == variable.as_bytes());
    assert!(!has, "the binary reads {variable}");
}
