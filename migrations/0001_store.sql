-- Facts, the heads of their partitions, leases, signed tree heads, idempotency keys.
-- Types: BIGINT (also booleans and times in microseconds), TEXT, BLOB. A table ends with ");" on a line of its own.

-- A head is the end of a partition's hash chain and the lease of its owner, in one row.
CREATE TABLE partition_head (
  partition TEXT NOT NULL,
  seq BIGINT NOT NULL,
  hash BLOB NOT NULL,
  commits BIGINT NOT NULL, -- committed transactions: shows after a lost connection whether one succeeded
  epoch BIGINT NOT NULL,
  holder TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (partition)
);

CREATE TABLE fact (
  partition TEXT NOT NULL,
  seq BIGINT NOT NULL,
  type TEXT NOT NULL,
  schema_version BIGINT NOT NULL,
  namespace TEXT NOT NULL,
  subjects TEXT NOT NULL,
  actor TEXT NOT NULL,
  causation TEXT,
  correlation TEXT,
  traceparent TEXT, -- not covered by the hash
  at BIGINT NOT NULL,
  payload TEXT,
  salt BLOB,
  payload_hash BLOB NOT NULL,
  prev BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (partition, seq)
);

-- Signed tree heads: the Merkle root over all partition heads, chained. The same lines are exported.
CREATE TABLE tree_head (
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  line TEXT NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (number)
);

-- Every partition head as of the last tree head: the leaves of the Merkle tree. Saves reading all tree
-- heads to sign the next one.
CREATE TABLE tree_head_leaf (
  partition TEXT NOT NULL,
  seq BIGINT NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (partition)
);

CREATE TABLE idempotency (
  namespace TEXT NOT NULL,
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  command_hash BLOB,
  resource TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, scope, key)
);
