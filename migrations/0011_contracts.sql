-- What a namespace knows of the contracts on its chains, and their interfaces.

CREATE TABLE contract (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  chain TEXT NOT NULL,
  -- In the chain's canonical form.
  address TEXT NOT NULL,
  -- NULL until registered.
  standard TEXT,
  -- The hash of a contract_interface; NULL until registered.
  interface BLOB,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id),
  UNIQUE (namespace, chain, address)
);

-- Insert-only, once per namespace and exact text. Namespaces share no row, so that none learns
-- which interfaces another has.
CREATE TABLE contract_interface (
  namespace TEXT NOT NULL,
  hash BLOB NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (namespace, hash)
);
