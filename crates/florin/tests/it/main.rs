//! Stories of the binary as it is shipped: its command line, its processes, its configuration.
#![allow(clippy::unwrap_used)]

mod homes;
mod house;
mod manners;
mod metrics;
mod replays;
mod rotation;
mod shipped;
