-- Subscriptions of applications: what they want, how far they are, and what still has to reach them.

CREATE TABLE subscription (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  version BIGINT NOT NULL,
  shard BIGINT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  -- Filter, delivery, retry as JSON: nothing secret.
  settings TEXT NOT NULL,
  -- Signing secrets and header values, sealed.
  sealed BLOB NOT NULL,
  suspended BIGINT NOT NULL,
  why TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE UNIQUE INDEX subscription_name ON subscription (namespace, name);
CREATE INDEX subscription_shard ON subscription (shard, namespace, id);

-- What moves while events are delivered, apart from what people change. A rewind raises the generation.
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

-- How far each subscription has read each partition: all facts to seq, and of the next fact all but what rest finds again.
CREATE TABLE subscription_cursor (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  partition TEXT NOT NULL,
  shard BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  rest TEXT NOT NULL,
  PRIMARY KEY (namespace, id, partition)
);
CREATE INDEX subscription_cursor_behind ON subscription_cursor (shard, partition, seq);

-- Events on their way to a subscription: waiting in the order of their sequence, or dead. A delivered one is gone.
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
  -- 1: this one is sent by itself, because a batch with it was refused.
  alone BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  at BIGINT NOT NULL,
  error TEXT,
  PRIMARY KEY (namespace, subscription, sequence)
);
CREATE INDEX delivery_state ON delivery (namespace, subscription, state, sequence);
