//! The locale of the test cluster: en_US.UTF-8, or another one that is not C, so that text without
//! `COLLATE "C"` sorts differently than on SQLite and a test fails.

use std::process::Command;

/// The locale arguments of `initdb`.
pub(super) fn arguments() -> Vec<String> {
    let installed = Command::new("locale")
        .arg("-a")
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    choose(&String::from_utf8_lossy(&installed))
}

fn choose(installed: &str) -> Vec<String> {
    let unicode = |name: &&str| {
        let name = name.to_ascii_lowercase();
        (name.ends_with(".utf8") || name.ends_with(".utf-8"))
            && !name.starts_with("c.")
            && !name.starts_with("posix")
    };
    let mut candidates: Vec<&str> = installed.lines().map(str::trim).filter(unicode).collect();
    candidates.sort_unstable_by_key(|name| !name.starts_with("en_US."));
    match candidates.first() {
        Some(name) => vec![format!("--locale={name}")],
        // No suitable libc locale: PostgreSQL 15 and newer support ICU.
        None => [
            "--locale=C.UTF-8",
            "--locale-provider=icu",
            "--icu-locale=en-US",
        ]
        .map(String::from)
        .to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn prefers_en_us_and_never_takes_c() {
        assert_eq!(
            choose("C\nC.utf8\nde_DE.utf8\nen_US.utf8\nPOSIX\n"),
            ["--locale=en_US.utf8"]
        );
        assert_eq!(
            choose("C\nC.UTF-8\nde_DE\nde_DE.utf8\n"),
            ["--locale=de_DE.utf8"]
        );
        assert!(choose("C\nC.utf8\nPOSIX\n").contains(&"--icu-locale=en-US".to_owned()));
    }
}
