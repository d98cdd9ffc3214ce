//! The objects of a batch in memory: loaded, changed in list order, and written at the end.

use super::value::{Change, InputValue, check_labels};
use super::{Input, UpdateType};
use crate::field::FieldType;
use crate::object::{CALLERS, Object, address_id};
use crate::{Error, Result, Type, ids, table};
use std::collections::{BTreeMap, HashMap};
use store::{Cell, Tx};

/// What an input did to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Created,
    Replaced,
    Updated,
    Ignored,
}

#[derive(Debug)]
pub(crate) struct StagedObject {
    pub(super) before: Option<Object>,
    pub(super) after: Object,
    /// References and amounts in units, which are resolved once the whole batch is known, with
    /// their paths.
    pub(super) pending: BTreeMap<&'static str, (InputValue, String)>,
    /// The explicit balance changes of the batch, with their path.
    pub(super) changes: Option<(Vec<Change>, String)>,
    /// The explicit changes as rows: those of the batch, or the stored ones that still apply.
    pub(super) rows: Option<Vec<crate::table::transfer::ChangeRow>>,
    /// Whether a transfer's type was given, and so is not derived.
    pub(super) type_given: bool,
    /// The path of the last item that named it.
    pub(super) path: String,
}

/// The objects of a batch.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    pub(super) staged: Vec<StagedObject>,
    by_key: HashMap<(Type, Vec<String>), usize>,
    by_id: HashMap<String, usize>,
    /// What was done, in list order.
    pub(super) actions: Vec<(Action, usize)>,
}

impl Stage {
    /// Load the stored objects that inputs name. Events come after the other types, because their
    /// keys need the ids of activities.
    pub(super) fn load(&mut self, tx: &mut Tx, inputs: &[&Input]) -> Result<()> {
        for kind in Type::WRITABLE {
            let of_kind: Vec<&&Input> = inputs.iter().filter(|input| input.kind == kind).collect();
            if of_kind.is_empty() {
                continue;
            }
            let mut keys: Vec<Vec<String>> = Vec::new();
            let mut targets: Vec<&str> = Vec::new();
            for input in of_kind {
                match &input.target {
                    Some(target) => targets.push(&target.id),
                    None => keys.push(key_of(input)?),
                }
            }
            keys.sort_unstable();
            keys.dedup();
            let mut objects = table::object::by_keys(tx, kind.schema(), &keys)?;
            objects.extend(table::object::by_ids(tx, kind.schema(), &targets)?);
            for object in objects {
                self.add(Some(object.clone()), object, String::new());
            }
        }
        Ok(())
    }

    pub(super) fn of_id(&self, id: &str) -> Option<&StagedObject> {
        self.by_id.get(id).map(|index| &self.staged[*index])
    }

    /// The staged object with a key; of a transfer, the chain's row before that of a caller.
    pub(super) fn of_key(&self, kind: Type, key: &[String]) -> Option<&StagedObject> {
        let mut batch_key = (kind, key.to_vec());
        let mut index = self.by_key.get(&batch_key);
        if index.is_none() && kind == Type::Transfer {
            batch_key.1.push(CALLERS.to_owned());
            index = self.by_key.get(&batch_key);
        }
        index.map(|index| &self.staged[*index])
    }

    /// The ids of staged objects of a type, by name.
    pub(super) fn ids_by_name(&self, kind: Type) -> HashMap<&str, Vec<&str>> {
        let mut ids_by_name: HashMap<&str, Vec<&str>> = HashMap::new();
        let objects = self.staged.iter().map(|staged| &staged.after);
        for object in objects.filter(|object| object.kind() == kind) {
            ids_by_name
                .entry(object.name())
                .or_default()
                .push(object.id());
        }
        ids_by_name
    }

