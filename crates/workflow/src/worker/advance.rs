//! Executes a run step by step, until it waits or ends.

use super::context::RunContext;
use super::expressions::{StepOutcome, StepStart};
use super::faults::grace_ms;
use super::load::load;
use super::record::{Change, commit};
use super::submission_wait::SubmissionCheck;
use crate::definition::Ambiguity;
use crate::effect::{CallStatus, ExternalCall, Fault, Options, Plan, SubmissionRequest, to_json};
use crate::error::to_stored;
use crate::kinds::{self, External, StepKind};
use crate::run::request::RunRequest;
use crate::run::start::{StartOutcome, start_in_tx};
use crate::run::{Run, StepRow};
use crate::state::{Continuation, Event, StepState};
use crate::{Error, Result, Workflow};
use store::Lease;
use tracing::Instrument as _;
use types::{Json, Namespace, RunId};

/// Advances a run by at most `steps_per_turn` transitions.
pub(super) async fn advance(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    id: RunId,
) -> Result<()> {
    let Some(mut run_context) = load(workflow, lease, namespace, id).await? else {
        return Ok(());
    };
    let run = &mut run_context.run;
    let (task, trace) = (&run.task_name, tracing::field::Empty);
    let span = tracing::info_span!("run", %id, %namespace, task, trace);
    // What the steps do belongs to this span.
    run.initiator.trace = telemetry::continue_trace(&span, run.initiator.trace);
    let transitions = async {
        pass("workflow.taken").await?;
        for _ in 0..workflow.settings().steps_per_turn.max(1) {
            let may_act = lease.may_act(workflow.db().clock().monotonic_ms());
            if !may_act || !run_context.advance_once().await? {
                break;
            }
        }
        Ok(())
    };
    transitions.instrument(span).await
}

/// A fail point: tests can stop, end or fail the process here. `docs/fail-points.md` lists the
/// points; a test of xtask compares the list with the calls of this function.
#[inline(always)]
fn pass(name: &'static str) -> impl Future<Output = Result<()>> {
    // Created here: a future that held the name would keep it in an optimized binary.
    let point = fail::point(name);
    async move { Ok(point.await.map_err(store::Error::from)?) }
}

impl RunContext {
    /// Executes the next transition. Returns whether another one is due at once.
    async fn advance_once(&mut self) -> Result<bool> {
        let row = self.row().cloned();
        match (self.run.position.step_state, row) {
            (StepState::Pending, row) => self.begin_step(row).await?,
            (StepState::Open, Some(row)) => match StepKind::of(self.step()).external() {
                Some(external) => self.reopen_call(row, external).await?,
                None => self.enqueue(row).await?,
            },
            (StepState::Waiting, Some(row)) => self.check_submission_step(row).await?,
            (StepState::Acted, Some(row)) => {
                let data = self.output_of(&row)?;
                self.finish(row, data).await?;
            }
            (state, _) => {
                return Err(Error::corrupt(
                    "run",
                    format!("it is live but its step is {}", state.as_str()),
                ));
            }
        }
        let due = self.run.next_at.is_some_and(|at| at <= self.now());
        Ok(self.run.position.state.is_live() && due)
    }

    /// Begins a step: evaluates its expressions, then skips it or prepares its effect.
    async fn begin_step(&mut self, before: Option<StepRow>) -> Result<()> {
        let mut row = self.new_step_row(before);
        let plan = match self.evaluate_before(row.began).await {
            Ok(StepStart::Skip) => return self.skip(row).await,
            Ok(StepStart::Run(options)) => {
                row.input = Some(self.shown(&options)?);
                kinds::plan(self, &options, row.began).await
            }
            Err(failure) => Err(Fault::fatal(failure)),
        };
        match plan {
            Ok(Plan::Value(data)) => self.finish(row, data).await,
            Ok(Plan::Update(prepared)) => self.update(row, prepared).await,
            Ok(Plan::StartRun(request)) => self.invoke(row, *request).await,
            Ok(Plan::Submit(request)) => self.open_submission(row, &request).await,
            Ok(Plan::Call(call)) => self.open_call(row, &*call).await,
            Err(fault) => self.handle_fault(row, fault).await,
        }
    }

    fn new_step_row(&self, before: Option<StepRow>) -> StepRow {
        let (position, step) = (&self.run.position, self.step());
        let first = before
            .as_ref()
            .filter(|row| row.round == position.round)
            .map(|row| row.began);
        StepRow {
            run: self.run.id,
            seq: position.step,
            name: step.name.clone(),
            kind: step.kind.to_owned(),
            state: StepState::Pending,
            attempt: position.attempt,
            round: position.round,
            input: None,
            output: None,
            encrypted_output: None,
            request: None,
            idempotency_key: None,
            waits_for: None,
            error: None,
            // All attempts of one round see the same time.
            began: first.unwrap_or_else(|| self.now()),
            sent: None,
            sent_by: None,
            ended: None,
        }
    }

