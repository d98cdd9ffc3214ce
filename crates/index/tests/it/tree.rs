//! A simulated chain: a tree of blocks with arbitrary contents, and a node that serves it. The node
//! can lag, lose blocks, corrupt them, or switch branches between two requests.

use async_trait::async_trait;
use chain::{
    AccountModel, BlockRef, CallRequest, Capabilities, Connector, DecodedEvent, Error, Finality,
    FinalityTag, Plan, Quote, Result, Sequence, Sequencing, SubmitOutcome, TxStatus, Watch,
};
use intent::{Intent, Interface, Signed, Unsigned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Semaphore;
use types::{
    Amount, Block, ChainEvent, ChainId, Digest, ExecutionStatus, Height, Inclusion, ReplayKey,
    Time, Transfer, TransferKind,
};

/// The topic of a transfer event.
pub(crate) const TRANSFER_TOPIC: &str =
    "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/// A topic that the built-in standards do not know.
pub(crate) const OTHER_TOPIC: &str =
    "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925";

/// A transaction, with the same effect in every block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tx {
    pub(crate) id: String,
    pub(crate) signer: String,
    pub(crate) nonce: u64,
    /// Source, topic, amount.
    pub(crate) events: Vec<(String, &'static str, u64)>,
}

/// The address of an account or contract, by its number.
pub(crate) fn account(number: u64) -> String {
    format!("0x{number:040x}")
}

/// A transaction by its number: signed by `number % 3`, with a transfer event of each given
/// contract. Every fourth has an event with another topic too.
pub(crate) fn tx(number: u64, contracts: &[u64]) -> Tx {
    let transfers = contracts
        .iter()
        .map(|contract| (account(100 + contract), TRANSFER_TOPIC, number + 1));
    let other = number
        .is_multiple_of(4)
        .then(|| (account(200), OTHER_TOPIC, number));
    Tx {
        id: hash_of("tx", number),
        signer: account(number % 3),
        nonce: number,
        events: transfers.chain(other).collect(),
    }
}

fn hash_of(kind: &str, number: u64) -> String {
    format!(
        "0x{}",
        hex::encode(Digest::of(format!("{kind} {number}").as_bytes()).0)
    )
}

pub(crate) struct Tree {
    chain: ChainId,
    finality: Finality,
    state: Mutex<State>,
}

/// Holds a request until it is opened.
#[derive(Clone)]
pub(crate) struct Gate {
    arrived: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

impl Gate {
    /// Waits until a request has arrived.
    pub(crate) async fn reached(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    pub(crate) fn open(&self) {
        self.released.add_permits(1_000);
    }
}

type Corruption = Arc<dyn Fn(&mut Block) + Send + Sync>;

#[derive(Default)]
struct State {
    blocks: BTreeMap<String, Block>,
    head: String,
    /// Number of newest blocks that the node does not have yet.
    lag: u64,
    /// Blocks that the node lacks.
    forgotten: BTreeSet<String>,
    /// Another branch from which blocks are served by height.
    heights_of: Option<String>,
    /// The response to a query of the finality tag.
    tag: Option<Result<String>>,
    /// The head moves to this block once this many requests were made in total.
    scheduled_switch: Option<(u64, String)>,
    /// Applied to each block before it is served.
    corruption: Option<Corruption>,
    unresponsive: bool,
    /// A block that is not served before the gate opens.
    held: Option<(String, Gate)>,
    created: u64,
    requests: u64,
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

    /// Adds a block to any other, without making it the head.
    pub(crate) fn grow(&self, parent: &str, transactions: &[Tx]) -> String {
        let height = self.state().blocks[parent].height.next();
        self.put(height, parent, transactions)
    }

    /// Adds a block to the head, and makes it the head.
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
        state.created += 1;
        let hash = hash_of("block", state.created);
        let time = Time::from_secs(1_767_225_600 + height.0 as i64 * 12);
        let block = Block {
            chain: self.chain,
            height,
            hash: hash.clone(),
            parent: parent.to_owned(),
            time,
            events: events(transactions),
            inclusions: inclusions(transactions),
        };
        state.blocks.insert(hash.clone(), block);
        hash
    }

    pub(crate) fn switch_to(&self, hash: &str) {
        let mut state = self.state();
        assert!(state.blocks.contains_key(hash));
        state.head = hash.to_owned();
    }

    /// Schedules a move of the head after this many more requests.
    pub(crate) fn switch_after(&self, requests: u64, hash: &str) {
        let mut state = self.state();
        state.scheduled_switch = Some((state.requests + requests, hash.to_owned()));
    }

    /// Executes a scheduled move of the head now.
    pub(crate) fn switch_now(&self) {
        let mut state = self.state();
        if let Some((_, hash)) = state.scheduled_switch.take() {
            state.head = hash;
        }
    }

    pub(crate) fn lag(&self, blocks: u64) {
        self.state().lag = blocks;
    }

    pub(crate) fn forget(&self, hash: &str) {
        self.state().forgotten.insert(hash.to_owned());
    }

    pub(crate) fn serve_heights_of(&self, hash: &str) {
        self.state().heights_of = Some(hash.to_owned());
    }

    pub(crate) fn tag(&self, tag: Option<Result<String>>) {
        self.state().tag = tag;
    }

    pub(crate) fn corrupt_blocks(&self, corruption: impl Fn(&mut Block) + Send + Sync + 'static) {
        self.state().corruption = Some(Arc::new(corruption));
    }

    /// Requests for this block wait at the returned gate.
    pub(crate) fn hold(&self, hash: &str) -> Gate {
        let gate = Gate {
            arrived: Arc::new(Semaphore::new(0)),
            released: Arc::new(Semaphore::new(0)),
        };
        self.state().held = Some((hash.to_owned(), gate.clone()));
        gate
    }

    pub(crate) fn stop_responding(&self) {
        self.state().unresponsive = true;
    }

    /// Removes all faults, and executes a scheduled move of the head.
    pub(crate) fn clear_faults(&self) {
        self.switch_now();
        let mut state = self.state();
        (
            state.lag,
            state.heights_of,
            state.corruption,
            state.unresponsive,
            state.held,
        ) = (0, None, None, false, None);
        state.forgotten.clear();
    }

    pub(crate) fn head_hash(&self) -> String {
        self.state().head.clone()
    }

    pub(crate) fn block_ref(&self, hash: &str) -> BlockRef {
        block_ref(&self.state().blocks[hash])
    }

    /// The blocks of the branch that ends at `hash`, from a height on, lowest first.
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

    /// The hash of a branch's block at a height.
    pub(crate) fn at(&self, branch: &str, height: Height) -> Option<String> {
        self.branch(branch, height)
            .into_iter()
            .next()
            .filter(|block| block.height == height)
            .map(|block| block.hash)
    }

    /// Counts a request, executes a due move of the head, and returns the state to serve.
    fn request(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.requests += 1;
        let due = state
            .scheduled_switch
            .as_ref()
            .is_some_and(|(after, _)| state.requests > *after);
        if due && let Some((_, hash)) = state.scheduled_switch.take() {
            state.head = hash;
        }
        if state.unresponsive {
            return Err(Error::Unreachable {
                chain: self.chain.to_string(),
                why: "no response".to_owned(),
            });
        }
        Ok(state)
    }
}

impl State {
    fn ancestor(&self, hash: &str, height: Height) -> Option<&Block> {
        let mut down = std::iter::successors(self.blocks.get(hash), |block| {
            self.blocks.get(&block.parent)
        });
        down.find(|block| block.height == height)
    }

    /// The head that the node serves.
    fn served_head(&self) -> &Block {
        let head = &self.blocks[&self.head];
        self.ancestor(&self.head, Height(head.height.0.saturating_sub(self.lag)))
            .unwrap()
    }

    /// The block, unless the node lacks it.
    fn served(&self, hash: &str) -> Option<&Block> {
        self.blocks
            .get(hash)
            .filter(|_| !self.forgotten.contains(hash))
    }
}

fn block_ref(block: &Block) -> BlockRef {
    BlockRef {
        height: block.height,
        hash: block.hash.clone(),
        parent: block.parent.clone(),
        time: block.time,
    }
}

fn events(transactions: &[Tx]) -> Vec<ChainEvent> {
    let mut events = Vec::new();
    for (tx, transaction_index) in transactions.iter().zip(0u32..) {
        for (path, (source, topic, amount)) in tx.events.iter().enumerate() {
            events.push(ChainEvent {
                transaction: tx.id.clone(),
                path: path.to_string(),
                transaction_index,
                index: events.len() as u32,
                source: source.clone(),
                topic: (*topic).to_owned(),
                body: format!(r#"{{"amount":"{amount}"}}"#),
            });
        }
    }
    events
}

fn inclusions(transactions: &[Tx]) -> Vec<Inclusion> {
    let inclusion = |(tx, index): (&Tx, u32)| Inclusion {
        transaction: tx.id.clone(),
        signer: tx.signer.clone(),
        replay_keys: vec![ReplayKey::nonce(&tx.signer, tx.nonce)],
        index,
        status: ExecutionStatus::Succeeded,
        fee: Amount::from(21_000),
        created: None,
    };
    transactions.iter().zip(0u32..).map(inclusion).collect()
}

/// The transfer of an event; none if it is not a transfer event.
pub(crate) fn transfer(event: &ChainEvent) -> Option<Transfer> {
    let amount = event
        .body
        .strip_prefix(r#"{"amount":""#)?
        .strip_suffix(r#""}"#)?
        .parse()
        .ok()?;
    (event.topic == TRANSFER_TOPIC).then(|| Transfer {
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

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            model: AccountModel::Account,
            sequencing: Sequencing::Nonce,
            contracts: true,
            memo: false,
        }
    }

    fn finality(&self) -> Finality {
        self.finality
    }

    fn fee_limits(&self) -> intent::FeeLimits {
        unreachable!("the index pays no fees")
    }

    async fn quote(&self, _: &[Intent]) -> Vec<Result<Quote>> {
        unreachable!("the index requests no quotes")
    }

    async fn sequence(&self, _: &str) -> Result<Sequence> {
        unreachable!("the index reads no nonces")
    }

    async fn plan(&self, _: &[Plan<'_>]) -> Vec<Result<Unsigned>> {
        unreachable!("the index plans nothing")
    }

    async fn submit(&self, _: &[Signed]) -> Vec<SubmitOutcome> {
        unreachable!("the index sends nothing")
    }

    async fn status(&self, _: &str) -> Result<TxStatus> {
        unreachable!("the index reads blocks, not transactions")
    }

    async fn head(&self) -> Result<BlockRef> {
        Ok(block_ref(self.request()?.served_head()))
    }

    async fn block_at(&self, height: Height) -> Result<Option<BlockRef>> {
        let state = self.request()?;
        let head = state.served_head();
        let branch = state.heights_of.as_ref().unwrap_or(&head.hash);
        Ok(state.ancestor(branch, height).map(block_ref))
    }

    async fn header(&self, hash: &str) -> Result<Option<BlockRef>> {
        Ok(self.request()?.served(hash).map(block_ref))
    }

    async fn block(&self, hash: &str, watch: &Watch) -> Result<Option<Block>> {
        let gate = self
            .state()
            .held
            .as_ref()
            .filter(|(held, _)| held == hash)
            .map(|(_, gate)| gate.clone());
        if let Some(gate) = gate {
            gate.arrived.add_permits(1);
            gate.released.acquire().await.unwrap().forget();
        }
        let state = self.request()?;
        let Some(mut block) = state.served(hash).cloned() else {
            return Ok(None);
        };
        let is_watched = |event: &ChainEvent| {
            watch.everything
                || watch.sources.contains(&event.source)
                || watch.topics.contains(&event.topic)
        };
        block.events.retain(is_watched);
        block
            .inclusions
            .retain(|inclusion| watch.signers.contains(&inclusion.signer));
        if let Some(corrupt) = &state.corruption {
            corrupt(&mut block);
        }
        Ok(Some(block))
    }

    async fn tagged(&self, _: FinalityTag) -> Result<Option<BlockRef>> {
        let state = self.request()?;
        match &state.tag {
            None => Ok(None),
            Some(Ok(hash)) => Ok(Some(block_ref(&state.blocks[hash]))),
            Some(Err(error)) => Err(error.clone()),
        }
    }

    async fn call(&self, _: &CallRequest<'_>, _: Option<&Interface>) -> Result<Vec<u8>> {
        unreachable!("the index calls nothing")
    }

    async fn balance(&self, _: &str) -> Result<Amount> {
        unreachable!("the index reads no balances")
    }

    fn transfers(&self, _: Height, event: &ChainEvent) -> Vec<Transfer> {
        transfer(event).into_iter().collect()
    }

    fn decode_event(&self, _: &Interface, _: &ChainEvent) -> Result<Option<DecodedEvent>> {
        Ok(None)
    }
}
