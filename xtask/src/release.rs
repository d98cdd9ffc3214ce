//! `cargo xtask release`: builds the release binary and checks that it contains no fail points.

use crate::run;
use crate::torture::fail_points;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// The variable that activates fail points, in parts so that the whole name is not in a checked
/// binary.
const VARIABLE: [&str; 2] = ["FLORIN", "FAIL"];

pub(crate) fn run() -> Result<()> {
    let binary = build()?;
    let size = std::fs::metadata(&binary)?.len() >> 20;
    println!("{}: {size} MiB, no fail points", binary.display());
    Ok(())
}

/// Build the release binary. Fails if it contains fail points.
pub(crate) fn build() -> Result<PathBuf> {
    run::succeed(run::cargo().args(["build", "--release", "--locked", "--package", "florin"]))?;
    let binary = run::target().join("release").join("florin");
    check(&binary)?;
    Ok(binary)
}

/// Check that a binary contains neither the variable nor the name of a fail point.
fn check(binary: &Path) -> Result<()> {
    let bytes = std::fs::read(binary).with_context(|| binary.display().to_string())?;
    let names = contained(&bytes, &forbidden_names()?);
    ensure!(
        names.is_empty(),
        "{} contains fail points and must not be released: {}",
        binary.display(),
        names.join(", ")
    );
    Ok(())
}

fn forbidden_names() -> Result<Vec<String>> {
    Ok(std::iter::once(VARIABLE.join("_"))
        .chain(fail_points::all()?)
        .collect())
}

fn contained(bytes: &[u8], names: &[String]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes); // str::contains is fast even in an unoptimized build
    names
        .iter()
        .filter(|name| text.contains(name.as_str()))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_with_the_variable_or_a_fail_point_is_rejected() {
        let names = forbidden_names().expect("fail points are documented");
        assert!(names.len() > 10, "{names:?}");
        for name in &names {
            let bytes = [b"\x7fELF\0\0".as_slice(), name.as_bytes(), b"\0\xff"].concat();
            assert_eq!(contained(&bytes, &names), std::slice::from_ref(name));
            let file = tempfile::NamedTempFile::new().expect("a temporary file");
            std::fs::write(file.path(), &bytes).expect("written");
            assert!(
                check(file.path())
                    .expect_err("rejected")
                    .to_string()
                    .contains(name.as_str())
            );
        }
        assert!(contained(b"nothing of it, submit signed", &names).is_empty());
    }
}
