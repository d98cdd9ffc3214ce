//! The objects that a batch touches, in memory: found, changed in list order, written at the end.

use super::answer::What;
use super::given::{Change, Given, check_labels};
use super::{Input, UpdateType};
use crate::field::Is;
use crate::object::{Object, address_id};
use crate::{Error, Result, Type, ids, table};
use std::collections::{BTreeMap, HashMap};
use store::{Cell, Tx};

/// A stored object that an input is meant for, whatever key the input gives.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Its id.
    pub(crate) id: String,
}

/// One object of the batch.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(super) before: Option<Object>,
    pub(super) after: Object,
    /// What is known only once all objects of the batch are: references and amounts in units, with
    /// the path that gave them.
    pub(super) pending: BTreeMap<&'static str, (Given, String)>,
    /// The balance changes that were given, and where.
    pub(super) changes: Option<(Vec<Change>, String)>,
    /// The same as rows, or those that were there before and still hold.
    pub(super) rows: Option<Vec<crate::table::transfer::Given>>,
    /// Whether a transfer's type was given, and so does not follow from who gives and gets.
    pub(super) typed: bool,
    /// Where the batch named it last.
    pub(super) path: String,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    pub(super) staged: Vec<Staged>,
    by_key: HashMap<(Type, Vec<String>), usize>,
    by_id: HashMap<String, usize>,
    /// What was done, in list order.
    pub(super) done: Vec<(What, usize)>,
}

impl Stage {
    /// Find what is there already of the objects that inputs name. Events wait until their
    /// activities are known.
    pub(super) fn load(&mut self, tx: &mut Tx<'_, '_>, inputs: &[&Input]) -> Result<()> {
        for kind in Type::WRITABLE {
            let of_kind: Vec<&&Input> = inputs.iter().filter(|input| input.kind == kind).collect();
            if of_kind.is_empty() {
                continue;
            }
            let mut keys: Vec<Vec<String>> = Vec::new();
            let mut targets: Vec<(String,)> = Vec::new();
            for input in of_kind {
                match &input.target {
                    Some(target) => targets.push((target.id.clone(),)),
                    None => keys.push(self.key_of(input)?),
                }
            }
            keys.sort_unstable();
            keys.dedup();
            for object in table::object::by_keys(tx, kind.shape(), &keys)? {
                self.add(Some(object.clone()), object, String::new());
            }
            for object in table::object::by_ids(tx, kind.shape(), &targets)? {
                self.add(Some(object.clone()), object, String::new());
            }
        }
        Ok(())
    }

    /// Where an object of this id stands.
    pub(super) fn of_id(&self, id: &str) -> Option<&Staged> {
        self.by_id.get(id).map(|place| &self.staged[*place])
    }

    /// Where an object of this key stands, if the batch makes it or it was there.
    pub(super) fn of_key(&self, kind: Type, key: &[String]) -> Option<&Staged> {
        self.by_key
            .get(&(kind, key.to_vec()))
            .map(|place| &self.staged[*place])
    }

    /// The ids of staged objects of a type that are called so.
    pub(super) fn called(&self, kind: Type) -> HashMap<&str, Vec<&str>> {
        let mut called: HashMap<&str, Vec<&str>> = HashMap::new();
        for staged in self
            .staged
            .iter()
            .filter(|staged| staged.after.kind() == kind)
        {
            called
                .entry(staged.after.name())
                .or_default()
                .push(staged.after.id());
        }
        called
    }

