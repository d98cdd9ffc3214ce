//! Evaluation in a process of its own.
//!
//! A small expression can make a value that is endless when it is walked (a list that holds itself
//! twice, sixty times over), and a comparison of two such values neither comes to an end nor can be
//! stopped from outside; others take gigabytes within their second. So what tenants write is
//! evaluated where it can be killed: in a child that ends itself when its time or its memory is
//! used up, and with its parent. A child is kept for the next expression as long as it answers.

mod child;
mod frame;
#[cfg(test)]
mod tests;

pub use child::evaluate_expressions;

use super::{Answer, Expression, Limits};
use child::{OUT_OF_MEMORY, OUT_OF_TIME};
use frame::{Head, Reply};
use std::ffi::OsString;
use std::io::{BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use types::{Json, Time};

/// How a process that evaluates is started: one that calls [`evaluate_expressions`] and nothing
/// else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// Where expressions are evaluated: here, or in processes of their own. Clones share the processes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evaluators(Option<Arc<Apart>>);

#[derive(Debug)]
struct Apart {
    launch: Launch,
    /// Processes that wait for work. There are never more than threads that evaluate.
    idle: Mutex<Vec<Process>>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

/// Why there are no answers.
enum Broken {
    /// An expression failed.
    Expression(usize, String),
    /// The process is gone, and did not say why.
    Process,
}

/// Which expression failed, by its place, and why.
pub(super) type Failed = (usize, String);

impl Answer {
    fn read(text: Option<String>, truth: bool) -> Self {
        Self {
            json: text.and_then(|text| Json::parse(&text)),
            truth,
        }
    }
}

impl Evaluators {
    /// In processes that are started so.
    pub(crate) fn apart(launch: Launch) -> Self {
        Self(Some(Arc::new(Apart {
            launch,
            idle: Mutex::default(),
        })))
    }

    /// Evaluate in another process, if that is the way here; none if it is to be done in this one.
    /// Blocking.
    pub(super) fn evaluate(
        &self,
        context: &str,
        now: Time,
        expressions: &[&Expression],
        limits: &Limits,
    ) -> Option<Result<Vec<Answer>, Failed>> {
        let apart = self.0.as_ref()?;
        let sources = expressions
            .iter()
            .map(|expression| expression.source.to_string())
            .collect();
        Some(apart.evaluate(
            &Head {
                now,
                limits: *limits,
                sources,
            },
            context,
        ))
    }
}

impl Apart {
    /// One that somebody else killed is no word about the expression: another is asked, once.
    /// Evaluating has no effects.
    fn evaluate(&self, head: &Head, context: &str) -> Result<Vec<Answer>, Failed> {
        match self.try_once(head, context) {
            Err(Broken::Process) => self.try_once(head, context),
            other => other,
        }
        .map_err(|broken| match broken {
            Broken::Expression(place, why) => (place, why),
            Broken::Process => (0, "its evaluation broke off, twice".to_owned()),
        })
    }

    fn try_once(&self, head: &Head, context: &str) -> Result<Vec<Answer>, Broken> {
        let none =
            |error| Broken::Expression(0, format!("there is no process to evaluate in: {error}"));
        let mut process = self.take().map_err(none)?;
        let mut answers = Vec::with_capacity(head.sources.len());
        if process.ask(head, context).is_err() {
            return Err(process.end(0, &head.limits));
        }
        while answers.len() < head.sources.len() {
            match process.reply() {
                Some(Reply::Answer { text, truth }) => answers.push(Answer::read(text, truth)),
                Some(Reply::Failed(why)) => {
                    self.idle().push(process);
                    return Err(Broken::Expression(answers.len(), why));
                }
                None => return Err(process.end(answers.len(), &head.limits)),
            }
        }
        self.idle().push(process);
        Ok(answers)
    }

    fn take(&self) -> std::io::Result<Process> {
        let waiting = self.idle().pop();
        waiting.map_or_else(|| Process::start(&self.launch), Ok)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// A new process, with nothing of this one's environment.
    fn start(launch: &Launch) -> std::io::Result<Self> {
        let mut child = Command::new(&launch.program)
            .args(&launch.args)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("it has no pipes"));
        };
        let mut process = Self {
            child,
            requests,
            replies: BufReader::new(replies),
        };
        match frame::greeted(&mut process.replies) {
            Ok(()) => Ok(process),
            Err(error) => {
                process.kill();
                Err(error)
            }
        }
    }

    fn ask(&mut self, head: &Head, context: &str) -> std::io::Result<()> {
        frame::write(&mut self.requests, &serde_json::to_vec(head)?)?;
        frame::write(&mut self.requests, context.as_bytes())?;
        self.requests.flush()
    }

    /// What it says of the next expression; none if it came to its end over it.
    fn reply(&mut self) -> Option<Reply> {
        serde_json::from_slice(&frame::read(&mut self.replies).ok()??).ok()
    }

    /// Why it is gone.
    fn end(mut self, place: usize, limits: &Limits) -> Broken {
        drop(self.requests);
        let _ = self.child.kill();
        let stopped =
            |why: String| Broken::Expression(place, format!("it took {why} and was stopped"));
        match self.child.wait().ok().and_then(|status| status.code()) {
            Some(OUT_OF_TIME) => stopped(format!("longer than {} milliseconds", limits.time_ms)),
            Some(OUT_OF_MEMORY) => stopped(format!("more than {} MB of memory", limits.memory_mb)),
            _ => Broken::Process,
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
