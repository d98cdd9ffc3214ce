//! Declarations that are rejected, and the statements of those that are not.

use crate::attributes::Declaration;
use crate::expand::expand;
use crate::statements::Statements;
use proc_macro2::TokenStream;
use quote::quote;

fn error(input: TokenStream) -> String {
    expand(input)
        .expect_err("the declaration is rejected")
        .to_string()
}

fn statements(input: TokenStream, scoped: bool) -> Statements {
    let input = syn::parse2(input).expect("a struct");
    let declaration = Declaration::read(&input).expect("a declaration");
    let table = declaration.table.as_ref().expect("a table");
    Statements::new(&declaration, table, scoped)
}

#[test]
fn a_key_needs_something_to_set() {
    let input = quote! { #[record(table = "t")] struct T { #[record(key)] id: u64, name: String } };
    assert!(error(input).starts_with("a key without anything to set"));
}

#[test]
fn a_version_and_an_update_need_a_key() {
    for word in [quote!(version), quote!(next_version)] {
        let input = quote! { #[record(table = "t")] struct T { id: u64, #[record(#word)] v: u64 } };
        assert!(error(input).starts_with("a version without a key"));
    }
    let input = quote! { #[record(table = "t")] struct T { id: u64, #[record(update)] a: u64 } };
    assert!(error(input).starts_with("an update without a key"));
}

#[test]
fn a_record_has_named_fields() {
    for input in [
        quote! { #[record(table = "t")] struct T(u64); },
        quote! { #[record(table = "t")] struct T; },
        quote! { #[record(table = "t")] enum T { A } },
    ] {
        assert!(error(input).starts_with("a record is a struct with named fields"));
    }
    let empty = quote! { #[record(table = "t")] struct T {} };
    assert_eq!(error(empty), "a record needs a field");
}

#[test]
fn what_is_written_needs_a_table() {
    let key = quote! { struct T { #[record(key)] id: u64 } };
    assert!(error(key).starts_with("key, update and version need"));
    let write = quote! { #[record(write)] struct T { id: u64 } };
    assert!(error(write).starts_with("read and write need"));
    let read = quote! { #[record(read)] struct T { id: u64 } };
    assert!(error(read).starts_with("read and write need"));
    let global = quote! { #[record(global)] struct T { id: u64 } };
    assert_eq!(error(global), "global needs a table");
    let flat = quote! { #[record(table = "t")] struct T { #[record(key)] id: u64, #[record(update, flatten)] other: Other } };
    assert_eq!(error(flat), "a flattened row is only inserted");
}

#[test]
fn each_column_has_one_field_and_one_part() {
    let twice =
        quote! { #[record(table = "t")] struct T { a: u64, #[record(column = "a")] b: u64 } };
    assert_eq!(error(twice), "the column a occurs twice");
    let both = quote! { #[record(table = "t")] struct T { #[record(key, update)] a: u64 } };
    assert!(error(both).starts_with("a field is one of"));
    let versions = quote! { #[record(table = "t")] struct T { #[record(key)] a: u64, #[record(version)] b: u64, #[record(version)] c: u64 } };
    assert_eq!(error(versions), "a record has one version");
    let unknown = quote! { #[record(table = "t")] struct T { #[record(primary)] a: u64 } };
    assert!(error(unknown).starts_with("expected column"));
    let unknown = quote! { #[record(name = "t")] struct T { a: u64 } };
    assert!(error(unknown).starts_with("expected table"));
}

fn run(version: TokenStream) -> TokenStream {
    quote! {
        #[record(table = "run")]
        struct Run {
            namespace: Namespace,
            #[record(key)] id: RunId,
            task: TaskId,
            #[record(update)] r#state: State,
            #[record(update, columns("head_height", "head_hash"))] head: Option<Tip>,
            #[record(#version)] version: u64,
        }
    }
}

#[test]
fn scoped_statements_name_the_namespace_of_the_transaction() {
    let scoped = statements(run(quote!(version)), true);
    assert_eq!(
        scoped.insert,
        "INSERT INTO run (namespace, id, task, state, head_height, head_hash, version) {ns_rows}"
    );
    assert_eq!(
        scoped.update,
        "UPDATE run SET state = ?2, head_height = ?3, head_hash = ?4, version = version + 1 \
         WHERE namespace = ?ns AND id = ?1 AND version = ?5"
    );
    // Only a row that holds its next version may replace another.
    assert_eq!(
        (scoped.upsert.as_str(), scoped.update_all.as_str()),
        ("", "")
    );
}

#[test]
fn unscoped_statements_take_the_namespace_from_the_row() {
    let unscoped = statements(run(quote!(version)), false);
    assert_eq!(
        unscoped.update,
        "UPDATE run SET state = ?3, head_height = ?4, head_hash = ?5, version = version + 1 \
         WHERE namespace = ?1 AND id = ?2 AND version = ?6"
    );
    assert_eq!(
        unscoped.update_all,
        "WITH n(namespace, id, state, head_height, head_hash, version) AS ({rows}) UPDATE run SET state = n.state, \
         head_height = n.head_height, head_hash = n.head_hash, version = run.version + 1 \
         FROM n WHERE run.namespace = n.namespace AND run.id = n.id AND run.version = n.version RETURNING "
    );
}

#[test]
fn a_row_with_its_next_version_replaces_the_one_before() {
    let scoped = statements(run(quote!(next_version)), true);
    assert_eq!(
        scoped.update,
        "UPDATE run SET state = ?2, head_height = ?3, head_hash = ?4, version = ?5 \
         WHERE namespace = ?ns AND id = ?1 AND version = ?5 - 1"
    );
    assert_eq!(
        scoped.upsert,
        "INSERT INTO run (namespace, id, task, state, head_height, head_hash, version) {ns_rows} \
         ON CONFLICT (namespace, id) DO UPDATE SET state = excluded.state, head_height = excluded.head_height, \
         head_hash = excluded.head_hash, version = excluded.version WHERE run.version = excluded.version - 1"
    );
}

#[test]
fn a_table_is_written_unscoped_only_if_its_rows_name_their_namespace() {
    let text = |input| expand(input).expect("a declaration").to_string();
    let own = text(quote! { #[record(table = "t")] struct T { a: u64 } });
    assert!(own.contains("ScopedTable") && !own.contains("UnscopedTable"));
    let both = text(quote! { #[record(table = "t")] struct T { namespace: Namespace, a: u64 } });
    assert!(both.contains(":: ScopedTable") && both.contains(":: UnscopedTable"));
    let global = text(quote! { #[record(table = "t", global)] struct T { a: u64 } });
    assert!(!global.contains(":: ScopedTable") && global.contains(":: UnscopedTable"));
    let write =
        text(quote! { #[record(table = "t")] #[record(write)] struct T<'a> { a: &'a str } });
    assert!(!write.contains("FromRow") && !write.contains("for T < 'a > { const KINDS"));
}

#[test]
fn a_struct_that_is_only_read_has_no_statements_that_write() {
    let text = |input| expand(input).expect("a declaration").to_string();
    let read = text(quote! { #[record(table = "t", read)] struct T { namespace: Namespace } });
    assert!(read.contains(":: Record") && read.contains("FromRow"));
    assert!(!read.contains("ScopedTable") && !read.contains("RowValues"));
    let key = quote! { #[record(table = "t", read)] struct T { #[record(key)] id: u64 } };
    assert!(error(key).starts_with("a struct that is only read has no key"));
    let both = quote! { #[record(table = "t", read, write)] struct T { id: u64 } };
    assert!(error(both).starts_with("expected table"));
}
