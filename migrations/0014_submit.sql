-- The authority of a submission, and under which permit each of its transactions was signed.

-- The hash of the standing set that its permit is good for.
ALTER TABLE submission ADD COLUMN standing BLOB;
-- The API key of its initiator: what the key submitted ends with it.
ALTER TABLE submission ADD COLUMN initiator_key TEXT;
CREATE INDEX submission_initiator_key ON submission (namespace, initiator_key, state) WHERE initiator_key IS NOT NULL;

-- NULL in rows of earlier releases: the permit of the submission.
ALTER TABLE submission_transaction ADD COLUMN permit TEXT;
-- The new permit, as JSON, where the submission was decided again for this request.
ALTER TABLE submission_request ADD COLUMN renewal TEXT;
