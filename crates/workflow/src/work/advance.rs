//! One flight: a run is moved on, step by step, until it waits or ends.

use super::faults::grace_ms;
use super::judge::{Before, Verdict};
use super::load::{Loaded, load};
use super::record::{Change, commit};
use super::wait::Look;
use crate::definition::{Ambiguity, Kind};
use crate::effect::{self, Call, Fault, Found, Plan, Sending};
use crate::run::start::{Begun, Order, begin};
use crate::run::{Run, StepRow};
use crate::state::{Event, StepState, Then};
use crate::{Error, Result, Workflow};
use store::Lease;
use types::{Json, Namespace, RunId};

/// Move a run on.
pub(super) async fn advance(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    id: RunId,
) -> Result<()> {
    let Some(mut flight) = load(workflow, lease, namespace, id).await? else {
        return Ok(());
    };
    pass("workflow.taken").await?;
    for _ in 0..workflow.settings().stretch.max(1) {
        if !lease.may_act(workflow.db().clock().monotonic_ms()) || !flight.go_on().await? {
            return Ok(());
        }
    }
    Ok(())
}

/// A place where a test can stop, end or fail this process.
#[inline(always)]
fn pass(place: &'static str) -> impl Future<Output = Result<()>> {
    let point = fail::point(place); // taken here: a future that kept the name would bring it into an optimised binary
    async move { Ok(point.await.map_err(store::Error::from)?) }
}

impl Loaded {
    /// Do what comes next; whether something comes at once behind it.
    async fn go_on(&mut self) -> Result<bool> {
        let row = self.row().cloned();
        match (self.run.position.step_state, row) {
            (StepState::Pending, row) => self.begin(row).await?,
            (StepState::Open, Some(row)) if self.step().kind == Kind::HttpRequest => {
                self.reopen_call(row).await?
            }
            (StepState::Open, Some(row)) => self.enqueue(row).await?,
            (StepState::Waiting, Some(row)) => self.look_at(row).await?,
            (StepState::Acted, Some(row)) => {
                let data = self.output_of(&row)?;
                self.finish(row, data).await?;
            }
            (state, _) => {
                return Err(Error::corrupt(
                    "run",
                    format!("it is live, and its step is {}", state.as_str()),
                ));
            }
        }
        let due = self.run.next_at.is_some_and(|at| at <= self.now());
        Ok(self.run.position.state.is_live() && due)
    }

    /// What was committed is what stands now.
    fn took(&mut self, run: Run, row: StepRow) {
        self.run = run;
        self.steps.retain(|known| known.seq != row.seq);
        self.steps.push(row);
    }

    /// Begin the step: what it asks, whether it is left out, what it does.
    async fn begin(&mut self, before: Option<StepRow>) -> Result<()> {
        let row = self.fresh(before);
        let plan = match self.before(row.began).await {
            Ok(Before::Skip) => return self.skip(row).await,
            Ok(Before::Do(options)) => {
                let row = StepRow {
                    input: Some(self.shown(&options)?),
                    ..row.clone()
                };
                (effect::plan(self, &options, row.began).await, row)
            }
            Err(failure) => return self.failed(row, Fault::fatal(failure)).await,
        };
        match plan {
            (Ok(Plan::Value(data)), row) => self.finish(row, data).await,
            (Ok(Plan::Update(prepared)), row) => self.update(row, prepared).await,
            (Ok(Plan::Begin(order)), row) => self.invoke(row, *order).await,
            (Ok(Plan::Send(sending)), row) => self.open_sending(row, &sending).await,
            (Ok(Plan::Call(call)), row) => self.open_call(row, &call).await,
            (Err(fault), row) => self.failed(row, fault).await,
        }
    }

