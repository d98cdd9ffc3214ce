//! Rust source as tokens, so that comments, strings and line breaks do not mislead a check. Code
//! under `#[cfg(test)]` is left out.

use proc_macro2::{Delimiter, Group, Literal, TokenStream, TokenTree};

/// The contents of a file, with line numbers.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The contents of string literals outside attributes, escapes resolved.
    pub(super) texts: Vec<(usize, String)>,
    /// All identifiers.
    pub(super) names: Vec<(usize, String)>,
    /// Functions with a body: the line, the name, and the number of lines.
    pub(super) functions: Vec<(usize, String, usize)>,
    /// Macro calls in order: the name and the tokens in the brackets.
    pub(super) macros: Vec<(String, TokenStream)>,
    /// Attributes: the line, and the tokens in the brackets.
    pub(super) attributes: Vec<(usize, TokenStream)>,
}

/// Parse a file. Returns the reason if it is not Rust.
pub(super) fn read(text: &str) -> Result<Source, String> {
    // Skip a `#!` line.
    let text = if text.starts_with("#!/") {
        text.split_once('\n').map_or("", |(_, rest)| rest)
    } else {
        text
    };
    let stream: TokenStream = text.parse().map_err(|e| format!("is not Rust: {e}"))?;
    let mut source = Source::default();
    source.walk(&stream.into_iter().collect::<Vec<_>>());
    Ok(source)
}

impl Source {
    fn walk(&mut self, tokens: &[TokenTree]) {
        let mut index = 0;
        while index < tokens.len() {
            if let Some((attribute, length)) = attribute(&tokens[index..]) {
                if is_for_tests(attribute) {
                    index += length + item_length(&tokens[index + length..]);
                    continue;
                }
                self.attribute(attribute);
                index += length;
                continue;
            }
            self.note_function(&tokens[index..]);
            self.note_macro(&tokens[index..]);
            self.token(&tokens[index]);
            index += 1;
        }
    }

    fn token(&mut self, token: &TokenTree) {
        match token {
            TokenTree::Group(group) => self.walk(&group.stream().into_iter().collect::<Vec<_>>()),
            TokenTree::Ident(name) => self.names.push((line(token), name.to_string())),
            TokenTree::Literal(literal) => self
                .texts
                .extend(content(literal).map(|text| (line(token), text))),
            TokenTree::Punct(_) => {}
        }
    }

    /// Only the names of an attribute are kept: its texts are documentation and messages.
    fn attribute(&mut self, attribute: &Group) {
        let mut inside = Self::default();
        inside.walk(&attribute.stream().into_iter().collect::<Vec<_>>());
        self.names.extend(inside.names);
        self.attributes
            .push((attribute.span_open().start().line, attribute.stream()));
    }

    /// `fn name … { … }`, up to the first braces or a semicolon.
    fn note_function(&mut self, tokens: &[TokenTree]) {
        let [TokenTree::Ident(keyword), TokenTree::Ident(name), rest @ ..] = tokens else {
            return;
        };
        if keyword != "fn" {
            return;
        }
        let end = rest
            .iter()
            .find(|token| is_braces(token) || is_punct(token, ';'));
        if let Some(TokenTree::Group(body)) = end {
            let start = keyword.span().start().line;
            self.functions.push((
                start,
                name.to_string(),
                body.span_close().end().line + 1 - start,
            ));
        }
    }

    /// `name! { … }`, with any brackets.
    fn note_macro(&mut self, tokens: &[TokenTree]) {
        if let [
            TokenTree::Ident(name),
            TokenTree::Punct(bang),
            TokenTree::Group(body),
            ..,
        ] = tokens
            && bang.as_char() == '!'
        {
            self.macros.push((name.to_string(), body.stream()));
        }
    }
}

/// An attribute `#[…]` or `#![…]`, and its number of tokens.
fn attribute(tokens: &[TokenTree]) -> Option<(&Group, usize)> {
    let inner = usize::from(tokens.get(1).is_some_and(|token| is_punct(token, '!')));
    match (tokens.first()?, tokens.get(1 + inner)?) {
        (hash, TokenTree::Group(group))
            if is_punct(hash, '#') && group.delimiter() == Delimiter::Bracket =>
        {
            Some((group, 2 + inner))
        }
        _ => None,
    }
}

