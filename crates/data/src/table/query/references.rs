//! Conditions on references: by the name, or the id, of what is referred to.

use super::Builder;
use crate::Type;
use crate::fold::fold;
use crate::query::{Check, Order};
use store::Cell;
use types::ChainId;

/// What may be a parent, but addresses: the table, and whether names need an address to be unique.
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
/// What may be a parent and has an asset.
const WITH_ASSET: [&str; 3] = ["pool", "nft", "fragment"];

/// The texts of an equality, or of membership; none for other checks.
fn equalities(check: &Check) -> Option<Vec<&str>> {
    match check {
        Check::Compare(Order::Eq, _) | Check::Among(_) => Some(check.texts().collect()),
        _ => None,
    }
}

/// What texts may call a parent, by how many of its parts they give.
#[derive(Default)]
struct Called {
    /// As they are: ids are never compared without case.
    ids: Vec<String>,
    /// Names that need no address.
    whole: Vec<String>,
    /// Address and name.
    qualified: Vec<Vec<String>>,
    /// Chain, address and name.
    full: Vec<Vec<String>>,
    /// Chain and address.
    places: Vec<Vec<String>>,
}

impl Called {
    fn by(texts: &[&str], folded: bool) -> Self {
        let mut called = Self::default();
        for text in texts {
            called.ids.push((*text).to_owned());
            let text = if folded {
                fold(text)
            } else {
                (*text).to_owned()
            };
            called.whole.push(text.clone());
            let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
            let begins_with_chain = parts[0].parse::<ChainId>().is_ok();
            match (parts.len(), begins_with_chain) {
                (2, true) => called.places.push(parts),
                (2, false) => called.qualified.push(parts),
                (3, true) => called.full.push(parts),
                _ => {}
            }
        }
        called
    }
}

