//! Integration tests of tasks, runs and listeners, on both database engines.

#![allow(clippy::unwrap_used)]

mod calls;
mod contracts;
mod crash;
mod definitions;
mod example;
mod isolation;
mod names;
mod rotation;
mod runs;
mod secrecy;
mod steps;
mod traces;
mod waits;
mod world;
