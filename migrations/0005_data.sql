-- The data model: one table per object type, side tables for labels and declared fields, and balances that transfers update by net delta.
-- Empty text in `chain` and `address` means "none", because they are part of keys. Referenced objects cannot be deleted: the crate checks
-- before it deletes, and foreign keys catch concurrent references from other processes.

CREATE TABLE collection (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  display_name TEXT,
  description TEXT,
  labels TEXT,
  info TEXT,
  PRIMARY KEY (namespace, name)
);
CREATE UNIQUE INDEX collection_id ON collection (namespace, id);
CREATE INDEX collection_created ON collection (namespace, created, id);

CREATE TABLE asset (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  collection_id TEXT,
  units TEXT,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  display_name TEXT,
  description TEXT,
  labels TEXT,
  info TEXT,
  PRIMARY KEY (namespace, name),
  FOREIGN KEY (namespace, collection_id) REFERENCES collection (namespace, id)
);
CREATE UNIQUE INDEX asset_id ON asset (namespace, id);
CREATE INDEX asset_created ON asset (namespace, created, id);
CREATE INDEX asset_collection ON asset (namespace, collection_id);

-- `id` is `<chain>/<address>`. `height` and `block_hash` are those of the first block that included it; NULL if a caller created it.
CREATE TABLE address (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  address TEXT NOT NULL,
  id TEXT NOT NULL,
  contract BIGINT NOT NULL,
  contract_manager TEXT,
  firefly TEXT,
  height BIGINT,
  block_hash TEXT,
  reverted BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  display_name TEXT,
  description TEXT,
  labels TEXT,
  info TEXT,
  PRIMARY KEY (namespace, chain, address)
);
CREATE UNIQUE INDEX address_id ON address (namespace, id);
CREATE INDEX address_address ON address (namespace, address);
CREATE INDEX address_created ON address (namespace, created, id);
CREATE INDEX address_block ON address (chain, height) WHERE height IS NOT NULL;

CREATE TABLE pool (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  address TEXT NOT NULL,
  name TEXT NOT NULL,
  id TEXT NOT NULL,
  standard TEXT,
  asset_id TEXT,
  firefly TEXT,
  -- 0 once a balance has exceeded the 256-bit range.
  trusted BIGINT NOT NULL,
  height BIGINT,
  block_hash TEXT,
  reverted BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  display_name TEXT,
  description TEXT,
  labels TEXT,
  info TEXT,
  PRIMARY KEY (namespace, chain, address, name),
  FOREIGN KEY (namespace, asset_id) REFERENCES asset (namespace, id),
  FOREIGN KEY (namespace, chain, address) REFERENCES address (namespace, chain, address)
);
CREATE UNIQUE INDEX pool_id ON pool (namespace, id);
CREATE INDEX pool_address ON pool (namespace, address);
CREATE INDEX pool_name ON pool (namespace, name);
CREATE INDEX pool_asset ON pool (namespace, asset_id);
CREATE INDEX pool_created ON pool (namespace, created, id);
CREATE INDEX pool_block ON pool (chain, height) WHERE height IS NOT NULL;

CREATE TABLE nft (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  address TEXT NOT NULL,
  name TEXT NOT NULL,
  id TEXT NOT NULL,
  token_index BLOB,
  standard TEXT,
  uri TEXT,
  asset_id TEXT,
  active BIGINT NOT NULL,
  owner TEXT,
  firefly TEXT,
  height BIGINT,
  block_hash TEXT,
  reverted BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  display_name TEXT,
  description TEXT,
  labels TEXT,
  info TEXT,
  PRIMARY KEY (namespace, chain, address, name),
  FOREIGN KEY (namespace, asset_id) REFERENCES asset (namespace, id)
);
CREATE UNIQUE INDEX nft_id ON nft (namespace, id);
CREATE INDEX nft_address ON nft (namespace, address);
CREATE INDEX nft_name ON nft (namespace, name);
CREATE INDEX nft_asset ON nft (namespace, asset_id);
CREATE INDEX nft_owner ON nft (namespace, owner);
CREATE INDEX nft_created ON nft (namespace, created, id);
CREATE INDEX nft_block ON nft (chain, height) WHERE height IS NOT NULL;

