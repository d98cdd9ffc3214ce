//! The parser: packages, imports, rules and bodies. It takes the part of Rego (version 1) that the
//! evaluator knows, and reads it as OPA does.

use super::Refusal;
use super::ast::{
    Branch, Head, Import, Literal, LiteralKind, MEMBER, MEMBER_WITH_KEY, Module, Rule, Term,
    TermKind,
};
use super::token::{Kind, Token, tokens};
use std::sync::Arc;

/// The largest nesting of terms and bodies.
const MAX_DEPTH: usize = 64;

const KEYWORDS: &[&str] = &[
    "as", "default", "else", "every", "false", "if", "import", "in", "not", "null", "package",
    "some", "true", "with",
];

type Parsed<T> = Result<T, Refusal>;

pub(super) struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    at: usize,
    depth: usize,
}

/// Parse a document.
pub(crate) fn parse(text: &str) -> Parsed<Module> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    parser.module()
}

impl<'t> Parser<'t> {
    pub(super) fn peek(&self) -> Token<'t> {
        self.tokens[self.at]
    }

    pub(super) fn next(&mut self) -> Token<'t> {
        let token = self.peek();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn rewind(&mut self, position: usize) {
        self.at = position;
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Symbol && token.text == symbol
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Name && token.text == word
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Parsed<()> {
        match self.take_symbol(symbol) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("`{symbol}`"))),
        }
    }

    pub(super) fn unexpected(&self, expected: &str) -> Refusal {
        let token = self.peek();
        let seen: String = token.text.chars().take(40).collect();
        let seen = match token.kind {
            Kind::End => "the end of the document".to_owned(),
            _ => format!("{seen:?}"),
        };
        Refusal::at(token.line, format!("{seen} instead of {expected}"))
    }

    /// Run a step one level deeper.
    pub(super) fn nested<T>(&mut self, step: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            let line = self.peek().line;
            let why = format!("more than {MAX_DEPTH} levels are nested; write rules of their own");
            return Err(Refusal::at(line, why));
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    /// A name that is no keyword.
    pub(super) fn name(&mut self, what: &str) -> Parsed<Arc<str>> {
        let token = self.peek();
        if token.kind != Kind::Name || KEYWORDS.contains(&token.text) {
            return Err(self.unexpected(what));
        }
        self.at += 1;
        Ok(token.text.into())
    }

    fn module(&mut self) -> Parsed<Module> {
        if !self.take_word("package") {
            return Err(self.unexpected("`package`"));
        }
        let package = self.path("the name of the package")?;
        let mut module = Module {
            package,
            imports: Vec::new(),
            rules: Vec::new(),
        };
        while self.peek().kind != Kind::End {
            if !self.peek().after_line {
                return Err(self.unexpected("a new line"));
            }
            if self.is_word("import") {
                if !module.rules.is_empty() {
                    return Err(self.unexpected("a rule: imports come first"));
                }
                module.imports.extend(self.import()?);
            } else {
                module.rules.push(self.rule()?);
            }
        }
        Ok(module)
    }

    /// A path of constant parts: `data.florin.amount`.
    fn path(&mut self, what: &str) -> Parsed<Vec<Arc<str>>> {
        let line = self.peek().line;
        let term = self.plain_term()?;
        let refused = || Refusal::at(line, format!("{what} is not made of plain words"));
        match term.kind {
            TermKind::Var(name) => Ok(vec![name]),
            TermKind::Ref(head, parts) => {
                let TermKind::Var(head) = head.kind else {
                    return Err(refused());
                };
                let mut path = vec![head];
                for part in parts {
                    match part.kind {
                        TermKind::Text(part) => path.push(part),
                        _ => return Err(refused()),
                    }
                }
                Ok(path)
            }
            _ => Err(refused()),
        }
    }

    /// An import; none for those of keywords, which are always known.
    fn import(&mut self) -> Parsed<Option<Import>> {
        let line = self.next().line;
        let path = self.path("an import")?;
        let name = match self.take_word("as") {
            true => self.name("a name")?,
            false => path.last().cloned().unwrap_or_default(),
        };
        let parts: Vec<&str> = path.iter().map(|part| &**part).collect();
        match parts.as_slice() {
            ["rego", "v1"] | ["future", "keywords"] => Ok(None),
            ["future", "keywords", "if" | "in" | "contains" | "every"] => Ok(None),
            ["data" | "input", ..] => Ok(Some(Import { line, path, name })),
            _ => Err(Refusal::at(
                line,
                format!("the import {} is not known", parts.join(".")),
            )),
        }
    }

    fn rule(&mut self) -> Parsed<Rule> {
        let line = self.peek().line;
        if self.take_word("default") {
            return self.default_rule(line);
        }
        let (path, mut head) = self.head()?;
        if self.take_word("contains") {
            if !matches!(head, Head::Complete) {
                return Err(self.unexpected("`:=`: only a plain name contains values"));
            }
            let value = self.term()?;
            let body = match self.is_word("if") {
                true => self.rule_body()?,
                false => Vec::new(),
            };
            head = Head::Set;
            return Ok(Rule {
                line,
                path,
                head,
                branches: vec![Branch { value, body }],
            });
        }
        let assigned = self.assigned_value()?;
        let has_value = assigned.is_some();
        let value = assigned.unwrap_or_else(|| yes(line));
        let mut branches = Vec::new();
        match (self.is_word("if"), has_value) {
            (true, _) => {
                let body = self.rule_body()?;
                branches.push(Branch { value, body });
                self.else_branches(&mut branches)?;
            }
            (false, true) => branches.push(Branch {
                value,
                body: Vec::new(),
            }),
            (false, false) => return Err(self.unexpected("`:=`, `if` or `contains`")),
        }
        if matches!(head, Head::Object(_)) && branches.len() > 1 {
            return Err(Refusal::at(line, "a rule with a key cannot have `else`"));
        }
        Ok(Rule {
            line,
            path,
            head,
            branches,
        })
    }

    fn assigned_value(&mut self) -> Parsed<Option<Term>> {
        match self.take_symbol(":=") || self.take_symbol("=") {
            true => self.term().map(Some),
            false => Ok(None),
        }
    }

    fn else_branches(&mut self, branches: &mut Vec<Branch>) -> Parsed<()> {
        while self.is_word("else") {
            let line = self.next().line;
            let assigned = self.assigned_value()?;
            if assigned.is_none() && !self.is_word("if") {
                return Err(self.unexpected("`:=` or `if` after `else`"));
            }
            let has_body = self.is_word("if");
            let body = match has_body {
                true => self.rule_body()?,
                false => Vec::new(),
            };
            let value = assigned.unwrap_or_else(|| yes(line));
            branches.push(Branch { value, body });
            if !has_body {
                break;
            }
        }
        Ok(())
    }

    fn default_rule(&mut self, line: u32) -> Parsed<Rule> {
        let (path, head) = self.head()?;
        let head = match head {
            Head::Complete => Head::Default,
            Head::Function(args) => {
                let is_name = |arg: &Term| matches!(&arg.kind, TermKind::Var(_));
                if !args.iter().all(is_name) {
                    return Err(Refusal::at(line, "a default takes only names as arguments"));
                }
                Head::DefaultFunction(args.len())
            }
            _ => return Err(Refusal::at(line, "a rule with a key cannot have a default")),
        };
        let Some(value) = self.assigned_value()? else {
            return Err(self.unexpected("`:=`"));
        };
        if !value.is_constant() {
            return Err(Refusal::at(line, "the value of a default must be constant"));
        }
        let body = Vec::new();
        Ok(Rule {
            line,
            path,
            head,
            branches: vec![Branch { value, body }],
        })
    }

    /// The name of a rule with its key or arguments.
    fn head(&mut self) -> Parsed<(Vec<Arc<str>>, Head)> {
        let mut path = vec![self.name("the name of a rule")?];
        loop {
            let token = self.peek();
            if token.after_space {
                return Ok((path, Head::Complete));
            }
            if self.take_symbol(".") {
                let part = self.next();
                if part.kind != Kind::Name || part.after_space {
                    return Err(Refusal::at(part.line, "a rule's name ends with a dot"));
                }
                path.push(part.text.into());
            } else if self.take_symbol("[") {
                let key = self.term()?;
                self.expect("]")?;
                match key.kind {
                    TermKind::Text(part) => path.push(part),
                    _ => return Ok((path, Head::Object(key))),
                }
            } else if self.take_symbol("(") {
                let args = self.list(")")?;
                if args.is_empty() {
                    return Err(Refusal::at(token.line, "a function needs an argument"));
                }
                return Ok((path, Head::Function(args)));
            } else {
                return Ok((path, Head::Complete));
            }
        }
    }

    /// `if {…}` or `if` with one expression.
    fn rule_body(&mut self) -> Parsed<Vec<Literal>> {
        self.next(); // `if`
        if !self.is_symbol("{") {
            return Ok(vec![self.nested(Self::literal)?]);
        }
        self.next();
        // OPA reads `if {x | …}` as a set, which always holds.
        let start = self.position();
        let is_set = self.plain_term().is_ok() && self.is_symbol("|");
        self.rewind(start);
        match is_set {
            true => Err(self.unexpected("a condition: `if {… | …}` is a set")),
            false => self.body("}"),
        }
    }

    /// Literals up to a closing bracket, which is taken.
    pub(super) fn body(&mut self, close: &str) -> Parsed<Vec<Literal>> {
        let mut body = Vec::new();
        loop {
            body.push(self.nested(Self::literal)?);
            if self.take_symbol(";") {
                continue;
            }
            if self.take_symbol(close) {
                return Ok(body);
            }
            if !self.peek().after_line {
                return Err(self.unexpected(&format!("`;`, a new line or `{close}`")));
            }
        }
    }

    fn literal(&mut self) -> Parsed<Literal> {
        let line = self.peek().line;
        let kind = if self.take_word("not") {
            if self.is_word("some") || self.is_word("every") || self.is_word("not") {
                return Err(self.unexpected("an expression after `not`"));
            }
            let kind = self.expression()?;
            LiteralKind::Not(Box::new(Literal { line, kind }))
        } else if self.take_word("some") {
            self.some()?
        } else if self.take_word("every") {
            self.every()?
        } else {
            self.expression()?
        };
        if self.is_word("with") {
            let why = "`with` is only for tests of documents (`opa test`)";
            return Err(Refusal::at(line, why));
        }
        Ok(Literal { line, kind })
    }

    fn expression(&mut self) -> Parsed<LiteralKind> {
        let left = self.term()?;
        if self.take_symbol(":=") {
            return Ok(LiteralKind::Assign(left, self.term()?));
        }
        if self.take_symbol("=") {
            return Ok(LiteralKind::Unify(left, self.term()?));
        }
        Ok(LiteralKind::Term(left))
    }

    fn some(&mut self) -> Parsed<LiteralKind> {
        let start = self.position();
        let term = self.term()?;
        if let TermKind::Call(name, args) = term.kind
            && [MEMBER, MEMBER_WITH_KEY].contains(&name.as_str())
        {
            return Ok(some_in(args));
        }
        self.rewind(start);
        let mut names = vec![self.name("a name")?];
        while self.take_symbol(",") {
            names.push(self.name("a name")?);
        }
        Ok(LiteralKind::Some(names))
    }

    fn every(&mut self) -> Parsed<LiteralKind> {
        let first = self.name("a name after `every`")?;
        let (key, value) = match self.take_symbol(",") {
            true => (Some(first), self.name("a name")?),
            false => (None, first),
        };
        if !self.take_word("in") {
            return Err(self.unexpected("`in`"));
        }
        let domain = self.domain()?;
        self.expect("{")?;
        let body = self.body("}")?;
        Ok(LiteralKind::Every {
            key,
            value,
            domain,
            body,
        })
    }
}

fn some_in(mut args: Vec<Term>) -> LiteralKind {
    let collection = args.pop();
    let value = args.pop();
    match (value, collection) {
        (Some(value), Some(collection)) => LiteralKind::SomeIn {
            key: args.pop(),
            value,
            collection,
        },
        _ => LiteralKind::Some(Vec::new()),
    }
}

fn yes(line: u32) -> Term {
    Term {
        line,
        kind: TermKind::Bool(true),
    }
}
