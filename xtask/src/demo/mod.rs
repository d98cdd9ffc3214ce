//! `cargo xtask demo`: the life of an asset on a real chain, step by step, each step checked
//! against the chain itself.

mod stage;
mod story;

use clap::Args;
use stage::Stage;
use std::time::Instant;

#[derive(Args)]
pub(crate) struct Options {
    /// End when the story is told, instead of leaving the server running.
    #[arg(long)]
    exit: bool,
}

/// A step: what is said of it, and what it does. It gives a line about what was seen.
type Step = (&'static str, fn(&mut Stage) -> Result<String, String>);

pub(crate) fn run(options: &Options) -> crate::Outcome {
    crate::setup::for_demo()?;
    let begun = Instant::now();
    let mut stage = Stage::open()?;
    let told = Instant::now();
    println!(
        "Florin and a chain of its own, from nothing ({:.1} s)\n",
        begun.elapsed().as_secs_f64()
    );
    for (number, (title, step)) in (1..).zip(story::STEPS) {
        let at = Instant::now();
        match step(&mut stage) {
            Ok(seen) => println!(
                "{number:>3}. {title} ({:.2} s)\n     {seen}",
                at.elapsed().as_secs_f64()
            ),
            Err(why) => {
                println!("{number:>3}. {title}: FAILED");
                return Err(format!(
                    "step {number}: {why}\nthe server's log: {}",
                    stage.log().display()
                ));
            }
        }
    }
    println!(
        "\nAll {} steps hold against the chain, in {:.1} s.",
        story::STEPS.len(),
        told.elapsed().as_secs_f64()
    );
    if options.exit {
        return Ok(());
    }
    stage.leave_running()
}
