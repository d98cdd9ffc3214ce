//! Each route declares the permission it needs in the arguments of its handler:
//! `Authorized<Permission>`, or `Public` for a route without authentication.
//!
//! Handlers are the functions named in `routes!(…)` and those passed to `get(…)`, `post(…)` and
//! similar, below `crates/api/src/routes`.
//!
//! A handler opens no transaction: it calls a function of an engine, which does.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::tree::{File, Tree};
use super::{Finding, tokens};

const FOLDER: &str = "crates/api/src/routes/";
const METHODS: &[&str] = &[
    "get", "post", "put", "patch", "delete", "head", "options", "any",
];
const PERMISSION_TYPES: &[&str] = &["Authorized", "Public"];
/// The methods of `store::Db` and of its leases that open a transaction.
const TRANSACTIONS: &[&str] = &[
    "read",
    "read_with",
    "read_unscoped",
    "read_unscoped_with",
    "write",
    "write_with",
    "write_unscoped",
    "write_unscoped_with",
];

/// Functions by name: the line, and whether an argument declares a permission.
type Functions = BTreeMap<String, Vec<(usize, bool)>>;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let files: Vec<(&File, Functions, Handlers)> = tree
        .production()
        .filter(|file| file.path.starts_with(FOLDER))
        .map(|file| (file, functions(&file.text), handlers(&file.text)))
        .collect();
    let mut findings = Vec::new();
    for (file, own_functions, handler_names) in &files {
        for name in &handler_names.here {
            match own_functions.get(name) {
                Some(functions) => findings.extend(undeclared(file, name, functions)),
                None if handler_names.certain.contains(name) => {
                    findings.push(Finding::new(
                        &file.path,
                        0,
                        format!("the handler {name} is not in this file"),
                    ));
                }
                None => {}
            }
        }
        for (module, name) in &handler_names.elsewhere {
            let is_module_file = |path: &str| {
                path.ends_with(&format!("/{module}.rs"))
                    || path.ends_with(&format!("/{module}/mod.rs"))
            };
            let module_files = files
                .iter()
                .filter(|(other, ..)| is_module_file(&other.path));
            findings.extend(module_files.flat_map(|(other, theirs, _)| {
                undeclared(other, name, theirs.get(name).map_or(&[][..], Vec::as_slice))
            }));
        }
    }
    findings
}

/// Transactions that handlers open themselves.
pub(super) fn transactions(tree: &Tree) -> Vec<Finding> {
    let files = tree
        .production()
        .filter(|file| file.path.starts_with(FOLDER));
    files.flat_map(opened_transactions).collect()
}

fn opened_transactions(file: &File) -> Vec<Finding> {
    let mut calls = Vec::new();
    collect_calls(file.text.parse().unwrap_or_default(), &mut calls);
    let message = |name| {
        format!("{name} opens a transaction: call a function of an engine that opens its own")
    };
    calls
        .into_iter()
        .map(|(line, name)| Finding::new(&file.path, line, message(name)))
        .collect()
}

/// Calls `.read(…)` and similar, with their lines.
fn collect_calls(stream: TokenStream, calls: &mut Vec<(usize, String)>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    for call in tokens.windows(3) {
        if let [TokenTree::Punct(dot), TokenTree::Ident(name), arguments] = call
            && dot.as_char() == '.'
            && TRANSACTIONS.contains(&name.to_string().as_str())
            && in_parentheses(arguments).is_some()
        {
            calls.push((name.span().start().line, name.to_string()));
        }
    }
    for token in tokens {
        if let TokenTree::Group(group) = token {
            collect_calls(group.stream(), calls);
        }
    }
}

fn undeclared(file: &File, name: &str, functions: &[(usize, bool)]) -> Vec<Finding> {
    let undeclared_functions = functions.iter().filter(|(_, declares)| !declares);
    undeclared_functions.map(|(line, _)| {
        let message =
            format!("the handler {name} declares no permission: add an argument of type `Authorized<…>`, or `Public` for a public route");
        Finding::new(&file.path, *line, message)
    })
    .collect()
}

/// Names of handlers in a file.
#[derive(Debug, Default)]
struct Handlers {
    /// Defined in the same file.
    here: BTreeSet<String>,
    /// Those of `here` that are certainly handlers, being named in `routes!`.
    certain: BTreeSet<String>,
    /// Defined elsewhere, as module and name.
    elsewhere: BTreeSet<(String, String)>,
}

impl Handlers {
    fn add(&mut self, path: &[String], certain: bool) {
        match path {
            [name] => {
                self.here.insert(name.clone());
                if certain {
                    self.certain.insert(name.clone());
                }
            }
            [.., module, name] => {
                self.elsewhere.insert((module.clone(), name.clone()));
            }
            [] => {}
        }
    }

