//! Where engines meet: the small traits that one engine asks for, answered by plain verbs of
//! another.

mod chains;
mod expand;
mod keepers;
mod lookups;
mod projection;

pub(crate) use chains::Homes;
pub(crate) use expand::ChainEvents;
pub(crate) use keepers::{PolicyKeeper, StreamKeeper, TaskKeeper};
pub(crate) use lookups::DataLookups;
pub(crate) use projection::TokenProjection;