    fn fresh(&self, before: Option<StepRow>) -> StepRow {
        let (position, step) = (&self.run.position, self.step());
        let first = before
            .as_ref()
            .filter(|row| row.round == position.round)
            .map(|row| row.began);
        StepRow {
            run: self.run.id,
            seq: position.step,
            name: step.name.clone(),
            kind: step.kind.as_str().to_owned(),
            state: StepState::Pending,
            attempt: position.attempt,
            round: position.round,
            input: None,
            output: None,
            sealed: None,
            request: None,
            idempotency_key: None,
            waits_for: None,
            error: None,
            // Attempts of one round see the same moment.
            began: first.unwrap_or_else(|| self.now()),
            sent: None,
            sent_by: None,
            ended: None,
        }
    }

    /// Options as they are shown: the template's value is the step's data, and is not shown twice.
    fn shown(&self, options: &effect::Options) -> Result<Json> {
        let shown: effect::Options = match self.step().kind {
            Kind::JsonataTemplate => effect::Options::new(),
            _ => options.clone(),
        };
        let json = Json::of(&shown).map_err(|error| Error::corrupt("step", error.to_string()))?;
        let most = self.workflow.settings().value_bytes;
        if json.as_str().len() > most {
            let note =
                serde_json::json!({ "note": format!("larger than {most} bytes, and not kept") });
            return Json::of(&note).map_err(|error| Error::corrupt("step", error.to_string()));
        }
        Ok(self.masked(&json))
    }

    async fn skip(&mut self, row: StepRow) -> Result<()> {
        let now = self.now();
        let row = StepRow {
            state: StepState::Skipped,
            ended: Some(now),
            ..row
        };
        let run = self
            .commit(Change::of(
                self.run.after(Event::Skipped, now)?,
                Some(row.clone()),
            ))
            .await?;
        self.took(run, row);
        Ok(())
    }

    async fn failed(&mut self, row: StepRow, fault: Fault) -> Result<()> {
        self.run = self.fault_of(row, fault).await?;
        Ok(())
    }

    /// The step has its data: judge what comes after, and record.
    async fn finish(&mut self, row: StepRow, data: Option<Json>) -> Result<()> {
        match self.after(data.as_ref(), row.began).await {
            Ok(verdict) => self.done(row, data, verdict).await,
            Err(failure) => {
                let row = self.with_output(row, data.as_ref())?;
                self.run = self.fail(row, failure).await?;
                Ok(())
            }
        }
    }

    async fn done(&mut self, row: StepRow, data: Option<Json>, verdict: Verdict) -> Result<()> {
        let now = self.now();
        let row = StepRow {
            state: StepState::Done,
            ended: Some(now),
            request: None,
            error: None,
            ..self.with_output(row, data.as_ref())?
        };
        let result = verdict.result.map(|result| self.masked(&result));
        let run = Run {
            result,
            error: verdict.error,
            ..self.run.after(Event::Done(verdict.then), now)?
        };
        let run = self.commit(Change::of(run, Some(row.clone()))).await?;
        self.took(run, row);
        pass("workflow.recorded").await
    }

    fn with_output(&self, row: StepRow, data: Option<&Json>) -> Result<StepRow> {
        let Some(data) = data else {
            return Ok(StepRow {
                output: None,
                sealed: None,
                ..row
            });
        };
        let (shown, sealed) = self.keeper().keep(data)?;
        Ok(StepRow {
            output: Some(shown),
            sealed,
            ..row
        })
    }

    /// Change the data model, together with the step.
    async fn update(&mut self, row: StepRow, prepared: data::Prepared) -> Result<()> {
        let who = self.run.initiator.clone();
        let also = move |tx: &mut store::Tx<'_, '_>| {
            let answer = data::write_update(tx, &who, &prepared)?;
            Json::of(&answer).map_err(|error| Error::corrupt("step", error.to_string()))
        };
        self.act(row, also).await
    }

