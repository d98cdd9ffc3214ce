-- Wallets, their keys, what was handed out, what was permitted, used and signed.

-- A wallet: one sealed secret (a mnemonic, or a single key) and what people call it.
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

-- A public node whose children are handed out in order, so that an address costs no look at the secret.
CREATE TABLE wallet_branch (
  namespace TEXT NOT NULL,
  wallet TEXT NOT NULL,
  path TEXT NOT NULL,
  xpub TEXT NOT NULL,
  next BIGINT NOT NULL,
  PRIMARY KEY (namespace, wallet, path)
);

-- Each address that was handed out, and the child that signs for it. A single imported key has the path 'm'.
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

-- Whoever records a signature shares the rows of its wallet, its namespace and the installation; whoever freezes one of them changes its row
-- once the freeze is there for all to see. So a record is seen by the freeze, or sees it. The generations tell caches that what they hold may
-- be over. Subjects: a wallet's id, 'namespace'; and 'installation' and 'keyring' in the namespace '_'.
CREATE TABLE signing_guard (
  namespace TEXT NOT NULL,
  subject TEXT NOT NULL,
  generation BIGINT NOT NULL,
  PRIMARY KEY (namespace, subject)
);

INSERT INTO signing_guard (namespace, subject, generation) VALUES ('_', 'installation', 0), ('_', 'keyring', 0);

-- Subject: a wallet's id, 'namespace', or 'installation' (in the namespace '_'). Level: 0 none, 1 soft (cancels go on), 2 hard.
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

-- A permit that was used or revoked. Uses of one line begin with the root and go on by 'supersedes'; all of a line share the anchor, so that
-- a chain can take at most one of all that was signed under it. A permit that was revoked unused has a row without a use.
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

CREATE UNIQUE INDEX permit_use_supersedes ON permit_use (namespace, supersedes);

-- What a chain lets be used once belongs to one line of permits. The key does not begin with the namespace: should two namespaces hold the
-- same key, the chain still takes its nonce but once.
CREATE TABLE permit_witness (
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  witness TEXT NOT NULL,
  namespace TEXT NOT NULL,
  root TEXT NOT NULL,
  permit TEXT NOT NULL,
  PRIMARY KEY (chain, witness, signer)
);

-- What was signed, in the form in which it is broadcast. Nothing leaves 'keys' but from here.
CREATE TABLE signed_bytes (
  namespace TEXT NOT NULL,
  permit TEXT NOT NULL,
  id TEXT NOT NULL,
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  witness TEXT NOT NULL,
  unsigned_hash BLOB NOT NULL,
  raw BLOB NOT NULL,
  signed_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, permit, id)
);

-- Signatures that another machine or person is asked for. State: waiting, answered, refused.
CREATE TABLE sign_request (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  state TEXT NOT NULL,
  backend TEXT NOT NULL,
  permit TEXT NOT NULL,
  chain TEXT NOT NULL,
  signer TEXT NOT NULL,
  bytes BLOB NOT NULL,
  unsigned_hash BLOB NOT NULL,
  signed_id TEXT,
  note TEXT,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);

CREATE UNIQUE INDEX sign_request_bytes ON sign_request (namespace, permit, unsigned_hash);
CREATE INDEX sign_request_waiting ON sign_request (namespace, backend, state, id);

-- Rotations of the data key, and where the sealing anew stands: with whom who keeps secrets, and behind which row.
CREATE TABLE keyring_rotation (
  version BIGINT NOT NULL,
  state TEXT NOT NULL,
  total BIGINT,
  resealed BIGINT NOT NULL,
  broken BIGINT NOT NULL,
  keeper TEXT NOT NULL,
  position TEXT NOT NULL,
  begun_by TEXT NOT NULL,
  begun_at BIGINT NOT NULL,
  ended_at BIGINT,
  PRIMARY KEY (version)
);
