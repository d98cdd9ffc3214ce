//! Conditions on references, by the name or id of the target.

use super::Builder;
use crate::Type;
use crate::filter::{Comparison, Predicate};
use crate::fold::fold;
use store::Cell;
use types::ChainId;

/// The types that can be a parent, except addresses: the table, and whether names are unique only
/// under an address.
const PARENTS: [(&str, bool); 9] = [
    ("pool", true),
    ("nft", true),
    ("fragment", true),
    ("asset", false),
    ("collection", false),
    ("activity", false),
    ("data", false),
    ("event", false),
    ("transfer", false),
];
/// The types that can be a parent and have an asset.
const WITH_ASSET: [&str; 3] = ["pool", "nft", "fragment"];

/// The operands of an equality or a list; none for other predicates.
fn equalities(predicate: &Predicate) -> Option<Vec<&str>> {
    match predicate {
        Predicate::Compare(Comparison::Eq, _) | Predicate::In(_) => {
            Some(predicate.texts().collect())
        }
        _ => None,
    }
}

/// The operands of a parent condition, by the form of reference they can be.
#[derive(Default)]
struct ParentNames {
    /// Ids, which are always case-sensitive.
    ids: Vec<String>,
    /// Names without an address.
    names: Vec<String>,
    /// Address and name.
    qualified: Vec<Vec<String>>,
    /// Chain, address and name.
    with_chain: Vec<Vec<String>>,
    /// Chain and address.
    addresses: Vec<Vec<String>>,
}

impl ParentNames {
    fn parse(texts: &[&str], ignore_case: bool) -> Self {
        let mut names = Self::default();
        for text in texts {
            names.ids.push((*text).to_owned());
            let text = if ignore_case {
                fold(text)
            } else {
                (*text).to_owned()
            };
            names.names.push(text.clone());
            let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
            let starts_with_chain = parts[0].parse::<ChainId>().is_ok();
            match (parts.len(), starts_with_chain) {
                (2, true) => names.addresses.push(parts),
                (2, false) => names.qualified.push(parts),
                (3, true) => names.with_chain.push(parts),
                _ => {}
            }
        }
        names
    }
}

