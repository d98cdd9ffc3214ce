//! Tests of the connector against a real node (anvil) and against nodes that return invalid
//! answers.
#![allow(clippy::unwrap_used)]

mod blocks;
mod contracts;
mod fake_node;
mod fixture;
mod invalid_responses;
mod l1;
mod limits;
mod prices;
mod reads;
mod refusals;
mod reorgs;
mod sending;
