//! The parser of terms: literals, references, calls and operators.

use super::Refusal;
use super::ast::{Field, MEMBER, MEMBER_WITH_KEY, Term, TermKind};
use super::number::Number;
use super::parse::Parser;
use super::token::Kind;

/// The operators with the names of their functions, from the weakest to the strongest.
const LEVELS: [&[(&str, &str)]; 5] = [
    &[
        ("==", "equal"),
        ("!=", "neq"),
        ("<", "lt"),
        ("<=", "lte"),
        (">", "gt"),
        (">=", "gte"),
    ],
    &[("|", "or")],
    &[("&", "and")],
    &[("+", "plus"), ("-", "minus")],
    &[("*", "mul"), ("/", "div"), ("%", "rem")],
];

/// The operators of one level in a row.
const MAX_CHAIN: usize = 64;

type Parsed<T> = Result<T, Refusal>;

impl Parser<'_> {
    /// A term with operators; `k, v in xs` is one too.
    pub(super) fn term(&mut self) -> Parsed<Term> {
        self.nested(|parser| parser.membership(None, true))
    }

    /// A term of a list, where a comma separates.
    fn item(&mut self, first: Option<Term>) -> Parsed<Term> {
        self.nested(|parser| parser.membership(first, false))
    }

    /// What `every x in` is followed by. (OPA reads a relation there.)
    pub(super) fn domain(&mut self) -> Parsed<Term> {
        self.nested(|parser| parser.level(None, 0))
    }

    fn membership(&mut self, first: Option<Term>, with_key: bool) -> Parsed<Term> {
        let mut left = self.level(first, 0)?;
        if with_key && self.is_symbol(",") {
            let start = self.position();
            self.next();
            let value = self.level(None, 0)?;
            if self.take_word("in") {
                let collection = self.level(None, 0)?;
                left = call(left.line, MEMBER_WITH_KEY, vec![left, value, collection]);
            } else {
                self.rewind(start);
            }
        }
        let mut count = 0;
        while self.take_word("in") {
            count += 1;
            self.check_chain(count)?;
            let collection = self.level(None, 0)?;
            left = call(left.line, MEMBER, vec![left, collection]);
        }
        Ok(left)
    }

    fn level(&mut self, first: Option<Term>, level: usize) -> Parsed<Term> {
        let Some(operators) = LEVELS.get(level) else {
            return first.map_or_else(|| self.plain_term(), Ok);
        };
        let mut left = self.level(first, level + 1)?;
        let mut count = 0;
        while let Some((_, function)) = operators.iter().find(|(symbol, _)| self.is_symbol(symbol))
        {
            self.next();
            count += 1;
            self.check_chain(count)?;
            let right = self.level(None, level + 1)?;
            left = call(left.line, function, vec![left, right]);
        }
        Ok(left)
    }

    /// Operators in a row nest to the left.
    fn check_chain(&self, count: usize) -> Parsed<()> {
        match count > MAX_CHAIN {
            true => {
                let why = format!("more than {MAX_CHAIN} operators in a row");
                Err(Refusal::at(self.peek().line, why))
            }
            false => Ok(()),
        }
    }

    /// A term without operators, unless in brackets.
    pub(super) fn plain_term(&mut self) -> Parsed<Term> {
        self.nested(|parser| {
            let head = parser.head_term()?;
            parser.reference(head)
        })
    }

    fn head_term(&mut self) -> Parsed<Term> {
        let token = self.peek();
        let line = token.line;
        let kind = match (token.kind, token.text) {
            (Kind::Number, _) => self.number("")?,
            (Kind::Text, text) => {
                self.next();
                TermKind::Text(unquoted(line, text)?.as_str().into())
            }
            (Kind::RawText, text) => {
                self.next();
                TermKind::Text(text[1..text.len() - 1].into())
            }
            (Kind::Name, "null") => self.constant(TermKind::Null),
            (Kind::Name, "true") => self.constant(TermKind::Bool(true)),
            (Kind::Name, "false") => self.constant(TermKind::Bool(false)),
            (Kind::Name, _) => TermKind::Var(self.name("a term")?),
            (Kind::Symbol, "-") => {
                self.next();
                return self.negative(line);
            }
            (Kind::Symbol, "[") => {
                self.next();
                self.array()?
            }
            (Kind::Symbol, "{") => {
                self.next();
                self.set_or_object()?
            }
            (Kind::Symbol, "(") => {
                self.next();
                let inner = self.term()?;
                self.expect(")")?;
                return Ok(inner);
            }
            _ => return Err(self.unexpected("a term")),
        };
        Ok(Term { line, kind })
    }

    fn constant(&mut self, kind: TermKind) -> TermKind {
        self.next();
        kind
    }

    /// What follows a minus: a number, or a reference, which is subtracted from 0.
    fn negative(&mut self, line: u32) -> Parsed<Term> {
        if self.peek().kind == Kind::Number {
            let kind = self.number("-")?;
            return Ok(Term { line, kind });
        }
        if self.peek().kind != Kind::Name {
            return Err(self.unexpected("a number or a name after `-`"));
        }
        let kind = TermKind::Var(self.name("a name after `-`")?);
        let subtracted = self.reference(Term { line, kind })?;
        let kind = TermKind::Number(Number::Int(0));
        Ok(call(line, "minus", vec![Term { line, kind }, subtracted]))
    }

    fn number(&mut self, sign: &str) -> Parsed<TermKind> {
        let token = self.next();
        let text = format!("{sign}{}", token.text);
        let inexact = || {
            let why = format!(
                "the number {text} is above 2^53, or not in its shortest form; write an \
                 amount as a string and compare it with florin.amount"
            );
            Refusal::at(token.line, why)
        };
        Number::literal(&text)
            .map(TermKind::Number)
            .ok_or_else(inexact)
    }

    /// What follows a term without space: `.name`, `[key]`, `(arguments)`.
    fn reference(&mut self, head: Term) -> Parsed<Term> {
        let line = head.line;
        let (mut head, mut path) = (head, Vec::new());
        while !self.peek().after_space {
            if self.is_symbol(".") || self.is_symbol("[") {
                check_head(&head)?;
                path.push(self.part()?);
            } else if self.take_symbol("(") {
                let name = function_name(&head, &path)?;
                let args = self.list(")")?;
                head = match (name.as_str(), args.is_empty()) {
                    ("set", true) => Term {
                        line,
                        kind: TermKind::Set(Vec::new()),
                    },
                    _ => call(line, &name, args),
                };
                path = Vec::new();
            } else {
                break;
            }
        }
        Ok(match path.is_empty() {
            true => head,
            false => Term {
                line,
                kind: TermKind::Ref(Box::new(head), path),
            },
        })
    }

    fn part(&mut self) -> Parsed<Term> {
        let line = self.peek().line;
        if self.take_symbol("[") {
            let key = self.term()?;
            self.expect("]")?;
            return Ok(key);
        }
        self.next(); // the dot
        let name = self.peek();
        if name.kind != Kind::Name || name.after_space {
            return Err(self.unexpected("a name after the dot"));
        }
        self.next();
        Ok(Term {
            line,
            kind: TermKind::Text(name.text.into()),
        })
    }

    /// The items up to a closing bracket, which is taken.
    pub(super) fn list(&mut self, close: &str) -> Parsed<Vec<Term>> {
        let mut items = Vec::new();
        while !self.take_symbol(close) {
            items.push(self.item(None)?);
            if !self.is_symbol(close) {
                self.expect(",")?;
            }
        }
        Ok(items)
    }

    fn array(&mut self) -> Parsed<TermKind> {
        if self.take_symbol("]") {
            return Ok(TermKind::Array(Vec::new()));
        }
        let first = self.plain_term()?;
        if self.take_symbol("|") {
            let body = self.body("]")?;
            return Ok(TermKind::ArrayOf(Box::new(first), body));
        }
        Ok(TermKind::Array(self.rest_of_list(first, "]")?))
    }

    fn rest_of_list(&mut self, first: Term, close: &str) -> Parsed<Vec<Term>> {
        let mut items = vec![self.item(Some(first))?];
        if self.take_symbol(close) {
            return Ok(items);
        }
        self.expect(",")?;
        items.extend(self.list(close)?);
        Ok(items)
    }

    fn set_or_object(&mut self) -> Parsed<TermKind> {
        if self.take_symbol("}") {
            return Ok(TermKind::Object(Vec::new()));
        }
        let first = self.plain_term()?;
        if self.take_symbol("|") {
            let body = self.body("}")?;
            return Ok(TermKind::SetOf(Box::new(first), body));
        }
        let first = self.item(Some(first))?;
        if self.take_symbol(":") {
            return self.object(first);
        }
        if self.take_symbol("}") {
            return Ok(TermKind::Set(vec![first]));
        }
        self.expect(",")?;
        let mut items = vec![first];
        items.extend(self.list("}")?);
        Ok(TermKind::Set(items))
    }

    fn object(&mut self, key: Term) -> Parsed<TermKind> {
        let value = self.plain_term()?;
        if self.take_symbol("|") {
            let body = self.body("}")?;
            return Ok(TermKind::ObjectOf(Box::new(Field { key, value }), body));
        }
        let value = self.item(Some(value))?;
        let mut fields = vec![Field { key, value }];
        while !self.take_symbol("}") {
            self.expect(",")?;
            if self.take_symbol("}") {
                break;
            }
            let key = self.item(None)?;
            self.expect(":")?;
            let value = self.item(None)?;
            fields.push(Field { key, value });
        }
        Ok(TermKind::Object(fields))
    }
}

fn call(line: u32, name: &str, args: Vec<Term>) -> Term {
    Term {
        line,
        kind: TermKind::Call(name.to_owned(), args),
    }
}

fn check_head(head: &Term) -> Parsed<()> {
    match head.kind {
        TermKind::Null | TermKind::Bool(_) | TermKind::Number(_) | TermKind::Text(_) => {
            Err(Refusal::at(head.line, "a constant has no parts"))
        }
        _ => Ok(()),
    }
}

fn function_name(head: &Term, path: &[Term]) -> Parsed<String> {
    let refused = || Refusal::at(head.line, "a function must be named in full");
    let TermKind::Var(name) = &head.kind else {
        return Err(refused());
    };
    let mut full = name.to_string();
    for part in path {
        let TermKind::Text(part) = &part.kind else {
            return Err(refused());
        };
        full = format!("{full}.{part}");
    }
    Ok(full)
}

fn unquoted(line: u32, text: &str) -> Parsed<String> {
    if !text.contains('\\') {
        return Ok(text[1..text.len() - 1].to_owned());
    }
    serde_json::from_str(text)
        .map_err(|_| Refusal::at(line, format!("the string {text} has an unknown escape")))
}