impl Builder<'_> {
    /// A field that refers to one type.
    pub(super) fn reference(
        &mut self,
        column: &str,
        kind: Type,
        check: &Check,
        folded: bool,
    ) -> String {
        match (check, equalities(check)) {
            (Check::Null, _) => format!("{column} IS NULL"),
            (_, Some(texts)) => {
                let named = self.named(kind, &texts, folded);
                format!("{column} IN ({named})")
            }
            _ => {
                let name = self.name_of(kind, column);
                self.check(&name, check, folded)
            }
        }
    }

    /// The ids of objects of a type that are called so, or are that.
    fn named(&mut self, kind: Type, texts: &[&str], folded: bool) -> String {
        let table = kind.shape().table;
        let (ids, names) = (
            self.list("r.id", texts, false),
            self.list("r.name", texts, folded),
        );
        format!(
            "SELECT r.id FROM {table} r WHERE r.namespace = ?ns AND {ids} UNION ALL
             SELECT r.id FROM {table} r WHERE r.namespace = ?ns AND {names}"
        )
    }

    /// The name of what a column refers to.
    pub(super) fn name_of(&mut self, kind: Type, column: &str) -> String {
        let table = kind.shape().table;
        format!("(SELECT r.name FROM {table} r WHERE r.namespace = ?ns AND r.id = {column})")
    }

    fn list(&mut self, expression: &str, texts: &[&str], folded: bool) -> String {
        let cells = texts
            .iter()
            .map(|text| Cell::Text((*text).to_owned()))
            .collect();
        self.check(expression, &Check::Among(cells), folded)
    }

    /// `parent.ref`, and the pool of a balance.
    pub(super) fn parent(&mut self, check: &Check, folded: bool) -> String {
        match (check, equalities(check)) {
            (Check::Null, _) => "t.parent_id IS NULL".to_owned(),
            (_, Some(texts)) => {
                let parents = self.parents_called(&Called::by(&texts, folded), folded);
                format!("t.parent_id IN ({})", parents.join(" UNION ALL "))
            }
            _ => {
                let shown = self.parent_shown();
                self.check(&shown, check, folded)
            }
        }
    }

    /// The ids of everything that is called so, some SELECTs for each type.
    fn parents_called(&mut self, called: &Called, folded: bool) -> Vec<String> {
        let mut selects: Vec<String> = Vec::new();
        for (table, by_address) in PARENTS {
            selects.push(self.parents_in(table, &["p.id"], &rows(&called.ids), false));
            // Names of entries are not unique, and transfers have none.
            if !["event", "transfer"].contains(&table) {
                selects.push(self.parents_in(table, &["p.name"], &rows(&called.whole), folded));
            }
            if by_address {
                selects.push(self.parents_in(
                    table,
                    &["p.address", "p.name"],
                    &called.qualified,
                    folded,
                ));
                selects.push(self.parents_in(
                    table,
                    &["p.chain", "p.address", "p.name"],
                    &called.full,
                    folded,
                ));
            }
        }
        selects.push(self.parents_in("address", &["p.address"], &rows(&called.whole), folded));
        selects.push(self.parents_in("address", &["p.chain", "p.address"], &called.places, folded));
        selects
    }

    fn parents_in(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: &[Vec<String>],
        folded: bool,
    ) -> String {
        let condition = self.tuples(columns, rows, folded);
        format!("SELECT p.id FROM {table} p WHERE p.namespace = ?ns AND {condition}")
    }

    /// Whether some columns hold one of some rows.
    fn tuples(&mut self, columns: &[&str], rows: &[Vec<String>], folded: bool) -> String {
        if rows.is_empty() {
            return "1 = 0".to_owned();
        }
        let columns: Vec<String> = columns
            .iter()
            .map(|column| {
                if folded {
                    format!("lower({column})")
                } else {
                    (*column).to_owned()
                }
            })
            .collect();
        let mut row = |texts: &Vec<String>| {
            let texts = texts
                .iter()
                .map(|text| if folded { fold(text) } else { text.clone() });
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
    pub(super) fn parent_shown(&self) -> String {
        let mut shown: Vec<String> = Vec::new();
        for (table, by_address) in PARENTS {
            let of = |what: &str| {
                format!(
                    "(SELECT {what} FROM {table} x WHERE x.namespace = ?ns AND x.id = t.parent_id)"
                )
            };
            match (table, by_address) {
                ("event" | "transfer", _) => {}
                (_, true) => shown.push(of(
                    "CASE WHEN x.address = '' THEN x.name ELSE x.address || '/' || x.name END",
                )),
                (_, false) => shown.push(of("x.name")),
            }
        }
        shown.push(
            "(SELECT x.address FROM address x WHERE x.namespace = ?ns AND x.id = t.parent_id)"
                .to_owned(),
        );
        format!("COALESCE({}, t.parent_id)", shown.join(", "))
    }

    /// The asset of the parent.
    pub(super) fn parent_asset(&mut self, check: &Check, folded: bool) -> String {
        match (check, equalities(check)) {
            (Check::Null, _) => format!("{} IS NULL", parent_asset_id()),
            (_, Some(texts)) => {
                let mut parents: Vec<String> = Vec::new();
                for table in WITH_ASSET {
                    let assets = self.named(Type::Asset, &texts, folded);
                    parents.push(format!(
                        "SELECT x.id FROM {table} x WHERE x.namespace = ?ns AND x.asset_id IN ({assets})"
                    ));
                }
                parents.push(self.named(Type::Asset, &texts, folded));
                format!("t.parent_id IN ({})", parents.join(" UNION ALL "))
            }
            _ => {
                let name = self.parent_asset_shown();
                self.check(&name, check, folded)
            }
        }
    }

    /// The name of the asset of the parent.
    pub(super) fn parent_asset_shown(&self) -> String {
        format!(
            "(SELECT a.name FROM asset a WHERE a.namespace = ?ns AND a.id = {})",
            parent_asset_id()
        )
    }

    /// `<address>/<name>`: told apart where it is compared as a whole, so that an index leads
    /// there.
    pub(super) fn qualified(&mut self, check: &Check) -> String {
        let Some(texts) = equalities(check) else {
            let shown = "CASE WHEN t.address = '' THEN t.name ELSE t.address || '/' || t.name END";
            return self.check(shown, check, false);
        };
        let parts: Vec<Vec<String>> = texts
            .iter()
            .map(|text| {
                let (address, name) = text.split_once('/').unwrap_or(("", text));
                vec![address.to_owned(), name.to_owned()]
            })
            .collect();
        self.tuples(&["t.address", "t.name"], &parts, false)
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
