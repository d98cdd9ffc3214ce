//! Which locale the test cluster sorts by: en_US.UTF-8, else another that is not C, so that text
//! which lacks `COLLATE "C"` sorts otherwise than on SQLite and a test sees it.

use std::process::Command;

/// The arguments of `initdb` that choose the locale.
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
        // The C library has none: PostgreSQL 15 and newer bring ICU's.
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
