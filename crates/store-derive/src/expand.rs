//! Writes the implementations.

use crate::attributes::{Access, Column, Declaration, Form, Table};
use crate::statements::Statements;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Result, Type, parse2};

/// The implementations for a struct, or what is wrong with its declaration.
pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = parse2(input)?;
    let declaration = Declaration::read(&input)?;
    let widths = group_widths(&declaration);
    let record = declaration
        .table
        .as_ref()
        .map(|table| record(&input, &declaration, table));
    let group = (declaration.access != Access::Write).then(|| group(&input, &declaration));
    Ok(quote! { #widths #record #group })
}

fn record(input: &DeriveInput, declaration: &Declaration<'_>, table: &Table) -> TokenStream {
    let (name, (generics, types, conditions)) = (&input.ident, input.generics.split_for_impl());
    let columns: Vec<&str> = declaration.names().collect();
    let columns = text(declaration, &columns.join(", "));
    let (names, table_name) = (all_names(declaration), &table.name);
    let written = (declaration.access != Access::Read).then(|| written(input, declaration, table));
    quote! {
        impl #generics ::store::Record for #name #types #conditions {
            const TABLE: &'static str = #table_name;
            const NAMES: &'static [&'static str] = #names;
            const COLUMNS: &'static str = #columns;
        }
        #written
    }
}

/// The parameters and the statements of a record that is written.
fn written(input: &DeriveInput, declaration: &Declaration<'_>, table: &Table) -> TokenStream {
    let (name, (generics, types, conditions)) = (&input.ident, input.generics.split_for_impl());
    let all = writes(declaration.fields.iter());
    let updated = if declaration.is_updatable() {
        writes(declaration.update_fields())
    } else {
        TokenStream::new()
    };
    let marked = |is: bool, marker: TokenStream| {
        is.then(|| quote! { impl #generics ::store::#marker for #name #types #conditions {} })
    };
    let updatable = marked(declaration.is_updatable(), quote! { Updatable });
    let upsertable = marked(declaration.is_upsertable(), quote! { Upsertable });
    let scopes = scopes(input, declaration, table);
    quote! {
        impl #generics ::store::RowValues for #name #types #conditions {
            fn write_row<'v>(&'v self, scoped: bool, to: &mut ::std::vec::Vec<::store::Value<'v>>) {
                #[allow(unused_imports)]
                use ::store::Group as _;
                let _ = scoped;
                #all
            }
            fn write_update<'v>(&'v self, scoped: bool, to: &mut ::std::vec::Vec<::store::Value<'v>>) {
                #[allow(unused_imports)]
                use ::store::Group as _;
                let _ = (scoped, &to);
                #updated
            }
        }
        #updatable
        #upsertable
        #scopes
    }
}

/// A table is scoped unless it is global, and can be written unscoped if its rows name their
/// namespace.
fn scopes(input: &DeriveInput, declaration: &Declaration<'_>, table: &Table) -> TokenStream {
    let (name, (generics, types, conditions)) = (&input.ident, input.generics.split_for_impl());
    let scoped = (!table.global).then(|| {
        let Statements {
            insert,
            upsert,
            update,
            ..
        } = Statements::new(declaration, table, true);
        let [insert, upsert] = [insert, upsert].map(|sql| text(declaration, &sql));
        quote! {
            impl #generics ::store::ScopedTable for #name #types #conditions {
                const INSERT: &'static str = #insert;
                const UPSERT: &'static str = #upsert;
                const UPDATE: &'static str = #update;
            }
        }
    });
    let names_its_namespace = declaration.fields.iter().any(Column::is_namespace);
    let unscoped = (table.global || names_its_namespace).then(|| {
        let Statements {
            insert,
            upsert,
            update,
            update_all,
        } = Statements::new(declaration, table, false);
        let [insert, upsert] = [insert, upsert].map(|sql| text(declaration, &sql));
        quote! {
            impl #generics ::store::UnscopedTable for #name #types #conditions {
                const INSERT: &'static str = #insert;
                const UPSERT: &'static str = #upsert;
                const UPDATE: &'static str = #update;
                const UPDATE_ALL: &'static str = #update_all;
            }
        }
    });
    quote! { #scoped #unscoped }
}

