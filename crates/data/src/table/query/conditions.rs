//! SQL conditions on a row. A negated condition is also true if there is nothing to compare, on
//! both engines.

use super::Builder;
use crate::field::{Field, FieldType};
use crate::filter::{Comparison, Condition, Filter, Predicate, Subject, TextMatch};
use crate::fold::fold;
use crate::value_type::ValueType;
use crate::value_type::indexed;
use store::Cell;

/// Matches rows of chains with case-insensitive addresses.
pub(super) const CASELESS: &str = "substr(t.chain, 1, 7) = 'eip155:'";

/// Literals must also sort byte by byte. Appending an empty slice of a column makes PostgreSQL take
/// the column's collation.
const BYTE_COLLATION: &str = " || substr(t.chain, 1, 0)";

impl Comparison {
    fn sign(self) -> &'static str {
        match self {
            Comparison::Eq => "=",
            Comparison::Lt => "<",
            Comparison::Lte => "<=",
            Comparison::Gt => ">",
            Comparison::Gte => ">=",
        }
    }
}

impl Builder<'_> {
    pub(super) fn filter(&mut self, filter: &Filter) -> String {
        match filter {
            Filter::All(filters) => self.combine(filters, " AND ", "1 = 1"),
            Filter::Any(filters) => self.combine(filters, " OR ", "1 = 0"),
            Filter::Condition(condition) => self.condition(condition),
        }
    }

    fn combine(&mut self, filters: &[Filter], operator: &str, empty: &str) -> String {
        let parts: Vec<String> = filters.iter().map(|filter| self.filter(filter)).collect();
        if parts.is_empty() {
            empty.to_owned()
        } else {
            format!("({})", parts.join(operator))
        }
    }

    fn condition(&mut self, condition: &Condition) -> String {
        let sql = match &condition.subject {
            Subject::Field(field) => self.field(field, &condition.predicate, condition.ignore_case),
            Subject::Label(key) => self.label(key, &condition.predicate, condition.ignore_case),
            Subject::Declared {
                path, value_type, ..
            } => self.declared(
                &path.text,
                *value_type,
                &condition.predicate,
                condition.ignore_case,
            ),
            Subject::Undeclared(_) => unreachable!("undeclared paths are evaluated in memory"),
        };
        if condition.negated {
            format!("NOT COALESCE({sql}, FALSE)")
        } else {
            sql
        }
    }

    fn field(&mut self, field: &Field, predicate: &Predicate, ignore_case: bool) -> String {
        let column = format!("t.{}", field.column);
        if field.empty_means_unset() {
            return self.unless_unset(field, &column, predicate, ignore_case);
        }
        match field.field_type {
            FieldType::Ref(kind) => self.reference(&column, kind, predicate, ignore_case),
            FieldType::ParentRef => self.parent(predicate, ignore_case),
            FieldType::ParentAsset => self.parent_asset(predicate, ignore_case),
            FieldType::Qualified if !ignore_case => self.qualified(predicate),
            FieldType::Masked(_) => self.predicate(&unmasked(&column), predicate, ignore_case),
            _ if field.is_stored() && field.field_type != FieldType::Direction => {
                self.predicate(&column, predicate, ignore_case)
            }
            _ => {
                let expression = self.derived(field);
                self.predicate(&expression, predicate, ignore_case)
            }
        }
    }

    /// An empty text means that the field is not set.
    fn unless_unset(
        &mut self,
        field: &Field,
        column: &str,
        predicate: &Predicate,
        ignore_case: bool,
    ) -> String {
        if matches!(predicate, Predicate::IsNull) {
            return format!("({column} IS NULL OR {column} = '')");
        }
        let condition = match field.field_type {
            FieldType::Address if !ignore_case => self.address(column, CASELESS, predicate),
            _ => self.predicate(column, predicate, ignore_case),
        };
        format!("({column} <> '' AND {condition})")
    }

    /// The expression of a field without a column.
    pub(super) fn derived(&mut self, field: &Field) -> String {
        match field.field_type {
            FieldType::Qualified => {
                "CASE WHEN t.address = '' THEN t.name ELSE t.address || '/' || t.name END"
                    .to_owned()
            }
            FieldType::Direction => {
                format!(
                    "(CASE WHEN t.direction < 0 THEN 'subtract' ELSE 'add' END{BYTE_COLLATION})"
                )
            }
            FieldType::ChangeId => "t.transfer_id || '/' || t.change_index".to_owned(),
            FieldType::Status => self.status(),
            _ => unreachable!("{} has a column or is display-only", field.name),
        }
    }

    fn status(&mut self) -> String {
        let mut is_final = String::from("1 = 0");
        let heights: Vec<(String, i64)> = self
            .final_heights
            .iter()
            .map(|(chain, height)| (chain.to_owned(), height.stored()))
            .collect();
        for (chain, height) in heights {
            let (chain, height) = (self.text(chain), self.cell(&Cell::Int(height)));
            is_final.push_str(&format!(" OR (t.chain = {chain} AND t.height <= {height})"));
        }
        format!(
            "(CASE WHEN t.reverted = 1 THEN 'reverted' WHEN t.height IS NULL OR {is_final} THEN 'final' ELSE 'pending' END{BYTE_COLLATION})"
        )
    }

    /// The predicate on a plain expression.
    pub(super) fn predicate(
        &mut self,
        expression: &str,
        predicate: &Predicate,
        ignore_case: bool,
    ) -> String {
        let of_text = predicate.texts().next().is_some();
        let expression = if ignore_case && of_text {
            format!("lower({expression})")
        } else {
            expression.to_owned()
        };
        let mut operand = |cell: &Cell| match cell {
            Cell::Text(text) if ignore_case => self.text(fold(text)),
            cell => self.cell(cell),
        };
        match predicate {
            Predicate::IsNull => format!("{expression} IS NULL"),
            Predicate::Compare(comparison, cell) => {
                format!("{expression} {} {}", comparison.sign(), operand(cell))
            }
            Predicate::In(cells) => {
                let operands: Vec<String> = cells.iter().map(operand).collect();
                self.in_list(&expression, operands)
            }
            Predicate::Text(mode, needle) => {
                let needle = if ignore_case {
                    fold(needle)
                } else {
                    needle.clone()
                };
                self.text_match(&expression, *mode, needle)
            }
        }
    }

    /// Pads the list to a power of two, which limits the number of distinct statements to prepare.
    pub(super) fn in_list(&mut self, expression: &str, mut operands: Vec<String>) -> String {
        let Some(last) = operands.last().cloned() else {
            return "1 = 0".to_owned();
        };
        while !operands.len().is_power_of_two() {
            let index: usize = last.trim_start_matches('?').parse().unwrap_or(1);
            let padding = self.params[index - 1].clone();
            operands.push(self.param(padding));
        }
        format!("{expression} IN ({})", operands.join(", "))
    }

    /// Avoids LIKE: it ignores case on SQLite only, and its wildcards would have to be escaped.
    fn text_match(&mut self, expression: &str, mode: TextMatch, needle: String) -> String {
        if needle.is_empty() {
            return format!("{expression} IS NOT NULL");
        }
        let needle = self.text(needle);
        match mode {
            TextMatch::StartsWith => {
                format!("substr({expression}, 1, length({needle})) = {needle}")
            }
            TextMatch::EndsWith => format!(
                "(length({expression}) >= length({needle}) AND substr({expression}, length({expression}) - length({needle}) + 1) = {needle})"
            ),
            TextMatch::Contains => format!("replace({expression}, {needle}, '') <> {expression}"),
        }
    }

    /// A predicate on an address: case-insensitive on chains that store addresses in lower case.
    pub(super) fn address(
        &mut self,
        column: &str,
        caseless: &str,
        predicate: &Predicate,
    ) -> String {
        let lowered = lowered(predicate);
        let Some(lowered) = lowered else {
            return self.predicate(column, predicate, false);
        };
        let either: Vec<Cell> = predicate
            .texts()
            .chain(lowered.texts())
            .map(|text| Cell::Text(text.to_owned()))
            .collect();
        let is_whole = matches!(
            predicate,
            Predicate::Compare(Comparison::Eq, _) | Predicate::In(_)
        );
        let (as_given, lowered) = (
            self.predicate(column, predicate, false),
            self.predicate(column, &lowered, false),
        );
        let condition =
            format!("(({as_given} AND NOT ({caseless})) OR ({lowered} AND {caseless}))");
        if !is_whole {
            return condition;
        }
        // The union of both halves comes first, so that the database can use an index.
        let either = self.predicate(column, &Predicate::In(either), false);
        format!("({either} AND {condition})")
    }

    fn label(&mut self, key: &str, predicate: &Predicate, ignore_case: bool) -> String {
        let key = self.text(key);
        let kind = self.schema.kind.singular();
        let of_key = format!("l.namespace = ?ns AND l.type = '{kind}' AND l.key = {key}");
        if matches!(predicate, Predicate::IsNull) {
            return format!("t.id NOT IN (SELECT l.object_id FROM label l WHERE {of_key})");
        }
        let condition = self.predicate("l.value", predicate, ignore_case);
        format!("t.id IN (SELECT l.object_id FROM label l WHERE {of_key} AND {condition})")
    }

    fn declared(
        &mut self,
        path: &str,
        value_type: ValueType,
        predicate: &Predicate,
        ignore_case: bool,
    ) -> String {
        let path = self.text(path);
        let kind = self.schema.kind.singular();
        let of_path = format!("m.namespace = ?ns AND m.type = '{kind}' AND m.path = {path}");
        if matches!(predicate, Predicate::IsNull) {
            return format!(
                "t.id NOT IN (SELECT m.object_id FROM metadata_value m WHERE {of_path})"
            );
        }
        let column = if value_type.is_number() {
            "m.number_value"
        } else {
            "m.text_value"
        };
        let predicate = match predicate {
            Predicate::Compare(comparison, cell) => Predicate::Compare(*comparison, indexed(cell)),
            Predicate::In(cells) => Predicate::In(cells.iter().map(indexed).collect()),
            other => other.clone(),
        };
        let condition = self.predicate(column, &predicate, ignore_case);
        format!(
            "t.id IN (SELECT m.object_id FROM metadata_value m WHERE {of_path} AND {condition})"
        )
    }
}

/// The column, or NULL if the value is masked, so that masked values cannot be found by searching.
pub(super) fn unmasked(column: &str) -> String {
    format!("(CASE WHEN t.value_masked = 0 THEN {column} END)")
}

/// The predicate with lower-case operands, if that differs.
fn lowered(predicate: &Predicate) -> Option<Predicate> {
    if !predicate
        .texts()
        .any(|text| text.bytes().any(|byte| byte.is_ascii_uppercase()))
    {
        return None;
    }
    let lower = |cell: &Cell| match cell {
        Cell::Text(text) => Cell::Text(text.to_ascii_lowercase()),
        other => other.clone(),
    };
    Some(match predicate {
        Predicate::Compare(comparison, cell) => Predicate::Compare(*comparison, lower(cell)),
        Predicate::In(cells) => Predicate::In(cells.iter().map(lower).collect()),
        Predicate::Text(mode, text) => Predicate::Text(*mode, text.to_ascii_lowercase()),
        Predicate::IsNull => Predicate::IsNull,
    })
}
