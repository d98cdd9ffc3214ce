//! Conditions on one row. A negated condition also holds where there is nothing to compare, alike
//! on both engines.

use super::Builder;
use crate::field::{Field, Is};
use crate::fold::fold;
use crate::metadata::Form;
use crate::query::operand::kept;
use crate::query::{Check, Filter, Order, Part, Subject, Test};
use store::Cell;

/// Which chains compare addresses without case.
pub(super) const CASELESS: &str = "substr(t.chain, 1, 7) = 'eip155:'";

/// Words of our own sort by bytes too, once an empty piece of a column that does is added:
/// PostgreSQL takes the order from there.
const BY_BYTES: &str = " || substr(t.chain, 1, 0)";

impl Order {
    fn sign(self) -> &'static str {
        match self {
            Order::Eq => "=",
            Order::Lt => "<",
            Order::Lte => "<=",
            Order::Gt => ">",
            Order::Gte => ">=",
        }
    }
}

impl Builder<'_> {
    pub(super) fn filter(&mut self, filter: &Filter) -> String {
        match filter {
            Filter::All(filters) => self.joined(filters, " AND ", "1 = 1"),
            Filter::Any(filters) => self.joined(filters, " OR ", "1 = 0"),
            Filter::Test(test) => self.test(test),
        }
    }

    fn joined(&mut self, filters: &[Filter], by: &str, none: &str) -> String {
        let parts: Vec<String> = filters.iter().map(|filter| self.filter(filter)).collect();
        if parts.is_empty() {
            none.to_owned()
        } else {
            format!("({})", parts.join(by))
        }
    }

    fn test(&mut self, test: &Test) -> String {
        let condition = match &test.subject {
            Subject::Field(field) => self.field(field, &test.check, test.folded),
            Subject::Label(key) => self.label(key, &test.check, test.folded),
            Subject::Declared { path, form, .. } => {
                self.declared(&path.text, *form, &test.check, test.folded)
            }
            Subject::Free(_) => unreachable!("undeclared paths are not for the database"),
        };
        if test.negated {
            format!("NOT COALESCE({condition}, FALSE)")
        } else {
            condition
        }
    }

    fn field(&mut self, field: &Field, check: &Check, folded: bool) -> String {
        let column = format!("t.{}", field.column);
        if field.may_be_empty() {
            return self.unless_empty(field, &column, check, folded);
        }
        match field.is {
            Is::Ref(kind) => self.reference(&column, kind, check, folded),
            Is::ParentRef => self.parent(check, folded),
            Is::ParentAsset => self.parent_asset(check, folded),
            Is::Qualified if !folded => self.qualified(check),
            Is::Masked(_) => self.check(&unmasked(&column), check, folded),
            _ if field.is_stored() && field.is != Is::Direction => {
                self.check(&column, check, folded)
            }
            _ => {
                let expression = self.derived(field);
                self.check(&expression, check, folded)
            }
        }
    }

    /// Empty text says that there is nothing.
    fn unless_empty(&mut self, field: &Field, column: &str, check: &Check, folded: bool) -> String {
        if matches!(check, Check::Null) {
            return format!("({column} IS NULL OR {column} = '')");
        }
        let condition = match field.is {
            Is::Address if !folded => self.address(column, CASELESS, check),
            _ => self.check(column, check, folded),
        };
        format!("({column} <> '' AND {condition})")
    }

    /// What a field without a column shows.
    pub(super) fn derived(&mut self, field: &Field) -> String {
        match field.is {
            Is::Qualified => {
                "CASE WHEN t.address = '' THEN t.name ELSE t.address || '/' || t.name END"
                    .to_owned()
            }
            Is::Direction => {
                format!("(CASE WHEN t.direction < 0 THEN 'subtract' ELSE 'add' END{BY_BYTES})")
            }
            Is::ChangeId => "t.transfer_id || '/' || t.place".to_owned(),
            Is::Status => self.status(),
            _ => unreachable!("{} has a column, or is only shown", field.name),
        }
    }

    fn status(&mut self) -> String {
        let mut finals = String::from("1 = 0");
        let known: Vec<(String, i64)> = self
            .finals
            .iter()
            .map(|(chain, height)| (chain.to_owned(), height.stored()))
            .collect();
        for (chain, height) in known {
            let (chain, height) = (self.text(chain), self.cell(&Cell::Int(height)));
            finals.push_str(&format!(" OR (t.chain = {chain} AND t.height <= {height})"));
        }
        format!(
            "(CASE WHEN t.reverted = 1 THEN 'reverted' WHEN t.height IS NULL OR {finals} THEN 'final' ELSE 'pending' END{BY_BYTES})"
        )
    }

    /// A check of a plain value.
    pub(super) fn check(&mut self, expression: &str, check: &Check, folded: bool) -> String {
        let of_text = check.texts().next().is_some();
        let expression = if folded && of_text {
            format!("lower({expression})")
        } else {
            expression.to_owned()
        };
        let mut operand = |cell: &Cell| match cell {
            Cell::Text(text) if folded => self.text(fold(text)),
            cell => self.cell(cell),
        };
        match check {
            Check::Null => format!("{expression} IS NULL"),
            Check::Compare(order, cell) => {
                format!("{expression} {} {}", order.sign(), operand(cell))
            }
            Check::Among(cells) => {
                let operands: Vec<String> = cells.iter().map(operand).collect();
                self.among(&expression, operands)
            }
            Check::Part(part, needle) => {
                let needle = if folded { fold(needle) } else { needle.clone() };
                self.part(&expression, *part, needle)
            }
        }
    }

    /// Lists are filled up to a power of two, so that few texts are prepared.
    pub(super) fn among(&mut self, expression: &str, mut operands: Vec<String>) -> String {
        let Some(last) = operands.last().cloned() else {
            return "1 = 0".to_owned();
        };
        while !operands.len().is_power_of_two() {
            let place: usize = last.trim_start_matches('?').parse().unwrap_or(1);
            let again = self.params[place - 1].clone();
            operands.push(self.param(again));
        }
        format!("{expression} IN ({})", operands.join(", "))
    }

    /// No LIKE: it ignores case on one engine only, and its wildcards would have to be escaped.
    fn part(&mut self, expression: &str, part: Part, needle: String) -> String {
        if needle.is_empty() {
            return format!("{expression} IS NOT NULL");
        }
        let needle = self.text(needle);
        match part {
            Part::StartsWith => format!("substr({expression}, 1, length({needle})) = {needle}"),
            Part::EndsWith => format!(
                "(length({expression}) >= length({needle}) AND substr({expression}, length({expression}) - length({needle}) + 1) = {needle})"
            ),
            Part::Contains => format!("replace({expression}, {needle}, '') <> {expression}"),
        }
    }

    /// An address: without case where its chain does so, where it is stored in lower case.
    pub(super) fn address(&mut self, column: &str, caseless: &str, check: &Check) -> String {
        let lowered = lowered(check);
        let Some(lowered) = lowered else {
            return self.check(column, check, false);
        };
        let either: Vec<Cell> = check
            .texts()
            .chain(lowered.texts())
            .map(|text| Cell::Text(text.to_owned()))
            .collect();
        let is_whole = matches!(check, Check::Compare(Order::Eq, _) | Check::Among(_));
        let (as_given, lowered) = (
            self.check(column, check, false),
            self.check(column, &lowered, false),
        );
        let condition =
            format!("(({as_given} AND NOT ({caseless})) OR ({lowered} AND {caseless}))");
        if !is_whole {
            return condition;
        }
        // What either half may find is said at once, so that an index is used.
        let either = self.check(column, &Check::Among(either), false);
        format!("({either} AND {condition})")
    }

    fn label(&mut self, key: &str, check: &Check, folded: bool) -> String {
        let key = self.text(key);
        let kind = self.shape.kind.singular();
        let of_key = format!("l.namespace = ?ns AND l.type = '{kind}' AND l.key = {key}");
        if matches!(check, Check::Null) {
            return format!("t.id NOT IN (SELECT l.object_id FROM label l WHERE {of_key})");
        }
        let condition = self.check("l.value", check, folded);
        format!("t.id IN (SELECT l.object_id FROM label l WHERE {of_key} AND {condition})")
    }

    fn declared(&mut self, path: &str, form: Form, check: &Check, folded: bool) -> String {
        let path = self.text(path);
        let kind = self.shape.kind.singular();
        let of_path = format!("m.namespace = ?ns AND m.type = '{kind}' AND m.path = {path}");
        if matches!(check, Check::Null) {
            return format!(
                "t.id NOT IN (SELECT m.object_id FROM metadata_value m WHERE {of_path})"
            );
        }
        let column = if form.is_number() {
            "m.number_value"
        } else {
            "m.text_value"
        };
        let check = match check {
            Check::Compare(order, cell) => Check::Compare(*order, kept(cell)),
            Check::Among(cells) => Check::Among(cells.iter().map(kept).collect()),
            other => other.clone(),
        };
        let condition = self.check(column, &check, folded);
        format!(
            "t.id IN (SELECT m.object_id FROM metadata_value m WHERE {of_path} AND {condition})"
        )
    }
}

/// What a column holds where the object does not say that it is masked: nobody finds what nobody is
/// shown.
pub(super) fn unmasked(column: &str) -> String {
    format!("(CASE WHEN t.value_masked = 0 THEN {column} END)")
}

/// The same check in lower case, if that differs.
fn lowered(check: &Check) -> Option<Check> {
    if !check
        .texts()
        .any(|text| text.bytes().any(|byte| byte.is_ascii_uppercase()))
    {
        return None;
    }
    let lower = |cell: &Cell| match cell {
        Cell::Text(text) => Cell::Text(text.to_ascii_lowercase()),
        other => other.clone(),
    };
    Some(match check {
        Check::Compare(order, cell) => Check::Compare(*order, lower(cell)),
        Check::Among(cells) => Check::Among(cells.iter().map(lower).collect()),
        Check::Part(part, text) => Check::Part(*part, text.to_ascii_lowercase()),
        Check::Null => Check::Null,
    })
}
