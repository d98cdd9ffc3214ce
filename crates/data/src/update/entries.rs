//! Entries of activities: where they belong, what listeners match, and their numbers.

use super::Input;
use super::given::Given;
use super::resolve::{Found, Wanted, resolve};
use super::stage::Stage;
use crate::{Error, Result, Type, table};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Cell, Tx};
use types::ChainId;

/// The inputs of events with the ids of their activities in the place of names: their keys begin
/// with those.
pub(super) fn with_activities(
    tx: &mut Tx<'_, '_>,
    stage: &Stage,
    events: &[&Input],
    home: &ChainId,
) -> Result<Vec<Input>> {
    let wanted: BTreeSet<Wanted> = events
        .iter()
        .filter_map(|input| Some((Type::Activity, input.text("activity_id")?.to_owned())))
        .collect();
    let found = resolve(tx, home, Some(stage), &wanted)?;
    events
        .iter()
        .map(|input| with_activity(input, &found))
        .collect()
}

fn with_activity(input: &Input, found: &HashMap<Wanted, Found>) -> Result<Input> {
    let mut input = input.clone();
    let field = input.at("activity");
    for (_, given) in input
        .given
        .iter_mut()
        .filter(|(column, _)| *column == "activity_id")
    {
        let Given::Name { kind, text } = &given else {
            continue;
        };
        let (kind, reference) = (*kind, text.clone());
        let id = match found.get(&(kind, reference.clone())) {
            Some(Found::One(id)) => id.clone(),
            _ => {
                return Err(Error::BadReference {
                    field,
                    kind,
                    reference,
                });
            }
        };
        *given = Given::Cell(Cell::Text(id));
    }
    Ok(input)
}

/// The topics of new events; the names of all activities by id.
pub(super) fn complete(tx: &mut Tx<'_, '_>, stage: &mut Stage) -> Result<BTreeMap<String, String>> {
    let ids: BTreeSet<String> = events(stage)
        .filter_map(|place| activity(stage, place))
        .collect();
    let unknown: Vec<(String,)> = ids
        .iter()
        .filter(|id| stage.of_id(id).is_none())
        .map(|id| (id.clone(),))
        .collect();
    let mut names: BTreeMap<String, String> =
        table::object::by_ids(tx, Type::Activity.shape(), &unknown)?
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
    for place in events(stage).collect::<Vec<_>>() {
        let name = activity(stage, place)
            .and_then(|id| names.get(&id).cloned())
            .unwrap_or_default();
        let staged = &mut stage.staged[place];
        if staged.is_new() {
            let topic = format!("{name}/{}", staged.after.name());
            staged.after.put_text("topic", topic);
        }
    }
    Ok(names)
}

/// Number the new events: each activity's counter is raised once for the whole batch.
pub(super) fn number(tx: &mut Tx<'_, '_>, stage: &mut Stage) -> Result<()> {
    let new: Vec<(usize, String)> = events(stage)
        .filter(|place| stage.staged[*place].is_new())
        .filter_map(|place| Some((place, activity(stage, place)?)))
        .collect();
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for (_, activity) in &new {
        *counts.entry(activity.clone()).or_default() += 1;
    }
    let rows: Vec<(String, i64)> = counts
        .iter()
        .map(|(id, count)| (id.clone(), *count))
        .collect();
    let mut next: HashMap<String, i64> = table::object::hand_out(tx, &rows)?
        .into_iter()
        .map(|(id, after)| (id.clone(), after - counts[&id]))
        .collect();
    for (place, activity) in new {
        let Some(sequence) = next.get_mut(&activity) else {
            return Err(store::Error::Contended { attempts: 1 }.into()); // deleted since this transaction looked
        };
        stage.staged[place].after.put_int("sequence", *sequence);
        *sequence += 1;
    }
    Ok(())
}

fn events(stage: &Stage) -> impl Iterator<Item = usize> + use<'_> {
    (0..stage.staged.len()).filter(|place| stage.staged[*place].after.kind() == Type::Event)
}

fn activity(stage: &Stage, place: usize) -> Option<String> {
    stage.staged[place]
        .after
        .text("activity_id")
        .map(str::to_owned)
}
