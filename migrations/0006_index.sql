-- The index: blocks and their contents, stored once per installation; the cursor of each chain; watched values; projection scopes.

CREATE TABLE chain_cursor (
  chain TEXT NOT NULL,
  -- NULL before the first block.
  head_height BIGINT,
  head_hash TEXT,
  -- NULL while no block is final.
  final_height BIGINT,
  final_hash TEXT,
  first_height BIGINT NOT NULL,
  -- Why the chain is halted.
  halted TEXT,
  -- An operator's permission to rewind once below the final watermark, down to this height.
  rewind_to BIGINT,
  version BIGINT NOT NULL,
  PRIMARY KEY (chain)
);

CREATE TABLE block (
  chain TEXT NOT NULL,
  hash TEXT NOT NULL,
  height BIGINT NOT NULL,
  parent TEXT NOT NULL,
  time BIGINT NOT NULL,
  event_count BIGINT NOT NULL,
  inclusion_count BIGINT NOT NULL,
  canonical BIGINT NOT NULL,
  PRIMARY KEY (chain, hash)
);
CREATE UNIQUE INDEX block_canonical ON block (chain, height) WHERE canonical = 1;

CREATE TABLE chain_event (
  chain TEXT NOT NULL,
  tx_id TEXT NOT NULL,
  path TEXT NOT NULL,
  block_hash TEXT NOT NULL,
  height BIGINT NOT NULL,
  tx_index BIGINT NOT NULL,
  event_index BIGINT NOT NULL,
  source TEXT NOT NULL,
  topic TEXT NOT NULL,
  body TEXT NOT NULL,
  -- Empty for rows stored with their block; otherwise the unique id of the group of rows added later.
  ingest_id TEXT NOT NULL,
  reverted BIGINT NOT NULL,
  PRIMARY KEY (chain, block_hash, event_index)
);
CREATE UNIQUE INDEX chain_event_identity ON chain_event (chain, tx_id, path) WHERE reverted = 0;
CREATE INDEX chain_event_height ON chain_event (chain, height, event_index);

-- Transactions of watched signers, one row per used replay key.
CREATE TABLE chain_inclusion (
  chain TEXT NOT NULL,
  replay_key TEXT NOT NULL,
  block_hash TEXT NOT NULL,
  tx_id TEXT NOT NULL,
  signer TEXT NOT NULL,
  height BIGINT NOT NULL,
  tx_index BIGINT NOT NULL,
  status TEXT NOT NULL,
  fee BLOB NOT NULL,
  created_contract TEXT,
  ingest_id TEXT NOT NULL,
  reverted BIGINT NOT NULL,
  PRIMARY KEY (chain, replay_key, block_hash)
);
CREATE INDEX chain_inclusion_block ON chain_inclusion (chain, block_hash);
CREATE INDEX chain_inclusion_height ON chain_inclusion (chain, height);
CREATE INDEX chain_inclusion_tx ON chain_inclusion (chain, tx_id);

-- Watched signers, sources and topics of each namespace: they decide what is stored of each block.
CREATE TABLE chain_watch (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (namespace, chain, kind, value)
);
CREATE INDEX chain_watch_chain ON chain_watch (chain, kind, value);

-- The sources that a namespace has projected, "*" for all. A scope added late is backfilled until it is caught up with the head.
CREATE TABLE projection_scope (
  namespace TEXT NOT NULL,
  projection TEXT NOT NULL,
  chain TEXT NOT NULL,
  source TEXT NOT NULL,
  -- The contract with this address; NULL for all.
  contract TEXT,
  from_height BIGINT NOT NULL,
  next_height BIGINT NOT NULL,
  caught_up BIGINT NOT NULL,
  quarantined TEXT,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, projection, chain, source)
);
CREATE INDEX projection_scope_chain ON projection_scope (chain, caught_up);
