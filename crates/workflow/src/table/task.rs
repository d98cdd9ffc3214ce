//! Tables `task` and `task_version`.

use crate::task::Version;
use crate::{Format, Result};
use store::{Record as _, ScopedTable as _, Tx};
use types::{Page, TaskId, VariableSetId, VersionId};

store::text_columns! { Format }

/// The name of a task that refers to a variable set.
pub(crate) fn of_variables(tx: &mut Tx, set: VariableSetId, name: &str) -> Result<Option<String>> {
    Ok(tx.value(
        "SELECT name FROM task WHERE namespace = ?ns AND (variable_set = ?1 OR variable_set = ?2) ORDER BY name LIMIT 1",
        (set, name),
    )?)
}

/// A version with its document.
#[derive(store::Record)]
#[record(table = "task_version")]
pub(crate) struct Stored {
    #[record(flatten)]
    pub(crate) version: Version,
    pub(crate) source: String,
    pub(crate) format: Format,
}

pub(crate) fn insert_version(
    tx: &mut Tx,
    version: Version,
    source: &str,
    format: Format,
) -> Result<Version> {
    let rows = [Stored {
        version,
        source: source.to_owned(),
        format,
    }];
    Stored::insert(tx, &rows, "")?;
    let [stored] = rows;
    Ok(stored.version)
}

/// Number of versions of a task.
pub(crate) fn count_versions(tx: &mut Tx, task: TaskId) -> Result<u64> {
    Ok(tx.count(
        "SELECT COUNT(*) FROM task_version WHERE namespace = ?ns AND task = ?1",
        (task,),
    )?)
}

/// Number of versions of a task whose label has this day.
pub(crate) fn count_versions_of_day(tx: &mut Tx, task: TaskId, day: &str) -> Result<u64> {
    // Labels that begin with the day and a dot sort before the day and a slash, the next character.
    Ok(tx.count(
        "SELECT COUNT(*) FROM task_version WHERE namespace = ?ns AND task = ?1 AND (label = ?2 OR (label > ?3 AND label < ?4))",
        (task, day, format!("{day}."), format!("{day}/")),
    )?)
}

/// A version of a task by label or id.
pub(crate) fn version_of(tx: &mut Tx, task: TaskId, label_or_id: &str) -> Result<Option<Stored>> {
    let sql = Stored::select("WHERE namespace = ?ns AND task = ?1 AND (label = ?2 OR id = ?2)");
    Ok(tx.row(&sql, (task, label_or_id))?)
}

pub(crate) fn version_by_id(tx: &mut Tx, id: VersionId) -> Result<Option<Stored>> {
    let sql = Stored::select("WHERE namespace = ?ns AND id = ?1");
    Ok(tx.row(&sql, (id,))?)
}

/// Versions of a task, newest first.
pub(crate) fn versions(tx: &mut Tx, task: TaskId, page: &Page) -> Result<Vec<Version>> {
    let sql = Version::select(
        "WHERE namespace = ?ns AND task = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2 OFFSET ?3",
    );
    Ok(tx.rows(&sql, (task, page.limit, page.skip))?)
}

pub(crate) fn delete_versions(tx: &mut Tx, task: TaskId) -> Result<()> {
    tx.execute(
        "DELETE FROM task_version WHERE namespace = ?ns AND task = ?1",
        (task,),
    )?;
    Ok(())
}