/// Whether the attribute is `cfg(test)` or `cfg(all(test, …))`. Not `cfg(not(test))` or
/// `cfg(any(test, …))`, which also apply to production code.
fn is_for_tests(attribute: &Group) -> bool {
    let words: Vec<String> = attribute
        .stream()
        .to_string()
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_owned)
        .collect();
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|keyword| !keyword.is_empty())
        .collect();
    matches!(
        words.as_slice(),
        ["cfg", "test"] | ["cfg", "all", "test", ..]
    )
}

/// The number of tokens of the first item: further attributes, then up to braces or a semicolon.
fn item_length(tokens: &[TokenTree]) -> usize {
    let end = tokens
        .iter()
        .position(|token| is_braces(token) || is_punct(token, ';'));
    end.map_or(tokens.len(), |end| end + 1)
}

fn is_braces(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

/// The content of a string literal; `None` for numbers and characters.
pub(super) fn content(literal: &Literal) -> Option<String> {
    let literal_text = literal.to_string();
    let open = literal_text.find('"')?;
    let prefix = &literal_text[..open];
    let hashes = prefix.chars().filter(|c| *c == '#').count();
    if !prefix.chars().all(|c| matches!(c, 'r' | 'b' | 'c' | '#')) {
        return None;
    }
    let inside = literal_text.get(open + 1..literal_text.rfind('"')?)?;
    Some(if prefix.contains('r') || hashes > 0 {
        inside.to_owned()
    } else {
        unescape(inside)
    })
}

/// Resolve escapes, since `\x53` is an S in SQL too.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        rest = escape(after, &mut plain);
    }
    plain + rest
}

/// Resolve one escape, without its backslash. Returns the text after it.
fn escape<'a>(text: &'a str, into: &mut String) -> &'a str {
    let coded = |digits: &str| {
        u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32)
    };
    let (kind, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    match kind {
        "n" | "t" | "r" => into.push(' '),
        "\n" => return rest.trim_start(),
        "x" => into.extend(rest.get(..2).and_then(coded)),
        "u" => into.extend(
            rest.strip_prefix('{')
                .and_then(|rest| coded(rest.split_once('}')?.0)),
        ),
        other => into.push_str(other),
    }
    match kind {
        "x" => rest.get(2..).unwrap_or_default(),
        "u" => rest.split_once('}').map_or("", |(_, rest)| rest),
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        read(source)
            .expect("Rust")
            .texts
            .into_iter()
            .map(|(_, text)| text)
            .collect()
    }

    #[test]
    fn comments_and_attributes_are_not_texts() {
        let source =
            "// \"a\"\n/* \"b\" */ /// \"c\"\n#[error(\"d\")] fn f() { g(\"e\", 'f', b\"g\", 8) }";
        assert_eq!(texts(source), ["e", "g"]);
    }

    #[test]
    fn escapes_raw_strings_and_macros_are_resolved() {
        assert_eq!(texts(r#"const A: &str = "\x53\u{45}L\"\\";"#), [r#"SEL"\"#]);
        assert_eq!(texts("const A: &str = \"one \\\n     two\";"), ["one two"]);
        assert_eq!(texts("m! { [r#\"raw \"x\" \\n\"#] }"), ["raw \"x\" \\n"]);
    }

    #[test]
    fn test_code_is_left_out() {
        let source = r#"#[cfg(test)] #[allow(x)] mod tests { f("a"); } #[cfg(all(test, unix))] use b; fn g() { f("c") }"#;
        let read = read(source).expect("Rust");
        assert_eq!(read.texts, [(1, "c".to_owned())]);
        assert!(
            read.names
                .iter()
                .all(|(_, name)| name != "b" && name != "tests")
        );
        assert_eq!(
            texts(r#"#[cfg(not(test))] const A: &str = "seen"; #[cfg(any(test, x))] const B: &str = "too";"#).len(),
            2
        );
        assert!(texts("#![cfg(test)] const A: &str = \"a\";").is_empty());
    }

    #[test]
    fn functions_are_measured_from_keyword_to_closing_brace() {
        let source = "trait T { fn none(); }\nfn one() -> [u8; 2] {\n  two\n}\n";
        assert_eq!(
            read(source).expect("Rust").functions,
            [(2, "one".to_owned(), 3)]
        );
    }
}
