//! A route declares in its handler's arguments what it needs: `May<Permission>`, or `Open` where
//! everybody may come in.
//!
//! Handlers are what `routes!(…)` names and what is handed to `get(…)`, `post(…)` and their like,
//! below `crates/api/src/routes`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::tree::{File, Tree};
use super::{Finding, tokens};

const FOLDER: &str = "crates/api/src/routes/";
const METHODS: &[&str] = &[
    "get", "post", "put", "patch", "delete", "head", "options", "any",
];
const DECLARE: &[&str] = &["May", "Open"];

/// Functions by name: the line, and whether an argument declares what it needs.
type Functions = BTreeMap<String, Vec<(usize, bool)>>;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let files: Vec<(&File, Functions, Handlers)> = tree
        .production()
        .filter(|file| file.path.starts_with(FOLDER))
        .map(|file| (file, functions(&file.text), handlers(&file.text)))
        .collect();
    let mut findings = Vec::new();
    for (file, own, named) in &files {
        for name in &named.here {
            match own.get(name) {
                Some(found) => findings.extend(undeclared(file, name, found)),
                None if named.certain.contains(name) => {
                    findings.push(Finding::new(
                        &file.path,
                        0,
                        format!("the handler {name} is not in this file"),
                    ));
                }
                None => {}
            }
        }
        for (module, name) in &named.elsewhere {
            let is_it = |path: &str| {
                path.ends_with(&format!("/{module}.rs"))
                    || path.ends_with(&format!("/{module}/mod.rs"))
            };
            let found = files.iter().filter(|(other, ..)| is_it(&other.path));
            findings.extend(found.flat_map(|(other, theirs, _)| {
                undeclared(other, name, theirs.get(name).map_or(&[][..], Vec::as_slice))
            }));
        }
    }
    findings
}

fn undeclared(file: &File, name: &str, found: &[(usize, bool)]) -> Vec<Finding> {
    let bare = found.iter().filter(|(_, declares)| !declares);
    bare.map(|(line, _)| {
        let what =
            format!("the handler {name} declares no permission: give it `May<…>`, or `Open` if it is for everybody");
        Finding::new(&file.path, *line, what)
    })
    .collect()
}

/// Names of handlers.
#[derive(Debug, Default)]
struct Handlers {
    /// In the same file.
    here: BTreeSet<String>,
    /// Of these, those that are handlers beyond doubt.
    certain: BTreeSet<String>,
    /// By the module and the name.
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
        let all: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in all.iter().enumerate() {
            let TokenTree::Group(group) = token else {
                continue;
            };
            let before = at
                .checked_sub(1)
                .map(|place| all[place].to_string())
                .unwrap_or_default();
            if group.delimiter() == Delimiter::Parenthesis && METHODS.contains(&before.as_str()) {
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

/// Paths that stand between commas; nothing where there is anything else.
fn paths(stream: TokenStream) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for token in stream {
        match token {
            TokenTree::Ident(name) => all.last_mut().expect("never empty").push(name.to_string()),
            TokenTree::Punct(mark) if mark.as_char() == ':' => {}
            TokenTree::Punct(mark) if mark.as_char() == ',' => all.push(Vec::new()),
            _ => return Vec::new(),
        }
    }
    all
}

fn functions(text: &str) -> Functions {
    let mut found = Functions::new();
    note(text.parse().unwrap_or_default(), &mut found);
    found
}

fn note(stream: TokenStream, found: &mut Functions) {
    let all: Vec<TokenTree> = stream.into_iter().collect();
    for (at, token) in all.iter().enumerate() {
        if let TokenTree::Ident(word) = token
            && word == "fn"
            && let Some(TokenTree::Ident(name)) = all.get(at + 1)
            && let Some(arguments) = all[at + 2..].iter().find_map(in_parentheses)
        {
            let line = name.span().start().line;
            found
                .entry(name.to_string())
                .or_default()
                .push((line, declares(arguments)));
        }
        if let TokenTree::Group(group) = token {
            note(group.stream(), found);
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
        .any(|token| matches!(&token, TokenTree::Ident(name) if DECLARE.contains(&name.to_string().as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files))
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    const BARE: &str = "fn r() { routes!(list) } async fn list(State(app): State<App>) {}";

    #[test]
    fn a_handler_that_declares_nothing_is_found() {
        assert_eq!(found(&[("crates/api/src/routes/a.rs", BARE)]).len(), 1);
        assert_eq!(found(&[("crates/api/src/other.rs", BARE)]).len(), 0);
        for open in [
            "who: May<Read>",
            "_: Open",
            "State(app): State<App>, _: May<Read>",
        ] {
            let text = format!(
                "fn r() {{ routes!(list, get) }} async fn list({open}) {{}} async fn get(_: Open) {{}}"
            );
            assert_eq!(
                found(&[("crates/api/src/routes/a.rs", &text)]),
                Vec::<String>::new()
            );
        }
    }

    #[test]
    fn handlers_of_plain_routes_and_of_other_modules_are_found() {
        let plain = "fn r() { Router::new().route(\"/x\", routing::get(list).post(make)) } async fn list(_: Open) {} async fn make() {}";
        assert_eq!(found(&[("crates/api/src/routes/a.rs", plain)]).len(), 1);
        let named = "fn r() { routes!(trial::run) }";
        let trial = "pub(super) async fn run(Body(run): Body<Run>) {}";
        let files = [
            ("crates/api/src/routes/p/mod.rs", named),
            ("crates/api/src/routes/p/trial.rs", trial),
        ];
        assert_eq!(found(&files).len(), 1);
        assert_eq!(
            found(&[("crates/api/src/routes/a.rs", "fn r() { routes!(gone) }")]).len(),
            1
        );
    }

    #[test]
    fn what_is_no_handler_is_left_alone() {
        let text = "fn help(map: &Map) { map.get(key); put(&app, 1) } fn put(app: &App, n: u8) {}";
        assert_eq!(
            found(&[("crates/api/src/routes/a.rs", text)]),
            Vec::<String>::new()
        );
    }
}
