-- Tasks and their versions, runs and their steps, variable sets, bindings, listeners.

CREATE TABLE task (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  -- Name or id of a variable set, as given.
  variable_set TEXT,
  -- NULL before the first version.
  current_version TEXT,
  current_label TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE UNIQUE INDEX task_name ON task (namespace, name);

CREATE TABLE task_version (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  task TEXT NOT NULL,
  label TEXT NOT NULL,
  description TEXT NOT NULL,
  -- The document exactly as posted, and its format: yaml or json.
  source TEXT NOT NULL,
  format TEXT NOT NULL,
  hash BLOB NOT NULL,
  steps BIGINT NOT NULL,
  warnings TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE UNIQUE INDEX task_version_label ON task_version (namespace, task, label);
CREATE INDEX task_version_task ON task_version (namespace, task, created_at);

CREATE TABLE run (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  shard BIGINT NOT NULL,
  task TEXT NOT NULL,
  task_name TEXT NOT NULL,
  version_id TEXT NOT NULL,
  version_label TEXT NOT NULL,
  state TEXT NOT NULL,
  -- The current step, from 0, and its state.
  step BIGINT NOT NULL,
  step_state TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  round BIGINT NOT NULL,
  steps BIGINT NOT NULL,
  -- As displayed, with secrets masked. If something was masked, `encrypted_input` holds the original.
  input TEXT NOT NULL,
  encrypted_input BLOB,
  result TEXT,
  error TEXT,
  -- Why it waits, and for which submission.
  reason TEXT,
  waits_for TEXT,
  initiator TEXT NOT NULL,
  -- What started it: {"by": "request" | "run" | "listener", …}.
  origin TEXT NOT NULL,
  activity TEXT,
  idempotency_key TEXT,
  -- The runs of one listener execute one at a time, in this order.
  queue TEXT,
  queue_index BIGINT,
  -- 1 if a failed run blocks the runs behind it.
  queue_holds BIGINT,
  -- 1 once the run is not counted as open and blocks no other. A failed run can still be retried.
  closed BIGINT NOT NULL,
  -- NULL while nothing is due: the run has ended, is parked, or waits for its queue.
  next_at BIGINT,
  created_at BIGINT NOT NULL,
  started_at BIGINT,
  ended_at BIGINT,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE INDEX run_due ON run (shard, next_at);
CREATE INDEX run_waits_for ON run (waits_for);
CREATE INDEX run_queue ON run (namespace, queue, closed, queue_index);
CREATE INDEX run_open ON run (namespace, closed);
CREATE INDEX run_task ON run (namespace, task, created_at);
CREATE INDEX run_listing ON run (namespace, created_at, id);
-- Open runs, for metrics.
CREATE INDEX run_live ON run (state, next_at) WHERE closed = 0;
-- Encrypted values, for key rotation.
CREATE INDEX run_encrypted_input ON run (namespace, id) WHERE encrypted_input IS NOT NULL;

CREATE TABLE run_step (
  namespace TEXT NOT NULL,
  run TEXT NOT NULL,
  seq BIGINT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  round BIGINT NOT NULL,
  input TEXT,
  output TEXT,
  -- The original output, if secrets are masked in `output`.
  encrypted_output BLOB,
  -- The exact request of an open effect, encrypted; NULL once the step ends.
  request BLOB,
  idempotency_key TEXT,
  waits_for TEXT,
  error TEXT,
  began_at BIGINT NOT NULL,
  -- When the effect was last sent, and by which process.
  sent_at BIGINT,
  sent_by TEXT,
  ended_at BIGINT,
  PRIMARY KEY (namespace, run, seq)
);

CREATE INDEX run_step_encrypted_output ON run_step (namespace, run, seq) WHERE encrypted_output IS NOT NULL;
CREATE INDEX run_step_request ON run_step (namespace, run, seq) WHERE request IS NOT NULL;

-- Failed attempts.
CREATE TABLE run_attempt (
  namespace TEXT NOT NULL,
  run TEXT NOT NULL,
  seq BIGINT NOT NULL,
  round BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  began_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (namespace, run, seq, round, attempt)
);

-- The position up to which each shard has read the facts of submissions.
CREATE TABLE run_cursor (
  shard BIGINT NOT NULL,
  partition TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (shard, partition)
);

CREATE TABLE variable_set (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  classification TEXT,
  description TEXT NOT NULL,
  encrypted BLOB NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE UNIQUE INDEX variable_set_name ON variable_set (namespace, name);

CREATE TABLE binding (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  chain TEXT NOT NULL,
  -- The id of the contract, and the hash of the interface.
  contract TEXT,
  signer TEXT,
  interface BLOB,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE UNIQUE INDEX binding_name ON binding (namespace, name);

CREATE TABLE listener (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  shard BIGINT NOT NULL,
  disabled BIGINT NOT NULL,
  -- As given by the caller.
  config TEXT NOT NULL,
  -- Id or name of the task, to find references to it.
  task TEXT NOT NULL,
  -- Chain events: the chain and the last event read, with the block's hash while it is not final.
  chain TEXT,
  cursor_height BIGINT,
  cursor_index BIGINT,
  cursor_hash TEXT,
  -- The queue index of the next run.
  next_queue_index BIGINT NOT NULL,
  -- Why the listener is blocked, or NULL.
  problem TEXT,
  next_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE UNIQUE INDEX listener_name ON listener (namespace, kind, name);
CREATE INDEX listener_due ON listener (shard, disabled, next_at);

-- Pending events that a listener delivered, until they are final: they may be reverted.
CREATE TABLE listener_event (
  namespace TEXT NOT NULL,
  listener TEXT NOT NULL,
  event TEXT NOT NULL,
  block_hash TEXT NOT NULL,
  height BIGINT NOT NULL,
  input TEXT NOT NULL,
  PRIMARY KEY (namespace, listener, event, block_hash)
);
CREATE INDEX listener_event_height ON listener_event (namespace, listener, height);

-- The position up to which a data model listener has read each partition of facts.
CREATE TABLE listener_cursor (
  namespace TEXT NOT NULL,
  listener TEXT NOT NULL,
  partition TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (namespace, listener, partition)
);
