//! One partition: its facts in order, each against itself and the one before; then its head.

use crate::batch;
use crate::book::Book;
use crate::canon::{Form, Hash};
use crate::page::{self, Fact};
use crate::report::{Partition, Report};
use crate::{Error, Flaw, Options, Place};

/// What is checked, and who hears of it.
pub(crate) struct Walk<'a> {
    pub(crate) book: &'a mut dyn Book,
    pub(crate) options: &'a Options,
    pub(crate) report: &'a mut Report,
    /// Told after each page: the partition, and facts of it so far.
    pub(crate) tell: &'a mut dyn FnMut(&str, u64),
}

/// Where a chain stands: its last fact.
struct End {
    seq: i64,
    hash: Vec<u8>,
}

impl Walk<'_> {
    /// Check one partition against its head, if it has one.
    pub(crate) fn partition(
        &mut self,
        name: &str,
        head: Option<&page::Head>,
    ) -> Result<Partition, Error> {
        let mut done = Partition {
            partition: name.to_owned(),
            ..Partition::default()
        };
        let mut end = End {
            seq: 0,
            hash: [0; 32].to_vec(),
        };
        let mut after = None;
        loop {
            let facts = page::facts(self.book, name, after)?;
            let Some(last) = facts.last() else { break };
            after = Some(last.seq);
            for fact in facts {
                self.fact(&mut done, &mut end, fact)?;
            }
            (self.tell)(name, done.facts);
        }
        self.head(name, &end, head);
        Ok(done)
    }

    fn found(&mut self, partition: &str, seq: i64, flaw: Flaw) {
        self.report.found(
            Place::Fact {
                partition: partition.to_owned(),
                seq,
            },
            flaw,
        );
    }

    fn fact(&mut self, done: &mut Partition, end: &mut End, fact: Fact) -> Result<(), Error> {
        let name = done.partition.as_str();
        done.facts += 1;
        if fact.seq < 1 {
            self.found(name, fact.seq, Flaw::Number);
        } else if fact.seq != end.seq + 1 {
            self.found(
                name,
                end.seq + 1,
                Flaw::Missing {
                    through: fact.seq - 1,
                },
            );
        } else if fact.prev != end.hash {
            self.found(name, fact.seq, Flaw::Link);
        }
        for flaw in flaws(name, &fact) {
            self.found(name, fact.seq, flaw);
        }
        done.erased += u64::from(fact.payload.is_none());
        if self.options.batches
            && let Some(payload) = &fact.payload
            && let Some(checked) = batch::check(self.book, payload)?
        {
            done.batches += 1;
            done.batch_rows += checked.rows;
            if let Some(why) = checked.wrong {
                self.found(&done.partition, fact.seq, Flaw::Batch { why });
            }
        }
        *end = End {
            seq: fact.seq,
            hash: fact.hash,
        };
        Ok(())
    }

    fn head(&mut self, name: &str, end: &End, head: Option<&page::Head>) {
        let flaw = match head {
            None => Flaw::NoHead,
            Some(head) if head.seq != end.seq => Flaw::Head {
                head: head.seq,
                last: end.seq,
            },
            Some(head) if head.hash != end.hash => Flaw::HeadHash,
            Some(_) => return,
        };
        self.report.found(
            Place::Partition {
                partition: name.to_owned(),
            },
            flaw,
        );
    }
}

/// What is wrong with a fact by itself.
fn flaws(partition: &str, fact: &Fact) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    for (column, bytes) in [
        ("payload_hash", &fact.payload_hash),
        ("prev", &fact.prev),
        ("hash", &fact.hash),
    ] {
        if bytes.len() != 32 {
            flaws.push(Flaw::NoHash { column });
        }
    }
    if hash_of(partition, fact)[..] != fact.hash[..] {
        flaws.push(Flaw::Hash);
    }
    match (&fact.payload, &fact.salt) {
        (Some(payload), Some(salt)) if payload_hash(salt, payload)[..] != fact.payload_hash[..] => {
            flaws.push(Flaw::Payload);
        }
        (Some(_), None) | (None, Some(_)) => flaws.push(Flaw::HalfErased),
        _ => {}
    }
    flaws
}

fn payload_hash(salt: &[u8], payload: &[u8]) -> Hash {
    Form::of("fact-payload", 1)
        .bytes(salt)
        .bytes(payload)
        .hash()
}

fn hash_of(partition: &str, fact: &Fact) -> Hash {
    Form::of("fact", 1)
        .bytes(partition.as_bytes())
        .int(fact.seq)
        .bytes(&fact.kind)
        .int(fact.schema) // unsigned, and never negative: the same bytes
        .bytes(&fact.namespace)
        .bytes(&fact.subjects)
        .bytes(&fact.actor)
        .option(fact.causation.as_deref())
        .option(fact.correlation.as_deref())
        .int(fact.at)
        .raw(&fact.payload_hash)
        .raw(&fact.prev)
        .hash()
}
