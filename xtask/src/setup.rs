//! `cargo xtask setup`: installs missing dependencies from Debian packages and npm. Fast if nothing
//! is missing. Runs apt-get as root or through sudo.

use anyhow::{Context, Result, anyhow, bail, ensure};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use testkit::workspace_root;

use crate::run;

/// Debian packages of PostgreSQL, in order of preference.
const POSTGRES: [&str; 2] = ["postgresql-15", "postgresql"];
const NO_ANVIL: &str = "npm has no anvil for this system: set FLORIN_ANVIL to the path of one";
/// Creates the locale of the test cluster. The cluster has a fallback, so a failure is not fatal.
const LOCALE: [&str; 5] = ["localedef", "-i", "en_US", "-f", "UTF-8"];

pub(crate) fn run() -> Result<()> {
    postgres()?;
    locale();
    npm_packages()?;
    if let Err(reason) = interface_corpus() {
        println!("setup: {reason:#}; tests on published interfaces are skipped");
    }
    if !testkit::anvil::is_installed() {
        println!("setup: {NO_ANVIL}, or tests that need it are skipped");
    }
    Ok(())
}

/// Install what the demo needs: a node, below this folder. Its database is embedded.
pub(crate) fn for_demo() -> Result<()> {
    npm_packages()?;
    ensure!(testkit::anvil::is_installed(), NO_ANVIL);
    Ok(())
}

fn postgres() -> Result<()> {
    if testkit::postgres::is_installed() {
        return Ok(());
    }
    println!("setup: PostgreSQL is missing");
    // The update may fail; the installation can still succeed with older package lists.
    let _ = run::succeed(root("apt-get").args(["update", "--quiet"]));
    let mut last = Err(anyhow!("no PostgreSQL package is available"));
    for package in POSTGRES {
        last = apt_install(package);
        if last.is_ok() {
            break;
        }
    }
    last?;
    ensure!(
        testkit::postgres::is_installed(),
        "PostgreSQL is installed but was not found: set FLORIN_POSTGRES_BIN"
    );
    Ok(())
}

fn locale() {
    let installed = run::read(Command::new("locale").arg("-a")).unwrap_or_default();
    if installed
        .lines()
        .any(|name| name.eq_ignore_ascii_case("en_US.utf8"))
    {
        return;
    }
    println!("setup: the locale en_US.UTF-8 is missing");
    let make = || run::succeed(root(LOCALE[0]).args(&LOCALE[1..]).arg("en_US.UTF-8"));
    if !Path::new("/usr/share/i18n/locales/en_US").exists() {
        let _ = apt_install("locales");
    }
    if let Err(reason) = make() {
        println!("setup: {reason:#}; the test cluster uses ICU's en-US instead");
    }
}

/// Install the packages of contracts/package-lock.json in contracts/node_modules.
pub(crate) fn npm_packages() -> Result<()> {
    let folder = workspace_root().join("contracts");
    let lock =
        std::fs::read(folder.join("package-lock.json")).context("contracts/package-lock.json")?;
    let stamp = folder.join("node_modules/.installed-lock.json");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let installed = folder.join("node_modules");
    if installed.is_symlink() {
        bail!(
            "{} is a symbolic link, and npm would empty its target: remove it",
            installed.display()
        );
    }
    println!("setup: npm ci in contracts/");
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ])
    .current_dir(&folder);
    run::succeed(&mut npm)?;
    std::fs::write(&stamp, lock).with_context(|| stamp.display().to_string())
}

/// Collect the interfaces of published contracts: see contracts/corpus/collect.mjs.
fn interface_corpus() -> Result<()> {
    let folder = workspace_root().join("contracts/corpus");
    let mut inputs = Vec::new();
    for name in ["packages.json", "bytecodes.json", "collect.mjs"] {
        let path = folder.join(name);
        inputs.extend(std::fs::read(&path).with_context(|| path.display().to_string())?);
    }
    let stamp = folder.join("packages/.collected");
    if std::fs::read(&stamp).is_ok_and(|collected| collected == inputs) {
        return Ok(());
    }
    println!("setup: collecting the interfaces of published contracts");
    run::succeed(Command::new("node").arg("collect.mjs").current_dir(&folder))?;
    std::fs::write(&stamp, inputs).with_context(|| stamp.display().to_string())
}

fn apt_install(package: &str) -> Result<()> {
    let mut apt = root("env");
    apt.args([
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "--yes",
        "--quiet",
        "--no-install-recommends",
        package,
    ]);
    run::succeed(&mut apt)
}

/// A command run as root, through sudo if necessary.
fn root(program: &str) -> Command {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let mut command = if is_root {
        Command::new(program)
    } else {
        Command::new("sudo")
    };
    if !is_root {
        command.arg(program);
    }
    // dpkg requires the sbin folders in PATH.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env(
        "PATH",
        format!("{path}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"),
    );
    command
}
