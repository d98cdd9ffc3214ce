//! Stories of tasks, runs and listeners, on both engines.

#![allow(clippy::unwrap_used)]

mod definitions;
mod example;
mod world;
