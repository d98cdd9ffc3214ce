-- Lists that policies look up: accounts that may be paid, calls that may be made.

-- A list is never deleted, because its cooling time would go with it.
CREATE TABLE policy_list (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  description TEXT NOT NULL,
  -- How long a new entry waits before it counts.
  cooling_ms BIGINT NOT NULL,
  -- A shorter cooling time, and when it applies; NULL if there is none.
  shorter_ms BIGINT,
  shorter_from BIGINT,
  entries BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);

CREATE UNIQUE INDEX policy_list_name ON policy_list (namespace, name);

CREATE TABLE policy_list_entry (
  namespace TEXT NOT NULL,
  list TEXT NOT NULL,
  id TEXT NOT NULL,
  chain TEXT NOT NULL,
  -- In the chain's canonical form.
  address TEXT NOT NULL,
  -- Empty in a list of accounts.
  selector TEXT NOT NULL,
  -- As given by the caller; NULL if the selector was given.
  signature TEXT,
  note TEXT NOT NULL,
  added_at BIGINT NOT NULL,
  added_by TEXT NOT NULL,
  -- Counts from then on.
  active_at BIGINT NOT NULL,
  PRIMARY KEY (namespace, list, id),
  UNIQUE (namespace, list, chain, address, selector)
);
