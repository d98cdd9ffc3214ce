//! Stories of tasks, runs and listeners, on both engines.

#![allow(clippy::unwrap_used)]

mod calls;
mod contracts;
mod crash;
mod definitions;
mod example;
mod names;
mod poison;
mod rotation;
mod runs;
mod secrecy;
mod steps;
mod waits;
mod world;