    /// Begin another run, together with the step.
    async fn invoke(&mut self, row: StepRow, order: Order) -> Result<()> {
        let workflow = self.workflow.clone();
        let also = move |tx: &mut store::Tx<'_, '_>| {
            let id = match begin(&workflow, tx, &order)? {
                Begun::Fresh(run) => run.id,
                Begun::Before(id) => id,
            };
            Json::of(&id).map_err(|error| Error::corrupt("step", error.to_string()))
        };
        self.act(row, also).await
    }

    /// An internal effect: it commits with the step, exactly once. What is asked after it is asked
    /// outside, from what was written down.
    async fn act<F>(&mut self, row: StepRow, mut also: F) -> Result<()>
    where
        F: FnMut(&mut store::Tx<'_, '_>) -> Result<Json> + Send + 'static,
    {
        let now = self.now();
        let asked = !self.step().clauses.is_empty();
        let (event, state) = if asked {
            (Event::Acted, StepState::Acted)
        } else {
            (Event::Done(Then::Next), StepState::Done)
        };
        let row = StepRow {
            state,
            ended: (!asked).then_some(now),
            ..row
        };
        let change = Change::of(self.run.after(event, now)?, Some(row.clone()));
        let (most, keeper) = (self.workflow.settings().value_bytes, self.keeper());
        let with_output = move |tx: &mut store::Tx<'_, '_>, change: &mut Change| {
            let output = also(tx)?;
            if output.as_str().len() > most {
                return Err(Error::TooMuch {
                    field: "the step's answer".to_owned(),
                    of: "bytes",
                    limit: most,
                });
            }
            if let Some(step) = &mut change.step {
                let (shown, sealed) = keeper.keep(&output)?;
                (step.output, step.sealed) = (Some(shown), sealed);
            }
            Ok(())
        };
        match commit(
            &self.workflow,
            &self.lease,
            &self.namespace,
            change,
            with_output,
        )
        .await
        {
            Ok((change, ())) => {
                let row = change.step.unwrap_or(row);
                self.took(change.run, row);
                pass("workflow.recorded").await
            }
            Err(
                error
                @ (Error::Stale | Error::Store(_) | Error::Corrupt { .. } | Error::Illegal(_)),
            ) => Err(error),
            Err(error) => self.failed(row, Fault::of(&error)).await,
        }
    }

    /// Write an effect down before it is begun.
    async fn open(
        &mut self,
        row: StepRow,
        request: &impl serde::Serialize,
        key: &str,
        shown: Json,
    ) -> Result<StepRow> {
        let now = self.now();
        let request =
            Json::of(request).map_err(|error| Error::corrupt("step", error.to_string()))?;
        let row = StepRow {
            state: StepState::Open,
            input: Some(self.masked(&shown)),
            request: Some(self.seal(row.seq, "request", &request)?),
            idempotency_key: Some(key.to_owned()),
            sent: Some(now),
            sent_by: Some(self.workflow.db().holder().to_owned()),
            ..row
        };
        let run = self
            .commit(Change::of(
                self.run.after(Event::Opened, now)?,
                Some(row.clone()),
            ))
            .await?;
        self.took(run, row.clone());
        pass("workflow.opened").await?;
        Ok(row)
    }

    async fn open_sending(&mut self, row: StepRow, sending: &Sending) -> Result<()> {
        match sending.shown() {
            Ok(shown) => {
                let row = self.open(row, sending, &sending.key, shown).await?;
                self.enqueue(row).await
            }
            Err(fault) => self.failed(row, fault).await,
        }
    }

    /// Enqueue what is written down. The key makes a repeat find what the first one made.
    async fn enqueue(&mut self, row: StepRow) -> Result<()> {
        let sending: Sending = self.request(&row)?;
        match sending.enqueue(self).await {
            Ok(submission) => {
                pass("workflow.enqueued").await?;
                let (run, row) = self.wait_for(row, &submission).await?;
                self.took(run, row.clone());
                self.look_at(row).await
            }
            Err(fault) => self.failed(row, fault).await,
        }
    }

