//! One object at a time: read, make, replace, change, delete.

mod delete;
mod read;
mod write;

pub use delete::delete;
pub use read::get;
pub use write::{create, patch, prepare_create, put};
