-- Blocks and what happened in them, stored once for the installation; how far each chain is read and final; who is watched.

CREATE TABLE chain_cursor (
  chain TEXT NOT NULL,
  -- Missing before the first block.
  head_height BIGINT,
  head_hash TEXT,
  -- Missing until something is final.
  final_height BIGINT,
  final_hash TEXT,
  first_height BIGINT NOT NULL,
  halted TEXT,
  -- An operator's word that the chain may be rewound below the final watermark, down to this height, once.
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
  included_count BIGINT NOT NULL,
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
  -- Empty for what was kept with its block; else the one time at which it was added.
  intake TEXT NOT NULL,
  reverted BIGINT NOT NULL,
  PRIMARY KEY (chain, block_hash, event_index)
);
CREATE UNIQUE INDEX chain_event_identity ON chain_event (chain, tx_id, path) WHERE reverted = 0;
CREATE INDEX chain_event_height ON chain_event (chain, height, event_index);

-- Transactions of watched signers: one row for each thing they used up.
CREATE TABLE chain_included (
  chain TEXT NOT NULL,
  witness TEXT NOT NULL,
  block_hash TEXT NOT NULL,
  tx_id TEXT NOT NULL,
  signer TEXT NOT NULL,
  height BIGINT NOT NULL,
  tx_index BIGINT NOT NULL,
  status TEXT NOT NULL,
  fee BLOB NOT NULL,
  created TEXT,
  intake TEXT NOT NULL,
  reverted BIGINT NOT NULL,
  PRIMARY KEY (chain, witness, block_hash)
);
CREATE INDEX chain_included_block ON chain_included (chain, block_hash);
CREATE INDEX chain_included_height ON chain_included (chain, height);
CREATE INDEX chain_included_tx ON chain_included (chain, tx_id);

CREATE TABLE chain_watch (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  since BIGINT NOT NULL,
  PRIMARY KEY (namespace, chain, kind, value)
);
CREATE INDEX chain_watch_chain ON chain_watch (chain, kind, value);

-- What a namespace wants projected: a source, or "*" for all. A scope that joined late catches up to the head by itself.
CREATE TABLE projection_scope (
  namespace TEXT NOT NULL,
  projection TEXT NOT NULL,
  chain TEXT NOT NULL,
  source TEXT NOT NULL,
  from_height BIGINT NOT NULL,
  next_height BIGINT NOT NULL,
  level BIGINT NOT NULL,
  quarantined TEXT,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, projection, chain, source)
);
CREATE INDEX projection_scope_chain ON projection_scope (chain, level);
