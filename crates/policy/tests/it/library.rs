//! The Rego that ships with Florin passes its tests on stock OPA. The evaluator that Florin uses is
//! compared with OPA in `src/rego/differential`.

use std::process::Command;

#[test]
fn every_rego_test_passes_on_stock_opa() {
    let Some(opa) = testkit::opa::program() else {
        return;
    };
    for arguments in [["test", "--verbose"], ["check", "--strict"]] {
        let output = Command::new(&opa)
            .args(arguments)
            .arg(testkit::workspace_root().join("policies"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}{errors}");
    }
}
