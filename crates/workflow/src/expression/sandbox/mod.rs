//! Evaluation in sandbox processes.
//!
//! A small expression can build a value that is exponentially large when traversed (a list that
//! contains itself twice, nested sixty times); comparing two such values neither finishes nor can
//! be interrupted, and other expressions allocate gigabytes within a second. Therefore tenants'
//! expressions are evaluated in a child process that can be killed, and that exits when it exceeds
//! its time or memory limit or when its parent is gone. A child is reused as long as it answers.

mod child;
mod frame;
#[cfg(test)]
mod tests;

pub use child::evaluate_expressions;

use super::{Evaluation, Expression, Limits};
use frame::{OUT_OF_MEMORY, OUT_OF_TIME, Reply, RequestHead};
use std::ffi::OsString;
use std::io::{BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use types::{Json, Time};

/// The command that starts an evaluator process: a program that only calls
/// [`evaluate_expressions`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatorCommand {
    pub program: OsString,
    pub args: Vec<OsString>,
}

/// Evaluates in this process or in sandbox processes. Clones share the processes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evaluators(Option<Arc<Sandbox>>);

#[derive(Debug)]
struct Sandbox {
    command: EvaluatorCommand,
    /// Idle processes: never more than there are evaluation threads.
    idle: Mutex<Vec<Process>>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

/// Why a request has no result.
enum SandboxFailure {
    /// The expression with this index failed.
    Expression(usize, String),
    /// The process exited without an explanation.
    ProcessLost,
}

/// The index of the failed expression, and the reason.
pub(super) type FailedExpression = (usize, String);

impl Evaluation {
    fn read(text: Option<String>, truthy: bool) -> Self {
        Self {
            json: text.and_then(|text| Json::parse(&text)),
            truthy,
        }
    }
}

impl Evaluators {
    /// Evaluates in processes started by this command.
    pub(crate) fn sandboxed(command: EvaluatorCommand) -> Self {
        Self(Some(Arc::new(Sandbox {
            command,
            idle: Mutex::default(),
        })))
    }

    /// Evaluates in a sandbox process; `None` if this instance evaluates in-process. Blocking.
    pub(super) fn evaluate(
        &self,
        context: &str,
        now: Time,
        expressions: &[&Expression],
        limits: &Limits,
    ) -> Option<Result<Vec<Evaluation>, FailedExpression>> {
        let sandbox = self.0.as_ref()?;
        let sources = expressions
            .iter()
            .map(|expression| expression.source.to_string())
            .collect();
        Some(sandbox.evaluate(
            &RequestHead {
                now,
                limits: *limits,
                sources,
            },
            context,
        ))
    }
}

impl Sandbox {
    /// A process that was killed from outside proves nothing about the expression, so another
    /// process retries once. Evaluation has no side effects.
    fn evaluate(
        &self,
        request: &RequestHead,
        context: &str,
    ) -> Result<Vec<Evaluation>, FailedExpression> {
        match self.try_once(request, context) {
            Err(SandboxFailure::ProcessLost) => self.try_once(request, context),
            other => other,
        }
        .map_err(|failure| match failure {
            SandboxFailure::Expression(index, reason) => (index, reason),
            SandboxFailure::ProcessLost => (0, "the evaluator process died twice".to_owned()),
        })
    }

    fn try_once(
        &self,
        request: &RequestHead,
        context: &str,
    ) -> Result<Vec<Evaluation>, SandboxFailure> {
        let cannot_start = |error| {
            SandboxFailure::Expression(0, format!("cannot start an evaluator process: {error}"))
        };
        let mut process = self.acquire().map_err(cannot_start)?;
        let mut answers = Vec::with_capacity(request.sources.len());
        if process.send(request, context).is_err() {
            return Err(process.exit_reason(0, &request.limits));
        }
        while answers.len() < request.sources.len() {
            match process.reply() {
                Some(Reply::Value { text, truthy }) => answers.push(Evaluation::read(text, truthy)),
                Some(Reply::Failed(reason)) => {
                    self.idle().push(process);
                    return Err(SandboxFailure::Expression(answers.len(), reason));
                }
                None => return Err(process.exit_reason(answers.len(), &request.limits)),
            }
        }
        self.idle().push(process);
        Ok(answers)
    }

    fn acquire(&self) -> std::io::Result<Process> {
        let idle = self.idle().pop();
        idle.map_or_else(|| Process::start(&self.command), Ok)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Starts a process with an empty environment.
    fn start(command: &EvaluatorCommand) -> std::io::Result<Self> {
        let mut child = Command::new(&command.program)
            .args(&command.args)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("the child has no pipes"));
        };
        let mut process = Self {
            child,
            requests,
            replies: BufReader::new(replies),
        };
        match frame::read_greeting(&mut process.replies) {
            Ok(()) => Ok(process),
            Err(error) => {
                process.kill();
                Err(error)
            }
        }
    }

    fn send(&mut self, request: &RequestHead, context: &str) -> std::io::Result<()> {
        frame::write(&mut self.requests, &serde_json::to_vec(request)?)?;
        frame::write(&mut self.requests, context.as_bytes())?;
        self.requests.flush()
    }

    /// The next reply; `None` if the process ended.
    fn reply(&mut self) -> Option<Reply> {
        serde_json::from_slice(&frame::read(&mut self.replies).ok()??).ok()
    }

    /// Determines from the exit code why the process ended.
    fn exit_reason(mut self, index: usize, limits: &Limits) -> SandboxFailure {
        drop(self.requests);
        let _ = self.child.kill();
        let limit_failure = |reason: String| {
            SandboxFailure::Expression(index, format!("it took {reason} and was stopped"))
        };
        match self.child.wait().ok().and_then(|status| status.code()) {
            Some(OUT_OF_TIME) => {
                limit_failure(format!("longer than {} milliseconds", limits.time_ms))
            }
            Some(OUT_OF_MEMORY) => {
                limit_failure(format!("more than {} MB of memory", limits.memory_mb))
            }
            _ => SandboxFailure::ProcessLost,
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
