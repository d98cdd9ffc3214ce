-- Tasks and their versions, runs and their steps, variable sets, bindings, listeners.

CREATE TABLE task (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  -- The name or id of a set, as given.
  variable_set TEXT,
  -- Missing before the first version.
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
  -- Exactly as it was posted, and how that is to be read: yaml or json.
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
  -- The step it stands at, from 0, and where that step stands.
  step BIGINT NOT NULL,
  step_state TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  round BIGINT NOT NULL,
  steps BIGINT NOT NULL,
  -- As shown: secrets are masked. Where something was masked, `sealed` holds the value itself.
  input TEXT NOT NULL,
  sealed BLOB,
  result TEXT,
  error TEXT,
  -- Why it waits, in words, and for which submission.
  reason TEXT,
  waits_for TEXT,
  initiator TEXT NOT NULL,
  -- What began it: {"by": "api" | "run" | "listener", …}.
  origin TEXT NOT NULL,
  activity TEXT,
  idempotency_key TEXT,
  -- Runs of one listener go one after the other.
  lane TEXT,
  lane_place BIGINT,
  -- 1 if a run that fails holds those behind it.
  lane_holds BIGINT,
  -- 1 once it is over for good: it counts no more, and holds nobody. One that failed can still be retried.
  settled BIGINT NOT NULL,
  -- Missing while nothing is due: it has ended, is parked, or another of its lane goes first.
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
CREATE INDEX run_lane ON run (namespace, lane, settled, lane_place);
CREATE INDEX run_open ON run (namespace, settled);
CREATE INDEX run_task ON run (namespace, task, created_at);
CREATE INDEX run_listing ON run (namespace, created_at, id);
-- Those that are not settled, to count them.
CREATE INDEX run_live ON run (state, next_at) WHERE settled = 0;
-- What is sealed, for a new data key.
CREATE INDEX run_sealed ON run (namespace, id) WHERE sealed IS NOT NULL;

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
  -- The output itself, where secrets are masked in `output`.
  sealed BLOB,
  -- The exact effect that is open, sealed; gone when the step ends.
  request BLOB,
  idempotency_key TEXT,
  waits_for TEXT,
  error TEXT,
  began_at BIGINT NOT NULL,
  -- When the effect was last begun, and by which process.
  sent_at BIGINT,
  sent_by TEXT,
  ended_at BIGINT,
  PRIMARY KEY (namespace, run, seq)
);

CREATE INDEX run_step_sealed ON run_step (namespace, run, seq) WHERE sealed IS NOT NULL;
CREATE INDEX run_step_request ON run_step (namespace, run, seq) WHERE request IS NOT NULL;

-- Attempts that came to nothing.
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

-- How far each shard has read the facts of lanes, to hear of submissions that moved on.
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
  sealed BLOB NOT NULL,
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
  contract TEXT,
  signer TEXT,
  interface TEXT,
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
  -- As given.
  config TEXT NOT NULL,
  -- Which task, by id or name, to see what refers to it.
  task TEXT NOT NULL,
  -- Chain events: the chain, and behind which event it stands; a pending one remembers the block's hash.
  chain TEXT,
  cursor_height BIGINT,
  cursor_index BIGINT,
  cursor_hash TEXT,
  -- The place of the next run in its lane.
  next_place BIGINT NOT NULL,
  -- Why it stands still, if it does.
  problem TEXT,
  next_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE UNIQUE INDEX listener_name ON listener (namespace, kind, name);
CREATE INDEX listener_due ON listener (shard, disabled, next_at);

-- What a listener that runs before final has delivered, until that is final: it may have to be taken back.
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

-- How far a listener to new entries of the data model has read each partition of facts.
CREATE TABLE listener_cursor (
  namespace TEXT NOT NULL,
  listener TEXT NOT NULL,
  partition TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (namespace, listener, partition)
);
