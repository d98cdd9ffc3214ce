//! Evaluates SPDX licence expressions against a list of allowed licences.

/// Whether the licences in `allowed` satisfy the expression: one branch of each `OR`, all of each
/// `AND`. The old form `MIT/Apache-2.0` means `OR`. An invalid expression is never satisfied.
pub(super) fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader {
        words: &words,
        position: 0,
        allowed,
    };
    let satisfied = reader.parse_or();
    satisfied == Some(true) && reader.position == words.len()
}

struct Reader<'a> {
    words: &'a [&'a str],
    position: usize,
    allowed: &'a [String],
}

/// Each method returns `None` for an invalid expression.
impl Reader<'_> {
    fn parse_or(&mut self) -> Option<bool> {
        let mut satisfied = self.parse_and()?;
        while self.take("OR") {
            satisfied |= self.parse_and()?;
        }
        Some(satisfied)
    }

    fn parse_and(&mut self) -> Option<bool> {
        let mut satisfied = self.parse_term()?;
        while self.take("AND") {
            satisfied &= self.parse_term()?;
        }
        Some(satisfied)
    }

    fn parse_term(&mut self) -> Option<bool> {
        if self.take("(") {
            let inner = self.parse_or()?;
            return self.take(")").then_some(inner);
        }
        let mut name = (*self.words.get(self.position)?).to_owned();
        self.position += 1;
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.words.get(self.position)?);
            self.position += 1;
        }
        Some(self.allowed.contains(&name))
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self
            .words
            .get(self.position)
            .is_some_and(|next| *next == word);
        self.position += usize::from(is_next);
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn reads_expressions_as_spdx_does() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(String::from);
        for accepted in [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-3.0 OR MIT",
            "(GPL-3.0 OR MIT) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(is_allowed(accepted, &allowed), "{accepted}");
        }
        for rejected in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MIT OR",
            "(MIT",
            "MIT MIT",
            "GPL-3.0 OR MIT AND GPL-3.0",
            "MIT WITH x",
        ] {
            assert!(!is_allowed(rejected, &allowed), "{rejected}");
        }
    }
}
