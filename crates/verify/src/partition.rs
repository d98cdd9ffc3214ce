//! One partition: each fact against itself and the previous one, then the head.

use crate::batch;
use crate::canon::{CanonHasher, Hash};
use crate::database::Database;
use crate::queries::{self, Fact};
use crate::report::{Partition, Report};
use crate::{Error, Flaw, Location, Options};

pub(crate) struct PartitionCheck<'a> {
    pub(crate) database: &'a mut dyn Database,
    pub(crate) options: &'a Options,
    pub(crate) report: &'a mut Report,
    /// Called after each page with the partition and the number of its facts read so far.
    pub(crate) report_progress: &'a mut dyn FnMut(&str, u64),
}

/// The last fact of the chain.
struct ChainTip {
    seq: i64,
    hash: Vec<u8>,
}

impl PartitionCheck<'_> {
    /// Check one partition and its head, if it has one.
    pub(crate) fn partition(
        &mut self,
        name: &str,
        head: Option<&queries::Head>,
    ) -> Result<Partition, Error> {
        let mut result = Partition {
            partition: name.to_owned(),
            ..Partition::default()
        };
        let mut tip = ChainTip {
            seq: 0,
            hash: [0; 32].to_vec(),
        };
        let mut after = None;
        loop {
            let facts = queries::facts(self.database, name, after)?;
            let Some(last) = facts.last() else { break };
            after = Some(last.seq);
            for fact in facts {
                self.fact(&mut result, &mut tip, fact)?;
            }
            (self.report_progress)(name, result.facts);
        }
        self.head(name, &tip, head);
        Ok(result)
    }

    fn add_problem(&mut self, partition: &str, seq: i64, flaw: Flaw) {
        self.report.add_problem(
            Location::Fact {
                partition: partition.to_owned(),
                seq,
            },
            flaw,
        );
    }

    fn fact(
        &mut self,
        result: &mut Partition,
        tip: &mut ChainTip,
        fact: Fact,
    ) -> Result<(), Error> {
        let name = result.partition.as_str();
        result.facts += 1;
        if fact.seq < 1 {
            self.add_problem(name, fact.seq, Flaw::InvalidNumber);
        } else if fact.seq != tip.seq + 1 {
            self.add_problem(
                name,
                tip.seq + 1,
                Flaw::Missing {
                    through: fact.seq - 1,
                },
            );
        } else if fact.prev != tip.hash {
            self.add_problem(name, fact.seq, Flaw::Link);
        }
        for flaw in fact_flaws(name, &fact) {
            self.add_problem(name, fact.seq, flaw);
        }
        result.erased += u64::from(fact.payload.is_none());
        if self.options.batches
            && let Some(payload) = &fact.payload
            && let Some(outcome) = batch::check(self.database, payload)?
        {
            result.batches += 1;
            result.batch_rows += outcome.rows;
            if let Some(why) = outcome.error {
                self.add_problem(&result.partition, fact.seq, Flaw::Batch { why });
            }
        }
        *tip = ChainTip {
            seq: fact.seq,
            hash: fact.hash,
        };
        Ok(())
    }

    fn head(&mut self, name: &str, tip: &ChainTip, head: Option<&queries::Head>) {
        let flaw = match head {
            None => Flaw::NoHead,
            Some(head) if head.seq != tip.seq => Flaw::Head {
                head: head.seq,
                last: tip.seq,
            },
            Some(head) if head.hash != tip.hash => Flaw::HeadHash,
            Some(_) => return,
        };
        self.report.add_problem(
            Location::Partition {
                partition: name.to_owned(),
            },
            flaw,
        );
    }
}

/// The flaws of a fact by itself.
fn fact_flaws(partition: &str, fact: &Fact) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    for (column, bytes) in [
        ("payload_hash", &fact.payload_hash),
        ("prev", &fact.prev),
        ("hash", &fact.hash),
    ] {
        if bytes.len() != 32 {
            flaws.push(Flaw::NotAHash { column });
        }
    }
    if fact_hash(partition, fact)[..] != fact.hash[..] {
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
    CanonHasher::new("fact-payload", 1)
        .bytes(salt)
        .bytes(payload)
        .hash()
}

fn fact_hash(partition: &str, fact: &Fact) -> Hash {
    CanonHasher::new("fact", 1)
        .bytes(partition.as_bytes())
        .int(fact.seq)
        .bytes(&fact.kind)
        .int(fact.schema) // a uint, but never negative: the same bytes
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
