//! The files of the repository, read once.

use anyhow::{Context, Result};
use std::cell::OnceCell;
use std::path::Path;

use super::syntax;

/// A text file; its path is relative to the root, with `/`.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
    syntax: OnceCell<Option<syn::File>>,
}

impl File {
    fn new(path: String, text: String) -> Self {
        Self {
            path,
            text,
            syntax: OnceCell::new(),
        }
    }

    /// The syntax tree without test code, parsed once; `None` if the file is not Rust.
    pub(super) fn syntax(&self) -> Option<&syn::File> {
        let parse = || syntax::parse(&self.text);
        self.syntax.get_or_init(parse).as_ref()
    }

    /// The file's name without its folder.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The crate it belongs to: the folder below `crates/`.
    pub(super) fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Whether one of its folders has this name.
    pub(super) fn is_below(&self, folder: &str) -> bool {
        self.path
            .rsplit_once('/')
            .is_some_and(|(folders, _)| folders.split('/').any(|part| part == folder))
    }

    /// Whether it is below `src` of a crate: neither test, nor benchmark, nor tool.
    pub(super) fn is_source_of_crate(&self) -> bool {
        self.crate_name()
            .is_some_and(|name| self.path.starts_with(&format!("crates/{name}/src/")))
    }

    /// Whether it is test code: in a folder `tests`, or a module `tests`.
    pub(super) fn is_test(&self) -> bool {
        self.is_below("tests") || self.name() == "tests.rs"
    }
}

/// Folders with generated or external files.
const SKIPPED: &[&str] = &[".git", "target", "node_modules", "artifacts", ".florin"];
const EXTENSIONS: &[&str] = &[
    "rs", "toml", "md", "sql", "sol", "mjs", "js", "ts", "tsx", "css", "html", "json", "rego",
    "yaml", "yml", "run", "lock",
];

#[derive(Default)]
pub(super) struct Tree(Vec<File>);

impl Tree {
    /// Read the text files of a checkout.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.walk(root, "")?;
        tree.0.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    /// A small tree for tests of checks.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File::new((*path).into(), (*text).into());
        Self(files.iter().map(file).collect())
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.0.iter()
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }

    /// Whether a file is below this folder.
    pub(super) fn has_folder(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.0.iter().any(|file| file.path.starts_with(&folder))
    }

    /// All Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.0.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// The Rust files that are not test code.
    pub(super) fn production(&self) -> impl Iterator<Item = &File> {
        self.rust().filter(|file| !file.is_test())
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if entry.path().is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    self.walk(&entry.path(), &format!("{path}/"))?;
                }
            } else if is_text(&name) {
                // Skip a file that is deleted meanwhile or is not UTF-8.
                let text = std::fs::read_to_string(entry.path()).ok();
                self.0.extend(text.map(|text| File::new(path, text)));
            }
        }
        Ok(())
    }
}

fn is_text(name: &str) -> bool {
    match name.rsplit_once('.') {
        Some((_, extension)) => EXTENSIONS.contains(&extension),
        None => true,
    }
}
