//! `cargo xtask release`: the binary as it is shipped, looked through for what must not be in it.

use crate::torture::places;
use crate::{Outcome, run};
use std::path::{Path, PathBuf};

/// What says at which places a process breaks. Put together here, so that the name stands whole in
/// nothing that is looked through.
const VARIABLE: [&str; 2] = ["FLORIN", "FAIL"];

pub(crate) fn run() -> Outcome {
    let binary = build()?;
    let size = std::fs::metadata(&binary)
        .map_err(|error| error.to_string())?
        .len()
        >> 20;
    println!("{}: {size} MiB, without a place to fail", binary.display());
    Ok(())
}

/// Build the binary in release. One that knows places to fail is refused.
pub(crate) fn build() -> Result<PathBuf, String> {
    run::succeed(run::cargo().args(["build", "--release", "--locked", "--package", "florin"]))?;
    let binary = run::target().join("release").join("florin");
    check(&binary)?;
    Ok(binary)
}

/// A binary in which neither the variable nor a place is found, by their bytes.
fn check(binary: &Path) -> Outcome {
    let bytes = std::fs::read(binary).map_err(|error| format!("{}: {error}", binary.display()))?;
    match found(&bytes, &words()?) {
        words if words.is_empty() => Ok(()),
        words => Err(format!(
            "{} knows places to fail, and must not be shipped: {}",
            binary.display(),
            words.join(", ")
        )),
    }
}

fn words() -> Result<Vec<String>, String> {
    Ok(std::iter::once(VARIABLE.join("_"))
        .chain(places::all()?)
        .collect())
}

fn found(bytes: &[u8], words: &[String]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes); // the library's search is quick, also in a build that is not
    words
        .iter()
        .filter(|word| text.contains(word.as_str()))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_knows_a_place_or_the_variable_is_refused() {
        let words = words().expect("the places are documented");
        assert!(words.len() > 10, "{words:?}");
        for word in &words {
            let bytes = [b"\x7fELF\0\0".as_slice(), word.as_bytes(), b"\0\xff"].concat();
            assert_eq!(found(&bytes, &words), std::slice::from_ref(word));
            let file = tempfile::NamedTempFile::new().expect("a temporary file");
            std::fs::write(file.path(), &bytes).expect("written");
            assert!(
                check(file.path())
                    .expect_err("refused")
                    .contains(word.as_str())
            );
        }
        assert!(found(b"nothing of it, submit signed", &words).is_empty());
    }
}
