-- The standing set of a decision, and the permits, to find and list them.

-- NULL in decisions of earlier releases, whose permits are decided again before they are used.
ALTER TABLE decision ADD COLUMN standing BLOB;
ALTER TABLE decision ADD COLUMN permit_id TEXT;
ALTER TABLE decision ADD COLUMN permit_until BIGINT;

CREATE INDEX decision_permit ON decision (namespace, permit_id) WHERE permit_id IS NOT NULL;
CREATE INDEX decision_permit_until ON decision (namespace, permit_until) WHERE permit_until IS NOT NULL;