    /// Do what an input asks, to the object as earlier inputs left it.
    pub(super) fn fold(&mut self, tx: &mut Tx<'_, '_>, input: &Input) -> Result<()> {
        let place = match &input.target {
            // Gone since the caller looked.
            Some(target) if !self.by_id.contains_key(&target.id) => {
                return Err(Error::Unknown {
                    kind: input.kind,
                    key: target.id.clone(),
                });
            }
            Some(target) => self.by_id.get(&target.id).copied(),
            None => self.by_key.get(&(input.kind, self.key_of(input)?)).copied(),
        };
        use UpdateType as U;
        let (what, place) = match (input.mode, place) {
            (U::CreateOrIgnore, Some(place)) => (What::Ignored, place),
            (U::CreateOnly, Some(place)) => return Err(self.exists(input, place)),
            (U::UpdateOnly, None) => return Err(self.nothing(input)?),
            (U::CreateOrReplace, Some(place)) => {
                self.clear(place);
                self.set(place, input, false)?;
                (What::Replaced, place)
            }
            (U::CreateOrUpdate | U::UpdateOnly, Some(place)) => {
                self.set(place, input, true)?;
                (What::Updated, place)
            }
            (U::CreateOnly | U::CreateOrIgnore | U::CreateOrUpdate | U::CreateOrReplace, None) => {
                let place = self.create(tx, input)?;
                (What::Created, place)
            }
        };
        self.done.push((what, place));
        Ok(())
    }

    fn exists(&self, input: &Input, place: usize) -> Error {
        let key = self.staged[place].after.name().to_owned();
        Error::Exists {
            field: input.path.clone(),
            kind: input.kind,
            key,
        }
    }

    fn nothing(&self, input: &Input) -> Result<Error> {
        let key = self.key_of(input)?.join("/");
        Ok(Error::NothingToUpdate {
            field: input.path.clone(),
            kind: input.kind,
            key,
        })
    }

    /// The key an input names. An event's needs its activity to be known.
    fn key_of(&self, input: &Input) -> Result<Vec<String>> {
        let shape = input.kind.shape();
        let mut key = Vec::with_capacity(shape.key.len());
        for column in shape.key {
            let given = input.text(column).unwrap_or_default();
            // What stands at no address is on no chain.
            let may_lack = *column == "chain"
                || *column == "address" && matches!(input.kind, Type::Nft | Type::Fragment);
            if given.is_empty() && !may_lack {
                return Err(Error::invalid(
                    input.at(shape.column(column).name),
                    "is needed",
                ));
            }
            key.push(given.to_owned());
        }
        Ok(key)
    }

    fn create(&mut self, tx: &mut Tx<'_, '_>, input: &Input) -> Result<usize> {
        let key = self.key_of(input)?;
        let mut object = Object::blank(input.kind);
        for (column, part) in input.kind.shape().key.iter().zip(&key) {
            object.put_text(column, part);
        }
        let now = tx.now();
        let id = match input.kind {
            Type::Address => address_id(&key[0], &key[1]),
            _ => ids::new(now, tx.entropy()),
        };
        if input.kind == Type::Transfer {
            object.put_text("path", &*id); // no chain said it: it is known by itself
        }
        object.put_text("id", id);
        object.put_time("created", now);
        let place = self.add(None, object, input.path.clone());
        self.set(place, input, false)?;
        Ok(place)
    }

    pub(super) fn add(&mut self, before: Option<Object>, after: Object, path: String) -> usize {
        let place = self.staged.len();
        if let Some(known) = self.by_id.get(after.id()) {
            return *known;
        }
        self.by_key.insert((after.kind(), after.key()), place);
        self.by_id.insert(after.id().to_owned(), place);
        self.staged.push(Staged {
            before,
            after,
            pending: BTreeMap::new(),
            changes: None,
            rows: None,
            typed: false,
            path,
        });
        place
    }

    /// Forget what callers gave, but not what names the object, nor what a chain said.
    fn clear(&mut self, place: usize) {
        let staged = &mut self.staged[place];
        let shape = staged.after.shape;
        let kept: &[&str] = match (shape.kind, staged.after.text("source")) {
            (Type::Transfer, Some(_)) => {
                &["from_address", "to_address", "amount", "transaction_hash"]
            }
            // Whether an NFT is there follows from its transfers, unless it is said.
            (Type::Nft, _) => &["active"],
            _ => &[],
        };
        for field in shape
            .fields
            .iter()
            .filter(|field| field.input && field.is_stored())
        {
            if !shape.key.contains(&field.column)
                && !kept.contains(&field.column)
                && field.column != "chain"
            {
                staged.after.put(field.column, field.blank_cell());
            }
        }
        if shape.kind == Type::Transfer {
            staged.after.put_int("explicit", 0);
        }
        staged.pending.clear();
        staged.changes = None;
        staged.typed = false;
    }