    /// The options as displayed.
    fn shown(&self, options: &Options) -> Result<Json> {
        let shown = StepKind::of(self.step()).shows_options();
        let shown = shown.then_some(options);
        let json = to_stored("step", shown.unwrap_or(&Options::new()))?;
        let limit = self.workflow.settings().value_bytes;
        if json.as_str().len() > limit {
            let note = serde_json::json!({ "note": format!("larger than {limit} bytes; omitted") });
            return to_stored("step", &note);
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
        self.record(self.run.after(Event::Skipped, now)?, row)
            .await?;
        Ok(())
    }

    async fn handle_fault(&mut self, row: StepRow, fault: Fault) -> Result<()> {
        self.run = self.record_fault(row, fault).await?;
        Ok(())
    }

    /// Evaluates the clauses with the step's data, and records the result.
    async fn finish(&mut self, row: StepRow, data: Option<Json>) -> Result<()> {
        match self.evaluate_after(data.as_ref(), row.began).await {
            Ok(outcome) => self.complete(row, data, outcome).await,
            Err(failure) => {
                let row = self.with_output(row, data.as_ref())?;
                self.run = self.fail(row, failure).await?;
                Ok(())
            }
        }
    }

    async fn complete(
        &mut self,
        row: StepRow,
        data: Option<Json>,
        outcome: StepOutcome,
    ) -> Result<()> {
        let now = self.now();
        let row = StepRow {
            state: StepState::Done,
            ended: Some(now),
            request: None,
            error: None,
            ..self.with_output(row, data.as_ref())?
        };
        let result = outcome.result.map(|result| self.masked(&result));
        let run = Run {
            result,
            error: outcome.error,
            ..self.run.after(Event::Done(outcome.continuation), now)?
        };
        self.record(run, row).await?;
        pass("workflow.recorded").await
    }

    fn with_output(&self, row: StepRow, data: Option<&Json>) -> Result<StepRow> {
        let protector = self.output_protector();
        let output = data.map(|data| protector.protect(data)).transpose()?;
        let (output, encrypted_output) = output
            .map(|output| (output.shown, output.encrypted))
            .unzip();
        Ok(StepRow {
            output,
            encrypted_output: encrypted_output.flatten(),
            ..row
        })
    }

    /// Updates the data model in the step's transaction.
    async fn update(&mut self, row: StepRow, prepared: data::PreparedUpdate) -> Result<()> {
        let principal = self.run.initiator.clone();
        let effect_writes = move |tx: &mut store::Tx| {
            let answer = data::write_update(tx, &principal, &prepared)?;
            to_stored("step", &answer)
        };
        self.commit_internal(row, effect_writes).await
    }

    /// Starts another run in the step's transaction.
    async fn invoke(&mut self, row: StepRow, request: RunRequest) -> Result<()> {
        let workflow = self.workflow.clone();
        let effect_writes = move |tx: &mut store::Tx| {
            let id = match start_in_tx(&workflow, tx, &request)? {
                StartOutcome::Created(run) => run.id,
                StartOutcome::Existing(id) => id,
            };
            to_stored("step", &id)
        };
        self.commit_internal(row, effect_writes).await
    }

    /// Commits an internal effect with the step, exactly once. The clauses are evaluated
    /// afterwards, outside the transaction, from the recorded data.
    async fn commit_internal<F>(&mut self, row: StepRow, mut effect_writes: F) -> Result<()>
    where
        F: FnMut(&mut store::Tx) -> Result<Json> + Send + 'static,
    {
        let now = self.now();
        let has_clauses = !self.step().clauses.is_empty();
        let (event, state) = if has_clauses {
            (Event::Acted, StepState::Acted)
        } else {
            (Event::Done(Continuation::Next), StepState::Done)
        };
        let row = StepRow {
            state,
            ended: (!has_clauses).then_some(now),
            ..row
        };
        let change = Change::new(self.run.after(event, now)?, Some(row.clone()));
        let limit = self.workflow.settings().value_bytes;
        let output_protector = self.output_protector();
        let with_output = move |tx: &mut store::Tx, change: &mut Change| {
            let output = effect_writes(tx)?;
            Error::check_bytes("the step's data", output.as_str().len(), limit)?;
            if let Some(step) = &mut change.step {
                let output = output_protector.protect(&output)?;
                (step.output, step.encrypted_output) = (Some(output.shown), output.encrypted);
            }
            Ok(())
        };
        let (workflow, lease, namespace) = (&self.workflow, &self.lease, &self.namespace);
        match commit(workflow, lease, namespace, change, with_output).await {
            Ok((change, ())) => {
                let row = change.step.unwrap_or(row);
                self.apply_committed(change.run, row);
                pass("workflow.recorded").await
            }
            Err(
                error @ (Error::VersionConflict
                | Error::Store(_)
                | Error::Secrets(_)
                | Error::Corrupt { .. }
                | Error::IllegalTransition(_)),
            ) => Err(error),
            Err(error) => self.handle_fault(row, error.into()).await,
        }
    }

    /// Records an external or chain effect before it starts.
    async fn record_effect(
        &mut self,
        row: StepRow,
        request: &Json,
        key: &str,
        shown: &Json,
    ) -> Result<StepRow> {
        let now = self.now();
        let row = StepRow {
            state: StepState::Open,
            input: Some(self.masked(shown)),
            request: Some(self.encrypt(row.seq, "request", request)?),
            idempotency_key: Some(key.to_owned()),
            sent: Some(now),
            sent_by: Some(self.workflow.db().holder().to_owned()),
            ..row
        };
        let row = self
            .record(self.run.after(Event::Opened, now)?, row)
            .await?;
        pass("workflow.opened").await?;
        Ok(row)
    }

    async fn open_submission(&mut self, row: StepRow, request: &SubmissionRequest) -> Result<()> {
        let (stored, shown) = match (to_json(request), request.shown()) {
            (Ok(stored), Ok(shown)) => (stored, shown),
            (Err(fault), _) | (_, Err(fault)) => return self.handle_fault(row, fault).await,
        };
        let row = self
            .record_effect(row, &stored, &request.key, &shown)
            .await?;
        self.enqueue(row).await
    }

    /// Enqueues the recorded submission. Its key makes a repeat find the first one.
    async fn enqueue(&mut self, row: StepRow) -> Result<()> {
        let request = self.submission_request(&row)?;
        match request.enqueue(self).await {
            Ok(submission) => {
                pass("workflow.enqueued").await?;
                let row = self.wait_for(row, &submission).await?;
                self.check_submission_step(row).await
            }
            Err(fault) => self.handle_fault(row, fault).await,
        }
    }

    async fn check_submission_step(&mut self, row: StepRow) -> Result<()> {
        match self.check_submission(&row).await? {
            SubmissionCheck::Done(data) => self.finish(row, Some(data)).await,
            SubmissionCheck::Fault(fault) => self.handle_fault(row, fault).await,
            SubmissionCheck::Pending => {
                self.run.next_at = None; // the check itself rescheduled the run
                Ok(())
            }
        }
    }

    async fn open_call(&mut self, row: StepRow, call: &dyn ExternalCall) -> Result<()> {
        let (stored, shown) = match (call.to_json(), call.shown()) {
            (Ok(stored), Ok(shown)) => (stored, shown),
            (Err(fault), _) | (_, Err(fault)) => return self.handle_fault(row, fault).await,
        };
        let row = self.record_effect(row, &stored, call.key(), &shown).await?;
        self.send(row, call).await
    }

    /// A recorded call that may have been sent: by this process in an earlier attempt, by a process
    /// that is gone, or not since an operator decided to resend it.
    async fn reopen_call(&mut self, row: StepRow, external: External) -> Result<()> {
        let call = (external.restore)(&self.stored_request(&row)?)
            .map_err(|error| Error::corrupt("step", error))?;
        let call = &*call;
        let Some(sent) = row.sent else {
            return self.resend(row, call).await;
        };
        let ours = row.sent_by.as_deref() == Some(self.workflow.db().holder());
        let grace_ends = sent.plus_millis(grace_ms(
            &self.workflow,
            self.lease.ttl_ms(),
            call.timeout_ms(),
        ));
        if !ours && grace_ends > self.now() {
            self.reschedule(grace_ends).await?;
            self.run.next_at = None;
            return Ok(());
        }
        match self.ambiguity() {
            Ambiguity::Retry => self.resend(row, call).await,
            Ambiguity::Park => self.handle_fault(row, call.interrupted()).await,
            Ambiguity::Query => match call.query_status(self).await {
                CallStatus::Happened(data) => self.finish(row, Some(data)).await,
                CallStatus::DidNotHappen => self.resend(row, call).await,
                CallStatus::Unclear(fault) => self.handle_fault(row, fault).await,
            },
        }
    }

    async fn resend(&mut self, row: StepRow, call: &dyn ExternalCall) -> Result<()> {
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
        let row = self.record(run, row).await?;
        self.send(row, call).await
    }

    /// Records that the call was not sent, so that this process can send it once its lease is
    /// renewed. A process that lost the lease fails to commit this.
    async fn record_not_sent(&mut self, row: StepRow) -> Result<()> {
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
        self.record(run, row).await?;
        Ok(())
    }

    async fn send(&mut self, row: StepRow, call: &dyn ExternalCall) -> Result<()> {
        // The process may have been suspended since the effect was recorded, and another may have
        // taken over the run.
        if !self
            .lease
            .may_act(self.workflow.db().clock().monotonic_ms())
        {
            return self.record_not_sent(row).await;
        }
        let answer = call.send(self).await;
        pass("workflow.called").await?;
        match answer {
            Ok(data) if self.step().clauses.is_empty() => {
                self.complete(row, Some(data), StepOutcome::proceed()).await
            }
            Ok(data) => {
                // Record the answer before anything else can fail.
                let now = self.now();
                let row = StepRow {
                    state: StepState::Acted,
                    ..self.with_output(row, Some(&data))?
                };
                let row = self.record(self.run.after(Event::Acted, now)?, row).await?;
                self.finish(row, Some(data)).await
            }
            Err(fault) => self.handle_fault(row, fault).await,
        }
    }
}
