-- Wallets, keys and issued addresses; used permits and signatures.

-- A wallet: one encrypted secret (a mnemonic or a single key) and its attributes.
CREATE TABLE wallet (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  source TEXT NOT NULL,
  backend TEXT NOT NULL,
  account BIGINT NOT NULL,
  secret BLOB NOT NULL,
  secret_version BIGINT NOT NULL,
  fingerprint BLOB NOT NULL,
  metadata TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);

CREATE UNIQUE INDEX wallet_name ON wallet (namespace, name);
CREATE UNIQUE INDEX wallet_fingerprint ON wallet (namespace, fingerprint);

-- A public node whose children are issued in order, so that issuing an address does not read the
-- secret.
CREATE TABLE wallet_branch (
  namespace TEXT NOT NULL,
  wallet TEXT NOT NULL,
  path TEXT NOT NULL,
  xpub TEXT NOT NULL,
  next BIGINT NOT NULL,
  PRIMARY KEY (namespace, wallet, path)
);

-- Each issued address, and the child key that signs for it. A single imported key has the path 'm'.
CREATE TABLE wallet_key (
  namespace TEXT NOT NULL,
  family TEXT NOT NULL,
  address TEXT NOT NULL,
  wallet TEXT NOT NULL,
  path TEXT NOT NULL,
  position BIGINT NOT NULL,
  PRIMARY KEY (namespace, family, address)
);

CREATE UNIQUE INDEX wallet_key_position ON wallet_key (namespace, wallet, family, path, position);

CREATE TABLE named_key (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  wallet TEXT NOT NULL,
  name TEXT NOT NULL,
  chain TEXT NOT NULL,
  family TEXT NOT NULL,
  address TEXT NOT NULL,
  path TEXT NOT NULL,
  metadata TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);

CREATE UNIQUE INDEX named_key_name ON named_key (namespace, wallet, name);
CREATE UNIQUE INDEX named_key_address ON named_key (namespace, family, address);

-- A transaction that records a signature takes a shared lock on the rows of its wallet, its
-- namespace and the installation. A freeze, once visible to all, changes the row of its subject. So
-- the freeze either sees the recorded signature, or the record sees the freeze. The generations
-- tell caches when to drop their content. Subjects: a wallet's id, 'namespace'; and 'installation'
-- in the namespace '_'.
CREATE TABLE signing_guard (
  namespace TEXT NOT NULL,
  subject TEXT NOT NULL,
  generation BIGINT NOT NULL,
  PRIMARY KEY (namespace, subject)
);

INSERT INTO signing_guard (namespace, subject, generation) VALUES ('_', 'installation', 0);

-- Subject: a wallet's id, 'namespace', or 'installation' (in the namespace '_'). Level: 0 none, 1
-- soft (cancels allowed), 2 hard.
CREATE TABLE signing_freeze (
  namespace TEXT NOT NULL,
  subject TEXT NOT NULL,
  level BIGINT NOT NULL,
  reason TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, subject)
);

-- A used or revoked permit. A permit chain begins with its root and continues by 'supersedes'; all
-- signatures of a permit chain share the anchor, so that a chain accepts at most one of them.
-- 'superseded_by' is set when something is signed under the later permit: one under which nothing
-- was signed leaves room for another. A permit that was revoked unused has a row without a use.
CREATE TABLE permit_use (
  namespace TEXT NOT NULL,
  permit TEXT NOT NULL,
  root TEXT,
  chain TEXT,
  signer TEXT,
  intent BLOB,
  anchor TEXT,
  supersedes TEXT,
  superseded_by TEXT,
  uses BIGINT NOT NULL,
  first_at BIGINT,
  last_at BIGINT NOT NULL,
  revoked_at BIGINT,
  revoked_by TEXT,
  reason TEXT,
  PRIMARY KEY (namespace, permit)
);

-- The permit chain that owns a replay key. The primary key does not begin with the namespace: if
-- two namespaces hold the same key, the chain still accepts each nonce only once.
CREATE TABLE permit_replay_key (
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  replay_key TEXT NOT NULL,
  namespace TEXT NOT NULL,
  root TEXT NOT NULL,
  permit TEXT NOT NULL,
  PRIMARY KEY (chain, replay_key, signer)
);

-- Signed transactions in the form in which they are broadcast. 'keys' returns signed bytes from
-- here only.
CREATE TABLE signed_bytes (
  namespace TEXT NOT NULL,
  permit TEXT NOT NULL,
  id TEXT NOT NULL,
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  replay_key TEXT NOT NULL,
  unsigned_hash BLOB NOT NULL,
  raw BLOB NOT NULL,
  signed_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, permit, id)
);

-- Signatures requested from a back end that answers later. State: waiting, answered, refused,
-- withdrawn.
CREATE TABLE signature_request (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  state TEXT NOT NULL,
  backend TEXT NOT NULL,
  permit TEXT NOT NULL,
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  bytes BLOB NOT NULL,
  unsigned_hash BLOB NOT NULL,
  -- The permit with its signature, as JSON. The row itself is evidence of nothing: the permit is
  -- verified before the back end is asked and again when its signature is recorded.
  signed_permit TEXT NOT NULL,
  supersedes TEXT,
  signed_id TEXT,
  note TEXT,
  -- How often the back end was asked in vain, and when it is asked next.
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);

CREATE UNIQUE INDEX signature_request_bytes ON signature_request (namespace, permit, unsigned_hash);
CREATE INDEX signature_request_supersedes ON signature_request (namespace, supersedes) WHERE state = 'waiting';
CREATE INDEX signature_request_waiting ON signature_request (namespace, next_at) WHERE state = 'waiting';
