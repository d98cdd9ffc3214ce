-- Facts, the heads of their partitions, leases, seals, idempotency, sealed secrets.
-- Types: BIGINT (also booleans and times in microseconds), TEXT, BLOB. A table ends with ");" on a line of its own.

-- A head is the end of its partition's hash chain and the lease of its owner in one row.
CREATE TABLE partition_head (
  partition TEXT NOT NULL,
  seq BIGINT NOT NULL,
  hash BLOB NOT NULL,
  turn BIGINT NOT NULL,
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
  at BIGINT NOT NULL,
  payload TEXT,
  salt BLOB,
  payload_hash BLOB NOT NULL,
  prev BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (partition, seq)
);

-- The signed chain of roots over all heads; the same lines are exported.
CREATE TABLE seal (
  number BIGINT NOT NULL,
  at BIGINT NOT NULL,
  line TEXT NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (number)
);

-- Every head as of the last seal, so that a sealer need not read all seals to go on.
CREATE TABLE sealed_head (
  partition TEXT NOT NULL,
  seq BIGINT NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (partition)
);

CREATE TABLE idempotency (
  namespace TEXT NOT NULL,
  verb TEXT NOT NULL,
  key TEXT NOT NULL,
  command_hash BLOB,
  resource TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, verb, key)
);

-- Data keys, wrapped by the master key. The newest version of a name seals; older ones still open.
CREATE TABLE secret_key (
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  fingerprint BLOB NOT NULL, -- a hash of the data key: tells whether it is the same, and nothing else
  wrapped BLOB NOT NULL,
  wrapping TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  -- Since when nothing is under it any more.
  retired_at BIGINT,
  PRIMARY KEY (name, version)
);

-- What an installation is called, and other values of which there is one.
CREATE TABLE installation (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (name)
);