    /// Apply an input to its object, as earlier inputs left it.
    pub(super) fn apply(&mut self, tx: &mut Tx, input: &Input) -> Result<()> {
        let index = match &input.target {
            // Deleted since the caller looked it up.
            Some(target) if !self.by_id.contains_key(&target.id) => {
                return Err(Error::unknown_object(input.kind, &target.id));
            }
            Some(target) => self.by_id.get(&target.id).copied(),
            None => self.by_key.get(&(input.kind, batch_key(input)?)).copied(),
        };
        use UpdateType as U;
        let (action, index) = match (input.mode, index) {
            (U::CreateOrIgnore, Some(index)) => (Action::Ignored, index),
            (U::CreateOnly, Some(index)) => return Err(self.already_exists(input, index)),
            (U::UpdateOnly, None) => return Err(Self::nothing_to_update(input)?),
            (U::CreateOrReplace, Some(index)) => {
                self.clear(index);
                self.set(index, input, false)?;
                (Action::Replaced, index)
            }
            (U::CreateOrUpdate | U::UpdateOnly, Some(index)) => {
                self.set(index, input, true)?;
                (Action::Updated, index)
            }
            (U::CreateOnly | U::CreateOrIgnore | U::CreateOrUpdate | U::CreateOrReplace, None) => {
                let index = self.create(tx, input)?;
                (Action::Created, index)
            }
        };
        self.actions.push((action, index));
        Ok(())
    }

    fn already_exists(&self, input: &Input, index: usize) -> Error {
        let key = self.staged[index].after.name();
        Error::already_exists(&input.path, input.kind, key)
    }

    fn nothing_to_update(input: &Input) -> Result<Error> {
        let key = key_of(input)?.join("/");
        Ok(Error::NothingToUpdate {
            field: input.path.clone(),
            kind: input.kind,
            key,
        })
    }

    fn create(&mut self, tx: &mut Tx, input: &Input) -> Result<usize> {
        let key = key_of(input)?;
        let mut object = Object::with_defaults(input.kind);
        for (column, part) in input.kind.schema().key.iter().zip(&key) {
            object.put_text(column, part);
        }
        let now = tx.now();
        let id = match input.kind {
            Type::Address => address_id(&key[0], &key[1]),
            _ => ids::new(now, tx.entropy()),
        };
        if input.kind == Type::Transfer {
            // Without a chain identity, the id makes the row unique.
            object.put_text("path", &*id);
        }
        object.put_text("id", id);
        object.put_time("created", now);
        let index = self.add(None, object, input.path.clone());
        self.set(index, input, false)?;
        Ok(index)
    }

    pub(super) fn add(&mut self, before: Option<Object>, after: Object, path: String) -> usize {
        let index = self.staged.len();
        if let Some(known) = self.by_id.get(after.id()) {
            return *known;
        }
        self.by_key.insert((after.kind(), after.batch_key()), index);
        self.by_id.insert(after.id().to_owned(), index);
        self.staged.push(StagedObject {
            before,
            after,
            pending: BTreeMap::new(),
            changes: None,
            rows: None,
            type_given: false,
            path,
        });
        index
    }

    /// Reset the given fields, except the key and the fields that came from a chain.
    fn clear(&mut self, index: usize) {
        let staged = &mut self.staged[index];
        let schema = staged.after.schema;
        let preserved: &[&str] = match (schema.kind, staged.after.text("source")) {
            (Type::Transfer, Some(_)) => &CHAIN_COLUMNS,
            // The state of an NFT follows from its transfers unless it is given.
            (Type::Nft, _) => &["active"],
            _ => &[],
        };
        for field in schema
            .fields
            .iter()
            .filter(|field| field.input && field.is_stored())
        {
            if !schema.key.contains(&field.column)
                && !preserved.contains(&field.column)
                && field.column != "chain"
            {
                staged.after.put(field.column, field.default_cell());
            }
        }
        if schema.kind == Type::Transfer && staged.after.text("source").is_none() {
            staged.after.put_int("explicit", 0);
        }
        staged.pending.clear();
        staged.changes = None;
        staged.type_given = false;
    }

    fn set(&mut self, index: usize, input: &Input, may_clear: bool) -> Result<()> {
        self.rename(index, input)?;
        let staged = &mut self.staged[index];
        staged.path.clone_from(&input.path);
        for (column, value) in &input.values {
            if !staged.after.schema.key.contains(column)
                || matches!(value, InputValue::Reference { .. })
            {
                staged.set(column, value, input, may_clear)?;
            }
        }
        Ok(())
    }

