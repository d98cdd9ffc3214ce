-- Submissions: chain transactions in our care; every hash ever sent for them; the lanes they wait in.

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
  -- Where a paused one goes on.
  paused_from TEXT,
  -- In words: why it waits, was denied or failed.
  reason TEXT,
  quote TEXT,
  decision TEXT,
  permit TEXT,
  -- Order within the lane, taken when it is permitted.
  place BIGINT,
  -- A cancel or fill: whose witness it takes.
  supersedes TEXT,
  tx_id TEXT,
  block_hash TEXT,
  block_height BIGINT,
  outcome TEXT,
  fee BLOB,
  created_contract TEXT,
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  -- The order of arrival: microseconds, made unique within a process.
  arrival BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE INDEX submission_due ON submission (shard, chain, state, next_at);
CREATE INDEX submission_in_lane ON submission (chain, signer, state, place);
CREATE INDEX submission_block ON submission (chain, block_hash);
CREATE INDEX submission_listing ON submission (namespace, arrival);
CREATE INDEX submission_listing_state ON submission (namespace, state, arrival);
CREATE INDEX submission_supersedes ON submission (namespace, supersedes) WHERE supersedes IS NOT NULL;

-- Every transaction ever signed for a submission: all are watched for ever.
CREATE TABLE submission_sent (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  tx_id TEXT NOT NULL,
  submission TEXT NOT NULL,
  signed_at BIGINT NOT NULL,
  terms TEXT NOT NULL,
  answer TEXT,
  PRIMARY KEY (chain, tx_id)
);
CREATE INDEX submission_sent_submission ON submission_sent (namespace, submission);

-- What each submission uses up on its chain. A cancel holds the same as what it cancels.
CREATE TABLE submission_witness (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  witness TEXT NOT NULL,
  submission TEXT NOT NULL,
  signer TEXT NOT NULL,
  -- 1 until the chain has settled it.
  open BIGINT NOT NULL,
  PRIMARY KEY (chain, witness, submission)
);
CREATE INDEX submission_witness_of ON submission_witness (chain, submission);
CREATE INDEX submission_witness_open ON submission_witness (chain, signer, open);

CREATE TABLE submission_lane (
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  shard BIGINT NOT NULL,
  -- The first that was used here; what came before is another's business.
  first_nonce BIGINT,
  next_nonce BIGINT NOT NULL,
  next_place BIGINT NOT NULL,
  paused TEXT,
  paused_until BIGINT,
  version BIGINT NOT NULL,
  PRIMARY KEY (chain, signer)
);

-- How far each shard has read the facts of each chain.
CREATE TABLE submission_cursor (
  shard BIGINT NOT NULL,
  partition TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (shard, partition)
);
