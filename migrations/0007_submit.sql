-- Submissions: chain transactions that Florin signs and follows, every transaction signed for them, and the lanes they wait in.

CREATE TABLE submission (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  shard BIGINT NOT NULL,
  idempotency_key TEXT,
  initiator TEXT NOT NULL,
  intent TEXT NOT NULL,
  interface TEXT,
  policies TEXT NOT NULL,
  context TEXT NOT NULL,
  state TEXT NOT NULL,
  -- The state that a paused submission resumes in.
  paused_from TEXT,
  -- Why it waits, was denied or failed, as text for people.
  reason TEXT,
  quote TEXT,
  decision TEXT,
  permit TEXT,
  -- Order within the lane, assigned when it is permitted.
  lane_index BIGINT,
  -- For a cancel: the submission whose replay keys it uses.
  supersedes TEXT,
  tx_id TEXT,
  block_hash TEXT,
  block_height BIGINT,
  outcome TEXT,
  fee BLOB,
  created_contract TEXT,
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  -- Order of receipt: microseconds, made unique within a process.
  received_seq BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE INDEX submission_due ON submission (shard, chain, state, next_at);
CREATE INDEX submission_in_lane ON submission (chain, signer, state, lane_index);
CREATE INDEX submission_block ON submission (chain, block_hash);
CREATE INDEX submission_listing ON submission (namespace, received_seq);
CREATE INDEX submission_listing_state ON submission (namespace, state, received_seq);
CREATE INDEX submission_supersedes ON submission (namespace, supersedes) WHERE supersedes IS NOT NULL;

-- Every transaction ever signed for a submission. Rows are never deleted: an old transaction may still be mined.
CREATE TABLE submission_transaction (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  tx_id TEXT NOT NULL,
  submission TEXT NOT NULL,
  signed_at BIGINT NOT NULL,
  terms TEXT NOT NULL,
  -- The node's last response to its broadcast.
  answer TEXT,
  PRIMARY KEY (chain, tx_id)
);
CREATE INDEX submission_transaction_submission ON submission_transaction (namespace, submission);

-- The signatures that submissions have requested of back ends that answer later.
CREATE TABLE submission_request (
  namespace TEXT NOT NULL,
  request TEXT NOT NULL,
  submission TEXT NOT NULL,
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  shard BIGINT NOT NULL,
  terms TEXT NOT NULL,
  -- 1 until its answer is collected, or it is withdrawn.
  open BIGINT NOT NULL,
  PRIMARY KEY (namespace, request)
);
CREATE INDEX submission_request_open ON submission_request (shard, chain, signer) WHERE open = 1;
CREATE INDEX submission_request_of ON submission_request (namespace, submission);

-- The replay keys that each submission holds. A cancel holds the same ones as the submission it cancels.
CREATE TABLE submission_replay_key (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  replay_key TEXT NOT NULL,
  submission TEXT NOT NULL,
  signer TEXT NOT NULL,
  -- 1 until its use on the chain is final, or the submission has ended.
  open BIGINT NOT NULL,
  PRIMARY KEY (chain, replay_key, submission)
);
CREATE INDEX submission_replay_key_of ON submission_replay_key (chain, submission);
CREATE INDEX submission_replay_key_open ON submission_replay_key (chain, signer, open);

CREATE TABLE submission_lane (
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  shard BIGINT NOT NULL,
  -- The first nonce used here. Lower nonces were used before the key was managed here.
  first_nonce BIGINT,
  next_nonce BIGINT NOT NULL,
  next_lane_index BIGINT NOT NULL,
  paused TEXT,
  -- When the lane resumes by itself. NULL in a paused lane: an operator must resume it.
  paused_until BIGINT,
  version BIGINT NOT NULL,
  PRIMARY KEY (chain, signer)
);

-- The position of each shard in the facts of each chain's partition.
CREATE TABLE submission_cursor (
  shard BIGINT NOT NULL,
  partition TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (shard, partition)
);