CREATE TABLE fragment (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  address TEXT NOT NULL,
  name TEXT NOT NULL,
  id TEXT NOT NULL,
  asset_id TEXT,
  value TEXT,
  value_masked BIGINT NOT NULL,
  value_reference TEXT,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  display_name TEXT,
  description TEXT,
  labels TEXT,
  info TEXT,
  PRIMARY KEY (namespace, chain, address, name),
  FOREIGN KEY (namespace, asset_id) REFERENCES asset (namespace, id)
);
CREATE UNIQUE INDEX fragment_id ON fragment (namespace, id);
CREATE INDEX fragment_address ON fragment (namespace, address);
CREATE INDEX fragment_name ON fragment (namespace, name);
CREATE INDEX fragment_asset ON fragment (namespace, asset_id);
CREATE INDEX fragment_created ON fragment (namespace, created, id);

CREATE TABLE activity (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  -- The sequence number of the next event. Never decreases.
  next_sequence BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  display_name TEXT,
  description TEXT,
  labels TEXT,
  info TEXT,
  PRIMARY KEY (namespace, name)
);
CREATE UNIQUE INDEX activity_id ON activity (namespace, id);
CREATE INDEX activity_created ON activity (namespace, created, id);

CREATE TABLE event (
  namespace TEXT NOT NULL,
  activity_id TEXT NOT NULL,
  name TEXT NOT NULL,
  id TEXT NOT NULL,
  topic TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  parent_type TEXT,
  parent_id TEXT,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  display_name TEXT,
  description TEXT,
  labels TEXT,
  info TEXT,
  PRIMARY KEY (namespace, activity_id, name),
  FOREIGN KEY (namespace, activity_id) REFERENCES activity (namespace, id)
);
CREATE UNIQUE INDEX event_id ON event (namespace, id);
CREATE UNIQUE INDEX event_sequence ON event (namespace, activity_id, sequence);
CREATE INDEX event_name ON event (namespace, name);
CREATE INDEX event_topic ON event (namespace, topic);
CREATE INDEX event_parent ON event (namespace, parent_id);
CREATE INDEX event_created ON event (namespace, created, id);

CREATE TABLE data (
  namespace TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  uri TEXT,
  role TEXT,
  transaction_hash TEXT,
  firefly TEXT,
  parent_type TEXT,
  parent_id TEXT,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  display_name TEXT,
  description TEXT,
  labels TEXT,
  info TEXT,
  PRIMARY KEY (namespace, name)
);
CREATE UNIQUE INDEX data_id ON data (namespace, id);
CREATE INDEX data_parent ON data (namespace, parent_id);
CREATE INDEX data_created ON data (namespace, created, id);

-- A chain transfer is identified by (chain, transaction_id, path). `protocol_id` is its current position, unique only among rows that are
-- not reverted. Transfers written by callers have an empty transaction_id and block_hash; their path is their id.
CREATE TABLE transfer (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  path TEXT NOT NULL,
  block_hash TEXT NOT NULL,
  id TEXT NOT NULL,
  protocol_id TEXT NOT NULL,
  position TEXT NOT NULL,
  type TEXT,
  from_address TEXT,
  to_address TEXT,
  signer TEXT,
  amount BLOB,
  transaction_hash TEXT,
  firefly TEXT,
  parent_type TEXT NOT NULL,
  parent_id TEXT NOT NULL,
  -- The emitting contract and the batch that inserted the row; never changed. NULL for transfers written by callers.
  source TEXT,
  batch TEXT,
  -- 1 if the balance changes were given explicitly; otherwise they are derived from the transfer.
  explicit BIGINT NOT NULL,
  height BIGINT,
  block_time BIGINT,
  reverted BIGINT NOT NULL,
  version BIGINT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  display_name TEXT,
  description TEXT,
  labels TEXT,
  info TEXT,
  PRIMARY KEY (namespace, chain, transaction_id, path, block_hash)
);
CREATE UNIQUE INDEX transfer_live ON transfer (namespace, id) WHERE reverted = 0;
CREATE INDEX transfer_reverted ON transfer (namespace, id) WHERE reverted = 1;
CREATE UNIQUE INDEX transfer_protocol ON transfer (namespace, protocol_id, chain) WHERE reverted = 0;
CREATE INDEX transfer_from ON transfer (namespace, from_address, parent_id, position);
CREATE INDEX transfer_to ON transfer (namespace, to_address, parent_id, position);
CREATE INDEX transfer_parent ON transfer (namespace, parent_id, position);
CREATE INDEX transfer_hash ON transfer (namespace, transaction_hash) WHERE transaction_hash IS NOT NULL;
CREATE INDEX transfer_created ON transfer (namespace, created, id);
CREATE INDEX transfer_block ON transfer (chain, height) WHERE height IS NOT NULL;