fn writes<'d>(fields: impl Iterator<Item = &'d Column<'d>>) -> TokenStream {
    fields
        .map(|field| {
            let ident = field.ident;
            let value = match field.form {
                Form::Value if field.is_namespace() => {
                    return quote! { if !scoped { to.push(::store::ToValue::to_value(&self.#ident)); } };
                }
                Form::Value => quote! { ::store::ToValue::to_value(&self.#ident) },
                Form::Json if field.optional().is_some() => {
                    quote! { ::store::optional_json_value(self.#ident.as_ref()) }
                }
                Form::Json => quote! { ::store::json_value(&self.#ident) },
                Form::Group | Form::Flatten => return quote! { self.#ident.write(to); },
            };
            quote! { to.push(#value); }
        })
        .collect()
}

fn group(input: &DeriveInput, declaration: &Declaration<'_>) -> TokenStream {
    let (name, (generics, types, conditions)) = (&input.ident, input.generics.split_for_impl());
    let reads = declaration.fields.iter().map(|field| {
        let ident = field.ident;
        match field.form {
            Form::Value => quote! { #ident: columns.take()? },
            Form::Json if field.optional().is_some() => {
                quote! { #ident: columns.optional_json()? }
            }
            Form::Json => quote! { #ident: columns.json()? },
            Form::Group | Form::Flatten => quote! { #ident: ::store::Group::read(columns)? },
        }
    });
    let (kinds, names) = (kinds(declaration), all_names(declaration));
    let all = writes(declaration.fields.iter());
    let params = declaration.table.is_none().then(|| {
        quote! {
            impl #generics ::store::Params for #name #types #conditions {
                fn values(&self) -> ::std::vec::Vec<::store::Value<'_>> {
                    let mut values = ::std::vec::Vec::new();
                    ::store::Group::write(self, &mut values);
                    values
                }
            }
        }
    });
    quote! {
        #params
        impl #generics ::store::Group for #name #types #conditions {
            const KINDS: &'static [::store::ValueKind] = #kinds;
            fn read(columns: &mut ::store::Columns) -> ::store::Result<Self> {
                ::std::result::Result::Ok(Self { #(#reads),* })
            }
            fn write<'v>(&'v self, to: &mut ::std::vec::Vec<::store::Value<'v>>) {
                #[allow(unused_imports)]
                use ::store::Group as _;
                let scoped = false;
                let _ = scoped;
                #all
            }
        }
        impl #generics ::store::FromRow for #name #types #conditions {
            fn from_row(row: ::store::RowCells) -> ::store::Result<Self> {
                ::store::Columns::read_row(row, #names)
            }
        }
    }
}

/// The types of all columns: one list, or the parts of one if there are groups.
fn kinds(declaration: &Declaration<'_>) -> TokenStream {
    let parts = declaration.fields.iter().map(|field| {
        let ty = field.ty;
        match field.form {
            Form::Value => quote! { &[<#ty as ::store::ToValue>::KIND] },
            Form::Json => quote! { &[::store::ValueKind::Text] },
            Form::Group | Form::Flatten => quote! { <#ty as ::store::Group>::KINDS },
        }
    });
    concatenated(quote! { ::store::ValueKind }, parts)
}

fn all_names(declaration: &Declaration<'_>) -> TokenStream {
    let parts = declaration.fields.iter().map(|field| {
        let (ty, names) = (field.optional().unwrap_or(field.ty), &field.names);
        match field.form {
            Form::Flatten => quote! { <#ty as ::store::Record>::NAMES },
            Form::Value | Form::Json | Form::Group => quote! { &[#(#names),*] },
        }
    });
    concatenated(quote! { &'static str }, parts)
}

/// A text of SQL, with the columns of flattened rows in place of their marks.
fn text(declaration: &Declaration<'_>, text: &str) -> TokenStream {
    let own = |part: &str| (!part.is_empty()).then(|| quote! { #part.as_bytes() });
    let (mut parts, mut rest) = (Vec::new(), text);
    for field in &declaration.fields {
        if let Some((before, after)) = rest.split_once(&field.mark()) {
            let ty = field.ty;
            parts.extend(own(before));
            parts.push(quote! { <#ty as ::store::Record>::COLUMNS.as_bytes() });
            rest = after;
        }
    }
    if parts.is_empty() {
        return quote! { #text };
    }
    parts.extend(own(rest));
    let bytes = concatenated(quote! { u8 }, parts.into_iter());
    quote! { ::store::utf8(#bytes) }
}

fn concatenated(item: TokenStream, parts: impl Iterator<Item = TokenStream>) -> TokenStream {
    quote! {{
        const PARTS: &[&[#item]] = &[#(#parts),*];
        const ALL: &[#item] = &::store::concatenate::<#item, { ::store::total(PARTS) }>(PARTS);
        ALL
    }}
}

/// Check that a group has as many columns as its field names.
fn group_widths(declaration: &Declaration<'_>) -> TokenStream {
    let groups = declaration
        .fields
        .iter()
        .filter(|field| field.form == Form::Group);
    groups
        .map(|field| {
            let (ty, count) = (referenced(field.ty), field.names.len());
            quote! {
                const _: () = ::std::assert!(
                    <#ty as ::store::Group>::KINDS.len() == #count,
                    "columns(..) names another number of columns than the group has"
                );
            }
        })
        .collect()
}

fn referenced(ty: &Type) -> &Type {
    match ty {
        Type::Reference(reference) => referenced(&reference.elem),
        other => other,
    }
}
