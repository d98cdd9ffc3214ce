//! Tables `task` and `task_version`.

use crate::definition::Warning;
use crate::task::{Task, Version};
use crate::{Error, Format, Result};
use store::{Row, RowReader, Tx};
use types::{Digest, Json, Page, TaskId, Time, VersionId};

/// By id or name.
pub(crate) fn find(tx: &mut Tx<'_, '_>, name_or_id: &str) -> Result<Option<Task>> {
    let row: Option<Row> = tx.row(
        "SELECT id, name, description, variable_set, current_version, current_label, created_at, updated_at, version
           FROM task WHERE namespace = ?ns AND (id = ?1 OR name = ?1)",
        (name_or_id,),
    )?;
    row.map(task).transpose()
}

/// By id or name; an error if it does not exist.
pub(crate) fn require(tx: &mut Tx<'_, '_>, name_or_id: &str) -> Result<Task> {
    find(tx, name_or_id)?.ok_or_else(|| Error::unknown("task", name_or_id))
}

pub(crate) fn list(tx: &mut Tx<'_, '_>, page: &Page) -> Result<Vec<Task>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT id, name, description, variable_set, current_version, current_label, created_at, updated_at, version
           FROM task WHERE namespace = ?ns ORDER BY name LIMIT ?1 OFFSET ?2",
        (page.limit, page.skip),
    )?;
    rows.into_iter().map(task).collect()
}

/// Number of tasks in the namespace.
pub(crate) fn count(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row("SELECT COUNT(*) FROM task WHERE namespace = ?ns", ())?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Returns false if the name is taken.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, task: &Task) -> Result<bool> {
    let changed = tx.execute(
        "INSERT INTO task (namespace, id, name, description, variable_set, created_at, updated_at, version)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        (task.id, &task.name, &task.description, &task.variable_set, task.created, task.updated, version(task.version)),
    )?;
    Ok(changed == 1)
}

/// Returns false if the task changed concurrently.
pub(crate) fn update(tx: &mut Tx<'_, '_>, task: &Task) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE task SET name = ?2, description = ?3, variable_set = ?4, current_version = ?5, current_label = ?6, updated_at = ?7,
                version = ?8
          WHERE namespace = ?ns AND id = ?1 AND version = ?8 - 1",
        (
            task.id,
            &task.name,
            &task.description,
            &task.variable_set,
            task.current_id,
            &task.current_version,
            task.updated,
            version(task.version),
        ),
    )?;
    Ok(changed == 1)
}

/// Deletes a task and its versions.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: TaskId) -> Result<()> {
    tx.execute(
        "DELETE FROM task_version WHERE namespace = ?ns AND task = ?1",
        (id,),
    )?;
    tx.execute("DELETE FROM task WHERE namespace = ?ns AND id = ?1", (id,))?;
    Ok(())
}

/// A version with its document.
pub(crate) struct Stored {
    pub(crate) version: Version,
    pub(crate) source: String,
    pub(crate) format: Format,
}

pub(crate) fn insert_version(tx: &mut Tx<'_, '_>, stored: &Stored, now: Time) -> Result<()> {
    let Stored {
        version,
        source,
        format,
    } = stored;
    let warnings = Json::of(&version.warnings)
        .map_err(|error| Error::corrupt("warning", error.to_string()))?;
    tx.execute(
        "INSERT INTO task_version (namespace, id, task, label, description, source, format, hash, steps, warnings, created_at, created_by)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            version.id,
            version.task,
            &version.version,
            &version.description,
            source,
            format_name(*format),
            version.hash,
            version.steps,
            warnings,
            now,
            &version.created_by,
        ),
    )?;
    Ok(())
}

/// Number of versions of a task, and number of versions whose label has this day.
pub(crate) fn count_versions(tx: &mut Tx<'_, '_>, task: TaskId, day: &str) -> Result<(i64, i64)> {
    let all: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM task_version WHERE namespace = ?ns AND task = ?1",
        (task,),
    )?;
    // Labels that begin with the day and a dot sort before the day and a slash, the next character.
    let of_day: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM task_version WHERE namespace = ?ns AND task = ?1 AND (label = ?2 OR (label > ?3 AND label < ?4))",
        (task, day, format!("{day}."), format!("{day}/")),
    )?;
    Ok((all.map_or(0, |(n,)| n), of_day.map_or(0, |(n,)| n)))
}

/// A version of a task by label or id.
pub(crate) fn version_of(
    tx: &mut Tx<'_, '_>,
    task: TaskId,
    label_or_id: &str,
) -> Result<Option<Stored>> {
    let row: Option<Row> = tx.row(
        "SELECT id, task, label, description, hash, steps, warnings, created_at, created_by, source, format
           FROM task_version WHERE namespace = ?ns AND task = ?1 AND (label = ?2 OR id = ?2)",
        (task, label_or_id),
    )?;
    row.map(stored).transpose()
}

pub(crate) fn version_by_id(tx: &mut Tx<'_, '_>, id: VersionId) -> Result<Option<Stored>> {
    let row: Option<Row> = tx.row(
        "SELECT id, task, label, description, hash, steps, warnings, created_at, created_by, source, format
           FROM task_version WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    row.map(stored).transpose()
}

/// Versions of a task, newest first.
pub(crate) fn versions(tx: &mut Tx<'_, '_>, task: TaskId, page: &Page) -> Result<Vec<Version>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT id, task, label, description, hash, steps, warnings, created_at, created_by
           FROM task_version WHERE namespace = ?ns AND task = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2 OFFSET ?3",
        (task, page.limit, page.skip),
    )?;
    rows.into_iter()
        .map(|row| shown(&mut RowReader::new(row)))
        .collect()
}

fn task(row: Row) -> Result<Task> {
    let mut columns = RowReader::new(row);
    Ok(Task {
        id: columns.take()?,
        name: columns.take()?,
        description: columns.take()?,
        variable_set: columns.take()?,
        current_id: columns.take()?,
        current_version: columns.take()?,
        created: columns.take()?,
        updated: columns.take()?,
        version: u64::try_from(columns.take::<i64>()?).unwrap_or(0),
    })
}

fn stored(row: Row) -> Result<Stored> {
    let mut columns = RowReader::new(row);
    let version = shown(&mut columns)?;
    let (source, format): (String, String) = (columns.take()?, columns.take()?);
    Ok(Stored {
        version,
        source,
        format: if format == "json" {
            Format::Json
        } else {
            Format::Yaml
        },
    })
}

fn shown(columns: &mut RowReader) -> Result<Version> {
    let (id, task, label, description, hash) = (
        columns.take()?,
        columns.take()?,
        columns.take()?,
        columns.take()?,
        columns.take::<Digest>()?,
    );
    let (steps, warnings): (u32, String) = (columns.take()?, columns.take()?);
    let warnings: Vec<Warning> = serde_json::from_str(&warnings).unwrap_or_default();
    let (created, created_by) = (columns.take()?, columns.take()?);
    Ok(Version {
        id,
        task,
        version: label,
        description,
        hash,
        steps,
        warnings,
        created,
        created_by,
    })
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Yaml => "yaml",
        Format::Json => "json",
    }
}

/// A version number as stored.
pub(crate) fn version(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
