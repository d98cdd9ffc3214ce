-- Subscriptions: their configuration, their position in the facts, and their undelivered events.

CREATE TABLE subscription (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  shard BIGINT NOT NULL,
  name TEXT NOT NULL,
  -- The sink of its delivery.
  kind TEXT NOT NULL,
  -- 1: the worker sends its batches. 0: a consumer gets them in a session.
  pushes BIGINT NOT NULL,
  -- Filter, delivery and retry rule as JSON; no secrets.
  settings TEXT NOT NULL,
  -- Signing secrets, and the write-only values of the delivery.
  encrypted BLOB NOT NULL,
  suspended BIGINT NOT NULL,
  why TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE UNIQUE INDEX subscription_name ON subscription (namespace, name);
CREATE INDEX subscription_shard ON subscription (shard, namespace, id);

-- Delivery state, which changes with each batch; separate from the configuration. A rewind increments the generation.
CREATE TABLE subscription_progress (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  shard BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  next_sequence BIGINT NOT NULL,
  phase TEXT NOT NULL,
  batch_first BIGINT NOT NULL,
  batch_last BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  holder TEXT NOT NULL,
  delivered BIGINT NOT NULL,
  last_delivered_at BIGINT,
  last_error TEXT,
  last_error_at BIGINT,
  consumer TEXT,
  PRIMARY KEY (namespace, id)
);
CREATE INDEX subscription_due ON subscription_progress (shard, next_at);

-- The position of each subscription in each partition: all facts up to seq are read and, if continuation is not empty,
-- the pages of the next fact before it.
CREATE TABLE subscription_cursor (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  partition TEXT NOT NULL,
  shard BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  continuation TEXT NOT NULL,
  PRIMARY KEY (namespace, id, partition)
);
CREATE INDEX subscription_cursor_lag ON subscription_cursor (shard, partition, seq);

-- Events of a subscription: waiting in the order of their sequence, or dead letters. A delivered event is deleted.
CREATE TABLE delivery (
  namespace TEXT NOT NULL,
  subscription TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  state TEXT NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  partition TEXT NOT NULL,
  fact_seq BIGINT NOT NULL,
  body TEXT NOT NULL,
  size BIGINT NOT NULL,
  -- 1: sent in a batch of its own, because a batch that contained it failed.
  isolated BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  at BIGINT NOT NULL,
  error TEXT,
  PRIMARY KEY (namespace, subscription, sequence)
);
CREATE INDEX delivery_state ON delivery (namespace, subscription, state, sequence);