-- Explicit changes only. `direction` is 1 or -1.
CREATE TABLE balance_change (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  path TEXT NOT NULL,
  block_hash TEXT NOT NULL,
  change_index BIGINT NOT NULL,
  address TEXT NOT NULL,
  direction BIGINT NOT NULL,
  amount BLOB NOT NULL,
  PRIMARY KEY (namespace, chain, transaction_id, path, block_hash, change_index)
);
CREATE INDEX balance_change_address ON balance_change (namespace, address);

-- The changes of all counted transfers, explicit or derived.
CREATE VIEW transfer_change AS
  SELECT namespace, chain, id AS transfer_id, 0 AS change_index, from_address AS address, -1 AS direction, amount,
         parent_type, parent_id, position, height
    FROM transfer
   WHERE reverted = 0 AND explicit = 0 AND amount IS NOT NULL AND from_address IS NOT NULL
     AND from_address NOT IN ('', '0x0000000000000000000000000000000000000000')
  UNION ALL
  SELECT namespace, chain, id, 1, to_address, 1, amount, parent_type, parent_id, position, height
    FROM transfer
   WHERE reverted = 0 AND explicit = 0 AND amount IS NOT NULL AND to_address IS NOT NULL
     AND to_address NOT IN ('', '0x0000000000000000000000000000000000000000')
  UNION ALL
  SELECT t.namespace, t.chain, t.id, c.change_index, c.address, c.direction, c.amount, t.parent_type, t.parent_id, t.position, t.height
    FROM balance_change c
    JOIN transfer t ON t.namespace = c.namespace AND t.chain = c.chain AND t.transaction_id = c.transaction_id
                   AND t.path = c.path AND t.block_hash = c.block_hash
   WHERE t.reverted = 0 AND t.explicit = 1;

-- The total of an address in a pool or NFT over all transfers that are not reverted. The final part is computed on read.
CREATE TABLE balance (
  namespace TEXT NOT NULL,
  chain TEXT NOT NULL,
  address TEXT NOT NULL,
  parent_id TEXT NOT NULL,
  parent_type TEXT NOT NULL,
  id TEXT NOT NULL,
  quantity BLOB NOT NULL,
  version BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  PRIMARY KEY (namespace, chain, address, parent_id)
);
CREATE UNIQUE INDEX balance_id ON balance (namespace, id);
CREATE INDEX balance_address ON balance (namespace, address);
CREATE INDEX balance_parent ON balance (namespace, parent_id, chain, address);
CREATE INDEX balance_quantity ON balance (namespace, parent_id, quantity);
CREATE INDEX balance_updated ON balance (namespace, updated, id);

CREATE TABLE label (
  namespace TEXT NOT NULL,
  type TEXT NOT NULL,
  object_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (namespace, type, object_id, key)
);
CREATE INDEX label_value ON label (namespace, type, key, value);

-- Declared fields: the type, the path and how its values are compared. Only these paths can be filtered without reading the objects.
CREATE TABLE metadata_field (
  namespace TEXT NOT NULL,
  type TEXT NOT NULL,
  path TEXT NOT NULL,
  value_type TEXT NOT NULL,
  -- 1 once the objects that existed before the declaration are indexed.
  ready BIGINT NOT NULL,
  PRIMARY KEY (namespace, type, path)
);

-- Either text_value or number_value is set, by the field's value type. A text above 256 bytes is stored as its hash, and `hashed` is 1.
CREATE TABLE metadata_value (
  namespace TEXT NOT NULL,
  type TEXT NOT NULL,
  path TEXT NOT NULL,
  object_id TEXT NOT NULL,
  text_value TEXT,
  number_value BLOB,
  hashed BIGINT NOT NULL,
  PRIMARY KEY (namespace, type, object_id, path)
);
CREATE INDEX metadata_text ON metadata_value (namespace, type, path, text_value);
CREATE INDEX metadata_number ON metadata_value (namespace, type, path, number_value);
