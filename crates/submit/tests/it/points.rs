//! What is built without asking for places to fail has none.

#[test]
fn this_binary_has_no_place_to_fail() {
    let variable = ["FLORIN", "FAIL"].join("_");
    let binary = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let has = binary
        .windows(variable.len())
        .any(|window| window == variable.as_bytes());
    assert!(
        !has,
        "{variable} is read by what was built without the feature"
    );
}
