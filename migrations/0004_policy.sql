-- Policies, their versions and attachments, the decision log, and the key that signs permits.

CREATE TABLE policy (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  current_version TEXT,
  -- The label of the current version.
  current_label TEXT,
  versions BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);

CREATE UNIQUE INDEX policy_name ON policy (namespace, name);

-- The versions of a deleted policy stay, because decisions reference them.
CREATE TABLE policy_version (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  policy TEXT NOT NULL,
  number BIGINT NOT NULL,
  label TEXT NOT NULL,
  description TEXT NOT NULL,
  document TEXT NOT NULL,
  example_input TEXT,
  hash BLOB NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (namespace, id),
  UNIQUE (namespace, policy, number),
  UNIQUE (namespace, policy, label)
);

CREATE TABLE policy_attachment (
  namespace TEXT NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  policy TEXT NOT NULL,
  attached_at BIGINT NOT NULL,
  attached_by TEXT NOT NULL,
  PRIMARY KEY (namespace, kind, target, policy)
);

CREATE INDEX policy_attachment_policy ON policy_attachment (namespace, policy);

-- Increases with every change to a namespace's active policies: a decision prepared on an earlier
-- revision is not logged.
CREATE TABLE policy_revision (
  namespace TEXT NOT NULL,
  revision BIGINT NOT NULL,
  PRIMARY KEY (namespace)
);

-- Insert-only: the exact input, the documents and answers, and the outcome.
CREATE TABLE decision (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  at BIGINT NOT NULL,
  subject TEXT NOT NULL,
  initiator TEXT NOT NULL,
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  intent_hash BLOB NOT NULL,
  result TEXT NOT NULL,
  outcome TEXT NOT NULL,
  input TEXT NOT NULL,
  lookups TEXT NOT NULL,
  documents TEXT NOT NULL,
  bundle_hash BLOB NOT NULL,
  interface_hash BLOB,
  lookups_hash BLOB NOT NULL,
  approvals_hash BLOB NOT NULL,
  permit TEXT,
  duration_ms BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);

CREATE INDEX decision_at ON decision (namespace, at, id);
CREATE INDEX decision_subject ON decision (namespace, subject, at);

-- The policies that took part in a decision, for the log of one policy and its replay.
CREATE TABLE decision_policy (
  namespace TEXT NOT NULL,
  policy TEXT NOT NULL,
  at BIGINT NOT NULL,
  decision TEXT NOT NULL,
  version TEXT NOT NULL,
  PRIMARY KEY (namespace, policy, at, decision)
);

-- The encrypted seed of the key that signs permits. One row per installation.
CREATE TABLE policy_key (
  name TEXT NOT NULL,
  public BLOB NOT NULL,
  encrypted BLOB NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (name)
);
