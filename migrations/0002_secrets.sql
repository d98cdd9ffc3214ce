-- The keyring: the data keys that encrypt secrets, and their rotations.

-- Data keys, wrapped by the master key. The newest version of a name encrypts; older ones only decrypt.
CREATE TABLE data_key (
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  fingerprint BLOB NOT NULL, -- a hash of the data key, to compare keys without revealing them
  wrapped BLOB NOT NULL,
  wrapping TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  -- Since when nothing is encrypted under it any more.
  retired_at BIGINT,
  PRIMARY KEY (name, version)
);

-- The generation counts the changes of a keyring: rotations, and changes of the master key. Of two
-- concurrent changes one fails, and caches of decrypted values know when to drop their content.
CREATE TABLE keyring (
  name TEXT NOT NULL,
  generation BIGINT NOT NULL,
  PRIMARY KEY (name)
);

-- Rotations of the data key, with the progress of the re-encryption: the current target and the
-- position within it.
CREATE TABLE keyring_rotation (
  version BIGINT NOT NULL,
  state TEXT NOT NULL,
  total BIGINT,
  reencrypted BIGINT NOT NULL,
  broken BIGINT NOT NULL,
  target TEXT NOT NULL,
  position TEXT NOT NULL,
  begun_by TEXT NOT NULL,
  begun_at BIGINT NOT NULL,
  ended_at BIGINT,
  PRIMARY KEY (version)
);
