//! `cargo xtask contracts [--check]`: the committed artifacts are what the sources give, byte for
//! byte.

use std::process::Command;

use testkit::workspace_root;

use crate::{Outcome, run, setup};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write nothing; fail if a committed artifact is not what the sources give
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Outcome {
    setup::npm_packages()?;
    build(options.check)
}

fn build(check: bool) -> Outcome {
    let mut node = Command::new("node");
    node.arg(workspace_root().join("contracts/build.mjs"));
    run::succeed(node.args(check.then_some("--check")))
}

#[cfg(test)]
mod tests {
    use testkit::{skipped_for_want_of, workspace_root};

    #[test]
    fn the_committed_artifacts_are_what_the_sources_give() {
        if !workspace_root()
            .join("contracts/node_modules/solc")
            .is_dir()
        {
            return skipped_for_want_of(
                "solc",
                "contracts/node_modules is not installed (cargo xtask setup)",
            );
        }
        super::build(true).expect("cargo xtask contracts, and commit what it writes");
    }
}
