//! Events: their activities, topics and sequence numbers.

use super::Input;
use super::resolve::{ReferenceKey, Resolution, resolve};
use super::stage::Stage;
use super::value::InputValue;
use crate::{Error, Result, Type, table};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Cell, Tx};
use types::ChainId;

/// Replace activity names by ids in the inputs of events, because the activity id is part of an
/// event's key.
pub(super) fn with_activities(
    tx: &mut Tx,
    stage: &Stage,
    events: &[&Input],
    default_chain: &ChainId,
) -> Result<Vec<Input>> {
    let references: BTreeSet<ReferenceKey> = events
        .iter()
        .filter_map(|input| Some((Type::Activity, input.text("activity_id")?.to_owned())))
        .collect();
    let resolved = resolve(tx, default_chain, Some(stage), &references)?;
    events
        .iter()
        .map(|input| with_activity(input, &resolved))
        .collect()
}

fn with_activity(input: &Input, resolved: &HashMap<ReferenceKey, Resolution>) -> Result<Input> {
    let mut input = input.clone();
    let field = input.field_path("activity");
    for (_, value) in input
        .values
        .iter_mut()
        .filter(|(column, _)| *column == "activity_id")
    {
        let InputValue::Reference { kind, text } = &value else {
            continue;
        };
        let reference = (*kind, text.clone());
        let Some(Resolution::Object(id)) = resolved.get(&reference) else {
            let (kind, reference) = reference;
            return Err(Error::BadReference {
                field,
                kind,
                reference,
            });
        };
        *value = InputValue::Cell(Cell::Text(id.clone()));
    }
    Ok(input)
}

/// Set the topics of new events. Returns the names of all activities by id.
pub(super) fn set_topics(tx: &mut Tx, stage: &mut Stage) -> Result<BTreeMap<String, String>> {
    let ids: BTreeSet<String> = event_indexes(stage)
        .filter_map(|index| activity_of(stage, index))
        .collect();
    let missing: Vec<&String> = (ids.iter())
        .filter(|id| stage.of_id(id).is_none())
        .collect();
    let mut names: BTreeMap<String, String> =
        table::object::by_ids(tx, Type::Activity.schema(), &missing)?
            .into_iter()
            .map(|object| (object.id().to_owned(), object.name().to_owned()))
            .collect();
    for id in &ids {
        names.extend(
            stage
                .of_id(id)
                .map(|staged| (id.clone(), staged.after.name().to_owned())),
        );
    }
    for index in event_indexes(stage).collect::<Vec<_>>() {
        let name = activity_of(stage, index)
            .and_then(|id| names.get(&id).cloned())
            .unwrap_or_default();
        let staged = &mut stage.staged[index];
        if staged.is_new() {
            let topic = format!("{name}/{}", staged.after.name());
            staged.after.put_text("topic", topic);
        }
    }
    Ok(names)
}

/// Assign sequence numbers to new events. Each activity's counter is raised once per batch.
pub(super) fn assign_sequences(tx: &mut Tx, stage: &mut Stage) -> Result<()> {
    let new: Vec<(usize, String)> = event_indexes(stage)
        .filter(|index| stage.staged[*index].is_new())
        .filter_map(|index| Some((index, activity_of(stage, index)?)))
        .collect();
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for (_, activity) in &new {
        *counts.entry(activity.clone()).or_default() += 1;
    }
    let rows: Vec<(String, i64)> = counts
        .iter()
        .map(|(id, count)| (id.clone(), *count))
        .collect();
    let mut next: HashMap<String, i64> = table::object::reserve_sequences(tx, &rows)?
        .into_iter()
        .map(|(id, after)| (id.clone(), after - counts[&id]))
        .collect();
    for (index, activity) in new {
        let Some(sequence) = next.get_mut(&activity) else {
            // The activity was deleted since this transaction resolved it; the store retries.
            return Err(store::Error::Contended { attempts: 1 }.into());
        };
        stage.staged[index].after.put_int("sequence", *sequence);
        *sequence += 1;
    }
    Ok(())
}

fn event_indexes(stage: &Stage) -> impl Iterator<Item = usize> + use<'_> {
    (0..stage.staged.len()).filter(|index| stage.staged[*index].after.kind() == Type::Event)
}

fn activity_of(stage: &Stage, index: usize) -> Option<String> {
    stage.staged[index]
        .after
        .text("activity_id")
        .map(str::to_owned)
}
