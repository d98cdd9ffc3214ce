//! The connector: every answer comes from the node, which may lag, be silent or lie.

use super::fault::{Fault, lost};
use super::plan::unsuitable;
use super::{FakeUtxoChain, State};
use async_trait::async_trait;
use chain::{
    AccountModel, BlockRef, CallRequest, Capabilities, Connector, DecodedEvent, Finality,
    FinalityTag, Plan, Quote, RefusalClass, Result, Sequence, Sequencing, SubmitOutcome, TxStatus,
    Watch,
};
use intent::{FeeLimits, Intent, Interface, Signed, Unsigned};
use types::{Amount, Block, ChainEvent, ChainId, Height, Transfer};

impl FakeUtxoChain {
    /// Submit a transaction, subject to the next fault.
    fn send(&self, state: &mut State, signed: &Signed) -> SubmitOutcome {
        let fault = state.faults.next.pop_front();
        if fault == Some(Fault::LoseCall) {
            return lost();
        }
        *state.arrivals.entry(signed.id.clone()).or_default() += 1;
        match fault {
            Some(Fault::Refuse(class, message)) => SubmitOutcome::Refused { class, message },
            Some(_) => {
                self.receive(state, signed);
                lost()
            }
            None => self.receive(state, signed),
        }
    }

    fn receive(&self, state: &mut State, signed: &Signed) -> SubmitOutcome {
        if signed.chain != self.rules.chain {
            let message = format!("bytes for {}", signed.chain);
            return SubmitOutcome::Refused {
                class: RefusalClass::WrongChain,
                message,
            };
        }
        state.accept(&self.rules, signed)
    }
}

#[async_trait]
impl Connector for FakeUtxoChain {
    fn chain(&self) -> &ChainId {
        &self.rules.chain
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            model: AccountModel::Utxo,
            sequencing: Sequencing::Inputs,
            contracts: false,
            memo: true,
        }
    }

    fn finality(&self) -> Finality {
        self.rules.finality
    }

    fn fee_limits(&self) -> FeeLimits {
        self.rules.fees
    }

    async fn quote(&self, intents: &[Intent]) -> Vec<Result<Quote>> {
        intents.iter().map(|intent| self.quoted(intent)).collect()
    }

    async fn sequence(&self, _signer: &str) -> Result<Sequence> {
        Err(unsuitable("this chain has no nonces"))
    }

    async fn plan(&self, plans: &[Plan<'_>]) -> Vec<Result<Unsigned>> {
        self.planned(plans)
    }

    async fn submit(&self, signed: &[Signed]) -> Vec<SubmitOutcome> {
        let mut state = self.state();
        signed
            .iter()
            .map(|transaction| self.send(&mut state, transaction))
            .collect()
    }

    async fn status(&self, id: &str) -> Result<TxStatus> {
        self.seen_status(id)
    }

    async fn head(&self) -> Result<BlockRef> {
        self.query(|state| state.seen_head().name.clone())
    }

    async fn block_at(&self, height: Height) -> Result<Option<BlockRef>> {
        self.seen_at(height)
    }

    async fn header(&self, hash: &str) -> Result<Option<BlockRef>> {
        self.seen_header(hash)
    }

    async fn block(&self, hash: &str, watch: &Watch) -> Result<Option<Block>> {
        self.seen_block(hash, watch)
    }

    async fn tagged(&self, _tag: FinalityTag) -> Result<Option<BlockRef>> {
        self.query(|_| None)
    }

    async fn call(
        &self,
        _request: &CallRequest<'_>,
        _interface: Option<&Interface>,
    ) -> Result<Vec<u8>> {
        Err(unsuitable("this chain has no contracts"))
    }

    async fn balance(&self, account: &str) -> Result<Amount> {
        self.seen_worth(account)
    }

    fn transfers(&self, _height: Height, _event: &ChainEvent) -> Vec<Transfer> {
        Vec::new()
    }

    fn decode_event(
        &self,
        _interface: &Interface,
        _event: &ChainEvent,
    ) -> Result<Option<DecodedEvent>> {
        Ok(None)
    }
}