    fn set(&mut self, place: usize, input: &Input, may_clear: bool) -> Result<()> {
        self.rename(place, input)?;
        let staged = &mut self.staged[place];
        staged.path.clone_from(&input.path);
        for (column, given) in &input.given {
            if !staged.after.shape.key.contains(column) || matches!(given, Given::Name { .. }) {
                staged.set(column, given, input, may_clear)?;
            }
        }
        Ok(())
    }

    /// A target may be given another name, if nobody has it. It stays where it is.
    fn rename(&mut self, place: usize, input: &Input) -> Result<()> {
        if input.target.is_none() {
            return Ok(());
        }
        let staged = &mut self.staged[place];
        let old = (input.kind, staged.after.key());
        for column in input.kind.shape().key {
            let Some(Given::Cell(Cell::Text(text))) = input.given(column) else {
                continue;
            };
            let same = staged.after.text(column).unwrap_or_default() == text;
            let from_chain = input.kind == Type::Transfer && staged.after.text("source").is_some();
            if !same && (*column != "name" && *column != "protocol_id" || from_chain) {
                let field = input.kind.shape().column(column).name;
                return Err(Error::invalid(
                    input.at(field),
                    "is not that of the object it was sent to",
                ));
            }
            staged.after.put_text(column, text);
        }
        let new = (input.kind, staged.after.key());
        if old != new {
            if self.by_key.contains_key(&new) {
                return Err(Error::Exists {
                    field: input.path.clone(),
                    kind: input.kind,
                    key: new.1.join("/"),
                });
            }
            self.by_key.remove(&old);
            self.by_key.insert(new, place);
        }
        Ok(())
    }
}

impl Staged {
    fn set(
        &mut self,
        column: &'static str,
        given: &Given,
        input: &Input,
        may_clear: bool,
    ) -> Result<()> {
        let field = self.after.shape.column(column);
        match given {
            Given::Clear if !may_clear => {}
            Given::Clear => {
                self.pending.remove(column);
                self.after.put(column, field.blank_cell());
                match column {
                    "parent_id" => self.after.put("parent_type", Cell::Null),
                    "explicit" => self.changes = None,
                    _ => {}
                }
            }
            Given::Cell(cell) => {
                self.pending.remove(column);
                self.typed |= column == "type";
                self.after.put(column, cell.clone());
            }
            Given::Name { .. } | Given::InUnit { .. } => {
                let name = if field.is == Is::ParentRef {
                    "parent.ref"
                } else {
                    field.name
                };
                self.pending.insert(column, (given.clone(), input.at(name)));
            }
            Given::Labels(labels) => self.label(labels, &input.at("labels"))?,
            Given::Changes(changes) => {
                self.after.put_int("explicit", 1);
                self.changes = Some((changes.clone(), input.at("balanceChanges")));
            }
        }
        Ok(())
    }

    /// Labels are merged; a missing value takes one away.
    fn label(&mut self, given: &BTreeMap<String, Option<String>>, path: &str) -> Result<()> {
        let mut labels = labels_of(&self.after);
        for (key, value) in given {
            match value {
                Some(value) => labels.insert(key.clone(), value.clone()),
                None => labels.remove(key),
            };
        }
        check_labels(labels.len(), path)?;
        let text = serde_json::to_string(&labels)
            .map_err(|error| Error::invalid(path, error.to_string()))?;
        self.after.put(
            "labels",
            if labels.is_empty() {
                Cell::Null
            } else {
                Cell::Text(text)
            },
        );
        Ok(())
    }
}

/// The labels of an object.
pub(crate) fn labels_of(object: &Object) -> BTreeMap<String, String> {
    object
        .text("labels")
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}