    fn walk(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else {
                continue;
            };
            let method = index
                .checked_sub(1)
                .map(|before| tokens[before].to_string())
                .unwrap_or_default();
            if group.delimiter() == Delimiter::Parenthesis && METHODS.contains(&method.as_str()) {
                paths(group.stream())
                    .into_iter()
                    .for_each(|path| self.add(&path, false));
            }
            self.walk(group.stream());
        }
    }
}

fn handlers(text: &str) -> Handlers {
    let mut handlers = Handlers::default();
    let source = tokens::read(text).unwrap_or_default();
    for (_, inside) in source
        .macros
        .into_iter()
        .filter(|(name, _)| name == "routes")
    {
        paths(inside)
            .into_iter()
            .for_each(|path| handlers.add(&path, true));
    }
    handlers.walk(text.parse().unwrap_or_default());
    handlers
}

/// Comma-separated paths; empty if the tokens contain anything else.
fn paths(stream: TokenStream) -> Vec<Vec<String>> {
    let mut paths = vec![Vec::new()];
    for token in stream {
        match token {
            TokenTree::Ident(name) => paths
                .last_mut()
                .expect("never empty")
                .push(name.to_string()),
            TokenTree::Punct(mark) if mark.as_char() == ':' => {}
            TokenTree::Punct(mark) if mark.as_char() == ',' => paths.push(Vec::new()),
            _ => return Vec::new(),
        }
    }
    paths
}

fn functions(text: &str) -> Functions {
    let mut functions = Functions::new();
    collect_functions(text.parse().unwrap_or_default(), &mut functions);
    functions
}

fn collect_functions(stream: TokenStream, functions: &mut Functions) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        if let TokenTree::Ident(keyword) = token
            && keyword == "fn"
            && let Some(TokenTree::Ident(name)) = tokens.get(index + 1)
            && let Some(arguments) = tokens[index + 2..].iter().find_map(in_parentheses)
        {
            let line = name.span().start().line;
            functions
                .entry(name.to_string())
                .or_default()
                .push((line, declares(arguments)));
        }
        if let TokenTree::Group(group) = token {
            collect_functions(group.stream(), functions);
        }
    }
}

fn in_parentheses(token: &TokenTree) -> Option<TokenStream> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
            Some(group.stream())
        }
        _ => None,
    }
}

fn declares(arguments: TokenStream) -> bool {
    arguments
        .into_iter()
        .any(|token| matches!(&token, TokenTree::Ident(name) if PERMISSION_TYPES.contains(&name.to_string().as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files))
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    const BARE: &str = "fn r() { routes!(list) } async fn list(State(app): State<App>) {}";

    #[test]
    fn a_handler_without_permission_is_found() {
        assert_eq!(messages(&[("crates/api/src/routes/a.rs", BARE)]).len(), 1);
        assert_eq!(messages(&[("crates/api/src/other.rs", BARE)]).len(), 0);
        for permission in [
            "who: Authorized<Read>",
            "_: Public",
            "State(app): State<App>, _: Authorized<Read>",
        ] {
            let text = format!(
                "fn r() {{ routes!(list, get) }} async fn list({permission}) {{}} async fn get(_: Public) {{}}"
            );
            assert_eq!(
                messages(&[("crates/api/src/routes/a.rs", &text)]),
                Vec::<String>::new()
            );
        }
    }

    #[test]
    fn handlers_of_plain_routes_and_of_other_modules_are_found() {
        let plain = "fn r() { Router::new().route(\"/x\", routing::get(list).post(make)) } async fn list(_: Public) {} async fn make() {}";
        assert_eq!(messages(&[("crates/api/src/routes/a.rs", plain)]).len(), 1);
        let handler_names = "fn r() { routes!(trial::run) }";
        let trial = "pub(super) async fn run(Body(run): Body<Run>) {}";
        let files = [
            ("crates/api/src/routes/p/mod.rs", handler_names),
            ("crates/api/src/routes/p/trial.rs", trial),
        ];
        assert_eq!(messages(&files).len(), 1);
        assert_eq!(
            messages(&[("crates/api/src/routes/a.rs", "fn r() { routes!(gone) }")]).len(),
            1
        );
    }

    #[test]
    fn a_handler_that_opens_a_transaction_is_found() {
        let opens = "async fn list(_: Public) { app.db().read_unscoped(f).await?; db.on(&lease).write(&ns, g).await }";
        let count = |path| transactions(&Tree::of(&[(path, opens)])).len();
        assert_eq!(count("crates/api/src/routes/a.rs"), 2);
        assert_eq!(count("crates/api/src/access/a.rs"), 0);
        let other = "fn read(socket: S) { keys.read; read(f); store::read(db); socket.readable() }";
        let files = [("crates/api/src/routes/a.rs", other)];
        assert_eq!(transactions(&Tree::of(&files)).len(), 0);
    }

    #[test]
    fn other_functions_are_ignored() {
        let text = "fn help(map: &Map) { map.get(key); put(&app, 1) } fn put(app: &App, n: u8) {}";
        assert_eq!(
            messages(&[("crates/api/src/routes/a.rs", text)]),
            Vec::<String>::new()
        );
    }
}
