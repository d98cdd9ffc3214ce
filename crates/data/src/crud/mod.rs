//! Create, read, replace, update and delete single objects.

mod delete;
mod read;
mod write;

pub use delete::delete;
pub use read::object;
pub use write::{create, patch, put};