    async fn look_at(&mut self, row: StepRow) -> Result<()> {
        match self.look(&row).await? {
            Look::Done(data) => self.finish(row, Some(data)).await,
            Look::Fault(fault) => self.failed(row, fault).await,
            Look::Later => {
                self.run.next_at = None; // put off by the look itself
                Ok(())
            }
        }
    }

    async fn open_call(&mut self, row: StepRow, call: &Call) -> Result<()> {
        match call.shown() {
            Ok(shown) => {
                let row = self.open(row, call, &call.key, shown).await?;
                self.send(row, call).await
            }
            Err(fault) => self.failed(row, fault).await,
        }
    }

    /// A call that was written down, and perhaps made: by this process in an attempt before, by
    /// another that is gone, or not yet since a person said to send it.
    async fn reopen_call(&mut self, row: StepRow) -> Result<()> {
        let call: Call = self.request(&row)?;
        let Some(sent) = row.sent else {
            return self.stamp_and_send(row, &call).await;
        };
        let mine = row.sent_by.as_deref() == Some(self.workflow.db().holder());
        let over = sent.plus_millis(grace_ms(
            &self.workflow,
            self.lease.ttl_ms(),
            call.timeout_ms,
        ));
        if !mine && over > self.now() {
            self.look_again(over).await?;
            self.run.next_at = None;
            return Ok(());
        }
        match self.ambiguity() {
            Ambiguity::Retry => self.stamp_and_send(row, &call).await,
            Ambiguity::Park => self.failed(row, call.interrupted()).await,
            Ambiguity::Query => match call.ask(self).await {
                Found::Happened(data) => self.finish(row, Some(data)).await,
                Found::Not => self.stamp_and_send(row, &call).await,
                Found::Unclear(fault) => self.failed(row, fault).await,
            },
        }
    }

    async fn stamp_and_send(&mut self, row: StepRow, call: &Call) -> Result<()> {
        let now = self.now();
        let holder = self.workflow.db().holder().to_owned();
        let row = StepRow {
            sent: Some(now),
            sent_by: Some(holder),
            attempt: self.run.position.attempt,
            ..row
        };
        let run = Run {
            updated: now,
            version: self.run.version + 1,
            next_at: Some(now),
            reason: None,
            ..self.run.clone()
        };
        let run = self.commit(Change::of(run, Some(row.clone()))).await?;
        self.took(run, row.clone());
        self.send(row, call).await
    }

    /// Write down that the call was not made, for whoever goes on: this process once its lease is
    /// renewed. One that lost it cannot.
    async fn not_sent(&mut self, row: StepRow) -> Result<()> {
        let row = StepRow {
            sent: None,
            sent_by: None,
            ..row
        };
        let run = Run {
            updated: self.now(),
            version: self.run.version + 1,
            ..self.run.clone()
        };
        let run = self.commit(Change::of(run, Some(row.clone()))).await?;
        self.took(run, row);
        Ok(())
    }

    async fn send(&mut self, row: StepRow, call: &Call) -> Result<()> {
        // The process may have stood still since it was written down, and somebody else may have
        // taken the run on.
        if !self
            .lease
            .may_act(self.workflow.db().clock().monotonic_ms())
        {
            return self.not_sent(row).await;
        }
        let answer = call.send(self).await;
        pass("workflow.called").await?;
        match answer {
            Ok(data) if self.step().clauses.is_empty() => {
                self.done(row, Some(data), Verdict::on()).await
            }
            Ok(data) => {
                // The answer is written down before anything else can fail.
                let now = self.now();
                let row = StepRow {
                    state: StepState::Acted,
                    ..self.with_output(row, Some(&data))?
                };
                let run = self
                    .commit(Change::of(
                        self.run.after(Event::Acted, now)?,
                        Some(row.clone()),
                    ))
                    .await?;
                self.took(run, row.clone());
                self.finish(row, Some(data)).await
            }
            Err(fault) => self.failed(row, fault).await,
        }
    }
}
