//! The names of rules over all packages, and what a name of a document refers to.

use super::Refusal;
use super::ast::{Head, Module};
use super::program::{Form, GroupId};
use std::collections::HashMap;
use std::sync::Arc;

/// A name in full: `data.florin.limit.allow`.
pub(super) type Path = Vec<Arc<str>>;

#[derive(Default)]
pub(super) struct Names {
    by_path: HashMap<Path, GroupId>,
    pub(super) forms: Vec<NamedForm>,
}

pub(super) struct NamedForm {
    pub(super) path: Path,
    pub(super) form: Form,
}

/// What a reference begins with.
pub(super) enum Base {
    Input,
    /// A rule, and the number of parts of the path that are its name.
    Group(GroupId, usize),
}

/// The names that are known in one document.
pub(super) struct View<'n> {
    names: &'n Names,
    package: Path,
    imports: HashMap<Arc<str>, Path>,
}

impl Names {
    /// The names of all rules of these modules.
    pub(super) fn of(modules: &[&Module]) -> Result<Self, Refusal> {
        let mut names = Self::default();
        for module in modules {
            for rule in &module.rules {
                names.add(module, rule)?;
            }
        }
        names.add_parts(modules)?;
        Ok(names)
    }

    fn add(&mut self, module: &Module, rule: &super::ast::Rule) -> Result<(), Refusal> {
        let form = match &rule.head {
            Head::Complete | Head::Default => Form::Complete,
            Head::Set => Form::Set,
            Head::Object(_) => Form::Object,
            Head::Function(args) => Form::Function(args.len()),
            Head::DefaultFunction(args) => Form::Function(*args),
        };
        let path = full_path(module, &rule.path);
        let reserved = ["input", "data"].contains(&&*rule.path[0]);
        if reserved {
            return Err(Refusal::at(rule.line, "this name cannot be that of a rule"));
        }
        match self.by_path.get(&path) {
            None => {
                self.by_path.insert(path.clone(), self.forms.len());
                self.forms.push(NamedForm { path, form });
                Ok(())
            }
            Some(group) if self.forms[*group].form == form => Ok(()),
            Some(_) => Err(Refusal::at(
                rule.line,
                format!(
                    "the rule {} has two forms, or two numbers of arguments",
                    rule.path.join(".")
                ),
            )),
        }
    }

    /// Add the objects that rules with a dot in their name are parts of. A rule cannot be both.
    fn add_parts(&mut self, modules: &[&Module]) -> Result<(), Refusal> {
        for module in modules {
            for rule in &module.rules {
                for length in (1..rule.path.len()).rev() {
                    let path = full_path(module, &rule.path[..length]);
                    let child = self.by_path[&full_path(module, &rule.path[..=length])];
                    self.add_part(path, rule.path[length].clone(), child, rule.line)?;
                }
            }
        }
        Ok(())
    }

    fn add_part(
        &mut self,
        path: Path,
        name: Arc<str>,
        child: GroupId,
        line: u32,
    ) -> Result<(), Refusal> {
        let Some(group) = self.by_path.get(&path) else {
            self.by_path.insert(path.clone(), self.forms.len());
            let form = Form::Parts(vec![(name, child)]);
            self.forms.push(NamedForm { path, form });
            return Ok(());
        };
        match &mut self.forms[*group].form {
            Form::Parts(parts) if parts.iter().any(|(_, part)| *part == child) => Ok(()),
            Form::Parts(parts) => {
                parts.push((name, child));
                Ok(())
            }
            _ => Err(Refusal::at(
                line,
                format!("{} is a rule of its own", path.join(".")),
            )),
        }
    }

    /// The group with a name in full.
    pub(super) fn group(&self, path: &str) -> Option<GroupId> {
        let path: Path = path.split('.').map(Arc::from).collect();
        self.by_path.get(&path).copied()
    }
}

/// The name of a rule in full.
pub(super) fn full_path(module: &Module, name: &[Arc<str>]) -> Path {
    let mut path: Path = vec!["data".into()];
    path.extend(module.package.iter().cloned());
    path.extend(name.iter().cloned());
    path
}

impl<'n> View<'n> {
    pub(super) fn of(names: &'n Names, module: &Module) -> Result<Self, Refusal> {
        let mut imports = HashMap::new();
        for import in &module.imports {
            let has_rule = module.rules.iter().any(|rule| rule.path[0] == import.name);
            let reserved = ["input", "data"].contains(&&*import.name) && import.path.len() > 1;
            let previous = imports.insert(import.name.clone(), import.path.clone());
            if has_rule || reserved || previous.is_some() {
                let why = format!("the name {} is used twice", import.name);
                return Err(Refusal::at(import.line, why));
            }
        }
        Ok(Self {
            names,
            package: full_path(module, &[]),
            imports,
        })
    }

    /// Whether a name is that of a rule, an import or a document.
    pub(super) fn is_known(&self, name: &str) -> bool {
        ["input", "data"].contains(&name) || self.imports.contains_key(name) || self.is_rule(name)
    }

    fn is_rule(&self, name: &str) -> bool {
        let mut path = self.package.clone();
        path.push(name.into());
        self.names.by_path.contains_key(&path)
    }

    /// The full path of a name and the constant parts that follow it.
    pub(super) fn full(&self, name: &str, parts: &[Arc<str>]) -> Option<Path> {
        let mut path: Path = if ["input", "data"].contains(&name) {
            vec![name.into()]
        } else if let Some(import) = self.imports.get(name) {
            import.clone()
        } else if self.is_rule(name) {
            let mut path = self.package.clone();
            path.push(name.into());
            path
        } else {
            return None;
        };
        path.extend(parts.iter().cloned());
        Some(path)
    }

    /// What a full path begins with. The longest name of a rule counts.
    pub(super) fn base(&self, path: &[Arc<str>]) -> Option<Base> {
        if path.first().is_some_and(|first| &**first == "input") {
            return Some(Base::Input);
        }
        (1..=path.len()).rev().find_map(|length| {
            let group = self.names.by_path.get(&path[..length])?;
            Some(Base::Group(*group, length))
        })
    }

    /// Whether rules have names within this path.
    pub(super) fn is_package(&self, path: &[Arc<str>]) -> bool {
        let mut forms = self.names.forms.iter();
        forms.any(|named| named.path.len() > path.len() && named.path.starts_with(path))
    }
}