    /// Rename a target. Its address and chain cannot change.
    fn rename(&mut self, index: usize, input: &Input) -> Result<()> {
        if input.target.is_none() {
            return Ok(());
        }
        let staged = &mut self.staged[index];
        let old = (input.kind, staged.after.batch_key());
        for column in input.kind.schema().key {
            let Some(InputValue::Cell(Cell::Text(text))) = input.value(column) else {
                continue;
            };
            let unchanged = staged.after.text(column).unwrap_or_default() == text;
            let from_chain = input.kind == Type::Transfer && staged.after.text("source").is_some();
            if !unchanged && (*column != "name" && *column != "protocol_id" || from_chain) {
                let field = input.kind.schema().column(column).name;
                return Err(Error::invalid(
                    input.field_path(field),
                    "must be the one of the object in the path",
                ));
            }
            staged.after.put_text(column, text);
        }
        let key = staged.after.key();
        let new = (input.kind, staged.after.batch_key());
        if old != new {
            if self.by_key.contains_key(&new) {
                return Err(Error::already_exists(
                    &input.path,
                    input.kind,
                    key.join("/"),
                ));
            }
            self.by_key.remove(&old);
            self.by_key.insert(new, index);
        }
        Ok(())
    }
}

impl StagedObject {
    fn set(
        &mut self,
        column: &'static str,
        value: &InputValue,
        input: &Input,
        may_clear: bool,
    ) -> Result<()> {
        let field = self.after.schema.column(column);
        match value {
            InputValue::Clear if !may_clear => {}
            InputValue::Clear => {
                self.pending.remove(column);
                self.after.put(column, field.default_cell());
                match column {
                    "parent_id" => self.after.put("parent_type", Cell::Null),
                    "explicit" => self.changes = None,
                    _ => {}
                }
            }
            InputValue::Cell(cell) => {
                self.pending.remove(column);
                self.type_given |= column == "type";
                self.after.put(column, cell.clone());
            }
            InputValue::Reference { .. } | InputValue::InUnit { .. } => {
                let name = if field.field_type == FieldType::ParentRef {
                    "parent.ref"
                } else {
                    field.name
                };
                self.pending
                    .insert(column, (value.clone(), input.field_path(name)));
            }
            InputValue::Labels(labels) => self.merge_labels(labels, &input.field_path("labels"))?,
            InputValue::Changes(changes) => {
                self.after.put_int("explicit", 1);
                self.changes = Some((changes.clone(), input.field_path("balanceChanges")));
            }
        }
        Ok(())
    }

    /// Merge labels; a missing value removes one.
    fn merge_labels(&mut self, value: &BTreeMap<String, Option<String>>, path: &str) -> Result<()> {
        let mut labels = labels_of(&self.after);
        for (key, value) in value {
            match value {
                Some(value) => labels.insert(key.clone(), value.clone()),
                None => labels.remove(key),
            };
        }
        check_labels(labels.len(), path)?;
        let text = serde_json::to_string(&labels).map_err(|error| Error::invalid(path, error))?;
        let cell = if labels.is_empty() {
            Cell::Null
        } else {
            Cell::Text(text)
        };
        self.after.put("labels", cell);
        Ok(())
    }
}

/// The columns of a transfer that came from a chain and that a replacement keeps.
const CHAIN_COLUMNS: [&str; 8] = [
    "from_address",
    "to_address",
    "amount",
    "transaction_hash",
    "parent_type",
    "parent_id",
    "type",
    "signer",
];

/// The key of an input. For events the activity must be resolved.
pub(super) fn key_of(input: &Input) -> Result<Vec<String>> {
    let schema = input.kind.schema();
    let mut key = Vec::with_capacity(schema.key.len());
    for column in schema.key {
        let value = input.text(column).unwrap_or_default();
        // An object without an address has no chain.
        let optional = *column == "chain"
            || *column == "address" && matches!(input.kind, Type::Nft | Type::Fragment);
        if value.is_empty() && !optional {
            return Err(Error::invalid(
                input.field_path(schema.column(column).name),
                "is required",
            ));
        }
        key.push(value.to_owned());
    }
    Ok(key)
}

/// The key of an input in the batch.
fn batch_key(input: &Input) -> Result<Vec<String>> {
    let mut key = key_of(input)?;
    if input.kind == Type::Transfer && !input.of_chain {
        key.push(CALLERS.to_owned());
    }
    Ok(key)
}

pub(crate) fn labels_of(object: &Object) -> BTreeMap<String, String> {
    object
        .text("labels")
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}
