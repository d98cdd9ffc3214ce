-- The authority of a statement.

-- The hash of the standing set that its permit is good for.
ALTER TABLE statement ADD COLUMN standing BLOB;
-- The API key of its initiator: what is requested with the key ends with it.
ALTER TABLE statement ADD COLUMN initiator_key TEXT;
CREATE INDEX statement_initiator_key ON statement (namespace, initiator_key, state) WHERE initiator_key IS NOT NULL;
