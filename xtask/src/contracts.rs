//! `cargo xtask contracts [--check]`: compiles the contracts. The output is reproducible: `--check`
//! compares it with the committed artifacts byte by byte.

use anyhow::Result;
use std::process::Command;

use testkit::workspace_root;

use crate::{run, setup};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write nothing; fail if a committed artifact differs from the compiler output
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    setup::npm_packages()?;
    build(options.check)
}

fn build(check: bool) -> Result<()> {
    let mut node = Command::new("node");
    node.arg(workspace_root().join("contracts/build.mjs"));
    run::succeed(node.args(check.then_some("--check")))
}

#[cfg(test)]
mod tests {
    use testkit::{skip_missing, workspace_root};

    #[test]
    fn committed_artifacts_match_the_sources() {
        if !workspace_root()
            .join("contracts/node_modules/solc")
            .is_dir()
        {
            return skip_missing(
                "solc",
                "contracts/node_modules is not installed (cargo xtask setup)",
            );
        }
        super::build(true).expect("run cargo xtask contracts and commit its output");
    }
}