impl Builder<'_> {
    /// A condition on a field that refers to one type.
    pub(super) fn reference(
        &mut self,
        column: &str,
        kind: Type,
        predicate: &Predicate,
        ignore_case: bool,
    ) -> String {
        match (predicate, equalities(predicate)) {
            (Predicate::IsNull, _) => format!("{column} IS NULL"),
            (_, Some(texts)) => {
                let ids = self.ids_named(kind, &texts, ignore_case);
                format!("{column} IN ({ids})")
            }
            _ => {
                let name = self.name_of(kind, column);
                self.predicate(&name, predicate, ignore_case)
            }
        }
    }

    /// Selects the ids of objects of a type that have one of the names or ids.
    fn ids_named(&mut self, kind: Type, texts: &[&str], ignore_case: bool) -> String {
        let table = kind.schema().table;
        let (ids, names) = (
            self.list("r.id", texts, false),
            self.list("r.name", texts, ignore_case),
        );
        format!(
            "SELECT r.id FROM {table} r WHERE r.namespace = ?ns AND {ids} UNION ALL
             SELECT r.id FROM {table} r WHERE r.namespace = ?ns AND {names}"
        )
    }

    /// The name of the object that a column refers to.
    pub(super) fn name_of(&mut self, kind: Type, column: &str) -> String {
        let table = kind.schema().table;
        format!("(SELECT r.name FROM {table} r WHERE r.namespace = ?ns AND r.id = {column})")
    }

    fn list(&mut self, expression: &str, texts: &[&str], ignore_case: bool) -> String {
        let cells = texts
            .iter()
            .map(|text| Cell::Text((*text).to_owned()))
            .collect();
        self.predicate(expression, &Predicate::In(cells), ignore_case)
    }

    /// A condition on `parent.ref`, or on the pool of a balance.
    pub(super) fn parent(&mut self, predicate: &Predicate, ignore_case: bool) -> String {
        match (predicate, equalities(predicate)) {
            (Predicate::IsNull, _) => "t.parent_id IS NULL".to_owned(),
            (_, Some(texts)) => {
                let parents =
                    self.parent_selects(&ParentNames::parse(&texts, ignore_case), ignore_case);
                format!("t.parent_id IN ({})", parents.join(" UNION ALL "))
            }
            _ => {
                let display = self.parent_display();
                self.predicate(&display, predicate, ignore_case)
            }
        }
    }

    /// Selects the ids of everything that the operands can name, several SELECTs per type.
    fn parent_selects(&mut self, names: &ParentNames, ignore_case: bool) -> Vec<String> {
        let mut selects: Vec<String> = Vec::new();
        for (table, under_address) in PARENTS {
            selects.push(self.parent_select(table, &["p.id"], &rows(&names.ids), false));
            // Event names are not unique, and transfers have none.
            if !["event", "transfer"].contains(&table) {
                selects.push(self.parent_select(
                    table,
                    &["p.name"],
                    &rows(&names.names),
                    ignore_case,
                ));
            }
            if under_address {
                selects.push(self.parent_select(
                    table,
                    &["p.address", "p.name"],
                    &names.qualified,
                    ignore_case,
                ));
                selects.push(self.parent_select(
                    table,
                    &["p.chain", "p.address", "p.name"],
                    &names.with_chain,
                    ignore_case,
                ));
            }
        }
        selects.push(self.parent_select(
            "address",
            &["p.address"],
            &rows(&names.names),
            ignore_case,
        ));
        selects.push(self.parent_select(
            "address",
            &["p.chain", "p.address"],
            &names.addresses,
            ignore_case,
        ));
        selects
    }

    fn parent_select(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: &[Vec<String>],
        ignore_case: bool,
    ) -> String {
        let condition = self.row_in(columns, rows, ignore_case);
        format!("SELECT p.id FROM {table} p WHERE p.namespace = ?ns AND {condition}")
    }

    /// Whether the columns equal one of the rows.
    fn row_in(&mut self, columns: &[&str], rows: &[Vec<String>], ignore_case: bool) -> String {
        if rows.is_empty() {
            return "1 = 0".to_owned();
        }
        let columns: Vec<String> = columns
            .iter()
            .map(|column| {
                if ignore_case {
                    format!("lower({column})")
                } else {
                    (*column).to_owned()
                }
            })
            .collect();
        let mut row = |texts: &Vec<String>| {
            let texts = texts.iter().map(|text| {
                if ignore_case {
                    fold(text)
                } else {
                    text.clone()
                }
            });
            format!(
                "({})",
                texts
                    .map(|text| self.text(text))
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        };
        let rows: Vec<String> = rows.iter().map(&mut row).collect();
        format!("({}) IN (VALUES {})", columns.join(", "), rows.join(", "))
    }

    /// What a reference to the parent shows, without its chain.
    pub(super) fn parent_display(&self) -> String {
        let mut columns: Vec<String> = Vec::new();
        for (table, under_address) in PARENTS {
            let column = |expression: &str| {
                format!(
                    "(SELECT {expression} FROM {table} x WHERE x.namespace = ?ns AND x.id = t.parent_id)"
                )
            };
            match (table, under_address) {
                ("event" | "transfer", _) => {}
                (_, true) => columns.push(column(
                    "CASE WHEN x.address = '' THEN x.name ELSE x.address || '/' || x.name END",
                )),
                (_, false) => columns.push(column("x.name")),
            }
        }
        columns.push(
            "(SELECT x.address FROM address x WHERE x.namespace = ?ns AND x.id = t.parent_id)"
                .to_owned(),
        );
        format!("COALESCE({}, t.parent_id)", columns.join(", "))
    }

    /// A condition on the asset of the parent.
    pub(super) fn parent_asset(&mut self, predicate: &Predicate, ignore_case: bool) -> String {
        match (predicate, equalities(predicate)) {
            (Predicate::IsNull, _) => format!("{} IS NULL", parent_asset_id()),
            (_, Some(texts)) => {
                let mut parents: Vec<String> = Vec::new();
                for table in WITH_ASSET {
                    let assets = self.ids_named(Type::Asset, &texts, ignore_case);
                    parents.push(format!(
                        "SELECT x.id FROM {table} x WHERE x.namespace = ?ns AND x.asset_id IN ({assets})"
                    ));
                }
                parents.push(self.ids_named(Type::Asset, &texts, ignore_case));
                format!("t.parent_id IN ({})", parents.join(" UNION ALL "))
            }
            _ => {
                let name = self.parent_asset_name();
                self.predicate(&name, predicate, ignore_case)
            }
        }
    }

    pub(super) fn parent_asset_name(&self) -> String {
        format!(
            "(SELECT a.name FROM asset a WHERE a.namespace = ?ns AND a.id = {})",
            parent_asset_id()
        )
    }

    /// A condition on `<address>/<name>`. Equality is split into both columns, so that an index
    /// applies.
    pub(super) fn qualified(&mut self, predicate: &Predicate) -> String {
        let Some(texts) = equalities(predicate) else {
            let display =
                "CASE WHEN t.address = '' THEN t.name ELSE t.address || '/' || t.name END";
            return self.predicate(display, predicate, false);
        };
        let parts: Vec<Vec<String>> = texts
            .iter()
            .map(|text| {
                let (address, name) = text.split_once('/').unwrap_or(("", text));
                vec![address.to_owned(), name.to_owned()]
            })
            .collect();
        self.row_in(&["t.address", "t.name"], &parts, false)
    }
}

fn rows(texts: &[String]) -> Vec<Vec<String>> {
    texts.iter().map(|text| vec![text.clone()]).collect()
}

fn parent_asset_id() -> String {
    let of = |table: &str| {
        format!("(SELECT x.asset_id FROM {table} x WHERE x.namespace = ?ns AND x.id = t.parent_id)")
    };
    let assets: Vec<String> = WITH_ASSET.into_iter().map(of).collect();
    format!(
        "COALESCE({}, CASE WHEN t.parent_type = 'asset' THEN t.parent_id END)",
        assets.join(", ")
    )
}
