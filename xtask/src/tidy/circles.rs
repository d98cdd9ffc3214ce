//! The files of a crate do not import each other in a circle, except parent and child: a circle can
//! only be read as a whole.
//!
//! A name that a module re-exports from its child counts as an import of the child.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, UseTree};

use super::Finding;
use super::tree::{File, Tree};

/// The path of a module within its crate; the root is empty.
type ModulePath = Vec<String>;

/// Re-exports that are followed for one name.
const MAX_STEPS: usize = 8;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut crates: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in tree.production() {
        if let Some((name, _)) = file.path.split_once("/src/") {
            crates.entry(name).or_default().push(file);
        }
    }
    crates.values().flat_map(|files| circles(files)).collect()
}

/// A file and the names it imports, as paths from the root of the crate.
struct Module<'a> {
    file: &'a File,
    /// By the name in the file.
    imports: BTreeMap<String, ModulePath>,
    /// Paths in the code that start with `crate`, `self` or `super`.
    paths: Vec<ModulePath>,
}

fn circles(files: &[&File]) -> Vec<Finding> {
    let mut modules: BTreeMap<ModulePath, Module<'_>> = BTreeMap::new();
    for file in files {
        let path = module_path(file);
        let module = Module::read(file, &path);
        modules.insert(path, module);
    }
    let edges: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> = modules
        .iter()
        .map(|(path, module)| (path, targets(&modules, path, module)))
        .collect();
    let reached: BTreeMap<_, _> = edges
        .keys()
        .map(|path| (*path, reach(&edges, path)))
        .collect();
    let mut findings = Vec::new();
    let mut seen: BTreeSet<&ModulePath> = BTreeSet::new();
    for (path, reachable) in &reached {
        if !reachable.contains(path) || seen.contains(path) {
            continue;
        }
        let circle = reachable
            .iter()
            .filter(|other| reached[**other].contains(path));
        let circle: Vec<&ModulePath> = circle.copied().collect();
        let names: Vec<String> = circle.iter().map(|path| path.join("::")).collect();
        let message = format!("files import each other in a circle: {}", names.join(", "));
        findings.push(Finding::new(&modules[*path].file.path, 0, message));
        seen.extend(circle);
    }
    findings
}

/// The modules that a module reaches by imports.
fn reach<'a>(
    edges: &BTreeMap<&'a ModulePath, BTreeSet<&'a ModulePath>>,
    from: &ModulePath,
) -> BTreeSet<&'a ModulePath> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&ModulePath> = edges[from].iter().copied().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(&edges[next]);
        }
    }
    reached
}

/// The modules that a module imports, without its ancestors and descendants.
fn targets<'a>(
    modules: &'a BTreeMap<ModulePath, Module<'_>>,
    from: &ModulePath,
    module: &Module<'_>,
) -> BTreeSet<&'a ModulePath> {
    let imported = module.imports.values().chain(&module.paths);
    let targets = imported.map(|path| resolve(modules, path, MAX_STEPS));
    let is_kin = |target: &ModulePath| target.starts_with(from) || from.starts_with(target);
    targets.filter(|target| !is_kin(target)).collect()
}

/// The module that declares a name: the deepest one of its path, or where that one re-exports it
/// from.
fn resolve<'a>(
    modules: &'a BTreeMap<ModulePath, Module<'_>>,
    path: &[String],
    steps: usize,
) -> &'a ModulePath {
    let depth = (0..=path.len())
        .rev()
        .find(|depth| modules.contains_key(&path[..*depth]));
    let (module, rest) = path.split_at(depth.unwrap_or(0));
    let Some((known, content)) = modules.get_key_value(module) else {
        return modules.keys().next().expect("a crate has a file");
    };
    match rest.first().and_then(|name| content.imports.get(name)) {
        Some(source) if steps > 0 && source != path => {
            resolve(modules, &[source, &rest[1..]].concat(), steps - 1)
        }
        _ => known,
    }
}

fn module_path(file: &File) -> ModulePath {
    let (_, path) = file.path.split_once("/src/").unwrap_or_default();
    let mut parts: ModulePath = path
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if matches!(
        parts.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        parts.pop();
    }
    parts
}

