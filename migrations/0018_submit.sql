-- Statements: messages, typed data and authorizations that Florin signs and never sends.

CREATE TABLE statement (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  shard BIGINT NOT NULL,
  kind TEXT NOT NULL,
  idempotency_key TEXT,
  initiator TEXT NOT NULL,
  intent TEXT NOT NULL,
  intent_hash BLOB NOT NULL,
  -- What the key signs, in hexadecimal with 0x.
  digest TEXT NOT NULL,
  labels TEXT NOT NULL,
  policies TEXT NOT NULL,
  state TEXT NOT NULL,
  -- Why it waits, was denied or failed, as text for people.
  reason TEXT,
  decision TEXT,
  permit TEXT,
  -- The signature request, if its back end answers later.
  request TEXT,
  -- 1 if its permit is the last that was used for these bytes: the next one supersedes it.
  latest BIGINT NOT NULL DEFAULT 0,
  next_at BIGINT NOT NULL,
  -- Order of receipt: microseconds, made unique within a process.
  received_seq BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE INDEX statement_due ON statement (shard, chain, state, next_at);
CREATE INDEX statement_of_signer ON statement (namespace, chain, signer, state);
CREATE INDEX statement_listing ON statement (namespace, received_seq);
CREATE UNIQUE INDEX statement_latest ON statement (namespace, chain, signer, intent_hash) WHERE latest = 1;
