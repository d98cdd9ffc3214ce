-- Namespaces (tenants) and their API keys.

CREATE TABLE namespace (
  name TEXT NOT NULL,
  default_chain TEXT,
  created_at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (name)
);

-- Stores only the hash of a key's secret.
CREATE TABLE api_key (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  roles TEXT NOT NULL,
  secret_hash BLOB NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  version BIGINT NOT NULL,
  PRIMARY KEY (namespace, id)
);
CREATE UNIQUE INDEX api_key_id ON api_key (id);
CREATE INDEX api_key_listing ON api_key (namespace, created_at);
