//! A chain that is a tree of blocks, with whatever happened in them that a test likes, and a node
//! that tells of it: late, forgetful, or changing its mind between two questions.

use async_trait::async_trait;
use chain::{
    BlockRef, CallRequest, Caps, Connector, DecodedEvent, Error, Finality, FinalityTag, Model,
    Plan, Quote, Result, Sequence, Sequencing, Submitted, TxStatus, Watch,
};
use intent::{Intent, Interface, Signed, Unsigned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Semaphore;
use types::{
    Amount, Block, ChainEvent, ChainId, Digest, Height, Included, Status, Time, Transfer,
    TransferKind, Witness,
};

/// The topic of a movement of value.
pub(crate) const MOVED: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/// A topic that means nothing to the standards built in.
pub(crate) const NOISE: &str = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925";

/// A transaction: in whatever block it stands, it does the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tx {
    pub(crate) id: String,
    pub(crate) signer: String,
    pub(crate) nonce: u64,
    /// Source, topic, amount.
    pub(crate) events: Vec<(String, &'static str, u64)>,
}

/// An account or contract by its number.
pub(crate) fn account(number: u64) -> String {
    format!("0x{number:040x}")
}

/// A transaction by its number: of signer `number % 3`, with an event of each contract given.
pub(crate) fn tx(number: u64, contracts: &[u64]) -> Tx {
    let moved = contracts
        .iter()
        .map(|contract| (account(100 + contract), MOVED, number + 1));
    let noise = number
        .is_multiple_of(4)
        .then(|| (account(200), NOISE, number));
    Tx {
        id: hash_of("tx", number),
        signer: account(number % 3),
        nonce: number,
        events: moved.chain(noise).collect(),
    }
}

fn hash_of(what: &str, number: u64) -> String {
    format!(
        "0x{}",
        hex::encode(Digest::of(format!("{what} {number}").as_bytes()).0)
    )
}

pub(crate) struct Tree {
    chain: ChainId,
    finality: Finality,
    state: Mutex<State>,
}

/// Where a question waits: how many came, and leave to go on.
#[derive(Clone)]
pub(crate) struct Gate {
    came: Arc<Semaphore>,
    leave: Arc<Semaphore>,
}

impl Gate {
    /// Wait until the question is there.
    pub(crate) async fn reached(&self) {
        self.came.acquire().await.unwrap().forget();
    }

    pub(crate) fn open(&self) {
        self.leave.add_permits(1_000);
    }
}

type Bend = Arc<dyn Fn(&mut Block) + Send + Sync>;

#[derive(Default)]
struct State {
    blocks: BTreeMap<String, Block>,
    head: String,
    /// Blocks that the node has not heard of yet.
    lag: u64,
    /// Blocks that it has never heard of.
    forgotten: BTreeSet<String>,
    /// Another branch from which blocks are told by height.
    heights_of: Option<String>,
    /// What it calls final, if anything.
    tag: Option<Result<String>>,
    /// After so many questions from now the head moves.
    flip: Option<(u64, String)>,
    /// What happens to whole blocks on their way.
    bend: Option<Bend>,
    silent: bool,
    /// A block whose contents are not told before the gate opens.
    held: Option<(String, Gate)>,
    made: u64,
    questions: u64,
}

impl Tree {
    pub(crate) fn new(finality: Finality) -> Arc<Self> {
        let tree = Self {
            chain: ChainId::evm(7),
            finality,
            state: Mutex::default(),
        };
        tree.state().head = tree.put(Height(0), &format!("0x{}", "00".repeat(32)), &[]);
        Arc::new(tree)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A block on any other, without making it the head.
    pub(crate) fn grow(&self, parent: &str, transactions: &[Tx]) -> String {
        let height = self.state().blocks[parent].height.next();
        self.put(height, parent, transactions)
    }

    /// A block on the head, which becomes the head.
    pub(crate) fn mine(&self, transactions: &[Tx]) -> String {
        let hash = self.grow(&self.head_hash(), transactions);
        self.switch_to(&hash);
        hash
    }

    pub(crate) fn mine_empty(&self, blocks: u64) -> String {
        (0..blocks).map(|_| self.mine(&[])).last().unwrap()
    }

    fn put(&self, height: Height, parent: &str, transactions: &[Tx]) -> String {
        let mut state = self.state();
        state.made += 1;
        let hash = hash_of("block", state.made);
        let time = Time::from_secs(1_767_225_600 + height.0 as i64 * 12);
        let block = Block {
            chain: self.chain.clone(),
            height,
            hash: hash.clone(),
            parent: parent.to_owned(),
            time,
            events: events(transactions),
            included: included(transactions),
        };
        state.blocks.insert(hash.clone(), block);
        hash
    }

    pub(crate) fn switch_to(&self, hash: &str) {
        let mut state = self.state();
        assert!(state.blocks.contains_key(hash));
        state.head = hash.to_owned();
    }

    /// Move the head when so many more questions were asked.
    pub(crate) fn flip_after(&self, questions: u64, hash: &str) {
        let mut state = self.state();
        state.flip = Some((state.questions + questions, hash.to_owned()));
    }

    /// A flip that is still to come, comes now.
    pub(crate) fn flip_now(&self) {
        let mut state = self.state();
        if let Some((_, hash)) = state.flip.take() {
            state.head = hash;
        }
    }

    pub(crate) fn lag(&self, blocks: u64) {
        self.state().lag = blocks;
    }

    pub(crate) fn forget(&self, hash: &str) {
        self.state().forgotten.insert(hash.to_owned());
    }

    pub(crate) fn tell_heights_of(&self, hash: &str) {
        self.state().heights_of = Some(hash.to_owned());
    }

    pub(crate) fn tag(&self, tag: Option<Result<String>>) {
        self.state().tag = tag;
    }

    pub(crate) fn bend(&self, bend: impl Fn(&mut Block) + Send + Sync + 'static) {
        self.state().bend = Some(Arc::new(bend));
    }

    /// Whoever asks for the contents of this block waits at a gate.
    pub(crate) fn hold(&self, hash: &str) -> Gate {
        let gate = Gate {
            came: Arc::new(Semaphore::new(0)),
            leave: Arc::new(Semaphore::new(0)),
        };
        self.state().held = Some((hash.to_owned(), gate.clone()));
        gate
    }

    pub(crate) fn silence(&self) {
        self.state().silent = true;
    }

    /// No more lies; a flip that is still to come, comes now.
    pub(crate) fn be_honest(&self) {
        self.flip_now();
        let mut state = self.state();
        (
            state.lag,
            state.heights_of,
            state.bend,
            state.silent,
            state.held,
        ) = (0, None, None, false, None);
        state.forgotten.clear();
    }

    pub(crate) fn head_hash(&self) -> String {
        self.state().head.clone()
    }

    pub(crate) fn name(&self, hash: &str) -> BlockRef {
        name(&self.state().blocks[hash])
    }

    /// The blocks of the branch that ends there, from a height on, lowest first.
    pub(crate) fn branch(&self, hash: &str, from: Height) -> Vec<Block> {
        let state = self.state();
        let down = std::iter::successors(state.blocks.get(hash), |block| {
            state.blocks.get(&block.parent)
        });
        let mut blocks: Vec<Block> = down
            .take_while(|block| block.height >= from)
            .cloned()
            .collect();
        blocks.reverse();
        blocks
    }

    pub(crate) fn at(&self, branch: &str, height: Height) -> Option<String> {
        self.branch(branch, height)
            .into_iter()
            .next()
            .filter(|block| block.height == height)
            .map(|block| block.hash)
    }

    /// One question is asked.
    fn ask(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.questions += 1;
        let due = state
            .flip
            .as_ref()
            .is_some_and(|(at, _)| state.questions > *at);
        if due && let Some((_, hash)) = state.flip.take() {
            state.head = hash;
        }
        if state.silent {
            return Err(Error::Unreachable {
                chain: self.chain.to_string(),
                why: "silence".to_owned(),
            });
        }
        Ok(state)
    }
}

impl State {
    fn ancestor(&self, of: &str, height: Height) -> Option<&Block> {
        let down =
            std::iter::successors(self.blocks.get(of), |block| self.blocks.get(&block.parent));
        down.into_iter().find(|block| block.height == height)
    }

    fn seen_head(&self) -> &Block {
        let head = &self.blocks[&self.head];
        self.ancestor(&self.head, Height(head.height.0.saturating_sub(self.lag)))
            .unwrap()
    }

    fn seen(&self, hash: &str) -> Option<&Block> {
        self.blocks
            .get(hash)
            .filter(|_| !self.forgotten.contains(hash))
    }
}

fn name(block: &Block) -> BlockRef {
    BlockRef {
        height: block.height,
        hash: block.hash.clone(),
        parent: block.parent.clone(),
        time: block.time,
    }
}

fn events(transactions: &[Tx]) -> Vec<ChainEvent> {
    let mut events = Vec::new();
    for (tx, place) in transactions.iter().zip(0u32..) {
        for (path, (source, topic, amount)) in tx.events.iter().enumerate() {
            events.push(ChainEvent {
                transaction: tx.id.clone(),
                path: path.to_string(),
                transaction_index: place,
                index: events.len() as u32,
                source: source.clone(),
                topic: (*topic).to_owned(),
                body: format!(r#"{{"amount":"{amount}"}}"#),
            });
        }
    }
    events
}

fn included(transactions: &[Tx]) -> Vec<Included> {
    let one = |(tx, index): (&Tx, u32)| Included {
        transaction: tx.id.clone(),
        signer: tx.signer.clone(),
        witnesses: vec![Witness::nonce(&tx.signer, tx.nonce)],
        index,
        status: Status::Succeeded,
        fee: Amount::from(21_000),
        created: None,
    };
    transactions.iter().zip(0u32..).map(one).collect()
}

/// The movement of value that an event tells.
pub(crate) fn transfer(event: &ChainEvent) -> Option<Transfer> {
    let amount = event
        .body
        .strip_prefix(r#"{"amount":""#)?
        .strip_suffix(r#""}"#)?
        .parse()
        .ok()?;
    (event.topic == MOVED).then(|| Transfer {
        transaction: event.transaction.clone(),
        path: event.path.clone(),
        protocol_id: String::new(),
        contract: event.source.clone(),
        standard: "ERC-20".to_owned(),
        what: TransferKind::Fungible { token_id: None },
        from: account(1),
        to: account(2),
        operator: None,
        amount,
    })
}

#[async_trait]
impl Connector for Tree {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    fn caps(&self) -> Caps {
        Caps {
            model: Model::Account,
            sequencing: Sequencing::Nonce,
            contracts: true,
            memo: false,
        }
    }

    fn finality(&self) -> Finality {
        self.finality
    }

    async fn quote(&self, _: &[Intent]) -> Vec<Result<Quote>> {
        unreachable!("the index quotes nothing")
    }

    async fn sequence(&self, _: &str) -> Result<Sequence> {
        unreachable!("the index has no nonces")
    }

    async fn plan(&self, _: &[Plan<'_>]) -> Vec<Result<Unsigned>> {
        unreachable!("the index plans nothing")
    }

    async fn submit(&self, _: &[Signed]) -> Vec<Submitted> {
        unreachable!("the index sends nothing")
    }

    async fn status(&self, _: &str) -> Result<TxStatus> {
        unreachable!("the index asks for blocks")
    }

    async fn head(&self) -> Result<BlockRef> {
        Ok(name(self.ask()?.seen_head()))
    }

    async fn block_at(&self, height: Height) -> Result<Option<BlockRef>> {
        let state = self.ask()?;
        let seen = state.seen_head();
        let branch = state.heights_of.as_ref().unwrap_or(&seen.hash);
        Ok(state.ancestor(branch, height).map(name))
    }

    async fn header(&self, hash: &str) -> Result<Option<BlockRef>> {
        Ok(self.ask()?.seen(hash).map(name))
    }

    async fn block(&self, hash: &str, watch: &Watch) -> Result<Option<Block>> {
        let gate = self
            .state()
            .held
            .as_ref()
            .filter(|(held, _)| held == hash)
            .map(|(_, gate)| gate.clone());
        if let Some(gate) = gate {
            gate.came.add_permits(1);
            gate.leave.acquire().await.unwrap().forget();
        }
        let state = self.ask()?;
        let Some(mut block) = state.seen(hash).cloned() else {
            return Ok(None);
        };
        let wanted = |event: &ChainEvent| {
            watch.everything
                || watch.sources.contains(&event.source)
                || watch.topics.contains(&event.topic)
        };
        block.events.retain(wanted);
        block
            .included
            .retain(|one| watch.signers.contains(&one.signer));
        if let Some(bend) = &state.bend {
            bend(&mut block);
        }
        Ok(Some(block))
    }

    async fn tagged(&self, _: FinalityTag) -> Result<Option<BlockRef>> {
        let state = self.ask()?;
        match &state.tag {
            None => Ok(None),
            Some(Ok(hash)) => Ok(Some(name(&state.blocks[hash]))),
            Some(Err(error)) => Err(error.clone()),
        }
    }

    async fn call(&self, _: &CallRequest<'_>, _: Option<&Interface>) -> Result<Vec<u8>> {
        unreachable!("the index calls nothing")
    }

    async fn balance(&self, _: &str) -> Result<Amount> {
        unreachable!("the index has no balances")
    }

    fn transfers(&self, _: Height, event: &ChainEvent) -> Vec<Transfer> {
        transfer(event).into_iter().collect()
    }

    fn decode_event(&self, _: &Interface, _: &ChainEvent) -> Result<Option<DecodedEvent>> {
        Ok(None)
    }
}
