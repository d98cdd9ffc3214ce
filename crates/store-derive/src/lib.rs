//! `#[derive(store::Record)]`: the columns of a row are declared once, as the fields of a struct.
//!
//! The derive writes the column list, the decoding, and the statements that insert and update; its
//! attributes are documented at `store::Record`. What it never does: choose a scope at run time. A
//! table is scoped to namespaces or global by its declaration, so a statement that would cross
//! namespaces does not compile.
//!
//! Invariants, each with the test that checks it (`tests`): a declaration whose statements would
//! be malformed or would miss their key is an error of the compiler.

mod attributes;
mod expand;
mod statements;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Implement `store::Record` and what belongs to it, or only `store::Group` and `store::FromRow`
/// for a struct without a table.
#[proc_macro_derive(Record, attributes(record))]
pub fn record(input: TokenStream) -> TokenStream {
    expand::expand(input.into())
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