impl<'a> Module<'a> {
    fn read(file: &'a File, path: &ModulePath) -> Self {
        let mut reader = Reader {
            module: path.clone(),
            children: BTreeSet::new(),
            imports: BTreeMap::new(),
            paths: Vec::new(),
        };
        if let Some(syntax) = file.syntax() {
            let is_child = |item: &syn::Item| match item {
                syn::Item::Mod(child) => Some(child.ident.to_string()),
                _ => None,
            };
            reader.children = syntax.items.iter().filter_map(is_child).collect();
            reader.visit_file(syntax);
        }
        Self {
            file,
            imports: reader.imports,
            paths: reader.paths,
        }
    }
}

struct Reader {
    module: ModulePath,
    children: BTreeSet<String>,
    imports: BTreeMap<String, ModulePath>,
    paths: Vec<ModulePath>,
}

impl Reader {
    /// The path from the root of the crate; `None` if it leads to another crate.
    fn absolute(&self, path: &[String]) -> Option<ModulePath> {
        let (first, mut rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module[..self.module.len().checked_sub(1)?].to_vec(),
            child if self.children.contains(child) => {
                [&self.module[..], &[child.to_owned()]].concat()
            }
            _ => return None,
        };
        while rest.first().is_some_and(|next| next == "super") {
            base.pop();
            rest = &rest[1..];
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    fn import(&mut self, prefix: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&with(&path.ident), &path.tree),
            UseTree::Name(name) if name.ident == "self" => {
                self.name(prefix, prefix.last().cloned())
            }
            UseTree::Name(name) => self.name(&with(&name.ident), Some(name.ident.to_string())),
            UseTree::Rename(name) => self.name(&with(&name.ident), Some(name.rename.to_string())),
            UseTree::Glob(_) => self.name(prefix, None),
            UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|tree| self.import(prefix, tree)),
        }
    }

    fn name(&mut self, path: &[String], name: Option<String>) {
        let Some(path) = self.absolute(path) else {
            return;
        };
        match name {
            Some(name) => drop(self.imports.insert(name, path)),
            None => self.paths.push(path),
        }
    }
}

impl<'a> Visit<'a> for Reader {
    fn visit_item_use(&mut self, item: &'a ItemUse) {
        self.import(&[], &item.tree);
    }

    fn visit_item_mod(&mut self, item: &'a ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let parts: Vec<String> = path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        let is_of_crate = matches!(parts[0].as_str(), "crate" | "super" | "self");
        if parts.len() > 1 && is_of_crate {
            self.paths.extend(self.absolute(&parts));
        }
        visit::visit_path(self, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        let paths: Vec<String> = files
            .iter()
            .map(|(path, _)| format!("crates/x/src/{path}"))
            .collect();
        let files = paths
            .iter()
            .zip(files)
            .map(|(path, (_, text))| (path.as_str(), *text));
        let findings = check(&Tree::of(&files.collect::<Vec<_>>()));
        findings
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    const ROOT: (&str, &str) = ("lib.rs", "mod a; mod b; mod c; pub use c::C;");

    #[test]
    fn a_circle_of_files_is_found_by_uses_and_by_paths() {
        let files = [
            ROOT,
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", "use super::C; pub struct B;"),
            ("c.rs", "pub struct C(crate::a::A);"),
        ];
        assert_eq!(
            messages(&files),
            ["files import each other in a circle: a, b, c"]
        );
        let cut = [files[0], files[1], files[2], ("c.rs", "pub struct C;")];
        assert_eq!(messages(&cut), [""; 0]);
    }

    #[test]
    fn parents_and_children_may_import_each_other() {
        let files = [
            ("lib.rs", "mod a; pub use a::A; pub struct Root;"),
            (
                "a/mod.rs",
                "mod b; pub use b::B; pub struct A(B, crate::Root);",
            ),
            ("a/b.rs", "use super::A; use crate::Root; pub struct B;"),
        ];
        assert_eq!(messages(&files), [""; 0]);
    }

    #[test]
    fn a_re_exported_name_is_an_import_of_the_child() {
        let files = [
            ("lib.rs", "mod a; mod d;"),
            ("a/mod.rs", "mod b; pub use b::B;"),
            ("a/b.rs", "use crate::d::D; pub struct B;"),
            ("d.rs", "use crate::a::B; pub struct D;"),
        ];
        assert_eq!(
            messages(&files),
            ["files import each other in a circle: a::b, d"]
        );
    }
}
