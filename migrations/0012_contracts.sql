-- The contract registry: what a controller registered, and what the chain said of it at a final
-- block. The column `contract.standard` is not used any more.

ALTER TABLE contract ADD COLUMN name TEXT;
-- A JSON list.
ALTER TABLE contract ADD COLUMN standards TEXT NOT NULL DEFAULT '[]';
-- Keccak-256, hexadecimal with 0x, as are all hashes of code.
ALTER TABLE contract ADD COLUMN code_hash TEXT;
-- How a proxy names its implementation, and what that is.
ALTER TABLE contract ADD COLUMN proxy TEXT;
ALTER TABLE contract ADD COLUMN implementation TEXT;
ALTER TABLE contract ADD COLUMN implementation_code_hash TEXT;
ALTER TABLE contract ADD COLUMN decimals BIGINT;
ALTER TABLE contract ADD COLUMN symbol TEXT;
-- The token that a vault holds (ERC-4626).
ALTER TABLE contract ADD COLUMN underlying TEXT;
-- The height of the final block that this was read at.
ALTER TABLE contract ADD COLUMN verified_height BIGINT;
-- Why it is not trusted until a controller accepts it: code or implementation differ.
ALTER TABLE contract ADD COLUMN changed TEXT;
-- NULL for a contract that is only mentioned.
ALTER TABLE contract ADD COLUMN registered_by TEXT;
ALTER TABLE contract ADD COLUMN registered_at BIGINT;
ALTER TABLE contract ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX contract_name ON contract (namespace, name) WHERE name IS NOT NULL;

-- To find what refers to a contract.
CREATE INDEX binding_contract ON binding (namespace, contract) WHERE contract IS NOT NULL;
CREATE INDEX projection_scope_contract ON projection_scope (namespace, contract) WHERE contract IS NOT NULL;

-- The hash of the interface that the caller gave, in contract_interface. New rows do not use the
-- column `submission.interface`.
ALTER TABLE submission ADD COLUMN interface_hash BLOB;
