//! `cargo xtask demo`: the life of an asset on a real chain in numbered steps, each checked against
//! the chain itself.

mod environment;
mod policies;
mod steps;

use anyhow::{Result, bail};
use clap::Args;
use environment::Environment;
use std::time::Instant;

#[derive(Args)]
pub(crate) struct Options {
    /// Exit after the last step instead of leaving the server running.
    #[arg(long)]
    exit: bool,
}

/// A step: its title and its function, which returns a line about the result.
type Step = (&'static str, fn(&mut Environment) -> Result<String>);

pub(crate) fn run(options: &Options) -> Result<()> {
    crate::setup::for_demo()?;
    let started = Instant::now();
    let mut environment = Environment::start()?;
    let steps_started = Instant::now();
    println!(
        "Started Florin and a local chain ({:.1} s)\n",
        started.elapsed().as_secs_f64()
    );
    for (number, (title, step)) in (1..).zip(steps::STEPS) {
        let step_started = Instant::now();
        match step(&mut environment) {
            Ok(result) => println!(
                "{number:>3}. {title} ({:.2} s)\n     {result}",
                step_started.elapsed().as_secs_f64()
            ),
            Err(reason) => {
                println!("{number:>3}. {title}: FAILED");
                bail!(
                    "step {number}: {reason:#}\nserver log: {}",
                    environment.log().display()
                );
            }
        }
    }
    println!(
        "\nAll {} steps passed their checks against the chain, in {:.1} s.",
        steps::STEPS.len(),
        steps_started.elapsed().as_secs_f64()
    );
    if options.exit {
        return Ok(());
    }
    environment.leave_running()
}
